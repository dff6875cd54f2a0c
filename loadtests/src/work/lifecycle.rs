//! One call from its request to its end.
//!
//! With drivers that only send requests, each call takes a driver that is free and begins beside it. A call that is paid is
//! offered to the nearest free drivers in the same commit, so that driver may accept as soon as the request is answered:
//! four requests, and nobody has to ask who was offered the call.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use hyper::header::HeaderValue;
use tokio::time::{sleep, timeout};

use super::{Arrival, Driven, Place, Stage, State};
use crate::{
    measure::Outcome,
    scenario::Transport,
    wire::{Answer, CallSeen, Failure},
};

/// Between attempts to accept a call that is not offered yet.
const OFFER_PAUSE: Duration = Duration::from_millis(5);
/// After a failure that has no `Retry-After`.
const FAILURE_PAUSE: Duration = Duration::from_millis(200);

/// Why a lifecycle ends before its end.
#[derive(Debug)]
pub(super) struct Stopped;

/// A lifecycle under way.
pub(super) struct Life<'a> {
    pub stage: &'a Stage,
    pub rng: fastrand::Rng,
    pub customer: u32,
    pub driven: Option<Driven>,
    /// When the next step should begin.
    pub due: Instant,
}

/// Plays one call. What came of it is in the recorder and the logbook.
pub async fn play(stage: Arc<Stage>, arrival: Arrival) {
    let number = stage.number();
    let mut rng = stage.rng(number);
    let customer = rng.u32(0..stage.scenario.customers);
    let mut life = Life { stage: &stage, rng, customer, driven: None, due: arrival.intended };
    let ended = life.run(arrival.pickup).await;
    if ended.is_ok() {
        stage.recorder.event("lifecycle", arrival.intended, Outcome::Good);
    } else {
        stage.recorder.count("lifecycles_not_finished", 1);
    }
    if let Some(driven) = life.driven {
        stage.logbook.note(driven);
    }
}

impl Life<'_> {
    async fn run(&mut self, pickup: Option<Place>) -> Result<(), Stopped> {
        if self.stage.scenario.drivers.transport == Transport::Websocket {
            return self.run_with_sockets(pickup).await;
        }
        let driver = self.stage.crowd.take_free().await.ok_or(Stopped)?;
        let ended = self.run_beside(driver).await;
        let held = self
            .driven
            .as_ref()
            .is_some_and(|call| call.maybe.is_some() || matches!(call.acked, State::Assigned | State::Started));
        if held {
            self.stage.recorder.count("drivers_left_behind", 1);
        } else {
            self.stage.crowd.give_back(driver);
        }
        ended
    }

    async fn run_beside(&mut self, driver: u32) -> Result<(), Stopped> {
        let pickup = self.stage.crowd.driver(driver).place().beside(&mut self.rng);
        self.request(pickup).await?;
        let (cancels, early) = (self.cancels(), self.rng.bool());
        if cancels && early {
            return self.cancel().await;
        }
        self.accept(driver).await?;
        if cancels {
            return self.cancel().await;
        }
        self.serve(driver).await
    }

    async fn run_with_sockets(&mut self, pickup: Option<Place>) -> Result<(), Stopped> {
        let area = self.stage.scenario.calls.area;
        let pickup = pickup.unwrap_or_else(|| Place::any(area, &mut self.rng));
        self.request(pickup).await?;
        let id = self.driven.as_ref().ok_or(Stopped)?.id.clone();
        let (cancels, early) = (self.cancels(), self.rng.bool());
        let found = if cancels && early { None } else { self.wait_for_driver(&id).await };
        let Some(driver) = found else {
            self.call_off(&id);
            if cancels { return self.cancel().await } else { return Err(Stopped) }
        };
        let ended = if cancels { self.cancel().await } else { self.serve(driver).await };
        self.stage.crowd.driver(driver).set_free();
        ended
    }

    fn call_off(&mut self, id: &str) {
        if let Some(driver) = self.stage.meets.call_off(id) {
            self.stage.crowd.driver(driver).set_free();
        }
        if let Some(driven) = &mut self.driven {
            driven.open = true;
        }
    }

    fn cancels(&mut self) -> bool {
        self.rng.f64() < self.stage.scenario.calls.cancel_rate
    }

    async fn wait_for_driver(&mut self, id: &str) -> Option<u32> {
        let asked = Instant::now();
        let patience = Duration::from_millis(self.stage.scenario.calls.offer_patience_ms);
        let found = timeout(patience, self.stage.meets.await_driver(id)).await.ok()?.ok();
        self.stage.recorder.event("driver_found", asked, found.map_or(Outcome::Bad("no_driver"), |_| Outcome::Good));
        if let (Some(driven), Some(driver)) = (&mut self.driven, found) {
            (driven.driver, driven.acked) = (Some(driver), State::Assigned);
        }
        self.due = Instant::now();
        found
    }

    /// Start and end of the trip.
    async fn serve(&mut self, driver: u32) -> Result<(), Stopped> {
        let driver = self.stage.crowd.driver(driver);
        self.think().await;
        self.step("start", "start", State::Started, &driver.bearer).await?;
        self.think().await;
        self.step("complete", "complete", State::Completed, &driver.bearer).await
    }

    /// Asks for a call and pays for it.
    pub(super) async fn request(&mut self, pickup: Place) -> Result<(), Stopped> {
        let scenario = &self.stage.scenario;
        let declined = self.rng.f64() < scenario.calls.card_declined_rate;
        let dropoff = Place::any(scenario.calls.area, &mut self.rng);
        let service = &scenario.service;
        let payment = match (scenario.calls.pay_separately, declined) {
            (true, _) => "",
            (false, true) => r#","payment":{"method":"tok_declined"}"#,
            (false, false) => r#","payment":{"method":"tok_ok"}"#,
        };
        let (pickup, dropoff) = (pickup.json(), dropoff.json());
        let body = format!(r#"{{"service":"{service}","pickup":{pickup},"dropoff":{dropoff}{payment}}}"#);
        let answer = self.stage.http.post("/v1/calls", self.stage.crowd.customer(self.customer), body).await;
        let paid = self.heard_of_request(&answer, declined && !payment.is_empty());
        self.due = Instant::now();
        match paid {
            true => Ok(()),
            false if self.driven.is_some() && (scenario.calls.pay_separately || declined) => self.pay().await,
            false => Err(Stopped),
        }
    }

    /// Notes the answer to a request for a call. Whether the call is paid.
    fn heard_of_request(&mut self, answer: &Result<Answer, Failure>, declined: bool) -> bool {
        let recorder = &self.stage.recorder;
        match answer {
            Ok(answer) if answer.is_ok() => {
                recorder.request("request", self.due, Outcome::Good);
                let Some(call) = answer.call() else {
                    recorder.count("answers_not_understood", 1);
                    return false;
                };
                self.driven = Some(Driven::new(&call, self.customer));
                State::read(&call.status).is_some_and(State::is_paid)
            }
            Ok(answer) => {
                let expected = declined && answer.status == 402;
                let code = answer.code();
                recorder.request("request", self.due, if expected { Outcome::Good } else { Outcome::Bad(&code) });
                self.driven = answer.refused_call().map(|call| Driven::new(&call, self.customer));
                if let Some(driven) = self.driven.as_mut().filter(|_| answer.is_unclear()) {
                    // The payment may still come through; then it is offered to drivers.
                    (driven.maybe, driven.open) = (Some(State::Dispatching), true);
                }
                self.must_say_when(answer);
                false
            }
            Err(failure) => {
                recorder.request("request", self.due, Outcome::Bad(failure.code()));
                recorder.count("requests_without_answer", 1);
                false
            }
        }
    }

    async fn pay(&mut self) -> Result<(), Stopped> {
        let bearer = self.stage.crowd.customer(self.customer);
        self.step_with("pay", "pay", State::Dispatching, bearer, r#"{"method":"tok_ok"}"#).await
    }

    /// The driver beside the pickup accepts.
    async fn accept(&mut self, driver: u32) -> Result<(), Stopped> {
        self.think().await;
        if let Some(driven) = &mut self.driven {
            driven.driver = Some(driver);
        }
        let ended = self.step("accept", "accept", State::Assigned, &self.stage.crowd.driver(driver).bearer).await;
        if let Some(driven) = self.driven.as_mut().filter(|driven| ended.is_err() && driven.maybe.is_none()) {
            driven.driver = None;
        }
        ended
    }

    async fn cancel(&mut self) -> Result<(), Stopped> {
        let bearer = self.stage.crowd.customer(self.customer);
        self.step("cancel", "cancel", State::Cancelled, bearer).await
    }

    pub(super) async fn step(
        &mut self,
        step: &'static str,
        command: &str,
        leads_to: State,
        bearer: &HeaderValue,
    ) -> Result<(), Stopped> {
        self.step_with(step, command, leads_to, bearer, "").await
    }

    async fn step_with(
        &mut self,
        step: &'static str,
        command: &str,
        leads_to: State,
        bearer: &HeaderValue,
        body: &'static str,
    ) -> Result<(), Stopped> {
        let path = format!("/v1/calls/{}/{command}", self.driven.as_ref().ok_or(Stopped)?.id);
        let began = Instant::now();
        let mut retries = self.stage.scenario.calls.retries;
        loop {
            let answer = self.stage.http.post(&path, bearer, body).await;
            if let Some(answer) = answer.as_ref().ok().filter(|answer| answer.is_ok()) {
                return self.acknowledged(step, answer.call().as_ref());
            }
            let pause = self.refused(step, leads_to, &answer, began);
            let Some(pause) = pause.filter(|_| retries > 0 || is_early(&answer)) else { return Err(Stopped) };
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
            return Err(Stopped);
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
            return (began.elapsed() < patience).then_some(OFFER_PAUSE);
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
    fn must_say_when(&self, answer: &Answer) {
        if matches!(answer.status, 429 | 503) && answer.retry_after.is_none() {
            self.stage.recorder.count("refusals_without_retry_after", 1);
        }
    }

    async fn think(&mut self) {
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
