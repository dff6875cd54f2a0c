//! Every key refuses what is not of its type, and every number has bounds.

use callout::config::Config;

use super::{Result, given};

/// Every key that has a default, with it.
fn every_key(parent: &str, table: &toml::Table, keys: &mut Vec<(String, toml::Value)>) {
    for (name, value) in table {
        let key = if parent.is_empty() { name.clone() } else { format!("{parent}.{name}") };
        match value {
            toml::Value::Table(table) => every_key(&key, table, keys),
            value => keys.push((key, value.clone())),
        }
    }
}

#[test]
fn no_key_takes_the_wrong_type_and_no_number_is_without_bounds() -> Result {
    let mut keys = Vec::new();
    every_key("", &toml::from_str(&Config::default().to_toml())?, &mut keys);
    assert!(keys.len() > 50, "{}", keys.len());
    for (key, default) in keys {
        let numbers: &[&str] = if default.is_str() { &[] } else { &["-1", "9000000000000000", "nan", "-inf"] };
        let flags: &[&str] = if default.is_bool() { &[] } else { &["true"] };
        for wrong in ["[[]]", "{ a = 1 }"].iter().chain(flags).chain(numbers) {
            let problems = given(&format!("\n{key} = {wrong}"))?.problems();
            let said = problems.iter().find_map(|said| said.strip_prefix("default.toml:2: ")?.strip_prefix(&*key));
            // A list may be one of the wrong items.
            let said = said.unwrap_or_default().trim_start_matches("[0]");
            assert!(said.starts_with(": must be "), "{key} = {wrong}: {problems:#?}");
        }
    }
    Ok(())
}
