//! The frames, both ways.

use std::fmt;

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::{Map, Value, value::RawValue};
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{RefOr, schema::Schema},
};

use crate::{
    domain::{CallId, DriverId},
    http::{
        drivers::Position,
        error::{Code, Problem},
        extract::{strict::Strict, wrong},
        me::notifications::Notification,
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

/// A text or number that a client gives a frame, and that comes back with the answer.
#[derive(ToSchema)]
#[serde(untagged)]
#[expect(dead_code, reason = "describes a member of frames in the AsyncAPI document")]
pub(super) enum Reference {
    Text(String),
    Number(f64),
}

/// A frame of the server.
#[derive(Serialize, ToSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum Told<'a> {
    /// A call as it is after a change.
    Call {
        /// The number of the change. Give the last one back as `after` to hear what was missed.
        seq: u64,
        /// The call.
        call: CallView<'a>,
    },
    /// A call is offered to the driver.
    Offer {
        /// The call, as far as a driver may know it before the accept.
        call: CallView<'a>,
        /// When the offer ends.
        #[schema(value_type = String, format = DateTime)]
        expires_at: Time,
    },
    /// The offer has ended: it expired, another driver has the call, or it is over.
    OfferWithdrawn {
        /// The call's id.
        #[schema(value_type = String)]
        call: &'a CallId,
    },
    /// The driver of one of the client's calls moved.
    Position {
        /// The driver's id.
        #[schema(value_type = String)]
        driver: &'a DriverId,
        /// Degrees north.
        lat: f64,
        /// Degrees east.
        lng: f64,
        /// Where it is heading, in degrees from north.
        #[serde(skip_serializing_if = "Option::is_none")]
        heading: Option<f64>,
        /// How fast it is, in metres per second.
        #[serde(skip_serializing_if = "Option::is_none")]
        speed_mps: Option<f64>,
        /// When it was there.
        #[schema(value_type = String, format = DateTime)]
        at: Time,
        /// Seconds to where it is going; null when that is not known.
        eta_s: Option<u64>,
    },
    /// Something that the client is told, as in `GET /v1/me/notifications`.
    Notification {
        /// The notification, in the language that the handshake asked for.
        #[schema(value_type = Notification)]
        notification: &'a RawValue,
    },
    /// A command took effect.
    Ack {
        /// The `ref` of the command.
        #[serde(rename = "ref", skip_serializing_if = "Option::is_none")]
        #[schema(value_type = Option<Reference>)]
        reference: Option<Value>,
    },
    /// A frame was refused; it changed nothing.
    Error {
        /// The `ref` of the refused frame.
        #[serde(rename = "ref", skip_serializing_if = "Option::is_none")]
        #[schema(value_type = Option<Reference>)]
        reference: Option<Value>,
        /// The kind of refusal.
        code: Code,
        /// The mistake, its place, and the values that are allowed: for developers.
        #[schema(value_type = String)]
        detail: &'a str,
        /// What to show the person at the phone, in the language of the handshake. Without it the refusal is for whoever
        /// wrote the client.
        #[serde(skip_serializing_if = "Option::is_none")]
        #[schema(value_type = Option<String>)]
        message: Option<&'a str>,
        /// When to try again, in seconds.
        #[serde(skip_serializing_if = "Option::is_none")]
        retry_after_s: Option<u64>,
    },
    /// The answer to a ping.
    Pong {
        /// The `ref` of the ping.
        #[serde(rename = "ref", skip_serializing_if = "Option::is_none")]
        #[schema(value_type = Option<Reference>)]
        reference: Option<Value>,
    },
}

/// A kind of frame that clients send.
pub(super) struct Kind {
    pub name: &'static str,
    /// The effect of the frame, for `/asyncapi.json`.
    pub described: &'static str,
    /// A frame of the kind.
    pub example: &'static str,
    read: fn(Map<String, Value>) -> Result<Frame, Problem>,
    /// The members beside `type` and `ref`.
    pub schema: fn() -> RefOr<Schema>,
    /// The types that they name.
    pub schemas: fn(&mut Vec<(String, RefOr<Schema>)>),
}

/// The frames of clients.
pub(super) const KINDS: [Kind; 7] = [
    Kind {
        name: "subscribe",
        described: "Follows a call: its changes after `after`, the call as it is now, and every change from then on.",
        example: r#"{"type": "subscribe", "call": "call_01890a5d", "after": 3, "ref": 1}"#,
        read: |members| members_of(members).map(Frame::Subscribe),
        schema: Subscribe::schema,
        schemas: <Subscribe as ToSchema>::schemas,
    },
    Kind {
        name: "unsubscribe",
        described: "Follows a call no more.",
        example: r#"{"type": "unsubscribe", "call": "call_01890a5d", "ref": 2}"#,
        read: |members| members_of(members).map(Frame::Unsubscribe),
        schema: Named::schema,
        schemas: <Named as ToSchema>::schemas,
    },
    Kind {
        name: "position",
        described: "Says where the driver is. Without `ref` it is acknowledged by nothing.",
        example: r#"{"type": "position", "lat": 37.5012, "lng": 127.0251, "ref": 3}"#,
        read: |members| members_of(members).map(Frame::Position),
        schema: Position::schema,
        schemas: <Position as ToSchema>::schemas,
    },
    Kind {
        name: "accept",
        described: "Takes a call that is offered to the driver. The first one wins.",
        example: r#"{"type": "accept", "call": "call_01890a5d", "ref": 4}"#,
        read: |members| members_of(members).map(Frame::Accept),
        schema: Named::schema,
        schemas: <Named as ToSchema>::schemas,
    },
    Kind {
        name: "decline",
        described: "Does not want a call that is offered to the driver.",
        example: r#"{"type": "decline", "call": "call_01890a5d", "ref": 5}"#,
        read: |members| members_of(members).map(Frame::Decline),
        schema: Named::schema,
        schemas: <Named as ToSchema>::schemas,
    },
    Kind {
        name: "auth",
        described: "Goes on with a newer token of the same `sub` and `role`. Send it before the older one expires.",
        example: r#"{"type": "auth", "token": "eyJhbGciOiJIUzI1NiJ9.e30.c2ln", "ref": 6}"#,
        read: |members| members_of(members).map(Frame::Auth),
        schema: Auth::schema,
        schemas: <Auth as ToSchema>::schemas,
    },
    Kind {
        name: "ping",
        described: "Is answered with `pong`.",
        example: r#"{"type": "ping", "ref": 7}"#,
        read: |members| members_of(members).map(|Nothing {}| Frame::Ping),
        schema: Nothing::schema,
        schemas: <Nothing as ToSchema>::schemas,
    },
];

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
            return Said { reference: None, frame: Err(Problem::at("/ref", "must be a text or a number")) };
        }
    };
    Said { reference, frame: frame(members) }
}

fn not_an_object(error: &serde_json::Error) -> Problem {
    let what = if error.is_data() { "is none".to_owned() } else { wrong::with_the_text(error) };
    Problem::invalid(format!("{FRAME}: must be a JSON object with a member `type`; it {what}"))
}

fn frame(mut members: Map<String, Value>) -> Result<Frame, Problem> {
    let known = match members.remove("type") {
        Some(Value::String(name)) => KINDS.iter().find(|kind| kind.name == name),
        Some(_) | None => None,
    };
    match known {
        Some(kind) => (kind.read)(members),
        None => Err(Problem::at("/type", format_args!("must be {TYPES}"))),
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
    fn the_example_of_each_kind_is_read_and_its_name_is_told_to_those_who_misspell_it() {
        for kind in &KINDS {
            let said = read(kind.example);
            assert!(said.frame.is_ok() && said.reference.is_some(), "{}: {:?}", kind.name, said.frame);
            assert!(kind.example.contains(&format!("\"type\": \"{}\"", kind.name)), "{}", kind.example);
        }
        let (last, names) =
            KINDS.map(|kind| kind.name).split_last().map(|(last, names)| (*last, names.join(", "))).expect("kinds");
        assert_eq!(format!("{names} or {last}"), TYPES);
    }

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
            (r#"{"type":5,"ref":"r"}"#, "/type: must be"),
            (r#"{"type":"fly","ref":"r"}"#, "/type: must be"),
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
