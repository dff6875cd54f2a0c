//! Many drivers accept one call at the same moment: one of them has it, all others are told that they have not.

use std::{sync::Arc, time::Instant};

use futures_util::future::join_all;

use super::{
    Arrival, Stage, State,
    lifecycle::{Life, Stopped},
};
use crate::measure::Outcome;

/// Plays one call with a storm.
pub async fn play(stage: Arc<Stage>, arrival: Arrival) {
    let number = stage.number();
    let mut rng = stage.rng(number);
    let customer = rng.u32(0..stage.scenario.customers);
    let mut life = Life { stage: &stage, rng, fleet: 0, customer, driven: None, trip: None, due: arrival.intended };
    let many = stage.scenario.storm.as_ref().map_or(2, |storm| storm.accepts);
    let mut crowd = Vec::new();
    for _ in 0..many {
        crowd.extend(stage.crowd.fleets[0].take_free().await);
    }
    let ended = run(&mut life, &crowd).await;
    let outcome = if ended.is_ok() { Outcome::Good } else { Outcome::Bad("not_finished") };
    stage.recorder.event("lifecycle", arrival.intended, outcome);
    crowd.into_iter().for_each(|driver| stage.crowd.fleets[0].give_back(driver));
    if let Some(driven) = life.driven {
        stage.logbook.note(driven);
    }
}

async fn run(life: &mut Life<'_>, crowd: &[u32]) -> Result<(), Stopped> {
    let stage = life.stage;
    let first = stage.crowd.driver(*crowd.first().ok_or(Stopped::Lost)?);
    let pickup = first.place().beside(&mut life.rng);
    life.request(pickup, None).await?;
    let path = format!("/v1/calls/{}/accept", life.driven.as_ref().ok_or(Stopped::Lost)?.id);
    let begun = Instant::now();
    let answers =
        join_all(crowd.iter().map(|driver| stage.http.post(&path, &stage.crowd.driver(*driver).bearer, ""))).await;
    let mut winners = Vec::new();
    for (driver, answer) in crowd.iter().zip(&answers) {
        match answer {
            Ok(answer) if answer.is_ok() => {
                stage.recorder.request("accept", begun, Outcome::Good);
                winners.push(*driver);
                if let (Some(driven), Some(call)) = (&mut life.driven, answer.call()) {
                    driven.acknowledge(&call);
                    driven.driver = Some(*driver);
                }
            }
            Ok(answer) if matches!(answer.status, 404 | 409) => {
                stage.recorder.request("accept_lost", begun, Outcome::Good);
            }
            Ok(answer) => stage.recorder.request("accept", begun, Outcome::Bad(&answer.code())),
            Err(failure) => stage.recorder.request("accept", begun, Outcome::Bad(failure.code())),
        }
    }
    if winners.len() > 1 {
        stage.recorder.count("calls_with_two_winners", 1);
    }
    let winner = stage.crowd.driver(*winners.first().ok_or(Stopped::Lost)?);
    life.due = Instant::now();
    life.step("start", State::Started, &winner.bearer).await?;
    life.step("complete", State::Completed, &winner.bearer).await
}
