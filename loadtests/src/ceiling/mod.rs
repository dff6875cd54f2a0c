//! What could be reached at best: a bare server that parses the same JSON, does the same number of Redis round trips, and
//! answers. No actors, no rules, no recovery.

mod compare;
mod server;

pub use compare::measure;
pub use server::serve;
