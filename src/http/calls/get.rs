//! `GET /v1/calls/{id}`: the call as it is now, read from its actor while the store has it.

use actix_web::{HttpResponse, web::Data};

use super::visible;
use crate::http::{
    auth::Principal,
    error::{Problem, Refusals, refusals::Actor},
    extract::{json, path::CallPath},
    state::State,
    views::CallView,
};

/// The call as it is now: always current. One that is over and has left the store is answered from the read model.
#[utoipa::path(get, path = "/v1/calls/{id}", tag = "calls", params(("id" = String, Path)),
    responses((status = 200, body = CallView<'static>), Refusals<Actor>))]
pub(in crate::http) async fn handle(
    state: Data<State>,
    who: Principal,
    CallPath(id): CallPath,
) -> Result<HttpResponse, Problem> {
    let call = visible(&state, &who, &id).await?;
    json::ok(&state.present_call_view(&call, &who).await)
}
