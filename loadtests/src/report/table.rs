//! The table.

use std::fmt::Write as _;

use crate::measure::Summary;

/// The whole report as text.
pub(super) fn table(summary: &Summary) -> String {
    let mut text = String::new();
    // Writing to a string cannot fail.
    let _ = write(&mut text, summary);
    text
}

fn write(text: &mut String, summary: &Summary) -> std::fmt::Result {
    writeln!(text, "{}: {}", summary.name, summary.scenario.about)?;
    writeln!(text, "{}; measured {:.0} s from {}", summary.machine, summary.measured_s, summary.begun_at)?;
    for (label, value) in &summary.labels {
        writeln!(text, "{label}: {value}")?;
    }
    writeln!(
        text,
        "\n{:<22}{:>10}{:>8}{:>10}{:>9}{:>9}{:>9}{:>9}{:>9}  ms",
        "step", "good", "bad", "good/s", "p50", "p90", "p99", "p99.9", "max"
    )?;
    for (name, step) in &summary.steps {
        let latency = &step.latency;
        writeln!(
            text,
            "{name:<22}{:>10}{:>8}{:>10.1}{:>9.1}{:>9.1}{:>9.1}{:>9.1}{:>9.1}",
            step.good,
            step.bad_total(),
            step.good_per_s,
            latency.p50_ms,
            latency.p90_ms,
            latency.p99_ms,
            latency.p999_ms,
            latency.max_ms
        )?;
        for (code, many) in &step.bad {
            writeln!(text, "  {code:<20}{many:>18}")?;
        }
    }
    writeln!(text)?;
    for (what, many) in &summary.counts {
        writeln!(text, "{what}: {many}")?;
    }
    usage(text, summary)?;
    verdict(text, summary)
}

fn usage(text: &mut String, summary: &Summary) -> std::fmt::Result {
    let share = |cpu_s: f64| 100.0 * cpu_s / summary.measured_s;
    writeln!(text, "client: {:.0} % of one core", share(summary.client.cpu_s))?;
    if let Some(server) = &summary.server {
        let begin = summary.server_rss_begin_mb.unwrap_or_default();
        writeln!(text, "server: {:.0} % of one core, {begin:.0} → {:.0} MB", share(server.cpu_s), server.rss_mb)?;
    }
    if let Some(share) = summary.server_growth_share() {
        writeln!(text, "server memory: last tenth of the measured time over the first: {:+.1} %", 100.0 * share)?;
    }
    let own_s = summary.client.cpu_s + summary.server.map_or(0.0, |server| server.cpu_s);
    let others = share((summary.machine_busy_s - own_s).max(0.0));
    writeln!(text, "everything else on the machine, the store included: {others:.0} % of one core")?;
    if let Some(ceiling) = &summary.ceiling {
        let (rate, p99_ms) = (ceiling.lifecycles_per_s, ceiling.latency.p99_ms);
        writeln!(text, "ceiling: {rate:.1} lifecycles/s, p99 {p99_ms:.1} ms; ratio {:.2}", ceiling.ratio)?;
    }
    Ok(())
}

fn verdict(text: &mut String, summary: &Summary) -> std::fmt::Result {
    let findings = &summary.findings;
    writeln!(
        text,
        "checked: {} of {} calls read back, {} of them with their money; {} in a wrong state, {} acknowledgements lost, \
         {} charged twice, {} with wrong money, {} unreadable",
        findings.read_back,
        findings.driven,
        findings.with_ledger,
        findings.wrong_state,
        findings.lost_acknowledgements,
        findings.double_charges,
        findings.wrong_money,
        findings.unreadable
    )?;
    for example in &findings.examples {
        writeln!(text, "  {example}")?;
    }
    for broken in &summary.broken {
        writeln!(text, "NOT MET: {broken}")?;
    }
    if summary.broken.is_empty() {
        writeln!(text, "every threshold holds")?;
    }
    Ok(())
}
