//! `POST /v1/gateway/webhooks/stripe`: what the payment gateway says by itself. It is a hint: what happened is read at the gateway.

use std::{
    collections::{HashSet, VecDeque},
    time::Duration,
};

use actix_web::{HttpRequest, HttpResponse, web::Data};
use parking_lot::Mutex;

use super::{
    edge::trace::Trace,
    error::{
        Code, Problem,
        refusals::{Body, Missing, OnlyRefusals, Open, Unready},
    },
    extract::json::Text,
    state::State,
};
use crate::{
    actors::{Cause, ports::gateway::EventError},
    clock,
    domain::CallId,
};

/// Events that are remembered, so that one which is told again is not looked up again.
const REMEMBERED: usize = 4_096;
/// When the gateway should say it again, if what it said could not be found out.
const AGAIN: Duration = Duration::from_secs(5);

/// The last events that were taken.
#[derive(Default)]
pub(super) struct SeenEvents(Mutex<(HashSet<String>, VecDeque<String>)>);

impl SeenEvents {
    fn has(&self, id: &str) -> bool {
        self.0.lock().0.contains(id)
    }

    fn add(&self, id: String) {
        let (known, order) = &mut *self.0.lock();
        if known.insert(id.clone()) {
            order.push_back(id);
        }
        if order.len() > REMEMBERED {
            order.pop_front().map(|oldest| known.remove(&oldest));
        }
    }
}

/// What the payment gateway says by itself: signed in `Stripe-Signature`. An event about a payment that is not known here is
/// answered 503, so that it comes again.
#[utoipa::path(post, path = "/v1/gateway/webhooks/stripe", tag = "other", request_body = Object, security(()),
    params(("Stripe-Signature" = String, Header)),
    responses((status = 204), OnlyRefusals<(Open, Body, Missing, Unready)>))]
pub(super) async fn handle(
    state: Data<State>,
    request: HttpRequest,
    Text(body): Text,
) -> Result<HttpResponse, Problem> {
    let events =
        state.events.as_deref().ok_or_else(|| Problem::not_found("webhook: gateway.webhook_secret is not set"))?;
    let signature = request.headers().get("stripe-signature").and_then(|value| value.to_str().ok()).unwrap_or_default();
    let event = events.read(&body, signature, clock::now()).map_err(|error| match error {
        EventError::Unsigned(why) | EventError::Unreadable(why) => Problem::invalid(why),
    })?;
    let named = event.payment_id.filter(|_| !state.seen_events.has(&event.id));
    // What has no payment of this server's is somebody else's: one account may serve several systems.
    if let Some(payment) = named.and_then(|named| CallId::new(named).ok()) {
        let cause = Cause::new(format!("gateway/{}", event.id), Trace::of(&request).id());
        match state.engine.look_at_payment(&payment, cause).await {
            Ok(true) => {}
            Ok(false) => return Err(again(format!("payment {payment} is not known here"))),
            Err(error) => return Err(again(format!("payment {payment} could not be looked up: {error}"))),
        }
    }
    state.seen_events.add(event.id);
    Ok(HttpResponse::NoContent().finish())
}

fn again(detail: String) -> Problem {
    Problem::new(Code::NotReady, detail).retry_after(AGAIN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_events_are_remembered_and_no_more() {
        let seen = SeenEvents::default();
        (0..=REMEMBERED).for_each(|number| seen.add(number.to_string()));
        seen.add("1".to_owned());
        assert!(!seen.has("0") && seen.has("1") && seen.has(&REMEMBERED.to_string()));
    }
}
