//! Faults of the simulated gateway, by the scenario's clock.

use std::{sync::Arc, time::Duration};

use tokio::time::sleep_until;

use super::Stage;
use crate::scenario::Fault;

/// Plays all faults of a scenario.
pub async fn play(stage: Arc<Stage>) {
    let begun = stage.recorder.begun();
    for fault in &stage.scenario.faults {
        sleep_until((begun + Duration::from_secs_f64(fault.at_s)).into()).await;
        set(&stage, fault).await;
    }
}

/// Ends all faults, if the scenario has any.
pub async fn reset(stage: &Stage) {
    if !stage.scenario.faults.is_empty() {
        set(stage, &Fault::default()).await;
    }
}

async fn set(stage: &Stage, fault: &Fault) {
    let Fault { latency_ms, decline_rate, error_rate, timeout_rate, down, .. } = fault;
    let body = format!(
        r#"{{"latency_ms":{latency_ms},"decline_rate":{decline_rate},"error_rate":{error_rate},"timeout_rate":{timeout_rate},"down":{down}}}"#
    );
    let answer = stage.http.put("/v1/ops/gateway/simulator", stage.crowd.operator(0), body).await;
    if !answer.is_ok_and(|answer| answer.is_ok()) {
        stage.recorder.count("faults_not_set", 1);
    }
}
