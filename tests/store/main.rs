//! The one contract suite, run against every adapter of the store port, and each adapter's own tests.
//!
//! `cargo test --test store sqlite` runs one adapter's part. A test has a data set of its own.

mod harness;
mod redis;
#[path = "../support/redis_server.rs"]
mod redis_server;
mod sqlite;
mod suite;

use std::process::ExitCode;

use harness::{Adapter, trial};
use libtest_mimic::Arguments;

fn main() -> ExitCode {
    if let Some(url) = suite::writing_child::url() {
        return suite::writing_child::run(&url);
    }
    let adapters: [(&str, Adapter, Vec<harness::Case>); 2] =
        [("redis", redis::fixture, redis::cases()), ("sqlite", sqlite::fixture, sqlite::cases())];
    let mut trials = Vec::new();
    for (name, adapter, own) in adapters {
        trials.extend(suite::cases().into_iter().chain(own).map(|case| trial(name, adapter, case)));
    }
    libtest_mimic::run(&Arguments::from_args(), trials).exit_code()
}
