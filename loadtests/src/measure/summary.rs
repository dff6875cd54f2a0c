//! The figures, as they stand in the JSON file.

use std::collections::BTreeMap;

use hdrhistogram::Histogram;
use serde::Serialize;

use super::Usage;
use crate::{check::Findings, scenario::Scenario};

/// What a run came to.
#[derive(Debug, Clone, Serialize)]
pub struct Summary {
    /// The scenario's name: its file's.
    pub name: String,
    /// The scenario in full, defaults filled in.
    pub scenario: Scenario,
    /// What was said on the command line about store, commit and settings.
    pub labels: BTreeMap<String, String>,
    pub machine: String,
    /// When the load began.
    pub begun_at: String,
    /// How long was measured, seconds.
    pub measured_s: f64,
    pub steps: BTreeMap<String, StepSummary>,
    /// Whatever else was counted.
    pub counts: BTreeMap<String, u64>,
    /// What the checks found.
    pub findings: Findings,
    /// What the client used while it was measured.
    pub client: Usage,
    /// What the server used while it was measured (`rss_mb`: at the end), when its process is known.
    pub server: Option<Usage>,
    /// Processor time that the machine spent on anything while it was measured, seconds: client, server, store, others.
    pub machine_busy_s: f64,
    /// The server's memory when the measurement began, MB.
    pub server_rss_begin_mb: Option<f64>,
    /// The bare server under the same load, and the ratio to it.
    pub ceiling: Option<Ceiling>,
    /// Thresholds that do not hold.
    pub broken: Vec<String>,
    pub seconds: Vec<Second>,
}

/// The bare server in the same run.
#[derive(Debug, Clone, Serialize)]
pub struct Ceiling {
    pub lifecycles_per_s: f64,
    /// Of any request, ms.
    pub latency: Latency,
    /// The server's lifecycles per second over the ceiling's.
    pub ratio: f64,
}

/// One step.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct StepSummary {
    /// How often it ended well.
    pub good: u64,
    /// How often not, by code.
    pub bad: BTreeMap<String, u64>,
    /// Good ones per second.
    pub good_per_s: f64,
    /// From the intended start to the end, good or not.
    pub latency: Latency,
}

/// Latencies, ms.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[expect(missing_docs, reason = "the names are the percentiles")]
pub struct Latency {
    pub mean_ms: f64,
    pub p50_ms: f64,
    pub p90_ms: f64,
    pub p99_ms: f64,
    pub p999_ms: f64,
    pub max_ms: f64,
}

/// One second of the run.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Second {
    /// Requests that ended in it.
    pub requests: u64,
    /// Lifecycles that were finished in it.
    pub lifecycles: u64,
    /// Position updates taken in it.
    pub positions: u64,
    /// Refusals and failures in it, by code.
    pub bad: BTreeMap<String, u64>,
    /// Median of its requests, ms.
    pub p50_ms: f64,
    /// 99th percentile of its requests, ms.
    pub p99_ms: f64,
    /// The slowest of its requests, ms.
    pub max_ms: f64,
    /// The server's resident memory in it, MB, when its process is known.
    pub server_rss_mb: Option<f64>,
}

impl Latency {
    pub(super) fn of(histogram: &Histogram<u64>) -> Self {
        let ms = |quantile| histogram.value_at_quantile(quantile) as f64 / 1e3;
        Self {
            mean_ms: histogram.mean() / 1e3,
            p50_ms: ms(0.5),
            p90_ms: ms(0.9),
            p99_ms: ms(0.99),
            p999_ms: ms(0.999),
            max_ms: histogram.max() as f64 / 1e3,
        }
    }
}

impl Summary {
    /// By which share of itself the server's memory grew from the first tenth of the measured time to the last one.
    #[must_use]
    pub fn server_growth_share(&self) -> Option<f64> {
        let (from, to) = (self.scenario.warmup_s as usize, self.scenario.duration_s as usize);
        let measured = self.seconds.iter().take(to).skip(from).filter_map(|second| second.server_rss_mb);
        growth_share(&measured.collect::<Vec<f64>>())
    }
}

fn growth_share(samples: &[f64]) -> Option<f64> {
    let tenth = samples.len().div_ceil(10);
    let mean = |some: &[f64]| some.iter().sum::<f64>() / some.len() as f64;
    let (first, last) = (samples.get(..tenth)?, samples.get(samples.len() - tenth..)?);
    (tenth > 0).then(|| mean(last) / mean(first) - 1.0)
}

impl StepSummary {
    /// How often it did not end well.
    #[must_use]
    pub fn bad_total(&self) -> u64 {
        self.bad.values().sum()
    }
}

#[cfg(test)]
mod tests {
    use super::growth_share;

    #[test]
    fn memory_grows_by_the_share_between_its_first_and_its_last_tenth() {
        let flat: Vec<f64> = (0..100).map(|second| if second < 50 { 100.0 } else { 101.0 }).collect();
        assert!((growth_share(&flat).expect("samples") - 0.01).abs() < 1e-9);
        assert_eq!(growth_share(&[100.0, 300.0]), Some(2.0));
        assert_eq!(growth_share(&[]), None);
    }
}
