//! Which path leads to which endpoint. Unknown paths and methods are problems too.

use std::rc::Rc;

use actix_web::{
    HttpMessage, HttpResponse, Resource, Route,
    dev::ServiceRequest,
    guard,
    http::Method,
    middleware::from_fn,
    web::{self, ServiceConfig},
};

use super::{
    calls, drivers,
    edge::{self, doors::Door},
    error::{Code, Problem},
    health, me, metrics, openapi, ops, quotes, services, simulator, webhooks, ws,
};

/// A path and its endpoints.
struct Path {
    pattern: String,
    resource: Resource,
    methods: Vec<&'static str>,
}

impl Path {
    fn new(path: &str) -> Self {
        Self { pattern: path.to_owned(), resource: web::resource(path), methods: Vec::new() }
    }

    /// HEAD is answered as GET is, and goes without the body (RFC 9110, 9.1).
    fn get(self, route: Route) -> Self {
        let reads = guard::Any(guard::Get()).or(guard::Head());
        self.on(&["GET", "HEAD"], route.guard(reads))
    }

    /// GET that leads away from HTTP: there is nothing that HEAD could be told.
    fn upgrade(self, route: Route) -> Self {
        self.on(&["GET"], route.method(Method::GET))
    }

    fn post(self, route: Route) -> Self {
        self.on(&["POST"], route.method(Method::POST))
    }

    fn put(self, route: Route) -> Self {
        self.on(&["PUT"], route.method(Method::PUT))
    }

    fn delete(self, route: Route) -> Self {
        self.on(&["DELETE"], route.method(Method::DELETE))
    }

    fn on(mut self, methods: &[&'static str], route: Route) -> Self {
        self.methods.extend(methods);
        Self { resource: self.resource.route(route), ..self }
    }

    fn register(self, config: &mut ServiceConfig) {
        let methods = self.methods.join(", ");
        let refuse = move || {
            let detail = format!("this path has {methods} only");
            let problem = Problem::new(Code::MethodNotAllowed, detail).allow(methods.clone());
            std::future::ready(Err::<HttpResponse, Problem>(problem))
        };
        let figures = Rc::new(metrics::Figures::new(Some(&self.pattern)));
        let takes = edge::parameters::Takes::of(&self.pattern);
        let door = Door::of(&self.pattern);
        let around = from_fn(move |request: ServiceRequest, next| {
            request.extensions_mut().insert(takes);
            edge::innermost(Rc::clone(&figures), door, request, next)
        });
        config.service(self.resource.default_service(web::to(refuse)).wrap(around));
    }
}

pub(super) fn configure(config: &mut ServiceConfig) {
    for path in paths() {
        path.register(config);
    }
    config.default_service(web::to(unknown));
}

/// Every path. They are tried in this order, so what is asked most is near the front.
fn paths() -> Vec<Path> {
    let to_call = |rest: &str| Path::new(&format!("/v1/calls/{{id}}{rest}"));
    let to_driver = |rest: &str| Path::new(&format!("/v1/drivers/{{id}}{rest}"));
    let to_actor = |rest: &str| Path::new(&format!("/v1/ops/actors/{{kind}}/{{id}}{rest}"));
    vec![
        Path::new("/v1/services").get(web::to(services::handle)),
        Path::new("/v1/quotes").post(web::to(quotes::handle)),
        Path::new("/v1/calls").get(web::to(calls::list::handle)).post(web::to(calls::request::handle)),
        to_call("").get(web::to(calls::get::handle)),
        to_call("/accept").post(web::to(calls::accept::handle)),
        to_call("/start").post(web::to(calls::start::handle)),
        to_call("/complete").post(web::to(calls::complete::handle)),
        to_call("/cancel").post(web::to(calls::cancel::handle)),
        to_call("/pay").post(web::to(calls::pay::handle)),
        to_call("/release").post(web::to(calls::release::handle)),
        to_call("/decline").post(web::to(calls::decline::handle)),
        to_call("/timeline").get(web::to(calls::timeline::handle)),
        to_call("/approve").post(web::to(calls::approve::handle)),
        to_call("/reject").post(web::to(calls::reject::handle)),
        to_call("/settle").post(web::to(calls::settle::handle)),
        to_driver("/position").post(web::to(drivers::position::handle)),
        to_driver("/offers").get(web::to(drivers::offers::handle)),
        to_driver("/availability").put(web::to(drivers::availability::handle)),
        to_driver("")
            .get(web::to(drivers::get::handle))
            .put(web::to(drivers::register::handle))
            .delete(web::to(drivers::retire::handle)),
        Path::new("/v1/drivers").get(web::to(drivers::list::handle)),
        Path::new("/v1/me").get(web::to(me::show::handle)).put(web::to(me::change::handle)),
        Path::new("/v1/me/calls").get(web::to(me::calls::handle)),
        Path::new("/v1/me/notifications").get(web::to(me::notifications::handle)),
        Path::new("/v1/me/notifications/read").put(web::to(me::read::handle)),
        Path::new("/v1/ops/actors").get(web::to(ops::actors::handle)),
        to_actor("").get(web::to(ops::actor::show)),
        to_actor("/crash").post(web::to(ops::actor::crash)),
        to_actor("/resume").post(web::to(ops::actor::resume)),
        Path::new("/v1/ops/payments").get(web::to(ops::payments::list)),
        Path::new("/v1/ops/payments/{id}/settle").post(web::to(ops::payments::settle)),
        Path::new("/v1/ops/gateway").get(web::to(ops::gateway::show)),
        Path::new("/v1/ops/gateway/breaker").put(web::to(ops::gateway::set_breaker)),
        Path::new("/v1/ops/gateway/simulator").put(web::to(ops::simulator::set_faults)),
        Path::new("/v1/ops/gateway/simulator/charges").get(web::to(ops::simulator::charges)),
        Path::new("/v1/gateway/webhooks/stripe").post(web::to(webhooks::handle)),
        Path::new("/v1/gateway/simulator/actions/{secret}").get(web::to(simulator::page)).post(web::to(simulator::act)),
        Path::new("/v1/ws").upgrade(web::to(ws::handle)),
        Path::new("/health/live").get(web::to(health::live)),
        Path::new("/health/ready").get(web::to(health::ready)),
        Path::new("/metrics").get(web::to(metrics::handle)),
        Path::new("/openapi.json").get(web::to(openapi::document)),
        Path::new("/asyncapi.json").get(web::to(ws::contract::handle)),
        Path::new("/docs").get(web::to(openapi::page)),
        Path::new("/docs/{file:.*}").get(web::to(openapi::files)),
    ]
}

async fn unknown() -> Result<HttpResponse, Problem> {
    Err(Problem::not_found("path"))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// Paths that are for browsers and monitoring, not for clients of the interface.
    const NOT_DESCRIBED: [&str; 5] = ["/metrics", "/openapi.json", "/asyncapi.json", "/docs", "/docs/{file:.*}"];

    #[test]
    fn what_is_served_is_described_and_what_is_described_is_served() {
        let served = paths().into_iter().filter(|path| !NOT_DESCRIBED.contains(&path.pattern.as_str()));
        // HEAD goes with GET and is not described apart.
        let served = served.flat_map(|path| {
            let methods = path.methods.into_iter().filter(|method| *method != "HEAD");
            methods.map(move |method| (method.to_owned(), path.pattern.clone())).collect::<Vec<_>>()
        });
        assert_eq!(served.collect::<BTreeSet<_>>(), openapi::described());
    }
}
