//! How many new calls are begun at once: calls under way go first, and the cheapest refusal is the one before any work.
//!
//! The room for new calls follows the time that commits take, which tells an overloaded server from a busy one whatever
//! it is short of: it grows or shrinks by how far that is from what it may be, so that it comes to rest where the two
//! meet. A rule on the time alone would let everybody in until it is far too late, and then nobody.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    time::Duration,
};

use metrics::{Counter, Gauge, Unit};
use tokio::time::Instant;

use crate::{
    actors::ports::store::{Store, StoreLoad},
    http::{
        error::{Code, Problem},
        settings::LimitSettings,
    },
};

const REFUSED: &str = "callout_calls_not_begun_total";
const ROOM: &str = "callout_calls_begun_room";

/// Above this share of the room for waiting commits, the rest is for calls under way.
const QUEUED_MAX: f64 = 0.25;
/// The room for new calls, at least and at most; it begins in between.
const ROOM_MIN: usize = 128;
const ROOM_MAX: usize = 16_384;
const ROOM_FIRST: usize = 4_096;
/// How often the room is adjusted.
const ADJUST_EVERY: Duration = Duration::from_millis(50);
/// The bounds of the factor that adjusts the room. The room shrinks faster than it grows, and grows so slowly that the
/// load of the admitted calls shows before more are admitted.
const FACTOR_MIN: f64 = 0.7;
const FACTOR_MAX: f64 = 1.02;

/// Decides whether a new call is begun.
pub(in crate::http) struct Admission {
    store: Arc<dyn Store>,
    wait_max: Duration,
    begun: AtomicUsize,
    room: AtomicUsize,
    started: Instant,
    /// When the room was adjusted, in ms since the start.
    adjusted_ms: AtomicU64,
    refused: Counter,
    shown: Gauge,
}

/// A new call that is being begun, until it is dropped.
pub(in crate::http) struct Admitted<'a>(&'a AtomicUsize);

impl Admission {
    pub(in crate::http) fn new(store: Arc<dyn Store>, limits: &LimitSettings) -> Self {
        metrics::describe_counter!(REFUSED, Unit::Count, "New calls refused because the server had too much to do");
        metrics::describe_gauge!(ROOM, Unit::Count, "How many new calls are begun at once, at most");
        Self {
            store,
            wait_max: Duration::from_millis(limits.commit_wait_max_ms),
            begun: AtomicUsize::new(0),
            room: AtomicUsize::new(ROOM_FIRST),
            started: Instant::now(),
            adjusted_ms: AtomicU64::new(0),
            refused: metrics::counter!(REFUSED),
            shown: metrics::gauge!(ROOM),
        }
    }

    /// Refuses a new call while there is no room for it. It takes none yet.
    ///
    /// # Errors
    /// As for [`Self::of_a_new_call`].
    pub(in crate::http) fn must_have_room(&self) -> Result<(), Problem> {
        self.adjust();
        self.may_follow(self.begun.load(Ordering::Acquire))
    }

    /// Lets a new call in while there is room; it takes its place until the answer is dropped.
    ///
    /// # Errors
    /// `overloaded`, before anything was done.
    pub(in crate::http) fn of_a_new_call(&self) -> Result<Admitted<'_>, Problem> {
        self.adjust();
        let begun = Admitted(&self.begun);
        self.may_follow(self.begun.fetch_add(1, Ordering::AcqRel)).map(|()| begun)
    }

    /// Whether one more may be begun beside so many.
    fn may_follow(&self, begun: usize) -> Result<(), Problem> {
        if self.wait_max.is_zero() || begun < self.room.load(Ordering::Acquire) {
            return Ok(());
        }
        self.refused.increment(1);
        let said = "the server has as much to do as it can; nothing was begun, please try again";
        Err(Problem::new(Code::Overloaded, said).retry_after(self.store.load_now().wait * 2))
    }

    /// Adjusts the room, if it is time. Of those who come at the same time one does.
    fn adjust(&self) {
        let now_ms = u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX);
        let before_ms = self.adjusted_ms.load(Ordering::Acquire);
        let due = Duration::from_millis(now_ms.saturating_sub(before_ms)) >= ADJUST_EVERY;
        let mine = || self.adjusted_ms.compare_exchange(before_ms, now_ms, Ordering::AcqRel, Ordering::Acquire).is_ok();
        if due && mine() {
            let room = next_room(
                self.room.load(Ordering::Acquire),
                self.begun.load(Ordering::Acquire),
                self.store.load_now(),
                self.wait_max,
            );
            self.room.store(room, Ordering::Release);
            self.shown.set(f64::from(u32::try_from(room).unwrap_or(u32::MAX)));
        }
    }
}

impl Drop for Admitted<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

/// The room after one more look.
///
/// The fourth root keeps the steps small near the bound, because admitted calls add load only while they go on.
fn next_room(room: usize, begun: usize, load: StoreLoad, wait_max: Duration) -> usize {
    let allowed = if load.queued > QUEUED_MAX { FACTOR_MIN } else { f64::INFINITY };
    let ratio = wait_max.as_secs_f64() / load.wait.as_secs_f64().max(1e-6);
    let factor = ratio.sqrt().sqrt().clamp(FACTOR_MIN, FACTOR_MAX).min(allowed);
    // Room that is not used is none that could be taken away with effect.
    let base = if factor < 1.0 { room.min(2 * begun) } else { room };
    #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
    let next = base as f64 * factor;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between two small numbers")]
    let next = next.ceil() as usize;
    next.clamp(ROOM_MIN, ROOM_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const WAIT_MAX: Duration = Duration::from_millis(100);
    const QUIET: StoreLoad = StoreLoad { wait: Duration::ZERO, queued: 0.2 };
    const SLOW: StoreLoad = StoreLoad { wait: Duration::from_millis(110), queued: 0.0 };
    const STUCK: StoreLoad = StoreLoad { wait: Duration::from_secs(2), queued: 0.0 };
    const FULL: StoreLoad = StoreLoad { wait: Duration::ZERO, queued: 0.3 };

    #[test]
    fn the_room_shrinks_while_commits_are_slow_and_grows_back() {
        let next = |room, begun, load| next_room(room, begun, load, WAIT_MAX);
        let mut room = ROOM_FIRST;
        for load in [SLOW, FULL] {
            assert!(next(room, room, load) < room, "{load:?}");
        }
        assert!(next(1_000, 1_000, SLOW) > 950, "a little when they are a little too slow");
        assert_eq!(next(1_000, 1_000, STUCK), 700, "much when they are much too slow");
        assert_eq!(next(ROOM_FIRST, 200, STUCK), 280, "from what is used");
        for _ in 0..100 {
            room = next(room, room, STUCK);
        }
        assert_eq!(room, ROOM_MIN);
        for _ in 0..300 {
            room = next(room, 0, QUIET);
        }
        assert_eq!(room, ROOM_MAX);
    }
}
