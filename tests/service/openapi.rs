//! The OpenAPI document is one that tools can read, and the page that shows it needs no other host.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::harness::Server;

const METHODS: [&str; 8] = ["get", "put", "post", "delete", "options", "head", "patch", "trace"];

async fn document() -> Value {
    Server::start().await.nobody().get("/openapi.json").await.expect(200)
}

/// Every operation, with its method and path.
fn operations(document: &Value) -> Vec<(String, &Value)> {
    let paths = document["paths"].as_object().expect("paths");
    let all = paths.iter().flat_map(|(path, item)| {
        let methods = item.as_object().expect("a path item").iter();
        methods.map(move |(method, operation)| {
            assert!(METHODS.contains(&method.as_str()), "{path} has a method {method}");
            (format!("{method} {path}"), operation)
        })
    });
    all.collect()
}

/// Every `$ref` below a value.
fn references<'a>(value: &'a Value, found: &mut BTreeSet<&'a str>) {
    match value {
        Value::Object(members) => {
            found.extend(members.get("$ref").and_then(Value::as_str));
            members.values().for_each(|member| references(member, found));
        }
        Value::Array(items) => items.iter().for_each(|item| references(item, found)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[tokio::test]
async fn the_document_is_openapi_3_1_and_complete_in_itself() {
    let document = document().await;
    assert!(document["openapi"].as_str().is_some_and(|version| version.starts_with("3.1.")), "{document}");
    for member in ["title", "version"] {
        assert!(document["info"][member].as_str().is_some_and(|text| !text.is_empty()), "info.{member}");
    }
    let mut found = BTreeSet::new();
    references(&document, &mut found);
    for reference in found {
        let pointer = reference.strip_prefix('#').unwrap_or_else(|| panic!("{reference} leads elsewhere"));
        assert!(document.pointer(pointer).is_some(), "{reference} leads nowhere");
    }
    assert_eq!(document["components"]["securitySchemes"]["bearer"]["scheme"], "bearer");
    assert!(document["security"][0]["bearer"].is_array(), "a token is asked for everywhere else");
}

#[tokio::test]
async fn every_operation_has_a_name_of_its_own_and_describes_its_path() {
    let document = document().await;
    let mut names = BTreeSet::new();
    for (operation, described) in operations(&document) {
        let name = described["operationId"].as_str().unwrap_or_else(|| panic!("{operation} has no operationId"));
        assert!(names.insert(name), "{name} is the name of two operations");
        assert!(described["summary"].as_str().is_some_and(|text| !text.is_empty()), "{operation} has no summary");
        let parameters = described["parameters"].as_array().cloned().unwrap_or_default();
        let in_path = parameters.iter().filter(|parameter| parameter["in"] == "path" && parameter["required"] == true);
        let given: BTreeSet<_> = in_path.filter_map(|parameter| parameter["name"].as_str()).collect();
        let path = operation.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'));
        assert_eq!(given, path.collect(), "{operation}: the parameters of its path");
    }
}

#[tokio::test]
async fn every_operation_says_what_it_answers_and_how_it_refuses() {
    let document = document().await;
    for (operation, described) in operations(&document) {
        let responses = described["responses"].as_object().expect("responses");
        let good = responses.keys().any(|status| status.starts_with('2') || status == "101");
        assert!(good, "{operation} has no good answer");
        for (status, response) in responses {
            assert!(response["description"].as_str().is_some_and(|text| !text.is_empty()), "{operation} {status}");
            if status.starts_with(['4', '5']) {
                let schema = &response["content"]["application/problem+json"]["schema"];
                assert_eq!(schema["$ref"], "#/components/schemas/Problem", "{operation} {status}");
            }
        }
        // One that asks for no token refuses none.
        let asks_for_a_token = described["security"] != serde_json::json!([{}]);
        let refusals: &[&str] = match asks_for_a_token {
            _ if operation.contains(" /health/") => &[],
            true => &["400", "401", "403", "429", "503"],
            false => &["400", "429", "503"],
        };
        for status in refusals {
            assert!(responses.contains_key(*status), "{operation} does not say that it may answer {status}");
        }
    }
}

#[tokio::test]
async fn bodies_and_answers_are_described_as_they_are() {
    let document = document().await;
    let schema = |name: &str| &document["components"]["schemas"][name];
    let body = |path: &str| &document["paths"][path]["post"]["requestBody"];
    for path in ["/v1/calls/{id}/approve", "/v1/calls/{id}/reject", "/v1/calls/{id}/cancel"] {
        assert!(body(path)["content"]["application/json"].is_object(), "{path} takes a reason");
    }
    let paid_at_the_end = &document["paths"]["/v1/calls/{id}/complete"]["post"]["responses"];
    for status in ["402", "409", "422", "503"] {
        assert!(paid_at_the_end[status].is_object(), "complete may answer {status}");
    }
    let position = &body("/v1/drivers/{id}/position")["content"]["application/json"]["schema"];
    assert_eq!(position["$ref"], "#/components/schemas/Positions");
    let ways = schema("Positions")["oneOf"].as_array().expect("one or many");
    assert_eq!(ways[0]["$ref"], "#/components/schemas/Position");
    assert_eq!(ways[1]["$ref"], "#/components/schemas/Way");
    assert_eq!((&schema("Way")["type"], &schema("Way")["minItems"]), (&"array".into(), &1.into()));
    assert_eq!(schema("ActorFigures")["properties"]["state"]["type"], Value::Null, "anything, null as well");
    assert_eq!(schema("Faults")["required"], Value::Null);
    let timeline = &document["paths"]["/v1/calls/{id}/timeline"]["get"]["responses"]["200"];
    assert!(timeline["headers"]["Link"].is_object(), "{timeline}");
    let forms = schema("Timeline")["oneOf"].as_array().expect("an array or a page");
    assert_eq!((forms.len(), &forms[0]["type"]), (2, &"array".into()), "{forms:?}");
    for path in ["/v1/services", "/v1/ops/actors", "/v1/drivers/{id}/offers", "/v1/calls/{id}/timeline"] {
        let parameters = document["paths"][path]["get"]["parameters"].to_string();
        assert!(parameters.contains("\"limit\"") && parameters.contains("\"cursor\""), "{path}: {parameters}");
    }
}

#[tokio::test]
async fn the_documentation_is_served_whole_from_here() {
    let server = Server::start().await;
    let nobody = server.nobody();
    let page = nobody.get("/docs").await;
    assert_eq!(page.status, 200, "{}", page.text);
    let base = values(&page.text, "<base href=\"").first().cloned().unwrap_or_else(|| "/".to_owned());
    let files: Vec<_> = ["src=\"", "link rel=\"stylesheet\" type=\"text/css\" href=\""]
        .iter()
        .flat_map(|mark| values(&page.text, mark))
        .collect();
    assert!(files.len() >= 4, "scripts and styles: {files:?}");
    for file in files {
        assert!(!file.contains("//"), "{file} is on another host");
        let path = format!("{base}{}", file.trim_start_matches("./"));
        let reply = nobody.get(&path).await;
        assert_eq!(reply.status, 200, "{path}");
        assert!(!reply.text.is_empty(), "{path}");
    }
    let setting = nobody.get(&format!("{base}swagger-initializer.js")).await.text;
    assert!(setting.contains("/openapi.json"), "{setting}");
}

/// What follows each `mark`, up to the next quote.
fn values(html: &str, mark: &str) -> Vec<String> {
    html.split(mark).skip(1).filter_map(|rest| rest.split('"').next()).map(str::to_owned).collect()
}

#[tokio::test]
async fn what_has_few_values_names_them_and_what_is_an_object_has_members() {
    let document = document().await;
    let schema = |name: &str| &document["components"]["schemas"][name];
    let values = |name: &str| schema(name)["enum"].as_array().map(Vec::len);
    for (name, count) in [
        ("CallStatus", 9),
        ("PaymentStatus", 12),
        ("DriverStatus", 7),
        ("CancelledBy", 4),
        ("Role", 3),
        ("CallEvent", 23),
        ("Occasion", 24),
        ("ErrorCode", 33),
        ("ActorStatus", 4),
    ] {
        assert_eq!(values(name), Some(count), "{name}: {}", schema(name));
    }
    assert!(schema("Call")["properties"]["period"].to_string().contains("PeriodOnCall"), "{}", schema("Call"));
    let fares = schema("FareRule")["oneOf"].as_array().expect("the rules of a fare");
    assert!(fares.iter().all(|fare| fare["properties"]["kind"]["enum"].is_array()), "{fares:?}");
    for (name, schema) in document["components"]["schemas"].as_object().expect("schemas") {
        if let Some(item) = name.strip_prefix("Page_") {
            let reference = format!("#/components/schemas/{item}");
            assert_eq!(schema["properties"]["items"]["items"]["$ref"], reference.as_str(), "{name}");
        }
        let members = schema["properties"].as_object();
        for (member, described) in members.into_iter().flatten() {
            assert!(described.get("default").is_none(), "{name}.{member}: some generators demand it in requests");
            let is_empty = described["type"] == "object" && described.get("properties").is_none();
            assert!(!is_empty || described["additionalProperties"].is_object(), "{name}.{member} is an empty object");
        }
    }
}

#[tokio::test]
async fn an_operation_lists_its_own_refusals_and_the_headers_of_its_answers() {
    let document = document().await;
    let responses = |method: &str, path: &str| &document["paths"][path][method]["responses"];
    let codes = |method: &str, path: &str, status: &str| {
        let examples = &responses(method, path)[status]["content"]["application/problem+json"]["examples"];
        examples.as_object().map(|examples| examples.keys().cloned().collect::<Vec<_>>().join(" "))
    };
    let accept = "/v1/calls/{id}/accept";
    let conflicts = "call_taken driver_unavailable illegal_transition not_offered";
    assert_eq!(codes("post", accept, "409").as_deref(), Some(conflicts));
    assert_eq!(codes("post", accept, "402"), None);
    assert_eq!(codes("post", "/v1/calls", "402").as_deref(), Some("debt_open payment_declined payment_rejected"));
    assert_eq!(codes("get", "/v1/services", "409"), None);
    let wait = &responses("post", accept)["503"]["headers"]["Retry-After"]["$ref"];
    assert_eq!(wait, "#/components/headers/Retry-After");
    for header in ["RateLimit", "RateLimit-Policy", "X-Request-Id"] {
        assert!(responses("get", "/v1/services")["200"]["headers"][header].is_object(), "{header}");
    }
    assert_eq!(document["servers"][0]["url"], "/");
}
