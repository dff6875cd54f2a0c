//! The OpenAPI document, generated from the endpoints, and the page that shows it.

mod complete;

use std::{
    borrow::Cow,
    collections::BTreeMap,
    sync::{Arc, LazyLock},
};

use actix_web::{
    HttpRequest, HttpResponse,
    http::{Method, header},
    web::Data,
};
use bytes::Bytes;
use utoipa::{
    OpenApi,
    openapi::{
        RefOr, Schema,
        path::{Operation, ParameterIn, PathItem},
    },
};
use utoipa_swagger_ui::Config;

use self::complete::Complete;
use super::{
    calls, drivers,
    error::{Document, Problem},
    health, me, ops, quotes, services, simulator,
    state::State,
    webhooks, ws,
};

#[derive(OpenApi)]
#[openapi(
    info(title = "callout", description = include_str!("introduction.md")),
    modifiers(&Complete),
    security(("bearer" = [])),
    servers((url = "/", description = "This server")),
    tags(
        (name = "customer", description = "Services, prices, and the request for a call"),
        (name = "calls", description = "One call, for all who may see it"),
        (name = "driver", description = "Drivers, their positions, and the calls they take"),
        (name = "me", description = "My Page: one's own calls and notifications"),
        (name = "live", description = "Changes as they happen"),
        (name = "operator", description = "All calls and drivers, approval, actors and the payment gateway"),
        (name = "health", description = "Probes"),
    ),
    components(schemas(Document, ops::payments::UnsettledState)),
    paths(
        services::handle,
        quotes::handle,
        calls::request::handle,
        calls::list::handle,
        calls::get::handle,
        calls::pay::handle,
        calls::timeline::handle,
        calls::cancel::handle,
        calls::release::handle,
        calls::accept::handle,
        calls::decline::handle,
        calls::start::handle,
        calls::complete::handle,
        calls::approve::handle,
        calls::reject::handle,
        calls::settle::handle,
        drivers::register::handle,
        drivers::get::handle,
        drivers::list::handle,
        drivers::retire::handle,
        drivers::availability::handle,
        drivers::position::handle,
        drivers::offers::handle,
        me::show::handle,
        me::change::handle,
        me::calls::handle,
        me::notifications::handle,
        me::read::handle,
        ops::actors::handle,
        ops::actor::show,
        ops::actor::crash,
        ops::actor::resume,
        ops::gateway::show,
        ops::gateway::set_breaker,
        ops::payments::list,
        ops::payments::settle,
        ops::simulator::set_faults,
        ops::simulator::charges,
        webhooks::handle,
        simulator::page,
        simulator::act,
        ws::handle,
        health::live,
        health::ready,
    )
)]
struct Api;

fn operations(item: &mut PathItem) -> impl Iterator<Item = (&'static str, &mut Operation)> {
    let PathItem { get, put, post, delete, .. } = item;
    let all = [("get", get), ("put", put), ("post", post), ("delete", delete)];
    all.into_iter().filter_map(|(method, operation)| Some((method, operation.as_mut()?)))
}

/// A query parameter: its name, and whether it may come several times.
pub(super) type Parameter = (String, bool);

/// A method, and the query parameters it takes.
type Taken = (Method, Vec<Parameter>);

/// The query parameters of every path.
static QUERIES: LazyLock<BTreeMap<String, Vec<Taken>>> = LazyLock::new(|| {
    let names = |operation: &Operation| {
        let parameters = operation.parameters.iter().flatten();
        let known = parameters.filter_map(|known| match known {
            RefOr::T(known) => Some(known),
            RefOr::Ref(_) => None,
        });
        let repeats =
            |known: &utoipa::openapi::path::Parameter| matches!(known.schema, Some(RefOr::T(Schema::Array(_))));
        let of_query = known.filter(|known| known.parameter_in == ParameterIn::Query);
        of_query.map(|known| (known.name.clone(), repeats(known))).collect()
    };
    let taken =
        |(method, operation): (&str, &mut Operation)| Some((method.to_uppercase().parse().ok()?, names(operation)));
    let paths = Api::openapi().paths.paths.into_iter();
    paths.map(|(path, mut item)| (path, operations(&mut item).filter_map(taken).collect())).collect()
});

/// The query parameters of a path, by method.
pub(super) fn query_parameters(pattern: &str) -> &'static [Taken] {
    QUERIES.get(pattern).map_or(&[], Vec::as_slice)
}

/// Every method and path that the document describes, methods in capitals.
#[cfg(test)]
pub(super) fn described() -> std::collections::BTreeSet<(String, String)> {
    let mut document = Api::openapi();
    let paths = document.paths.paths.iter_mut();
    let all = paths.flat_map(|(path, item)| operations(item).map(|(method, _)| (method.to_uppercase(), path.clone())));
    all.collect()
}

static DOCUMENT: LazyLock<Bytes> =
    LazyLock::new(|| Api::openapi().to_json().map(Bytes::from).unwrap_or_else(|_| Bytes::from_static(b"{}")));
static PAGE: LazyLock<Arc<Config<'static>>> = LazyLock::new(|| Arc::new(Config::from("/openapi.json")));

/// The content security policy of the page: its own files, the document, and the styles that are part of the page.
const PAGE_MAY: &str = "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; object-src 'none'; \
                        base-uri 'self'; frame-ancestors 'none'";

pub(super) async fn document() -> HttpResponse {
    HttpResponse::Ok().content_type("application/json").body(DOCUMENT.clone())
}

/// `GET /docs`: the page. It refers to its files relatively, so it is told where they are.
pub(super) async fn page(state: Data<State>) -> Result<HttpResponse, Problem> {
    if !state.settings.docs {
        return Err(Problem::not_found("page"));
    }
    let Ok(Some(page)) = utoipa_swagger_ui::serve("", Arc::clone(&PAGE)) else {
        return Err(Problem::not_found("page"));
    };
    let text = String::from_utf8_lossy(&page.bytes).replacen("<head>", "<head><base href=\"/docs/\">", 1);
    let mut response = HttpResponse::Ok();
    response.insert_header((header::CONTENT_SECURITY_POLICY, PAGE_MAY));
    Ok(response.content_type("text/html; charset=utf-8").body(text))
}

/// `GET /docs/…`: the page's files.
pub(super) async fn files(state: Data<State>, request: HttpRequest) -> Result<HttpResponse, Problem> {
    if !state.settings.docs {
        return Err(Problem::not_found("page"));
    }
    let file = request.match_info().get("file").unwrap_or_default();
    match utoipa_swagger_ui::serve(file, Arc::clone(&PAGE)) {
        Ok(Some(file)) => {
            let mut response = HttpResponse::Ok();
            if file.gzpipped {
                response.insert_header((header::CONTENT_ENCODING, "gzip"));
            }
            // Many who ask at once share the bytes, however slowly they read.
            let bytes = match file.bytes {
                Cow::Borrowed(bytes) => Bytes::from_static(bytes),
                Cow::Owned(bytes) => bytes.into(),
            };
            Ok(response.content_type(file.content_type).body(bytes))
        }
        Ok(None) | Err(_) => Err(Problem::not_found("page")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_document_describes_endpoints_their_bodies_and_their_refusals() -> Result<(), serde_json::Error> {
        let document: serde_json::Value = serde_json::from_slice(&DOCUMENT)?;
        let request = &document["paths"]["/v1/calls"]["post"];
        assert!(request["requestBody"].is_object() && request["responses"]["201"].is_object(), "{request}");
        assert!(request["responses"]["503"]["content"]["application/problem+json"].is_object(), "{request}");
        for schema in ["Call", "Driver", "Problem", "Place", "Money", "NewCall"] {
            assert!(document["components"]["schemas"][schema].is_object(), "{schema}");
        }
        Ok(())
    }
}
