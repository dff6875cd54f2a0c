//! What must hold for the exit code 0.

use crate::{measure::Summary, scenario::Thresholds};

/// Every threshold that does not hold, in a sentence each. What the checks found wrong is among them.
#[must_use]
pub fn broken(summary: &Summary) -> Vec<String> {
    let thresholds = &summary.scenario.thresholds;
    let mut broken = summary.findings.wrongs();
    rates(summary, thresholds, &mut broken);
    shares(summary, thresholds, &mut broken);
    answered(summary, thresholds, &mut broken);
    goodput(summary, thresholds, &mut broken);
    for (step, limit_ms) in &thresholds.p99_ms_max {
        match summary.steps.get(step).map(|step| step.latency.p99_ms) {
            Some(p99_ms) if p99_ms <= *limit_ms => {}
            Some(p99_ms) => broken.push(format!("p99 of {step} is {p99_ms:.1} ms, must be at most {limit_ms} ms")),
            None => broken.push(format!("p99 of {step} must be at most {limit_ms} ms, but there was no such step")),
        }
    }
    for what in [
        "refusals_without_retry_after",
        "answers_not_understood",
        "frames_not_understood",
        "calls_with_two_winners",
        "faults_not_set",
        "positions_not_confirmed",
        "moved_drivers_not_found",
        "driver_sockets_lost",
        "customer_sockets_lost",
    ] {
        if let Some(many) = summary.counts.get(what) {
            broken.push(format!("{what} is {many}, must be 0"));
        }
    }
    memory(summary, thresholds, &mut broken);
    sockets(summary, thresholds, &mut broken);
    if let Some((ceiling, least)) = summary.ceiling.as_ref().zip(thresholds.ceiling_ratio_min)
        && ceiling.ratio < least
    {
        broken.push(format!("the ratio to the ceiling is {:.2}, must be at least {least}", ceiling.ratio));
    }
    broken
}

fn rates(summary: &Summary, thresholds: &Thresholds, broken: &mut Vec<String>) {
    for (what, step, least) in [
        ("lifecycles", "lifecycle", thresholds.lifecycles_per_s_min),
        ("good requests", "any_request", thresholds.requests_per_s_min),
        ("position updates", "position", thresholds.positions_per_s_min),
    ] {
        let per_s = summary.steps.get(step).map_or(0.0, |step| step.good_per_s);
        if let Some(least) = least.filter(|least| per_s < *least) {
            broken.push(format!("{what} per second: {per_s:.1}, must be at least {least}"));
        }
    }
}

fn shares(summary: &Summary, thresholds: &Thresholds, broken: &mut Vec<String>) {
    if let (Some(most), Some(all)) = (thresholds.error_share_max, summary.steps.get("any_request")) {
        let (bad, total) = (all.bad_total(), all.good + all.bad_total());
        let share = bad as f64 / (total.max(1)) as f64;
        if share > most {
            broken
                .push(format!("{bad} of {total} requests were refused or failed ({share:.4}), must be at most {most}"));
        }
    }
    if let Some(least) = thresholds.finished_share_min {
        let count = |what| summary.counts.get(what).copied().unwrap_or_default();
        let begun = count("lifecycles_begun") + count("arrivals_not_sent");
        let lost = unfinished(summary) + count("lifecycles_refused") + count("arrivals_not_sent");
        let share = 1.0 - lost as f64 / begun.max(1) as f64;
        if share < least {
            broken.push(format!(
                "{lost} of {begun} lifecycles were not finished ({share:.4} were), must be at least {least}"
            ));
        }
    }
}

/// Lifecycles that have ended neither well nor with a refusal.
fn unfinished(summary: &Summary) -> u64 {
    let count = |what| summary.counts.get(what).copied().unwrap_or_default();
    count("lifecycles_not_finished") + count("lifecycles_given_up")
}

fn answered(summary: &Summary, thresholds: &Thresholds, broken: &mut Vec<String>) {
    let Some(least) = thresholds.answered_share_min else { return };
    let begun = summary.counts.get("lifecycles_begun").copied().unwrap_or_default();
    let lost = unfinished(summary);
    let share = 1.0 - lost as f64 / begun.max(1) as f64;
    if share < least {
        broken.push(format!(
            "{lost} of {begun} lifecycles were neither finished nor refused in an orderly way ({share:.4} were), must be at \
             least {least}"
        ));
    }
}

fn goodput(summary: &Summary, thresholds: &Thresholds, broken: &mut Vec<String>) {
    let peak = summary.scenario.load.as_ref().and_then(|load| load.peak_per_s);
    let Some((peak, least)) = peak.zip(thresholds.goodput_of_peak_min) else { return };
    let per_s = summary.steps.get("lifecycle").map_or(0.0, |step| step.good_per_s);
    if per_s < least * peak {
        let share = per_s / peak;
        broken.push(format!("{per_s:.1} lifecycles/s are {share:.2} of the peak of {peak}, must be at least {least}"));
    }
}

fn sockets(summary: &Summary, thresholds: &Thresholds, broken: &mut Vec<String>) {
    let bytes = summary.counts.get("server_bytes_per_socket").copied();
    let Some((bytes, most_kb)) = bytes.zip(thresholds.server_kb_per_socket_max) else { return };
    let kb = bytes as f64 / 1e3;
    if kb > most_kb {
        broken.push(format!("a socket takes {kb:.1} kB of the server's memory, must be at most {most_kb} kB"));
    }
}

fn memory(summary: &Summary, thresholds: &Thresholds, broken: &mut Vec<String>) {
    let Some(server) = summary.server else {
        let limits = [
            thresholds.server_rss_mb_max,
            thresholds.server_growth_mb_max,
            thresholds.server_growth_share_max,
            thresholds.server_kb_per_socket_max,
        ];
        if limits.iter().any(Option::is_some) {
            broken.push("the server's memory is limited but not known; name its process with --server-pid".to_owned());
        }
        return;
    };
    if let Some((most, share)) = thresholds.server_growth_share_max.zip(summary.server_growth_share())
        && share > most
    {
        broken.push(format!("the server's memory grew by the share {share:.3} of itself, must be at most {most}"));
    }
    if let Some(most) = thresholds.server_rss_mb_max.filter(|most| server.rss_mb > *most) {
        broken.push(format!("the server's memory is {:.0} MB, must be at most {most} MB", server.rss_mb));
    }
    let growth = server.rss_mb - summary.server_rss_begin_mb.unwrap_or(server.rss_mb);
    if let Some(most) = thresholds.server_growth_mb_max.filter(|most| growth > *most) {
        broken.push(format!("the server's memory grew by {growth:.0} MB, must be at most {most} MB"));
    }
}
