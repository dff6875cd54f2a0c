//! `GET /v1/me/calls`: one's own calls.

use actix_web::{HttpResponse, web::Data};

use crate::{
    domain::{Role, call::STATUSES},
    http::{
        auth::Principal,
        error::Problem,
        json,
        openapi::Refusals,
        query::{self, ListQuery, Query},
        state::State,
        views::{CallView, Page},
    },
    readmodel::CallFilter,
};

/// One's own calls, latest first: those a customer asked for, those a driver has or had, those of an operator's services.
#[utoipa::path(get, path = "/v1/me/calls", tag = "me", params(ListQuery),
    responses((status = 200, body = Page<CallView<'static>>), Refusals))]
pub(in crate::http) async fn handle(
    state: Data<State>,
    who: Principal,
    Query(query): Query<ListQuery>,
) -> Result<HttpResponse, Problem> {
    let service = query::service(query.service)?;
    let filter = CallFilter {
        service: service.as_ref(),
        status: query::status(query.status.as_deref(), &STATUSES)?,
        services: who.services(),
    };
    let (limit, cursor) = (query::limit(query.limit)?, query.cursor.as_deref());
    let page = match who.role() {
        Role::Customer | Role::Driver => state.read_model.me_calls(who.role(), who.id(), filter, limit, cursor).await?,
        Role::Operator => state.read_model.calls(filter, limit, cursor).await?,
    };
    let items = page.items.iter().map(|call| state.call_view(call)).collect();
    json::ok(&Page { items, next_cursor: page.next_cursor })
}
