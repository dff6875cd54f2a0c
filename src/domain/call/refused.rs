//! The refusals that every phase of a call shares.

use super::{Call, Effect, Event};
use crate::domain::{Decision, Rejection};

/// The decision on a command, or its refusal.
pub(super) type Decided = Result<Decision<Event, Effect>, Rejection>;

/// The refusal of a command that the phase does not allow.
pub(super) fn illegal(call: &Call, command: &'static str) -> Rejection {
    Rejection::IllegalTransition { state: call.phase.status(), command }
}

/// The refusal of a command about a call whose period is over.
pub(super) fn too_late(command: &'static str) -> Rejection {
    Rejection::IllegalTransition { state: "its period is over", command }
}
