//! Service areas by district, with the real districts of Seoul.

use callout::domain::geo::{InvalidArea, ServiceArea};

use crate::at;

/// The districts lie beside the repository, or in the folder that `CALLOUT_TEST_DATA` names.
fn districts() -> String {
    let folder = std::env::var("CALLOUT_TEST_DATA")
        .unwrap_or_else(|_| concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/data").to_owned());
    let path = format!("{folder}/seoul_districts.geojson");
    std::fs::read_to_string(&path).unwrap_or_else(|error| {
        panic!(
            "{path}: {error}; name the folder of seoul_districts.geojson (southkorea/seoul-maps) in CALLOUT_TEST_DATA"
        )
    })
}

fn area(names: &[&str]) -> Result<ServiceArea, InvalidArea> {
    let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
    ServiceArea::from_geojson(&districts(), &names)
}

/// A point well inside each of some districts.
const INSIDE: [(&str, f64, f64); 6] = [
    ("강남구", 37.4979, 127.0476),
    ("종로구", 37.5961, 126.9698),
    ("중구", 37.5549, 126.9939),
    ("송파구", 37.5012, 127.1098),
    ("강서구", 37.5622, 126.8240),
    ("노원구", 37.6524, 127.0740),
];

#[test]
fn dc_9_a_district_contains_its_points_and_not_those_of_others() {
    for (name, ..) in INSIDE {
        let district = area(&[name]).expect("a district");
        for (other, lat, lng) in INSIDE {
            assert_eq!(district.contains(at(lat, lng)), name == other, "a point of {other} in {name}");
        }
    }
}

#[test]
fn all_districts_together_are_seoul() {
    let seoul = area(&[]).expect("all districts");
    for (name, lat, lng) in INSIDE {
        assert!(seoul.contains(at(lat, lng)), "{name}");
    }
    assert!(!seoul.contains(at(37.3850, 127.1233)), "Bundang is not in Seoul");
}

#[test]
fn the_river_divides_yongsan_from_dongjak() {
    let (north, south) = ((37.5170, 126.9780), (37.5080, 126.9780));
    let (yongsan, dongjak) = (area(&["용산구"]).expect("a district"), area(&["동작구"]).expect("a district"));
    assert!(yongsan.contains(at(north.0, north.1)) && !yongsan.contains(at(south.0, south.1)));
    assert!(dongjak.contains(at(south.0, south.1)) && !dongjak.contains(at(north.0, north.1)));
}

#[test]
fn walking_across_a_border_leaves_one_district_and_enters_the_next() {
    let (jongno, jung) = (area(&["종로구"]).expect("a district"), area(&["중구"]).expect("a district"));
    let both = area(&["종로구", "중구"]).expect("two districts");
    let mut crossed = false;
    for step in 0..=200 {
        // From Gyeongbokgung (Jongno) due south to Myeong-dong (Jung), about 15 metres a step.
        let here = at(37.5790 - 0.000_135 * f64::from(step), 126.9830);
        let (in_jongno, in_jung) = (jongno.contains(here), jung.contains(here));
        assert!(!(in_jongno && in_jung), "{here:?} is in two districts");
        assert_eq!(both.contains(here), in_jongno || in_jung);
        assert!(!(crossed && in_jongno), "{here:?} is back in Jongno");
        crossed |= in_jung;
    }
    assert!(crossed, "the walk ends in Jung");
}

#[test]
fn a_corner_of_the_bounding_box_is_outside() {
    // Inside the rectangle around Gangnam, but in Seongnam.
    assert!(!area(&["강남구"]).expect("a district").contains(at(37.4570, 127.0300)));
}

#[test]
fn an_unknown_district_is_refused_by_name() {
    let error = area(&["강남구", "분당구"]).expect_err("Bundang is no district of Seoul");
    assert_eq!(error, InvalidArea::NoSuchDistrict("분당구".to_owned()));
}
