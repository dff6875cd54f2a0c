//! How the server is reached: HTTP/1.1 with kept connections, WebSockets, and tokens made here.

mod answer;
mod http;
mod service;
mod token;
mod ws;

pub use answer::{Answer, CallSeen, Failure};
pub use http::{Http, Target};
pub use service::{Fare, FoundBy, PaymentDue, Policy, Service};
pub use token::{Minter, Role};
pub use ws::{Frame, Socket};
