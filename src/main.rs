//! The `callout` binary: runs a command line, and exits with its code.

use std::process::ExitCode;

/// Half of what a request costs here is small allocations on several threads, which the system's allocator is slow at.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    callout::app::main()
}
