//! The gateway fails at every step, and is healed once the step is answered. What needs no payment succeeds at once; what
//! needs one does what its service prescribes, and ends the same.

use super::{OUTAGES, Outage, setup, walk, walk::Walk};
use crate::harness::{Client, Server, id_of};

async fn ends_the_same(walk: &Walk) {
    let server = setup().start().await;
    walk.stage(&server).await;
    for outage in OUTAGES {
        let id = request(walk, outage, &server).await;
        for step in walk.steps {
            step.is_due(&server, walk, &id).await;
            outage.begins(&server).await;
            let reply = step.by(&server, walk).command(&id, step.command).await;
            if step.command != walk.charged_by {
                assert_eq!(reply.expect(200)["status"], step.status, "{outage:?} is no matter of {}", step.command);
            } else if walk.is_deferred {
                assert_eq!(reply.expect(200)["status"], walk.stays);
                stays_unpaid(walk, outage, &server, &id).await;
            } else {
                assert_eq!(reply.problem(503, outage.code())["call"]["status"], walk.stays);
                stays_unpaid(walk, outage, &server, &id).await;
            }
            outage.ends(&server).await;
            if walk.is_deferred || step.command != walk.charged_by {
                server.call_is(&id, &[step.status]).await;
            } else {
                step.go(&server, walk, &id).await;
            }
        }
        walk.has_ended_well(&server, &id).await;
    }
}

/// Requests a call during an outage, heals, and brings it where it would be without.
async fn request(walk: &Walk, outage: Outage, server: &Server) -> String {
    let ask = walk.ask(server, &format!("{outage:?}"));
    outage.begins(server).await;
    let reply = Client::send(ask.request()).await;
    if walk.charged_by == "request" {
        let problem = reply.problem(503, outage.code());
        assert_eq!(problem["call"]["status"], walk.stays, "{outage:?}: {problem}");
        stays_unpaid(walk, outage, server, &id_of(&problem["call"])).await;
    } else {
        assert_eq!(reply.expect(201)["status"], walk.first, "{outage:?} is no matter of the request");
    }
    outage.ends(server).await;
    walk.requested(&ask).await
}

/// While the outage lasts the call stays where it is, and no money moves that is not known to.
async fn stays_unpaid(walk: &Walk, outage: Outage, server: &Server, id: &str) {
    server.payment_is(id, if outage.leaves_unknown() { &["unknown"] } else { &["created"] }).await;
    assert_eq!(server.operator().call(id).await["status"], walk.stays, "{outage:?}");
    server.driver_is(walk.driver, &[walk.unpaid_driver]).await;
    let charges = usize::from(matches!(outage, Outage::Silent));
    assert_eq!(server.ledger(id).await.charges, charges, "{outage:?}");
}

#[tokio::test]
async fn dc_n5_a_gateway_that_fails_at_any_step_holds_back_the_payment_and_nothing_else() {
    ends_the_same(&walk::DRIVER_CALL).await;
}

#[tokio::test]
async fn cl_n3_a_gateway_that_fails_at_any_step_holds_back_the_payment_and_nothing_else() {
    ends_the_same(&walk::CLEANING).await;
}

#[tokio::test]
async fn rc_n3_a_gateway_that_fails_at_any_step_holds_back_the_payment_and_nothing_else() {
    ends_the_same(&walk::RENTAL).await;
}

#[tokio::test]
async fn tx_n2_a_gateway_that_fails_at_any_step_holds_back_the_drop_off_and_nothing_else() {
    ends_the_same(&walk::TAXI).await;
}

#[tokio::test]
async fn sc_n1_a_gateway_that_fails_at_any_step_holds_up_nobody_and_the_seat_is_paid_by_itself() {
    ends_the_same(&walk::STUDYCAFE).await;
}
