//! `GET /v1/ops/actors`: the supervision tree, by kind.

use actix_web::{HttpResponse, web::Data};

use crate::{
    actors::ops::KindFigures,
    http::{auth::Principal, error::Problem, json, openapi::Refusals, state::State, views::Page},
};

/// The supervision tree, by kind of actor.
#[utoipa::path(get, path = "/v1/ops/actors", tag = "operator",
    responses((status = 200, body = Page<KindFigures>), Refusals))]
pub(in crate::http) async fn handle(state: Data<State>, who: Principal) -> Result<HttpResponse, Problem> {
    who.must_be_operator()?;
    json::ok(&Page::whole(state.engine.ops.kinds()))
}
