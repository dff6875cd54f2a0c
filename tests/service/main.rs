//! The services as their users meet them: their requirements, and how they behave under wrong input, faults and crashes. Each test runs its own server; none knows the implementation.

#[allow(dead_code, reason = "the recovery tests use the rest of it")]
mod harness;
#[expect(dead_code, reason = "the routing tests use the rest of it")]
#[path = "../support/osrm_server.rs"]
mod osrm_server;

mod accounts;
mod action;
mod addresses;
mod asyncapi;
mod backup;
mod bad_bodies;
mod bad_callers;
mod bounds;
mod cancel;
mod cleaning;
mod cli;
mod companies;
mod cors;
mod crashes;
mod damage;
mod dispatch;
mod driver_call;
mod driver_call_faults;
mod drivers;
mod expired;
mod faults;
mod idempotency;
mod lists;
mod live;
mod me;
mod messages;
mod money;
mod monitoring;
mod offers;
mod openapi;
mod operation;
mod ops;
mod outbound;
mod overload;
mod pages;
mod patience;
mod payments;
mod read_marks;
mod read_model_files;
mod reconcile;
mod refusals;
mod release;
mod rental;
mod rental_fleet;
mod rental_overdue;
mod routing;
mod scope;
mod sealing;
mod settle;
mod sixth_service;
mod sockets;
mod store_loss;
mod studycafe;
mod studycafe_outage;
mod taxi;
mod taxi_faults;
mod terms;
mod terms_lost;
mod unsettled;
mod websocket;
