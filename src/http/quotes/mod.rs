//! What a trip would cost.

mod request;
mod token;

pub(super) use request::{__path_handle, handle};
pub(super) use token::{Trip, verify};
