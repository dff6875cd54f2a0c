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

use std::path::Path;

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
