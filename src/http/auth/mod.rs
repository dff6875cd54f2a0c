//! The identity of a client: bearer tokens (JWT, HS256 and nothing else), and the rights of their roles.

pub(in crate::http) mod keys;
pub(in crate::http) mod only;
mod token;

use std::{
    future::{Ready, ready},
    sync::Arc,
};

use actix_web::{FromRequest, HttpMessage, HttpRequest, dev::Payload, http::header, web::Data};
use jiff::Timestamp;
use jsonwebtoken::{decode, errors::ErrorKind};

use super::{
    error::{Code, Problem},
    state::State,
};
use crate::{
    actors::Cause,
    domain::{Asker, CustomerId, DriverId, Party, Role, Scope, ServiceId},
    http::{
        auth::{keys::Keys, token::Claims},
        edge::{limits::Used, parameters, trace::Trace},
    },
};

/// Whoever made the request, as its token says.
#[derive(Debug, Clone)]
pub(super) struct Principal {
    party: Party,
    role: Role,
    scope: Scope,
    trace: Arc<str>,
    /// When its token is no longer good, the leeway of clocks included.
    expires_at: Timestamp,
}

impl Principal {
    /// The principal of a token.
    pub(super) fn of_token(token: &str, keys: &Keys, trace: Arc<str>) -> Result<Self, Problem> {
        let claims = decode::<Claims>(token, &keys.read_tokens, &keys.tokens).map_err(|error| refused(&error))?.claims;
        let bad_sub = |error| Problem::new(Code::Unauthorized, format!("the token's sub is no id: {error}"));
        let party = match claims.role {
            Role::Customer => Party::Customer(CustomerId::new(claims.sub).map_err(bad_sub)?),
            Role::Driver => Party::Driver(DriverId::new(claims.sub).map_err(bad_sub)?),
            Role::Operator => Party::Operator(CustomerId::new(claims.sub).map_err(bad_sub)?),
        };
        let scope = claims.services.map_or(Scope::All, Scope::Only);
        Ok(Self { party, role: claims.role, scope, trace, expires_at: end_of(claims.exp, keys.tokens.leeway) })
    }

    /// When its token is no longer good, the leeway of clocks included.
    pub(super) fn expires_at(&self) -> Timestamp {
        self.expires_at
    }

    /// The party it acts as.
    pub(super) fn party(&self) -> &Party {
        &self.party
    }

    pub(super) fn role(&self) -> Role {
        self.role
    }

    pub(super) fn id(&self) -> &str {
        match &self.party {
            Party::Customer(id) | Party::Operator(id) => id.as_str(),
            Party::Driver(id) => id.as_str(),
            Party::System => "system",
        }
    }

    /// The account of its id, which has one in whatever role.
    pub(super) fn account(&self) -> Result<CustomerId, Problem> {
        CustomerId::new(self.id()).map_err(|error| Problem::new(Code::Internal, error.to_string()))
    }

    /// Which services its token is limited to; `None`: all.
    pub(super) fn services(&self) -> Option<&[ServiceId]> {
        self.scope.services()
    }

    /// It, as the one who gives a command.
    pub(super) fn asker(&self) -> Asker {
        Asker { party: self.party.clone(), scope: self.scope.clone() }
    }

    /// Whether its token is good for a service.
    pub(super) fn may_use(&self, service: &ServiceId) -> bool {
        self.scope.includes(service)
    }

    /// Refuses a service that its token does not cover.
    pub(super) fn must_use(&self, service: &ServiceId) -> Result<(), Problem> {
        if self.may_use(service) {
            return Ok(());
        }
        Err(Problem::new(Code::Forbidden, format!("the token is limited to other services than {service}")))
    }

    /// The customer it is.
    pub(super) fn customer(&self) -> Result<&CustomerId, Problem> {
        match &self.party {
            Party::Customer(id) => Ok(id),
            Party::Driver(_) | Party::Operator(_) | Party::System => Err(self.wrong_role("customers")),
        }
    }

    /// The driver it is.
    pub(super) fn driver(&self) -> Result<&DriverId, Problem> {
        match &self.party {
            Party::Driver(id) => Ok(id),
            Party::Customer(_) | Party::Operator(_) | Party::System => Err(self.wrong_role("drivers")),
        }
    }

    /// Refuses everybody but operators.
    pub(super) fn must_be_operator(&self) -> Result<(), Problem> {
        if self.role == Role::Operator { Ok(()) } else { Err(self.wrong_role("operators")) }
    }

    /// Refuses everybody but operators of every service: for what concerns all of them at once.
    pub(super) fn must_operate_everything(&self) -> Result<(), Problem> {
        self.must_be_operator()?;
        if self.services().is_none() {
            return Ok(());
        }
        let detail = "this concerns every service; the token is limited to some";
        Err(Problem::new(Code::Forbidden, detail))
    }

    pub(super) fn must_not_be_customer(&self) -> Result<(), Problem> {
        if self.role == Role::Customer { Err(self.wrong_role("drivers and operators")) } else { Ok(()) }
    }

    /// The trace of the request that it made.
    pub(super) fn trace(&self) -> Arc<str> {
        Arc::clone(&self.trace)
    }

    /// The cause that is recorded with the events of its requests.
    pub(super) fn cause(&self) -> Cause {
        Cause::new(format!("{}/{}", self.party.as_str(), self.id()), Arc::clone(&self.trace))
    }

    fn wrong_role(&self, allowed: &str) -> Problem {
        Problem::new(
            Code::Forbidden,
            format!("this request is for {allowed}; the token's role is {}", self.party.as_str()),
        )
    }
}

/// The end of a token, in seconds since 1970; one too far ahead for a time is good for ever.
fn end_of(exp: u64, leeway_s: u64) -> Timestamp {
    let seconds = i64::try_from(exp.saturating_add(leeway_s)).unwrap_or(i64::MAX);
    Timestamp::from_second(seconds).unwrap_or(Timestamp::MAX)
}

impl FromRequest for Principal {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(bearer(request).and_then(|token| admitted(request, token)))
    }
}

/// The principal of a token, counted against its rate.
pub(super) fn admitted(request: &HttpRequest, token: &str) -> Result<Principal, Problem> {
    let Some(state) = request.app_data::<Data<State>>() else {
        return Err(Problem::new(Code::Internal, "the server is not set up"));
    };
    let trace = Trace::of(request).id();
    let principal = Principal::of_token(token, &state.keys, trace)?;
    let used = state.limits.principal(principal.role, principal.id());
    request.extensions_mut().insert::<Used>(used.clone());
    used.admit("this token's sub and role")?;
    parameters::check(request)?;
    Ok(principal)
}

/// The token in the header `Authorization`.
pub(super) fn bearer(request: &HttpRequest) -> Result<&str, Problem> {
    let missing = || Problem::new(Code::Unauthorized, "the header `Authorization: Bearer <token>` is missing");
    let value = request.headers().get(header::AUTHORIZATION).ok_or_else(missing)?;
    value
        .to_str()
        .ok()
        .and_then(|text| text.split_once(' '))
        .filter(|(scheme, token)| scheme.eq_ignore_ascii_case("bearer") && !token.is_empty())
        .map(|(_, token)| token.trim_start())
        .ok_or_else(|| Problem::new(Code::Unauthorized, "the header Authorization must be `Bearer <token>`"))
}

fn refused(error: &jsonwebtoken::errors::Error) -> Problem {
    let detail = match error.kind() {
        ErrorKind::ExpiredSignature => "the token has expired; get a new one".into(),
        ErrorKind::ImmatureSignature => "the token is not good yet (nbf)".into(),
        ErrorKind::InvalidSignature => "the token is not signed with this server's secret".into(),
        ErrorKind::InvalidAlgorithm | ErrorKind::InvalidAlgorithmName => "the token's alg must be HS256".into(),
        ErrorKind::InvalidIssuer => "the token's iss is another issuer".into(),
        ErrorKind::InvalidAudience => "the token's aud is another server".into(),
        ErrorKind::MissingRequiredClaim(claim) => format!("the token has no {claim}"),
        ErrorKind::Json(_) => {
            "the token's claims must be sub (a text), role (customer, driver or operator), exp (seconds since \
                               1970) and, if given, services (a list of ids)"
                .to_owned()
        }
        _ => "the token is no JWT with the claims sub, role and exp".to_owned(),
    };
    Problem::new(Code::Unauthorized, detail)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
    use jsonwebtoken::{Algorithm, Header, encode};
    use serde_json::{Value, json};

    use super::*;
    use crate::clock;

    type Tested = Result<(), Box<dyn std::error::Error>>;

    fn keys() -> Keys {
        Keys::new(&"0123456789abcdef0123456789abcdef".into(), "callout", 0)
    }

    fn read(token: &str) -> Result<Principal, Problem> {
        Principal::of_token(token, &keys(), "t".into())
    }

    fn signed(algorithm: Algorithm, claims: &Value) -> Result<String, jsonwebtoken::errors::Error> {
        encode(&Header::new(algorithm), claims, &keys().sign_tokens)
    }

    fn good() -> Value {
        json!({"sub": "mina", "role": "customer", "exp": clock::now().as_second() + 60})
    }

    fn with(member: &str, value: Value) -> Value {
        let mut claims = good();
        claims[member] = value;
        claims
    }

    #[test]
    fn a_minted_token_is_the_principal_it_was_minted_for() -> Tested {
        let token = keys().mint(Role::Driver, "driver-a", Duration::from_secs(60))?;
        let principal = read(&token)?;
        assert_eq!(principal.driver()?.as_str(), "driver-a");
        assert_eq!(&*principal.cause().by, "driver/driver-a");
        assert_eq!(principal.customer().err().map(|problem| problem.code()), Some(Code::Forbidden));
        Ok(())
    }

    #[test]
    fn tokens_with_wrong_claims_are_refused() -> Tested {
        for claims in [
            with("exp", json!(clock::now().as_second() - 1)),
            with("exp", json!("tomorrow")),
            with("exp", Value::Null),
            with("nbf", json!(clock::now().as_second() + 600)),
            with("sub", json!("a b/c")),
            with("sub", json!(5)),
            with("role", json!("emperor")),
            with("iss", json!("somebody else")),
            with("aud", json!("another")),
            with("services", json!("all")),
        ] {
            let problem = read(&signed(Algorithm::HS256, &claims)?).expect_err("a bad token");
            assert_eq!(problem.code(), Code::Unauthorized, "{claims}");
        }
        Ok(())
    }

    #[test]
    fn unsigned_tokens_and_other_algorithms_are_refused() -> Tested {
        let part = |value: Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let unsigned = format!("{}.{}.", part(json!({"alg": "none"})), part(good()));
        let other = signed(Algorithm::HS512, &good())?;
        for token in [unsigned.as_str(), other.as_str(), "", "..", "nonsense"] {
            assert_eq!(read(token).expect_err("a bad token").code(), Code::Unauthorized, "{token}");
        }
        Ok(())
    }

    #[test]
    fn a_token_may_be_limited_to_services() -> Tested {
        let principal = read(&signed(Algorithm::HS256, &with("services", json!(["cleaning"])))?)?;
        assert!(principal.may_use(&ServiceId::new("cleaning")?));
        assert_eq!(principal.must_use(&ServiceId::new("taxi")?).expect_err("limited").code(), Code::Forbidden);
        Ok(())
    }
}
