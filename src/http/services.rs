//! `GET /v1/services`: the services, their nouns, labels and rules.

use actix_web::{HttpResponse, web::Data};

use super::{
    auth::Principal,
    error::Problem,
    json,
    openapi::Refusals,
    state::State,
    views::{Page, ServiceView},
};

/// The services that the token is good for.
#[utoipa::path(get, path = "/v1/services", tag = "customer",
    responses((status = 200, body = Page<ServiceView<'static>>), Refusals))]
pub(super) async fn handle(state: Data<State>, who: Principal) -> Result<HttpResponse, Problem> {
    let policies = state.engine.policies.iter().filter(|policy| who.may_use(&policy.service));
    json::ok(&Page::whole(policies.map(ServiceView::new).collect()))
}
