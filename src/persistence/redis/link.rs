//! A connection that is made anew when it broke. It never repeats a request: only the caller knows what that means.
//!
//! There are two, one to write and one to read. The one that writes decides which server is the
//! store; the other follows.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use metrics::Counter;
use redis::{ErrorKind, Pipeline, RedisError, Value, aio::MultiplexedConnection, cmd};
use tokio::{sync::Mutex, time::Instant};

use super::{address::Address, current::CurrentServer, error, greeting::Greeted, losses::Losses};
use crate::actors::ports::store::StoreError;

/// How long to leave a server alone that refused or dropped us: doubled each time.
const BACKOFF: (Duration, Duration) = (Duration::from_millis(25), Duration::from_secs(1));

/// Connections remembered that were given up and not ended yet. More are only reached by servers that were replaced,
/// each with its own.
const GIVEN_UP_MAX: usize = 16;

/// The purpose of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    /// Commits, and whatever else is written or must be asked where writes go.
    Write,
    /// Snapshots, deadlines and events, from the server that takes the writes.
    Read,
}

/// A connection to the server, made when it is first needed and again when it broke.
pub(super) struct Link {
    address: Address,
    response_timeout: Duration,
    purpose: Purpose,
    current: Arc<CurrentServer>,
    losses: Arc<Losses>,
    state: Mutex<State>,
    connects: Counter,
}

struct State {
    connection: Option<Greeted>,
    /// Counts the connections made, so that an old one's failure does not break the new one.
    generation: u64,
    /// Connections whose server may still read what they carry.
    given_up: VecDeque<GivenUp>,
    backoff: Duration,
    not_before: Instant,
    /// How often the writing end had connected when this end last tried: once it has again,
    /// waiting longer helps nobody.
    tried_at: u64,
    /// Why there is no connection.
    reason: String,
    closed: bool,
}

/// A connection that is not used any more, as its server names it.
struct GivenUp {
    run_id: String,
    client_id: u64,
}

/// A connection, and which one it is.
pub(super) struct Connected {
    pub connection: MultiplexedConnection,
    generation: u64,
}

impl Connected {
    /// Which of the link's connections it is, from 1.
    pub fn number(&self) -> u64 {
        self.generation
    }
}

impl Link {
    /// `current` and `losses` are shared by both connections of a store.
    pub fn new(
        address: Address,
        response_timeout: Duration,
        purpose: Purpose,
        current: Arc<CurrentServer>,
        losses: Arc<Losses>,
    ) -> Self {
        let state = State {
            connection: None,
            generation: 0,
            given_up: VecDeque::new(),
            backoff: BACKOFF.0,
            not_before: Instant::now(),
            tried_at: 0,
            reason: String::new(),
            closed: false,
        };
        let name = match purpose {
            Purpose::Write => "write",
            Purpose::Read => "read",
        };
        let connects = metrics::counter!("callout_store_connects_total", "purpose" => name);
        Self { address, response_timeout, purpose, current, losses, state: Mutex::new(state), connects }
    }

    /// The connection; made now when there is none, or when it does not lead to the server that is the store.
    pub async fn get(&self) -> Result<Connected, StoreError> {
        let mut state = self.state.lock().await;
        if state.closed {
            return Err(error::unavailable("the store is closed".to_owned()));
        }
        if state.connection.as_ref().is_some_and(|greeted| self.is_outdated(greeted)) {
            tracing::warn!(redis = self.address.shown(), purpose = ?self.purpose, "the store may be another server now");
            state.give_up();
            state.not_before = Instant::now();
        }
        if let Some(greeted) = &state.connection {
            return Ok(Connected { connection: greeted.connection.clone(), generation: state.generation });
        }
        let now = Instant::now();
        let follows = self.purpose == Purpose::Read && state.tried_at != self.current.connects();
        if state.not_before > now && !follows {
            let reason = format!("not connected to {}: {}", self.address.shown(), state.reason);
            return Err(StoreError::Unavailable { reason, retry_after: state.not_before - now });
        }
        state.tried_at = self.current.connects();
        match self.connect(&mut state).await {
            Ok(greeted) => {
                let connection = greeted.connection.clone();
                state.connection = Some(greeted);
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
    pub async fn ask<T: redis::FromRedisValue>(&self, request: &Pipeline) -> Result<T, StoreError> {
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

    /// Like [`Self::ask`], with the reply to each command as it came, refusals among them.
    pub async fn ask_each(&self, request: &Pipeline) -> Result<Vec<Value>, StoreError> {
        let mut connected = self.get().await?;
        let replies = connected.connection.send_packed_commands(request, 0, request.len()).await;
        let replies = match replies {
            Ok(replies) => replies,
            Err(error) => {
                self.broken(&connected, &error).await;
                return Err(error::nothing_written(&error));
            }
        };
        self.settle(&connected, &replies).await;
        Ok(replies)
    }

    /// Notes what the replies say about the server itself.
    pub async fn settle(&self, connected: &Connected, replies: &[Value]) {
        let refusal = replies.iter().find_map(|reply| match reply {
            Value::ServerError(error) if error::wants_another_server(error) => Some(error),
            _ => None,
        });
        match refusal {
            Some(error) => self.broken(connected, error).await,
            None => self.works().await,
        }
    }

    /// Gives up a connection: the next request makes another.
    pub async fn broken(&self, connected: &Connected, why: &(dyn std::fmt::Display + Sync)) {
        let mut state = self.state.lock().await;
        if state.generation == connected.generation && state.give_up() {
            tracing::warn!(redis = self.address.shown(), error = %why, "the connection to the store is given up");
            state.wait(why.to_string());
        }
    }

    pub async fn works(&self) {
        self.state.lock().await.backoff = BACKOFF.0;
    }

    /// Closes the connection for good.
    pub async fn close(&self) {
        let mut state = self.state.lock().await;
        state.closed = true;
        state.connection = None;
    }

    fn is_outdated(&self, greeted: &Greeted) -> bool {
        match self.purpose {
            Purpose::Write => self.current.take_doubt(),
            Purpose::Read => !self.current.is(&greeted.run_id),
        }
    }

    async fn connect(&self, state: &mut State) -> Result<Greeted, RedisError> {
        self.connects.increment(1);
        let mut greeted = self.address.connect(self.response_timeout).await?;
        end_given_up(&mut greeted, &mut state.given_up).await?;
        match self.purpose {
            Purpose::Write => {
                self.losses.compare(&mut greeted.connection, state.generation + 1).await?;
                self.current.set(&greeted.run_id);
            }
            Purpose::Read if self.current.is(&greeted.run_id) => {}
            Purpose::Read => {
                self.current.doubt();
                return Err((ErrorKind::Client, "this is not the server that is written to").into());
            }
        }
        Ok(greeted)
    }
}

/// Ends the server's given-up connections: what they sent and it has not read yet must not be executed behind our back.
/// Each is remembered until the server has said that it is gone.
async fn end_given_up(greeted: &mut Greeted, given_up: &mut VecDeque<GivenUp>) -> Result<(), RedisError> {
    while let Some(at) = given_up.iter().position(|former| former.run_id == greeted.run_id) {
        // The answer counts the connections ended; none when it was gone already.
        let kill = cmd("CLIENT").arg("KILL").arg("ID").arg(given_up[at].client_id).to_owned();
        let _: u64 = kill.query_async(&mut greeted.connection).await?;
        given_up.remove(at);
    }
    Ok(())
}

impl State {
    /// Stops using the connection, if there is one, and remembers to end it.
    fn give_up(&mut self) -> bool {
        let Some(greeted) = self.connection.take() else { return false };
        if self.given_up.len() == GIVEN_UP_MAX {
            self.given_up.pop_front();
        }
        self.given_up.push_back(GivenUp { run_id: greeted.run_id, client_id: greeted.client_id });
        true
    }

    fn wait(&mut self, reason: String) {
        self.reason = reason;
        self.not_before = Instant::now() + self.backoff;
        self.backoff = (self.backoff * 2).min(BACKOFF.1);
    }
}
