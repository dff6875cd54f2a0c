//! Cancels with a fault around them, at every step at which a call can be cancelled: the cancel stands, what was paid is
//! given back once, and the driver is free.

use super::{KINDS, OUTAGES, Outage, panic_in, setup, told_once, walk, walk::CUSTOMER, walk::Walk};
use crate::harness::Server;

/// What goes wrong around a cancel.
#[derive(Clone, Copy, Debug)]
enum Fault {
    /// The server is killed as soon as the cancel is answered.
    Kill,
    /// Every actor panics after the cancel, before its refund could be made.
    Panic,
    /// Every actor panics while the cancel is on its way.
    PanicDuring,
    Gateway(Outage),
}

async fn ends_compensated(walk: &Walk) {
    let mut server = setup().start().await;
    walk.stage(&server).await;
    let faults = [Fault::Kill, Fault::Panic, Fault::PanicDuring].into_iter().chain(OUTAGES.map(Fault::Gateway));
    for fault in faults {
        for steps in 0..=walk.steps_before_start() {
            let key = format!("{fault:?}-{steps}").replace(['(', ')'], "-");
            let id = walk.requested(&walk.ask(&server, &key)).await;
            for step in &walk.steps[..steps] {
                step.go(&server, walk, &id).await;
            }
            let is_paid = walk.is_paid_after(steps);
            server.ledger_is(&id, is_paid.into(), 0).await;
            cancel(&mut server, walk, fault, &id, is_paid).await;
            is_compensated(&server, walk, &id, is_paid).await;
        }
    }
}

async fn cancel(server: &mut Server, walk: &Walk, fault: Fault, id: &str, is_paid: bool) {
    let customer = server.customer(CUSTOMER);
    let cancelling = customer.command(id, "cancel");
    match fault {
        Fault::Kill => {
            cancelling.await.expect(200);
            server.kill_and_start_again().await;
        }
        Fault::Panic => {
            Outage::Down.begins(server).await;
            cancelling.await.expect(200);
            panic_in(KINDS, server, walk, Some(id)).await;
            Outage::Down.ends(server).await;
        }
        Fault::PanicDuring => {
            let (reply, ()) = tokio::join!(cancelling, panic_in(KINDS, server, walk, Some(id)));
            if reply.status != 200 {
                assert_eq!(reply.status, 503, "{}", reply.text);
                walk::taken(&customer, id, "cancel").await;
            }
        }
        Fault::Gateway(outage) => {
            outage.begins(server).await;
            assert_eq!(cancelling.await.expect(200)["status"], "cancelled", "a refund blocks no cancel");
            if is_paid {
                server.payment_is(id, &["refunding"]).await;
            }
            server.driver_is(walk.driver, &["available"]).await;
            outage.ends(server).await;
        }
    }
}

async fn is_compensated(server: &Server, walk: &Walk, id: &str, is_paid: bool) {
    let customer = server.customer(CUSTOMER);
    assert_eq!(server.call_is(id, &["cancelled"]).await["cancelled_by"], "customer");
    if is_paid {
        server.payment_is(id, &["refunded"]).await;
        told_once(server, id, &["paid", "cancelled", "refunded"]).await;
    } else {
        told_once(server, id, &["cancelled"]).await;
    }
    server.driver_is(walk.driver, &["available"]).await;
    assert_eq!(customer.command(id, "cancel").await.expect(200)["status"], "cancelled", "twice is once");
    customer.pay(id, "tok_ok").await.problem(409, "illegal_transition");
    for step in walk.steps {
        step.by(server, walk).command(id, step.command).await.client_error();
    }
    let ledger = server.ledger_is(id, is_paid.into(), is_paid.into()).await;
    assert_eq!(ledger.charged, ledger.refunded);
}

#[tokio::test]
async fn dc_n1_a_fault_around_a_cancel_ends_in_the_same_state() {
    ends_compensated(&walk::DRIVER_CALL).await;
}

#[tokio::test]
async fn cl_5_a_fault_around_a_cancel_ends_in_the_same_state() {
    ends_compensated(&walk::CLEANING).await;
}

#[tokio::test]
async fn rc_4_a_fault_around_a_cancel_ends_in_the_same_state() {
    ends_compensated(&walk::RENTAL).await;
}

#[tokio::test]
async fn tx_n1_a_fault_around_a_cancel_ends_in_the_same_state() {
    ends_compensated(&walk::TAXI).await;
}

#[tokio::test]
async fn sc_4_a_fault_around_a_cancel_ends_in_the_same_state() {
    ends_compensated(&walk::STUDYCAFE).await;
}
