//! Configuration: defaults in code, then `config/default.toml`, then files, then the environment.
//!
//! Each part of the server owns the struct of its section, with defaults, ranges and contradictions; here they are put
//! together. Reading finds every problem at once and names its place. Nothing here starts, opens or connects anything
//! but the development secret's file.

pub mod auth;
pub mod command;
mod env;
mod policies;
mod services;
mod sources;

use std::net::SocketAddr;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

pub use self::{policies::policies, services::services, sources::Sources};
pub use crate::settings::{Origin, Problem, Problems};
use crate::{
    actors::{ActorSettings, dispatcher::DispatchSettings, guard::GuardSettings},
    domain::policy::Policies,
    gateway::GatewaySettings,
    http::{AuthSettings, HttpSettings, LimitSettings, OpsSettings, SECRET_MIN_BYTES},
    persistence::StoreSettings,
    readmodel::ReadModelSettings,
    routing::RoutingSettings,
    settings::{Findings, Node, Section, read, secret},
    telemetry::LogSettings,
};

/// The sections of all parts, read and checked together.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// The address on which the server listens, and the bounds of its connections and requests.
    pub http: HttpSettings,
    /// The listener for operators.
    pub ops: OpsSettings,
    /// The store with the committed state, and the bounds of commits and reads.
    pub store: StoreSettings,
    /// The check of tokens.
    pub auth: AuthSettings,
    /// The payment gateway, and the time that the server waits for it.
    pub gateway: GatewaySettings,
    /// The guard in front of the payment gateway: limiter, queue, circuit breaker and retries.
    pub guard: GuardSettings,
    /// The source of distances and travel times by road, for quotes, fares and arrival times.
    pub routing: RoutingSettings,
    /// The threads of the actors, and the rules for an actor that fails.
    pub actors: ActorSettings,
    /// The pace of the dispatchers. Rounds, radii and offer times belong to a service's policy.
    pub dispatch: DispatchSettings,
    /// The limits of one client, and of new calls. Calls under way go before new ones: a slow commit shows that the
    /// store or the processors are overloaded, and refusing a new call costs least.
    pub limits: LimitSettings,
    /// The read model for My Page, lists and timelines, and how it follows the event stream.
    pub readmodel: ReadModelSettings,
    /// The log: its format, and the lines that it has.
    pub log: LogSettings,
}

/// What is wrong with a simulated gateway that customers can reach.
const NO_MONEY: &str =
    "gateway.url is simulated:// while others can connect: no money is ever taken, although calls count as paid";

/// Reads and checks all that a server is started with: the configuration, and the policies of the services under it.
///
/// # Errors
/// Everything that is wrong, each with its place.
pub fn load(sources: &Sources) -> Result<(Config, Policies), Problems> {
    let config = Config::load(sources);
    let gateway = config.as_ref().map(|config| config.gateway.clone()).unwrap_or_default();
    match (config, policies(sources, &gateway)) {
        (Ok(config), Ok(policies)) => Ok((config, policies)),
        (config, policies) => Err(Problems::all_of([config.err(), policies.err()])),
    }
}

impl Config {
    /// Reads and checks all layers.
    ///
    /// # Errors
    /// Everything that is wrong, each with its place.
    pub fn load(sources: &Sources) -> Result<Self, Problems> {
        let mut problems = Vec::new();
        let defaults = Node::of_defaults("", Self::default().to_value());
        let mut root = defaults.clone();
        sources.lay_over(&mut root, &mut problems);
        let reading = read::<Self>(&mut root, Some(&defaults), &mut problems);
        if let Some(config) = &reading.value {
            let mut findings = Findings::default();
            config.contradictions(&mut findings);
            reading.place(&root, findings.into_vec(), |origin| sources.layer_of(origin), &mut problems);
        }
        Problems::or(problems, reading.value)
    }

    /// The read model's settings with its file, which is beside the store unless it is named.
    #[must_use]
    pub fn readmodel(&self) -> ReadModelSettings {
        self.readmodel.clone().beside(self.store.sqlite_file(), &self.store.data_dir())
    }

    /// The configuration as TOML text, secrets hidden.
    #[must_use]
    pub fn to_toml(&self) -> String {
        toml::to_string_pretty(&self.to_value()).unwrap_or_default()
    }

    fn to_value(&self) -> toml::Value {
        toml::Value::try_from(self).unwrap_or_else(|_| toml::Value::Table(toml::Table::new()))
    }

    /// Contradictions between two sections.
    fn contradictions_between_sections(&self, findings: &mut Findings) {
        let (slow, timeout) = (self.guard.breaker.slow_call_ms, self.gateway.response_timeout_ms);
        if slow >= timeout {
            findings.contradiction(
                &["guard.breaker.slow_call_ms", "gateway.response_timeout_ms"],
                format!(
                    "guard.breaker.slow_call_ms ({slow}) must be less than gateway.response_timeout_ms ({timeout}), \
                     else no answer ever counts as slow"
                ),
            );
        }
        let (route, request) = (self.routing.response_timeout_ms, self.http.request_timeout_ms);
        if self.routing.has_engine() && route >= request {
            findings.contradiction(
                &["routing.response_timeout_ms", "http.request_timeout_ms"],
                format!(
                    "routing.response_timeout_ms ({route}) must be less than http.request_timeout_ms ({request}), else a \
                     slow engine fails requests"
                ),
            );
        }
        if self.ops.bind.is_some_and(|ops| ops.port() != 0 && ops == self.http.bind) {
            findings.contradiction(&["ops.bind", "http.bind"], "must be another address or port than http.bind");
        }
        if self.takes_no_money() && !self.gateway.allow_simulated {
            let message = format!(
                "{NO_MONEY} (http.bind = {}); name a real gateway, or set gateway.allow_simulated = true \
                 (CALLOUT_GATEWAY__ALLOW_SIMULATED) for a trial",
                self.http.bind
            );
            findings.contradiction(&["http.bind", "gateway.url"], message);
        }
        for (key, bind) in self.exposed() {
            self.contradictions_when_exposed(key, bind, findings);
        }
        if self.store.sqlite_file() == Some(&self.readmodel().file()) {
            findings.contradiction(&["readmodel.url", "store.url"], "must be another file than that of store.url");
        }
    }

    /// Warnings of valid settings that are probably a mistake.
    #[must_use]
    pub fn warnings(&self) -> Vec<String> {
        let mut warnings = Vec::new();
        if self.takes_no_money() {
            warnings.push(format!("{NO_MONEY} (http.bind = {}); name a real gateway for production", self.http.bind));
        }
        let (wait, timeout) = (self.http.payment_wait_ms, self.gateway.response_timeout_ms);
        if !self.gateway.is_simulated() && timeout < wait {
            warnings.push(format!(
                "gateway.response_timeout_ms ({timeout}) is less than http.payment_wait_ms ({wait}): a charge that a slow issuer \
                 answers later counts as unknown while its customer still waits; let it be more"
            ));
        }
        let connect = self.gateway.connect_timeout_ms;
        if !self.gateway.is_simulated() && timeout <= connect {
            warnings.push(format!(
                "gateway.response_timeout_ms ({timeout}) is not more than gateway.connect_timeout_ms ({connect}), which it includes: \
                 a charge that could not connect, and was not sent, counts as unknown; let it be more"
            ));
        }
        warnings
    }

    /// Whether others can connect and payments go to the simulated gateway.
    fn takes_no_money(&self) -> bool {
        !self.http.bind.ip().is_loopback() && self.gateway.is_simulated()
    }

    /// The addresses to which other machines can connect, with their keys.
    fn exposed(&self) -> impl Iterator<Item = (&'static str, SocketAddr)> {
        let listeners = [("http.bind", Some(self.http.bind)), ("ops.bind", self.ops.bind)];
        let bound = listeners.into_iter().filter_map(|(key, bind)| Some((key, bind?)));
        bound.filter(|(_, bind)| !bind.ip().is_loopback())
    }

    /// Contradictions of a server to which other machines can connect.
    fn contradictions_when_exposed(&self, key: &str, bind: SocketAddr, findings: &mut Findings) {
        let least = SECRET_MIN_BYTES;
        match self.auth.secret.as_ref().map(secret::length) {
            None => findings.contradiction(
                &[key, "auth.secret"],
                format!(
                    "must be a loopback address such as 127.0.0.1:8080 while auth.secret is unset (development mode), \
                     got {bind}; set auth.secret (CALLOUT_AUTH__SECRET) to listen there"
                ),
            ),
            Some(length) if (1..least).contains(&length) => findings.contradiction(
                &["auth.secret", key],
                format!("must be {least} bytes or more while {key} ({bind}) is not a loopback address, got {length}"),
            ),
            Some(_) => {}
        }
    }
}

impl Section for Config {
    fn contradictions(&self, findings: &mut Findings) {
        findings.within("http", |findings| self.http.contradictions(findings));
        findings.within("ops", |findings| self.ops.contradictions(findings));
        findings.within("store", |findings| self.store.contradictions(findings));
        findings.within("auth", |findings| self.auth.contradictions(findings));
        findings.within("gateway", |findings| self.gateway.contradictions(findings));
        findings.within("guard", |findings| self.guard.contradictions(findings));
        findings.within("routing", |findings| self.routing.contradictions(findings));
        findings.within("actors", |findings| self.actors.contradictions(findings));
        findings.within("dispatch", |findings| self.dispatch.contradictions(findings));
        findings.within("limits", |findings| self.limits.contradictions(findings));
        findings.within("readmodel", |findings| self.readmodel.contradictions(findings));
        findings.within("log", |findings| self.log.contradictions(findings));
        self.contradictions_between_sections(findings);
    }
}
