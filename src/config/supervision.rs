//! The tables under `actors.supervision`: what happens when an actor fails, for every kind and where a kind differs.

use serde::{Deserialize, Serialize};

use super::{ActorKind, Backoff, BackoffOverride, Check};

/// Supervision of one kind of actor.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Supervision {
    /// How long a failed actor waits before it is started again.
    pub backoff: Backoff,
    /// How often it may fail.
    pub intensity: Intensity,
    /// What to do with an actor that fails more often.
    pub on_exceeded: OnExceeded,
    /// Messages that may wait for one actor, 1 to 1,000,000. More are refused with 503.
    pub mailbox_max: u32,
    /// How long an entity may be idle before it leaves memory, seconds, 0 to 604,800 (a week); 0: never.
    pub passivate_after_s: u64,
}

/// How often an actor may fail: more than `restarts_max` restarts within `window_s` are too many.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Intensity {
    /// Restarts within the window, 0 to 10,000; 0: the first failure is one too many.
    pub restarts_max: u32,
    /// The window, seconds, 1 to 86,400.
    pub window_s: u64,
}

/// What happens to an actor that failed too often.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnExceeded {
    /// It answers 503 `parked`, keeps its snapshot, and waits for an operator to resume it.
    Park,
    /// It is stopped; the next message to it starts it from its snapshot.
    Stop,
    /// The server stops, so that whatever runs it can start it again.
    Escalate,
}

impl Default for Supervision {
    fn default() -> Self {
        Self {
            backoff: Backoff { initial_ms: 50, factor: 2.0, max_ms: 5_000, jitter: 0.2 },
            intensity: Intensity::default(),
            on_exceeded: OnExceeded::Park,
            mailbox_max: 256,
            passivate_after_s: 300,
        }
    }
}

impl Default for Intensity {
    fn default() -> Self {
        Self { restarts_max: 5, window_s: 60 }
    }
}

/// `default`, and what is different for some kinds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SupervisionTable {
    /// For every kind that says nothing else.
    pub default: Supervision,
    /// What is different for calls.
    pub call: SupervisionOverride,
    /// What is different for drivers.
    pub driver: SupervisionOverride,
    /// What is different for payments.
    pub payment: SupervisionOverride,
    /// What is different for the dispatcher.
    pub dispatcher: SupervisionOverride,
    /// What is different for the payment guard.
    pub guard: SupervisionOverride,
    /// What is different for the read model.
    pub readmodel: SupervisionOverride,
}

/// A partial [`Supervision`]: what is set wins over `actors.supervision.default`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SupervisionOverride {
    /// See [`Supervision::backoff`].
    #[serde(skip_serializing_if = "BackoffOverride::is_empty")]
    pub backoff: BackoffOverride,
    /// See [`Supervision::intensity`].
    #[serde(skip_serializing_if = "IntensityOverride::is_empty")]
    pub intensity: IntensityOverride,
    /// See [`Supervision::on_exceeded`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub on_exceeded: Option<OnExceeded>,
    /// See [`Supervision::mailbox_max`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mailbox_max: Option<u32>,
    /// See [`Supervision::passivate_after_s`]; for entities only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub passivate_after_s: Option<u64>,
}

/// A partial [`Intensity`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct IntensityOverride {
    /// See [`Intensity::restarts_max`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub restarts_max: Option<u32>,
    /// See [`Intensity::window_s`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub window_s: Option<u64>,
}

impl IntensityOverride {
    fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

impl Default for SupervisionTable {
    fn default() -> Self {
        let mailbox = |messages| SupervisionOverride { mailbox_max: Some(messages), ..SupervisionOverride::default() };
        Self {
            default: Supervision::default(),
            call: SupervisionOverride::default(),
            driver: SupervisionOverride::default(),
            payment: SupervisionOverride::default(),
            dispatcher: mailbox(16_384),
            guard: mailbox(8_192),
            readmodel: SupervisionOverride::default(),
        }
    }
}

impl SupervisionTable {
    /// What holds for actors of `kind`.
    #[must_use]
    pub fn of(&self, kind: ActorKind) -> Supervision {
        let (over, default) = (self.different(kind), self.default);
        Supervision {
            backoff: over.backoff.over(default.backoff),
            intensity: Intensity {
                restarts_max: over.intensity.restarts_max.unwrap_or(default.intensity.restarts_max),
                window_s: over.intensity.window_s.unwrap_or(default.intensity.window_s),
            },
            on_exceeded: over.on_exceeded.unwrap_or(default.on_exceeded),
            mailbox_max: over.mailbox_max.unwrap_or(default.mailbox_max),
            passivate_after_s: over.passivate_after_s.unwrap_or(default.passivate_after_s),
        }
    }

    fn different(&self, kind: ActorKind) -> SupervisionOverride {
        match kind {
            ActorKind::Call => self.call,
            ActorKind::Driver => self.driver,
            ActorKind::Payment => self.payment,
            ActorKind::Dispatcher => self.dispatcher,
            ActorKind::Guard => self.guard,
            ActorKind::Readmodel => self.readmodel,
        }
    }

    pub(super) fn check(&self, mut check: Check<'_>) {
        self.default.check(check.table("default"));
        for kind in ActorKind::ALL {
            let over = self.different(kind);
            let mut check = check.table(kind.as_str());
            over.backoff.check(self.default.backoff, check.table("backoff"));
            check_intensity(over.intensity.restarts_max, over.intensity.window_s, &mut check);
            check_bounds(over.mailbox_max, over.passivate_after_s, &mut check);
            if !kind.is_entity() && over.passivate_after_s.is_some() {
                let message = "has no meaning here: only calls, drivers and payments leave memory";
                check.problem("passivate_after_s", message);
            }
        }
    }
}

impl Supervision {
    fn check(&self, mut check: Check<'_>) {
        self.backoff.check(check.table("backoff"));
        check_intensity(Some(self.intensity.restarts_max), Some(self.intensity.window_s), &mut check);
        check_bounds(Some(self.mailbox_max), Some(self.passivate_after_s), &mut check);
    }
}

fn check_intensity(restarts_max: Option<u32>, window_s: Option<u64>, check: &mut Check<'_>) {
    let mut check = check.table("intensity");
    if let Some(restarts) = restarts_max {
        check.range("restarts_max", restarts, 0..=10_000);
    }
    if let Some(window) = window_s {
        check.range("window_s", window, 1..=86_400);
    }
}

fn check_bounds(mailbox_max: Option<u32>, passivate_after_s: Option<u64>, check: &mut Check<'_>) {
    if let Some(messages) = mailbox_max {
        check.range("mailbox_max", messages, 1..=1_000_000);
    }
    if let Some(idle) = passivate_after_s {
        check.range("passivate_after_s", idle, 0..=604_800);
    }
}
