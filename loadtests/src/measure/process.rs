//! What a process on this machine uses, from `/proc`: for the server's memory, and to see that the client is not the limit.

use serde::Serialize;

/// Ticks of `/proc/*/stat` per second: fixed for programs on Linux.
const TICKS_PER_S: f64 = 100.0;

/// What a process uses.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Usage {
    /// Processor time since its start, seconds.
    pub cpu_s: f64,
    /// Resident memory, MB (10⁶ bytes).
    pub rss_mb: f64,
}

/// What a process uses now; `None` where it cannot be read.
#[must_use]
pub fn usage(pid: u32) -> Option<Usage> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name in parentheses may hold spaces: fields are counted after it.
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let ticks = fields.get(11)?.parse::<f64>().ok()? + fields.get(12)?.parse::<f64>().ok()?;
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kib: f64 = line.split_whitespace().next()?.parse().ok()?;
    Some(Usage { cpu_s: ticks / TICKS_PER_S, rss_mb: kib * 1.024 / 1_000.0 })
}

/// Processor time that this machine has spent on anything since its start, seconds; 0 where it cannot be read.
#[must_use]
pub fn machine_busy_s() -> f64 {
    let stat = std::fs::read_to_string("/proc/stat").unwrap_or_default();
    let Some(line) = stat.lines().next().and_then(|line| line.strip_prefix("cpu ")) else { return 0.0 };
    let ticks: Vec<f64> = line.split_whitespace().filter_map(|ticks| ticks.parse().ok()).collect();
    // user, nice, system, (idle, iowait), irq, softirq; what follows other machines took, or is counted already
    [0, 1, 2, 5, 6].iter().filter_map(|field| ticks.get(*field)).sum::<f64>() / TICKS_PER_S
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    #[test]
    fn this_process_uses_something() {
        let usage = super::usage(std::process::id()).expect("/proc");
        assert!(usage.rss_mb > 0.5, "{usage:?}");
        assert_eq!(super::usage(u32::MAX), None);
    }
}
