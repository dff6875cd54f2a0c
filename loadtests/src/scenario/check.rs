//! What a scenario may not say. Every message names the key, what it holds and what it may hold.

use anyhow::{Result, ensure};

use super::{Placement, Scenario, Transport};

pub(super) fn check(scenario: &Scenario) -> Result<()> {
    times(scenario)?;
    what_arrives(scenario)?;
    shares(scenario)?;
    area(scenario)?;
    drivers(scenario)
}

fn times(scenario: &Scenario) -> Result<()> {
    let Scenario { duration_s, warmup_s, drain_s, .. } = scenario;
    ensure!((0.1..=86_400.0).contains(duration_s), "duration_s = {duration_s}: must be 0.1 to 86400 seconds");
    ensure!(
        (0.0..*duration_s).contains(warmup_s),
        "warmup_s = {warmup_s}: must be 0 or more and less than duration_s = {duration_s}"
    );
    ensure!((0.0..=3_600.0).contains(drain_s), "drain_s = {drain_s}: must be 0 to 3600 seconds");
    ensure!(scenario.customers > 0, "customers = 0: at least one customer is needed");
    Ok(())
}

fn what_arrives(scenario: &Scenario) -> Result<()> {
    let some = scenario.load.is_some() || scenario.positions.is_some() || scenario.replay.is_some();
    ensure!(some, "nothing arrives: one of the tables load, positions or replay is needed");
    ensure!(
        scenario.load.is_none() || scenario.replay.is_none(),
        "load and replay exclude each other: a trace says when calls arrive"
    );
    if let Some(load) = &scenario.load {
        match (load.rate_per_s, load.concurrency) {
            (Some(rate), None) => {
                ensure!(rate > 0.0 && rate <= 1e6, "load.rate_per_s = {rate}: must be above 0, at most 1000000");
            }
            (None, Some(many)) => {
                ensure!((1..=100_000).contains(&many), "load.concurrency = {many}: must be 1 to 100000");
            }
            _ => anyhow::bail!("load needs either rate_per_s (open) or concurrency (closed), one of them"),
        }
        ensure!(
            (0.0..=scenario.duration_s).contains(&load.ramp_s),
            "load.ramp_s = {}: must be 0 to duration_s = {}",
            load.ramp_s,
            scenario.duration_s
        );
        ensure!(
            load.peak_per_s.is_none_or(|peak| peak > 0.0 && load.rate_per_s.is_some()),
            "load.peak_per_s: must be above 0, beside load.rate_per_s"
        );
        ensure!(load.in_flight_max > 0, "load.in_flight_max = 0: must be 1 or more");
    }
    if let Some(positions) = &scenario.positions {
        let rate = positions.rate_per_s;
        ensure!(rate > 0.0 && rate <= 1e6, "positions.rate_per_s = {rate}: must be above 0, at most 1000000");
        ensure!(positions.ack_every > 0, "positions.ack_every = 0: must be 1 or more");
    }
    if let Some(replay) = &scenario.replay {
        let speed = replay.speed;
        ensure!(speed > 0.0 && speed <= 1e6, "replay.speed = {speed}: must be above 0, at most 1000000");
    }
    Ok(())
}

fn shares(scenario: &Scenario) -> Result<()> {
    let (calls, checks) = (&scenario.calls, &scenario.checks);
    let mut all = vec![
        ("calls.cancel_rate".to_owned(), calls.cancel_rate),
        ("calls.card_declined_rate".to_owned(), calls.card_declined_rate),
        ("drivers.decline_rate".to_owned(), scenario.drivers.decline_rate),
        ("checks.read_back".to_owned(), checks.read_back),
        ("checks.ledger".to_owned(), checks.ledger),
    ];
    for (index, fault) in scenario.faults.iter().enumerate() {
        ensure!(fault.at_s >= 0.0, "faults[{index}].at_s = {}: must be 0 or more", fault.at_s);
        all.push((format!("faults[{index}].decline_rate"), fault.decline_rate));
        all.push((format!("faults[{index}].error_rate"), fault.error_rate));
        all.push((format!("faults[{index}].timeout_rate"), fault.timeout_rate));
    }
    for (key, share) in all {
        ensure!((0.0..=1.0).contains(&share), "{key} = {share}: a share must be 0 to 1");
    }
    Ok(())
}

fn area(scenario: &Scenario) -> Result<()> {
    let area = scenario.calls.area;
    let on_earth = area.south >= -85.0 && area.north <= 85.0 && area.west >= -180.0 && area.east <= 180.0;
    ensure!(
        on_earth && area.south < area.north && area.west < area.east,
        "calls.area: south {} must be less than north {}, west {} less than east {}, all on earth",
        area.south,
        area.north,
        area.west,
        area.east
    );
    Ok(())
}

fn drivers(scenario: &Scenario) -> Result<()> {
    let drivers = &scenario.drivers;
    let [shortest, longest] = drivers.answer_ms;
    ensure!(shortest <= longest, "drivers.answer_ms = [{shortest}, {longest}]: the shortest comes first");
    ensure!(drivers.number > 0, "drivers.number = 0: without drivers nothing is finished");
    services(scenario)?;
    let has_peak = scenario.load.as_ref().is_some_and(|load| load.peak_per_s.is_some());
    ensure!(
        has_peak || scenario.thresholds.goodput_of_peak_min.is_none(),
        "thresholds.goodput_of_peak_min: of which peak? Say it in load.peak_per_s"
    );
    let sockets = drivers.transport == Transport::Websocket;
    ensure!(
        sockets || drivers.decline_rate == 0.0,
        "drivers.decline_rate: only drivers with sockets decline; set drivers.transport = \"websocket\""
    );
    ensure!(
        sockets || scenario.replay.is_none(),
        "replay: pickups are where the trace says, so drivers must hear of them; set drivers.transport = \"websocket\""
    );
    ensure!(
        scenario.replay.is_some() || drivers.placement == Placement::Spread,
        "drivers.placement = \"demand\": only a replay knows where the demand is; use \"spread\""
    );
    if let Some(storm) = &scenario.storm {
        ensure!(!sockets, "storm: the drivers accept by request; set drivers.transport = \"rest\"");
        let most = drivers.number;
        ensure!(
            (2..=most).contains(&storm.accepts),
            "storm.accepts = {}: must be 2 to drivers.number = {most}",
            storm.accepts
        );
    }
    Ok(())
}

fn services(scenario: &Scenario) -> Result<()> {
    for (index, share) in scenario.services.iter().enumerate() {
        let id = &share.id;
        ensure!(share.weight > 0.0, "services[{index}].weight = {}: must be above 0 ({id})", share.weight);
        ensure!(share.drivers > 0, "services[{index}].drivers = 0: without any nothing is finished ({id})");
        let twice = scenario.services[..index].iter().any(|other| other.id == *id);
        ensure!(!twice, "services[{index}].id = \"{id}\": each service is named once");
    }
    let one_only = scenario.storm.is_some() || scenario.positions.is_some();
    ensure!(
        !one_only || scenario.services.is_empty(),
        "services: storm and positions are about one service; name it with the key service"
    );
    Ok(())
}
