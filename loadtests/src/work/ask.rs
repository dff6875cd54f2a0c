//! The request for a call, and its payment when that is not settled with it.

use std::time::{Duration, Instant};

use tokio::time::sleep;

use super::{
    Booking, Driven, Place, State,
    lifecycle::{Life, Stopped},
};
use crate::{
    measure::Outcome,
    wire::{Answer, Failure, FoundBy, PaymentDue},
};

const GOOD_METHOD: &str = r#","payment":{"method":"tok_ok"}"#;
const DECLINED_METHOD: &str = r#","payment":{"method":"tok_declined"}"#;

impl Life<'_> {
    /// Asks for a call and pays for it, so far as it is paid now.
    pub(super) async fn request(&mut self, pickup: Place, booking: Option<Booking>) -> Result<(), Stopped> {
        let calls = &self.stage.scenario.calls;
        let paid_now = self.fleet().service.policy.payment_due == PaymentDue::WithRequest;
        let declined = paid_now && self.rng.f64() < calls.card_declined_rate;
        let payment = match (paid_now && calls.pay_separately, declined) {
            (true, _) => "",
            (false, true) => DECLINED_METHOD,
            (false, false) => GOOD_METHOD,
        };
        let body = self.body(pickup, booking, payment);
        let answer = self.stage.http.post("/v1/calls", self.stage.crowd.customer(self.customer), body).await;
        let settled = self.heard_of_request(&answer, declined && !payment.is_empty());
        self.due = Instant::now();
        match settled? {
            None => Ok(()),
            Some(pause) => self.pay(pause).await,
        }
    }

    fn body(&mut self, pickup: Place, booking: Option<Booking>, payment: &str) -> String {
        let service = &self.fleet().service;
        let chosen = booking.filter(|_| service.policy.found_by == FoundBy::Choose);
        let chosen = chosen.map(|booking| &self.stage.crowd.driver(booking.driver).id);
        let chosen = chosen.map(|id| format!(r#","driver_id":"{id}""#)).unwrap_or_default();
        let period = booking.filter(|_| service.has_period());
        let period = period.map(|Booking { from, to, .. }| format!(r#","period":{{"from":"{from}","to":"{to}"}}"#));
        let period = period.unwrap_or_default();
        let leads_away = service.policy.found_by == FoundBy::Offer;
        let dropoff = Place::any(self.stage.scenario.calls.area, &mut self.rng);
        self.trip = leads_away.then_some((pickup, dropoff));
        let dropoff = if leads_away { format!(r#","dropoff":{}"#, dropoff.json()) } else { String::new() };
        let (id, pickup) = (&service.id, pickup.json());
        format!(r#"{{"service":"{id}","pickup":{pickup}{dropoff}{chosen}{period}{payment}}}"#)
    }

    /// Notes the answer to a request for a call. When to pay for it, unless that is settled.
    fn heard_of_request(
        &mut self,
        answer: &Result<Answer, Failure>,
        declined: bool,
    ) -> Result<Option<Duration>, Stopped> {
        let recorder = &self.stage.recorder;
        let due = self.fleet().service.policy.payment_due;
        match answer {
            Ok(answer) if answer.is_ok() => {
                recorder.request("request", self.due, Outcome::Good);
                let Some(call) = answer.call() else {
                    recorder.count("answers_not_understood", 1);
                    return Err(Stopped::Lost);
                };
                let driven = self.driven.insert(Driven::new(&call, self.customer, due));
                Ok((driven.acked == State::Requested).then_some(Duration::ZERO))
            }
            Ok(answer) => self.heard_refusal(answer, declined && answer.status == 402),
            Err(failure) => {
                recorder.request("request", self.due, Outcome::Bad(failure.code()));
                recorder.count("requests_without_answer", 1);
                Err(Stopped::Lost)
            }
        }
    }

    /// Notes a refusal. When to pay for the call, if there is one and that may be tried again.
    fn heard_refusal(&mut self, answer: &Answer, expected: bool) -> Result<Option<Duration>, Stopped> {
        let code = answer.code();
        let outcome = if expected { Outcome::Good } else { Outcome::Bad(&code) };
        self.stage.recorder.request("request", self.due, outcome);
        self.must_say_when(answer);
        let due = self.fleet().service.policy.payment_due;
        self.driven = answer.refused_call().map(|call| Driven::new(&call, self.customer, due));
        let unpaid = self.driven.as_mut().filter(|driven| driven.acked == State::Requested);
        let Some(driven) = unpaid else { return Err(Stopped::by(answer)) };
        if answer.is_unclear() {
            // The payment may still come through; then it is offered to drivers.
            (driven.maybe, driven.open) = (Some(State::Dispatching), true);
        }
        let tries_again = expected || self.stage.scenario.calls.pay_retries > 0 && answer.is_orderly();
        if tries_again { Ok(Some(answer.retry_after.unwrap_or_default())) } else { Err(Stopped::by(answer)) }
    }

    async fn pay(&mut self, pause: Duration) -> Result<(), Stopped> {
        if !pause.is_zero() {
            sleep(pause).await;
            self.due = Instant::now();
        }
        let bearer = self.stage.crowd.customer(self.customer);
        self.step_with("pay", State::Dispatching, bearer, r#"{"method":"tok_ok"}"#).await
    }
}
