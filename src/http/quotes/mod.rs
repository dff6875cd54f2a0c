//! The price of a trip before it is requested.

mod request;
mod token;

pub(super) use request::{__path_handle, handle};
pub(super) use token::{QuotedTrip, verify};
