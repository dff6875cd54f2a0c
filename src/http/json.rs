//! Bodies: read within their limits, parsed strictly, refused with the place and the reason.

use std::time::Duration;

use actix_web::{FromRequest, HttpRequest, HttpResponse, dev::Payload, http::StatusCode, http::header, web::Data};
use bytes::{Bytes, BytesMut};
use futures_util::{StreamExt, future::LocalBoxFuture};
use serde::{Serialize, de::DeserializeOwned};

use super::{
    error::{Code, Problem},
    state::State,
    strict::Strict,
};

/// How much is set aside for an answer at first: most calls fit.
const ANSWER_BYTES: usize = 1024;

/// A JSON body that must be there.
pub(super) struct Json<T>(pub T);

/// A JSON body that may be left out.
pub(super) struct Optional<T>(pub T);

/// The text of a JSON body.
pub(super) struct Text(pub Bytes);

impl<T: DeserializeOwned + 'static> FromRequest for Json<T> {
    type Error = Problem;
    type Future = LocalBoxFuture<'static, Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let body = Text::from_request(request, payload);
        Box::pin(async move { parse(&body.await?.0).map(Self) })
    }
}

impl<T: DeserializeOwned + Default + 'static> FromRequest for Optional<T> {
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
pub(super) fn parse<T: DeserializeOwned>(text: &[u8]) -> Result<T, Problem> {
    // Finding the path costs; only texts that are wrong are read that way.
    let mut reader = serde_json::Deserializer::from_slice(text);
    let read = T::deserialize(Strict(&mut reader)).and_then(|value| reader.end().map(|()| value));
    read.or_else(|_| parse_again::<T>(text))
}

fn parse_again<T: DeserializeOwned>(text: &[u8]) -> Result<T, Problem> {
    if text.is_empty() {
        return Err(Problem::invalid("the body is empty; it must be a JSON object"));
    }
    let mut reader = serde_json::Deserializer::from_slice(text);
    let value = serde_path_to_error::deserialize(Strict(&mut reader)).map_err(|error| {
        let path = error.path().to_string();
        let inner = error.into_inner();
        Problem::invalid(if path == "." { format!("the body: {inner}") } else { format!("{path}: {inner}") })
    })?;
    reader.end().map_err(|error| Problem::invalid(format!("the body: {error}")))?;
    Ok(value)
}

/// Answers with JSON.
pub(super) fn answer(status: StatusCode, body: &impl Serialize) -> Result<HttpResponse, Problem> {
    let mut text = Vec::with_capacity(ANSWER_BYTES);
    serde_json::to_writer(&mut text, body)
        .map_err(|error| Problem::new(Code::Internal, format!("the answer cannot be written: {error}")))?;
    Ok(HttpResponse::build(status).content_type("application/json").body(text))
}

/// Answers 200 with JSON.
pub(super) fn ok(body: &impl Serialize) -> Result<HttpResponse, Problem> {
    answer(StatusCode::OK, body)
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
pub(super) fn read(request: &HttpRequest, payload: &mut Payload) -> LocalBoxFuture<'static, Result<Bytes, Problem>> {
    let Some(state) = request.app_data::<Data<State>>() else {
        return Box::pin(async { Err(Problem::new(Code::Internal, "the server is not set up")) });
    };
    let limit = usize::try_from(state.settings.body_max_bytes).unwrap_or(usize::MAX);
    let patience = Duration::from_millis(state.settings.client_header_timeout_ms);
    let announced = request.headers().get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
    let payload = payload.take();
    Box::pin(async move {
        if announced.is_some_and(|length: usize| length > limit) {
            return Err(too_long(limit));
        }
        match tokio::time::timeout(patience, collect(payload, limit)).await {
            Ok(body) => body,
            Err(_) => Err(Problem::new(Code::RequestTimeout, format!("the body took longer than {patience:?}"))),
        }
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
    use crate::domain::Place;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Trip {
        #[expect(dead_code, reason = "only parsed")]
        pickup: Place,
        #[expect(dead_code, reason = "only parsed")]
        stops: Vec<Place>,
    }

    fn refusal(text: &[u8]) -> String {
        let problem = parse::<Trip>(text).expect_err("a refusal");
        assert_eq!(problem.code(), Code::InvalidRequest);
        problem.detail().to_owned()
    }

    #[test]
    fn a_refusal_names_the_place_and_the_reason() {
        for (text, place, reason) in [
            (r#"{"pickup":{"lat":91.5,"lng":1},"stops":[]}"#, "pickup:", "91.5"),
            (r#"{"pickup":{"lat":"a","lng":1},"stops":[]}"#, "pickup.lat:", "expected f64"),
            (
                r#"{"pickup":{"lat":1,"lng":1},"stops":[{"lat":1,"lng":1},{"lat":1}]}"#,
                "stops[1]:",
                "missing field `lng`",
            ),
            (r#"{"pickup":[1,2],"stops":[]}"#, "pickup:", "invalid type: sequence"),
            (r#"[{"lat":1,"lng":1},[]]"#, "the body:", "invalid type: sequence"),
            (r#"{"pickup":{"lat":1,"lng":1},"stops":[],"x":1}"#, "x", "unknown field"),
            (r#"{"pickup":{"lat":1e999,"lng":1},"stops":[]}"#, "lat", "number out of range"),
        ] {
            let detail = refusal(text.as_bytes());
            assert!(detail.contains(place) && detail.contains(reason), "{text} → {detail}");
        }
    }

    #[test]
    fn text_that_is_no_json_is_refused() {
        let deep = "[".repeat(100_000);
        for text in [&b""[..], b"{", b"nonsense", b"{\"pickup\":\"\xff\"}", b"\0", deep.as_bytes(), b"{} {}"] {
            assert!(!refusal(text).is_empty());
        }
    }
}
