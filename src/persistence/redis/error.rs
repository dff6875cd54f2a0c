//! Maps Redis's errors to the errors of the store port.
//!
//! A reply, whatever it says, means that the outcome is known. No reply means that it is not.

use std::time::Duration;

use redis::{ErrorKind, RedisError, ServerError};

use crate::actors::ports::store::StoreError;

/// When it is worth asking a Redis again that cannot serve now.
pub(super) const RETRY_AFTER: Duration = Duration::from_secs(1);

/// Redis before 7 wraps what a script's command was told: these are looked for inside.
const WRAPPED: [&str; 5] = ["OOM", "READONLY", "MISCONF", "NOREPLICAS", "WRONGTYPE"];

/// The store's error for a command that the server refused: it wrote nothing.
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

/// The store's error for a failed request that cannot have written anything.
pub(super) fn nothing_written(error: &RedisError) -> StoreError {
    if let Some(error) = server_error(error) {
        return refused(&error);
    }
    match error.kind() {
        ErrorKind::UnexpectedReturnType => StoreError::Corrupt { reason: error.to_string() },
        ErrorKind::AuthenticationFailed => unavailable(format!("it wants another user or password ({error})")),
        _ => unavailable(error.to_string()),
    }
}

/// The store's error for a group that failed as a whole: without a reply, each of its commits may have been written.
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

#[cfg(test)]
mod tests {
    use redis::Value;

    use super::*;

    fn said(reply: &str) -> Result<ServerError, RedisError> {
        match redis::parse_redis_value(format!("-{reply}\r\n").as_bytes())? {
            Value::ServerError(error) => Ok(error),
            other => panic!("{reply} was read as {other:?}"),
        }
    }

    #[test]
    fn a_refusal_has_written_nothing_and_says_why() -> Result<(), RedisError> {
        for (reply, hint) in [
            ("READONLY You can't write against a read only replica.", "it is a replica now"),
            ("LOADING Redis is loading the dataset in memory", "it is loading its data"),
            ("OOM command not allowed when used memory > 'maxmemory'.", "it is out of memory"),
            ("ERR Error running script: @user_script:1: -OOM command not allowed", "it is out of memory"),
            ("MISCONF Errors writing to the AOF file: No space left on device", "it cannot persist"),
            ("NOREPLICAS Not enough good replicas to write.", "it has too few replicas"),
            ("BUSY Redis is busy running a script.", "a script of someone else's"),
            ("MASTERDOWN Link with MASTER is down", "it is a replica whose master is down"),
            ("NOAUTH Authentication required.", "it wants another user"),
            ("WRONGPASS invalid username-password pair", "it wants another user"),
            ("NOPERM this user has no permissions", "its user may not do this"),
            ("MOVED 3999 127.0.0.1:6381", "it is a node of a Redis Cluster"),
            ("ASK 3999 127.0.0.1:6381", "it is a node of a Redis Cluster"),
            ("CLUSTERDOWN Hash slot not served", "it is a node of a Redis Cluster"),
            ("ERR something new", "redis said ERR something new"),
        ] {
            let StoreError::Unavailable { reason, .. } = refused(&said(reply)?) else { panic!("{reply}") };
            assert!(reason.starts_with(hint), "{reply}: {reason}");
        }
        Ok(())
    }

    #[test]
    fn what_only_a_person_can_mend_is_corrupt() -> Result<(), RedisError> {
        for reply in ["WRONGTYPE Operation against a key", "CORRUPT the snapshot at k is not an envelope of schema 1"] {
            assert!(matches!(refused(&said(reply)?), StoreError::Corrupt { .. }), "{reply}");
        }
        Ok(())
    }

    #[test]
    fn only_a_missing_reply_leaves_the_outcome_open() -> Result<(), RedisError> {
        let timed_out = RedisError::from(std::io::Error::from(std::io::ErrorKind::TimedOut));
        assert!(matches!(of_group(&timed_out), StoreError::Unknown { .. }));
        assert!(matches!(nothing_written(&timed_out), StoreError::Unavailable { .. }));
        assert!(breaks_connection(&timed_out));
        assert!(wants_another_server(&said("READONLY You can't write against a read only replica.")?));
        assert!(!wants_another_server(&said("LOADING Redis is loading the dataset in memory")?));
        Ok(())
    }
}
