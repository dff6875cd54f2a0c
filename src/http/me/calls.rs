//! `GET /v1/me/calls`: one's own calls.

use actix_web::{HttpResponse, web::Data};

use crate::{
    domain::Role,
    http::{
        auth::Principal,
        error::{Problem, Refusals, refusals::Listed},
        extract::{
            json,
            query::{CallsQuery, Paging, Query, Statuses},
        },
        state::State,
        views::{CallView, Page},
    },
    readmodel::CallFilter,
};

/// One's own calls, latest first: those a customer asked for; those a driver has, served, or had when they were called off;
/// those of an operator's services.
#[utoipa::path(get, path = "/v1/me/calls", tag = "me", params(CallsQuery, Paging),
    responses((status = 200, body = Page<CallView<'static>>), Refusals<Listed>))]
pub(in crate::http) async fn handle(
    state: Data<State>,
    who: Principal,
    Query(query): Query<CallsQuery>,
) -> Result<HttpResponse, Problem> {
    let service = query.service(&state)?;
    let statuses = match query.statuses()? {
        Statuses::Any => Vec::new(),
        Statuses::Only(none) if none.is_empty() => {
            return json::ok(&Page::<CallView<'_>> { items: Vec::new(), next_cursor: None });
        }
        Statuses::Only(some) => some,
    };
    let filter = CallFilter { service: service.as_ref(), statuses: &statuses, services: who.services() };
    let (limit, cursor) = (query.page.limit(), query.page.cursor());
    let page = match who.role() {
        Role::Customer | Role::Driver => state.read_model.me_calls(who.role(), who.id(), filter, limit, cursor).await?,
        Role::Operator => state.read_model.calls(filter, limit, cursor).await?,
    };
    let mut items = Vec::with_capacity(page.items.len());
    for call in &page.items {
        items.push(state.listed_call_view(call, &who).await);
    }
    json::ok(&Page { items, next_cursor: page.next_cursor })
}
