//! The parts that the state machines share: the shape of a decision and of a refusal.

use std::{fmt, fmt::Debug};

use jiff::Timestamp;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use utoipa::ToSchema;

use super::{CustomerId, DriverId, ServiceId, policy::NoPolicy};

/// The roles a token can carry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Requests calls and pays for them.
    Customer,
    /// Takes calls, or is booked: a driver, a company, a car, a seat.
    Driver,
    /// Runs one service or all: approves, registers, looks after what is stuck.
    Operator,
}

/// A party that acts on a call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Party {
    Customer(CustomerId),
    Driver(DriverId),
    /// An operator, by the token's `sub`.
    Operator(CustomerId),
    /// The service itself: a deadline, a rule.
    System,
}

impl Party {
    /// The party's name as `cancelled_by` shows it.
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Customer(_) => "customer",
            Self::Driver(_) => "driver",
            Self::Operator(_) => "operator",
            Self::System => "system",
        }
    }
}

/// Why a command changes nothing. Every front end maps these to its own codes; none of them is a fault of the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rejection {
    /// There is no such entity.
    NotFound,
    /// The entity exists already.
    Exists,
    /// The state does not allow the command.
    IllegalTransition { state: &'static str, command: &'static str },
    /// Another driver has the call, or it is over.
    CallTaken,
    /// The call was not offered to this driver.
    NotOffered,
    /// The driver is not free.
    DriverUnavailable {
        /// The driver's status, in words.
        status: &'static str,
    },
    /// This party may not do that to this entity.
    Forbidden,
    /// Drivers of this service are registered, changed and retired by operators.
    ForOperators { service: ServiceId },
    /// The payment's outcome is not known yet.
    PaymentPending,
    /// A charge is under way: it is settled once its outcome is known.
    ChargeInFlight,
    /// The amount is below what may be charged.
    BelowMinimum {
        /// The amount asked for, minor units.
        amount: u64,
        /// The least that may be charged, minor units.
        minimum: u64,
    },
    /// The command comes before its time.
    TooEarly {
        /// From when on it is allowed.
        at: Timestamp,
        /// How long until then, in whole seconds, rounded up.
        wait_s: u64,
    },
    /// The command's data is wrong.
    Invalid(String),
}

impl fmt::Display for Rejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotFound => f.write_str("there is no such call or driver"),
            Self::Exists => f.write_str("a call or driver with this id exists already"),
            Self::IllegalTransition { state, command } => write!(f, "cannot {command} while {state}"),
            Self::CallTaken => f.write_str("the call has gone to another driver or is over"),
            Self::NotOffered => f.write_str("the call is not offered to this driver"),
            Self::DriverUnavailable { status } => write!(f, "the driver is {status}"),
            Self::Forbidden => f.write_str("this party may not do that"),
            Self::ForOperators { service } => {
                write!(f, "only operators register, change and retire the drivers of {service}")
            }
            Self::PaymentPending => f.write_str("a payment is in flight; its outcome is not known yet"),
            Self::ChargeInFlight => {
                f.write_str("a charge is under way; settle the call once the outcome of the charge is known")
            }
            Self::BelowMinimum { amount, minimum } => {
                write!(f, "the amount {amount} is below the minimum payment of {minimum}")
            }
            Self::TooEarly { at, .. } => write!(f, "it is too early; this is possible from {at} on"),
            Self::Invalid(what) => f.write_str(what),
        }
    }
}

impl std::error::Error for Rejection {}

/// Why there is no decision on a command.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Undecided {
    /// The entity refuses, for good: whoever asked may forget about it.
    #[error(transparent)]
    Rejected(#[from] Rejection),
    /// A fault of this server, and no refusal: the command is to be given again.
    #[error(transparent)]
    NoPolicy(#[from] NoPolicy),
}

/// The effect of a command: events to commit, and work to do afterwards.
#[derive(Debug, Clone, PartialEq)]
pub struct Decision<E, F> {
    /// The events, in order. Empty when the command had taken effect before: a client may repeat it.
    pub events: Vec<E>,
    /// The work that the entity owes once the events are committed.
    pub effects: Vec<F>,
}

impl<E, F> Decision<E, F> {
    /// Nothing happens: the command is a repetition or news that is known.
    #[must_use]
    pub fn nothing() -> Self {
        Self { events: Vec::new(), effects: Vec::new() }
    }

    #[must_use]
    pub fn is_nothing(&self) -> bool {
        self.events.is_empty() && self.effects.is_empty()
    }

    /// One event, no effects.
    #[must_use]
    pub fn event(event: E) -> Self {
        Self { events: vec![event], effects: Vec::new() }
    }

    #[must_use]
    pub fn and(mut self, event: E) -> Self {
        self.events.push(event);
        self
    }

    /// Adds everything of another decision.
    #[must_use]
    pub fn and_all(mut self, other: Self) -> Self {
        self.events.extend(other.events);
        self.effects.extend(other.effects);
        self
    }

    #[must_use]
    pub fn then(mut self, effect: F) -> Self {
        self.effects.push(effect);
        self
    }
}

/// Whether a command is one that causes no event, and when what it changed is worth a commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Volatile {
    /// It is an ordinary command.
    No,
    /// It goes along with the next commit.
    Later,
    /// It is to be committed before it is answered.
    Now,
}

/// A state machine: what an entity actor runs.
pub trait Machine: 'static {
    /// The whole state of one entity. Carries its own data; nothing is looked up elsewhere.
    type State: Clone + PartialEq + Debug + Serialize + DeserializeOwned + Send + Sync + Unpin + 'static;
    /// The commands that it takes.
    type Command: Clone + Debug + Send + Unpin + 'static;
    /// The events that its history consists of.
    type Event: Clone + PartialEq + Debug + Serialize + DeserializeOwned + Send + Sync + Unpin + 'static;
    /// The work that it can owe other entities or the gateway.
    type Effect: Clone + PartialEq + Debug + Serialize + DeserializeOwned + Send + Sync + Unpin + 'static;
    /// The rules it follows.
    type Policy: ?Sized + Send + Sync + 'static;

    /// Which events and effects `command` causes in `state` (`None`: no such entity yet) at `now`.
    ///
    /// # Errors
    /// The refusal of the command, or the policy that is missing for a decision.
    fn decide(
        state: Option<&Self::State>,
        command: &Self::Command,
        policy: &Self::Policy,
        now: Timestamp,
    ) -> Result<Decision<Self::Event, Self::Effect>, Undecided>;

    /// The state after `event`, which happened at `at`. `None` only before the first event; an event that cannot
    /// follow the state leaves it as it was.
    fn evolve(state: Option<Self::State>, event: &Self::Event, at: Timestamp) -> Option<Self::State>;

    /// The earliest time at which the entity wants to be woken, if any.
    fn due_at(state: &Self::State) -> Option<Timestamp>;

    /// The command that a deadline sends.
    fn wake() -> Self::Command;

    /// Whether nothing lies ahead of it: it need not be found again at start.
    fn is_terminal(state: &Self::State) -> bool;

    /// Applies a command that causes no event, such as a position, if it is of that kind.
    fn volatile(_state: &mut Self::State, _command: &Self::Command) -> Volatile {
        Volatile::No
    }
}
