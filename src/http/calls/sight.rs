//! How much of a call somebody may know. The one rule that answers, lists, histories and sockets follow.

use crate::{
    domain::{
        DriverId, Party,
        call::{Call, Phase},
    },
    http::auth::Principal,
};

/// How much of a call somebody may know who may know of it at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::http) enum Sight {
    /// The call as it is now, without its history: a driver it is offered to. Who else declined it, and how it was paid,
    /// does not concern that driver.
    Present,
    /// The call, and its history up to its end: the driver who served it, or had it when it was called off. What becomes of
    /// the customer's money afterwards does not concern that driver.
    UpToItsEnd,
    /// Everything: its customer, the driver who has it, operators.
    Whole,
}

/// How much of a call somebody may know; `None`: not even that there is one. Every sight needs a token that is good for the
/// call's service.
pub(in crate::http) fn sight(who: &Principal, call: &Call) -> Option<Sight> {
    of_party(who.party(), call).filter(|_| who.may_use(&call.service))
}

/// Whether somebody may see a call as it is.
pub(in crate::http) fn may_see(who: &Principal, call: &Call) -> bool {
    sight(who, call).is_some()
}

fn of_party(party: &Party, call: &Call) -> Option<Sight> {
    match party {
        Party::Customer(customer) => (*customer == call.customer_id).then_some(Sight::Whole),
        Party::Driver(driver) => of_driver(driver, &call.phase),
        Party::Operator(_) | Party::System => Some(Sight::Whole),
    }
}

fn of_driver(driver: &DriverId, phase: &Phase) -> Option<Sight> {
    match phase {
        Phase::Dispatching(search) => search.is_offered_to(driver).then_some(Sight::Present),
        Phase::Assigned { driver: card } | Phase::Started { driver: card } => {
            (card.id == *driver).then_some(Sight::Whole)
        }
        Phase::Completed { .. } | Phase::Cancelled { .. } => {
            phase.driver().is_some_and(|card| card.id == *driver).then_some(Sight::UpToItsEnd)
        }
        Phase::Requested { .. }
        | Phase::AwaitingApproval { .. }
        | Phase::AwaitingPayment { .. }
        | Phase::Denied { .. } => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::domain::CustomerId;

    fn sight_of(party: &Party, phase: &Value) -> Option<Sight> {
        let call = json!({
            "id": "call_1", "service": "driver-call", "customer_id": "mina",
            "pickup": {"lat": 37.5, "lng": 127.0}, "fare": "20000 KRW", "phase": phase,
            "payment": {"status": "charged", "attempt": 1, "version": 3, "charged": "20000 KRW"},
            "version": 6, "created_at": "2026-01-01T00:00:00Z", "updated_at": "2026-01-01T00:01:00Z",
        });
        of_party(party, &serde_json::from_value(call).expect("a call"))
    }

    fn customer(id: &str) -> Party {
        Party::Customer(CustomerId::new(id).expect("an id"))
    }

    fn driver(id: &str) -> Party {
        Party::Driver(DriverId::new(id).expect("an id"))
    }

    #[test]
    fn each_party_knows_of_a_call_what_concerns_it() {
        let kim = json!({"id": "kim", "name": "김"});
        let at = "2026-01-01T00:02:00Z";
        let offers = json!([{"expires_at": at, "drivers": ["kim"]}]);
        for (phase, of_kim) in [
            (json!({"status": "requested", "unpaid_until": at}), None),
            (json!({"status": "dispatching", "deadline": at, "offers": offers}), Some(Sight::Present)),
            (json!({"status": "dispatching", "deadline": at, "offers": [], "declined": ["kim"]}), None),
            (json!({"status": "assigned", "driver": kim}), Some(Sight::Whole)),
            (json!({"status": "started", "driver": kim}), Some(Sight::Whole)),
            (json!({"status": "completed", "driver": kim}), Some(Sight::UpToItsEnd)),
            (json!({"status": "cancelled", "by": {"customer": "mina"}, "driver": kim}), Some(Sight::UpToItsEnd)),
            (json!({"status": "cancelled", "by": {"customer": "mina"}}), None),
            (json!({"status": "denied", "reason": "out_of_area"}), None),
        ] {
            assert_eq!(sight_of(&driver("kim"), &phase), of_kim, "{phase}");
            assert_eq!(sight_of(&driver("lee"), &phase), None, "{phase}");
            assert_eq!(sight_of(&customer("mina"), &phase), Some(Sight::Whole), "{phase}");
            assert_eq!(sight_of(&customer("jun"), &phase), None, "{phase}");
            assert_eq!(sight_of(&Party::System, &phase), Some(Sight::Whole), "{phase}");
        }
    }
}
