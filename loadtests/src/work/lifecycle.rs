//! One call from its request to its end, on the way that its service's policy lays out.
//!
//! With drivers that only send requests, a call that is offered takes a driver that is free and begins beside it. It is
//! offered to the nearest free drivers in the same commit, so that driver may accept as soon as the request is answered:
//! four requests, and nobody has to ask who was offered the call.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use hyper::header::HeaderValue;
use tokio::time::{sleep, timeout};

use super::{Arrival, Driven, Fleet, Place, Stage, State};
use crate::{
    measure::Outcome,
    scenario::Transport,
    wire::{Answer, FoundBy, Role},
};

/// Between looks at a call that the server settles by itself.
const LOOK_PAUSE: Duration = Duration::from_millis(10);

/// Why a lifecycle ends before its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stopped {
    /// The server refused, and said why or when to come back.
    Refused,
    /// Anything else: no answer, no driver, an answer that nobody understands.
    Lost,
}

/// A lifecycle under way.
pub(super) struct Life<'a> {
    pub stage: &'a Stage,
    pub rng: fastrand::Rng,
    /// Whose service it is.
    pub fleet: usize,
    pub customer: u32,
    pub driven: Option<Driven>,
    /// From where to where, once it is requested.
    pub trip: Option<(Place, Place)>,
    /// When the next step should begin.
    pub due: Instant,
}

/// Plays one call. What came of it is in the recorder and the logbook.
pub async fn play(stage: Arc<Stage>, arrival: Arrival) {
    let number = stage.number();
    let mut rng = stage.rng(number);
    let (customer, fleet) = (rng.u32(0..stage.scenario.customers), stage.crowd.any_fleet(&mut rng));
    let mut life = Life { stage: &stage, rng, fleet, customer, driven: None, trip: None, due: arrival.intended };
    match life.run(arrival.pickup).await {
        Ok(()) => {
            stage.recorder.event("lifecycle", arrival.intended, Outcome::Good);
            if let [_, _, ..] = stage.crowd.fleets[..] {
                stage.recorder.event(stage.crowd.fleets[fleet].step, arrival.intended, Outcome::Good);
            }
        }
        Err(Stopped::Refused) => stage.recorder.count("lifecycles_refused", 1),
        Err(Stopped::Lost) => stage.recorder.count("lifecycles_not_finished", 1),
    }
    if let Some(driven) = life.driven {
        stage.logbook.note(driven);
    }
}

impl<'a> Life<'a> {
    async fn run(&mut self, pickup: Option<Place>) -> Result<(), Stopped> {
        let area = self.stage.scenario.calls.area;
        let place = pickup.unwrap_or_else(|| Place::any(area, &mut self.rng));
        match (self.fleet().service.policy.found_by, self.stage.scenario.drivers.transport) {
            (FoundBy::Offer, Transport::Rest) => self.run_with_request(pickup).await,
            (FoundBy::Offer, Transport::Websocket) => self.run_with_sockets(place).await,
            (FoundBy::Assign | FoundBy::Choose, _) => self.run_booked(place).await,
        }
    }

    /// Offered; the driver sends requests.
    async fn run_with_request(&mut self, pickup: Option<Place>) -> Result<(), Stopped> {
        let driver = self.fleet().take_free().await.ok_or(Stopped::Lost)?;
        let pickup = pickup.unwrap_or_else(|| self.stage.crowd.driver(driver).place().beside(&mut self.rng));
        let mut ended = self.run_beside(driver, pickup).await;
        if let Err(stopped) = ended {
            ended = Err(self.give_up(stopped).await);
        }
        if self.driven.as_ref().is_some_and(holds_driver) {
            self.stage.recorder.count("drivers_left_behind", 1);
        } else {
            self.fleet().give_back(driver);
        }
        ended
    }

    async fn run_beside(&mut self, driver: u32, pickup: Place) -> Result<(), Stopped> {
        self.request(pickup, None).await?;
        let (cancels, early) = (self.cancels(), self.rng.bool());
        if cancels && early {
            return self.cancel().await;
        }
        self.accept(driver).await?;
        if cancels {
            return self.cancel().await;
        }
        self.serve(Some(driver)).await
    }

    /// Offered; the driver hears of it by socket.
    async fn run_with_sockets(&mut self, pickup: Place) -> Result<(), Stopped> {
        let requested = self.request(pickup, None).await;
        let Some(id) = self.driven.as_ref().map(|driven| driven.id.clone()) else { return requested };
        let (cancels, early) = (self.cancels(), self.rng.bool());
        let waits = requested.is_ok() && !(cancels && early);
        let found = if waits { self.wait_for_driver(&id).await } else { None };
        let Some(driver) = found else {
            self.call_off(&id);
            return match requested {
                Ok(()) if cancels => self.cancel().await,
                Ok(()) => Err(self.give_up(Stopped::Lost).await),
                Err(stopped) => Err(self.give_up(stopped).await),
            };
        };
        let ended = if cancels { self.cancel().await } else { self.serve(Some(driver)).await };
        let ended = match ended {
            Ok(()) => Ok(()),
            Err(stopped) => Err(self.give_up(stopped).await),
        };
        self.stage.crowd.driver(driver).set_free();
        ended
    }

    /// Assigned by the server, or chosen by the customer; perhaps approved by an operator first.
    async fn run_booked(&mut self, pickup: Place) -> Result<(), Stopped> {
        let ended = self.run_booking(pickup).await;
        match ended {
            Ok(()) => Ok(()),
            Err(stopped) => Err(self.give_up(stopped).await),
        }
    }

    async fn run_booking(&mut self, pickup: Place) -> Result<(), Stopped> {
        let booking = self.fleet().book();
        self.request(pickup, Some(booking)).await?;
        let (cancels, early) = (self.cancels(), self.rng.bool());
        if cancels && early {
            return self.cancel().await;
        }
        if self.fleet().service.is_approved() {
            self.think().await;
            let operator = self.operator();
            self.step("approve", State::AwaitingPayment, operator).await?;
        }
        let driver = self.wait_until_assigned().await?;
        if cancels {
            return self.cancel().await;
        }
        self.serve(driver).await
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

    /// Looks at the call until the server has settled it. Its driver, when it is one of this run.
    async fn wait_until_assigned(&mut self) -> Result<Option<u32>, Stopped> {
        let asked = Instant::now();
        let patience = Duration::from_millis(self.stage.scenario.calls.offer_patience_ms);
        let path = format!("/v1/calls/{}", self.driven.as_ref().ok_or(Stopped::Lost)?.id);
        loop {
            let begun = Instant::now();
            let answer = self.stage.http.get(&path, self.stage.crowd.customer(self.customer)).await;
            let good = answer.as_ref().is_ok_and(Answer::is_ok);
            self.stage.recorder.request("look", begun, if good { Outcome::Good } else { Outcome::Bad("look_failed") });
            let seen = answer.as_ref().ok().and_then(Answer::call);
            if let (Some(driven), Some(call)) = (&mut self.driven, &seen) {
                driven.acknowledge(call);
                if driven.acked == State::Assigned {
                    self.stage.recorder.event("driver_found", asked, Outcome::Good);
                    self.due = Instant::now();
                    driven.driver = call.driver.as_ref().and_then(|driver| self.stage.crowd.number_of(&driver.id));
                    return Ok(driven.driver);
                }
            }
            if asked.elapsed() > patience {
                self.stage.recorder.event("driver_found", asked, Outcome::Bad("no_driver"));
                return Err(Stopped::Lost);
            }
            sleep(LOOK_PAUSE).await;
        }
    }

    /// Start and end, by whom the policy says.
    async fn serve(&mut self, driver: Option<u32>) -> Result<(), Stopped> {
        self.think().await;
        let policy = &self.fleet().service.policy;
        let (starts, completes) = (self.one_of(&policy.start, driver)?, self.one_of(&policy.complete, driver)?);
        let moves = driver.filter(|_| self.stage.scenario.drivers.moves);
        if let Some((driver, (pickup, _))) = moves.zip(self.trip) {
            self.stand_at(driver, pickup).await;
        }
        self.step("start", State::Started, starts).await?;
        self.think().await;
        if let Some((driver, (_, dropoff))) = moves.zip(self.trip) {
            self.stand_at(driver, dropoff).await;
        }
        self.step("complete", State::Completed, completes).await
    }

    /// A driver says where it is now.
    async fn stand_at(&mut self, driver: u32, place: Place) {
        let driver = self.stage.crowd.driver(driver);
        let path = format!("/v1/drivers/{}/position", driver.id);
        let answer = self.stage.http.post(&path, &driver.bearer, place.json()).await;
        let code = match &answer {
            Ok(answer) if answer.is_ok() => None,
            Ok(answer) => Some(answer.code()),
            Err(failure) => Some(failure.code().to_owned()),
        };
        let outcome = code.as_deref().map_or(Outcome::Good, Outcome::Bad);
        self.stage.recorder.request("position", self.due, outcome);
        if outcome == Outcome::Good {
            driver.stand_at(place);
        }
        self.due = Instant::now();
    }

    /// The driver beside the pickup accepts.
    async fn accept(&mut self, driver: u32) -> Result<(), Stopped> {
        self.think().await;
        if let Some(driven) = &mut self.driven {
            driven.driver = Some(driver);
        }
        let ended = self.step("accept", State::Assigned, &self.stage.crowd.driver(driver).bearer).await;
        if let Some(driven) = self.driven.as_mut().filter(|driven| ended.is_err() && driven.maybe.is_none()) {
            driven.driver = None;
        }
        ended
    }

    async fn cancel(&mut self) -> Result<(), Stopped> {
        let bearer = self.stage.crowd.customer(self.customer);
        self.step("cancel", State::Cancelled, bearer).await
    }

    /// Customers who get no further do not leave a call behind that may still be paid or taken: they cancel it. Why the
    /// lifecycle ended.
    async fn give_up(&mut self, stopped: Stopped) -> Stopped {
        let Some(driven) = &self.driven else { return stopped };
        let unpaid_for_certain = driven.acked == State::Requested && driven.maybe.is_none();
        if driven.acked.is_over() || driven.acked == State::Started || unpaid_for_certain {
            return stopped;
        }
        self.stage.recorder.count("calls_given_up", 1);
        match self.cancel().await {
            Ok(()) => stopped,
            Err(_) => Stopped::Lost,
        }
    }

    /// The fleet of this call's service.
    pub(super) fn fleet(&self) -> &'a Fleet {
        &self.stage.crowd.fleets[self.fleet]
    }

    fn operator(&self) -> &'a HeaderValue {
        self.stage.crowd.operator(self.customer as usize)
    }

    fn one_of(&self, roles: &[Role], driver: Option<u32>) -> Result<&'a HeaderValue, Stopped> {
        let crowd = &self.stage.crowd;
        let driver = driver.filter(|_| roles.contains(&Role::Driver)).map(|number| &crowd.driver(number).bearer);
        let operator = roles.contains(&Role::Operator).then(|| self.operator());
        let customer = roles.contains(&Role::Customer).then(|| crowd.customer(self.customer));
        driver.or(operator).or(customer).ok_or(Stopped::Lost)
    }
}

impl Stopped {
    /// What an answer ends a lifecycle with.
    pub(super) fn by(answer: &Answer) -> Self {
        if answer.is_orderly() { Self::Refused } else { Self::Lost }
    }
}

/// Whether a call has its driver, or may have it.
fn holds_driver(driven: &Driven) -> bool {
    let holding = State::Assigned..=State::Started;
    let asked = driven.maybe.is_some_and(|maybe| holding.contains(&maybe));
    !driven.acked.is_over() && (asked || holding.contains(&driven.acked))
}
