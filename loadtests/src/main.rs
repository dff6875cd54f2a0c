//! The load generator of callout. Only starts what the command line asks for.

use std::process::ExitCode;

use clap::Parser as _;

/// The client shares the machine with what it measures; it makes many small things, and this one makes them faster.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    loadtests::cli::main(loadtests::cli::Args::parse())
}
