//! `POST /v1/calls/{id}/settle`: an operator ends a ride whose payment cannot be had.

use actix_web::{HttpResponse, http::StatusCode, web::Data};
use serde::Deserialize;
use utoipa::ToSchema;

use super::{answer, in_scope};
use crate::{
    domain::payment::Settlement,
    http::{
        auth::only::{Only, Operators},
        error::{
            Problem, Refusals,
            refusals::{Actor, Body, Settling, Step},
        },
        extract::{
            json::Json,
            path::CallPath,
            text::{self, NOTE_MAX},
        },
        state::State,
        views::CallView,
    },
};

/// How a ride ends whose payment cannot be had.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::http) struct Settle {
    /// `waived`: nothing is charged. `debt`: the customer owes the fare, and pays it with `POST /v1/calls/{id}/pay`.
    #[serde(rename = "as")]
    how: Settlement,
    /// Why, for the timeline, which the customer and the driver read as well.
    #[schema(min_length = 1, max_length = 500)]
    reason: String,
}

/// Ends a ride under way whose payment cannot be had: the call is `completed`, its payment `waived` or `debt`, and the driver is
/// free. While a charge is under way the answer is 409 `charge_in_flight`.
#[utoipa::path(post, path = "/v1/calls/{id}/settle", tag = "operator", params(("id" = String, Path)),
    request_body = Settle, responses((status = 200, body = CallView<'static>), Refusals<(Body, Actor, Step, Settling)>))]
pub(in crate::http) async fn handle(
    state: Data<State>,
    Only(who, _): Only<Operators>,
    CallPath(id): CallPath,
    Json(Settle { how, reason }): Json<Settle>,
) -> Result<HttpResponse, Problem> {
    let reason = text::said("/reason", &reason, NOTE_MAX)?;
    in_scope(&state, &who, &id).await?;
    let outcome = state.engine.settle_call(&id, who.party().clone(), how, reason, who.cause()).await;
    answer(&state, &who, StatusCode::OK, outcome).await
}
