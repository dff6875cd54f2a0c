//! One step of a call: asked for, acknowledged or refused, tried again.

use std::time::{Duration, Instant};

use hyper::header::HeaderValue;
use tokio::time::sleep;

use super::{
    State,
    lifecycle::{Life, Stopped},
};
use crate::{
    measure::Outcome,
    wire::{Answer, CallSeen, Failure},
};

/// Between attempts to accept a call that is not offered yet: as long as the driver has waited, within these bounds.
const OFFER_PAUSE: (Duration, Duration) = (Duration::from_millis(5), Duration::from_millis(500));
/// After a failure that has no `Retry-After`.
const FAILURE_PAUSE: Duration = Duration::from_millis(200);

impl Life<'_> {
    /// Asks for a step, again when it is refused and may be asked for again.
    pub(super) async fn step(
        &mut self,
        step: &'static str,
        leads_to: State,
        bearer: &HeaderValue,
    ) -> Result<(), Stopped> {
        self.step_with(step, leads_to, bearer, "").await
    }

    /// A step with a body.
    pub(super) async fn step_with(
        &mut self,
        step: &'static str,
        leads_to: State,
        bearer: &HeaderValue,
        body: &'static str,
    ) -> Result<(), Stopped> {
        let path = format!("/v1/calls/{}/{step}", self.driven.as_ref().ok_or(Stopped::Lost)?.id);
        let began = Instant::now();
        let calls = &self.stage.scenario.calls;
        let mut retries = if leads_to == State::Dispatching { calls.pay_retries } else { calls.retries };
        loop {
            let answer = self.stage.http.post(&path, bearer, body).await;
            if let Some(answer) = answer.as_ref().ok().filter(|answer| answer.is_ok()) {
                return self.acknowledged(step, answer.call().as_ref());
            }
            let pause = self.refused(step, leads_to, &answer, began);
            let Some(pause) = pause.filter(|_| retries > 0 || is_early(&answer)) else {
                return Err(answer.as_ref().map_or(Stopped::Lost, Stopped::by));
            };
            retries = if is_early(&answer) { retries } else { retries - 1 };
            sleep(pause).await;
            self.due = Instant::now();
        }
    }

    fn acknowledged(&mut self, step: &'static str, call: Option<&CallSeen<'_>>) -> Result<(), Stopped> {
        self.stage.recorder.request(step, self.due, Outcome::Good);
        self.due = Instant::now();
        let (Some(driven), Some(call)) = (&mut self.driven, call) else {
            self.stage.recorder.count("answers_not_understood", 1);
            return Err(Stopped::Lost);
        };
        driven.acknowledge(call);
        Ok(())
    }

    /// Notes a refusal. How long to wait before trying again; `None`: it is final.
    fn refused(
        &mut self,
        step: &'static str,
        leads_to: State,
        answer: &Result<Answer, Failure>,
        began: Instant,
    ) -> Option<Duration> {
        let recorder = &self.stage.recorder;
        if is_early(answer) {
            recorder.request("accept_before_offer", self.due, Outcome::Good);
            let patience = Duration::from_millis(self.stage.scenario.calls.offer_patience_ms);
            let waited = began.elapsed();
            return (waited < patience).then(|| waited.clamp(OFFER_PAUSE.0, OFFER_PAUSE.1));
        }
        // People ask from anywhere: that the service is not offered there is an answer.
        if self.stage.scenario.replay.is_some() && answer.as_ref().is_ok_and(|answer| answer.code() == "out_of_area") {
            recorder.request(step, self.due, Outcome::Good);
            recorder.count("pickups_out_of_area", 1);
            return None;
        }
        let unclear = match answer {
            Ok(answer) => {
                recorder.request(step, self.due, Outcome::Bad(&answer.code()));
                self.must_say_when(answer);
                answer.is_unclear()
            }
            Err(failure) => {
                recorder.request(step, self.due, Outcome::Bad(failure.code()));
                *failure != Failure::Connect
            }
        };
        if let Some(driven) = self.driven.as_mut().filter(|_| unclear) {
            driven.maybe = Some(leads_to);
        }
        match answer {
            Ok(answer) if matches!(answer.status, 429 | 503) => Some(answer.retry_after.unwrap_or(FAILURE_PAUSE)),
            Ok(_) => None,
            Err(_) => Some(FAILURE_PAUSE),
        }
    }

    /// 429 and 503 have to say when to come back.
    pub(super) fn must_say_when(&self, answer: &Answer) {
        if matches!(answer.status, 429 | 503) && answer.retry_after.is_none() {
            self.stage.recorder.count("refusals_without_retry_after", 1);
        }
    }

    /// What people take before the next step.
    pub(super) async fn think(&mut self) {
        let think_ms = self.stage.scenario.calls.think_ms;
        if think_ms > 0 {
            sleep(Duration::from_millis(think_ms)).await;
            self.due = Instant::now();
        }
    }
}

/// Whether a driver was faster than the offer.
fn is_early(answer: &Result<Answer, Failure>) -> bool {
    answer.as_ref().is_ok_and(|answer| {
        matches!(answer.status, 403 | 404 | 409) && matches!(&*answer.code(), "not_offered" | "driver_unavailable")
    })
}
