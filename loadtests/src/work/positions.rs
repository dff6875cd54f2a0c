//! Drivers that say where they are, many times a second.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::{Result, anyhow};
use futures_util::future::join_all;
use tokio::time::{sleep_until, timeout};

use super::{Place, Stage, State, lifecycle::Life};
use crate::{
    measure::Outcome,
    scenario::{Positions, Transport},
    wire::{Frame, Socket},
};

/// How long to wait for the last updates to be confirmed.
const LAST_PATIENCE: Duration = Duration::from_secs(10);
/// How long a moved driver may stay unfound.
const SEARCH_PATIENCE: Duration = Duration::from_secs(5);

/// Sends all position updates of a scenario.
///
/// # Errors
/// When a socket cannot be opened.
pub async fn send(stage: &Arc<Stage>) -> Result<()> {
    let Some(positions) = &stage.scenario.positions else { return Ok(()) };
    match positions.transport {
        Transport::Rest => by_request(stage, positions).await,
        Transport::Websocket => return by_socket(stage, positions).await,
    }
    Ok(())
}

async fn by_request(stage: &Arc<Stage>, positions: &Positions) {
    let begun = stage.recorder.begun();
    let gap_s = 1.0 / positions.rate_per_s;
    let all = (stage.scenario.duration_s * positions.rate_per_s) as u64;
    for number in 0..all {
        let intended = begun + Duration::from_secs_f64(gap_s * number as f64);
        if intended > Instant::now() {
            sleep_until(intended.into()).await;
        }
        let Ok(permit) = Arc::clone(&stage.room).try_acquire_owned() else {
            stage.recorder.count("positions_not_sent", 1);
            continue;
        };
        let stage = Arc::clone(stage);
        tokio::spawn(async move {
            request(&stage, number, intended).await;
            drop(permit);
        });
    }
}

async fn request(stage: &Stage, number: u64, intended: Instant) {
    let driver = &stage.crowd.drivers[usize::try_from(number).unwrap_or_default() % stage.crowd.drivers.len()];
    let place = driver.place().beside(&mut stage.rng(number));
    let path = format!("/v1/drivers/{}/position", driver.id);
    match stage.http.post(&path, &driver.bearer, place.json()).await {
        Ok(answer) if answer.is_ok() => stage.recorder.request("position", intended, Outcome::Good),
        Ok(answer) => stage.recorder.request("position", intended, Outcome::Bad(&answer.code())),
        Err(failure) => stage.recorder.request("position", intended, Outcome::Bad(failure.code())),
    }
}

async fn by_socket(stage: &Arc<Stage>, positions: &Positions) -> Result<()> {
    let mut senders = Vec::new();
    for (number, driver) in stage.crowd.drivers.iter().enumerate() {
        let opened = Socket::open(stage.http.target(), &driver.bearer).await;
        senders.push((number, opened.map_err(|error| anyhow!("the socket of driver {number}: {error:#}"))?));
    }
    let tasks = senders.into_iter().map(|(number, socket)| tokio::spawn(talk(Arc::clone(stage), number, socket)));
    let tasks: Vec<_> = tasks.collect();
    if positions.search_every_ms > 0 {
        search(stage, Duration::from_millis(positions.search_every_ms)).await;
    }
    join_all(tasks).await;
    Ok(())
}

/// One driver's updates. Every few of them asks for an `ack`; the last one has to be confirmed.
async fn talk(stage: Arc<Stage>, number: usize, socket: Socket) {
    let Some(positions) = &stage.scenario.positions else { return };
    let (begun, every) = (stage.recorder.begun(), u64::from(positions.ack_every));
    let gap_s = stage.crowd.drivers.len() as f64 / positions.rate_per_s;
    let offset_s = number as f64 / positions.rate_per_s;
    let due = move |turn: u64| begun + Duration::from_secs_f64(offset_s + gap_s * turn as f64);
    let turns = ((stage.scenario.duration_s / gap_s) as u64).max(1);
    let Socket { mut sink, mut stream } = socket;
    let confirmed = Arc::new(AtomicU64::new(0));
    let listener = tokio::spawn({
        let (stage, confirmed) = (Arc::clone(&stage), Arc::clone(&confirmed));
        async move {
            while let Some(text) = Socket::next(&mut stream).await {
                match serde_json::from_str::<Frame<'_>>(&text) {
                    Ok(Frame::Ack { reference: Some(reference) }) => {
                        stage.recorder.request("position_ack", due(reference), Outcome::Good);
                        confirmed.fetch_max(reference + 1, Ordering::AcqRel);
                    }
                    Ok(Frame::Error { code, .. }) => {
                        stage.recorder.event("position", Instant::now(), Outcome::Bad(&code));
                    }
                    _ => {}
                }
                if confirmed.load(Ordering::Acquire) >= turns {
                    return;
                }
            }
        }
    });
    let mut rng = stage.rng(number as u64 | 1 << 61);
    for turn in 0..turns {
        if due(turn) > Instant::now() {
            sleep_until(due(turn).into()).await;
        }
        let Place { lat, lng } = stage.crowd.drivers[number].place().beside(&mut rng);
        let asks = turn % every == 0 || turn + 1 == turns;
        let reference = if asks { format!(r#","ref":{turn}"#) } else { String::new() };
        let frame = format!(r#"{{"type":"position","lat":{lat:.6},"lng":{lng:.6}{reference}}}"#);
        if Socket::say(&mut sink, frame).await.is_err() {
            stage.recorder.count("driver_sockets_lost", 1);
            return;
        }
        stage.recorder.event("position", due(turn), Outcome::Good);
    }
    if timeout(LAST_PATIENCE, listener).await.is_err() {
        stage.recorder.count("positions_not_confirmed", turns - confirmed.load(Ordering::Acquire));
    }
}

/// Again and again, moves a driver of its own to a new place by request, and times until a call there is offered to it.
async fn search(stage: &Arc<Stage>, every: Duration) {
    let end = stage.recorder.begun() + Duration::from_secs_f64(stage.scenario.duration_s);
    let Some(driver) = stage.crowd.fleets[0].take_free().await else { return };
    let mut rng = stage.rng(1 << 60);
    while Instant::now() + every < end {
        tokio::time::sleep(every).await;
        let place = Place::any(stage.scenario.calls.area, &mut rng);
        match find(stage, driver, place).await {
            Some(took) => stage.recorder.took("searchable", took),
            None => stage.recorder.count("moved_drivers_not_found", 1),
        }
    }
}

async fn find(stage: &Arc<Stage>, number: u32, place: Place) -> Option<Duration> {
    let driver = stage.crowd.driver(number);
    // Its own socket says the same from now on.
    driver.stand_at(place);
    let moved = Instant::now();
    let path = format!("/v1/drivers/{}/position", driver.id);
    stage.http.post(&path, &driver.bearer, place.json()).await.ok().filter(crate::wire::Answer::is_ok)?;
    while moved.elapsed() < SEARCH_PATIENCE {
        let asked = moved.elapsed();
        let (rng, due) = (stage.rng(stage.number()), Instant::now());
        let mut life = Life { stage, rng, fleet: 0, customer: 0, driven: None, trip: None, due };
        life.request(place, None).await.ok()?;
        let id = life.driven.as_ref()?.id.clone();
        let offers = stage.http.get(&format!("/v1/drivers/{}/offers", driver.id), &driver.bearer).await.ok()?;
        let found = std::str::from_utf8(&offers.body).is_ok_and(|text| text.contains(&*id));
        let _ = life.step("cancel", State::Cancelled, stage.crowd.customer(0)).await;
        stage.logbook.note(life.driven?);
        if found {
            return Some(asked);
        }
    }
    None
}
