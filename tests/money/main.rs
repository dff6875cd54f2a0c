//! Money on the built program: `callout serve` with localstripe as its payment gateway, behind the edge that breaks what it is
//! told to. What the server says of a payment and what the books have is the same in the end.

#[path = "../gateway/edge/mod.rs"]
#[allow(dead_code, unused_imports, reason = "the gateway tests use the rest of it")]
mod edge;
#[path = "../service/harness/mod.rs"]
#[allow(dead_code, unused_imports, reason = "the service tests use the rest of it")]
mod harness;

mod localstripe;
mod rig;
