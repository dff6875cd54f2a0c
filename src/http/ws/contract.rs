//! `GET /asyncapi.json`: every frame of a socket in both directions, and every close code. Made from the types that are
//! read and written.

use std::sync::LazyLock;

use actix_web::HttpResponse;
use bytes::Bytes;
use serde_json::{Map, Value, json};
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{RefOr, schema::Schema},
};

use super::{
    end::End,
    frames::{KINDS, Kind, Reference, Told},
};

static DOCUMENT: LazyLock<Bytes> = LazyLock::new(|| Bytes::from(document().to_string()));

/// The document.
pub(in crate::http) async fn handle() -> HttpResponse {
    HttpResponse::Ok().content_type("application/json").body(DOCUMENT.clone())
}

const INTRODUCTION: &str = "Live calls, offers, positions and notifications, over one WebSocket per client. The token goes into \
    `Authorization`; `?access_token=` is for browsers, which cannot set headers there, and shows the token to the logs of \
    proxies. A customer's own calls and a driver's own offers come without asking; the socket of a customer opens with the newest \
    50 of its calls that are not over. A frame of a client may carry a `ref`, a text or number that comes back with its answer: \
    `ack`, `error` or `pong`. Requests over HTTP are described in `/openapi.json`.";

fn document() -> Value {
    let (sent, told) = (sent(), told());
    let references = |messages: &Map<String, Value>, of: &str| -> Vec<Value> {
        messages.keys().map(|name| json!({"$ref": format!("#/{of}/messages/{name}")})).collect()
    };
    let all: Map<String, Value> = sent.iter().chain(&told).map(|(name, told)| (name.clone(), told.clone())).collect();
    let in_channel: Map<String, Value> =
        all.keys().map(|name| (name.clone(), json!({"$ref": format!("#/components/messages/{name}")}))).collect();
    let channel = json!({"$ref": "#/channels/socket"});
    json!({
        "asyncapi": "3.0.0",
        "info": {
            "title": "callout",
            "version": env!("CARGO_PKG_VERSION"),
            "description": INTRODUCTION,
            "license": {"name": env!("CARGO_PKG_LICENSE")},
        },
        "defaultContentType": "application/json",
        "servers": {
            "this": {
                "host": "{host}",
                "protocol": "wss",
                "description": "The server, behind TLS; `ws` without",
                "variables": {"host": {"default": "127.0.0.1:8080", "description": "Host and port"}},
                "security": [{"$ref": "#/components/securitySchemes/bearer"}],
            },
        },
        "channels": {
            "socket": {
                "address": "/v1/ws",
                "description": "Text frames, each a JSON object with a `type`. Binary frames are refused.",
                "messages": in_channel,
                "bindings": {"ws": {"method": "GET", "query": {
                    "type": "object",
                    "properties": {"access_token": {"type": "string", "description": "The token, when it is not in Authorization"}},
                }}},
                "x-close-codes": close_codes(),
            },
        },
        "operations": {
            "clientSends": {
                "action": "receive",
                "channel": channel,
                "summary": "Frames of the client",
                "messages": references(&sent, "channels/socket"),
            },
            "serverSends": {
                "action": "send",
                "channel": channel,
                "summary": "Frames of the server",
                "messages": references(&told, "channels/socket"),
            },
        },
        "components": {
            "messages": all,
            "schemas": schemas(),
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}},
        },
    })
}

/// The frames of clients.
fn sent() -> Map<String, Value> {
    KINDS
        .iter()
        .map(|kind| (format!("client.{}", kind.name), message(kind.name, kind.described, &payload(kind), kind.example)))
        .collect()
}

/// The members of a frame, with `type` and `ref`.
fn payload(kind: &Kind) -> Value {
    let mut payload = value(&(kind.schema)());
    payload["properties"]["type"] = json!({"type": "string", "enum": [kind.name]});
    payload["properties"]["ref"] = json!({"$ref": "#/components/schemas/Reference"});
    match payload["required"].as_array_mut() {
        Some(required) => required.insert(0, json!("type")),
        None => payload["required"] = json!(["type"]),
    }
    payload
}

/// The frames of the server: the variants of their type.
fn told() -> Map<String, Value> {
    let variants = value(&Told::schema());
    let variants = variants["oneOf"].as_array().cloned().unwrap_or_default();
    let named = variants.into_iter().filter_map(|variant| {
        let name = variant["properties"]["type"]["enum"][0].as_str()?.to_owned();
        let described = variant["description"].as_str().unwrap_or_default().to_owned();
        Some((format!("server.{name}"), message(&name, &described, &variant, "")))
    });
    named.collect()
}

fn message(name: &str, described: &str, payload: &Value, example: &str) -> Value {
    let mut message =
        json!({"name": name, "summary": described, "contentType": "application/json", "payload": payload});
    if let Ok(example) = serde_json::from_str::<Value>(example) {
        message["examples"] = json!([{"payload": example}]);
    }
    message
}

/// The types that the frames name.
fn schemas() -> Map<String, Value> {
    let mut named = vec![(Reference::name().into_owned(), Reference::schema())];
    Told::schemas(&mut named);
    KINDS.iter().for_each(|kind| (kind.schemas)(&mut named));
    named.iter().map(|(name, schema)| (name.clone(), value(schema))).collect()
}

fn value(schema: &RefOr<Schema>) -> Value {
    serde_json::to_value(schema).unwrap_or_default()
}

/// Each close code with its reasons. A client's own code comes back to it.
fn close_codes() -> Vec<Value> {
    let announced = End::ANNOUNCED.into_iter().filter_map(|end| {
        let reason = end.reason()?;
        Some(json!({"code": u16::from(reason.code), "reason": reason.description, "advice": end.advice()}))
    });
    announced.collect()
}
