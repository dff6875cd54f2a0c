//! `GET /v1/calls`: all calls, for operators, from the read model.

use actix_web::{HttpResponse, web::Data};

use crate::{
    domain::call::STATUSES,
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

/// All calls, latest first; those of the token's services, when it is limited.
#[utoipa::path(get, path = "/v1/calls", tag = "operator", params(ListQuery),
    responses((status = 200, body = Page<CallView<'static>>), Refusals))]
pub(in crate::http) async fn handle(
    state: Data<State>,
    who: Principal,
    Query(query): Query<ListQuery>,
) -> Result<HttpResponse, Problem> {
    who.must_be_operator()?;
    let service = query::service(query.service)?;
    let filter = CallFilter {
        service: service.as_ref(),
        status: query::status(query.status.as_deref(), &STATUSES)?,
        services: who.services(),
    };
    let page = state.read_model.calls(filter, query::limit(query.limit)?, query.cursor.as_deref()).await?;
    let items = page.items.iter().map(|call| state.call_view(call)).collect();
    json::ok(&Page { items, next_cursor: page.next_cursor })
}
