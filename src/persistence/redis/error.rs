//! What Redis's errors mean to someone who wanted a commit or a snapshot.
//!
//! A reply, whatever it says, means that the outcome is known. No reply means that it is not.

use std::time::Duration;

use redis::{ErrorKind, RedisError, ServerError};

use crate::actors::ports::store::StoreError;

/// When it is worth asking a Redis again that cannot serve now.
pub(super) const RETRY_AFTER: Duration = Duration::from_secs(1);

/// Redis before 7 wraps what a script's command was told: these are looked for inside.
const WRAPPED: [&str; 5] = ["OOM", "READONLY", "MISCONF", "NOREPLICAS", "WRONGTYPE"];

/// What the server's refusal of a command means: nothing was written by it.
pub(super) fn refused(error: &ServerError) -> StoreError {
    let said = format!("redis said {} {}", error.code(), error.details().unwrap_or_default());
    let hint = match code(error) {
        "CORRUPT" | "WRONGTYPE" => return StoreError::Corrupt { reason: said },
        "READONLY" => "it is a replica now",
        "LOADING" => "it is loading its data",
        "OOM" => "it is out of memory: raise maxmemory or free some",
        "MISCONF" => "it cannot persist: see its log and its disk",
        "NOREPLICAS" => "it has too few replicas to accept writes",
        "BUSY" => "a script of someone else's is blocking it",
        "MASTERDOWN" => "it is a replica whose master is down",
        "NOAUTH" | "WRONGPASS" => "it wants another user or password",
        "NOPERM" => "its user may not do this",
        "MOVED" | "ASK" | "CROSSSLOT" | "CLUSTERDOWN" | "TRYAGAIN" => {
            "it is a node of a Redis Cluster: name a single Redis or its sentinels"
        }
        _ => return unavailable(said),
    };
    unavailable(format!("{hint} ({said})"))
}

/// What the failure of a request means that could not have written anything.
pub(super) fn nothing_written(error: &RedisError) -> StoreError {
    if let Some(error) = server_error(error) {
        return refused(&error);
    }
    match error.kind() {
        ErrorKind::Parse | ErrorKind::UnexpectedReturnType => StoreError::Corrupt { reason: error.to_string() },
        ErrorKind::AuthenticationFailed => unavailable(format!("it wants another user or password ({error})")),
        _ => unavailable(error.to_string()),
    }
}

/// What the failure of a whole group means: without a reply, anything may be there.
pub(super) fn of_group(error: &RedisError) -> StoreError {
    match server_error(error) {
        Some(error) => refused(&error),
        None => StoreError::Unknown { reason: error.to_string() },
    }
}

/// Whether the server's refusal is about this connection or this server, so that another may do what it would not.
pub(super) fn wants_another_server(error: &ServerError) -> bool {
    matches!(code(error), "READONLY" | "MASTERDOWN" | "NOAUTH" | "NOREPLICAS")
}

/// Whether the connection is of no more use after an error.
pub(super) fn breaks_connection(error: &RedisError) -> bool {
    server_error(error).is_none_or(|error| wants_another_server(&error))
}

/// Not now, but soon.
pub(super) fn unavailable(reason: String) -> StoreError {
    StoreError::Unavailable { reason, retry_after: RETRY_AFTER }
}

fn server_error(error: &RedisError) -> Option<ServerError> {
    let errors = error.clone().into_server_errors()?;
    errors.first().map(|(_, error)| error.clone())
}

fn code(error: &ServerError) -> &str {
    let detail = error.details().unwrap_or_default();
    let wrapped = WRAPPED.into_iter().find(|code| error.code() == "ERR" && detail.contains(&format!("-{code} ")));
    wrapped.unwrap_or(error.code())
}
