//! In which language people are told things: what `Accept-Language` asks for (RFC 9110, section 12.5.4).

use std::future::{Ready, ready};

use actix_web::{
    FromRequest, HttpRequest,
    dev::Payload,
    http::header::{
        ACCEPT_LANGUAGE, AcceptLanguage, CONTENT_LANGUAGE, Header, HeaderMap, HeaderValue, Preference, Quality, VARY,
    },
};

use crate::{
    domain::{Party, Role, account::Account, policy::Lang},
    http::{auth::Principal, state::State},
};

/// The language that a request asks for, of those that services speak; English for all who ask for neither. `None` when
/// any will do. A header that cannot be read counts as none: nobody is refused for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::http) struct Wanted(Option<Lang>);

/// The language in which somebody is told things.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::http) struct Language(pub Lang);

impl FromRequest for Wanted {
    type Error = std::convert::Infallible;
    type Future = Ready<Result<Self, Self::Error>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(Ok(Self::of(request)))
    }
}

impl Wanted {
    pub(in crate::http) fn of(request: &HttpRequest) -> Self {
        let mut wanted = AcceptLanguage::parse(request).unwrap_or_else(|_| AcceptLanguage(Vec::new()));
        wanted.retain(|language| language.quality > Quality::ZERO);
        let ranked = wanted.ranked();
        let spoken = ranked.iter().find_map(|language| spoken(language.item()?.primary_language()));
        let anything = ranked.is_empty() || ranked.contains(&Preference::Any);
        Self(spoken.or((!anything).then_some(Lang::En)))
    }

    /// The language to tell things in: the one that is asked for; else the one of the customer's profile; else Korean, which
    /// is spoken where the services are.
    pub(in crate::http) async fn or_own(self, state: &State, who: &Principal) -> Language {
        match (self.0, who.party()) {
            (None, Party::Customer(customer)) => {
                self.or_that_of(who, state.account_in_time(customer).await.flatten().as_deref())
            }
            _ => self.or_korean(),
        }
    }

    /// The same, where the account of the token's `sub` is known.
    pub(in crate::http) fn or_that_of(self, who: &Principal, account: Option<&Account>) -> Language {
        let own =
            account.filter(|_| who.role() == Role::Customer).and_then(|account| account.profile.as_ref()?.language);
        Language(self.0.or(own).unwrap_or(Lang::Ko))
    }

    /// The language to tell somebody things in who is not known.
    pub(in crate::http) fn or_korean(self) -> Language {
        Language(self.0.unwrap_or(Lang::Ko))
    }

    /// Whether any language will do.
    pub(in crate::http) fn is_any(self) -> bool {
        self.0.is_none()
    }
}

impl Language {
    /// Its tag (RFC 5646), as `Content-Language` has it.
    fn tag(self) -> &'static str {
        match self.0 {
            Lang::Ko => "ko",
            Lang::En => "en",
        }
    }

    /// Says in the headers of an answer that it is in this language, and would be in another one for others.
    pub(in crate::http) fn tell(self, headers: &mut HeaderMap) {
        headers.insert(CONTENT_LANGUAGE, HeaderValue::from_static(self.tag()));
        headers.append(VARY, HeaderValue::from(ACCEPT_LANGUAGE));
    }
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
            assert_eq!(Wanted::of(&request).or_korean(), Language(read), "{wanted}");
        }
        let silent = Wanted::of(&TestRequest::default().to_http_request());
        assert!(silent.is_any() && silent.or_korean() == Language(Lang::Ko));
    }
}
