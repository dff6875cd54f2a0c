//! `PUT /v1/me/notifications/read`: somebody has read its notifications up to one of them.

use actix_web::{HttpResponse, web::Data};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{audience::Audience, notifications::read_by};
use crate::http::{
    auth::Principal,
    error::{
        Problem, Refusals,
        refusals::{Actor, Body},
    },
    extract::json::{self, Json},
    state::State,
    views::Time,
};

/// Up to where somebody has read.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::http) struct ReadUpTo {
    /// The id of the last notification that was read, such as the first of the list.
    #[schema(example = "42", min_length = 1, max_length = 20)]
    up_to: String,
}

/// Up to where somebody has read now.
#[derive(Serialize, ToSchema)]
pub(in crate::http) struct ReadSoFar {
    /// When the last one that was read happened.
    #[schema(value_type = Option<String>, format = DateTime)]
    at: Option<Time>,
    /// How many are not read; 100 means 100 or more.
    #[schema(maximum = 100)]
    unread: usize,
}

/// Marks a notification and all before it as read, on all devices and for good. A mark never goes back: an earlier one
/// changes nothing. It is that of the token's `sub` and role, also for operators, and holds for the notifications of all its
/// services.
#[utoipa::path(put, path = "/v1/me/notifications/read", tag = "me", request_body = ReadUpTo,
    responses((status = 200, body = ReadSoFar), Refusals<(Body, Actor)>))]
pub(in crate::http) async fn handle(
    state: Data<State>,
    who: Principal,
    Json(ReadUpTo { up_to }): Json<ReadUpTo>,
) -> Result<HttpResponse, Problem> {
    let audience = Audience::of(&state, &who, None)?;
    let Some(notice) = audience.notification(&up_to).await? else {
        return Err(Problem::at("/up_to", "none of your notifications has this id"));
    };
    let mark = state.read_model.mark(&notice);
    let account = state.engine.mark_read(&who.account()?, who.role(), mark, who.cause()).await?;
    let mark = read_by(&who, Some(&account));
    let unread = audience.unread(mark.as_ref()).await?;
    json::ok(&ReadSoFar { at: mark.map(|mark| mark.at.into()), unread })
}
