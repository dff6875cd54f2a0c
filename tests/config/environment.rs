//! Variables of the environment that set nothing: slips are refused, what others put there is not.

use callout::config::Config;

use super::{Result, given};

#[test]
fn a_list_is_given_with_commas() -> Result {
    let set = |text: &str| given("").map(|given| given.env("CALLOUT_HTTP__CORS_ORIGINS", text));
    assert_eq!(
        set(" https://a.example, http://b.example:5173,")?.load()?.http.cors_origins,
        ["https://a.example", "http://b.example:5173"]
    );
    assert!(set("")?.load()?.http.cors_origins.is_empty());
    assert_eq!(
        set("https://a.example,b.example")?.problems(),
        [
            "environment CALLOUT_HTTP__CORS_ORIGINS: http.cors_origins: an origin is a scheme and a host, like https://app.example.com \
          (got \"b.example\")"
        ]
    );
    Ok(())
}

#[test]
fn a_variable_that_lacks_an_underscore_is_refused_with_the_right_name() -> Result {
    for (slip, right) in [
        ("CALLOUT_AUTH_SECRET", "auth.secret is set with CALLOUT_AUTH__SECRET,"),
        ("CALLOUT_HTTP_BIND", "http.bind is set with CALLOUT_HTTP__BIND,"),
        ("CALLOUT_LOG_FILTER", "log.filter is set with CALLOUT_LOG__FILTER,"),
        ("CALLOUT_GUARD_BREAKER_OPEN_S", "guard.breaker.open_s is set with CALLOUT_GUARD__BREAKER__OPEN_S,"),
    ] {
        let problems = given("")?.env(slip, "s3cret").problems();
        assert_eq!(problems.len(), 1, "{problems:?}");
        assert!(problems[0].starts_with(&format!("environment {slip}: sets nothing; {right}")), "{problems:?}");
        assert!(!problems[0].contains("s3cret"), "{problems:?}");
    }
    let mut others = given("")?.env("CALLOUT_LOG", "warn").env("CALLOUT_CONFIG_DIR", "config");
    for name in ["SERVICE_HOST", "SERVICE_PORT_HTTP", "PORT", "PORT_8080_TCP_ADDR", "HTTP_SERVICE_PORT", "TEST_SEED"] {
        others = others.env(&format!("CALLOUT_{name}"), "tcp://10.0.0.1:80");
    }
    others.load()?;
    Ok(())
}

#[test]
fn a_list_in_the_environment_has_commas_between_its_elements() -> Result {
    let proxies = |text: &str| given("")?.env("CALLOUT_HTTP__TRUSTED_PROXIES", text).load();
    let named = |text: &str| Ok::<_, Box<dyn std::error::Error>>(proxies(text)?.http.trusted_proxies.len());
    assert_eq!((named("10.0.0.0/8, ::1,192.0.2.7")?, named("")?, named(" ,")?), (3, 0, 0));
    let problems = proxies("10.0.0.0/8,10.0.0.0/99").err().map(|error| error.to_string()).unwrap_or_default();
    let expected = "environment CALLOUT_HTTP__TRUSTED_PROXIES: http.trusted_proxies[1]: must be an address or a network like \
                    192.0.2.7, 10.0.0.0/8 or 2001:db8::/32, got \"10.0.0.0/99\"";
    assert!(problems.contains(expected), "{problems}");
    Ok(())
}

#[test]
fn a_problem_in_the_environment_names_the_variable() -> Result {
    let given = given("")?
        .env("CALLOUT_GUARD__QUEUE_MAX", "lots")
        .env("CALLOUT_GUARD__BURST", "0")
        .env("CALLOUT_GUARD__BRUST", "1")
        .env("CALLOUT_NONSENSE__KEY", "1")
        .env("CALLOUT_HTTP", "1")
        .env("CALLOUT_HTTP__BIND", "8080");
    let problems = given.problems();
    let starts = [
        "environment CALLOUT_GUARD__BRUST: guard.brust: unknown key; known here: rate_per_s, burst, ",
        "environment CALLOUT_GUARD__BURST: guard.burst: must be 1 to 1000000, got 0",
        "environment CALLOUT_GUARD__QUEUE_MAX: guard.queue_max: must be a whole number from 1 to 100000, got string \"lots\"",
        "environment CALLOUT_HTTP: unknown; a key is set with CALLOUT_<SECTION>__<KEY>",
        "environment CALLOUT_HTTP__BIND: http.bind: must be an IP address and a port like 127.0.0.1:8080 or [::1]:8080, \
         got \"8080\"",
        "environment CALLOUT_NONSENSE__KEY: nonsense: unknown key; known here: http, ",
    ];
    assert_eq!(problems.len(), starts.len(), "{problems:#?}");
    for (problem, start) in problems.iter().zip(starts) {
        assert!(problem.starts_with(start), "{problem}");
    }
    Ok(())
}

#[test]
fn a_contradiction_is_told_at_the_key_that_was_written_last() -> Result {
    let shipped = Config::default().to_toml();
    let file = given(&shipped)?.file("mine.toml", "[http]\nrequest_timeout_ms = 5000\n")?;
    assert_eq!(
        file.problems(),
        ["mine.toml:2: http.request_timeout_ms: payment_wait_ms (8000) must be less than request_timeout_ms (5000)"]
    );
    let set = given(&shipped)?.env("CALLOUT_HTTP__PAYMENT_WAIT_MS", "10000");
    let problems = set.problems();
    assert!(
        problems[0].starts_with("environment CALLOUT_HTTP__PAYMENT_WAIT_MS: http.payment_wait_ms: "),
        "{problems:?}"
    );
    Ok(())
}

#[test]
fn the_listener_for_operators_follows_the_same_rules_as_the_other() -> Result {
    let problems = given("[ops]\nbind = \"0.0.0.0:9090\"\n")?.problems();
    assert!(problems[0].starts_with("default.toml:2: ops.bind: must be a loopback address"), "{problems:?}");
    let problems = given("[ops]\nbind = \"127.0.0.1:8080\"\n")?.problems();
    assert_eq!(problems, ["default.toml:2: ops.bind: must be another address or port than http.bind"]);
    assert!(given("[ops]\nbind = \"127.0.0.1:9090\"\n")?.problems().is_empty());
    Ok(())
}
