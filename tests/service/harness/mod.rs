//! Runs the real server as a child process and speaks to it as its clients do: HTTP and WebSocket, nothing else.
//!
//! Knows the public interface only; it must not import the implementation, so that the tests prove what a client sees.

mod chance;
mod client;
mod contract;
mod knobs;
mod log;
mod ops;
mod server;
mod services;
mod setup;
mod store;
mod token;
mod wait;
mod world;
mod ws;

pub use chance::{Chance, rounds, seed};
pub use client::{Client, Reply};
pub use contract::Contract;
pub use knobs::{DRIVER_CALL, Knob};
pub use server::{Server, free_port};
pub use setup::Setup;
pub use token::{Claims, mint};
pub use wait::{eventually, pause};
pub use world::{BUSAN, GANGNAM, SEOUL_STATION, call_named_by, id_of, place, trip, trip_paid_with};
pub use ws::Socket;
