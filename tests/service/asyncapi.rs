//! The AsyncAPI document is complete in itself and names every frame and close code. The harness holds every frame of
//! every other test against it.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::harness::{Contract, Server};

async fn document() -> Value {
    Server::start().await.nobody().get("/asyncapi.json").await.expect(200)
}

#[tokio::test]
async fn every_frame_is_described_in_its_direction() {
    let document = document().await;
    assert_eq!(document["asyncapi"], "3.0.0");
    assert_eq!(document["channels"]["socket"]["address"], "/v1/ws");
    for (operation, side, names) in [
        ("clientSends", "client", "accept auth decline ping position subscribe unsubscribe"),
        ("serverSends", "server", "ack call error notification offer offer_withdrawn pong position"),
    ] {
        let messages = document["operations"][operation]["messages"].as_array().expect("frames");
        let references = messages.iter().filter_map(|message| message["$ref"].as_str());
        let prefix = format!("#/channels/socket/messages/{side}.");
        let described: BTreeSet<_> = references.filter_map(|reference| reference.strip_prefix(&prefix)).collect();
        assert_eq!(described, names.split(' ').collect(), "{operation}");
        for name in described {
            let payload = &document["components"]["messages"][format!("{side}.{name}")]["payload"];
            assert_eq!(payload["properties"]["type"]["enum"][0], name, "{payload}");
            assert!(payload["required"].as_array().is_some_and(|all| all.contains(&"type".into())), "{payload}");
        }
    }
}

#[tokio::test]
async fn the_examples_are_frames_that_a_client_may_send() {
    let document = document().await;
    let messages = document["components"]["messages"].as_object().expect("frames");
    let examples = messages.values().filter_map(|message| message["examples"][0].get("payload"));
    let contract = Contract::published().await;
    let held = examples.inspect(|example| contract.hold_command(example)).count();
    assert_eq!(held, 7, "one for each frame of a client");
}

#[tokio::test]
async fn every_close_code_is_there_with_advice() {
    let document = document().await;
    let codes = document["channels"]["socket"]["x-close-codes"].as_array().expect("close codes");
    let numbers: BTreeSet<_> = codes.iter().filter_map(|code| code["code"].as_u64()).collect();
    assert_eq!(numbers, BTreeSet::from([1001, 1002, 1009, 4001, 4008]));
    for code in codes {
        assert!(
            ["reason", "advice"].iter().all(|text| code[text].as_str().is_some_and(|text| !text.is_empty())),
            "{code}"
        );
    }
}

#[tokio::test]
async fn the_document_needs_no_other() {
    let document = document().await;
    let text = document.to_string();
    for reference in text.split("\"$ref\":\"").skip(1).filter_map(|rest| rest.split('"').next()) {
        let pointer = reference.strip_prefix('#').unwrap_or_else(|| panic!("{reference} leads elsewhere"));
        assert!(document.pointer(pointer).is_some(), "{reference} leads nowhere");
    }
}
