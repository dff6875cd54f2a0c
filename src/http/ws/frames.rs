//! The frames, both ways.

use std::fmt;

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::{Map, Value, value::RawValue};
use utoipa::ToSchema;

use crate::{
    domain::{CallId, DriverId},
    http::{
        drivers::Position,
        error::Problem,
        extract::{strict::Strict, wrong},
        views::{CallView, Time},
    },
    settings::Shape,
};

/// The name of the frame in refusals that have no narrower place.
const FRAME: &str = "the frame";

/// A text frame of a client as it was read, with the `ref` for the answer.
#[derive(Debug)]
pub(super) struct Said {
    pub reference: Option<Value>,
    pub frame: Result<Frame, Problem>,
}

/// A frame of a client.
#[derive(Debug)]
pub(super) enum Frame {
    Subscribe(Subscribe),
    Unsubscribe(Named),
    Position(Position),
    Accept(Named),
    Decline(Named),
    Auth(Auth),
    Ping,
}

/// A newer token of the same principal.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Auth {
    pub token: String,
}

impl fmt::Debug for Auth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Auth")
    }
}

/// The call whose changes the client wants to be told.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Subscribe {
    #[schema(value_type = String)]
    pub call: CallId,
    /// The `seq` of the last change that the client knows.
    #[serde(default)]
    pub after: Option<u64>,
}

/// The call that a command concerns.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Named {
    #[schema(value_type = String)]
    pub call: CallId,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Nothing {}

/// A frame of the server.
#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum Told<'a> {
    Call {
        seq: u64,
        call: CallView<'a>,
    },
    Offer {
        call: CallView<'a>,
        expires_at: Time,
    },
    OfferWithdrawn {
        call: &'a CallId,
    },
    Position {
        driver: &'a DriverId,
        lat: f64,
        lng: f64,
        #[serde(skip_serializing_if = "Option::is_none")]
        heading: Option<f64>,
        #[serde(skip_serializing_if = "Option::is_none")]
        speed_mps: Option<f64>,
        at: Time,
        eta_s: Option<u64>,
    },
    Notification {
        notification: &'a RawValue,
    },
    Ack {
        #[serde(rename = "ref", skip_serializing_if = "Option::is_none")]
        reference: Option<Value>,
    },
    Error {
        #[serde(rename = "ref", skip_serializing_if = "Option::is_none")]
        reference: Option<Value>,
        code: &'static str,
        detail: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        retry_after_s: Option<u64>,
    },
    Pong {
        #[serde(rename = "ref", skip_serializing_if = "Option::is_none")]
        reference: Option<Value>,
    },
}

const TYPES: &str = "subscribe, unsubscribe, position, accept, decline, auth or ping";

/// Reads a frame. What is wrong with it is part of the result, so that the answer can carry its `ref`.
pub(super) fn read(text: &str) -> Said {
    let mut members: Map<String, Value> = match serde_json::from_str(text) {
        Ok(members) => members,
        Err(error) => return Said { reference: None, frame: Err(not_an_object(&error)) },
    };
    let reference = match members.remove("ref") {
        None | Some(Value::Null) => None,
        Some(reference @ (Value::String(_) | Value::Number(_))) => Some(reference),
        Some(_) => {
            return Said { reference: None, frame: Err(Problem::invalid("ref must be a string or a number")) };
        }
    };
    Said { reference, frame: frame(members) }
}

fn not_an_object(error: &serde_json::Error) -> Problem {
    let what = if error.is_data() { "is none".to_owned() } else { wrong::with_the_text(error) };
    Problem::invalid(format!("the frame must be a JSON object with a member `type`; it {what}"))
}

fn frame(mut members: Map<String, Value>) -> Result<Frame, Problem> {
    let kind = match members.remove("type") {
        Some(Value::String(kind)) => kind,
        Some(_) | None => return Err(Problem::invalid(format!("type must be {TYPES}"))),
    };
    match kind.as_str() {
        "subscribe" => members_of(members).map(Frame::Subscribe),
        "unsubscribe" => members_of(members).map(Frame::Unsubscribe),
        "position" => members_of(members).map(Frame::Position),
        "accept" => members_of(members).map(Frame::Accept),
        "decline" => members_of(members).map(Frame::Decline),
        "auth" => members_of(members).map(Frame::Auth),
        "ping" => members_of(members).map(|Nothing {}| Frame::Ping),
        _ => Err(Problem::invalid(format!("type must be {TYPES}"))),
    }
}

fn members_of<T: DeserializeOwned + ToSchema>(members: Map<String, Value>) -> Result<T, Problem> {
    let value = Value::Object(members);
    if let Some(wrong) = wrong::with_the_value(FRAME, &value, &Shape::of::<T>()) {
        return Err(Problem::invalid(wrong));
    }
    serde_path_to_error::deserialize(Strict(value))
        .map_err(|error| Problem::invalid(wrong::with_a_member(FRAME, error.path(), error.inner())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn good_frames_are_read_with_their_ref() {
        let said = read(r#"{"type":"subscribe","call":"call_1","after":3,"ref":"s1"}"#);
        assert_eq!(said.reference, Some("s1".into()));
        assert!(matches!(said.frame, Ok(Frame::Subscribe(Subscribe { after: Some(3), .. }))));
        assert!(matches!(read(r#"{"type":"position","lat":1,"lng":2}"#).frame, Ok(Frame::Position(_))));
        assert!(matches!(read(r#"{"type":"ping","ref":7}"#).frame, Ok(Frame::Ping)));
    }

    #[test]
    fn bad_frames_say_what_is_wrong_and_keep_their_ref() {
        for (text, word) in [
            ("", "JSON object"),
            ("[]", "JSON object"),
            (r#"{"type":5,"ref":"r"}"#, "type must be"),
            (r#"{"type":"fly","ref":"r"}"#, "type must be"),
            (r#"{"type":"subscribe","ref":"r"}"#, "/call: is required and missing; it must be a text"),
            (r#"{"type":"accept","call":"a b","ref":"r"}"#, "/call: an id"),
            (r#"{"type":"ping","extra":1,"ref":"r"}"#, "/extra: there is no such member; no members are allowed here"),
            (
                r#"{"type":"position","lat":"1","lng":2,"ref":"r"}"#,
                "/lat: must be a number from -90 to 90, got the text \"1\"",
            ),
        ] {
            let said = read(text);
            let problem = said.frame.expect_err(text);
            assert!(problem.detail().contains(word), "{text} → {problem}");
            assert!(said.reference.is_some() || !text.contains("ref"), "{text}");
        }
        assert!(read(r#"{"type":"ping","ref":{}}"#).frame.is_err());
    }
}
