//! Figures: how many requests, how they ended, how long they took. Rendered for Prometheus at `/metrics`.

use std::{cell::RefCell, time::Duration};

use actix_web::{
    HttpResponse,
    http::{Method, StatusCode},
    web::Data,
};
use metrics::{
    Counter, Histogram, Unit, counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram,
};
use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};

use super::{
    error::{Code, Problem},
    state::State,
};

const REQUESTS: &str = "callout_http_requests_total";
const SECONDS: &str = "callout_http_request_seconds";
/// How many WebSockets are open.
pub(super) const SOCKETS: &str = "callout_ws_sockets";
/// Upper bounds of latency buckets, in seconds: from a cached answer to the request timeout.
const BUCKETS: [f64; 14] = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];

/// Installs the recorder for every metric of the process. Call it once, before anything is counted.
///
/// # Errors
/// When there is a recorder already.
pub fn install() -> Result<PrometheusHandle, BuildError> {
    let handle = PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), &BUCKETS)?
        .install_recorder()?;
    describe_counter!(REQUESTS, "Requests, by method, route and status");
    describe_histogram!(SECONDS, Unit::Seconds, "Time to answer a request, by route");
    describe_gauge!(SOCKETS, "Open WebSockets");
    gauge!(SOCKETS).set(0.0);
    Ok(handle)
}

pub(super) async fn handle(state: Data<State>) -> Result<HttpResponse, Problem> {
    let Some(metrics) = &state.metrics else {
        return Err(Problem::new(Code::NotFound, "metrics are not recorded by this process"));
    };
    state.read_model.report_lag();
    state.engine.report_gateway();
    Ok(HttpResponse::Ok().content_type("text/plain; version=0.0.4; charset=utf-8").body(metrics.render()))
}

/// The figures of one route, as one worker counts them: kept, because to find them costs more than to count.
pub(super) struct Figures {
    route: String,
    seconds: Histogram,
    /// By method and status, of which there are few.
    requests: RefCell<Vec<(&'static str, StatusCode, Counter)>>,
}

impl Figures {
    /// Those of a route, or of requests to none.
    pub fn new(route: Option<&str>) -> Self {
        let route = route.unwrap_or("unknown").to_owned();
        let seconds = histogram!(SECONDS, "route" => route.clone());
        Self { route, seconds, requests: RefCell::default() }
    }

    pub fn route(&self) -> &str {
        &self.route
    }

    pub fn note(&self, method: &Method, status: StatusCode, took: Duration) {
        self.seconds.record(took.as_secs_f64());
        let method = name(method);
        let mut requests = self.requests.borrow_mut();
        let known = requests.iter().position(|(of, with, _)| (*of, *with) == (method, status));
        let known = known.unwrap_or_else(|| {
            let (route, code) = (self.route.clone(), status.as_u16().to_string());
            let counter = counter!(REQUESTS, "method" => method, "route" => route, "status" => code);
            requests.push((method, status, counter));
            requests.len() - 1
        });
        requests[known].2.increment(1);
    }
}

/// Clients may send methods of any name: those that no route has are one.
fn name(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::DELETE => "DELETE",
        _ => "OTHER",
    }
}
