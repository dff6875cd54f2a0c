//! Times as clients write them: RFC 3339 and nothing else.

use jiff::Timestamp;
use serde::{Deserialize, Deserializer, de::Error};

/// Reads a time of a body or a frame.
pub(in crate::http) fn required<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Timestamp, D::Error> {
    let text = String::deserialize(deserializer)?;
    parse(&text).ok_or_else(|| {
        D::Error::custom(format!("must be a time as RFC 3339 writes it, like 2030-05-01T09:00:00+09:00, got {text:?}"))
    })
}

/// Reads a time that may be left out.
pub(in crate::http) fn optional<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Timestamp>, D::Error> {
    #[derive(Deserialize)]
    struct Given(#[serde(deserialize_with = "required")] Timestamp);
    Ok(Option::<Given>::deserialize(deserializer)?.map(|Given(time)| time))
}

/// The time that a text names: a full date, `T`, a full time, and `Z` or an offset below 24 hours (RFC 3339, 5.6). Other
/// forms, which some parsers take, mean different things to different readers.
pub(in crate::http) fn parse(text: &str) -> Option<Timestamp> {
    let (date_and_time, rest) = text.split_at_checked("2030-05-01T09:00:00".len())?;
    if !fits(date_and_time, "0000-00-00T00:00:00") {
        return None;
    }
    let rest = match rest.strip_prefix('.') {
        Some(fraction) => {
            let rest = fraction.trim_start_matches(|digit: char| digit.is_ascii_digit());
            (rest.len() < fraction.len()).then_some(rest)?
        }
        None => rest,
    };
    let is_offset = |offset: &str| {
        let hours = offset.get(1..3).and_then(|hours| hours.parse::<u8>().ok());
        let minutes = offset.get(4..6).and_then(|minutes| minutes.parse::<u8>().ok());
        (fits(offset, "+00:00") || fits(offset, "-00:00"))
            && hours.is_some_and(|hours| hours < 24)
            && minutes.is_some_and(|minutes| minutes < 60)
    };
    (matches!(rest, "Z" | "z") || is_offset(rest)).then(|| text.parse().ok()).flatten()
}

/// Whether a text has the form of another: digits where that has digits, else the same characters.
fn fits(text: &str, form: &str) -> bool {
    let same = |(given, wanted): (u8, u8)| {
        if wanted.is_ascii_digit() { given.is_ascii_digit() } else { given.eq_ignore_ascii_case(&wanted) }
    };
    text.len() == form.len() && text.bytes().zip(form.bytes()).all(same)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_as_rfc_3339_writes_them() {
        for (text, means) in [
            ("2030-05-01T09:00:00Z", "2030-05-01T09:00:00Z"),
            ("2030-05-01t09:00:00.25z", "2030-05-01T09:00:00.25Z"),
            ("2030-05-01T09:00:00+09:00", "2030-05-01T00:00:00Z"),
            ("2030-05-01T09:00:00-23:59", "2030-05-02T08:59:00Z"),
        ] {
            assert_eq!(parse(text), means.parse().ok(), "{text}");
        }
    }

    #[test]
    fn other_forms_are_none() {
        for text in [
            "",
            "now",
            "2030-05-01",
            "2030-05-01T09:00:00",
            "2030-05-01T09:00Z",
            "2030-05-01 09:00:00Z",
            "2030-05-01T09:00:00.Z",
            "2030-05-01T09:00:00+24:00",
            "2030-05-01T09:00:00+25:59",
            "2030-05-01T09:00:00+09:60",
            "2030-05-01T09:00:00+09",
            "2030-05-01T09:00:00+0900",
            "2030-05-01T09:00:00+09:00:30",
            "2030-05-01T09:00:00+09:00[Asia/Seoul]",
            "2030-02-30T09:00:00Z",
            "+002030-05-01T09:00:00Z",
            "2030-05-01T25:00:00Z",
            "2030-05-01T09:00:0\u{661}Z",
        ] {
            assert_eq!(parse(text), None, "{text:?}");
        }
    }
}
