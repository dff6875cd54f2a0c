//! Reads the ids of calls and drivers from paths. A malformed id is answered 400.

use std::future::{Ready, ready};

use actix_web::{FromRequest, HttpRequest, dev::Payload};

use crate::{
    domain::{CallId, DriverId, InvalidId},
    http::error::Problem,
};

/// The call that the path names.
pub(in crate::http) struct CallPath(pub CallId);

/// The driver that the path names.
pub(in crate::http) struct DriverPath(pub DriverId);

impl FromRequest for CallPath {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(named(CallId::new(segment(request)), "call").map(Self))
    }
}

impl FromRequest for DriverPath {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(named(DriverId::new(segment(request)), "driver").map(Self))
    }
}

fn segment(request: &HttpRequest) -> &str {
    request.match_info().get("id").unwrap_or_default()
}

fn named<T>(id: Result<T, InvalidId>, what: &str) -> Result<T, Problem> {
    id.map_err(|error| Problem::invalid(format!("the path's {what} id: {error}")))
}
