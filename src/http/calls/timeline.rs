//! `GET /v1/calls/{id}/timeline`: what happened to a call, whole or in pages.

use std::time::Duration;

use actix_web::{
    HttpResponse,
    http::header::{HeaderValue, LINK},
    web::Data,
};
use serde::Serialize;
use utoipa::ToSchema;

use super::{Sight, sight, visible};
use crate::{
    domain::{
        CallId,
        call::{Call, EventName},
        policy::Text,
    },
    http::{
        auth::Principal,
        error::{
            Code, Problem, Refusals,
            refusals::{Actor, Listed},
        },
        extract::{
            json,
            path::CallPath,
            query::{LIMIT_MAX, Paging, Query},
        },
        state::State,
        views::{Label, Page, Time},
    },
    readmodel::{Extent, TIMELINE_MAX, TimelineEntry},
};

/// How long the answer waits for what the call's actor has committed already to arrive in the read model.
const PATIENCE: Duration = Duration::from_millis(500);

/// One thing that happened to a call.
#[derive(Serialize, ToSchema)]
pub(in crate::http) struct Entry {
    /// Its place in the call's history, from 1.
    seq: u64,
    /// The time at which the event happened.
    #[schema(value_type = String, format = DateTime)]
    at: Time,
    /// The kind of event; `history_missing` in place of events that are not recorded here, from number `seq` on. A server
    /// that is older than its data may send kinds that are not listed here.
    #[schema(value_type = EventName)]
    event: String,
    /// The event in words.
    #[schema(value_type = Option<Label<'static>>)]
    description: Option<Text>,
    /// The cause of the event: `customer/alice`, `payment/call_…`, `deadline`.
    #[schema(example = "customer/alice")]
    cause: String,
    /// The trace it belongs to: 32 hexadecimal digits.
    trace: String,
}

impl From<TimelineEntry> for Entry {
    fn from(entry: TimelineEntry) -> Self {
        let TimelineEntry { seq, at, event, description, cause, trace } = entry;
        Self { seq, at: at.into(), event, description, cause, trace }
    }
}

/// The two forms of the answer.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
pub(in crate::http) enum Timeline {
    /// Without parameters: the entries from the first, 1,000 at most.
    Entries(Vec<Entry>),
    /// With `limit` or `cursor`: a page.
    Page(Page<Entry>),
}

/// The events of a call, oldest first: for its customer, the driver who has it, and operators. The driver who had it at
/// its end reads up to that end. A driver to whom it is only offered gets 403.
///
/// Without parameters the answer is an array of 1,000 entries at most; when there are more, the header `Link` leads to
/// them. With `limit` or `cursor` it is a page, as all lists are.
#[utoipa::path(get, path = "/v1/calls/{id}/timeline", tag = "calls", params(("id" = String, Path), Paging),
    responses((status = 200, body = Timeline,
        headers(("Link" = Option<String>, description = "`<…>; rel=\"next\"`: where an array of 1,000 entries goes on"))),
        Refusals<(Actor, Listed)>))]
pub(in crate::http) async fn handle(
    state: Data<State>,
    who: Principal,
    CallPath(id): CallPath,
    Query(query): Query<Paging>,
) -> Result<HttpResponse, Problem> {
    let in_pages = query.is_asked_for();
    let limit = if in_pages { query.limit() } else { TIMELINE_MAX };
    let call = visible(&state, &who, &id).await?;
    let extent = extent(&who, &call)?;
    // When the read model is behind for longer, what it has is better than nothing.
    state.read_model.caught_up_to(&id, call.version, PATIENCE).await;
    let page = state.read_model.timeline(&id, extent, limit, query.cursor()).await?;
    let (items, next_cursor) = (page.items.into_iter().map(Entry::from).collect(), page.next_cursor);
    if in_pages {
        return json::ok(&Timeline::Page(Page { items, next_cursor }));
    }
    let mut response = json::ok(&Timeline::Entries(items))?;
    if let Some(link) = next_cursor.and_then(|cursor| link_to_next(&id, &cursor)) {
        response.headers_mut().insert(LINK, link);
    }
    Ok(response)
}

/// Where the entries go on, as RFC 8288 writes it.
fn link_to_next(id: &CallId, cursor: &str) -> Option<HeaderValue> {
    let link = format!("</v1/calls/{id}/timeline?limit={LIMIT_MAX}&cursor={cursor}>; rel=\"next\"");
    HeaderValue::try_from(link).ok()
}

/// How much of the history of a call, which it may see, somebody may read.
fn extent(who: &Principal, call: &Call) -> Result<Extent, Problem> {
    match sight(who, call) {
        Some(Sight::Whole) => Ok(Extent::Whole),
        Some(Sight::UpToItsEnd) => Ok(Extent::UpToItsEnd),
        Some(Sight::Present) => {
            let detail =
                "the history of a call is for its customer, the driver who has it and operators; accept the call first";
            Err(Problem::new(Code::Forbidden, detail))
        }
        None => Err(Problem::not_found("call")),
    }
}
