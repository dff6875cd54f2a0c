//! The OpenAPI document, generated from the endpoints, and the page that shows it.

use std::sync::{Arc, LazyLock};

use actix_web::{
    HttpRequest, HttpResponse,
    http::{StatusCode, header},
};
use bytes::Bytes;
use utoipa::{
    IntoResponses, Modify, OpenApi,
    openapi::{
        RefOr,
        path::{Operation, PathItem},
        security::{Http, HttpAuthScheme, SecurityScheme},
    },
};
use utoipa_swagger_ui::Config;

use super::{
    calls, drivers,
    error::{Document, Problem},
    health, me, ops, quotes, services, ws,
};

/// What every endpoint may answer besides its own: problem documents.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "describes refusals in the OpenAPI document")]
pub(super) enum Refusals {
    /// invalid_request
    #[response(status = 400, content_type = "application/problem+json")]
    Invalid(Document<'static>),
    /// unauthorized
    #[response(status = 401, content_type = "application/problem+json")]
    Unauthorized(Document<'static>),
    /// forbidden
    #[response(status = 403, content_type = "application/problem+json")]
    Forbidden(Document<'static>),
    /// not_found
    #[response(status = 404, content_type = "application/problem+json")]
    NotFound(Document<'static>),
    /// call_taken, not_offered, illegal_transition, driver_unavailable, idempotency_conflict, already_exists
    #[response(status = 409, content_type = "application/problem+json")]
    Conflict(Document<'static>),
    /// payload_too_large
    #[response(status = 413, content_type = "application/problem+json")]
    TooLarge(Document<'static>),
    /// unsupported_media_type
    #[response(status = 415, content_type = "application/problem+json")]
    MediaType(Document<'static>),
    /// out_of_area, payment_below_minimum, quote_expired
    #[response(status = 422, content_type = "application/problem+json")]
    Unprocessable(Document<'static>),
    /// rate_limited; Retry-After says when to come back
    #[response(status = 429, content_type = "application/problem+json")]
    TooMany(Document<'static>),
    /// overloaded, parked, store_unavailable, actor_restarted, payment_unavailable, payment_pending; Retry-After says when
    /// to come back
    #[response(status = 503, content_type = "application/problem+json")]
    Unavailable(Document<'static>),
}

#[derive(OpenApi)]
#[openapi(
    info(title = "callout", description = "An actor-based reactive backend for on-demand services"),
    modifiers(&Bearer, &Complete),
    security(("bearer" = [])),
    paths(
        services::handle,
        quotes::handle,
        calls::request::handle,
        calls::list::handle,
        calls::get::handle,
        calls::pay::handle,
        calls::timeline::handle,
        calls::cancel::handle,
        calls::accept::handle,
        calls::decline::handle,
        calls::start::handle,
        calls::complete::handle,
        calls::approve::handle,
        calls::reject::handle,
        drivers::register::handle,
        drivers::get::handle,
        drivers::list::handle,
        drivers::retire::handle,
        drivers::availability::handle,
        drivers::position::handle,
        drivers::offers::handle,
        me::show::handle,
        me::calls::handle,
        me::notifications::handle,
        ops::actors::handle,
        ops::actor::show,
        ops::actor::crash,
        ops::actor::resume,
        ops::gateway::show,
        ops::gateway::set_breaker,
        ops::simulator::set_faults,
        ops::simulator::charges,
        ws::handle,
        health::live,
        health::ready,
    )
)]
struct Api;

struct Bearer;

impl Modify for Bearer {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let mut scheme = Http::new(HttpAuthScheme::Bearer);
        scheme.bearer_format = Some("JWT".to_owned());
        document.components.get_or_insert_default().add_security_scheme("bearer", SecurityScheme::Http(scheme));
    }
}

/// Adds what the format demands and endpoints need not repeat: an id for each operation, a description for each response.
struct Complete;

impl Modify for Complete {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        for (path, item) in &mut document.paths.paths {
            for (method, operation) in operations(item) {
                operation.operation_id = Some(operation_id(method, path));
                describe(operation);
            }
        }
    }
}

fn operations(item: &mut PathItem) -> impl Iterator<Item = (&'static str, &mut Operation)> {
    let PathItem { get, put, post, delete, .. } = item;
    let all = [("get", get), ("put", put), ("post", post), ("delete", delete)];
    all.into_iter().filter_map(|(method, operation)| Some((method, operation.as_mut()?)))
}

/// `post_calls_id_accept` for `POST /v1/calls/{id}/accept`.
fn operation_id(method: &str, path: &str) -> String {
    let words = path.split('/').map(|word| word.trim_matches(['{', '}']));
    let words = words.filter(|word| !word.is_empty() && *word != "v1");
    std::iter::once(method).chain(words).collect::<Vec<_>>().join("_")
}

fn describe(operation: &mut Operation) {
    for (status, response) in &mut operation.responses.responses {
        let RefOr::T(response) = response else { continue };
        if response.description.is_empty() {
            let reason = StatusCode::from_bytes(status.as_bytes()).ok().and_then(|status| status.canonical_reason());
            reason.unwrap_or("An answer").clone_into(&mut response.description);
        }
    }
}

static DOCUMENT: LazyLock<Bytes> =
    LazyLock::new(|| Api::openapi().to_json().map(Bytes::from).unwrap_or_else(|_| Bytes::from_static(b"{}")));
static PAGE: LazyLock<Arc<Config<'static>>> = LazyLock::new(|| Arc::new(Config::from("/openapi.json")));

/// `GET /openapi.json`.
pub(super) async fn document() -> HttpResponse {
    HttpResponse::Ok().content_type("application/json").body(DOCUMENT.clone())
}

/// `GET /docs`: the page. It refers to its files relatively, so it is told where they are.
pub(super) async fn page() -> Result<HttpResponse, Problem> {
    let Ok(Some(page)) = utoipa_swagger_ui::serve("", Arc::clone(&PAGE)) else {
        return Err(Problem::not_found("page"));
    };
    let text = String::from_utf8_lossy(&page.bytes).replacen("<head>", "<head><base href=\"/docs/\">", 1);
    Ok(HttpResponse::Ok().content_type("text/html; charset=utf-8").body(text))
}

/// `GET /docs/…`: the page's files.
pub(super) async fn files(request: HttpRequest) -> Result<HttpResponse, Problem> {
    let file = request.match_info().get("file").unwrap_or_default();
    match utoipa_swagger_ui::serve(file, Arc::clone(&PAGE)) {
        Ok(Some(file)) => {
            let mut response = HttpResponse::Ok();
            if file.gzpipped {
                response.insert_header((header::CONTENT_ENCODING, "gzip"));
            }
            Ok(response.content_type(file.content_type).body(file.bytes.into_owned()))
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
