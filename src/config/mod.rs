//! Configuration: defaults in code, then `config/default.toml`, then files, then the environment.
//!
//! Each section is plain data in its own file, with its defaults, its units and its checks. Reading finds every problem
//! at once and names its place. Nothing here starts, opens or connects anything but the development secret's file.

mod actors;
pub mod auth;
mod backoff;
mod check;
pub mod command;
mod dispatch;
mod env;
mod gateway;
mod guard;
mod hidden;
mod http;
mod keys;
mod limits;
mod log;
mod policies;
mod problem;
mod read;
mod readmodel;
mod routing;
mod services;
mod sources;
mod store;
mod supervision;
mod tree;

use std::path::Path;

use serde::{Deserialize, Serialize};

pub use self::{
    actors::{ActorKind, Actors},
    auth::Auth,
    backoff::{Backoff, BackoffOverride},
    check::Check,
    dispatch::Dispatch,
    gateway::Gateway,
    guard::{Breaker, Guard},
    hidden::Url,
    http::Http,
    limits::{Limits, Rate},
    log::{Log, LogFormat},
    policies::policies,
    problem::{Origin, Problem, Problems},
    readmodel::ReadModel,
    routing::Routing,
    services::services,
    sources::Sources,
    store::Store,
    supervision::{Intensity, IntensityOverride, OnExceeded, Supervision, SupervisionOverride, SupervisionTable},
};
use self::{read::read, tree::Node};

/// The whole configuration.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Where the server listens and what it bears.
    pub http: Http,
    /// Where committed truth lives.
    pub store: Store,
    /// Tokens.
    pub auth: Auth,
    /// The payment gateway.
    pub gateway: Gateway,
    /// What stands in front of the payment gateway.
    pub guard: Guard,
    /// Who knows the roads.
    pub routing: Routing,
    /// How actors run and what happens when one fails.
    pub actors: Actors,
    /// The dispatcher.
    pub dispatch: Dispatch,
    /// Limits per client.
    pub limits: Limits,
    /// The read model.
    pub readmodel: ReadModel,
    /// The log.
    pub log: Log,
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
        let read = read::<Self>(&mut root, Some(&defaults), &mut problems);
        if let Some(config) = &read.value {
            config.check(&mut Check::new(&root, &read.wrong, &mut problems));
        }
        Problems::or(problems, read.value)
    }

    /// Where the read model is.
    #[must_use]
    pub fn readmodel_url(&self) -> Url {
        self.readmodel.effective_url(&self.store)
    }

    /// The configuration as TOML text, secrets hidden.
    #[must_use]
    pub fn to_toml(&self) -> String {
        toml::to_string_pretty(&self.to_value()).unwrap_or_default()
    }

    fn to_value(&self) -> toml::Value {
        toml::Value::try_from(self).unwrap_or_else(|_| toml::Value::Table(toml::Table::new()))
    }

    fn check(&self, check: &mut Check<'_>) {
        self.http.check(check.table("http"));
        self.store.check(check.table("store"));
        self.auth.check(check.table("auth"));
        self.gateway.check(check.table("gateway"));
        self.guard.check(check.table("guard"));
        self.routing.check(check.table("routing"));
        self.actors.check(check.table("actors"));
        self.dispatch.check(check.table("dispatch"));
        self.limits.check(check.table("limits"));
        self.readmodel.check(check.table("readmodel"));
        self.log.check(check.table("log"));
        self.check_together(check);
    }

    /// What no section can see alone.
    fn check_together(&self, check: &mut Check<'_>) {
        let (slow, timeout) = (self.guard.breaker.slow_call_ms, self.gateway.response_timeout_ms);
        if slow >= timeout {
            check.contradiction(
                &["guard.breaker.slow_call_ms", "gateway.response_timeout_ms"],
                format!(
                    "guard.breaker.slow_call_ms ({slow}) must be less than gateway.response_timeout_ms ({timeout}), \
                     else no answer ever counts as slow"
                ),
            );
        }
        let (route, request) = (self.routing.response_timeout_ms, self.http.request_timeout_ms);
        if self.routing.has_engine() && route >= request {
            check.contradiction(
                &["routing.response_timeout_ms", "http.request_timeout_ms"],
                format!(
                    "routing.response_timeout_ms ({route}) must be less than http.request_timeout_ms ({request}), else a \
                     slow engine fails requests"
                ),
            );
        }
        if !self.http.bind.ip().is_loopback() {
            self.check_exposed(check);
        }
        if let Some(file) = self.store.sqlite_file()
            && Path::new(self.readmodel_url().rest()) == file
        {
            check.contradiction(&["readmodel.url", "store.url"], "must be another file than that of store.url");
        }
    }

    /// What must hold when others than this machine can connect.
    fn check_exposed(&self, check: &mut Check<'_>) {
        let (bind, least) = (self.http.bind, auth::SECRET_MIN_BYTES);
        match self.auth.secret.as_ref().map(hidden::length) {
            None => check.contradiction(
                &["http.bind", "auth.secret"],
                format!(
                    "must be a loopback address such as 127.0.0.1:8080 while auth.secret is unset (development mode), \
                     got {bind}; set auth.secret (CALLOUT_AUTH__SECRET) to listen there"
                ),
            ),
            Some(length) if (1..least).contains(&length) => check.contradiction(
                &["auth.secret", "http.bind"],
                format!(
                    "must be {least} bytes or more while http.bind ({bind}) is not a loopback address, got {length}"
                ),
            ),
            Some(_) => {}
        }
    }
}
