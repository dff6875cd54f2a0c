//! Asks a server about itself before it is used: its role, its `run_id`, and the id that it gives the
//! connection.
//!
//! A replica answers with what it had some time ago, so a connection to one is of no use. A server that does not name
//! itself or the connection is not used either: without the names nobody can tell whether reading and writing lead to
//! the same server, or end a connection that was given up.

use redis::{ErrorKind, InfoDict, RedisError, Value, aio::MultiplexedConnection, from_redis_value_ref, pipe};

/// A connection to a master, and what it takes to name both.
pub(super) struct Greeted {
    pub connection: MultiplexedConnection,
    /// Names the server process: another after each start, and for each server of a failover.
    pub run_id: String,
    /// Names the connection; the server process never uses a name twice.
    pub client_id: u64,
}

/// Asks a server after the connection to it was made.
pub(super) async fn greet(mut connection: MultiplexedConnection) -> Result<Greeted, RedisError> {
    let mut request = pipe();
    request.cmd("ROLE").cmd("CLIENT").arg("ID").cmd("INFO").arg("server");
    let (role, client_id, info): (Value, u64, InfoDict) = request.query_async(&mut connection).await?;
    must_be_master(&role)?;
    let run_id = info.get::<String>("run_id").ok_or_else(|| unusable("INFO server has no run_id"))?;
    Ok(Greeted { connection, run_id, client_id })
}

fn must_be_master(role: &Value) -> Result<(), RedisError> {
    let name = match role {
        Value::Array(parts) => parts.first().and_then(|name| from_redis_value_ref::<String>(name).ok()),
        _ => None,
    };
    match name.as_deref() {
        Some("master") => Ok(()),
        Some("slave") => Err(unusable("it is a replica, not a master")),
        Some(other) => Err(unusable(&format!("it is a {other}, not a master"))),
        None => Err(unusable("ROLE names no role")),
    }
}

fn unusable(reason: &str) -> RedisError {
    (ErrorKind::Client, "the server cannot be used", reason.to_owned()).into()
}
