//! JSON reports in one Markdown table, for results that are kept.

use std::path::PathBuf;

use anyhow::{Context, Result};
use serde_json::Value;

const HEAD: &str = "\
| scenario | lifecycles/s | requests/s | positions/s | p50 ms | p99 ms | other p99 ms | server, % of a core | server, MB \
| ratio to the ceiling | checked | thresholds |
|---|---:|---:|---:|---:|---:|---|---:|---:|---:|---:|---|
";

/// Steps with a latency of their own worth a place in the table.
const OTHERS: [&str; 3] = ["change_seen", "searchable", "lifecycle"];

/// The table of reports.
pub(super) fn table(reports: &[PathBuf]) -> Result<String> {
    let mut text = HEAD.to_owned();
    for path in reports {
        let named = || format!("the report {}", path.display());
        let report = std::fs::read_to_string(path).with_context(named)?;
        text += &line(&serde_json::from_str(&report).with_context(named)?);
    }
    Ok(text)
}

fn line(report: &Value) -> String {
    let steps = &report["steps"];
    let per_s = |step: &str| figure(&steps[step]["good_per_s"], 0);
    let latency = |step: &str, which: &str| figure(&steps[step]["latency"][which], 1);
    let others = OTHERS.iter().filter(|step| !steps[**step].is_null());
    let others: Vec<String> = others.map(|step| format!("{step} {}", latency(step, "p99_ms"))).collect();
    let measured_s = report["measured_s"].as_f64().unwrap_or(f64::NAN);
    let server = report["server"]["cpu_s"].as_f64().map(|cpu_s| Value::from(100.0 * cpu_s / measured_s));
    let cells = [
        report["name"].as_str().unwrap_or("?").to_owned(),
        per_s("lifecycle"),
        per_s("any_request"),
        per_s("position"),
        latency("any_request", "p50_ms"),
        latency("any_request", "p99_ms"),
        others.join(", "),
        figure(&server.unwrap_or_default(), 0),
        figure(&report["server"]["rss_mb"], 0),
        figure(&report["ceiling"]["ratio"], 2),
        figure(&report["findings"]["read_back"], 0),
        verdict(&report["broken"]),
    ];
    format!("| {} |\n", cells.join(" | "))
}

fn figure(value: &Value, digits: usize) -> String {
    value.as_f64().map(|number| format!("{number:.digits$}")).unwrap_or_default()
}

fn verdict(broken: &Value) -> String {
    let broken: Vec<&str> = broken.as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    if broken.is_empty() { "hold".to_owned() } else { format!("NOT MET: {}", broken.join("; ").replace('|', "/")) }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    #[test]
    fn a_report_is_a_line_and_what_it_has_not_is_left_empty() {
        let latency = json!({"p50_ms": 1.0, "p99_ms": 9.25});
        let report = json!({"name": "lifecycle", "measured_s": 10.0, "server": {"cpu_s": 5.0, "rss_mb": 80.2},
            "steps": {"any_request": {"good_per_s": 6000.4, "latency": latency}}, "broken": ["too | slow"]});
        let line = super::line(&report);
        assert_eq!(line, "| lifecycle |  | 6000 |  | 1.0 | 9.2 |  | 50 | 80 |  |  | NOT MET: too / slow |\n");
    }
}
