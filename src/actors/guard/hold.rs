//! The times at which the gateway itself wants no requests: it asked for patience, or does not accept the key. Pure: time is
//! an argument.

use std::time::{Duration, Instant};

use super::{
    core::{Refusal, RefusalReason},
    outcome::Outcome,
};

/// How often the gateway is asked whether it accepts the key again.
const CHECK_EVERY: Duration = Duration::from_secs(1);
/// The longest patience that a gateway can ask for; a longer one is a mistake of somebody in between.
const PATIENCE_MAX: Duration = Duration::from_mins(5);

/// What the gateway asked for, or refuses.
#[derive(Debug, Default)]
pub(super) struct Hold {
    busy_until: Option<Instant>,
    /// When the gateway is asked next whether it accepts the key; `None` while it does.
    check_at: Option<Instant>,
}

impl Hold {
    /// Takes note how a request ended.
    pub(super) fn note(&mut self, now: Instant, outcome: Outcome) {
        match outcome {
            Outcome::Busy(patience) => {
                let until = now + patience.min(PATIENCE_MAX);
                self.busy_until = Some(self.busy_until.map_or(until, |known| known.max(until)));
            }
            Outcome::Unauthorized => {
                self.check_at.get_or_insert(now + CHECK_EVERY);
            }
            // It accepted the key, whatever it thinks of the request.
            Outcome::Ok | Outcome::Declined | Outcome::Rejected => self.check_at = None,
            Outcome::Failed | Outcome::NoAnswer | Outcome::NotSent | Outcome::Refused => {}
        }
    }

    /// Whether the gateway does not accept the key.
    pub(super) fn is_locked_out(&self) -> bool {
        self.check_at.is_some()
    }

    /// Until when the gateway asked for patience.
    pub(super) fn busy_until(&self) -> Option<Instant> {
        self.busy_until
    }

    /// Why nothing is sent now, if so.
    pub(super) fn refusal(&self, now: Instant) -> Option<Refusal> {
        if self.is_locked_out() {
            return Some(Refusal { reason: RefusalReason::Unauthorized, retry_after: CHECK_EVERY });
        }
        let left = self.busy_until?.saturating_duration_since(now);
        (!left.is_zero()).then_some(Refusal { reason: RefusalReason::GatewayBusy, retry_after: left })
    }

    /// Whether the gateway is to be asked now whether it accepts the key again. Then the next time is set.
    pub(super) fn is_check_due(&mut self, now: Instant) -> bool {
        let is_busy = self.busy_until.is_some_and(|until| until > now);
        let is_due = self.check_at.is_some_and(|at| at <= now) && !is_busy;
        if is_due {
            self.check_at = Some(now + CHECK_EVERY);
        }
        is_due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patience_lasts_as_long_as_was_asked_for_and_no_longer() {
        let (mut hold, now) = (Hold::default(), Instant::now());
        assert_eq!(hold.refusal(now), None);
        hold.note(now, Outcome::Busy(Duration::from_secs(2)));
        hold.note(now, Outcome::Busy(Duration::from_secs(1)));
        let refusal = hold.refusal(now + Duration::from_millis(1_999)).expect("it is busy");
        assert_eq!((refusal.reason, refusal.retry_after), (RefusalReason::GatewayBusy, Duration::from_millis(1)));
        assert_eq!(hold.refusal(now + Duration::from_secs(2)), None);
        hold.note(now, Outcome::Busy(Duration::from_hours(24)));
        assert_eq!(hold.refusal(now + PATIENCE_MAX), None);
    }

    #[test]
    fn a_refused_key_locks_out_until_any_request_is_accepted() {
        let (mut hold, now) = (Hold::default(), Instant::now());
        hold.note(now, Outcome::Unauthorized);
        assert!(hold.is_locked_out() && hold.refusal(now + CHECK_EVERY * 9).is_some());
        assert!(!hold.is_check_due(now));
        let later = now + CHECK_EVERY;
        assert!(hold.is_check_due(later), "the gateway is asked once");
        assert!(!hold.is_check_due(later), "and not again at once");
        hold.note(later, Outcome::NoAnswer);
        assert!(hold.is_locked_out());
        hold.note(later, Outcome::Declined);
        assert_eq!((hold.is_locked_out(), hold.refusal(later)), (false, None));
    }
}
