//! Bodies: read within their limits, parsed strictly, refused with the place and the reason.

use std::{rc::Rc, time::Duration};

use actix_web::{
    FromRequest, HttpMessage, HttpRequest, HttpResponse,
    dev::Payload,
    http::{StatusCode, header, header::HeaderValue},
    web::Data,
};
use bytes::{Bytes, BytesMut};
use futures_util::{StreamExt, future::LocalBoxFuture};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;
use utoipa::ToSchema;

use crate::{
    http::{
        edge::patience::Patience,
        error::{Code, Problem},
        extract::{strict::Strict, wrong},
        state::State,
    },
    settings::Shape,
};

/// The name of the body in refusals that have no narrower place.
const BODY: &str = "the body";

/// How much is set aside for an answer at first: most calls fit.
const ANSWER_BYTES: usize = 1024;

/// A JSON body that must be there.
pub(in crate::http) struct Json<T>(pub T);

/// A JSON body that may be left out.
pub(in crate::http) struct Optional<T>(pub T);

/// The text of a JSON body.
pub(in crate::http) struct Text(pub Bytes);

impl<T: DeserializeOwned + ToSchema + 'static> FromRequest for Json<T> {
    type Error = Problem;
    type Future = LocalBoxFuture<'static, Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let body = Text::from_request(request, payload);
        Box::pin(async move { parse(&body.await?.0).map(Self) })
    }
}

impl<T: DeserializeOwned + Default + ToSchema + 'static> FromRequest for Optional<T> {
    type Error = Problem;
    type Future = LocalBoxFuture<'static, Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (body, typed) = (read(request, payload), check_type(request));
        Box::pin(async move {
            let bytes = body.await?;
            if bytes.is_empty() {
                return Ok(Self(T::default()));
            }
            typed?;
            parse(&bytes).map(Self)
        })
    }
}

impl FromRequest for Text {
    type Error = Problem;
    type Future = LocalBoxFuture<'static, Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (body, typed) = (read(request, payload), check_type(request));
        Box::pin(async move {
            typed?;
            body.await.map(Self)
        })
    }
}

/// Parses a JSON text.
///
/// # Errors
/// `invalid_request` that names the place and what would be right there.
pub(in crate::http) fn parse<T: DeserializeOwned + ToSchema>(text: &[u8]) -> Result<T, Problem> {
    // Finding the path costs; only texts that are wrong are read that way.
    let mut reader = serde_json::Deserializer::from_slice(text);
    let read = T::deserialize(Strict(&mut reader)).and_then(|value| reader.end().map(|()| value));
    read.or_else(|_| parse_again::<T>(text))
}

fn parse_again<T: DeserializeOwned + ToSchema>(text: &[u8]) -> Result<T, Problem> {
    if text.is_empty() {
        return Err(Problem::invalid("the body is empty; it must be a JSON object"));
    }
    let value: Value = serde_json::from_slice(text)
        .map_err(|error| Problem::invalid(format!("the body {}", wrong::with_the_text(&error))))?;
    if let Some(wrong) = wrong::with_the_value(BODY, &value, &Shape::of::<T>()) {
        return Err(Problem::invalid(wrong));
    }
    let mut reader = serde_json::Deserializer::from_slice(text);
    serde_path_to_error::deserialize(Strict(&mut reader))
        .map_err(|error| Problem::invalid(wrong::with_a_member(BODY, error.path(), error.inner())))
}

pub(in crate::http) fn answer(status: StatusCode, body: &impl Serialize) -> Result<HttpResponse, Problem> {
    let mut text = Vec::with_capacity(ANSWER_BYTES);
    serde_json::to_writer(&mut text, body)
        .map_err(|error| Problem::new(Code::Internal, format!("the answer cannot be written: {error}")))?;
    Ok(HttpResponse::build(status).content_type("application/json").body(text))
}

/// Answers 200 with JSON.
pub(in crate::http) fn ok(body: &impl Serialize) -> Result<HttpResponse, Problem> {
    answer(StatusCode::OK, body)
}

/// The same answer with the place of the resource that it is about.
pub(in crate::http) fn located(mut answer: HttpResponse, place: &str) -> HttpResponse {
    if let Ok(place) = HeaderValue::try_from(place) {
        answer.headers_mut().insert(header::LOCATION, place);
    }
    answer
}

fn check_type(request: &HttpRequest) -> Result<(), Problem> {
    let text = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = text.split(';').next().unwrap_or_default().trim();
    if essence.eq_ignore_ascii_case("application/json") {
        return Ok(());
    }
    let found = if text.is_empty() { "nothing".to_owned() } else { format!("{text:?}") };
    Err(Problem::new(Code::UnsupportedMediaType, format!("content-type must be application/json, got {found}")))
}

/// Reads a body to its end, within its limits.
pub(in crate::http) fn read(
    request: &HttpRequest,
    payload: &mut Payload,
) -> LocalBoxFuture<'static, Result<Bytes, Problem>> {
    let Some(state) = request.app_data::<Data<State>>() else {
        return Box::pin(async { Err(Problem::new(Code::Internal, "the server is not set up")) });
    };
    let limit = usize::try_from(state.settings.body_max_bytes).unwrap_or(usize::MAX);
    let at_most = Duration::from_millis(state.settings.client_body_timeout_ms);
    let patience = request.extensions().get::<Rc<Patience>>().cloned();
    let announced = request.headers().get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
    let payload = payload.take();
    Box::pin(async move {
        if announced.is_some_and(|length: usize| length > limit) {
            return Err(too_long(limit));
        }
        if let Some(patience) = &patience {
            patience.wait_for_client(at_most);
        }
        let body = tokio::time::timeout(at_most, collect(payload, limit)).await;
        if let Some(patience) = &patience {
            patience.begin();
        }
        body.unwrap_or_else(|_| {
            Err(Problem::new(Code::RequestTimeout, format!("the body took longer than {at_most:?}")))
        })
    })
}

async fn collect(mut payload: Payload, limit: usize) -> Result<Bytes, Problem> {
    let mut first = Bytes::new();
    let mut rest = BytesMut::new();
    while let Some(chunk) = payload.next().await {
        let chunk = chunk.map_err(|error| Problem::invalid(format!("the body cannot be read: {error}")))?;
        if first.len() + rest.len() + chunk.len() > limit {
            return Err(too_long(limit));
        }
        if first.is_empty() {
            first = chunk;
        } else {
            rest.extend_from_slice(&chunk);
        }
    }
    if rest.is_empty() {
        return Ok(first);
    }
    let mut whole = BytesMut::with_capacity(first.len() + rest.len());
    whole.extend_from_slice(&first);
    whole.extend_from_slice(&rest);
    Ok(whole.freeze())
}

fn too_long(limit: usize) -> Problem {
    Problem::new(Code::PayloadTooLarge, format!("the body is longer than {limit} bytes"))
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;
    use crate::{domain::Place, http::views::PlaceSchema};

    #[derive(Debug, Deserialize, ToSchema)]
    #[serde(deny_unknown_fields)]
    struct Trip {
        #[expect(dead_code, reason = "only parsed")]
        #[schema(value_type = PlaceSchema)]
        pickup: Place,
        #[expect(dead_code, reason = "only parsed")]
        #[schema(value_type = Vec<PlaceSchema>)]
        stops: Vec<Place>,
    }

    fn refusal(text: &[u8]) -> String {
        let problem = parse::<Trip>(text).expect_err("a refusal");
        assert_eq!(problem.code(), Code::InvalidRequest);
        problem.detail().to_owned()
    }

    #[test]
    fn a_refusal_names_the_place_what_is_wrong_and_what_would_be_right() {
        for (text, said) in [
            (r#"{"pickup":{"lat":91.5,"lng":1},"stops":[]}"#, "/pickup/lat: must be a number from -90 to 90, got 91.5"),
            (
                r#"{"pickup":{"lat":"a","lng":1},"stops":[]}"#,
                "/pickup/lat: must be a number from -90 to 90, got the text \"a\"",
            ),
            (
                r#"{"pickup":{"lat":1,"lng":1},"stops":[{"lat":1,"lng":1},{"lat":1}]}"#,
                "/stops/1/lng: is required and missing; it must be a number from -180 to 180",
            ),
            (r#"{"pickup":[1,2],"stops":[]}"#, "/pickup: must be an object, got a list"),
            (r#"{"pickup":null,"stops":[]}"#, "/pickup: must be an object, got null"),
            (r#"[{"lat":1,"lng":1},[]]"#, "the body: must be an object, got a list"),
            (
                r#"{"pickup":{"lat":1,"lng":1},"stops":[],"a/b":1}"#,
                "/a~1b: there is no such member; the members are pickup, stops",
            ),
            (
                r#"{"pickup":{"lat":1,"lng":1},"stops":[],"stops":[]}"#,
                "the body: the member \"stops\" is given twice; give it once",
            ),
            (
                r#"{"pickup":{"lat":1e999,"lng":1},"stops":[]}"#,
                "the body has a number that is too large (line 1, column 22)",
            ),
            ("{", "the body ends too early (line 1, column 1)"),
            ("{\n nonsense", "the body is not JSON (line 2, column 2)"),
            ("{} {}", "the body goes on after its end (line 1, column 4)"),
        ] {
            assert_eq!(refusal(text.as_bytes()), said, "{text}");
        }
        let long = format!(r#"{{"pickup":{{"lat":1,"lng":1,"address":"{}"}},"stops":[]}}"#, "x".repeat(201));
        assert_eq!(refusal(long.as_bytes()), "/pickup/address: must be at most 200 characters, got 201");
    }

    #[test]
    fn text_that_is_no_json_is_refused() {
        let deep = "[".repeat(100_000);
        for text in [&b""[..], b"{", b"nonsense", b"{\"pickup\":\"\xff\"}", b"\0", deep.as_bytes(), b"{} {}"] {
            assert!(!refusal(text).is_empty());
        }
    }
}
