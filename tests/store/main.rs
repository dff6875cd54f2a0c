//! The one contract suite, run against every adapter of the store port, and each adapter's own tests.
//!
//! `cargo test --test store sqlite` runs one adapter's part. A test has a data set of its own.

mod harness;
#[path = "../support/proxy.rs"]
mod proxy;
mod redis;
#[path = "../support/redis_server.rs"]
mod redis_server;
mod sqlite;
mod suite;

use std::process::ExitCode;

use libtest_mimic::Arguments;

fn main() -> ExitCode {
    if let Some(url) = suite::writing_child::url() {
        return suite::writing_child::run(&url);
    }
    let trials = [redis::trials(), sqlite::trials()].into_iter().flatten().collect();
    libtest_mimic::run(&Arguments::from_args(), trials).exit_code()
}
