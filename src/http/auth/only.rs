//! Endpoints for some roles only. The role is checked before the rest of the request is read: a wrong role is answered
//! 403, whatever else is wrong with the request.

use std::{
    future::{Ready, ready},
    marker::PhantomData,
};

use actix_web::{FromRequest, HttpRequest, dev::Payload};

use super::Principal;
use crate::http::error::Problem;

/// A principal with one of the roles that `R` admits.
pub(in crate::http) struct Only<R>(pub Principal, pub PhantomData<R>);

/// The roles that may use an endpoint.
pub(in crate::http) trait Admits {
    /// Refuses a principal with another role.
    ///
    /// # Errors
    /// `forbidden`, with the roles that are admitted.
    fn check(who: &Principal) -> Result<(), Problem>;
}

/// An endpoint that only customers use.
pub(in crate::http) struct Customers;

/// An endpoint that only drivers use, and other parties that answer calls, such as cleaning companies.
pub(in crate::http) struct Drivers;

/// An endpoint that everybody but customers uses.
pub(in crate::http) struct DriversAndOperators;

/// An endpoint for operators, whether of all services or of some.
pub(in crate::http) struct Operators;

/// An endpoint for operators of every service, because it concerns all services at once.
pub(in crate::http) struct OperatorsOfAll;

impl Admits for Customers {
    fn check(who: &Principal) -> Result<(), Problem> {
        who.customer().map(|_| ())
    }
}

impl Admits for Drivers {
    fn check(who: &Principal) -> Result<(), Problem> {
        who.driver().map(|_| ())
    }
}

impl Admits for DriversAndOperators {
    fn check(who: &Principal) -> Result<(), Problem> {
        who.must_not_be_customer()
    }
}

impl Admits for Operators {
    fn check(who: &Principal) -> Result<(), Problem> {
        who.must_be_operator()
    }
}

impl Admits for OperatorsOfAll {
    fn check(who: &Principal) -> Result<(), Problem> {
        who.must_operate_everything()
    }
}

impl<R: Admits> FromRequest for Only<R> {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let who = Principal::from_request(request, payload).into_inner();
        ready(who.and_then(|who| R::check(&who).map(|()| Self(who, PhantomData))))
    }
}
