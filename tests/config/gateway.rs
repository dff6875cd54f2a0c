//! The section `gateway`: what `config check` says of addresses, keys and times before the server is started with them.

use super::{Result, given};

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
