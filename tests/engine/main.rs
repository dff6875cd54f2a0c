//! The engine without a front end: supervision, recovery and races that are hard to bring about from outside.

mod lifecycle;
mod supervision;
mod support;
