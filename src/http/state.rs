//! The state that handlers share: the actors, the read model, and the server's own counters and limits.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use metrics_exporter_prometheus::PrometheusHandle;
use serde_json::value::RawValue;

use super::{
    error::Problem,
    lifecycle::Lifecycle,
    settings::{HttpSettings, LimitSettings},
    views::{CallOutline, CallView, CustomerOnCall, DriverView, Shade},
};
use crate::{
    actors::{
        Engine,
        ports::{gateway::GatewayDrill, store::Store},
    },
    clock,
    domain::{CallId, Party, Role, ServiceId, call::Call, driver::Driver, payment::Method, policy::Policy},
    http::{
        auth::{Principal, keys::Keys},
        calls::{Sight, sight},
        edge::{admission::Admission, connections::Connections, crowd::Crowd, limits::Limiters, proxies::Proxies},
    },
    readmodel::ReadModel,
    vault::Vault,
};

/// How long the view of a call for its driver waits for the account of its customer. Without an answer the view goes without
/// the customer's name.
const CUSTOMER_PATIENCE: Duration = Duration::from_millis(500);

/// The parts that the server is made of.
pub struct Parts {
    pub engine: Arc<Engine>,
    /// My Page, lists, timelines.
    pub read_model: Arc<ReadModel>,
    /// Whether the store could commit decides whether the server is ready.
    pub store: Arc<dyn Store>,
    /// The simulated gateway's faults and ledger, when that is the gateway.
    pub drill: Option<Arc<dyn GatewayDrill>>,
    /// The keys that sign tokens and quotes.
    pub keys: Keys,
    /// The keys that payment methods are sealed with.
    pub vault: Arc<Vault>,
    pub metrics: Option<PrometheusHandle>,
    /// The listener for what is for operators, if they have one of their own.
    pub ops_address: Option<SocketAddr>,
    pub http: HttpSettings,
    pub limits: LimitSettings,
}

/// The state that handlers share.
pub struct State {
    pub(super) engine: Arc<Engine>,
    pub(super) read_model: Arc<ReadModel>,
    pub(super) drill: Option<Arc<dyn GatewayDrill>>,
    pub(super) keys: Keys,
    pub(super) vault: Arc<Vault>,
    pub(super) metrics: Option<PrometheusHandle>,
    pub(super) ops_address: Option<SocketAddr>,
    pub(super) limits: Limiters,
    pub(super) connections: Connections,
    pub(super) proxies: Arc<Proxies>,
    pub(super) sockets: Arc<Crowd<(Role, Arc<str>)>>,
    pub(super) admission: Admission,
    pub(super) lifecycle: Lifecycle,
    pub(super) settings: HttpSettings,
}

impl State {
    /// The state of a server that is not ready yet.
    #[must_use]
    pub fn new(parts: Parts) -> Arc<Self> {
        let proxies = Arc::new(Proxies::new(&parts.http.trusted_proxies));
        let (per_address, stall_ms) = (parts.limits.connections_per_address_max, parts.http.client_stall_timeout_ms);
        Arc::new(Self {
            engine: parts.engine,
            read_model: parts.read_model,
            drill: parts.drill,
            keys: parts.keys,
            vault: parts.vault,
            metrics: parts.metrics,
            ops_address: parts.ops_address,
            limits: Limiters::new(&parts.limits),
            connections: Connections::new(per_address, stall_ms, Arc::clone(&proxies)),
            proxies,
            sockets: Crowd::new(parts.limits.sockets_per_principal_max),
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

    /// The service of that name, which must be one that there is.
    pub(super) fn service_named(&self, named: &str) -> Result<ServiceId, Problem> {
        let found = self.engine.policies().iter().find(|policy| policy.service.as_str() == named);
        found.map(|policy| policy.service.clone()).ok_or_else(|| self.no_such_service(named))
    }

    /// The policy of a service that must exist.
    pub(super) fn policy(&self, service: &ServiceId) -> Result<&Policy, Problem> {
        self.engine.policies().get(service).ok_or_else(|| self.no_such_service(service.as_str()))
    }

    fn no_such_service(&self, named: &str) -> Problem {
        let known: Vec<&str> = self.engine.policies().iter().map(|policy| policy.service.as_str()).collect();
        Problem::invalid(format!("service: there is no service {named}; the services are {}", known.join(", ")))
    }

    /// A payment method as everything behind this door knows it: sealed for its call.
    pub(super) fn sealed(&self, call: &CallId, method: &str) -> Method {
        Method(self.vault.seal(method, call.as_str()))
    }

    /// A call as somebody sees it who may see it.
    pub(super) fn call_view<'a>(&'a self, call: &'a Call, who: &Principal) -> CallView<'a> {
        let view = self.whole_call_view(call);
        match sight(who, call) {
            Some(Sight::Present) => {
                let policy = self.engine.policies().get(&call.service);
                view.in_an_offer(policy.map_or(&[], |policy| &policy.file.dispatch.offer_shows))
            }
            _ => view,
        }
    }

    /// A call that was just read from its actor, as somebody sees it who may see it: for the driver who has it, with its
    /// customer. An older state of a call goes without: the driver may not have it any more.
    pub(super) async fn present_call_view<'a>(&'a self, call: &'a Call, who: &Principal) -> CallView<'a> {
        self.call_view(call, who).with_customer(self.customer_on(call, who).await)
    }

    /// A call of a list, which may be a little behind: its driver sees the customer only if it has the call still.
    pub(super) async fn listed_call_view<'a>(&'a self, call: &'a Call, who: &Principal) -> CallView<'a> {
        let view = self.call_view(call, who);
        if !has_it(call, who) {
            return view;
        }
        match self.engine.call(&call.id).await {
            Ok(Some(present)) => view.with_customer(self.customer_on(&present, who).await),
            Ok(None) | Err(_) => view,
        }
    }

    /// The customer of a call, if the one who looks is the driver who has it now. Read from the account: there is nothing
    /// that a restart could lose, and a change of the profile is seen at once.
    async fn customer_on(&self, call: &Call, who: &Principal) -> Option<CustomerOnCall> {
        if !has_it(call, who) {
            return None;
        }
        match tokio::time::timeout(CUSTOMER_PATIENCE, self.engine.account(&call.customer_id)).await {
            Ok(Ok(account)) => account.as_deref().and_then(CustomerOnCall::of),
            Ok(Err(error)) => {
                tracing::warn!(call = %call.id, %error, "a driver sees a call without its customer");
                None
            }
            Err(_) => {
                tracing::warn!(call = %call.id, "a driver sees a call without its customer: the account is too slow");
                None
            }
        }
    }

    fn whole_call_view<'a>(&'a self, call: &'a Call) -> CallView<'a> {
        let driver = call.phase.current_driver();
        let seen = driver.and_then(|card| self.engine.position_of(&card.id));
        let face = driver.and_then(|card| self.engine.face_of(&card.id));
        let eta_s = self.engine.eta(call);
        CallView::new(call, self.engine.policies().get(&call.service), face.as_deref(), seen, eta_s)
    }

    /// The same as text.
    pub(super) fn call_text(&self, call: &Call, who: &Principal) -> Option<Box<RawValue>> {
        serde_json::value::to_raw_value(&self.call_view(call, who)).ok()
    }

    /// A call for those who may not see it, but were told that it exists.
    pub(super) fn outline_view<'a>(&'a self, call: &'a Call) -> CallOutline<'a> {
        CallOutline::new(call, self.engine.policies().get(&call.service))
    }

    /// The same as text.
    pub(super) fn outline_text(&self, call: &Call) -> Option<Box<RawValue>> {
        serde_json::value::to_raw_value(&self.outline_view(call)).ok()
    }

    /// A driver as somebody with that role sees it.
    pub(super) fn driver_view<'a>(&self, driver: &'a Driver, role: Role) -> DriverView<'a> {
        let shade = if role == Role::Operator && self.engine.is_stale(driver, clock::now()) {
            Shade::Stale
        } else if self.engine.is_offered(driver) {
            Shade::Offered
        } else {
            Shade::None
        };
        let view = DriverView::new(driver, self.engine.position_of(&driver.id), shade);
        if role == Role::Customer { view.for_customers() } else { view }
    }

    /// How long a client may take to send something, or to take what is sent to it.
    pub(super) fn client_patience(&self) -> Duration {
        Duration::from_millis(self.settings.client_header_timeout_ms)
    }
}

/// Whether somebody is the driver who has the call.
fn has_it(call: &Call, who: &Principal) -> bool {
    match who.party() {
        Party::Driver(driver) => call.phase.current_driver().is_some_and(|card| card.id == *driver),
        Party::Customer(_) | Party::Operator(_) | Party::System => false,
    }
}
