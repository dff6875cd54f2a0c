//! The state that handlers share: the actors, the read model, and the server's own counters and limits.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use metrics_exporter_prometheus::PrometheusHandle;
use serde_json::value::RawValue;

use super::{
    error::Problem,
    lifecycle::Lifecycle,
    settings::{HttpSettings, LimitSettings},
    views::{CallOutline, CallView, CustomerOnCall, DriverView, Shade},
    webhooks::SeenEvents,
};
use crate::{
    actors::{
        Engine,
        ports::{
            gateway::{GatewayDrill, GatewayEvents},
            store::Store,
        },
    },
    clock,
    domain::{
        CallId, CustomerId, Party, Role, ServiceId, account::Account, call::Call, driver::Driver, payment::Method,
        policy::Policy,
    },
    http::{
        auth::{Principal, keys::Keys},
        calls::{Sight, sight},
        edge::{admission::Admission, connections::Connections, crowd::Crowd, limits::Limiters, proxies::Proxies},
    },
    readmodel::ReadModel,
    vault::Vault,
};

/// How long an answer waits for the account of a customer: for the name that the driver of a call sees, for the language that
/// the customer reads. Without it the answer goes without.
const ACCOUNT_PATIENCE: Duration = Duration::from_millis(500);

/// The parts that the server is made of.
pub struct Parts {
    pub engine: Arc<Engine>,
    /// My Page, lists, timelines.
    pub read_model: Arc<ReadModel>,
    /// Whether the store could commit decides whether the server is ready.
    pub store: Arc<dyn Store>,
    /// The simulated gateway's faults and ledger, when that is the gateway.
    pub drill: Option<Arc<dyn GatewayDrill>>,
    /// How the gateway's own messages are read, when it sends some.
    pub events: Option<Arc<dyn GatewayEvents>>,
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
    pub(super) events: Option<Arc<dyn GatewayEvents>>,
    pub(super) seen_events: SeenEvents,
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
            events: parts.events,
            seen_events: SeenEvents::default(),
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

    /// The service that a query parameter names, which must be one that there is, or one that was removed and may have calls
    /// under way.
    pub(super) fn service_named(&self, named: &str) -> Result<ServiceId, Problem> {
        let known = || self.engine.policies().services();
        let found = known().find(|service| service.as_str() == named);
        found.cloned().ok_or_else(|| Problem::at_parameter("service", no_such_service(named, known())))
    }

    /// The policy of the service that a body names, which must exist now.
    pub(super) fn policy(&self, service: &ServiceId) -> Result<&Policy, Problem> {
        let policies = self.engine.policies();
        let known = || policies.iter().map(|policy| &policy.service);
        policies.get(service).ok_or_else(|| Problem::at("/service", no_such_service(service.as_str(), known())))
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
                let policy = call.shown_policy(self.engine.policies());
                view.in_an_offer(policy.map_or(&[], |policy| &policy.file.dispatch.offer_shows))
            }
            _ if matches!(who.party(), Party::Customer(_)) => view.with_action(call),
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
        self.account_in_time(&call.customer_id).await.flatten().as_deref().and_then(CustomerOnCall::of)
    }

    /// The account of an id, for an answer that can do without; `None` when it cannot be read in time.
    pub(super) async fn account_in_time(&self, customer: &CustomerId) -> Option<Option<Arc<Account>>> {
        match tokio::time::timeout(ACCOUNT_PATIENCE, self.engine.account(customer)).await {
            Ok(Ok(account)) => Some(account),
            Ok(Err(error)) => {
                tracing::warn!(%customer, %error, "an answer goes without what the customer's account says");
                None
            }
            Err(_) => {
                tracing::warn!(%customer, "an answer goes without what the customer's account says: it is too slow");
                None
            }
        }
    }

    fn whole_call_view<'a>(&'a self, call: &'a Call) -> CallView<'a> {
        let driver = call.phase.current_driver();
        let seen = driver.and_then(|card| self.engine.position_of(&card.id));
        let face = driver.and_then(|card| self.engine.face_of(&card.id));
        let eta_s = self.engine.eta(call);
        CallView::new(call, call.shown_policy(self.engine.policies()), face.as_deref(), seen, eta_s)
    }

    /// The same as text.
    pub(super) fn call_text(&self, call: &Call, who: &Principal) -> Option<Box<RawValue>> {
        serde_json::value::to_raw_value(&self.call_view(call, who)).ok()
    }

    /// A call for those who may not see it, but were told that it exists.
    pub(super) fn outline_view<'a>(&'a self, call: &'a Call) -> CallOutline<'a> {
        CallOutline::new(call, call.shown_policy(self.engine.policies()))
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

fn no_such_service<'a>(named: &str, known: impl Iterator<Item = &'a ServiceId>) -> String {
    let known: Vec<&str> = known.map(ServiceId::as_str).collect();
    format!("there is no service {named}; the services are {}", known.join(", "))
}

/// Whether somebody is the driver who has the call.
fn has_it(call: &Call, who: &Principal) -> bool {
    match who.party() {
        Party::Driver(driver) => call.phase.current_driver().is_some_and(|card| card.id == *driver),
        Party::Customer(_) | Party::Operator(_) | Party::System => false,
    }
}
