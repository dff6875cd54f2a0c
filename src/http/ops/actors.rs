//! `GET /v1/ops/actors`: the supervision tree, by kind.

use actix_web::{HttpResponse, web::Data};

use crate::{
    actors::ops::KindFigures,
    http::{
        auth::{
            Principal,
            only::{Only, Operators},
        },
        error::{Problem, Refusals},
        extract::{
            json,
            query::{Paging, Query},
        },
        state::State,
        views::Page,
    },
};

/// The supervision tree, by kind of actor. Operators of some services read the ids of those services' parked actors
/// only.
#[utoipa::path(get, path = "/v1/ops/actors", tag = "operator", params(Paging),
    responses((status = 200, body = Page<KindFigures>), Refusals))]
pub(in crate::http) async fn handle(
    state: Data<State>,
    Only(who, _): Only<Operators>,
    Query(query): Query<Paging>,
) -> Result<HttpResponse, Problem> {
    // The kinds come in an order of their own, and none is ever taken away.
    let kinds = state.engine.ops.kinds().into_iter().enumerate().collect();
    let page = query.page_of(kinds, "actors", |(place, _)| format!("{place:06}"))?;
    let mut items: Vec<_> = page.items.into_iter().map(|(_, kind)| kind).collect();
    if who.services().is_some() {
        for kind in &mut items {
            leave_out_others(&state, &who, kind).await?;
        }
    }
    json::ok(&Page { items, next_cursor: page.next_cursor })
}

/// Names only the parked actors of the token's services. Other parked actors are counted, but not named.
async fn leave_out_others(state: &State, who: &Principal, figures: &mut KindFigures) -> Result<(), Problem> {
    let mut own = Vec::new();
    for id in std::mem::take(&mut figures.parked_ids) {
        let service = state.engine.ops.service_of(&figures.kind, &id).await?;
        if service.is_some_and(|service| who.may_use(&service)) {
            own.push(id);
        }
    }
    figures.parked_ids = own;
    Ok(())
}
