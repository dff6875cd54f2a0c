//! What is asked of the target before the load: whether it is ready, what it offers, and whether it takes calls from where the
//! scenario has them.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use hyper::header::HeaderValue;
use serde::Deserialize;
use tokio::time::sleep;

use crate::{
    wire::{FoundBy, Http, Minter, Role, Service},
    work::{Crowd, Place},
};

/// How long to wait until the server is ready.
const READY_PATIENCE: Duration = Duration::from_secs(60);

#[derive(Deserialize)]
struct Page {
    items: Vec<Service>,
}

/// Waits until the server takes requests.
///
/// # Errors
/// When it does not within a minute.
pub async fn wait_until_ready(http: &Http) -> Result<()> {
    let nobody = HeaderValue::from_static("none");
    let begun = Instant::now();
    loop {
        match http.get("/health/ready", &nobody).await {
            Ok(answer) if answer.is_ok() => return Ok(()),
            answer if begun.elapsed() > READY_PATIENCE => {
                let what = answer.map_or_else(|failure| failure.code().to_owned(), |answer| answer.status.to_string());
                bail!("GET /health/ready: {what}; start the server or name it with --target http://host:port");
            }
            _ => sleep(Duration::from_millis(50)).await,
        }
    }
}

/// The services that the target offers.
///
/// # Errors
/// When it does not tell.
pub async fn services(http: &Http, minter: &Minter) -> Result<Vec<Service>> {
    let operator = minter.bearer(Role::Operator, "load-test")?;
    let answer = http.get("/v1/services", &operator).await;
    let answer = answer.map_err(|failure| anyhow::anyhow!("GET /v1/services: {}", failure.code()))?;
    if answer.status == 401 {
        bail!("GET /v1/services: 401; --secret (CALLOUT_AUTH__SECRET) must be the secret that the server has");
    }
    let page = serde_json::from_slice::<Page>(&answer.body);
    Ok(page.with_context(|| format!("GET /v1/services: {}, not a list of services", answer.status))?.items)
}

/// Refuses a target whose service area does not take the scenario's pickups, by asking for quotes. Of a trace some may be
/// outside, but not all.
///
/// # Errors
/// When they are out of the area.
pub async fn must_take(http: &Http, crowd: &Crowd, pickups: &[Place], is_trace: bool) -> Result<()> {
    for fleet in &crowd.fleets {
        let Service { id, policy } = &fleet.service;
        if policy.found_by == FoundBy::Choose || policy.period == "required" {
            continue; // a quote for these is for one car and one time
        }
        let mut outside = 0;
        for (turn, pickup) in pickups.iter().enumerate() {
            let customer = &crowd.customers[turn % crowd.customers.len()];
            let body = format!(r#"{{"service":"{id}","pickup":{}}}"#, pickup.json());
            let answer = http.post("/v1/quotes", customer, body).await;
            outside += usize::from(answer.is_ok_and(|answer| answer.code() == "out_of_area"));
            let is_bearable = if is_trace { pickups.len() - 1 } else { 0 };
            if outside > is_bearable {
                let Place { lat, lng } = pickup;
                bail!(
                    "the target does not offer {id} at {lat}, {lng}, where the scenario has pickups; start it with services \
                     whose area takes them, as CALLOUT_CONFIG_DIR=loadtests/config does for replay, or change calls.area"
                );
            }
        }
    }
    Ok(())
}
