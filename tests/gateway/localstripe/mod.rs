//! Everything that needs localstripe: the edge itself, by plain HTTP, and the Stripe adapter in front of it.

mod adapter;
mod bodies;
mod client;
mod faults;
mod intents;
mod keys;
mod lists;
mod payers;
mod receiver;
mod refunds;
mod webhooks;

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    path::Path,
    process::Command,
};

use crate::{edge::Edge, support::Tested};

#[actix_rt::test]
async fn localstripe_ends_with_its_edge() -> Tested {
    let edge = Edge::start()?;
    let process = Path::new("/proc").join(edge.process().to_string());
    assert!(process.exists());
    drop(edge);
    assert!(!process.exists());
    Ok(())
}

#[actix_rt::test]
async fn a_fault_of_the_rig_fails_the_test() -> Tested {
    let edge = Edge::start()?;
    let client = client::StripeClient::of(&edge)?;
    Command::new("kill").args(["-9", &edge.process().to_string()]).status()?;
    assert_eq!(client.get("/v1/payment_intents/pi_x").await?.error()["type"], "edge_error");
    assert!(catch_unwind(AssertUnwindSafe(|| drop(edge))).is_err());
    Ok(())
}
