//! The frames, both ways.

use jiff::Timestamp;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::{Map, Value, value::RawValue};

use crate::{
    domain::{CallId, DriverId},
    http::{drivers::Position, error::Problem, strict::Strict, views::CallView},
};

/// What a client said, with the `ref` it wants echoed.
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
    Ping,
}

/// Which call's changes are wanted.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Subscribe {
    pub call: CallId,
    /// The last change that is known.
    #[serde(default)]
    pub after: Option<u64>,
}

/// A call.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Named {
    pub call: CallId,
}

#[derive(Deserialize)]
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
        expires_at: Timestamp,
    },
    OfferWithdrawn {
        call: &'a CallId,
    },
    Position {
        driver: &'a DriverId,
        lat: f64,
        lng: f64,
        at: Timestamp,
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

const TYPES: &str = "subscribe, unsubscribe, position, accept, decline or ping";

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
    Problem::invalid(format!("the frame must be a JSON object with `type`: {error}"))
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
        "ping" => members_of(members).map(|Nothing {}| Frame::Ping),
        _ => Err(Problem::invalid(format!("type must be {TYPES}"))),
    }
}

fn members_of<T: DeserializeOwned>(members: Map<String, Value>) -> Result<T, Problem> {
    serde_path_to_error::deserialize(Strict(Value::Object(members))).map_err(|error| {
        let path = error.path().to_string();
        let inner = error.into_inner();
        Problem::invalid(if path == "." { format!("the frame: {inner}") } else { format!("{path}: {inner}") })
    })
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
            (r#"{"type":"subscribe","ref":"r"}"#, "missing field `call`"),
            (r#"{"type":"accept","call":"a b","ref":"r"}"#, "call: an id"),
            (r#"{"type":"ping","extra":1,"ref":"r"}"#, "unknown field `extra`"),
            (r#"{"type":"position","lat":"1","lng":2,"ref":"r"}"#, "lat:"),
        ] {
            let said = read(text);
            let problem = said.frame.expect_err(text);
            assert!(problem.detail().contains(word), "{text} → {problem}");
            assert!(said.reference.is_some() || !text.contains("ref"), "{text}");
        }
        assert!(read(r#"{"type":"ping","ref":{}}"#).frame.is_err());
    }
}
