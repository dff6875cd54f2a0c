//! Which trace and request something belongs to: W3C `traceparent` is honoured and continued, every
//! answer has an `x-request-id`.

use std::sync::Arc;

use actix_web::{
    HttpMessage, HttpRequest,
    http::header::{HeaderMap, HeaderName, HeaderValue},
};

use crate::clock;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
const REQUEST_ID_MAX: usize = 128;

/// The trace of one request.
#[derive(Debug, Clone)]
pub(in crate::http) struct Trace {
    trace: Arc<str>,
    /// This server's part of the trace.
    span: u64,
    sampled: bool,
    request: HeaderValue,
}

impl Trace {
    /// The trace that the headers belong to, or a new one.
    pub(in crate::http) fn begin(headers: &HeaderMap) -> Self {
        let id = clock::random_id();
        let (high, low) = id.as_u64_pair();
        let parent = headers.get(TRACEPARENT).and_then(|value| value.to_str().ok()).and_then(parse);
        let request = headers.get(REQUEST_ID).filter(|value| is_request_id(value)).cloned();
        let own = id.simple().to_string();
        let request = request.or_else(|| HeaderValue::try_from(own.as_str()).ok());
        let (trace, sampled) = parent.map_or((own.as_str(), false), |(trace, sampled)| (trace, sampled));
        Self {
            trace: trace.into(),
            span: (high ^ low).max(1),
            sampled,
            request: request.unwrap_or_else(|| HeaderValue::from_static("-")),
        }
    }

    /// The trace of a request that is being handled.
    pub(in crate::http) fn of(request: &HttpRequest) -> Self {
        let known = request.extensions().get::<Self>().cloned();
        known.unwrap_or_else(|| Self::begin(request.headers()))
    }

    /// The trace id: 32 hexadecimal digits.
    pub(in crate::http) fn id(&self) -> Arc<str> {
        Arc::clone(&self.trace)
    }

    /// The id that the client is told, and that log lines have.
    pub(in crate::http) fn request_id(&self) -> &str {
        self.request.to_str().unwrap_or("-")
    }

    /// Tells the client which request this was, in which trace.
    pub(in crate::http) fn tell(&self, headers: &mut HeaderMap) {
        let text = format!("00-{}-{:016x}-{:02x}", self.trace, self.span, u8::from(self.sampled));
        if let Ok(value) = HeaderValue::try_from(text) {
            headers.insert(TRACEPARENT, value);
        }
        headers.insert(REQUEST_ID, self.request.clone());
    }
}

fn is_request_id(value: &HeaderValue) -> bool {
    let bytes = value.as_bytes();
    (1..=REQUEST_ID_MAX).contains(&bytes.len()) && bytes.iter().all(u8::is_ascii_graphic)
}

/// The trace id and the sampled flag of a `traceparent` (W3C Trace Context, level 1). Later versions may say more behind it.
fn parse(text: &str) -> Option<(&str, bool)> {
    let mut parts = text.split('-');
    let (version, trace, parent, flags) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let ends = version != "00" || parts.next().is_none();
    let good = hex(version, 2) && version != "ff" && hex(flags, 2) && ends;
    let ids = hex(trace, 32) && hex(parent, 16) && !is_zero(trace) && !is_zero(parent);
    let sampled = u8::from_str_radix(flags, 16).ok()? & 1 == 1;
    (good && ids).then_some((trace, sampled))
}

fn hex(text: &str, digits: usize) -> bool {
    text.len() == digits && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

fn is_zero(text: &str) -> bool {
    text.bytes().all(|byte| byte == b'0')
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

    fn begun(name: &'static str, value: &'static str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
        let mut answer = HeaderMap::new();
        Trace::begin(&headers).tell(&mut answer);
        answer
    }

    fn text<'a>(headers: &'a HeaderMap, name: &str) -> &'a str {
        headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    #[test]
    fn a_trace_is_continued_with_a_span_of_our_own() {
        let answer = begun("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01");
        let continued = text(&answer, "traceparent");
        assert!(continued.starts_with(&format!("00-{TRACE}-")) && continued.ends_with("-01"), "{continued}");
        assert!(!continued.contains("00f067aa0ba902b7"), "{continued}");
        assert!(parse(continued).is_some());
    }

    #[test]
    fn a_bad_traceparent_begins_a_new_trace() {
        for bad in [
            "",
            "nonsense",
            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more",
        ] {
            assert_eq!(parse(bad), None, "{bad}");
            assert!(parse(text(&begun("traceparent", bad), "traceparent")).is_some());
        }
    }

    #[test]
    fn a_request_id_is_kept_when_it_is_visible_ascii() {
        assert_eq!(text(&begun("x-request-id", "abc-1"), "x-request-id"), "abc-1");
        assert_eq!(text(&begun("x-request-id", "a b"), "x-request-id").len(), 32);
    }
}
