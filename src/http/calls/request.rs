//! `POST /v1/calls`: a customer asks for a driver, and may pay with the request.

use actix_web::{
    FromRequest, HttpMessage, HttpRequest, HttpResponse,
    http::StatusCode,
    web::{Data, Payload},
};

use super::{NewCall, about, answer, check_choice, located, refusal, repeat, words};
use crate::{
    actors::{CallError, entity::AskError},
    domain::{
        CallId, CustomerId, Money, Period, Place, Rejection,
        call::{Call, Request},
        policy::Policy,
    },
    http::{
        auth::{
            Principal,
            only::{Customers, Only},
        },
        calls::idempotency::{self, Identity},
        error::{
            Code, Problem, Refusals,
            refusals::{Actor, Body, Chosen, Free, Paid, Requested},
        },
        extract::json::{self, Json},
        quotes::{self, QuotedTrip},
        state::State,
        views::CallView,
    },
};

/// Requests a call. With `payment` it is paid at once, and the answer waits for the outcome.
#[utoipa::path(post, path = "/v1/calls", tag = "customer", request_body = NewCall,
    params(("Idempotency-Key" = Option<String>, Header,
        description = "1 to 255 visible ASCII characters; repeating key and body answers the same call")),
    responses(
        (status = 201, body = CallView<'static>,
            headers(("Location" = String, description = "The path of the call: `/v1/calls/{id}`"))),
        (status = 200, description = "The call that the same request made before", body = CallView<'static>,
            headers(("Location" = String, description = "The path of the call: `/v1/calls/{id}`"))),
        Refusals<(Body, Actor, (Paid, Chosen, Free, Requested))>,
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
    let Only(who, _) = Only::<Customers>::extract(&http).await?;
    let Json(mut body) = Json::<NewCall>::from_request(&http, &mut payload).await?;
    let customer = who.customer()?;
    who.must_use(&body.service)?;
    // Identity comes before validation: what was right when the call was made need not be right now, and its repetition
    // is answered all the same.
    let identity = Identity::of(http.headers(), customer, &body, &state.vault)?;
    if identity.is_keyed()
        && let Some(call) = state.engine.call(&identity.call).await.map_err(|error| refusal(&state, &who, error))?
    {
        return repeat::answer_again(&state, &who, &identity, &body, &call).await;
    }
    body.check()?;
    let policy = state.policy(&body.service)?;
    check_choice(policy, body.dropoff.as_ref(), body.driver_id.as_ref(), body.period)?;
    let _begun = state.admission.of_a_new_call()?;
    let request = requested(&state, policy, customer, &identity, &body).await?;
    let begun = Begun { call: identity.call.clone(), is_keyed: identity.is_keyed() };
    http.extensions_mut().insert(begun.clone());
    match state.engine.request_call(request, who.cause()).await {
        Err(CallError::Ask(AskError::Rejected { rejection: Rejection::Exists, state: Some(call) })) => {
            repeat::answer_again(&state, &who, &identity, &body, &call).await
        }
        // It may have been taken all the same: without its id the customer could not look, and might call and pay again.
        Err(CallError::Ask(
            error @ (AskError::Undecided { .. } | AskError::Crashed | AskError::Parked | AskError::Stopping),
        )) => Err(begun.unanswered(Problem::from(error.clone()).saying(error.to_string()))),
        outcome => Ok(located(answer(&state, &who, StatusCode::CREATED, outcome).await?, &identity.call)),
    }
}

/// A call that is being requested, as the request's extension: what is said of a request that got no answer.
#[derive(Debug, Clone)]
pub(in crate::http) struct Begun {
    call: CallId,
    is_keyed: bool,
}

impl Begun {
    /// The problem with the call's id, which is all that is known of it, and with the way to go on. A repetition
    /// without a key would be another call, and charged again.
    pub(in crate::http) fn unanswered(&self, problem: Problem) -> Problem {
        let Self { call, is_keyed } = self;
        let advice = if *is_keyed {
            "repeating the request with the same Idempotency-Key is safe".to_owned()
        } else {
            format!(
                "look at GET /v1/calls/{call} before you repeat it: without an Idempotency-Key a repetition is a new call"
            )
        };
        let said = format!("{}; it is not known yet whether call {call} was made; {advice}", problem.detail());
        let known = serde_json::value::to_raw_value(&serde_json::json!({ "id": call }));
        problem.saying(said).telling(Some(words::perhaps_made())).about(known.ok())
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
        request_fingerprint: identity.fingerprint(),
        method: body.payment.as_ref().map(|payment| state.sealed(&identity.call, &payment.method)),
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
            &QuotedTrip { customer, service: &body.service, pickup, dropoff, driver: body.driver_id.as_ref(), period },
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
