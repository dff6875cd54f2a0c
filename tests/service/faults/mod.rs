//! Every service's walk with faults at every step: its end is the same as without them, or the compensated one that the
//! service prescribes. Whatever happens, a call is charged at most once and refunded at most once.

mod cancel;
mod gateway;
mod steps;
pub(crate) mod walk;

use serde_json::json;

use crate::harness::{Knob, Server, Setup, eventually};
use walk::Walk;

/// A server whose actors may panic often, which tells soon that a payment's outcome is not known, and whose breaker is
/// opened by nobody but the test.
fn setup() -> Setup {
    Setup::new()
        .with(Knob::GatewayTimeoutMs(150))
        .with(Knob::BreakerOpensAfter(10_000))
        .config("[http]\npayment_wait_ms = 500\n[actors.supervision.default.intensity]\nrestarts_max = 1000\n")
}

/// How the gateway fails.
#[derive(Clone, Copy, Debug)]
enum Outage {
    /// It cannot be reached.
    Down,
    Errors,
    /// It does what it is asked to, and its answers never come.
    Silent,
    /// The breaker is open: it is not even asked.
    Refused,
}

const OUTAGES: [Outage; 4] = [Outage::Down, Outage::Errors, Outage::Silent, Outage::Refused];

impl Outage {
    async fn begins(self, server: &Server) {
        match self {
            Self::Down => server.simulate(json!({"down": true})).await,
            Self::Errors => server.simulate(json!({"error_rate": 1.0})).await,
            Self::Silent => server.simulate(json!({"timeout_rate": 1.0})).await,
            Self::Refused => server.force_breaker("open").await,
        }
    }

    async fn ends(self, server: &Server) {
        server.simulate(json!({})).await;
        server.force_breaker("auto").await;
    }

    /// Whether what was sent may have been done: an error says as little as silence.
    fn leaves_unknown(self) -> bool {
        matches!(self, Self::Errors | Self::Silent)
    }

    /// What is answered by that which cannot be done without a payment.
    fn code(self) -> &'static str {
        if self.leaves_unknown() { "payment_pending" } else { "payment_unavailable" }
    }
}

/// The kinds of actors that have to do with a call.
const KINDS: &[&str] = &["call", "payment", "driver", "dispatcher", "guard", "drain", "timers", "readmodel"];

/// Makes the actors of these kinds panic that have to do with a walk, and with its call if there is one already. They are
/// all back afterwards.
async fn panic_in(kinds: &[&'static str], server: &Server, walk: &Walk, call: Option<&str>) {
    let actors = kinds.iter().filter_map(|kind| {
        let id = match *kind {
            "call" | "payment" => call?,
            "driver" => walk.driver,
            "dispatcher" => walk.service,
            "guard" => "gateway",
            "drain" => "payments",
            alone => alone,
        };
        Some(server.crash(kind, id))
    });
    futures_util::future::join_all(actors).await;
}

/// What somebody was told about a call is complete, and nothing of it was told twice.
async fn told_once(server: &Server, call: &str, expected: &[&str]) {
    let customer = server.customer(walk::CUSTOMER);
    let told = eventually(&format!("the customer is told {expected:?}"), async || {
        let told = customer.notifications_about(call).await;
        let told: Vec<_> = told.iter().filter_map(|item| item["occasion"].as_str()).map(str::to_owned).collect();
        if expected.iter().all(|occasion| told.iter().any(|one| one == occasion)) {
            Ok(told)
        } else {
            Err(format!("{told:?}"))
        }
    })
    .await;
    for occasion in expected {
        assert_eq!(told.iter().filter(|one| one == occasion).count(), 1, "{occasion} in {told:?}");
    }
}
