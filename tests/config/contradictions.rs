//! Policies that contradict themselves: each of the shipped ones with a line or two changed, and why that is refused.

use std::{fs, path::Path};

use super::{
    Result,
    services::{checked, given_service},
};

fn shipped(service: &str) -> Result<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/services").join(format!("{service}.toml"));
    Ok(fs::read_to_string(path)?)
}

/// What `config check` says about a shipped policy in which one text is replaced by another.
fn said(service: &str, from: &str, to: &str) -> Result<String> {
    let policy = shipped(service)?;
    assert!(policy.contains(from), "{service} has no {from:?}");
    let (good, said) = checked(&given_service("", &policy.replacen(from, to, 1))?)?;
    assert!(!good, "{service} with {to:?} is taken: {said}");
    Ok(said)
}

#[test]
fn the_shipped_policies_contradict_nothing() -> Result {
    for service in ["driver-call", "cleaning", "rental", "taxi", "studycafe"] {
        let (good, said) = checked(&given_service("", &shipped(service)?)?)?;
        assert!(good, "{service}: {said}");
    }
    Ok(())
}

#[test]
fn a_contradiction_is_refused_with_the_reason() -> Result {
    for (service, from, to, key, reason) in [
        (
            "driver-call",
            "confirmed_by = \"driver\"",
            "confirmed_by = \"nobody\"",
            "confirmed_by",
            "exactly those calls",
        ),
        ("cleaning", "confirmed_by = \"nobody\"", "confirmed_by = \"driver\"", "confirmed_by", "exactly those calls"),
        (
            "cleaning",
            "confirmed_by = \"nobody\"",
            "confirmed_by = \"operator\"",
            "confirmed_by",
            "driver the customer chose",
        ),
        (
            "rental",
            "confirmed_by = \"nobody\"",
            "confirmed_by = \"operator\"",
            "payment.due",
            "calls an operator approves",
        ),
        (
            "studycafe",
            "due = \"after_approval\"",
            "due = \"with_request\"",
            "payment.due",
            "calls an operator approves",
        ),
        (
            "driver-call",
            "gateway_down = \"refuse\"",
            "gateway_down = \"defer\"",
            "payment.gateway_down",
            "reaches no driver",
        ),
        ("taxi", "gateway_down = \"hold\"", "gateway_down = \"refuse\"", "payment.gateway_down", "is not completed"),
        (
            "studycafe",
            "gateway_down = \"defer\"",
            "gateway_down = \"hold\"",
            "payment.gateway_down",
            "in the background",
        ),
        ("taxi", "period = \"none\"", "period = \"required\"", "period", "begins at once"),
        ("rental", "period = \"required\"", "period = \"none\"", "fare.kind", "booked for one"),
        ("cleaning", "minimum = 5_000", "minimum = 70_000", "payment.minimum", "could ever be paid"),
        ("rental", "minimum = 5_000 ", "minimum = 18_300_001 ", "payment.minimum", "no fare is higher than 18300000"),
        ("rental", "by = \"choose\"", "by = \"choose\"\nwaiting_max = 3", "dispatch.waiting_max", "no call waits"),
        ("rental", "by = \"choose\"", "by = \"choose\"\ncapacity = 2", "dispatch.capacity", "where the system assigns"),
        ("taxi", "by = \"offer\"", "by = \"offer\"\nearly_s = 60", "dispatch.early_s", "booked for a period"),
        ("rental", "start = [\"operator\"]", "start = [\"driver\"]", "steps.start", "takes no step"),
        ("cleaning", "start = [\"driver\", \"operator\"]", "start = []", "steps.start", "no role could take this step"),
        ("rental", "available = {", "parked = {", "labels.parked", "no call or driver has this status"),
        ("taxi", "assigned_driver = {", "boarded = {", "messages.boarded", "on this occasion; the occasions are paid"),
        ("rental", "available = { ko = \"", "available = { ko = \"{noun} ", "labels.available", "leave the braces out"),
        ("taxi", "호출이 취소되었습니다.", "{noun {driver}", "messages.cancelled", "a brace has no counterpart"),
        ("taxi", "ko = \"택시\"", "ko = \"\"", "noun.ko", "must not be empty"),
        ("taxi", "ko = \"택시예약\"", "ko = \" \"", "name.ko", "must not be empty"),
        ("taxi", "호출이 취소되었습니다.", "{who} 님", "messages.cancelled", "no placeholder {who}"),
    ] {
        let said = said(service, from, to)?;
        let line = said.lines().find(|line| line.contains(&format!(": {key}: ")) && line.contains(reason));
        let line = line.ok_or_else(|| format!("{service} with {to:?}: {key} … {reason} is missing in:\n{said}"))?;
        let place = line.strip_prefix("services/driver-call.toml:").and_then(|rest| rest.split(':').next());
        assert!(place.is_some_and(|number| number.parse::<u32>().is_ok()), "no line number: {line}");
    }
    Ok(())
}
