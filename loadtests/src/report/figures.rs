//! JSON reports in one small file, for results that are kept: a line of JSON for each, without what can be had elsewhere
//! (the scenario, which is a file of its own) and without the figures of every second, which only a plot needs.

use std::path::PathBuf;

use anyhow::{Context, Result};
use serde_json::{Number, Value};

/// The keys that are left out of a kept report.
const LEFT_OUT: [&str; 2] = ["scenario", "seconds"];

/// A line of JSON for each report.
pub(super) fn lines(reports: &[PathBuf]) -> Result<String> {
    let mut text = String::new();
    for path in reports {
        let named = || format!("the report {}", path.display());
        let report = std::fs::read_to_string(path).with_context(named)?;
        text += &line(serde_json::from_str(&report).with_context(named)?);
    }
    Ok(text)
}

fn line(mut report: Value) -> String {
    if let Some(report) = report.as_object_mut() {
        LEFT_OUT.iter().for_each(|key| drop(report.remove(*key)));
    }
    round(&mut report);
    format!("{report}\n")
}

/// Rounds fractions to a thousandth: no figure here is more exact.
fn round(value: &mut Value) {
    match value {
        Value::Number(number) if number.is_f64() => {
            let rounded = number.as_f64().map(|number| (number * 1_000.0).round() / 1_000.0);
            *number = rounded.and_then(Number::from_f64).unwrap_or_else(|| number.clone());
        }
        Value::Array(values) => values.iter_mut().for_each(round),
        Value::Object(values) => values.values_mut().for_each(round),
        Value::Number(_) | Value::Null | Value::Bool(_) | Value::String(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    #[test]
    fn a_report_is_a_line_without_its_scenario_and_its_seconds() {
        let report = json!({"name": "lifecycle", "scenario": {"seed": 1}, "seconds": [{"requests": 1}],
            "steps": {"accept": {"good": 7, "latency": {"p99_ms": 45.727_49}}}});
        let line = super::line(report);
        let kept: serde_json::Value = serde_json::from_str(&line).expect("a line of JSON");
        assert_eq!(kept, json!({"name": "lifecycle", "steps": {"accept": {"good": 7, "latency": {"p99_ms": 45.727}}}}));
        assert_eq!(line.lines().count(), 1);
    }
}
