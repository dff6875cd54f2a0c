//! My Page: a person's calls and what it was told, from the read model; and a customer's profile and debts, from its
//! account.

mod audience;
pub(super) mod calls;
pub(super) mod change;
pub(super) mod notifications;
pub(super) mod read;
pub(super) mod show;
