//! What the people of a [`World`](crate::world::World) say: requests, commands and refusals.

use callout::domain::{
    Currency, Money, Party, Rejection,
    call::{self, Request},
    driver::ReleaseReason,
    payment::{Method, Settlement},
};

use crate::{call_id, customer_id, in_seoul, service};

const FARE: Money = Money { amount: 20_000, currency: Currency::KRW };

pub fn operator() -> Party {
    Party::Operator(customer_id(9))
}

pub fn method() -> Method {
    Method("tok_ok".to_owned())
}

pub fn request(call: usize, pay: bool) -> call::Command {
    call::Command::Request(Box::new(Request {
        request_fingerprint: None,
        driver_id: None,
        period: None,
        candidates: Vec::new(),
        id: call_id(call),
        service: service(),
        customer_id: customer_id(call),
        pickup: in_seoul(),
        dropoff: Some(in_seoul()),
        note: None,
        fare: FARE,
        method: pay.then(method),
    }))
}

pub fn settle(how: Settlement) -> call::Command {
    call::Command::Settle { by: operator(), how, reason: "no card".to_owned() }
}

/// Why a driver is let go whose accept a call refused.
pub fn reason(refusal: &Rejection) -> ReleaseReason {
    match refusal {
        Rejection::NotOffered => ReleaseReason::NotOffered,
        Rejection::NotFound => ReleaseReason::NoSuchCall,
        _ => ReleaseReason::CallTaken,
    }
}
