//! The layers around every request: the rate of its address, its trace, its time limit, its figures.

pub(in crate::http) mod admission;
pub(in crate::http) mod connections;
pub(in crate::http) mod cors;
pub(in crate::http) mod crowd;
pub(in crate::http) mod doors;
pub(in crate::http) mod limits;
pub(in crate::http) mod parameters;
pub(in crate::http) mod patience;
pub(in crate::http) mod proxies;
pub(in crate::http) mod trace;
mod words;

use std::{
    panic::AssertUnwindSafe,
    rc::Rc,
    time::{Duration, Instant},
};

use actix_web::{
    Error, HttpMessage,
    body::BoxBody,
    dev::{ServiceRequest, ServiceResponse},
    http::{
        ConnectionType, Method, StatusCode,
        header::{self, HeaderValue},
    },
    middleware::Next,
    web::Data,
};
use futures_util::FutureExt;

use super::{
    calls::request::Begun,
    error::{Code, Problem},
    metrics::Figures,
    state::State,
};
use crate::http::edge::{
    doors::Door,
    limits::Used,
    patience::{Patience, TimeIsUp},
    trace::Trace,
};

/// Around everything, known path or not.
pub(super) async fn outermost(request: ServiceRequest, next: Next<BoxBody>) -> Result<ServiceResponse<BoxBody>, Error> {
    let begun = Instant::now();
    let method = request.method().clone();
    let trace = Trace::begin(request.headers());
    request.extensions_mut().insert(trace.clone());
    let mut response = match within_rate(&request) {
        Ok(()) => next.call(request).await?,
        Err(problem) => request.error_response(problem),
    };
    response = words::add(response).await;
    let used = response.request().extensions().get::<Used>().cloned();
    if let Some(used) = used {
        used.tell(response.headers_mut());
    }
    trace.tell(response.headers_mut());
    protect(&mut response);
    part(&mut response);
    note(&method, &response, &trace, begun.elapsed());
    Ok(response)
}

/// Sets the headers that forbid browsers to guess a content type, and caches to keep private answers.
fn protect(response: &mut ServiceResponse<BoxBody>) {
    let is_private = response.request().path().starts_with("/v1/");
    let headers = response.headers_mut();
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    if is_private {
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
}

/// Ends the connection of whoever is answered once the server is about to stop: the next request is another server's.
fn part(response: &mut ServiceResponse<BoxBody>) {
    let state = response.request().app_data::<Data<State>>();
    let is_leaving = state.is_some_and(|state| state.lifecycle.is_leaving());
    if is_leaving && response.status() != StatusCode::SWITCHING_PROTOCOLS {
        response.response_mut().head_mut().set_connection_type(ConnectionType::Close);
    }
}

/// Around every endpoint: nobody waits for ever, and a panic is an answer rather than a broken connection.
pub(super) async fn innermost(
    figures: Rc<Figures>,
    door: Door,
    request: ServiceRequest,
    next: Next<BoxBody>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    request.extensions_mut().insert(figures);
    if let Err(problem) = door.admit(&request) {
        return Ok(request.error_response(problem));
    }
    let limit = request
        .app_data::<Data<State>>()
        .map_or(Duration::from_secs(10), |state| Duration::from_millis(state.settings.request_timeout_ms));
    let patience = Patience::new(limit);
    request.extensions_mut().insert(Rc::clone(&patience));
    let asked = request.request().clone();
    let answered = AssertUnwindSafe(patience.bound(next.call(request))).catch_unwind().await;
    let problem = match answered {
        Ok(Ok(response)) => return response,
        Ok(Err(TimeIsUp)) => Problem::new(Code::Overloaded, format!("no answer within {:?}", patience.limit())),
        Err(_) => Problem::new(Code::Internal, "the request failed; it is logged under its x-request-id"),
    };
    let begun = asked.extensions().get::<Begun>().cloned();
    let problem = match begun {
        Some(begun) => begun.unanswered(problem),
        None if problem.code() == Code::Overloaded => repeatable(problem),
        None => problem,
    };
    Ok(ServiceResponse::from_err(problem, asked))
}

/// Every command but the request for a call is idempotent by nature, and of that none had been begun.
fn repeatable(problem: Problem) -> Problem {
    let said = format!("{}; the request may still take effect, and repeating it is safe", problem.detail());
    problem.saying(said)
}

/// Probes are never refused: a busy address must not make its server look dead.
fn within_rate(request: &ServiceRequest) -> Result<(), Problem> {
    if request.path().starts_with("/health/") {
        return Ok(());
    }
    let (Some(state), Some(peer)) = (request.app_data::<Data<State>>(), request.peer_addr()) else { return Ok(()) };
    let used = state.limits.address(state.proxies.client(peer.ip(), request.headers()));
    let admitted = used.admit("this network address");
    if admitted.is_err() {
        request.extensions_mut().insert::<Used>(used);
    }
    admitted
}

fn note(method: &Method, response: &ServiceResponse<BoxBody>, trace: &Trace, took: Duration) {
    let status = response.status();
    let figures = response.request().extensions().get::<Rc<Figures>>().cloned();
    // One that was refused before it came to its endpoint, or for which there is none.
    let figures = figures.unwrap_or_else(|| Rc::new(Figures::new(response.request().match_pattern().as_deref())));
    figures.note(method, status, took);
    let route = figures.route();
    // "Not now" is said by the thousand when there is too much to do: it is counted, and whatever is the matter says so itself.
    if status.is_server_error() && status != StatusCode::SERVICE_UNAVAILABLE {
        let request_id = trace.request_id();
        tracing::warn!(%method, route, request_id, status = status.as_u16(), ?took, "a request was answered with an error");
    } else {
        let request_id = trace.request_id();
        tracing::debug!(%method, route, request_id, status = status.as_u16(), ?took, "a request was answered");
    }
}
