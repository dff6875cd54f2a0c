//! Services' policies as people meet them: what is read, and what `config check` says about mistakes.

use std::fs;

use callout::{
    config::{Origin, Problem, command, load, services},
    domain::{LatLng, ServiceId},
};
use utoipa::ToSchema;

use super::{Given, Result, given};

#[derive(Debug, serde::Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[allow(dead_code, reason = "only read, to see what reading reports")]
struct Example {
    noun: String,
    rounds: Vec<Round>,
    found: Found,
    #[schema(minimum = 1, maximum = 9)]
    fee: u32,
}

#[derive(Debug, serde::Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[allow(dead_code, reason = "only read, to see what reading reports")]
struct Round {
    #[schema(minimum = 1, maximum = 1_000)]
    radius_m: u32,
    #[schema(minimum = 1, maximum = 9)]
    size: u32,
}

#[derive(Debug, serde::Deserialize, ToSchema)]
#[serde(tag = "by", rename_all = "snake_case", deny_unknown_fields)]
#[allow(dead_code, reason = "only read, to see what reading reports")]
enum Found {
    Offer {
        #[schema(minimum = 1, maximum = 60)]
        expires_s: u32,
    },
    Choose {},
}

fn example_problems(text: &str) -> Result<Vec<Problem>> {
    let folder = tempfile::tempdir()?;
    fs::write(folder.path().join("taxi.toml"), text)?;
    let result = services::<Example, ()>(folder.path(), |_, _, _| Some(()));
    Ok(result.err().map(|problems| problems.as_slice().to_vec()).unwrap_or_default())
}

fn lines(problems: &[Problem]) -> Vec<(Option<usize>, &str, &str)> {
    let line = |origin: &Origin| if let Origin::File(_, line) = origin { *line } else { None };
    problems.iter().map(|problem| (line(&problem.origin), &*problem.key, &*problem.message)).collect()
}

#[test]
fn a_services_every_problem_is_reported_with_key_and_line() -> Result {
    let good =
        "noun = \"taxi\"\nfee = 1\nfound = { by = \"offer\", expires_s = 3 }\nrounds = [{ radius_m = 1, size = 1 }]\n";
    assert_eq!(example_problems(good)?, []);
    let problems = example_problems(
        "noun = 1\ncolour = \"red\"\n[found]\nby = \"offer\"\nexpires_s = 3\nextra = 1\n\
         [[rounds]]\nsize = 1\n[[rounds]]\nradius_m = \"far\"\n",
    )?;
    assert_eq!(
        lines(&problems),
        [
            (None, "fee", "is required and missing"),
            (Some(1), "noun", "must be text in quotes, got integer 1"),
            (Some(2), "colour", "unknown key; known here: noun, rounds, found, fee"),
            (Some(6), "found.extra", "unknown key; known here: expires_s"),
            (Some(7), "rounds[0].radius_m", "is required and missing"),
            (Some(9), "rounds[1].size", "is required and missing"),
            (Some(10), "rounds[1].radius_m", "must be a whole number from 1 to 1000, got string \"far\""),
        ]
    );
    let problems = example_problems(&good.replace("fee = 1", "fee = 0").replace("offer", "luck"))?;
    assert_eq!(
        lines(&problems),
        [
            (Some(2), "fee", "must be 1 to 9, got 0"),
            (Some(3), "found.by", "must be one of offer, choose, got \"luck\""),
        ]
    );
    for (wrong, said) in [
        ("\"long\"", "must be a whole number from 1 to 60, got string \"long\""),
        ("-3", "must be 1 to 60, got -3"),
        ("3.5", "must be a whole number from 1 to 60, got floating point 3.5"),
    ] {
        let problems = example_problems(&good.replace("expires_s = 3", &format!("expires_s = {wrong}")))?;
        assert_eq!(lines(&problems), [(Some(3), "found.expires_s", said)]);
    }
    let problems = example_problems(&good.replace("fee = 1", "fee = 0"))?;
    assert_eq!(lines(&problems), [(Some(2), "fee", "must be 1 to 9, got 0")]);
    Ok(())
}

#[test]
fn a_folder_without_services_is_a_problem() -> Result {
    let folder = tempfile::tempdir()?;
    let none = services::<Example, ()>(folder.path(), |_, _, _| Some(())).err().ok_or("a problem")?;
    assert!(none.to_string().contains("there is no service here: at least one <id>.toml is needed"), "{none}");
    fs::write(folder.path().join("no id.toml"), "noun = \"x\"\nfee = 1\nrounds = []\nfound.by = \"choose\"")?;
    let bad = services::<Example, ()>(folder.path(), |_, _, _| Some(())).err().ok_or("a problem")?;
    assert!(bad.to_string().contains("no id.toml: the file's name must be <id>.toml"), "{bad}");
    Ok(())
}

/// A policy like the shipped ones.
pub(super) const POLICY: &str = r#"
currency = "KRW"
confirmed_by = "driver"
name = { ko = "대리기사 콜", en = "Driver call" }
noun = { ko = "기사", en = "driver" }
fare = { kind = "fixed", amount = 20000 }
area = { file = "areas/seoul.geojson", districts = ["종로구"] }

[dispatch]
by = "offer"
deadline_s = 600
offers_per_round = 3
offer_s = 15
radius_m = 1000
radius_growth = 2.0
radius_max_m = 8000

[payment]
due = "with_request"
gateway_down = "refuse"
minimum = 5000
unpaid_s = 600
"#;

const AREA: &str = r#"{"type": "FeatureCollection", "features": [{"type": "Feature", "properties": {"name": "종로구"},
    "geometry": {"type": "Polygon", "coordinates": [[[126, 37], [127, 37], [127, 38], [126, 38], [126, 37]]]}}]}"#;

/// That configuration, and one service with that policy.
pub(super) fn given_service(default: &str, policy: &str) -> Result<Given> {
    let given = given(default)?;
    for (folder, file, text) in [("services", "driver-call.toml", policy), ("areas", "seoul.geojson", AREA)] {
        let folder = given.folder.path().join(folder);
        fs::create_dir_all(&folder)?;
        fs::write(folder.join(file), text)?;
    }
    Ok(given)
}

pub(super) fn checked(given: &Given) -> Result<(bool, String)> {
    let mut out = Vec::new();
    let good = command::check(&given.sources, &mut out)?;
    Ok((good, String::from_utf8(out)?.replace(&format!("{}/", given.folder.path().display()), "")))
}

#[test]
fn check_says_that_all_is_well_and_what_was_read() -> Result {
    let given = given_service("", POLICY)?.file("more.toml", "")?;
    let expected = "no problems; services: driver-call; read: defaults, default.toml, more.toml, environment\n";
    assert_eq!(checked(&given)?, (true, expected.to_owned()));
    let (_, policies) = load(&given.sources)?;
    let policy = policies.get(&ServiceId::new("driver-call")?).ok_or("a policy")?;
    assert!(policy.serves(LatLng::new(37.5, 126.5)?, None));
    assert!(!policy.serves(LatLng::new(36.5, 126.5)?, None));
    Ok(())
}

#[test]
fn check_prints_the_problems_of_configuration_and_services_and_fails() -> Result {
    let policy = POLICY
        .replace("offers_per_round = 3", "offers_per_round = 0\ncolour = 1")
        .replace("ko = \"기사\", ", "")
        .replace("minimum = 5000\n", "");
    assert_eq!(
        checked(&given_service("guard.queue_max = 0", &policy)?)?,
        (
            false,
            "default.toml:1: guard.queue_max: must be 1 to 100000, got 0\n\
             services/driver-call.toml:5: noun.ko: is required and missing\n\
             services/driver-call.toml:12: dispatch.offers_per_round: must be 1 to 100, got 0\n\
             services/driver-call.toml:13: dispatch.colour: unknown key; known here: by, deadline_s, offers_per_round, \
             offer_s, radius_m, radius_growth, radius_max_m, waiting_max, position_max_age_s, capacity, \
             early_s, offer_shows\n\
             services/driver-call.toml:19: payment.minimum: is required and missing\n"
                .to_owned()
        )
    );
    let policy = POLICY
        .replace("offers_per_round = 3", "offers_per_round = 0")
        .replace("\"종로구\"", "\"강남\", \"종로구\", \"송파\"");
    assert_eq!(
        checked(&given_service("", &policy)?)?,
        (
            false,
            "services/driver-call.toml:7: area.districts: areas/seoul.geojson has no feature whose `name` is \"강남\"\n\
             services/driver-call.toml:7: area.districts: areas/seoul.geojson has no feature whose `name` is \"송파\"\n\
             services/driver-call.toml:12: dispatch.offers_per_round: must be 1 to 100, got 0\n"
                .to_owned()
        )
    );
    let far = POLICY.replace("radius_max_m = 8000", "radius_max_m = 3000000");
    let (good, out) = checked(&given_service("", &far)?)?;
    assert!(!good && out.contains(": dispatch.radius_max_m: must be 1 to 500000, got 3000000"), "{out}");
    let (good, out) = checked(&given_service("", &POLICY.replace("seoul", "busan"))?)?;
    assert!(
        !good && out.starts_with("services/driver-call.toml:7: area.file: areas/busan.geojson cannot be read: "),
        "{out}"
    );
    Ok(())
}

#[test]
fn a_public_server_that_takes_no_money_must_be_allowed_and_is_warned_of() -> Result {
    let public = "[http]\nbind = \"0.0.0.0:8080\"\n[auth]\nsecret = \"a-secret-that-is-long-enough-for-hs256\"\n";
    let (good, said) = checked(&given_service(public, POLICY)?)?;
    let problem =
        "default.toml:2: http.bind: gateway.url is simulated:// while others can connect: no money is ever taken";
    assert!(!good && said.starts_with(problem) && said.contains("gateway.allow_simulated = true"), "{said}");
    let allowed = format!("{public}[gateway]\nallow_simulated = true\n");
    let (good, said) = checked(&given_service(&allowed, POLICY)?)?;
    assert!(
        good && said.starts_with("warning: gateway.url is simulated:// ") && said.contains("no problems"),
        "{said}"
    );
    let real = format!("{public}[gateway]\nurl = \"stripe+https://api.stripe.com\"\napi_key = \"sk_live_x\"\n");
    let (good, said) = checked(&given_service(&real, POLICY)?)?;
    assert!(good && !said.contains("warning"), "{said}");
    let (_, said) = checked(&given_service("", POLICY)?)?;
    assert!(!said.contains("warning"), "{said}");
    Ok(())
}
