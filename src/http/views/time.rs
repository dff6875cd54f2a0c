//! Times as clients see them: RFC 3339, UTC, always with milliseconds, so that they sort as texts.

use jiff::Timestamp;
use serde::{Serialize, Serializer};

/// A time as RFC 3339 writes it, in UTC, with milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::http) struct Time(pub Timestamp);

impl From<Timestamp> for Time {
    fn from(at: Timestamp) -> Self {
        Self(at)
    }
}

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("{:.3}", self.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_sort_as_texts() -> Result<(), Box<dyn std::error::Error>> {
        let shown = |text: &str| -> Result<String, Box<dyn std::error::Error>> {
            Ok(serde_json::to_string(&Time(text.parse()?))?)
        };
        assert_eq!(shown("2026-01-01T00:00:00Z")?, "\"2026-01-01T00:00:00.000Z\"");
        assert!(shown("2026-01-01T00:00:00.01Z")? < shown("2026-01-01T00:00:00.012Z")?);
        Ok(())
    }
}
