//! The server is killed at any moment, under a load of real lifecycles, and started again: nothing that was answered is
//! lost, nothing is charged twice, nobody holds two calls, and every deadline fires.

#[path = "../service/harness/mod.rs"]
#[allow(dead_code, unused_imports, reason = "the service tests use the rest of it")]
mod harness;

mod check;
mod deadlines;
mod kill;
mod load;
mod promises;
#[path = "../support/proxy.rs"]
#[allow(dead_code, reason = "the store tests use the rest of it")]
mod proxy;
mod read_model;
mod redis;
#[path = "../support/redis_server.rs"]
mod redis_server;
mod unreadable;
