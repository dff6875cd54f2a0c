//! How long to wait before trying again. Only the figures; who waits computes the time.

use serde::{Deserialize, Serialize};

use super::Check;

/// Waits that grow: `initial_ms`, then `factor` times as long each time, up to `max_ms`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Backoff {
    /// The first wait, milliseconds, 1 to 3,600,000.
    pub initial_ms: u64,
    /// By how much each wait is longer than the one before, 1 to 100.
    pub factor: f64,
    /// The longest wait, milliseconds, `initial_ms` to 3,600,000.
    pub max_ms: u64,
    /// The share of a wait that is random, 0 to 1; it only ever shortens a wait: with 0.2 it lasts 80 to 100 %.
    pub jitter: f64,
}

/// A partial [`Backoff`]: what is set wins over a default.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct BackoffOverride {
    /// See [`Backoff::initial_ms`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub initial_ms: Option<u64>,
    /// See [`Backoff::factor`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub factor: Option<f64>,
    /// See [`Backoff::max_ms`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_ms: Option<u64>,
    /// See [`Backoff::jitter`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub jitter: Option<f64>,
}

impl BackoffOverride {
    /// Whether it changes nothing.
    pub(super) fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// This over `default`.
    #[must_use]
    pub fn over(self, default: Backoff) -> Backoff {
        Backoff {
            initial_ms: self.initial_ms.unwrap_or(default.initial_ms),
            factor: self.factor.unwrap_or(default.factor),
            max_ms: self.max_ms.unwrap_or(default.max_ms),
            jitter: self.jitter.unwrap_or(default.jitter),
        }
    }

    /// Everything of `backoff`, as an override.
    fn all(backoff: Backoff) -> Self {
        Self {
            initial_ms: Some(backoff.initial_ms),
            factor: Some(backoff.factor),
            max_ms: Some(backoff.max_ms),
            jitter: Some(backoff.jitter),
        }
    }

    /// Checks what is set, and that it goes with `default`.
    pub(super) fn check(self, default: Backoff, mut check: Check<'_>) {
        if let Some(wait) = self.initial_ms {
            check.range("initial_ms", wait, 1..=3_600_000);
        }
        if let Some(factor) = self.factor {
            check.range("factor", factor, 1.0..=100.0);
        }
        if let Some(wait) = self.max_ms {
            check.range("max_ms", wait, 1..=3_600_000);
        }
        if let Some(jitter) = self.jitter {
            check.range("jitter", jitter, 0.0..=1.0);
        }
        let Backoff { initial_ms, max_ms, .. } = self.over(default);
        if (self.initial_ms.is_some() || self.max_ms.is_some()) && initial_ms > max_ms {
            check.contradiction(
                &["max_ms", "initial_ms"],
                format!("max_ms ({max_ms}) must not be below initial_ms ({initial_ms})"),
            );
        }
    }
}

impl Backoff {
    pub(super) fn check(self, check: Check<'_>) {
        BackoffOverride::all(self).check(self, check);
    }
}
