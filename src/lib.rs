//! callout: an actor-based reactive backend for on-demand services.
//!
//! `domain` says what is true, `actors` keeps it true under failure, the rest connects it to the world.
//! `ARCHITECTURE.md` is the map.

pub mod actors;
pub mod app;
pub mod claim;
pub mod cli;
pub mod clock;
pub mod config;
pub mod domain;
pub mod gateway;
pub mod http;
pub mod notify;
pub mod open_file;
pub mod outbound;
pub mod persistence;
pub mod readmodel;
pub mod routing;
pub mod settings;
pub mod sqlite_copy;
pub mod telemetry;
pub mod vault;
