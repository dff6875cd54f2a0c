//! The shipped driver-call policy is complete and says what people expect.

use std::collections::BTreeSet;

use callout::{
    actors::ports::routing::Router,
    domain::{call, policy::Text},
    routing::GreatCircle,
};

use crate::{at, driver_call, in_incheon, in_seoul};

const OCCASIONS: [&str; 17] = [
    "paid",
    "payment_declined",
    "payment_unavailable",
    "payment_unknown",
    "denied",
    "assigned",
    "released",
    "started",
    "completed",
    "cancelled",
    "refunded",
    "offer",
    "offer_withdrawn",
    "assigned_driver",
    "cancelled_driver",
    "payment_unknown_long",
    "actor_parked",
];

#[test]
fn the_shipped_policy_has_no_problems() {
    assert_eq!(driver_call().file.problems(), []);
}

#[test]
fn every_status_has_a_label_and_every_occasion_a_message() {
    let file = driver_call().file;
    let keys = |texts: &std::collections::BTreeMap<String, Text>| texts.keys().cloned().collect::<BTreeSet<_>>();
    assert_eq!(keys(&file.labels), call::STATUSES.map(str::to_owned).into());
    assert_eq!(keys(&file.messages), OCCASIONS.map(str::to_owned).into());
}

#[test]
fn texts_use_only_the_names_that_are_filled_in() {
    let value = Text::same("x");
    let names = ["noun", "driver", "amount", "service", "reason"].map(|name| (name, &value));
    for (occasion, text) in driver_call().file.messages {
        let filled = text.filled(&names);
        assert!(!filled.ko.contains(['{', '}']) && !filled.en.contains(['{', '}']), "{occasion}: {filled:?}");
        assert!(!filled.ko.trim().is_empty() && !filled.en.trim().is_empty(), "{occasion} says nothing");
    }
}

#[test]
fn dc_9_seoul_is_served_and_its_neighbours_are_not() {
    let policy = driver_call();
    let inside = [
        ("Gangnam station", 37.4979, 127.0276),
        ("City Hall", 37.5663, 126.9779),
        ("Hongik University station", 37.5572, 126.9245),
        ("Jamsil", 37.5133, 127.1001),
        ("Nowon station", 37.6542, 127.0613),
        ("Gimpo airport", 37.5587, 126.7945),
        ("Yeouido", 37.5216, 126.9242),
        ("Sillim", 37.4843, 126.9297),
    ];
    let outside = [
        ("Bundang", 37.3850, 127.1233),
        ("Pangyo", 37.3947, 127.1112),
        ("Incheon", 37.4563, 126.7052),
        ("Goyang", 37.6584, 126.8320),
        ("Hanam", 37.5392, 127.2149),
        ("Gwangmyeong", 37.4786, 126.8646),
        ("Guri", 37.5943, 127.1296),
        ("Bucheon", 37.5034, 126.7660),
    ];
    for (name, lat, lng) in inside {
        assert!(policy.serves(at(lat, lng), None), "{name} is in Seoul");
    }
    for (name, lat, lng) in outside {
        assert!(!policy.serves(at(lat, lng), None), "{name} is not in Seoul");
    }
}

#[test]
fn a_trip_may_lead_out_of_the_area() {
    assert!(driver_call().serves(in_seoul().position(), Some(in_incheon().position())));
}

#[test]
fn gangnam_to_city_hall_costs_27_000_won() {
    // 8.8 km as the crow flies, 11.4 km of road: 15,000 + 11,400, rounded up to the next thousand.
    let policy = driver_call();
    let route = GreatCircle.estimate(in_seoul().position(), at(37.5663, 126.9779), policy.file.travel);
    let fare = policy.fare(Some(route), None);
    assert_eq!(fare.to_string(), "27000 KRW");
}
