//! The store on Redis: its data sets, and what only a server can do.

use std::error::Error;

use crate::{
    harness::{Case, Fixture},
    redis_server::RedisServer,
};

/// An empty server of its own.
pub fn fixture() -> Result<Fixture, Box<dyn Error>> {
    let server = RedisServer::start(&[])?;
    Ok(Fixture { url: server.url(), _keep: Box::new(server) })
}

pub fn cases() -> Vec<Case> {
    vec![]
}
