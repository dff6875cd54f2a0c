//! The services as their users meet them: their requirements, and how they behave under wrong input, faults and crashes. Each test runs its own server; none knows the implementation.

#[allow(dead_code, reason = "the recovery tests use the rest of it")]
mod harness;
#[expect(dead_code, reason = "the routing tests use the rest of it")]
#[path = "../support/osrm_server.rs"]
mod osrm_server;

mod bad_bodies;
mod bad_callers;
mod cancel;
mod cleaning;
mod cli;
mod crashes;
mod driver_call;
mod driver_call_faults;
mod faults;
mod idempotency;
mod lists;
mod me;
mod offers;
mod openapi;
mod operation;
mod ops;
mod overload;
mod pages;
mod payments;
mod refusals;
mod rental;
mod rental_fleet;
mod rental_overdue;
mod routing;
mod sixth_service;
mod studycafe;
mod studycafe_outage;
mod taxi;
mod taxi_faults;
mod websocket;
