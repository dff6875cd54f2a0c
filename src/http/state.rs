//! What every request can reach: the actors, the read model, and the little the server keeps itself.

use std::{sync::Arc, time::Duration};

use metrics_exporter_prometheus::PrometheusHandle;
use serde_json::value::RawValue;

use super::{
    admission::Admission,
    error::Problem,
    keys::Keys,
    lifecycle::Lifecycle,
    limits::Limiters,
    settings::{HttpSettings, LimitSettings},
    views::{CallOutline, CallView, DriverView},
};
use crate::{
    actors::{
        Engine,
        ports::{gateway::GatewayDrill, store::Store},
    },
    domain::{ServiceId, call::Call, driver::Driver, policy::Policy},
    readmodel::ReadModel,
};

/// What the server is made of.
pub struct Parts {
    /// The actors.
    pub engine: Arc<Engine>,
    /// My Page, lists, timelines.
    pub read_model: Arc<ReadModel>,
    /// Whether the store could commit decides whether the server is ready.
    pub store: Arc<dyn Store>,
    /// The simulated gateway's faults and ledger, when that is the gateway.
    pub drill: Option<Arc<dyn GatewayDrill>>,
    /// What tokens and quotes are signed with.
    pub keys: Keys,
    /// What `/metrics` shows.
    pub metrics: Option<PrometheusHandle>,
    /// The section `http`.
    pub http: HttpSettings,
    /// The section `limits`.
    pub limits: LimitSettings,
}

/// What every request can reach.
pub struct State {
    pub(super) engine: Arc<Engine>,
    pub(super) read_model: Arc<ReadModel>,
    pub(super) drill: Option<Arc<dyn GatewayDrill>>,
    pub(super) keys: Keys,
    pub(super) metrics: Option<PrometheusHandle>,
    pub(super) limits: Limiters,
    pub(super) admission: Admission,
    pub(super) lifecycle: Lifecycle,
    pub(super) settings: HttpSettings,
}

impl State {
    /// The state of a server that is not ready yet.
    #[must_use]
    pub fn new(parts: Parts) -> Arc<Self> {
        Arc::new(Self {
            engine: parts.engine,
            read_model: parts.read_model,
            drill: parts.drill,
            keys: parts.keys,
            metrics: parts.metrics,
            limits: Limiters::new(&parts.limits),
            admission: Admission::new(Arc::clone(&parts.store), &parts.limits),
            lifecycle: Lifecycle::new(parts.store),
            settings: parts.http,
        })
    }

    /// Whether the server is starting, ready or draining. The root says when recovery is done.
    #[must_use]
    pub fn lifecycle(&self) -> &Lifecycle {
        &self.lifecycle
    }

    /// The policy of a service that must exist.
    pub(super) fn policy(&self, service: &ServiceId) -> Result<&Policy, Problem> {
        self.engine.policies.get(service).ok_or_else(|| {
            let known: Vec<&str> = self.engine.policies.iter().map(|policy| policy.service.as_str()).collect();
            Problem::invalid(format!("service: there is no service {service}; there are {}", known.join(", ")))
        })
    }

    /// A call as clients see it.
    pub(super) fn call_view<'a>(&'a self, call: &'a Call) -> CallView<'a> {
        let seen = call.phase.current_driver().and_then(|card| self.engine.boards.supply.position(&card.id));
        let eta_s = seen.and_then(|seen| self.engine.eta_of_call(call, seen.position));
        CallView::new(call, self.engine.policies.get(&call.service), seen, eta_s)
    }

    /// A call as clients see it, as text.
    pub(super) fn call_text(&self, call: &Call) -> Option<Box<RawValue>> {
        serde_json::value::to_raw_value(&self.call_view(call)).ok()
    }

    /// What those are told of a call who may not see it, but were told that it exists, as text.
    pub(super) fn call_outline(&self, call: &Call) -> Option<Box<RawValue>> {
        serde_json::value::to_raw_value(&CallOutline::new(call, self.engine.policies.get(&call.service))).ok()
    }

    /// A driver as clients see it.
    pub(super) fn driver_view<'a>(&self, driver: &'a Driver) -> DriverView<'a> {
        let boards = &self.engine.boards;
        let offered = driver.is_available() && boards.offers.count(&driver.id) > 0;
        DriverView::new(driver, boards.supply.position(&driver.id), offered)
    }

    /// How long a client may take to send something, or to take what is sent to it.
    pub(super) fn client_patience(&self) -> Duration {
        Duration::from_millis(self.settings.client_header_timeout_ms)
    }
}
