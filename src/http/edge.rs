//! What every request passes on its way in and out: its address' rate, its trace, its time limit, its figures.

use std::{
    panic::AssertUnwindSafe,
    rc::Rc,
    time::{Duration, Instant},
};

use actix_web::{
    Error, HttpMessage, ResponseError,
    body::BoxBody,
    dev::{ServiceRequest, ServiceResponse},
    http::{Method, StatusCode},
    middleware::Next,
    web::Data,
};
use futures_util::FutureExt;

use super::{
    calls::request::Begun,
    error::{Code, Problem},
    limits::Used,
    metrics::Figures,
    state::State,
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
        Err(problem) => request.into_response(problem.error_response()),
    };
    let used = response.request().extensions().get::<Used>().cloned();
    if let Some(used) = used {
        used.tell(response.headers_mut());
    }
    trace.tell(response.headers_mut());
    note(&method, &response, begun.elapsed());
    Ok(response)
}

/// Around every endpoint: nobody waits for ever, and a panic is an answer rather than a broken connection.
pub(super) async fn innermost(
    figures: Rc<Figures>,
    request: ServiceRequest,
    next: Next<BoxBody>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    request.extensions_mut().insert(figures);
    let limit = request
        .app_data::<Data<State>>()
        .map_or(Duration::from_secs(10), |state| Duration::from_millis(state.settings.request_timeout_ms));
    let asked = request.request().clone();
    let answered = AssertUnwindSafe(tokio::time::timeout(limit, next.call(request))).catch_unwind().await;
    let problem = match answered {
        Ok(Ok(response)) => return response,
        Ok(Err(_)) => Problem::new(
            Code::Overloaded,
            format!("no answer within {limit:?}; what was asked for may still happen, repeating it is safe"),
        ),
        Err(_) => Problem::new(Code::Internal, "the request failed; it is logged under its x-request-id"),
    };
    let begun = asked.extensions().get::<Begun>().cloned();
    let problem = match begun {
        Some(begun) => begun.about(problem),
        None => problem,
    };
    Ok(ServiceResponse::new(asked, problem.error_response()))
}

/// Probes are never refused: a busy address must not make its server look dead.
fn within_rate(request: &ServiceRequest) -> Result<(), Problem> {
    if request.path().starts_with("/health/") {
        return Ok(());
    }
    let (Some(state), Some(peer)) = (request.app_data::<Data<State>>(), request.peer_addr()) else { return Ok(()) };
    let used = state.limits.address(peer.ip());
    let admitted = used.admit("this network address");
    if admitted.is_err() {
        request.extensions_mut().insert::<Used>(used);
    }
    admitted
}

fn note(method: &Method, response: &ServiceResponse<BoxBody>, took: Duration) {
    let status = response.status();
    let figures = response.request().extensions().get::<Rc<Figures>>().cloned();
    // One that was refused before it came to its endpoint, or for which there is none.
    let figures = figures.unwrap_or_else(|| Rc::new(Figures::new(response.request().match_pattern().as_deref())));
    figures.note(method, status, took);
    let route = figures.route();
    // "Not now" is said by the thousand when there is too much to do: it is counted, and whatever is the matter says so itself.
    if status.is_server_error() && status != StatusCode::SERVICE_UNAVAILABLE {
        tracing::warn!(%method, route, status = status.as_u16(), ?took, "a request was answered with an error");
    } else {
        tracing::debug!(%method, route, status = status.as_u16(), ?took, "a request was answered");
    }
}
