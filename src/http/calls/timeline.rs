//! `GET /v1/calls/{id}/timeline`: everything that ever happened to a call.

use std::time::Duration;

use actix_web::{HttpResponse, web::Data};
use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use super::visible;
use crate::{
    domain::policy::Text,
    http::{auth::Principal, error::Problem, json, openapi::Refusals, path::CallPath, state::State, views::Label},
    readmodel::TimelineEntry,
};

/// How long the answer waits for what the call's actor has committed already to arrive in the read model.
const PATIENCE: Duration = Duration::from_millis(500);

/// One thing that happened to a call.
#[derive(Serialize, ToSchema)]
pub(in crate::http) struct Entry {
    /// Its place in the call's history, from 1.
    seq: u64,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
    /// The kind of event.
    #[schema(example = "assigned")]
    event: String,
    /// What happened, in words.
    #[schema(value_type = Option<Label<'static>>)]
    description: Option<Text>,
    /// What caused it: `customer/alice`, `payment/call_…`, `deadline`.
    #[schema(example = "customer/alice")]
    cause: String,
    /// The trace it belongs to: 32 hexadecimal digits.
    trace: String,
}

impl From<TimelineEntry> for Entry {
    fn from(entry: TimelineEntry) -> Self {
        let TimelineEntry { seq, at, event, description, cause, trace } = entry;
        Self { seq, at, event, description, cause, trace }
    }
}

/// Everything that ever happened to a call, oldest first.
#[utoipa::path(get, path = "/v1/calls/{id}/timeline", tag = "calls", params(("id" = String, Path)),
    responses((status = 200, body = Vec<Entry>), Refusals))]
pub(in crate::http) async fn handle(
    state: Data<State>,
    who: Principal,
    CallPath(id): CallPath,
) -> Result<HttpResponse, Problem> {
    let call = visible(&state, &who, &id).await?;
    // When the read model is behind for longer, what it has is better than nothing.
    state.read_model.caught_up_to(&id, call.version, PATIENCE).await;
    let entries = state.read_model.timeline(&id).await?;
    json::ok(&entries.into_iter().map(Entry::from).collect::<Vec<_>>())
}
