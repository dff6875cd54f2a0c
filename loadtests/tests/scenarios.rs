//! Scenario files: the shipped ones are good, wrong ones are refused with what is wrong and what would be right.

use std::{error::Error, path::Path};

use loadtests::scenario::Scenario;

const GOOD: &str = "about = \"a\"\nduration_s = 10\n[load]\nrate_per_s = 5\n";

#[test]
fn every_shipped_scenario_can_be_read() -> Result<(), Box<dyn Error>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios");
    let mut many = 0;
    for entry in std::fs::read_dir(folder)? {
        Scenario::read(&entry?.path())?;
        many += 1;
    }
    assert!(many >= 10, "{many} scenarios");
    Ok(())
}

#[test]
fn defaults_are_filled_in() -> Result<(), Box<dyn Error>> {
    let scenario = Scenario::parse(GOOD)?;
    assert_eq!((scenario.service.as_str(), scenario.customers, scenario.checks.read_back), ("driver-call", 1_000, 1.0));
    assert_eq!(Scenario::parse(&toml::to_string(&scenario)?)?, scenario);
    Ok(())
}

#[test]
fn wrong_scenarios_are_refused_with_the_key() {
    for (change, words) in [
        ("colour = 1", "unknown field `colour`"),
        ("[load]\nrate_per_s = 5\nspeed = 1", "unknown field `speed`"),
        ("[load]\nrate_per_s = 5\nconcurrency = 5", "either rate_per_s (open) or concurrency (closed)"),
        ("[load]\nrate_per_s = -1", "load.rate_per_s = -1"),
        ("[load]\nrate_per_s = 5\nramp_s = 11", "load.ramp_s = 11: must be 0 to duration_s = 10"),
        ("warmup_s = 10\n[load]\nrate_per_s = 5", "warmup_s = 10"),
        ("", "nothing arrives"),
        ("[load]\nrate_per_s = 5\n[calls]\ncancel_rate = 1.5", "calls.cancel_rate = 1.5: a share must be 0 to 1"),
        ("[load]\nrate_per_s = 5\n[[faults]]\nerror_rate = 2", "faults[0].error_rate = 2"),
        ("[load]\nrate_per_s = 5\n[drivers]\ndecline_rate = 0.5", "drivers.decline_rate: only drivers with sockets"),
        ("[load]\nrate_per_s = 5\n[drivers]\nanswer_ms = [9, 1]", "drivers.answer_ms = [9, 1]"),
        ("[load]\nrate_per_s = 5\n[storm]\naccepts = 1", "storm.accepts = 1: must be 2 to drivers.number = 400"),
        ("[replay]\ntrace = \"a\"\nspeed = 5", "drivers.transport = \"websocket\""),
        ("[load]\nrate_per_s = \"many\"", "invalid type"),
    ] {
        let text = format!("about = \"a\"\nduration_s = 10\n{change}\n");
        let error = Scenario::parse(&text).expect_err(change);
        assert!(format!("{error:#}").contains(words), "{change:?} → {error:#}");
    }
}
