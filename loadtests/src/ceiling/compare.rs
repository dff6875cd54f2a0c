//! The same load on the bare server, right after the real one.

use std::process::{Child, Command};

use anyhow::{Context, Result};

use super::server;
use crate::{
    measure::{Ceiling, Summary},
    run::{self, Plan},
    scenario::Checks,
};

/// Measures the bare server with the scenario of `plan`. It runs in a process of its own, as the real one does.
///
/// # Errors
/// When it cannot be started.
pub async fn measure(plan: &Plan, store: &str, real: &Summary) -> Result<Ceiling> {
    let _ = server::connect(store).await?;
    let address = free_address()?;
    let program = std::env::current_exe().context("this program's file")?;
    let child = Command::new(program).args(["ceiling", "--store", store, "--bind", &address]).spawn();
    let child = Bare(child.context("the bare server")?);
    let mut bare = plan.clone();
    bare.target = format!("http://{address}");
    bare.server_pid = Some(child.0.id());
    bare.scenario.checks = Checks { read_back: 0.0, ledger: 0.0, ..bare.scenario.checks };
    let bare = run::play(&bare).await?;
    let rate = |summary: &Summary| summary.steps.get("lifecycle").map_or(0.0, |step| step.good_per_s);
    let latency = bare.steps.get("any_request").context("no requests reached the bare server")?.latency;
    Ok(Ceiling { lifecycles_per_s: rate(&bare), latency, ratio: rate(real) / rate(&bare) })
}

/// The bare server's process: it ends with the measurement.
struct Bare(Child);

impl Drop for Bare {
    fn drop(&mut self) {
        // It may have ended by itself; the measurement has failed then.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn free_address() -> Result<String> {
    let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
    Ok(listener.local_addr()?.to_string())
}
