//! A connection that is made anew when it broke. It never repeats a request: only the caller knows what that means.

use std::time::Duration;

use metrics::Counter;
use redis::{RedisError, aio::MultiplexedConnection, cmd};
use tokio::{sync::Mutex, time::Instant};

use super::{address::Address, error};
use crate::actors::ports::store::StoreError;

/// How long to leave a server alone that refused or dropped us: doubled each time.
const BACKOFF: (Duration, Duration) = (Duration::from_millis(25), Duration::from_secs(1));

/// A connection to the server, made when it is first needed and again when it broke.
pub(super) struct Link {
    address: Address,
    response_timeout: Duration,
    state: Mutex<State>,
    connects: Counter,
}

struct State {
    connection: Option<MultiplexedConnection>,
    /// Counts the connections made, so that an old one's failure does not break the new one.
    generation: u64,
    /// This end's address as the server sees it.
    known_as: Option<String>,
    backoff: Duration,
    not_before: Instant,
    /// Why there is no connection.
    reason: String,
    closed: bool,
}

/// A connection, and which one it is.
pub(super) struct Connected {
    pub connection: MultiplexedConnection,
    generation: u64,
}

impl Link {
    pub fn new(address: Address, response_timeout: Duration, purpose: &'static str) -> Self {
        let state = State {
            connection: None,
            generation: 0,
            known_as: None,
            backoff: BACKOFF.0,
            not_before: Instant::now(),
            reason: String::new(),
            closed: false,
        };
        let connects = metrics::counter!("callout_store_connects_total", "purpose" => purpose);
        Self { address, response_timeout, state: Mutex::new(state), connects }
    }

    /// The connection; made now when there is none.
    pub async fn get(&self) -> Result<Connected, StoreError> {
        let mut state = self.state.lock().await;
        if state.closed {
            return Err(error::unavailable("the store is closed".to_owned()));
        }
        if let Some(connection) = &state.connection {
            return Ok(Connected { connection: connection.clone(), generation: state.generation });
        }
        let now = Instant::now();
        if state.not_before > now {
            let reason = format!("not connected to {}: {}", self.address.shown(), state.reason);
            return Err(StoreError::Unavailable { reason, retry_after: state.not_before - now });
        }
        match self.connect(&mut state).await {
            Ok(connection) => {
                state.connection = Some(connection.clone());
                state.generation += 1;
                Ok(Connected { connection, generation: state.generation })
            }
            Err(error) => {
                state.wait(error.to_string());
                tracing::warn!(redis = self.address.shown(), %error, "cannot connect to the store");
                Err(error::nothing_written(&error))
            }
        }
    }

    /// Runs a request that writes nothing, or whose writing may be repeated.
    pub async fn ask<T: redis::FromRedisValue>(&self, request: &redis::Pipeline) -> Result<T, StoreError> {
        let mut connected = self.get().await?;
        match request.query_async(&mut connected.connection).await {
            Ok(answer) => {
                self.works().await;
                Ok(answer)
            }
            Err(error) => {
                if error::breaks_connection(&error) {
                    self.broken(&connected, &error).await;
                }
                Err(error::nothing_written(&error))
            }
        }
    }

    /// Gives up a connection: the next request makes another.
    pub async fn broken(&self, connected: &Connected, why: &(dyn std::fmt::Display + Sync)) {
        let mut state = self.state.lock().await;
        if state.generation == connected.generation && state.connection.take().is_some() {
            tracing::warn!(redis = self.address.shown(), error = %why, "the connection to the store is given up");
            state.wait(why.to_string());
        }
    }

    /// Forgets earlier failures.
    pub async fn works(&self) {
        self.state.lock().await.backoff = BACKOFF.0;
    }

    /// Closes the connection for good.
    pub async fn close(&self) {
        let mut state = self.state.lock().await;
        state.closed = true;
        state.connection = None;
    }

    async fn connect(&self, state: &mut State) -> Result<MultiplexedConnection, RedisError> {
        self.connects.increment(1);
        let mut connection = self.address.connect(self.response_timeout).await?;
        let info: String = cmd("CLIENT").arg("INFO").query_async(&mut connection).await.unwrap_or_default();
        let known_as = info.split(' ').find_map(|part| part.strip_prefix("addr=")).map(str::to_owned);
        if let Some(former) = state.known_as.take().filter(|former| Some(former) != known_as.as_ref()) {
            // What the former connection sent and the server has not read yet must not be executed behind our back.
            // That it is gone already is the usual answer.
            let kill = cmd("CLIENT").arg("KILL").arg("ADDR").arg(former).to_owned();
            let _: Result<redis::Value, _> = kill.query_async(&mut connection).await;
        }
        state.known_as = known_as;
        Ok(connection)
    }
}

impl State {
    fn wait(&mut self, reason: String) {
        self.reason = reason;
        self.not_before = Instant::now() + self.backoff;
        self.backoff = (self.backoff * 2).min(BACKOFF.1);
    }
}
