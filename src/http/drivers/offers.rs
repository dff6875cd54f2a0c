//! `GET /v1/drivers/{id}/offers`: the calls that are offered to a driver now.

use actix_web::{HttpResponse, web::Data};
use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use super::visible;
use crate::{
    domain::call::Phase,
    http::{
        auth::Principal,
        calls::refusal,
        error::Problem,
        json,
        openapi::Refusals,
        path::DriverPath,
        state::State,
        views::{CallView, Page},
    },
};

/// A call that is offered to a driver.
#[derive(Serialize, ToSchema)]
pub(in crate::http) struct Offer<'a> {
    /// The call.
    call: CallView<'a>,
    /// Until when.
    #[schema(value_type = String, format = DateTime)]
    expires_at: Timestamp,
}

/// The open offers of a driver.
#[utoipa::path(get, path = "/v1/drivers/{id}/offers", tag = "driver", params(("id" = String, Path)),
    responses((status = 200, body = Page<Offer<'static>>), Refusals))]
pub(in crate::http) async fn handle(
    state: Data<State>,
    who: Principal,
    DriverPath(id): DriverPath,
) -> Result<HttpResponse, Problem> {
    visible(&state, &who, &id).await?;
    let mut offers = Vec::new();
    for (call, expires_at) in state.engine.boards.offers.of_driver(&id) {
        let call = state.engine.call(&call).await.map_err(|error| refusal(&state, &who, error))?;
        // The board may be a moment ahead of or behind the call itself, which is the authority.
        offers.extend(call.map(|call| (call, expires_at)));
    }
    let open = offers.iter().filter(|(call, _)| match &call.phase {
        Phase::Dispatching(search) => search.is_offered_to(&id),
        _ => false,
    });
    let items = open.map(|(call, expires_at)| Offer { call: state.call_view(call), expires_at: *expires_at });
    json::ok(&Page::whole(items.collect()))
}
