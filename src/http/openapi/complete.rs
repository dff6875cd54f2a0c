//! The parts of the OpenAPI document that follow from others: ids of operations, headers of answers, references in pages,
//! examples of refusals. Endpoints need not repeat them.

use actix_web::http::StatusCode;
use utoipa::{
    Modify,
    openapi::{
        Components, HeaderBuilder, ObjectBuilder, OpenApi, Ref, RefOr, Response, Schema, Type,
        path::{Operation, Parameter, ParameterIn},
        schema::ArrayItems,
        security::{Http, HttpAuthScheme, SecurityScheme},
    },
};

use super::operations;
use crate::http::error::{Code, refusals};

/// Ids that clients choose or are given.
const ID_PATTERN: &str = "^[A-Za-z0-9_-]{1,64}$";
/// The longest id, in characters.
const ID_MAX: usize = 64;

/// Completes the document.
pub(super) struct Complete;

impl Modify for Complete {
    fn modify(&self, document: &mut OpenApi) {
        for (path, item) in &mut document.paths.paths {
            for (method, operation) in operations(item) {
                operation.operation_id = Some(operation_id(method, path));
                summarise(operation);
                describe_path(path, operation);
                describe_responses(operation);
            }
        }
        let components = document.components.get_or_insert_default();
        let mut scheme = Http::new(HttpAuthScheme::Bearer);
        scheme.bearer_format = Some("JWT".to_owned());
        components.add_security_scheme("bearer", SecurityScheme::Http(scheme));
        components.headers.extend(headers());
        components.examples.extend(refusals::examples());
        refer_in_pages(components);
        leave_out_defaults(components);
    }
}

/// `post_calls_id_accept` for `POST /v1/calls/{id}/accept`.
fn operation_id(method: &str, path: &str) -> String {
    let words = path.split('/').map(|word| word.trim_matches(['{', '}']));
    let words = words.filter(|word| !word.is_empty() && *word != "v1");
    std::iter::once(method).chain(words).collect::<Vec<_>>().join("_")
}

/// The first sentence becomes the summary, and the whole text the description.
fn summarise(operation: &mut Operation) {
    let said = [operation.summary.take(), operation.description.take()];
    let paragraphs: Vec<_> = said.into_iter().flatten().map(|text| text.replace('\n', " ")).collect();
    let first = paragraphs.first().map(String::as_str).unwrap_or_default();
    let sentence = first.split_once(". ").map_or(first, |(sentence, _)| sentence);
    operation.summary = Some(sentence.trim_end_matches('.').to_owned());
    operation.description = Some(paragraphs.join("\n\n"));
}

fn describe_path(path: &str, operation: &mut Operation) {
    let of_actor = path.starts_with("/v1/ops/");
    for parameter in operation.parameters.iter_mut().flatten() {
        let RefOr::T(parameter) = parameter else { continue };
        if parameter.parameter_in != ParameterIn::Path {
            continue;
        }
        let described = match parameter.name.as_str() {
            "kind" => {
                "The kind of actor: `call`, `driver`, `payment`, or a supporting actor's as `GET /v1/ops/actors` lists it"
            }
            _ if of_actor => "The actor's id, unique within its kind",
            _ if path.starts_with("/v1/drivers/") => "The driver's id",
            _ => "The call's id",
        };
        parameter.description = Some(described.to_owned());
        if !of_actor {
            id(parameter);
        }
    }
}

fn id(parameter: &mut Parameter) {
    let schema = ObjectBuilder::new().schema_type(Type::String).pattern(Some(ID_PATTERN)).max_length(Some(ID_MAX));
    parameter.schema = Some(schema.into());
}

fn describe_responses(operation: &mut Operation) {
    let asks_for_a_token = operation.security.is_none();
    for (status, response) in &mut operation.responses.responses {
        let RefOr::T(response) = response else { continue };
        if response.description.is_empty() {
            let reason = StatusCode::from_bytes(status.as_bytes()).ok().and_then(|status| status.canonical_reason());
            reason.unwrap_or("An answer").clone_into(&mut response.description);
        }
        has_header(response, REQUEST_ID);
        if asks_for_a_token && status != "401" {
            has_header(response, RATE_LIMIT);
            has_header(response, RATE_LIMIT_POLICY);
        }
        if refuses_people(response) {
            has_header(response, LANGUAGE);
        }
        match status.as_str() {
            "401" => has_header(response, AUTHENTICATE),
            "429" | "503" => has_header(response, RETRY_AFTER),
            "409" if may_be_early(response) => has_header(response, RETRY_AFTER),
            _ => {}
        }
    }
}

const REQUEST_ID: &str = "X-Request-Id";
const RATE_LIMIT: &str = "RateLimit";
const RATE_LIMIT_POLICY: &str = "RateLimit-Policy";
const RETRY_AFTER: &str = "Retry-After";
const AUTHENTICATE: &str = "WWW-Authenticate";
const LANGUAGE: &str = "Content-Language";

/// Whether one of the refusals has a message for the person at the phone.
fn refuses_people(response: &Response) -> bool {
    let is_for_people = |code: &Code| code.message().is_some();
    has_example(response, |name| Code::ALL.iter().filter(|code| is_for_people(code)).any(|code| code.as_str() == name))
}

/// Whether one of the refusals is that the request comes before its time: that says when to come back.
fn may_be_early(response: &Response) -> bool {
    has_example(response, |name| name == Code::TooEarly.as_str())
}

/// Whether one of the examples of an answer, which are named by the codes of refusals, is of that name.
fn has_example(response: &Response, is_it: impl Fn(&str) -> bool) -> bool {
    response.content.values().any(|content| match content {
        RefOr::T(content) => content.examples.keys().any(|name| is_it(name)),
        RefOr::Ref(_) => false,
    })
}

fn has_header(response: &mut Response, name: &str) {
    let reference = RefOr::Ref(Ref::new(format!("#/components/headers/{name}")));
    response.headers.entry(name.to_owned()).or_insert(reference);
}

/// The headers of answers that do not depend on the endpoint.
fn headers() -> [(String, RefOr<utoipa::openapi::Header>); 6] {
    let text = |described: &str, example: &str| {
        let schema = ObjectBuilder::new().schema_type(Type::String).examples([example]);
        HeaderBuilder::new().schema(Some(schema)).description(Some(described)).build()
    };
    let seconds = ObjectBuilder::new().schema_type(Type::Integer).minimum(Some(1)).examples([2]);
    let retry =
        HeaderBuilder::new().schema(Some(seconds)).description(Some("When to come back, in whole seconds")).build();
    let all = [
        (REQUEST_ID, text("The id of the request in the server's log", "0b1f6b0e9d2c4a57")),
        (
            RATE_LIMIT,
            text(
                "What is left until it is refused: `r` requests, and `t` seconds until all of them are there again",
                "\"principal\";r=1999;t=1",
            ),
        ),
        (RATE_LIMIT_POLICY, text("The limit: `q` requests in `w` seconds", "\"principal\";q=2000;w=2")),
        (RETRY_AFTER, retry),
        (LANGUAGE, text("The language of `message`: `ko` or `en`", "ko")),
        (AUTHENTICATE, text("How to authenticate", "Bearer realm=\"callout\"")),
    ];
    all.map(|(name, header)| (name.to_owned(), RefOr::T(header)))
}

/// Takes the defaults of members away: some generators take a member with a default for one that is always there, and
/// demand it in requests. The descriptions say what holds for a member that is left out.
fn leave_out_defaults(components: &mut Components) {
    let objects = components.schemas.values_mut().filter_map(|schema| match schema {
        RefOr::T(Schema::Object(object)) => Some(object),
        RefOr::T(_) | RefOr::Ref(_) => None,
    });
    for member in objects.flat_map(|object| object.properties.values_mut()) {
        if let RefOr::T(Schema::Object(member)) = member {
            member.default = None;
        }
    }
}

/// Has the pages of a list refer to their items: a generic type has them inline.
fn refer_in_pages(components: &mut Components) {
    let names: Vec<_> = components.schemas.keys().cloned().collect();
    for name in &names {
        let Some(item) = name.strip_prefix("Page_").filter(|item| names.iter().any(|name| name == item)) else {
            continue;
        };
        let Some(RefOr::T(Schema::Object(page))) = components.schemas.get_mut(name) else { continue };
        if let Some(RefOr::T(Schema::Array(items))) = page.properties.get_mut("items") {
            items.items = ArrayItems::RefOrSchema(Box::new(Ref::from_schema_name(item).into()));
        }
    }
}
