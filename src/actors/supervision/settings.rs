//! How failing actors of one kind are treated.

use std::time::Duration;

use crate::actors::backoff::BackoffSettings;

/// What holds for the actors of one kind.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SupervisionSettings {
    /// How long a failed actor waits before it is started again.
    pub backoff: BackoffSettings,
    /// How often it may fail.
    pub intensity: Intensity,
    /// What to do with one that fails more often.
    pub on_exceeded: OnExceeded,
    /// Messages that may wait for one actor. More are refused.
    pub mailbox_max: u32,
    /// How long an entity may be idle before it leaves memory; zero: never.
    pub passivate_after: Duration,
}

/// How often an actor may fail: more than `restarts_max` restarts within `window` are too many.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Intensity {
    /// Restarts within the window.
    pub restarts_max: u32,
    /// The window.
    pub window: Duration,
}

/// What happens to an actor that failed too often.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnExceeded {
    /// It is answered for with `parked`, keeps its snapshot and waits for an operator.
    Park,
    /// It is gone until the next message makes it anew from its snapshot.
    Stop,
    /// Parked, and the process is asked to end.
    Escalate,
}

impl Default for SupervisionSettings {
    fn default() -> Self {
        Self {
            backoff: BackoffSettings::default(),
            intensity: Intensity { restarts_max: 5, window: Duration::from_secs(60) },
            on_exceeded: OnExceeded::Park,
            mailbox_max: 256,
            passivate_after: Duration::from_secs(300),
        }
    }
}
