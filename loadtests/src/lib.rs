//! A load generator for callout: scenarios are data, latency is measured from the intended start, and what was
//! answered is checked afterwards. It speaks only the public interface and shares no code with the server.

pub mod ceiling;
pub mod check;
pub mod cli;
pub mod clock;
pub mod measure;
pub mod report;
pub mod run;
pub mod scenario;
pub mod schedule;
pub mod target;
pub mod thresholds;
pub mod trace;
pub mod wire;
pub mod work;
