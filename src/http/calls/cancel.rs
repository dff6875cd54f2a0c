//! `POST /v1/calls/{id}/cancel`: called off by its customer, its driver or an operator.

use actix_web::{HttpResponse, http::StatusCode, web::Data};
use serde::Deserialize;

use super::{answer, in_scope};
use crate::http::{
    auth::Principal,
    error::Problem,
    json::Optional,
    openapi::Refusals,
    path::CallPath,
    state::State,
    text::{self, NOTE_MAX},
    views::CallView,
};

/// Why a call is called off, approved or rejected.
#[derive(Debug, Default, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::http) struct Cancel {
    /// For the others to read.
    #[serde(default)]
    #[schema(max_length = 500)]
    reason: Option<String>,
}

impl Cancel {
    /// The reason, unless it is too long.
    pub(super) fn checked(self) -> Result<Option<String>, Problem> {
        if let Some(reason) = &self.reason {
            text::at_most("reason", reason, NOTE_MAX)?;
        }
        Ok(self.reason)
    }
}

/// Calls it off. What was paid is refunded; the answer does not wait for that.
#[utoipa::path(post, path = "/v1/calls/{id}/cancel", tag = "calls", params(("id" = String, Path)),
    request_body = Option<Cancel>, responses((status = 200, body = CallView<'static>), Refusals))]
pub(in crate::http) async fn handle(
    state: Data<State>,
    who: Principal,
    CallPath(id): CallPath,
    Optional(body): Optional<Cancel>,
) -> Result<HttpResponse, Problem> {
    let reason = body.checked()?;
    in_scope(&state, &who, &id).await?;
    let outcome = state.engine.cancel(&id, who.party().clone(), reason, who.cause()).await;
    answer(&state, &who, StatusCode::OK, outcome)
}
