//! `GET /v1/ws`: live calls, offers and positions. One task per socket, on the worker that took the connection; everything
//! it holds is bounded.

mod frames;
mod hang_up;
mod inbound;
mod outbound;
mod socket;
mod subscriptions;

use actix_web::{HttpRequest, HttpResponse, http::header, web};
use serde::Deserialize;

pub(super) use self::hang_up::note_wire;
use self::{hang_up::HangUp, socket::Socket};
use super::{
    auth::{Principal, admitted, bearer},
    error::{Code, Problem},
    language::Language,
    openapi::Refusals,
    query::Query,
    state::State,
};

/// How browsers, which cannot set headers here, give their token.
#[derive(Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Access {
    /// The token, when it is not in `Authorization`.
    #[serde(default)]
    access_token: Option<String>,
}

/// Opens a WebSocket: own calls and offers come by themselves; frames are JSON texts. Notifications come in the language
/// that `Accept-Language` asks for.
#[utoipa::path(get, path = "/v1/ws", tag = "live", params(Access),
    responses((status = 101, description = "Switching to WebSocket"), Refusals))]
pub(super) async fn handle(
    state: web::Data<State>,
    request: HttpRequest,
    Query(access): Query<Access>,
    language: Language,
    body: web::Payload,
) -> Result<HttpResponse, Problem> {
    let who = authenticated(&request, access.access_token.as_deref())?;
    let (response, session, stream) = actix_ws::handle(&request, body)
        .map_err(|error| Problem::new(Code::InvalidRequest, format!("a WebSocket handshake is needed: {error}")))?;
    let frame_max = usize::try_from(state.settings.ws_frame_max_bytes).unwrap_or(usize::MAX);
    let stream = stream.max_frame_size(frame_max).aggregate_continuations().max_continuation_size(frame_max);
    let hang_up = HangUp::default();
    let response = hang_up.after(&request, response);
    let socket = Socket::new(state, who, language, session);
    actix_web::rt::spawn(socket.serve(stream, hang_up));
    Ok(response)
}

fn authenticated(request: &HttpRequest, in_query: Option<&str>) -> Result<Principal, Problem> {
    match in_query {
        Some(token) if !request.headers().contains_key(header::AUTHORIZATION) => admitted(request, token),
        Some(_) | None => admitted(request, bearer(request)?),
    }
}
