//! The JSON of calls, drivers, accounts and services that clients see: the public interface, borrowed from the domain's states
//! and written straight to bytes.

mod account;
mod as_seen;
mod call;
mod driver;
mod payment;
mod places;
mod service;
mod time;

use serde::Serialize;

pub(super) use account::{CustomerOnCall, DebtView, ProfileView};
pub(super) use as_seen::{CallAsSeen, CallInProblem};
pub(super) use call::{CallOutline, CallView, Label};
pub(super) use driver::{DriverView, Shade};
pub(super) use payment::PaymentOnCall;
pub(super) use places::{LatLngSchema, MoneySchema, PlaceSchema, SeenAt};
pub(super) use service::ServiceView;
pub(super) use time::Time;

/// A page of a list.
#[derive(Serialize, utoipa::ToSchema)]
pub(super) struct Page<T> {
    /// The items of this page, in the order of the list.
    pub items: Vec<T>,
    /// Give this back as `cursor` to go on; null when that was all.
    pub next_cursor: Option<String>,
}
