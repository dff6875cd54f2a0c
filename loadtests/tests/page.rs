//! The page about the load tests says what the code does: every scenario, every key with its default, every option.

use std::{collections::BTreeSet, error::Error, path::Path};

use clap::CommandFactory as _;
use loadtests::{cli::Args, scenario::Scenario};

type Done = Result<(), Box<dyn Error>>;

/// The sections with what makes the reader name all keys of each, and what it takes to have one with its defaults.
const SECTIONS: [(&str, &str, &str); 13] = [
    ("Top level", "{}", ""),
    ("services", "[[services]]\n{}", "[[services]]\nid = \"taxi\"\ndrivers = 1"),
    ("load", "[load]\n{}", "[load]\nrate_per_s = 5.0"),
    ("calls", "[calls]\n{}", ""),
    ("area", "[calls.area]\n{}", ""),
    ("drivers", "[drivers]\n{}", ""),
    ("positions", "[positions]\n{}", "[positions]\nrate_per_s = 5.0\ntransport = \"rest\""),
    ("storm", "[storm]\n{}", "[storm]\naccepts = 2"),
    ("prefill", "[prefill]\n{}", "[prefill]\ncalls = 1"),
    ("replay", "[replay]\n{}", "[replay]\ntrace = \"x\"\nspeed = 2.0\n[drivers]\ntransport = \"websocket\""),
    ("faults", "[[faults]]\n{}", "[[faults]]\nat_s = 0.0"),
    ("checks", "[checks]\n{}", ""),
    ("thresholds", "[thresholds]\n{}", ""),
];

fn folder() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn page() -> Result<String, std::io::Error> {
    std::fs::read_to_string(folder().join("README.md"))
}

/// The keys of a section's table with their defaults, as the page has them.
fn on_the_page<'a>(page: &'a str, section: &str) -> Vec<(&'a str, &'a str)> {
    let heading = format!("### {section}\n");
    let text = page.split_once(&heading).map_or("", |(_, text)| text);
    let text = text.split("\n#").next().unwrap_or_default();
    let row = |line: &'a str| {
        let mut cells = line.strip_prefix("| `")?.split('|');
        Some((cells.next()?.trim().trim_end_matches('`'), cells.next()?.trim()))
    };
    text.lines().filter_map(row).collect()
}

/// The keys that the reader knows: it names them all when it meets one that it does not know.
fn in_the_code(unknown: &str) -> BTreeSet<String> {
    let text = unknown.replace("{}", "no_such_key = 1");
    let error = Scenario::parse(&text).expect_err("an unknown key").to_string();
    let known = error.split_once("expected ").map_or("", |(_, known)| known);
    known.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

/// A scenario with a section, every default filled in.
fn filled_in(section: &str, minimal: &str) -> Result<toml::Value, Box<dyn Error>> {
    let arrives = ["[load]", "[positions]", "[replay]"].iter().any(|table| minimal.contains(table));
    let load = if arrives { "" } else { "\n[load]\nrate_per_s = 5.0" };
    let text = format!("about = \"a\"\nduration_s = 10.0\n{minimal}{load}");
    let all: toml::Value = toml::from_str(&toml::to_string(&Scenario::parse(&text)?)?)?;
    let found = match section {
        "Top level" => Some(&all),
        "area" => all.get("calls").and_then(|calls| calls.get("area")),
        "services" | "faults" => all.get(section).and_then(|many| many.get(0)),
        _ => all.get(section),
    };
    Ok(found.ok_or(format!("no {section} in {all}"))?.clone())
}

#[test]
fn every_scenario_is_on_the_page() -> Done {
    let page = page()?;
    let table = page.split_once("## Scenarios").ok_or("no scenarios")?.1.split("\n## ").next().unwrap_or_default();
    let rows = table.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next());
    let listed: BTreeSet<String> = rows.map(str::to_owned).collect();
    let mut there = BTreeSet::new();
    for entry in std::fs::read_dir(folder().join("scenarios"))? {
        there.insert(entry?.path().file_stem().ok_or("a name")?.to_string_lossy().into_owned());
    }
    assert_eq!(listed, there);
    Ok(())
}

#[test]
fn every_key_is_on_the_page_and_no_other() -> Done {
    let page = page()?;
    for (section, unknown, _) in SECTIONS {
        let listed: BTreeSet<String> = on_the_page(&page, section).iter().map(|(key, _)| (*key).to_owned()).collect();
        assert!(!listed.is_empty(), "{section} has no table");
        assert_eq!(listed, in_the_code(unknown), "{section}");
    }
    Ok(())
}

#[test]
fn every_default_is_as_the_page_says() -> Done {
    let page = page()?;
    for (section, _, minimal) in SECTIONS {
        let values = filled_in(section, minimal)?;
        for (key, default) in on_the_page(&page, section) {
            let Some(default) = default.strip_prefix('`').and_then(|text| text.strip_suffix('`')) else {
                let optional = default == "none" && !minimal.contains(&format!("{key} ="));
                assert!(!optional || values.get(key).is_none() || key == "load", "{section}.{key} has a default");
                continue;
            };
            let wanted: toml::Value = toml::from_str::<toml::Table>(&format!("x = {default}"))?["x"].clone();
            assert_eq!(values.get(key), Some(&wanted), "{section}.{key}");
        }
    }
    Ok(())
}

#[test]
fn every_option_is_on_the_page() -> Done {
    let page = page()?;
    for command in Args::command().get_subcommands() {
        for option in command.get_arguments().filter_map(|argument| argument.get_long()).filter(|long| *long != "help")
        {
            assert!(page.contains(&format!("--{option}")), "{}: --{option}", command.get_name());
        }
    }
    Ok(())
}
