//! `GET /v1/services`: the services, their nouns, labels and rules.

use actix_web::{HttpResponse, web::Data};

use super::{
    auth::Principal,
    error::{Problem, Refusals},
    state::State,
    views::{Page, ServiceView},
};
use crate::http::extract::{
    json,
    query::{Paging, Query},
};

/// The services that the token covers.
#[utoipa::path(get, path = "/v1/services", tag = "customer", params(Paging),
    responses((status = 200, body = Page<ServiceView<'static>>), Refusals))]
pub(super) async fn handle(
    state: Data<State>,
    who: Principal,
    Query(query): Query<Paging>,
) -> Result<HttpResponse, Problem> {
    let policies = state.engine.policies().iter().filter(|policy| who.may_use(&policy.service));
    let page = query.page_of(policies.collect(), "services", |policy| policy.service.to_string())?;
    json::ok(&Page { items: page.items.into_iter().map(ServiceView::new).collect(), next_cursor: page.next_cursor })
}
