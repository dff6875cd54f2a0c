//! The command line.

use std::{collections::BTreeMap, path::PathBuf, process::ExitCode};

use anyhow::{Context, Result};
use clap::{Parser, Subcommand};

use crate::{
    ceiling,
    measure::Summary,
    report,
    run::{self, Plan},
    scenario::Scenario,
    thresholds,
};

/// Load tests of callout.
#[derive(Debug, Parser)]
#[command(name = "loadtests", version)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Plays a scenario against a server; the exit code is 1 when a threshold does not hold or a check finds something
    Run(RunArgs),
    /// Plays a scenario against a server and then against the bare one, and reports the ratio
    Compare(CompareArgs),
    /// Serves the same requests with the same number of Redis round trips and nothing else
    Ceiling(CeilingArgs),
    /// Prints a Markdown table of JSON reports
    Table {
        /// The reports
        #[arg(required = true)]
        reports: Vec<PathBuf>,
    },
    /// Prints a line of JSON for each JSON report: its figures, without the scenario and without every second
    Figures {
        /// The reports
        #[arg(required = true)]
        reports: Vec<PathBuf>,
    },
}

#[derive(Debug, clap::Args)]
struct RunArgs {
    /// The scenario's file
    scenario: PathBuf,
    /// Where the server is
    #[arg(long, default_value = "http://127.0.0.1:8080")]
    target: String,
    /// What the server's tokens are signed with; unset: what CALLOUT_AUTH__SECRET holds
    #[arg(long)]
    secret: Option<String>,
    /// The server's process on this machine, whose memory and processor time are noted
    #[arg(long)]
    server_pid: Option<u32>,
    /// Where reports go: NAME.json and NAME.html
    #[arg(long, default_value = "target/loadtests")]
    out: PathBuf,
    /// What the reports are called, instead of the scenario's file
    #[arg(long)]
    name: Option<String>,
    /// What the reports are to say, such as --label store=redis --label commit=1a2b3c
    #[arg(long = "label", value_parser = label)]
    labels: Vec<(String, String)>,
    /// Instead of the scenario's arrivals per second
    #[arg(long)]
    rate: Option<f64>,
    /// Instead of the scenario's lifecycles at a time
    #[arg(long)]
    concurrency: Option<u32>,
    /// Instead of the scenario's duration, seconds
    #[arg(long)]
    duration: Option<f64>,
    /// Instead of the scenario's peak_per_s, with the arrivals per second in proportion: what `lifecycle` came to
    #[arg(long)]
    peak: Option<f64>,
    /// Instead of the scenario's number of calls that are made before and stay
    #[arg(long)]
    prefill: Option<u64>,
    /// Instead of the scenario's trace: a file of `at,lat,lng`, plain or gzip
    #[arg(long)]
    trace: Option<PathBuf>,
    /// Instead of the scenario's speed of the trace: how many times faster than it was
    #[arg(long)]
    speed: Option<f64>,
    /// Instead of the scenario's hours of the trace
    #[arg(long)]
    hours: Option<f64>,
    /// Shows no progress
    #[arg(long)]
    quiet: bool,
}

#[derive(Debug, clap::Args)]
struct CompareArgs {
    #[command(flatten)]
    run: RunArgs,
    /// The bare server's Redis
    #[arg(long)]
    store: String,
}

#[derive(Debug, clap::Args)]
struct CeilingArgs {
    /// Its Redis, such as redis://127.0.0.1:6379/9
    #[arg(long)]
    store: String,
    /// Where it listens
    #[arg(long, default_value = "127.0.0.1:8090")]
    bind: String,
}

/// Does what the command line says.
#[must_use]
pub fn main(args: Args) -> ExitCode {
    let done = match args.command {
        Command::Run(args) => play(&args, None),
        Command::Compare(CompareArgs { run, store }) => play(&run, Some(&store)),
        Command::Ceiling(CeilingArgs { store, bind }) => ceiling::serve(&store, &bind).map(|()| true),
        Command::Table { reports } => report::print_markdown(&reports).map(|()| true),
        Command::Figures { reports } => report::print_figures(&reports).map(|()| true),
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(error) => {
            eprintln!("loadtests: {error:#}");
            ExitCode::from(2)
        }
    }
}

/// Plays and reports. Whether every threshold holds.
fn play(args: &RunArgs, ceiling: Option<&str>) -> Result<bool> {
    let plan = plan(args)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let summary = runtime.block_on(async {
        let mut summary = run::play(&plan).await?;
        if let Some(store) = ceiling {
            summary.ceiling = Some(ceiling::measure(&plan, store, &summary).await?);
            summary.broken = thresholds::broken(&summary);
        }
        anyhow::Ok(summary)
    })?;
    tell(&plan, &summary)?;
    Ok(summary.broken.is_empty())
}

fn tell(plan: &Plan, summary: &Summary) -> Result<()> {
    report::print(summary)?;
    if let Some(out) = &plan.out {
        let files = report::write(summary, out)?;
        eprintln!("{}", files.join("\n"));
    }
    Ok(())
}

fn plan(args: &RunArgs) -> Result<Plan> {
    let mut scenario = Scenario::read(&args.scenario)?;
    let file = args.scenario.file_stem().context("the scenario needs a file's name")?;
    let name = args.name.clone().unwrap_or_else(|| file.to_string_lossy().into_owned());
    change(&mut scenario, args)?;
    scenario.check().context("the scenario with what the command line changes")?;
    Ok(Plan {
        name,
        scenario,
        target: args.target.clone(),
        secret: secret(args)?,
        server_pid: args.server_pid,
        labels: args.labels.iter().cloned().collect::<BTreeMap<_, _>>(),
        quiet: args.quiet,
        out: Some(args.out.clone()),
    })
}

fn secret(args: &RunArgs) -> Result<String> {
    let given = args.secret.clone().or_else(|| std::env::var("CALLOUT_AUTH__SECRET").ok());
    given.context("the server's secret is not known: set CALLOUT_AUTH__SECRET as for the server, or give --secret")
}

/// What the command line changes.
fn change(scenario: &mut Scenario, args: &RunArgs) -> Result<()> {
    scenario.duration_s = args.duration.unwrap_or(scenario.duration_s);
    if let Some(load) = scenario.load.as_mut() {
        if let Some((peak, was)) = args.peak.zip(load.peak_per_s) {
            load.rate_per_s = load.rate_per_s.map(|rate| rate / was * peak);
            load.peak_per_s = Some(peak);
        }
        if args.rate.is_some() || args.concurrency.is_some() {
            (load.rate_per_s, load.concurrency) = (args.rate, args.concurrency);
        }
    }
    if let Some(positions) = scenario.positions.as_mut() {
        positions.rate_per_s = args.rate.unwrap_or(positions.rate_per_s);
    }
    if let Some(calls) = args.prefill {
        scenario.prefill.as_mut().context("--prefill: the scenario has no table prefill")?.calls = calls;
    }
    let of_a_trace = args.trace.is_some() || args.speed.is_some() || args.hours.is_some();
    if of_a_trace {
        let replay = scenario.replay.as_mut().context("--trace, --speed, --hours: the scenario has no table replay")?;
        replay.trace = args.trace.clone().unwrap_or_else(|| replay.trace.clone());
        replay.speed = args.speed.unwrap_or(replay.speed);
        replay.hours = args.hours.or(replay.hours);
    }
    Ok(())
}

fn label(text: &str) -> Result<(String, String), String> {
    let pair = text.split_once('=').ok_or_else(|| format!("{text}: must be NAME=TEXT"))?;
    Ok((pair.0.to_owned(), pair.1.to_owned()))
}
