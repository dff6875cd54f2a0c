//! Variables of the environment that set nothing: slips are refused, what others put there is not.

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
