//! The runtime: entity actors and their supervision, dispatch, the payment guard, and the ports they need.

pub mod backoff;
pub mod boards;
mod cause;
pub mod dispatcher;
mod doubts;
mod drain;
mod engine;
pub mod entity;
mod eta;
mod fence;
pub mod guard;
pub mod hub;
mod kinds;
pub mod ops;
pub mod ports;
mod sealing;
mod settings;
pub mod supervision;
mod timers;
mod world;

pub use cause::Cause;
pub use engine::{CallError, Engine, EngineParts, EngineSettings, LostPayment, StartError};
pub use fence::{Fence, Standing};
pub use ops::Ops;
pub use settings::ActorSettings;
pub use world::{Repeats, World};
