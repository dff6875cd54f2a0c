//! The section `gateway`: what `config check` says of addresses, keys and times before the server is started with them.

use callout::{
    gateway::{self, GatewaySettings, Simulation},
    settings::Url,
};

use super::{
    Result, given,
    services::{POLICY, checked, given_service},
};

#[test]
fn seal_keys_are_32_bytes_and_no_message_repeats_one() -> Result {
    let (base64, hex) = ("MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=", "ab".repeat(32));
    let config = given(&format!("[gateway]\nseal_keys = [\"{base64}\", \"{hex}\"]\n"))?.load()?;
    assert_eq!(config.gateway.seal_keys.len(), 2);
    assert_eq!(config.to_toml().matches("\"[hidden]\"").count(), 2, "{}", config.to_toml());
    let listed = given("")?.env("CALLOUT_GATEWAY__SEAL_KEYS", &format!("{base64},{hex}")).load()?;
    assert_eq!(listed.gateway.seal_keys.len(), 2);
    for (value, said) in [
        (format!("[\"{base64}\", \"s3cret\"]"), "key 2 must be 32 random bytes as base64 or as 64 hexadecimal digits"),
        ("\"s3cret\"".to_owned(), "must be a list of texts in quotes"),
        ("[\"s3cret\", 1234567]".to_owned(), "must be a list of texts in quotes"),
    ] {
        let problems = given(&format!("[gateway]\nseal_keys = {value}\n"))?.problems();
        let [problem] = problems.as_slice() else { return Err(format!("{problems:?}").into()) };
        assert!(problem.starts_with(&format!("default.toml:2: gateway.seal_keys: {said}")), "{problem}");
        assert!(!problem.contains("s3cret") && !problem.contains("1234567"), "{problem}");
    }
    Ok(())
}

/// What `config check` says of a service whose payments go through Stripe, with one text of its policy replaced.
fn on_stripe(from: &str, to: &str) -> Result<(bool, String)> {
    let stripe = "[gateway]\nurl = \"stripe+https://api.stripe.com\"\napi_key = \"key\"\n";
    assert!(POLICY.contains(from), "{from}");
    checked(&given_service(stripe, &POLICY.replace(from, to))?)
}

#[test]
fn an_amount_that_the_gateway_does_not_take_is_a_problem_of_the_service() -> Result {
    let won = "currency = \"KRW\"";
    for (from, to, said) in [
        (
            "minimum = 5000",
            "minimum = 40",
            "must be 50 or more, got 40: the gateway (gateway.url) takes no less than 50 KRW",
        ),
        (
            won,
            "currency = \"HUF\"",
            "must be 17500 or more, got 5000: the gateway (gateway.url) takes no less than 175.00 HUF",
        ),
    ] {
        let (good, all) = on_stripe(from, to)?;
        assert!(!good && all.contains(&format!("payment.minimum: {said}")), "{to}: {all}");
    }
    let odd = POLICY.replace(won, "currency = \"KWD\"").replace("amount = 20000", "amount = 20005");
    let (good, all) = on_stripe(POLICY, &odd)?;
    assert!(!good && all.contains("fare.amount: must be a multiple of 10, got 20005: the gateway"), "{all}");
    for fine in [won, "currency = \"KWD\"", "currency = \"USD\"", "currency = \"ISK\""] {
        let (good, all) = on_stripe(won, fine)?;
        assert!(good, "{fine}: {all}");
    }
    // The simulated gateway takes all of them.
    let (good, all) = checked(&given_service("", &odd)?)?;
    assert!(good, "{all}");
    Ok(())
}

#[test]
fn a_currency_is_one_of_iso_4217() -> Result {
    let (good, said) = checked(&given_service("", &POLICY.replace("\"KRW\"", "\"XAU\""))?)?;
    let right = "currency: must be the code of a currency in ISO 4217, such as KRW, EUR or KWD, got \"XAU\"";
    assert!(!good && said.contains(right), "{said}");
    Ok(())
}

/// The problems of a gateway at that address, with or without a key for it.
fn of_url(url: &str, key: Option<&str>) -> Result<Vec<String>> {
    let key = key.map_or_else(String::new, |key| format!("api_key = \"{key}\"\n"));
    Ok(given(&format!("[gateway]\nurl = \"{url}\"\n{key}"))?.problems())
}

#[test]
fn an_address_that_would_not_start_is_a_problem_that_says_why() -> Result {
    for (url, why) in [
        ("http://api.stripe.com", "must be simulated://, stripe+https://<host>[:port], or stripe+http://"),
        ("simulated://host", "must be simulated://"),
        ("stripe+https://", "must be simulated://"),
        (
            "stripe+https://api.stripe.com/v1",
            "and no more: no path such as /v1, which is added, no query and no login, got",
        ),
        ("stripe+https://api.stripe.com?a=b", "and no more: no path"),
        ("stripe+https://s3cret@api.stripe.com", "no login, got \"stripe+https://[hidden]@api.stripe.com\""),
        ("stripe+http://api.stripe.com", "stripe+http is not encrypted and for a gateway on this machine only"),
        ("stripe+http://10.0.0.1:8420", "stripe+http is not encrypted"),
        ("stripe+http://localhost.example.com", "stripe+http is not encrypted"),
    ] {
        let problems = of_url(url, Some("key"))?;
        let [problem] = problems.as_slice() else { return Err(format!("{url}: {problems:?}").into()) };
        assert!(
            problem.starts_with("default.toml:2: gateway.url: must be ") && problem.contains(why),
            "{url}: {problem}"
        );
        assert!(!problem.contains("s3cret"), "{problem}");
        let settings =
            GatewaySettings { url: Url::new(url), api_key: Some("key".into()), ..GatewaySettings::default() };
        let refused = gateway::open(&settings, &Simulation::default()).err().ok_or("it opens")?.to_string();
        assert!(problem.ends_with(refused.trim_start_matches("gateway.url ")), "one function says both: {refused}");
    }
    for url in [
        "stripe+https://api.stripe.com",
        "stripe+http://127.0.0.1:8420",
        "stripe+http://[::1]:8420/",
        "stripe+http://localhost",
    ] {
        assert_eq!(of_url(url, Some("not the form of a key"))?, [""; 0], "{url}");
        let without = of_url(url, None)?;
        assert!(without.len() == 1 && without[0].contains("needs a secret key: set gateway.api_key"), "{without:?}");
    }
    Ok(())
}

#[test]
fn a_gateway_that_may_take_less_time_than_a_customer_waits_is_warned_of() -> Result {
    let warnings = |text: &str| -> Result<Vec<String>> {
        let stripe = format!("[gateway]\nurl = \"stripe+https://api.stripe.com\"\napi_key = \"key\"\n{text}");
        Ok(given(&stripe)?.load()?.warnings())
    };
    assert_eq!(warnings("")?, [""; 0]);
    let [slow] = &warnings("response_timeout_ms = 3000")?[..] else { return Err("one warning".into()) };
    assert!(
        slow.starts_with("gateway.response_timeout_ms (3000) is less than http.payment_wait_ms (8000): "),
        "{slow}"
    );
    let both = warnings("response_timeout_ms = 2600\nconnect_timeout_ms = 2600\n[http]\npayment_wait_ms = 2000")?;
    assert!(both.len() == 1 && both[0].contains("is not more than gateway.connect_timeout_ms (2600)"), "{both:?}");
    assert_eq!(given("[gateway]\nresponse_timeout_ms = 2600")?.load()?.warnings(), [""; 0]);
    Ok(())
}
