//! `GET /v1/ws`: live calls, offers and positions. One task per socket, on the worker that took the connection;
//! everything it holds is bounded, and so is how many one principal opens.

mod commands;
pub(super) mod contract;
mod end;
mod follow;
mod frames;
mod hang_up;
mod inbound;
mod lengths;
mod opening;
mod outbound;
mod socket;
mod subscriptions;

use actix_web::{FromRequest, HttpRequest, HttpResponse, dev::Payload, http::header, web};

pub(super) use self::hang_up::note_wire;
use self::{
    hang_up::HangUp,
    lengths::{Measured, TooLong},
    socket::Socket,
};
use super::{
    auth::{Principal, admitted, bearer},
    edge::cors,
    error::{Code, Problem, Refusals},
    state::State,
};
use crate::http::extract::{
    language::Wanted,
    query::{Given, Parameters, Query},
};

/// How browsers, which cannot set headers here, give their token.
#[derive(utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Access {
    /// The token, when it is not in `Authorization`.
    access_token: Option<String>,
}

impl Parameters for Access {
    fn read(given: &Given) -> Result<Self, Problem> {
        Ok(Self { access_token: given.text("access_token").map(str::to_owned) })
    }
}

/// Opens a WebSocket: own calls and offers come by themselves; frames are JSON texts. Notifications and the messages of
/// refusals come in the language that `Accept-Language` asks for; without that header in that of the customer's profile.
#[utoipa::path(get, path = "/v1/ws", tag = "live", params(Access),
    responses((status = 101, description = "Switching to WebSocket"), Refusals))]
pub(super) async fn handle(
    state: web::Data<State>,
    request: HttpRequest,
    Query(access): Query<Access>,
    wanted: Wanted,
    body: web::Payload,
) -> Result<HttpResponse, Problem> {
    let who = authenticated(&request, access.access_token.as_deref())?;
    cors::admit(&request, &state.settings.cors_origins)?;
    let place = state.sockets.enter((who.role(), who.id().into())).ok_or_else(|| too_many(&state))?;
    let frame_max = state.settings.ws_frame_max_bytes;
    let too_long = TooLong::default();
    let measured = Measured::new(body.into_inner(), frame_max.into(), too_long.clone());
    let mut measured: Payload = Payload::Stream { payload: Box::pin(measured) };
    let body = web::Payload::from_request(&request, &mut measured)
        .await
        .map_err(|_| Problem::new(Code::Internal, "the connection cannot be read"))?;
    let (response, session, stream) = actix_ws::handle(&request, body)
        .map_err(|error| Problem::new(Code::InvalidRequest, format!("a WebSocket handshake is needed: {error}")))?;
    let frame_max = usize::try_from(frame_max).unwrap_or(usize::MAX);
    let stream = stream.max_frame_size(frame_max).aggregate_continuations().max_continuation_size(frame_max);
    let hang_up = HangUp::default();
    let response = hang_up.after(&request, response);
    let language = wanted.or_own(&state, &who).await;
    let socket = Socket::new(state, who, language, session);
    actix_web::rt::spawn(async move {
        socket.serve(stream, too_long, hang_up).await;
        drop(place);
    });
    Ok(response)
}

fn too_many(state: &State) -> Problem {
    let max = state.sockets.max();
    Problem::new(
        Code::RateLimited,
        format!("this token's sub and role have {max} sockets open already, and no more are allowed"),
    )
}

fn authenticated(request: &HttpRequest, in_query: Option<&str>) -> Result<Principal, Problem> {
    match in_query {
        Some(token) if !request.headers().contains_key(header::AUTHORIZATION) => admitted(request, token),
        Some(_) | None => admitted(request, bearer(request)?),
    }
}
