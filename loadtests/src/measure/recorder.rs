//! Notes every answer: a histogram per step, one per second of the run, and refusals by step and code.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use hdrhistogram::Histogram;

use super::{Latency, Second, StepSummary};

/// The longest latency told apart from longer ones, µs.
const LONGEST_US: u64 = 120_000_000;

/// How a step ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome<'a> {
    Good,
    /// Refused or failed, with this code.
    Bad(&'a str),
}

/// Notes what happens.
pub struct Recorder {
    begun: Mutex<Instant>,
    measured_from: Duration,
    measured_to: Duration,
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    steps: BTreeMap<&'static str, Step>,
    seconds: Vec<PerSecond>,
    counts: BTreeMap<&'static str, u64>,
}

struct Step {
    latency: Histogram<u64>,
    good: u64,
    bad: BTreeMap<String, u64>,
    is_request: bool,
}

struct PerSecond {
    requests: Histogram<u32>,
    lifecycles: u64,
    positions: u64,
    bad: BTreeMap<String, u64>,
    server_rss_mb: Option<f64>,
}

/// Everything that was noted.
pub struct Snapshot {
    /// By step, warm-up left out. `any_request` is all requests together.
    pub steps: BTreeMap<String, StepSummary>,
    /// Second by second, warm-up included.
    pub seconds: Vec<Second>,
    /// Whatever else was counted.
    pub counts: BTreeMap<String, u64>,
}

impl Recorder {
    /// Notes from now on; the figures are of what ends between these moments after now.
    #[must_use]
    pub fn new(begun: Instant, measured_from: Duration, measured_to: Duration) -> Self {
        Self { begun: Mutex::new(begun), measured_from, measured_to, inner: Mutex::default() }
    }

    /// When the load began.
    #[must_use]
    pub fn begun(&self) -> Instant {
        *self.begun.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The load begins now: whatever was noted before is forgotten.
    pub fn begin_now(&self) {
        *self.begun.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
        *self.lock() = Inner::default();
    }

    /// How many refusals and failures there were.
    #[must_use]
    pub fn errors(&self) -> u64 {
        self.lock().seconds.iter().flat_map(|second| second.bad.values()).sum()
    }

    /// A request ended now that should have begun at `intended`.
    pub fn request(&self, step: &'static str, intended: Instant, outcome: Outcome<'_>) {
        self.note(step, intended, outcome, true);
    }

    /// Something that is no single request ended now: a lifecycle, a frame.
    pub fn event(&self, step: &'static str, intended: Instant, outcome: Outcome<'_>) {
        self.note(step, intended, outcome, false);
    }

    /// Something took that long.
    pub fn took(&self, step: &'static str, latency: Duration) {
        let now = Instant::now();
        self.note_at(step, now, latency, Outcome::Good, false);
    }

    /// Counts something, also outside the measured time.
    pub fn count(&self, what: &'static str, many: u64) {
        *self.lock().counts.entry(what).or_default() += many;
    }

    /// What the server's memory is now, MB.
    pub fn server_memory(&self, rss_mb: f64) {
        let since = self.begun().elapsed();
        self.lock().second(since).server_rss_mb = Some(rss_mb);
    }

    /// How often something was counted.
    #[must_use]
    pub fn counted(&self, what: &str) -> u64 {
        self.lock().counts.get(what).copied().unwrap_or_default()
    }

    fn note(&self, step: &'static str, intended: Instant, outcome: Outcome<'_>, is_request: bool) {
        let now = Instant::now();
        self.note_at(step, now, now.saturating_duration_since(intended), outcome, is_request);
    }

    fn note_at(&self, step: &'static str, now: Instant, latency: Duration, outcome: Outcome<'_>, is_request: bool) {
        let since = now.saturating_duration_since(self.begun());
        let us = u64::try_from(latency.as_micros()).unwrap_or(LONGEST_US).clamp(1, LONGEST_US);
        let mut inner = self.lock();
        inner.second(since).note(step, us, outcome, is_request);
        if since >= self.measured_from && since < self.measured_to {
            inner.steps.entry(step).or_insert_with(|| Step::new(is_request)).note(us, outcome);
        }
    }

    /// Everything noted so far.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        let inner = self.lock();
        let length_s = (self.measured_to - self.measured_from).as_secs_f64();
        let mut steps: BTreeMap<String, StepSummary> =
            inner.steps.iter().map(|(name, step)| ((*name).to_owned(), step.summary(length_s))).collect();
        let mut all = Step::new(true);
        for step in inner.steps.values().filter(|step| step.is_request) {
            all.add(step);
        }
        steps.insert("any_request".to_owned(), all.summary(length_s));
        let seconds = inner.seconds.iter().map(PerSecond::summary).collect();
        let counts = inner.counts.iter().map(|(what, many)| ((*what).to_owned(), *many)).collect();
        Snapshot { steps, seconds, counts }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn second(&mut self, since: Duration) -> &mut PerSecond {
        let index = usize::try_from(since.as_secs()).unwrap_or(usize::MAX);
        if self.seconds.len() <= index {
            self.seconds.resize_with(index + 1, PerSecond::new);
        }
        &mut self.seconds[index]
    }
}

impl Step {
    fn new(is_request: bool) -> Self {
        // Three digits over the whole range: the arguments are constants that fit.
        let latency = Histogram::new_with_max(LONGEST_US, 3).expect("a range and precision that hdrhistogram has");
        Self { latency, good: 0, bad: BTreeMap::new(), is_request }
    }

    fn note(&mut self, us: u64, outcome: Outcome<'_>) {
        self.latency.saturating_record(us);
        match outcome {
            Outcome::Good => self.good += 1,
            Outcome::Bad(code) => add_one(&mut self.bad, code),
        }
    }

    fn add(&mut self, other: &Self) {
        // Both have the same range.
        let _ = self.latency.add(&other.latency);
        self.good += other.good;
        for (code, many) in &other.bad {
            *self.bad.entry(code.clone()).or_default() += many;
        }
    }

    fn summary(&self, length_s: f64) -> StepSummary {
        StepSummary {
            good: self.good,
            bad: self.bad.clone(),
            good_per_s: self.good as f64 / length_s,
            latency: Latency::of(&self.latency),
        }
    }
}

impl PerSecond {
    fn new() -> Self {
        let requests = Histogram::new_with_max(LONGEST_US, 2).expect("a range and precision that hdrhistogram has");
        Self { requests, lifecycles: 0, positions: 0, bad: BTreeMap::new(), server_rss_mb: None }
    }

    fn note(&mut self, step: &str, us: u64, outcome: Outcome<'_>, is_request: bool) {
        if is_request {
            self.requests.saturating_record(us);
        }
        match outcome {
            Outcome::Bad(code) => add_one(&mut self.bad, code),
            Outcome::Good if step == "lifecycle" => self.lifecycles += 1,
            Outcome::Good if step == "position" => self.positions += 1,
            Outcome::Good => {}
        }
    }

    fn summary(&self) -> Second {
        Second {
            requests: self.requests.len(),
            lifecycles: self.lifecycles,
            positions: self.positions,
            bad: self.bad.clone(),
            p50_ms: self.requests.value_at_quantile(0.5) as f64 / 1e3,
            p99_ms: self.requests.value_at_quantile(0.99) as f64 / 1e3,
            max_ms: self.requests.max() as f64 / 1e3,
            server_rss_mb: self.server_rss_mb,
        }
    }
}

fn add_one(counts: &mut BTreeMap<String, u64>, code: &str) {
    match counts.get_mut(code) {
        Some(many) => *many += 1,
        None => {
            counts.insert(code.to_owned(), 1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn latency_counts_from_the_intended_start_and_warm_up_is_left_out() {
        let begun = Instant::now().checked_sub(Duration::from_secs(2)).expect("some uptime");
        let recorder = Recorder::new(begun, Duration::from_secs(1), Duration::from_secs(10));
        recorder.request("accept", begun, Outcome::Good);
        recorder.request("accept", Instant::now(), Outcome::Bad("call_taken"));
        let warm_up = Recorder::new(begun, Duration::from_secs(5), Duration::from_secs(10));
        warm_up.request("accept", begun, Outcome::Good);

        let noted = recorder.snapshot();
        let accept = &noted.steps["accept"];
        assert!((2_000.0..2_100.0).contains(&accept.latency.max_ms), "{accept:?}");
        assert_eq!((accept.good, accept.bad["call_taken"]), (1, 1));
        assert_eq!(noted.steps["any_request"].good, 1);
        assert_eq!(noted.seconds[2].requests, 2);
        assert_eq!(noted.seconds[2].bad["call_taken"], 1);
        assert_eq!(warm_up.snapshot().steps.get("accept"), None);
        assert_eq!(warm_up.snapshot().seconds[2].requests, 1);
    }
}
