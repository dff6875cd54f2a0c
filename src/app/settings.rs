//! From the configuration's sections to what each part wants to know.

use std::{num::NonZero, thread::available_parallelism, time::Duration};

use crate::{
    actors::{
        EngineSettings, Repeats,
        backoff::BackoffSettings,
        dispatcher::DispatchSettings,
        guard::{BreakerSettings, GuardSettings},
        supervision::{Intensity, OnExceeded, SupervisionSettings},
    },
    config::{ActorKind, Backoff, Config, OnExceeded as Exceeded},
    gateway::GatewaySettings,
    persistence::StoreSettings,
    routing::RoutingSettings,
};

/// How many threads actors run on.
pub(super) fn arbiter_count(config: &Config) -> std::ops::Range<usize> {
    let cores = || available_parallelism().map_or(1, NonZero::get);
    0..match config.actors.threads {
        0 => cores(),
        threads => threads.into(),
    }
}

/// The section `store`.
pub(super) fn store(config: &Config) -> StoreSettings {
    let store = &config.store;
    StoreSettings {
        url: store.url.as_str().to_owned(),
        group_max_commits: store.group_max_commits,
        queue_max_commits: store.queue_max_commits,
        commit_timeout_ms: store.commit_timeout_ms,
        read_timeout_ms: store.read_timeout_ms,
        connect_timeout_ms: store.connect_timeout_ms,
        lock_timeout_ms: store.lock_timeout_ms,
        keep_finished_s: store.keep_finished_s,
        read_connections: store.read_connections,
        username: store.username.clone(),
        password: store.password.clone(),
        sentinel_username: store.sentinel_username.clone(),
        sentinel_password: store.sentinel_password.clone(),
        tls_ca_file: store.tls_ca_file.clone(),
        tls_cert_file: store.tls_cert_file.clone(),
        tls_key_file: store.tls_key_file.clone(),
    }
}

/// The section `gateway`. The simulated gateway's ledger is kept beside the store: like a real one's it outlives us.
pub(super) fn gateway(config: &Config) -> GatewaySettings {
    let gateway = &config.gateway;
    GatewaySettings {
        url: gateway.url.as_str().to_owned(),
        response_timeout_ms: gateway.response_timeout_ms,
        connect_timeout_ms: gateway.connect_timeout_ms,
        api_key: gateway.api_key.clone(),
        ledger: Some(config.store.data_dir().join("simulated-gateway.jsonl")),
        seed: None,
    }
}

/// The section `routing`.
pub(super) fn routing(config: &Config) -> RoutingSettings {
    RoutingSettings {
        url: config.routing.url.as_str().to_owned(),
        response_timeout: Duration::from_millis(config.routing.response_timeout_ms),
    }
}

/// The sections `actors`, `guard` and `dispatch`.
pub(super) fn engine(config: &Config) -> EngineSettings {
    let inside = backoff(config.actors.supervision.default.backoff);
    EngineSettings {
        call: supervision(config, ActorKind::Call),
        driver: supervision(config, ActorKind::Driver),
        payment: supervision(config, ActorKind::Payment),
        dispatcher: supervision(config, ActorKind::Dispatcher),
        guard_supervision: supervision(config, ActorKind::Guard),
        support: supervision(config, ActorKind::Readmodel),
        guard: guard(config),
        dispatch: DispatchSettings {
            tick: Duration::from_millis(config.dispatch.tick_ms),
            candidates_max: config.dispatch.candidates_max as usize,
        },
        repeats: Repeats { inside, gateway: backoff(config.guard.retry), ..Repeats::default() },
        payment_wait: Duration::from_millis(config.http.payment_wait_ms),
    }
}

/// What holds for actors of a kind.
pub(super) fn supervision(config: &Config, kind: ActorKind) -> SupervisionSettings {
    let section = config.actors.supervision.of(kind);
    SupervisionSettings {
        backoff: backoff(section.backoff),
        intensity: Intensity {
            restarts_max: section.intensity.restarts_max,
            window: Duration::from_secs(section.intensity.window_s),
        },
        on_exceeded: match section.on_exceeded {
            Exceeded::Park => OnExceeded::Park,
            Exceeded::Stop => OnExceeded::Stop,
            Exceeded::Escalate => OnExceeded::Escalate,
        },
        mailbox_max: section.mailbox_max,
        passivate_after: Duration::from_secs(section.passivate_after_s),
    }
}

fn backoff(section: Backoff) -> BackoffSettings {
    BackoffSettings {
        initial_ms: section.initial_ms,
        factor: section.factor,
        max_ms: section.max_ms,
        jitter: section.jitter,
    }
}

fn guard(config: &Config) -> GuardSettings {
    let (section, breaker) = (&config.guard, config.guard.breaker);
    GuardSettings {
        rate_per_s: section.rate_per_s,
        burst: section.burst,
        in_flight_max: section.in_flight_max as usize,
        queue_max: section.queue_max as usize,
        queue_wait_ms: section.queue_wait_ms,
        background_max: (section.queue_max as usize / 4).max(1),
        request_timeout_ms: config.gateway.connect_timeout_ms + config.gateway.response_timeout_ms + 1_000,
        breaker: BreakerSettings {
            window_s: breaker.window_s,
            calls_min: breaker.calls_min,
            failure_rate: breaker.failure_rate,
            slow_call_ms: breaker.slow_call_ms,
            slow_call_rate: breaker.slow_call_rate,
            open_s: breaker.open_s,
            half_open_probes: breaker.half_open_probes,
        },
    }
}
