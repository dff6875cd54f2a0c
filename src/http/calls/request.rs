//! `POST /v1/calls`: a customer asks for a driver, and may pay with the request.

use actix_web::{
    FromRequest, HttpMessage, HttpRequest, HttpResponse,
    http::StatusCode,
    web::{Data, Payload},
};

use super::{NewCall, about, answer, check_choice, refusal, repeat};
use crate::{
    actors::{CallError, entity::AskError},
    domain::{
        CallId, CustomerId, Money, Period, Place, Rejection,
        call::{Call, Request},
        payment::Method,
        policy::Policy,
    },
    http::{
        auth::Principal,
        error::{Code, Problem},
        idempotency::{self, Identity},
        json::{self, Json},
        openapi::Refusals,
        quotes::{self, Trip},
        state::State,
        views::CallView,
    },
};

/// Requests a call. With `payment` it is paid at once, and the answer waits for the outcome.
#[utoipa::path(post, path = "/v1/calls", tag = "customer", request_body = NewCall,
    params(("Idempotency-Key" = Option<String>, Header,
        description = "1 to 255 visible ASCII characters; repeating key and body answers the same call")),
    responses(
        (status = 201, body = CallView<'static>),
        (status = 200, description = "The call that the same request made before", body = CallView<'static>),
        (status = 402, description = "payment_declined", body = crate::http::error::Document<'static>,
            content_type = "application/problem+json"),
        Refusals,
    ))]
pub(in crate::http) async fn handle(
    state: Data<State>,
    http: HttpRequest,
    payload: Payload,
) -> Result<HttpResponse, Problem> {
    let mut payload = payload.into_inner();
    // What a refusal costs is not there for calls under way, so this one comes before token and body are looked at. A
    // request with a key may be about a call that is there.
    if !idempotency::has_key(http.headers())
        && let Err(full) = state.admission.must_have_room()
    {
        // An unread body would cost its sender the connection.
        let _ = json::read(&http, &mut payload).await;
        return Err(full);
    }
    let who = Principal::extract(&http).await?;
    let Json(body) = Json::<NewCall>::from_request(&http, &mut payload).await?;
    let customer = who.customer()?;
    who.must_use(&body.service)?;
    body.check()?;
    let policy = state.policy(&body.service)?;
    check_choice(policy, body.driver_id.as_ref(), body.period)?;
    let identity = Identity::of(http.headers(), customer, &body)?;
    if identity.fingerprint.is_some()
        && let Some(call) = state.engine.call(&identity.call).await.map_err(|error| refusal(&state, &who, error))?
    {
        return repeat::answer_again(&state, &who, &identity, &body, &call).await;
    }
    let _begun = state.admission.of_a_new_call()?;
    let request = requested(&state, policy, customer, &identity, &body).await?;
    let begun = Begun(identity.call.clone());
    http.extensions_mut().insert(begun.clone());
    match state.engine.request_call(request, who.cause()).await {
        Err(CallError::Ask(AskError::Rejected { rejection: Rejection::Exists, state: Some(call) })) => {
            repeat::answer_again(&state, &who, &identity, &body, &call).await
        }
        // It may have been taken all the same: without its id the customer could not look, and might call and pay again.
        Err(CallError::Ask(
            error @ (AskError::Undecided { .. } | AskError::Crashed | AskError::Parked | AskError::Stopping),
        )) => Err(begun.about(error.into())),
        outcome => answer(&state, &who, StatusCode::CREATED, outcome),
    }
}

/// A call that is being requested, as the request's extension: what is said of a request that got no answer.
#[derive(Debug, Clone)]
pub(in crate::http) struct Begun(CallId);

impl Begun {
    /// The problem with the call's id, which is all that is known of it.
    pub(in crate::http) fn about(&self, problem: Problem) -> Problem {
        let known = serde_json::value::to_raw_value(&serde_json::json!({ "id": self.0 }));
        problem.about(known.ok())
    }
}

async fn requested(
    state: &State,
    policy: &Policy,
    customer: &CustomerId,
    identity: &Identity,
    body: &NewCall,
) -> Result<Request, Problem> {
    Ok(Request {
        id: identity.call.clone(),
        service: body.service.clone(),
        customer_id: customer.clone(),
        pickup: body.pickup.clone(),
        dropoff: body.dropoff.clone(),
        note: body.note.clone(),
        driver_id: body.driver_id.clone(),
        period: body.period.map(Period::from),
        candidates: Vec::new(),
        fare: fare(state, policy, customer, body).await?,
        request_fingerprint: identity.fingerprint.clone(),
        method: body.payment.as_ref().map(|payment| Method(payment.method.clone())),
    })
}

/// The promised fare, or what the trip costs now.
async fn fare(state: &State, policy: &Policy, customer: &CustomerId, body: &NewCall) -> Result<Money, Problem> {
    let (pickup, dropoff) = (body.pickup.position(), body.dropoff.as_ref().map(Place::position));
    let period = body.period.map(Period::from);
    match &body.quote {
        Some(quote) => quotes::verify(
            &state.keys,
            quote,
            &Trip { customer, service: &body.service, pickup, dropoff, driver: body.driver_id.as_ref(), period },
        ),
        None => {
            let route = match dropoff.filter(|_| policy.file.fare.needs_route()) {
                Some(dropoff) => Some(state.engine.route(policy.file.travel, pickup, dropoff).await),
                None => None,
            };
            Ok(policy.fare(route, period.as_ref()))
        }
    }
}

/// The service refused the call because of where it is.
pub(super) fn out_of_area(state: &State, who: &Principal, call: &Call) -> Problem {
    let problem = Problem::new(Code::OutOfArea, format!("{} is not offered for this trip", call.service));
    about(state, who, problem, Some(call))
}
