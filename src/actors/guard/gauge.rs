//! The state of the guard that can be read without asking its actor: whether a request would be let in, and the figures
//! for operators. It survives the guard's restarts, and so does the breaker's mode that an operator set.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU8, AtomicU64, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use jiff::SignedDuration;
use parking_lot::Mutex;
use tokio::sync::{Semaphore, watch};

use super::{
    breaker::{BreakerMode, BreakerState},
    core::{GuardCore, Refusal, RefusalReason, Waiting},
    figures::{BreakerFigures, GatewayFigures, InFlightFigures, LimiterFigures, QueueFigures},
    meter::Meter,
    settings::GuardSettings,
    window::Totals,
};
use crate::clock;

/// How long a restart takes, usually.
const RESTART_TIME: Duration = Duration::from_secs(1);
/// When to look whether an operator has resumed a parked guard.
const RESUME_TIME: Duration = Duration::from_secs(5);

/// Shared knowledge about the guard.
pub struct GuardGauge {
    pub(super) settings: GuardSettings,
    /// Places among the requests in flight; those sent before a restart keep theirs.
    pub(super) slots: Arc<Semaphore>,
    pub(super) meter: Meter,
    begun: Instant,
    starts: AtomicU64,
    mode: AtomicU8,
    /// When an open breaker lets requests in again, in ms since `begun`; 0 while it is not open.
    open_until_ms: AtomicU64,
    /// When the gateway wants to hear the next request, in ms since `begun`; 0: it never asked for patience.
    busy_until_ms: AtomicU64,
    /// Whether the gateway refuses the API key.
    locked_out: watch::Sender<bool>,
    queue_len: AtomicUsize,
    drain_ms: AtomicU64,
    view: Mutex<View>,
}

/// As of the guard's last turn.
#[derive(Debug, Clone, Copy)]
struct View {
    state: BreakerState,
    failure_rate: f64,
    slow_call_rate: f64,
    calls: u32,
    opened_at: Option<Instant>,
    oldest_since: Option<Instant>,
}

impl GuardGauge {
    /// For one guard, with those settings. Metrics go to the recorder that is installed by now.
    #[must_use]
    pub fn new(settings: GuardSettings) -> Arc<Self> {
        Arc::new(Self {
            settings,
            slots: Arc::new(Semaphore::new(settings.in_flight_max)),
            meter: Meter::new(),
            begun: now(),
            starts: AtomicU64::new(0),
            mode: AtomicU8::new(0),
            open_until_ms: AtomicU64::new(0),
            busy_until_ms: AtomicU64::new(0),
            locked_out: watch::Sender::new(false),
            queue_len: AtomicUsize::new(0),
            drain_ms: AtomicU64::new(0),
            view: Mutex::new(View {
                state: BreakerState::Closed,
                failure_rate: 0.0,
                slow_call_rate: 0.0,
                calls: 0,
                opened_at: None,
                oldest_since: None,
            }),
        })
    }

    /// Whether a request would be let in now. Costs no message; the guard itself has the last word.
    ///
    /// # Errors
    /// When to come back, while the breaker is open or the queue is full.
    pub fn admission(&self) -> Result<(), Duration> {
        self.refusal().map_or(Ok(()), |refusal| Err(refusal.retry_after))
    }

    /// Takes the breaker in hand, or gives it back. New requests notice at once, waiting ones within a
    /// quarter of a second.
    pub fn set_breaker(&self, mode: BreakerMode) {
        let code = match mode {
            BreakerMode::Auto => 0,
            BreakerMode::Open => 1,
            BreakerMode::Closed => 2,
        };
        self.mode.store(code, Ordering::Release);
    }

    /// The figures for operators.
    #[must_use]
    pub fn figures(&self) -> GatewayFigures {
        let view = *self.view.lock();
        let at = now();
        let in_flight_max = self.settings.in_flight_max;
        GatewayFigures {
            breaker: self.breaker_figures(view, at),
            queue: QueueFigures {
                length: self.queue_len.load(Ordering::Relaxed),
                max: self.settings.queue_max,
                oldest_wait_ms: view.oldest_since.map_or(0, |since| millis(at.saturating_duration_since(since))),
            },
            in_flight: InFlightFigures {
                now: in_flight_max.saturating_sub(self.slots.available_permits()),
                max: in_flight_max,
            },
            unauthorized: *self.locked_out.borrow(),
            hold_ms: self.busy_for(at).map(millis),
            limiter: LimiterFigures::of(self.settings.pace()),
            counts: self.meter.counts(),
        }
    }

    /// A number that no other start of the guard has.
    pub(super) fn next_incarnation(&self) -> u64 {
        self.starts.fetch_add(1, Ordering::Relaxed) + 1
    }

    pub(super) fn mode(&self) -> BreakerMode {
        match self.mode.load(Ordering::Acquire) {
            1 => BreakerMode::Open,
            2 => BreakerMode::Closed,
            _ => BreakerMode::Auto,
        }
    }

    /// Why a request would be refused now, if it would be.
    pub(super) fn refusal(&self) -> Option<Refusal> {
        let at = now();
        if *self.locked_out.borrow() {
            return Some(Refusal { reason: RefusalReason::Unauthorized, retry_after: RESTART_TIME });
        }
        if let Some(retry_after) = self.busy_for(at) {
            return Some(Refusal { reason: RefusalReason::GatewayBusy, retry_after });
        }
        if let Some(retry_after) = self.open_for(at) {
            return Some(Refusal { reason: RefusalReason::BreakerOpen, retry_after });
        }
        let is_full = self.queue_len.load(Ordering::Acquire) >= self.settings.queue_max;
        is_full.then(|| self.full())
    }

    /// The refusal of those for whom there is no room.
    pub(super) fn full(&self) -> Refusal {
        let retry_after = Duration::from_millis(self.drain_ms.load(Ordering::Relaxed));
        Refusal { reason: RefusalReason::QueueFull, retry_after }
    }

    /// The refusal of those whom a restart of the guard cost their place.
    pub(super) fn restarting(&self) -> Refusal {
        Refusal { reason: RefusalReason::Restarting, retry_after: RESTART_TIME }
    }

    /// The refusal of all, while the guard is parked.
    pub(super) fn parked(&self) -> Refusal {
        Refusal { reason: RefusalReason::Parked, retry_after: RESUME_TIME }
    }

    /// Publishes the state after a turn of the guard.
    pub(super) fn publish<J: Waiting>(&self, core: &GuardCore<J>, at: Instant) {
        let totals = core.breaker.totals(at);
        let reopens = core.breaker.opened_at().map(|since| since + self.open_time());
        // Rounded up: whoever comes at the time that this tells is not refused by the breaker's own clock.
        let open_until_ms = reopens.map_or(0, |until| millis_up(until.saturating_duration_since(self.begun)).max(1));
        self.open_until_ms.store(open_until_ms, Ordering::Release);
        let busy_until = core.hold().busy_until().map(|until| until.saturating_duration_since(self.begun));
        self.busy_until_ms.store(busy_until.map_or(0, millis_up), Ordering::Release);
        self.show_lock(core.hold().is_locked_out());
        self.queue_len.store(core.queue_len(), Ordering::Release);
        self.drain_ms.store(millis(core.drain_time(at)), Ordering::Relaxed);
        let state = core.breaker.state();
        let before = std::mem::replace(
            &mut *self.view.lock(),
            View {
                state,
                failure_rate: totals.failure_rate(),
                slow_call_rate: totals.slow_rate(),
                calls: totals.calls,
                opened_at: core.breaker.opened_at(),
                oldest_since: core.oldest_wait(at).and_then(|wait| at.checked_sub(wait)),
            },
        );
        if before.state != state && core.breaker.mode() == BreakerMode::Auto {
            self.log_state(totals, state);
        }
    }

    /// Shows the metrics as they are now. They are not kept up to date in between.
    pub fn report(&self) {
        let in_flight = self.settings.in_flight_max.saturating_sub(self.slots.available_permits());
        let breaker = self.breaker_figures(*self.view.lock(), now());
        let is_locked_out = *self.locked_out.borrow();
        self.meter.show(self.queue_len.load(Ordering::Relaxed), in_flight, breaker.state, is_locked_out);
    }

    /// Says that the breaker has changed its state by itself, and the figures that made it.
    fn log_state(&self, totals: Totals, state: BreakerState) {
        let (failure_rate, slow_call_rate, calls) = (totals.failure_rate(), totals.slow_rate(), totals.calls);
        let open_s = self.settings.breaker.open_s;
        match state {
            BreakerState::Open => tracing::warn!(
                failure_rate,
                slow_call_rate,
                calls,
                open_s,
                "the payment breaker has opened; nothing is sent to the gateway"
            ),
            BreakerState::HalfOpen => tracing::info!("the payment breaker lets probes through to the gateway"),
            BreakerState::Closed => tracing::info!("the payment breaker has closed; the gateway answers again"),
        }
    }

    /// The alarm: the gateway refuses the API key, so that nobody can pay.
    #[must_use]
    pub fn locked_out(&self) -> watch::Receiver<bool> {
        self.locked_out.subscribe()
    }

    fn show_lock(&self, is_locked_out: bool) {
        let changed =
            self.locked_out.send_if_modified(|known| std::mem::replace(known, is_locked_out) != is_locked_out);
        match (changed, is_locked_out) {
            (true, true) => tracing::error!(
                "the payment gateway does not accept gateway.api_key; nothing is charged or refunded until it does"
            ),
            (true, false) => tracing::warn!("the payment gateway accepts gateway.api_key again"),
            (false, _) => {}
        }
    }

    /// How long the gateway still wants no request.
    fn busy_for(&self, at: Instant) -> Option<Duration> {
        let until = Duration::from_millis(self.busy_until_ms.load(Ordering::Acquire));
        let left = until.saturating_sub(at.saturating_duration_since(self.begun));
        (!left.is_zero()).then_some(left)
    }

    /// How long the breaker still refuses everything.
    fn open_for(&self, at: Instant) -> Option<Duration> {
        match self.mode() {
            BreakerMode::Open => Some(self.open_time()),
            BreakerMode::Closed => None,
            BreakerMode::Auto => {
                let until = Duration::from_millis(self.open_until_ms.load(Ordering::Acquire));
                let left = until.saturating_sub(at.saturating_duration_since(self.begun));
                (!left.is_zero()).then_some(left)
            }
        }
    }

    fn breaker_figures(&self, view: View, at: Instant) -> BreakerFigures {
        let mode = self.mode();
        let state = match mode {
            BreakerMode::Auto => view.state,
            BreakerMode::Open => BreakerState::Open,
            BreakerMode::Closed => BreakerState::Closed,
        };
        let since = view.opened_at.map(|since| SignedDuration::try_from(at.saturating_duration_since(since)));
        let opened_at = since.and_then(Result::ok).and_then(|ago| clock::now().checked_sub(ago).ok());
        BreakerFigures {
            state,
            mode,
            failure_rate: view.failure_rate,
            slow_call_rate: view.slow_call_rate,
            calls: view.calls,
            opened_at,
            retry_after_ms: self.open_for(at).map(millis),
        }
    }

    fn open_time(&self) -> Duration {
        Duration::from_secs(self.settings.breaker.open_s)
    }
}

/// The guard's monotonic clock.
pub(super) fn now() -> Instant {
    Instant::now()
}

fn millis_up(time: Duration) -> u64 {
    u64::try_from(time.as_nanos().div_ceil(1_000_000)).unwrap_or(u64::MAX)
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
