//! My Page: a person's calls and what it was told, from the read model.

pub(super) mod calls;
pub(super) mod notifications;
pub(super) mod show;
