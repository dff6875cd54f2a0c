//! The four kinds of entities: how each shows itself, and how its effects are performed.

mod account;
mod call;
mod charge;
mod driver;
mod payment;
mod refund;
mod tell;

pub(super) use charge::look_at_charge;
pub(super) use refund::look_at_refund;
pub(super) use tell::show_metrics;
