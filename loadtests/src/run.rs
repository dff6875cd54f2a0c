//! Plays a scenario from beginning to end: sets the stage, lets the load arrive, waits, checks, sums up.

use std::{
    collections::BTreeMap,
    path::PathBuf,
    sync::{Arc, atomic::Ordering},
    time::{Duration, Instant},
};

use anyhow::{Context, Result};
use indicatif::{ProgressBar, ProgressStyle};
use tokio::{
    task::AbortHandle,
    time::{sleep, sleep_until},
};

use crate::{
    check::{self, Findings},
    clock,
    measure::{Recorder, Summary, Usage, machine_busy_s, usage},
    scenario::{Placement, Scenario, Transport},
    target, thresholds, trace,
    wire::{Http, Minter, Target},
    work::{self, Crowd, Place, Stage},
};

/// What to play, and where.
#[derive(Debug, Clone)]
pub struct Plan {
    pub name: String,
    pub scenario: Scenario,
    /// Where the server is: `http://host:port`.
    pub target: String,
    /// What the server's tokens are signed with.
    pub secret: String,
    /// The server's process, when it runs on this machine.
    pub server_pid: Option<u32>,
    /// What the reports say about store, commit and settings.
    pub labels: BTreeMap<String, String>,
    /// Whether progress is shown.
    pub quiet: bool,
    pub out: Option<PathBuf>,
}

/// What was used until some moment.
struct Used {
    client: Usage,
    server: Option<Usage>,
    machine_s: f64,
}

/// Plays a plan.
///
/// # Errors
/// When the stage cannot be set: no server, a wrong secret, a refused driver. What goes wrong under load is a figure.
pub async fn play(plan: &Plan) -> Result<Summary> {
    let trace = plan.scenario.replay.as_ref().map(trace::read).transpose()?.unwrap_or_default();
    let mut scenario = plan.scenario.clone();
    if let Some((last, _)) = trace.last() {
        scenario.duration_s = last.as_secs_f64() + 1.0;
    }
    let patience = Duration::from_millis(scenario.calls.timeout_ms);
    let http = Http::new(Target::read(&plan.target)?, patience);
    let minter = Minter::new(&plan.secret);
    target::wait_until_ready(&http).await?;
    let services = target::services(&http, &minter).await?;
    let crowd = Crowd::new(&scenario, &services, &minter, &run_id(), places(&scenario, &trace))?;
    target::must_take(&http, &crowd, &pickups(&scenario, &trace), scenario.replay.is_some()).await?;
    let stage = set(plan, scenario, http, crowd).await?;
    let begun_at = clock::now();

    let helpers = helpers(plan, &stage);
    let before = tokio::spawn(usage_at_warm_up_end(Arc::clone(&stage), plan.server_pid));
    let (_, sent) = tokio::join!(work::feed(&stage, &trace), work::send_positions(&stage));
    sent?;
    sleep_until((stage.recorder.begun() + Duration::from_secs_f64(stage.scenario.duration_s)).into()).await;
    let after = used(plan.server_pid);
    drain(plan, &stage).await;
    helpers.into_iter().for_each(|helper| helper.abort());
    work::reset_faults(&stage).await;
    let findings = check(plan, &stage).await;
    let before = before.await.context("the figures of the warm-up's end")?;
    Ok(summary(plan, &stage, begun_at.to_string(), findings, &before, &after))
}

/// A stage whose clock has begun: everybody is registered and connected.
async fn set(plan: &Plan, scenario: Scenario, http: Http, crowd: Crowd) -> Result<Arc<Stage>> {
    let bar = bar(plan, "registering drivers", crowd.drivers.len() as u64);
    crowd.register(&http, || bar.inc(1)).await?;
    bar.finish_and_clear();
    let in_flight = scenario.load.as_ref().map_or(20_000, |load| load.in_flight_max);
    let lifecycles_max = in_flight.max(scenario.load.as_ref().and_then(|load| load.concurrency).unwrap_or(1) as usize);
    // A clock for what happens before the load; it is wound again below.
    let recorder = Recorder::new(Instant::now(), Duration::ZERO, Duration::from_secs(1));
    let mut stage = Stage::new(scenario, http, crowd, recorder, lifecycles_max);
    let bar = self::bar(plan, "making calls that stay", stage.scenario.prefill.as_ref().map_or(0, |some| some.calls));
    work::prefill(&stage, |many| bar.inc(many)).await?;
    bar.finish_and_clear();
    let (warmup, end) = (stage.scenario.warmup_s, stage.scenario.duration_s);
    let sockets = u32::from(stage.scenario.customer_sockets) * stage.scenario.customers;
    // Opening sockets takes a while: about a millisecond each.
    stage.recorder = Recorder::new(Instant::now(), Duration::from_secs_f64(warmup), Duration::from_secs_f64(end));
    let stage = Arc::new(stage);
    let bar = self::bar(plan, "opening sockets", sockets.into());
    let before = plan.server_pid.and_then(usage);
    if stage.scenario.customer_sockets {
        work::open_customers(&stage, || bar.inc(1)).await?;
    }
    bar.finish_and_clear();
    let after = before.and(plan.server_pid.and_then(usage));
    if stage.scenario.drivers.transport == Transport::Websocket {
        work::open_drivers(&stage).await?;
    }
    stage.recorder.begin_now();
    if let (Some(before), Some(after), 1..) = (before, after, sockets) {
        let bytes = (after.rss_mb - before.rss_mb).max(0.0) * 1e6 / f64::from(sockets);
        stage.recorder.count("server_bytes_per_socket", bytes as u64);
    }
    Ok(stage)
}

/// Where drivers wait.
fn places(scenario: &Scenario, trace: &[(Duration, Place)]) -> Box<dyn Iterator<Item = Place>> {
    let area = scenario.calls.area;
    match scenario.drivers.placement {
        Placement::Spread => Box::new((0..).map(move |number| Place::spread(area, number))),
        Placement::Demand => {
            let mut rng = fastrand::Rng::with_seed(scenario.seed);
            let pickups: Vec<Place> = trace.iter().map(|(_, place)| *place).collect();
            Box::new(std::iter::from_fn(move || rng.choice(pickups.iter()).copied()))
        }
    }
}

/// Some of the places where pickups will be.
fn pickups(scenario: &Scenario, trace: &[(Duration, Place)]) -> Vec<Place> {
    if trace.is_empty() {
        return (0..8).map(|number| Place::spread(scenario.calls.area, number)).collect();
    }
    let every = trace.len().div_ceil(24);
    trace.iter().step_by(every).map(|(_, place)| *place).collect()
}

fn run_id() -> String {
    let number = u64::try_from(clock::now().as_millisecond()).unwrap_or_default();
    format!("{number:x}")
}

fn helpers(plan: &Plan, stage: &Arc<Stage>) -> Vec<AbortHandle> {
    let bar = bar(plan, "load", stage.scenario.duration_s.ceil() as u64);
    let (shown, played, server) = (Arc::clone(stage), Arc::clone(stage), plan.server_pid);
    let progress = async move {
        loop {
            sleep(Duration::from_secs(1)).await;
            bar.set_position(shown.recorder.begun().elapsed().as_secs());
            let (begun, lost) = (shown.recorder.counted("lifecycles_begun"), shown.recorder.errors());
            if let Some(usage) = server.and_then(usage) {
                shown.recorder.server_memory(usage.rss_mb);
            }
            bar.set_message(format!("load: {begun} lifecycles begun, {lost} refusals or failures"));
        }
    };
    vec![tokio::spawn(progress).abort_handle(), tokio::spawn(work::play_faults(played)).abort_handle()]
}

async fn usage_at_warm_up_end(stage: Arc<Stage>, server: Option<u32>) -> Used {
    sleep_until((stage.recorder.begun() + Duration::from_secs_f64(stage.scenario.warmup_s)).into()).await;
    used(server)
}

fn used(server: Option<u32>) -> Used {
    let client = usage(std::process::id()).unwrap_or_default();
    Used { client, server: server.and_then(usage), machine_s: machine_busy_s() }
}

/// Waits for what is under way, as long as the scenario allows.
async fn drain(plan: &Plan, stage: &Stage) {
    let all = stage.rooms;
    let end = Instant::now() + Duration::from_secs_f64(stage.scenario.drain_s);
    let bar = bar(plan, "waiting for what has begun", 0);
    while stage.room.available_permits() < all && Instant::now() < end {
        sleep(Duration::from_millis(20)).await;
    }
    bar.finish_and_clear();
    stage.over.store(true, Ordering::Release);
    let under_way = all - stage.room.available_permits();
    if under_way > 0 {
        stage.recorder.count("lifecycles_given_up", under_way as u64);
    }
}

async fn check(plan: &Plan, stage: &Stage) -> Findings {
    let bar = bar(plan, "reading back", stage.recorder.counted("lifecycles_begun"));
    let findings = check::check(stage, || bar.inc(1)).await;
    bar.finish_and_clear();
    findings
}

fn bar(plan: &Plan, what: &str, length: u64) -> ProgressBar {
    if plan.quiet {
        return ProgressBar::hidden();
    }
    let style = ProgressStyle::with_template("{elapsed:>5} {bar:30} {pos}/{len} {msg}");
    let bar = ProgressBar::new(length).with_message(what.to_owned());
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    bar
}

fn summary(plan: &Plan, stage: &Stage, begun_at: String, findings: Findings, before: &Used, after: &Used) -> Summary {
    let snapshot = stage.recorder.snapshot();
    let used = |now: Usage, then: Usage| Usage { cpu_s: now.cpu_s - then.cpu_s, rss_mb: now.rss_mb };
    let mut summary = Summary {
        name: plan.name.clone(),
        scenario: stage.scenario.clone(),
        labels: plan.labels.clone(),
        machine: machine(),
        begun_at,
        measured_s: stage.scenario.duration_s - stage.scenario.warmup_s,
        steps: snapshot.steps,
        counts: snapshot.counts,
        findings,
        client: used(after.client, before.client),
        server: after.server.zip(before.server).map(|(now, then)| used(now, then)),
        machine_busy_s: after.machine_s - before.machine_s,
        server_rss_begin_mb: before.server.map(|usage| usage.rss_mb),
        ceiling: None,
        broken: Vec::new(),
        seconds: snapshot.seconds,
    };
    summary.broken = thresholds::broken(&summary);
    summary
}

/// This machine in a line.
fn machine() -> String {
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let info = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let named = info.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    let model = named.map_or("unknown processor", |(_, model)| model);
    format!("{cores} cores, {model}, {}", std::env::consts::OS)
}
