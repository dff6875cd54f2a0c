//! `GET /v1/ops/actors`: the supervision tree, by kind.

use actix_web::{HttpResponse, web::Data};

use crate::{
    actors::ops::KindFigures,
    http::{
        auth::Principal,
        error::Problem,
        json,
        openapi::Refusals,
        query::{PageQuery, Query},
        state::State,
        views::Page,
    },
};

/// The supervision tree, by kind of actor.
#[utoipa::path(get, path = "/v1/ops/actors", tag = "operator", params(PageQuery),
    responses((status = 200, body = Page<KindFigures>), Refusals))]
pub(in crate::http) async fn handle(
    state: Data<State>,
    who: Principal,
    Query(query): Query<PageQuery>,
) -> Result<HttpResponse, Problem> {
    who.must_be_operator()?;
    // The kinds come in an order of their own, and none is ever taken away.
    let kinds = state.engine.ops.kinds().into_iter().enumerate().collect();
    let page = query.page_of(kinds, "actors", |(place, _)| format!("{place:06}"))?;
    json::ok(&Page { items: page.items.into_iter().map(|(_, kind)| kind).collect(), next_cursor: page.next_cursor })
}
