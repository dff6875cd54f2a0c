//! The load generator of callout. Only starts what the command line asks for.

use std::process::ExitCode;

use clap::Parser as _;

fn main() -> ExitCode {
    loadtests::cli::main(loadtests::cli::Args::parse())
}
