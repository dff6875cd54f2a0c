//! Sends calls on their way: when the schedule says so (open), when another one has ended (closed), or when the trace says.

use std::{
    sync::{Arc, atomic::Ordering},
    time::{Duration, Instant},
};

use tokio::{task::JoinSet, time::sleep_until};

use super::{Place, Stage, lifecycle, storm};
use crate::{measure::Outcome, schedule::Schedule};

/// A call that is due.
#[derive(Debug, Clone, Copy)]
pub struct Arrival {
    /// When it should begin.
    pub intended: Instant,
    /// Where, if that is given.
    pub pickup: Option<Place>,
}

/// Feeds all calls of a scenario and returns when the last has arrived; some may be under way then.
pub async fn feed(stage: &Arc<Stage>, trace: &[(Duration, Place)]) {
    let scenario = &stage.scenario;
    if scenario.replay.is_some() {
        return open(stage, trace.iter().map(|(at, place)| (*at, Some(*place)))).await;
    }
    let Some(load) = &scenario.load else { return };
    match (Schedule::open(load, scenario.duration_s, scenario.seed), load.concurrency) {
        (Some(schedule), _) => open(stage, schedule.map(|at| (at, None))).await,
        (None, Some(concurrency)) => closed(stage, concurrency, load.ramp_s).await,
        (None, None) => {}
    }
}

async fn open(stage: &Arc<Stage>, arrivals: impl Iterator<Item = (Duration, Option<Place>)>) {
    let begun = stage.recorder.begun();
    for (at, pickup) in arrivals {
        let intended = begun + at;
        if intended > Instant::now() {
            sleep_until(intended.into()).await;
        }
        if stage.over.load(Ordering::Acquire) {
            return;
        }
        stage.recorder.event("start_delay", intended, Outcome::Good);
        let Ok(permit) = Arc::clone(&stage.room).try_acquire_owned() else {
            stage.recorder.count("arrivals_not_sent", 1);
            continue;
        };
        stage.recorder.count("lifecycles_begun", 1);
        let stage = Arc::clone(stage);
        tokio::spawn(async move {
            one(stage, Arrival { intended, pickup }).await;
            drop(permit);
        });
    }
}

async fn closed(stage: &Arc<Stage>, concurrency: u32, ramp_s: f64) {
    let begun = stage.recorder.begun();
    let end = begun + Duration::from_secs_f64(stage.scenario.duration_s);
    let mut users = JoinSet::new();
    for number in 0..concurrency {
        let stage = Arc::clone(stage);
        let from = begun + Duration::from_secs_f64(ramp_s * f64::from(number) / f64::from(concurrency));
        users.spawn(async move {
            sleep_until(from.into()).await;
            while Instant::now() < end && !stage.over.load(Ordering::Acquire) {
                let Ok(permit) = Arc::clone(&stage.room).acquire_owned().await else { return };
                stage.recorder.count("lifecycles_begun", 1);
                one(Arc::clone(&stage), Arrival { intended: Instant::now(), pickup: None }).await;
                drop(permit);
            }
        });
    }
    sleep_until(end.into()).await;
    users.detach_all();
}

async fn one(stage: Arc<Stage>, arrival: Arrival) {
    if stage.scenario.storm.is_some() {
        storm::play(stage, arrival).await;
    } else {
        lifecycle::play(stage, arrival).await;
    }
}
