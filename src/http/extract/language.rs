//! In which language people are told things: what `Accept-Language` asks for (RFC 9110, section 12.5.4).

use std::future::{Ready, ready};

use actix_web::{
    FromRequest, HttpRequest,
    dev::Payload,
    http::header::{AcceptLanguage, Header, Preference, Quality},
};

use crate::domain::policy::Lang;

/// The language that somebody reads best of those that services speak.
///
/// Korean, where the services are, unless something else is asked for; English for all who ask for neither. A header that
/// cannot be read counts as none: nobody is refused for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::http) struct Language(pub Lang);

impl FromRequest for Language {
    type Error = std::convert::Infallible;
    type Future = Ready<Result<Self, Self::Error>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(Ok(Self(asked_for(request))))
    }
}

impl Language {
    /// Its tag (RFC 5646), as `Content-Language` has it.
    pub(in crate::http) fn tag(self) -> &'static str {
        match self.0 {
            Lang::Ko => "ko",
            Lang::En => "en",
        }
    }
}

fn asked_for(request: &HttpRequest) -> Lang {
    let mut wanted = AcceptLanguage::parse(request).unwrap_or_else(|_| AcceptLanguage(Vec::new()));
    wanted.retain(|language| language.quality > Quality::ZERO);
    let ranked = wanted.ranked();
    let spoken = ranked.iter().find_map(|language| spoken(language.item()?.primary_language()));
    let anything = ranked.is_empty() || ranked.contains(&Preference::Any);
    spoken.unwrap_or(if anything { Lang::Ko } else { Lang::En })
}

fn spoken(language: &str) -> Option<Lang> {
    match language.to_ascii_lowercase().as_str() {
        "ko" => Some(Lang::Ko),
        "en" => Some(Lang::En),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use actix_web::{http::header::ACCEPT_LANGUAGE, test::TestRequest};

    use super::*;

    #[test]
    fn the_language_is_the_one_that_is_wanted_most_of_those_that_are_spoken() {
        for (wanted, read) in [
            ("ko-KR,ko;q=0.9,en;q=0.8", Lang::Ko),
            ("en;q=0.8, ko", Lang::Ko),
            ("EN-gb", Lang::En),
            ("fr-CH, en;q=0.1", Lang::En),
            ("fr, de", Lang::En),
            ("fr, *;q=0.1", Lang::Ko),
            ("ko;q=0, fr", Lang::En),
            ("", Lang::Ko),
            ("!!", Lang::Ko),
        ] {
            let request = TestRequest::default().insert_header((ACCEPT_LANGUAGE, wanted)).to_http_request();
            assert_eq!(asked_for(&request), read, "{wanted}");
        }
        assert_eq!(asked_for(&TestRequest::default().to_http_request()), Lang::Ko);
    }
}
