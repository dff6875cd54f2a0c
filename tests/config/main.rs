//! Configuration as people meet it: files, environment, `config check` and `config show`.

mod contradictions;
mod environment;
mod gateway;
mod keys;
mod page;
mod services;
mod services_page;

use std::{
    error::Error,
    fs,
    path::{Path, PathBuf},
};

use callout::{
    actors::supervision::{ActorKind, OnExceeded},
    config::{Config, Sources, auth, command},
};
use secrecy::ExposeSecret;
use tempfile::TempDir;

type Result<T = ()> = std::result::Result<T, Box<dyn Error>>;

/// A folder with the shipped `default.toml`'s stand-in, more files, and an environment.
struct Given {
    folder: TempDir,
    sources: Sources,
}

fn given(default: &str) -> Result<Given> {
    let folder = tempfile::tempdir()?;
    fs::write(folder.path().join("default.toml"), default)?;
    let sources = Sources { dir: Some(folder.path().to_owned()), ..Sources::default() };
    Ok(Given { folder, sources })
}

impl Given {
    fn file(mut self, name: &str, text: &str) -> Result<Self> {
        let path = self.folder.path().join(name);
        fs::write(&path, text)?;
        self.sources.files.push(path);
        Ok(self)
    }

    fn env(mut self, name: &str, value: &str) -> Self {
        self.sources.env.push((name.into(), value.into()));
        self
    }

    fn load(&self) -> Result<Config> {
        Ok(Config::load(&self.sources)?)
    }

    /// The problems as they are printed, without the folder.
    fn problems(&self) -> Vec<String> {
        let folder = format!("{}/", self.folder.path().display());
        let problems = Config::load(&self.sources).err();
        problems.iter().flat_map(|all| all.as_slice()).map(|problem| problem.to_string().replace(&folder, "")).collect()
    }
}

fn shipped() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("config")
}

#[test]
fn the_shipped_file_equals_the_defaults_in_code_key_by_key() -> Result {
    let text = fs::read_to_string(shipped().join("default.toml"))?;
    let defaults: toml::Table = toml::from_str(&Config::default().to_toml())?;
    assert_eq!(text.parse::<toml::Table>()?, defaults);
    for unset in ["# secret =", "# api_key =", "# url ="] {
        assert!(text.contains(unset), "{unset} is shown too");
    }
    Config::load(&Sources { dir: Some(shipped()), ..Sources::default() })?;
    Ok(())
}

#[test]
fn later_layers_win_key_by_key() -> Result {
    let config = given("[guard]\nqueue_max = 1\nburst = 1\nrate_per_s = 1\nqueue_wait_ms = 1")?
        .file("one.toml", "guard.queue_max = 2\nguard.burst = 2\nguard.rate_per_s = 2")?
        .file("two.toml", "guard.queue_max = 3\nguard.burst = 3")?
        .env("CALLOUT_GUARD__QUEUE_MAX", "4")
        .load()?;
    let guard = config.guard;
    assert_eq!((guard.queue_max, guard.burst, guard.rate_per_s, guard.queue_wait_ms), (4, Some(3), Some(2), 1));
    assert_eq!(guard.in_flight_max, Config::default().guard.in_flight_max);
    Ok(())
}

#[test]
fn a_partial_table_keeps_the_other_defaults() -> Result {
    let config = given("[guard.retry]\nmax_ms = 60000\n[limits.principal]\nburst = 7")?.load()?;
    assert_eq!((config.guard.retry.initial_ms, config.guard.retry.max_ms), (500, 60_000));
    assert_eq!((config.limits.principal.per_s, config.limits.principal.burst), (1_000, 7));
    Ok(())
}

#[test]
fn the_environment_sets_every_kind_of_value() -> Result {
    let config = given("")?
        .env("CALLOUT_HTTP__BIND", "127.0.0.1:0")
        .env("CALLOUT_STORE__URL", "redis://localhost:6379/3")
        .env("CALLOUT_AUTH__SECRET", "1234567890")
        .env("CALLOUT_AUTH__ISSUER", "true")
        .env("CALLOUT_GUARD__BREAKER__FAILURE_RATE", "0.25")
        .env("CALLOUT_ACTORS__SUPERVISION__CALL__ON_EXCEEDED", "stop")
        .env("CALLOUT_ACTORS__SUPERVISION__CALL__BACKOFF__MAX_MS", "100")
        .env("CALLOUT_CONFIG_DIR", "not a key")
        .env("PATH", "/bin")
        .load()?;
    assert_eq!(config.http.bind.port(), 0);
    assert_eq!(config.store.url.as_str(), "redis://localhost:6379/3");
    assert_eq!(auth::secret(&config)?.expose_secret(), "1234567890");
    assert_eq!(config.auth.issuer, "true");
    assert!((config.guard.breaker.failure_rate - 0.25).abs() < f64::EPSILON);
    let calls = config.actors.supervision.of(ActorKind::Call);
    assert_eq!((calls.on_exceeded, calls.backoff.max_ms, calls.backoff.initial_ms), (OnExceeded::Stop, 100, 50));
    Ok(())
}

#[test]
fn the_short_log_variable_sets_format_or_filter_and_the_exact_one_wins() -> Result {
    assert!(given("")?.env("CALLOUT_LOG", "json").load()?.to_toml().contains("format = \"json\""));
    let log = given("")?.env("CALLOUT_LOG", "warn,callout=debug").load()?.log;
    assert_eq!(log.filter, "warn,callout=debug");
    let log = given("")?.env("CALLOUT_LOG", "warn").env("CALLOUT_LOG__FILTER", "error").load()?.log;
    assert_eq!(log.filter, "error");
    Ok(())
}

#[test]
fn supervision_of_a_kind_is_what_differs_over_the_default() -> Result {
    let config = given(
        "[actors.supervision.default]\nmailbox_max = 9\npassivate_after_s = 1\n\
         [actors.supervision.driver]\nmailbox_max = 10\nintensity.restarts_max = 0\n",
    )?
    .load()?;
    let of = |kind| config.actors.supervision.of(kind);
    assert_eq!((of(ActorKind::Call).mailbox_max, of(ActorKind::Driver).mailbox_max), (9, 10));
    assert_eq!((of(ActorKind::Driver).intensity.restarts_max, of(ActorKind::Driver).intensity.window_s), (0, 60));
    assert_eq!(of(ActorKind::Driver).passivate_after_s, 1);
    assert!(of(ActorKind::Dispatcher).mailbox_max > 9, "the dispatcher's own default stays");
    Ok(())
}

#[test]
fn every_problem_is_reported_at_once_with_file_line_and_key() -> Result {
    let given = given(
        "[http]\nbindd = \"127.0.0.1:1\"\nworkers = \"many\"\nbind = \"localhost\"\n\n[guard]\nqueue_max = 0\n\
         burst = -1\nbreaker.failure_rate = nan\n[actors.supervision.call]\non_exceeded = \"explode\"\n\
         [log]\nfilter = \"a=b=c\"\n[nonsense]\nkey = 1\n",
    )?
    .file("more.toml", "store.url = \"mysql://x\"\ngateway = 3\n")?;
    assert_eq!(
        given.problems(),
        [
            "default.toml:2: http.bindd: unknown key; known here: bind, workers, body_max_bytes, ws_frame_max_bytes, \
             ws_outbox_max, ws_ping_s, ws_idle_s, request_timeout_ms, client_header_timeout_ms, client_body_timeout_ms, \
             client_stall_timeout_ms, connections_max, drain_announce_s, drain_grace_s, payment_wait_ms, trusted_proxies, docs, cors_origins",
            "default.toml:3: http.workers: must be a whole number from 0 to 1024, got string \"many\"",
            "default.toml:4: http.bind: must be an IP address and a port like 127.0.0.1:8080 or [::1]:8080, got \"localhost\"",
            "default.toml:7: guard.queue_max: must be 1 to 100000, got 0",
            "default.toml:8: guard.burst: must be 1 to 1000000, got -1",
            "default.toml:9: guard.breaker.failure_rate: must be above 0 and at most 1, got NaN",
            "default.toml:11: actors.supervision.call.on_exceeded: must be one of park, stop, escalate, got \"explode\"",
            "default.toml:13: log.filter: must be a filter like \"info\" or \"warn,callout=debug\", got \"a=b=c\": \
             error parsing level filter: expected one of \"off\", \"error\", \"warn\", \"info\", \"debug\", \"trace\", or a \
             number 0-5",
            "default.toml:14: nonsense: unknown key; known here: http, ops, store, auth, gateway, guard, routing, actors, dispatch, \
             limits, readmodel, log",
            "more.toml:1: store.url: must be sqlite://<file>, redis://<host>[:port][/db] or rediss://…, got \"mysql://x\"",
            "more.toml:2: gateway: must be a table, got integer 3",
        ]
    );
    Ok(())
}

#[test]
fn a_syntax_error_names_its_line_and_hides_no_other() -> Result {
    let problems = given("[http]\nworkers = \nws_ping_s = 0\n[guard\nqueue_max = 0\n")?.problems();
    assert!(problems.iter().any(|line| line.starts_with("default.toml:2: not valid TOML: ")), "{problems:#?}");
    assert!(problems.iter().any(|line| line.starts_with("default.toml:4: not valid TOML: ")), "{problems:#?}");
    assert!(problems.contains(&"default.toml:3: http.ws_ping_s: must be 1 to 3600, got 0".to_owned()), "{problems:#?}");
    Ok(())
}

#[test]
fn values_that_contradict_each_other_are_reported_where_they_were_set() -> Result {
    let given = given("[http]\npayment_wait_ms = 10000\n\nws_ping_s = 60\n[guard.retry]\nmax_ms = 400\n")?.file(
        "more.toml",
        "[gateway]\nresponse_timeout_ms = 2000\n[actors.supervision.guard]\npassivate_after_s = 1\n\
         [readmodel]\nread_timeout_ms = 5000\n",
    )?;
    assert_eq!(
        given.problems(),
        [
            "default.toml:2: http.payment_wait_ms: payment_wait_ms (10000) must be less than request_timeout_ms (10000)",
            "default.toml:4: http.ws_ping_s: ws_idle_s (60) must be more than ws_ping_s (60)",
            "default.toml:6: guard.retry.max_ms: max_ms (400) must not be below initial_ms (500)",
            "more.toml:2: gateway.response_timeout_ms: guard.breaker.slow_call_ms (2500) must be less than \
             gateway.response_timeout_ms (2000), else no answer ever counts as slow",
            "more.toml:4: actors.supervision.guard.passivate_after_s: has no meaning here: only calls, drivers, \
             payments and accounts leave memory",
            "more.toml:6: readmodel.read_timeout_ms: read_timeout_ms (5000) must be less than lock_timeout_ms (5000), \
             else the log is not cut off while something reads",
        ]
    );
    Ok(())
}

#[test]
fn a_router_is_an_estimate_or_an_engine_that_answers_before_the_request_ends() -> Result {
    for url in ["great-circle://", "osrm+http://127.0.0.1:5000", "osrm+https://roads.example/"] {
        assert_eq!(given(&format!("[routing]\nurl = \"{url}\"\n"))?.problems(), [""; 0], "{url}");
    }
    let of_url = |shown: &str| {
        format!(
            "default.toml:2: routing.url: must be great-circle://, osrm+http://<host>[:port] or osrm+https://…, got {shown}"
        )
    };
    for (url, shown) in [
        ("osrm://h", "osrm://h"),
        ("great-circle://h", "great-circle://h"),
        ("osrm+http://", "osrm+http://"),
        ("osrm+http://h/v1", "osrm+http://h/v1"),
        ("osrm+http://u:s3cret@h", "osrm+http://[hidden]@h"),
    ] {
        let problems = given(&format!("[routing]\nurl = \"{url}\"\n"))?.problems();
        assert_eq!(problems, [of_url(&format!("{shown:?}"))]);
    }
    let timeouts = "[http]\nrequest_timeout_ms = 9000\n[routing]\nresponse_timeout_ms = 9000\n";
    assert_eq!(given(timeouts)?.problems(), [""; 0], "estimates take no time");
    let slow = given(&format!("{timeouts}url = \"osrm+http://h\"\n"))?.problems();
    assert!(
        slow.iter().any(|problem| problem.starts_with("default.toml:4: routing.response_timeout_ms: ")),
        "{slow:?}"
    );
    Ok(())
}

#[test]
fn only_a_folder_or_file_that_was_named_is_missed() -> Result {
    let folder = tempfile::tempdir()?;
    let missing = folder.path().join("not-there");
    let named = Sources { dir: Some(missing.clone()), files: vec![missing.join("a.toml")], ..Sources::default() };
    let problems = Config::load(&named).err().ok_or("two problems")?.to_string();
    assert_eq!(problems.lines().count(), 2, "{problems}");
    assert!(problems.contains("default.toml: the file cannot be read: "), "{problems}");
    assert!(problems.contains("(its folder is the one that CALLOUT_CONFIG_DIR names)"), "{problems}");
    Ok(())
}

#[test]
fn without_a_secret_it_listens_on_this_machine_only() -> Result {
    let open = "[http]\nbind = \"0.0.0.0:8080\"\n[gateway]\nallow_simulated = true\n";
    let problems = given(open)?.problems();
    assert_eq!(problems.len(), 1, "{problems:#?}");
    assert!(problems[0].starts_with("default.toml:2: http.bind: must be a loopback address"), "{problems:#?}");
    let short = given(open)?.env("CALLOUT_AUTH__SECRET", "short").problems();
    assert_eq!(
        short,
        [
            "environment CALLOUT_AUTH__SECRET: auth.secret: must be 32 bytes or more while http.bind (0.0.0.0:8080) is not \
          a loopback address, got 5"
        ]
    );
    given(open)?.env("CALLOUT_AUTH__SECRET", &"s".repeat(32)).load()?;
    Ok(())
}

#[test]
fn the_development_secret_is_made_once_and_is_for_its_owner_only() -> Result {
    let folder = tempfile::tempdir()?;
    let store = format!("sqlite://{}/data/callout.db", folder.path().display());
    let config = given("")?.env("CALLOUT_STORE__URL", &store).load()?;
    assert!(auth::is_development(&config));
    let makers: Vec<_> = (0..8)
        .map(|_| {
            std::thread::spawn({
                let config = config.clone();
                move || auth::secret(&config)
            })
        })
        .collect();
    let first = auth::secret(&config)?;
    for maker in makers {
        let secret = maker.join().map_err(|_| "panicked")??;
        assert_eq!(secret.expose_secret(), first.expose_secret());
    }
    assert_eq!(first.expose_secret().len(), 64);
    let path = folder.path().join("data/dev_secret");
    #[cfg(unix)]
    assert_eq!(std::os::unix::fs::PermissionsExt::mode(&fs::metadata(&path)?.permissions()) & 0o777, 0o600);
    fs::write(&path, "short\n")?;
    let error = auth::secret(&config).err().ok_or("too short")?.to_string();
    assert!(error.contains("holds 5 bytes, 32 or more are needed"), "{error}");
    Ok(())
}

#[test]
fn the_read_model_is_beside_the_store() -> Result {
    for (store, expected) in [
        ("sqlite:///var/lib/callout/main.db", "sqlite:///var/lib/callout/main.readmodel.db"),
        ("sqlite://callout.db", "sqlite://callout.readmodel.db"),
        ("redis://localhost", "sqlite://data/readmodel.db"),
    ] {
        let config = given("")?.env("CALLOUT_STORE__URL", store).load()?;
        assert_eq!(config.readmodel().url.ok_or("a file")?.as_str(), expected);
    }
    let same = given("")?.env("CALLOUT_READMODEL__URL", "sqlite://data/callout.db").problems();
    assert_eq!(
        same,
        ["environment CALLOUT_READMODEL__URL: readmodel.url: must be another file than that of store.url"]
    );
    Ok(())
}

#[test]
fn show_gives_the_effective_configuration_and_no_secret() -> Result {
    let given = given("[guard]\nqueue_max = 77\n[gateway]\napi_key = \"sk_s3cret\"")?
        .env("CALLOUT_AUTH__SECRET", "s3cret-s3cret")
        .env("CALLOUT_STORE__URL", "redis://s3cret-user:s3cret@host:6379/0")
        .env("CALLOUT_GATEWAY__URL", "stripe+https://host");
    let mut shown = Vec::new();
    command::show(&given.sources, &mut shown)?;
    let shown = String::from_utf8(shown)?;
    let table: toml::Table = shown.parse()?;
    assert_eq!(table["auth"]["secret"].as_str(), Some("[hidden]"));
    assert_eq!(table["gateway"]["api_key"].as_str(), Some("[hidden]"));
    assert_eq!(table["store"]["url"].as_str(), Some("redis://[hidden]@host:6379/0"));
    assert_eq!(table["gateway"]["url"].as_str(), Some("stripe+https://host"));
    assert_eq!(table["guard"]["queue_max"].as_integer(), Some(77));
    assert_eq!(table["log"]["filter"].as_str(), Some("info"));
    assert!(!shown.contains("s3cret"), "{shown}");
    assert!(!format!("{:?}", given.load()?).contains("s3cret"));
    Ok(())
}

#[test]
fn a_wrong_secret_is_not_repeated_in_the_problem() -> Result {
    let problems = given("auth.secret = 123456789\nstore.url = \"mysql://me:s3cret@host\"")?.problems().join("\n");
    assert!(problems.contains("default.toml:1: auth.secret: must be text in quotes"), "{problems}");
    assert!(!problems.contains("123456789") && !problems.contains("s3cret"), "{problems}");
    Ok(())
}
