//! The `callout` binary.

use std::process::ExitCode;

fn main() -> ExitCode {
    callout::app::main()
}
