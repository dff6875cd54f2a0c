//! The `callout` binary.
fn main() {}
