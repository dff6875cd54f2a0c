//! The ports: what the actors need from the outside, as traits. Adapters live in `persistence`, `gateway`
//! and `routing`; only `app` knows which one is plugged in.

pub mod gateway;
pub mod loss;
pub mod routing;
pub(crate) mod set_aside;
pub mod store;

use std::{future::Future, pin::Pin};

/// A boxed, sendable future: what an object-safe port returns.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;
