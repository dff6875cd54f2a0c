//! Browsers on other sites: which origins may read answers and open sockets (`http.cors_origins`). Preflights are answered
//! here, before tokens, limits and figures.
//!
//! Cookies play no part: a token is sent by the page itself, so a strange site has none to send.

use actix_cors::Cors;
use actix_web::{
    HttpRequest,
    http::{
        Method,
        header::{self, HeaderValue},
    },
    middleware::Condition,
};

use crate::http::error::{Code, Problem};

/// How long a browser may remember the answer to a preflight, in seconds; no browser does so for longer.
const REMEMBERED_S: usize = 7_200;
/// Every origin.
const ANY: &str = "*";
/// The headers of answers that pages of other sites may read.
const EXPOSED: [&str; 7] =
    ["x-request-id", "retry-after", "ratelimit", "ratelimit-policy", "location", "link", "content-language"];

/// The layer that answers preflights and names the origin in answers; none without origins.
pub(in crate::http) fn layer(origins: &[String]) -> Condition<Cors> {
    let methods = [Method::GET, Method::HEAD, Method::POST, Method::PUT, Method::PATCH, Method::DELETE];
    let rules =
        Cors::default().allowed_methods(methods).allow_any_header().expose_headers(EXPOSED).max_age(REMEMBERED_S);
    let rules = match is_any(origins) {
        true => rules.allow_any_origin().send_wildcard(),
        false => origins.iter().fold(rules, |rules, origin| rules.allowed_origin(origin)),
    };
    Condition::new(!origins.is_empty(), rules)
}

/// Refuses the socket of a page that is neither of a listed origin nor of this server. Clients that are no browsers send
/// no origin. Without origins every page may open one, as it needs a token all the same.
pub(in crate::http) fn admit(request: &HttpRequest, origins: &[String]) -> Result<(), Problem> {
    let Some(origin) = request.headers().get(header::ORIGIN) else { return Ok(()) };
    if origins.is_empty() || is_any(origins) {
        return Ok(());
    }
    let text = origin.to_str().unwrap_or_default();
    let is_own = || {
        let host = request.headers().get(header::HOST).and_then(|host| host.to_str().ok());
        host.is_some_and(|host| text.split_once("://").is_some_and(|(_, authority)| authority == host))
    };
    if origins.iter().any(|listed| listed == text) || is_own() {
        return Ok(());
    }
    let detail = format!("pages of {origin:?} may not open sockets here; http.cors_origins lists those that may");
    Err(Problem::new(Code::Forbidden, detail))
}

fn is_any(origins: &[String]) -> bool {
    origins.iter().any(|origin| origin == ANY)
}

/// The mistake in a list of origins, if there is one.
pub(in crate::http) fn mistake(origins: &[String]) -> Option<String> {
    if is_any(origins) {
        return (origins.len() > 1).then(|| "\"*\" means every origin; leave the others out".to_owned());
    }
    origins.iter().find_map(|origin| Some(format!("{} (got {origin:?})", mistake_in(origin)?)))
}

fn mistake_in(origin: &str) -> Option<&'static str> {
    let Some((scheme, authority)) = origin.split_once("://") else {
        return Some("an origin is a scheme and a host, like https://app.example.com");
    };
    let is_plain = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic());
    if !is_plain(scheme) || !is_plain(authority) || HeaderValue::from_str(origin).is_err() {
        return Some("an origin is a scheme and a host in ASCII, like https://app.example.com");
    }
    if authority.contains(['/', '?', '#', '@', '*', ',']) {
        return Some("an origin is a scheme, a host and perhaps a port; no path, no name, no pattern");
    }
    if origin.bytes().any(|byte| byte.is_ascii_uppercase()) {
        return Some("browsers send origins in lower case");
    }
    let has_default_port =
        (scheme == "https" && authority.ends_with(":443")) || (scheme == "http" && authority.ends_with(":80"));
    has_default_port.then_some("browsers leave out the port that belongs to the scheme")
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    fn listed(origins: &[&str]) -> Vec<String> {
        origins.iter().map(|origin| (*origin).to_owned()).collect()
    }

    #[test]
    fn mistakes_in_origins_are_named() {
        for good in [&[] as &[&str], &["*"], &["https://a.example", "http://localhost:5173", "capacitor://localhost"]] {
            assert_eq!(mistake(&listed(good)), None, "{good:?}");
        }
        for (bad, word) in [
            (&["*", "https://a.example"] as &[&str], "leave the others out"),
            (&["a.example"], "a scheme and a host"),
            (&["https://a.example", "null"], "(got \"null\")"),
            (&["https://a.example/"], "no path"),
            (&["https://*.a.example"], "no pattern"),
            (&["https://A.example"], "lower case"),
            (&["https://a.example:443"], "leave out the port"),
            (&["https://"], "in ASCII"),
        ] {
            let said = mistake(&listed(bad));
            assert!(said.as_ref().is_some_and(|said| said.contains(word)), "{bad:?}: {said:?}");
        }
    }

    #[test]
    fn pages_of_other_origins_open_no_socket_once_origins_are_listed() {
        let from = |origin: &str| {
            TestRequest::default()
                .insert_header((header::HOST, "api.example:8080"))
                .insert_header((header::ORIGIN, origin))
                .to_http_request()
        };
        let only_a = listed(&["https://a.example"]);
        assert!(admit(&from("https://a.example"), &only_a).is_ok());
        assert!(admit(&from("https://api.example:8080"), &only_a).is_ok(), "its own page");
        assert!(admit(&from("https://b.example"), &only_a).is_err());
        assert!(admit(&from("null"), &only_a).is_err());
        assert!(admit(&TestRequest::default().to_http_request(), &only_a).is_ok(), "no browser");
        assert!(admit(&from("https://b.example"), &[]).is_ok());
        assert!(admit(&from("https://b.example"), &listed(&["*"])).is_ok());
    }
}
