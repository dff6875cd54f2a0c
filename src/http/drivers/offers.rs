//! `GET /v1/drivers/{id}/offers`: the calls that are offered to a driver now.

use actix_web::{HttpResponse, web::Data};
use serde::Serialize;
use utoipa::ToSchema;

use super::visible;
use crate::{
    actors::{CallError, entity::AskError},
    domain::call::Phase,
    http::{
        auth::Principal,
        calls::refusal,
        error::{Problem, Refusals, refusals::Actor},
        extract::{
            json,
            path::DriverPath,
            query::{Paging, Query},
        },
        state::State,
        views::{CallView, Page, Time},
    },
};

/// A call that is offered to a driver.
#[derive(Serialize, ToSchema)]
pub(in crate::http) struct Offer<'a> {
    /// The call, as far as a driver may know it before the accept.
    call: CallView<'a>,
    /// When the offer ends.
    #[schema(value_type = String, format = DateTime)]
    expires_at: Time,
}

/// The open offers of a driver, those that end first before the others.
#[utoipa::path(get, path = "/v1/drivers/{id}/offers", tag = "driver", params(("id" = String, Path), Paging),
    responses((status = 200, body = Page<Offer<'static>>), Refusals<Actor>))]
pub(in crate::http) async fn handle(
    state: Data<State>,
    who: Principal,
    DriverPath(id): DriverPath,
    Query(query): Query<Paging>,
) -> Result<HttpResponse, Problem> {
    visible(&state, &who, &id).await?;
    let mut known = state.engine.open_offers(&id);
    known.sort_by(|(call, at), (other, other_at)| (at, call).cmp(&(other_at, other)));
    let page = query.page_of(known, "offers", |(call, at)| format!("{:020}/{call}", at.as_microsecond()))?;
    let mut offers = Vec::new();
    for (call, expires_at) in page.items {
        let call = match state.engine.call(&call).await {
            Ok(call) => call,
            // It can be accepted by nobody, and the driver's other offers are none the worse for it.
            Err(CallError::Ask(AskError::Parked)) => continue,
            Err(error) => return Err(refusal(&state, &who, error)),
        };
        // The board may be a moment ahead of or behind the call itself, which is the authority.
        offers.extend(call.map(|call| (call, expires_at)));
    }
    let open = offers.iter().filter(|(call, _)| match &call.phase {
        Phase::Dispatching(search) => search.is_offered_to(&id),
        _ => false,
    });
    let items =
        open.map(|(call, expires_at)| Offer { call: state.call_view(call, &who), expires_at: (*expires_at).into() });
    json::ok(&Page { items: items.collect(), next_cursor: page.next_cursor })
}
