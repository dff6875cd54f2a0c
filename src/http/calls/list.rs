//! `GET /v1/calls`: all calls, for operators, from the read model.

use actix_web::{HttpResponse, web::Data};

use crate::{
    http::{
        auth::only::{Only, Operators},
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

/// All calls, latest first; those of the token's services, when it is limited.
#[utoipa::path(get, path = "/v1/calls", tag = "operator", params(CallsQuery, Paging),
    responses((status = 200, body = Page<CallView<'static>>), Refusals<Listed>))]
pub(in crate::http) async fn handle(
    state: Data<State>,
    Only(who, _): Only<Operators>,
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
    let page = state.read_model.calls(filter, query.page.limit(), query.page.cursor()).await?;
    let items = page.items.iter().map(|call| state.call_view(call, &who)).collect();
    json::ok(&Page { items, next_cursor: page.next_cursor })
}
