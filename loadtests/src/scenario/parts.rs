//! The sections of a scenario, with their defaults.

use std::{collections::BTreeMap, path::PathBuf};

use serde::{Deserialize, Serialize};

/// How calls arrive: `rate_per_s` (open: arrivals do not wait for answers) or `concurrency` (closed: so many at a time).
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Load {
    pub rate_per_s: Option<f64>,
    /// Lifecycles at a time.
    pub concurrency: Option<u32>,
    /// What the target finishes per second at best, as measured by another run; what `goodput_of_peak_min` is a share of.
    /// With `--peak` another one is given, and `rate_per_s` changes in proportion.
    pub peak_per_s: Option<f64>,
    /// Over how long the load grows from nothing to that, seconds.
    #[serde(default)]
    pub ramp_s: f64,
    /// How arrivals are spaced; open load only.
    #[serde(default)]
    pub arrivals: Arrivals,
    /// Open load: lifecycles at a time at most. Arrivals beyond are counted as not sent, never silently dropped.
    #[serde(default = "in_flight_max")]
    pub in_flight_max: usize,
}

fn in_flight_max() -> usize {
    20_000
}

/// One of several services under load. What its calls go through is read from the target's own description of it.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct ServiceShare {
    pub id: String,
    /// Its share of the calls, over the sum of all weights.
    #[serde(default = "one")]
    pub weight: f64,
    /// How many answer: drivers, companies, cars, seats.
    pub drivers: u32,
}

fn one() -> f64 {
    1.0
}

/// How open arrivals are spaced.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Arrivals {
    /// Independent of each other, as people are.
    #[default]
    Poisson,
    Even,
}

/// What a call is like.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Calls {
    pub area: Area,
    /// Whether the payment comes in a request of its own; only of services that are paid with the request.
    pub pay_separately: bool,
    /// The share of calls that the customer cancels: half of them before a driver accepts, half after.
    pub cancel_rate: f64,
    /// The share of calls whose first payment method is declined; then the customer pays with another. Only of services
    /// that are paid with the request.
    pub card_declined_rate: f64,
    /// Between an answer and the next request of the same lifecycle, ms.
    pub think_ms: u64,
    /// How often a refused step of a call that is paid is tried again after its `Retry-After`.
    pub retries: u32,
    /// How often a refused payment is tried again after its `Retry-After`; then the customer gives up.
    pub pay_retries: u32,
    /// How long to wait until a driver is offered the call or assigned to it, ms.
    pub offer_patience_ms: u64,
    /// How long to wait for an answer, ms; then its outcome counts as unknown.
    pub timeout_ms: u64,
}

impl Default for Calls {
    fn default() -> Self {
        Self {
            area: Area::default(),
            pay_separately: false,
            cancel_rate: 0.0,
            card_declined_rate: 0.0,
            think_ms: 0,
            retries: 5,
            pay_retries: 5,
            offer_patience_ms: 20_000,
            timeout_ms: 30_000,
        }
    }
}

/// A rectangle on the map, degrees.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Area {
    pub south: f64,
    pub north: f64,
    pub west: f64,
    pub east: f64,
}

impl Default for Area {
    /// The middle of Seoul: about 9 by 17 km.
    fn default() -> Self {
        Self { south: 37.50, north: 37.58, west: 126.90, east: 127.09 }
    }
}

/// Who answers.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Drivers {
    /// How many; of several services, `services` says it.
    pub number: u32,
    pub placement: Placement,
    /// How they hear of calls and accept.
    pub transport: Transport,
    /// The shortest and the longest time between an offer and its answer, ms; WebSocket only.
    pub answer_ms: [u64; 2],
    /// The share of offers that are declined; WebSocket only.
    pub decline_rate: f64,
    /// Whether they say where they are at the pickup and at the end, and wait there for the next call.
    pub moves: bool,
}

impl Default for Drivers {
    fn default() -> Self {
        Self {
            number: 400,
            placement: Placement::Spread,
            transport: Transport::Rest,
            answer_ms: [0, 0],
            decline_rate: 0.0,
            moves: false,
        }
    }
}

/// Where drivers wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Placement {
    /// Evenly over the area.
    Spread,
    /// Where the pickups of the trace are.
    Demand,
}

/// How drivers, or positions, reach the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Transport {
    /// Requests only: calls are placed beside a driver, so that who is offered it is known without asking.
    Rest,
    /// A socket per driver.
    Websocket,
}

/// Position updates.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Positions {
    /// All of them together, per second.
    pub rate_per_s: f64,
    pub transport: Transport,
    /// WebSocket: every how many updates one asks for an `ack`, which is what is timed.
    #[serde(default = "ack_every")]
    pub ack_every: u32,
    /// How often it is timed until the dispatcher finds a driver where it has moved to, ms; 0: never. WebSocket only.
    #[serde(default)]
    pub search_every_ms: u64,
}

fn ack_every() -> u32 {
    10
}

/// Many drivers accept each call at the same moment.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Storm {
    pub accepts: u32,
}

/// Calls that are made before the load and stay open.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Prefill {
    pub calls: u64,
    #[serde(default = "prefill_concurrency")]
    pub concurrency: u32,
}

fn prefill_concurrency() -> u32 {
    128
}

/// A trace of real pickups: `at,lat,lng` with a header line, plain or gzip.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Replay {
    /// The file; a relative path starts at the scenario's folder.
    pub trace: PathBuf,
    /// How many times faster than it was.
    pub speed: f64,
    /// How many hours of it, from its beginning; all when left out.
    pub hours: Option<f64>,
}

/// Faults of the simulated gateway from some moment on.
#[derive(Debug, Clone, PartialEq, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Fault {
    /// When, seconds after the load's beginning.
    pub at_s: f64,
    /// How long every answer takes, ms.
    pub latency_ms: u64,
    /// The share of charges that are declined.
    pub decline_rate: f64,
    /// The share of requests answered with a server error.
    pub error_rate: f64,
    /// The share of requests that are performed but never answered.
    pub timeout_rate: f64,
    /// Whether connections are refused.
    pub down: bool,
}

/// What is checked afterwards.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Checks {
    /// The share of calls that are read back.
    pub read_back: f64,
    /// The share of those whose movements of money are read from the simulated gateway.
    pub ledger: f64,
    /// How long owed things (refunds) may take until they count as missing, seconds.
    pub patience_s: f64,
}

impl Default for Checks {
    fn default() -> Self {
        Self { read_back: 1.0, ledger: 1.0, patience_s: 30.0 }
    }
}

/// What must hold for the exit code 0. Whatever the checks find wrong fails the run without being listed here.
#[derive(Debug, Clone, PartialEq, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Thresholds {
    /// Finished lifecycles per second at least.
    pub lifecycles_per_s_min: Option<f64>,
    /// Good answers to requests per second at least.
    pub requests_per_s_min: Option<f64>,
    /// Position updates per second at least.
    pub positions_per_s_min: Option<f64>,
    /// The share of requests refused or failed, at most.
    pub error_share_max: Option<f64>,
    /// The share of calls begun that were finished, at least.
    pub finished_share_min: Option<f64>,
    /// The share of calls begun that were finished, or refused in an orderly way (with the reason, or with when to come
    /// back) and not left half done, at least.
    pub answered_share_min: Option<f64>,
    /// Finished lifecycles per second over `load.peak_per_s` at least.
    pub goodput_of_peak_min: Option<f64>,
    /// Lifecycles per second over the ceiling's at least; only `compare` measures it.
    pub ceiling_ratio_min: Option<f64>,
    /// By step (`any_request` is all of them, `lifecycle` the whole): the 99th percentile at most, ms.
    pub p99_ms_max: BTreeMap<String, f64>,
    /// The server's resident memory at most, MB; needs `--server-pid`.
    pub server_rss_mb_max: Option<f64>,
    /// What the server's resident memory grew by while the customers' sockets were opened, per socket, at most, kB; needs
    /// `--server-pid`.
    pub server_kb_per_socket_max: Option<f64>,
    /// Growth of the server's resident memory from the warm-up's end to the run's end at most, MB; needs `--server-pid`.
    pub server_growth_mb_max: Option<f64>,
    /// Growth of the server's resident memory from the first tenth after the warm-up to the last tenth, as a share of the
    /// former, at most; needs `--server-pid`.
    pub server_growth_share_max: Option<f64>,
}
