//! Holds every answer, every request that was taken, and every frame of a socket against the documents that the server
//! publishes for those who build clients. A refusal that its operation does not list fails the test that met it.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use jsonschema::{Draft, Registry, Validator};
use reqwest::{Method, Url};
use serde_json::{Value, json};
use tokio::sync::OnceCell;

use super::{Reply, Server};

/// The documents, and the validators that were made of them.
pub struct Contract {
    openapi: Document,
    asyncapi: Document,
}

struct Document {
    value: Value,
    registry: Registry<'static>,
    validators: Mutex<HashMap<String, Arc<Validator>>>,
}

/// The base of references into a document.
const BASE: &str = "urn:document";

impl Contract {
    /// The documents of a server that no test counts or limits.
    pub async fn published() -> &'static Self {
        static PUBLISHED: OnceCell<Contract> = OnceCell::const_new();
        PUBLISHED.get_or_init(|| Box::pin(Self::read())).await
    }

    async fn read() -> Self {
        let server = Server::start().await;
        let base = server.base();
        let read = async |path: &str| {
            let response = reqwest::get(format!("{base}{path}")).await.expect("an answer");
            Document::new(response.json().await.expect("a JSON document"))
        };
        Self { openapi: read("/openapi.json").await, asyncapi: read("/asyncapi.json").await }
    }

    /// Fails unless an answer is one that its operation describes, and a request that was taken is one as well.
    pub fn hold(&self, method: &Method, url: &Url, request: Option<&Value>, reply: &Reply) {
        let Some((template, operation)) = self.operation(method, url.path()) else { return };
        // The router's answer to a method that the path does not have, and that of a listener to a path of the other one.
        let is_elsewhere = reply.status == 404 && reply.text.contains("served at this address");
        if reply.status == 405 || is_elsewhere {
            return;
        }
        let status = reply.status.to_string();
        let place = format!("{method} {template} {status}");
        let Some(described) = operation["responses"].get(&status) else {
            panic!("{place} is not described: {}", reply.text);
        };
        let names = described["headers"].as_object();
        for header in
            ["retry-after", "ratelimit", "ratelimit-policy", "x-request-id", "link", "content-language", "location"]
        {
            let is_described = names.is_some_and(|names| names.keys().any(|name| name.eq_ignore_ascii_case(header)));
            assert!(is_described || reply.header(header).is_none(), "{place}: the header {header} is not described");
        }
        if reply.status == 201 {
            let place =
                reply.header("location").unwrap_or_else(|| panic!("{place} does not say where: {}", reply.text));
            let id = reply.body["id"].as_str().unwrap_or_default();
            assert!(place.starts_with("/v1/") && place.ends_with(&format!("/{id}")), "{place}: {}", reply.text);
        }
        let content_type = reply.header("content-type").unwrap_or_default();
        let content = &described["content"][content_type];
        if reply.text.is_empty() || method == Method::HEAD {
            return;
        }
        assert!(content.is_object(), "{place}: {content_type} is not described");
        let at = ["paths", template, &method.as_str().to_lowercase(), "responses", &status, "content", content_type];
        let body = if content_type.ends_with("json") { reply.body.clone() } else { reply.text.clone().into() };
        self.openapi.check(&[&at[..], &["schema"]].concat(), &body, &place);
        if reply.status >= 400 {
            let code = reply.body["code"].as_str().unwrap_or_default();
            assert!(content["examples"][code].is_object(), "{place}: the code {code} is not described: {}", reply.text);
            let told = reply.body["message"].is_string();
            let example = &self.openapi.value["components"]["examples"][code]["value"];
            assert_eq!(told, example["message"].is_string(), "{place}: a message for people: {}", reply.text);
            assert_eq!(told, reply.header("content-language").is_some(), "{place}: {:?}", reply.headers);
        } else if let Some(request) = request {
            let at = [
                "paths",
                template,
                &method.as_str().to_lowercase(),
                "requestBody",
                "content",
                "application/json",
                "schema",
            ];
            if operation["requestBody"].is_object() {
                self.openapi.check(&at, request, &format!("the body of {place}"));
            }
        }
    }

    /// Fails unless the server may send that frame.
    pub fn hold_frame(&self, frame: &Value) {
        self.hold_message("server", frame);
    }

    /// Fails unless a client may send that frame.
    pub fn hold_command(&self, frame: &Value) {
        self.hold_message("client", frame);
    }

    fn hold_message(&self, direction: &str, frame: &Value) {
        let kind = frame["type"].as_str().unwrap_or_default();
        let name = format!("{direction}.{kind}");
        let operation = &self.asyncapi.value["operations"][format!("{direction}Sends")];
        let reference = format!("#/channels/socket/messages/{name}");
        let messages = operation["messages"].as_array().expect("the frames of an operation");
        let is_known = messages.iter().any(|message| message["$ref"] == reference);
        assert!(is_known, "asyncapi.json has no frame {kind} that the {direction} sends: {frame}");
        self.asyncapi.check(&["components", "messages", &name, "payload"], frame, &format!("the frame {kind}"));
    }

    /// Fails unless the server may close a socket with that code.
    pub fn hold_close(&self, code: u16) {
        let codes = self.asyncapi.value["channels"]["socket"]["x-close-codes"].as_array();
        let is_known = codes.is_some_and(|codes| codes.iter().any(|known| known["code"] == code));
        assert!(is_known, "asyncapi.json has no close code {code}");
    }

    /// The operation of a path, with the path as the document has it.
    fn operation(&self, method: &Method, path: &str) -> Option<(&str, &Value)> {
        let method = if *method == Method::HEAD { "get".to_owned() } else { method.as_str().to_lowercase() };
        let paths = self.openapi.value["paths"].as_object()?;
        let fitting = paths.iter().filter(|(template, _)| fits(template, path));
        let (template, item) = fitting.min_by_key(|(template, _)| template.matches('{').count())?;
        Some((template, item.get(&method)?))
    }
}

fn fits(template: &str, path: &str) -> bool {
    let (template, path): (Vec<_>, Vec<_>) = (template.split('/').collect(), path.split('/').collect());
    template.len() == path.len()
        && template.iter().zip(&path).all(|(part, given)| part.starts_with('{') || part == given)
}

impl Document {
    fn new(value: Value) -> Self {
        let registry = Registry::new()
            .draft(Draft::Draft202012)
            .add(BASE, value.clone())
            .and_then(|registry| registry.prepare())
            .expect("a document with references that lead somewhere");
        Self { value, registry, validators: Mutex::default() }
    }

    fn check(&self, at: &[&str], value: &Value, place: &str) {
        let parts = at.iter().map(|part| part.replace('~', "~0").replace('/', "~1"));
        let pointer: String = parts.map(|part| format!("/{part}")).collect();
        let validator = self.validator(&pointer);
        let wrong: Vec<_> =
            validator.iter_errors(value).map(|error| format!("{} {error}", error.instance_path())).collect();
        assert!(wrong.is_empty(), "{place} is not as described: {wrong:#?}\n{value}");
    }

    fn validator(&self, pointer: &str) -> Arc<Validator> {
        let mut validators = self.validators.lock().unwrap_or_else(PoisonError::into_inner);
        let made = validators.entry(pointer.to_owned()).or_insert_with(|| {
            let encoded = pointer.replace('{', "%7B").replace('}', "%7D");
            let schema = json!({"$ref": format!("{BASE}#{encoded}")});
            let options = jsonschema::options().with_draft(Draft::Draft202012).should_validate_formats(true);
            Arc::new(
                options
                    .with_registry(&self.registry)
                    .build(&schema)
                    .unwrap_or_else(|error| panic!("{pointer}: {error}")),
            )
        });
        Arc::clone(made)
    }
}
