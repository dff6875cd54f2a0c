//! The settings under `actors.supervision`: how failing actors are treated, for every kind and where a kind differs.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    actors::backoff::BackoffSettings,
    settings::{Findings, Overlay, Section},
};

/// How failing actors of one kind are treated.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct SupervisionSettings {
    /// What happens to an actor that fails more often than `intensity` permits: `park` answers 503 until an operator
    /// resumes it, `stop` starts it again with the next message, `escalate` stops the server.
    pub on_exceeded: OnExceeded,
    /// Messages that may wait for one actor. More are refused with 503.
    #[schema(minimum = 1, maximum = 1_000_000)]
    pub mailbox_max: u32,
    /// Idle time until a call, driver, payment or account leaves memory; 0 keeps it.
    #[schema(minimum = 0, maximum = 604_800)]
    pub passivate_after_s: u64,
    /// The waits before a failed actor is started again.
    pub backoff: BackoffSettings,
    /// The number of failures that an actor may have.
    pub intensity: Intensity,
}

/// How often an actor may fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Intensity {
    /// Restarts within the window that an actor may have. After one more, `on_exceeded` decides.
    #[schema(minimum = 0, maximum = 10_000)]
    pub restarts_max: u32,
    /// Time over which restarts are counted.
    #[schema(minimum = 1, maximum = 86_400)]
    pub window_s: u64,
}

/// The reaction to an actor that failed too often.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum OnExceeded {
    /// It answers `parked`, keeps its snapshot and waits for an operator.
    Park,
    /// It stops; the next message starts it again from its snapshot.
    Stop,
    /// It is parked, and the process ends.
    Escalate,
}

impl Default for SupervisionSettings {
    fn default() -> Self {
        Self {
            on_exceeded: OnExceeded::Park,
            mailbox_max: 256,
            passivate_after_s: 300,
            backoff: BackoffSettings::default(),
            intensity: Intensity::default(),
        }
    }
}

impl Default for Intensity {
    fn default() -> Self {
        Self { restarts_max: 5, window_s: 60 }
    }
}

impl SupervisionSettings {
    /// How long an entity may be idle before it leaves memory; zero: for ever.
    #[must_use]
    pub fn passivate_after(&self) -> Duration {
        Duration::from_secs(self.passivate_after_s)
    }
}

impl Intensity {
    #[must_use]
    pub fn window(&self) -> Duration {
        Duration::from_secs(self.window_s)
    }
}

impl Section for SupervisionSettings {
    fn contradictions(&self, findings: &mut Findings) {
        findings.within("backoff", |findings| self.backoff.contradictions(findings));
    }
}

/// The kinds of actors.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ActorKind {
    Call,
    Driver,
    Payment,
    Account,
    /// Finds drivers for calls, one per service.
    Dispatcher,
    /// The actor in front of the payment gateway.
    Guard,
    /// Follows the event stream. The timers and the drain are treated like it.
    Readmodel,
}

impl ActorKind {
    pub const ALL: [Self; 7] =
        [Self::Call, Self::Driver, Self::Payment, Self::Account, Self::Dispatcher, Self::Guard, Self::Readmodel];

    /// The kind's key under `actors.supervision`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Call => "call",
            Self::Driver => "driver",
            Self::Payment => "payment",
            Self::Account => "account",
            Self::Dispatcher => "dispatcher",
            Self::Guard => "guard",
            Self::Readmodel => "readmodel",
        }
    }

    /// Whether there are many of them, each with its own snapshot.
    fn is_entity(self) -> bool {
        matches!(self, Self::Call | Self::Driver | Self::Payment | Self::Account)
    }
}

/// Some keys of a [`SupervisionSettings`].
pub type Differences = Overlay<SupervisionSettings>;

/// Supervision of every kind.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct SupervisionTable {
    /// The rules for an actor that fails, for every kind without rules of its own.
    pub default: SupervisionSettings,
    /// The differences for calls.
    #[schema(schema_with = Differences::schema)]
    pub call: Differences,
    /// The differences for drivers.
    #[schema(schema_with = Differences::schema)]
    pub driver: Differences,
    /// The differences for payments.
    #[schema(schema_with = Differences::schema)]
    pub payment: Differences,
    /// The differences for customers' accounts.
    #[schema(schema_with = Differences::schema)]
    pub account: Differences,
    /// The differences for dispatchers.
    #[schema(schema_with = Differences::schema)]
    pub dispatcher: Differences,
    /// The differences for the payment guard.
    #[schema(schema_with = Differences::schema)]
    pub guard: Differences,
    /// The differences for the read model, the timers and the drain of payments.
    #[schema(schema_with = Differences::schema)]
    pub readmodel: Differences,
}

impl Default for SupervisionTable {
    fn default() -> Self {
        let mailbox =
            |messages: u32| Overlay::new(toml::Table::from_iter([("mailbox_max".to_owned(), messages.into())]));
        Self {
            default: SupervisionSettings::default(),
            call: Overlay::default(),
            driver: Overlay::default(),
            payment: Overlay::default(),
            account: Overlay::default(),
            dispatcher: mailbox(16_384),
            guard: mailbox(8_192),
            readmodel: Overlay::default(),
        }
    }
}

impl SupervisionTable {
    /// The same for every kind.
    #[must_use]
    pub fn all(settings: SupervisionSettings) -> Self {
        Self { default: settings, dispatcher: Overlay::default(), guard: Overlay::default(), ..Self::default() }
    }

    /// The rules for actors of `kind`.
    #[must_use]
    pub fn of(&self, kind: ActorKind) -> SupervisionSettings {
        self.differences(kind).over(&self.default)
    }

    fn differences(&self, kind: ActorKind) -> &Differences {
        match kind {
            ActorKind::Call => &self.call,
            ActorKind::Driver => &self.driver,
            ActorKind::Payment => &self.payment,
            ActorKind::Account => &self.account,
            ActorKind::Dispatcher => &self.dispatcher,
            ActorKind::Guard => &self.guard,
            ActorKind::Readmodel => &self.readmodel,
        }
    }
}

impl Section for SupervisionTable {
    fn contradictions(&self, findings: &mut Findings) {
        findings.within("default", |findings| self.default.contradictions(findings));
        for kind in ActorKind::ALL {
            let differences = self.differences(kind);
            findings.within(kind.as_str(), |findings| {
                if differences.sets("backoff") {
                    self.of(kind).contradictions(findings);
                }
                if !kind.is_entity() && differences.sets("passivate_after_s") {
                    let message = "has no meaning here: only calls, drivers, payments and accounts leave memory";
                    findings.problem("passivate_after_s", message);
                }
            });
        }
    }
}
