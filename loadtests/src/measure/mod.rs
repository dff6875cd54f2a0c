//! What is measured while the load runs, and what it comes to afterwards.

mod process;
mod recorder;
mod summary;

pub use process::{Usage, machine_busy_s, usage};
pub use recorder::{Outcome, Recorder, Snapshot};
pub use summary::{Ceiling, Latency, Second, StepSummary, Summary};
