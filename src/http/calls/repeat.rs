//! A request for a call that was made before, under the same idempotency key.

use actix_web::{HttpResponse, http::StatusCode};

use super::{NewCall, about, answer, is_out_of_area, located, request::out_of_area};
use crate::{
    domain::{
        call::{Call, Phase},
        payment::PaymentStatus,
    },
    http::{
        auth::Principal,
        calls::idempotency::Identity,
        error::{Code, Problem},
        extract::json,
        state::State,
    },
};

/// Answers with the call as it is. One whose payment is under way is waited for; a payment that could not be made is tried
/// again, because that is what `Retry-After` told the client to do.
pub(super) async fn answer_again(
    state: &State,
    who: &Principal,
    identity: &Identity,
    body: &NewCall,
    call: &Call,
) -> Result<HttpResponse, Problem> {
    if !identity.made(call) {
        let detail = "this Idempotency-Key was used for a request with another body; use a new key";
        return Err(about(state, who, Problem::new(Code::IdempotencyConflict, detail), Some(call)));
    }
    if is_out_of_area(call) {
        return Err(out_of_area(state, who, call));
    }
    let unpaid = body.payment.as_ref().filter(|_| matches!(call.phase, Phase::Requested { .. }));
    let Some(payment) = unpaid else { return Ok(located(json::ok(&state.call_view(call, who))?, &call.id)) };
    if call.payment.status == PaymentStatus::Declined {
        let reason = call.payment.reason.as_deref().unwrap_or("the method was refused");
        let problem = Problem::new(Code::PaymentDeclined, format!("{reason}; pay with another method"));
        return Err(about(state, who, problem, Some(call)));
    }
    let method = state.sealed(&call.id, &payment.method);
    let outcome = state.engine.pay(&call.id, who.party(), method, who.cause()).await;
    Ok(located(answer(state, who, StatusCode::OK, outcome).await?, &call.id))
}
