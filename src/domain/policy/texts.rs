//! Texts for people, in Korean and English, with placeholders.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The occasions for which a policy's `messages` may have a text.
pub const OCCASIONS: [&str; 23] = [
    "paid",
    "payment_declined",
    "payment_wanted",
    "payment_unavailable",
    "payment_unknown",
    "denied",
    "assigned",
    "released",
    "started",
    "completed",
    "cancelled",
    "refunded",
    "waived",
    "debt",
    "offer",
    "offer_withdrawn",
    "assigned_driver",
    "cancelled_driver",
    "refunded_driver",
    "approval_wanted",
    "payment_unknown_long",
    "actor_parked",
    "writes_lost",
];

/// The placeholders that a message may use in braces.
pub const PLACEHOLDERS: [&str; 5] = ["service", "noun", "driver", "amount", "reason"];

/// A language that services speak.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Lang {
    Ko,
    En,
}

/// One text in every language.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Text {
    /// The text in Korean.
    pub ko: String,
    /// The text in English.
    pub en: String,
}

impl Text {
    /// The same text in every language: a name, an amount.
    #[must_use]
    pub fn same(text: impl Into<String>) -> Self {
        let text = text.into();
        Self { ko: text.clone(), en: text }
    }

    /// The text in one language.
    #[must_use]
    pub fn in_lang(&self, lang: Lang) -> &str {
        match lang {
            Lang::Ko => &self.ko,
            Lang::En => &self.en,
        }
    }

    /// The text with `{name}` replaced by each pair's value. What a value has in braces stays as it is.
    #[must_use]
    pub fn filled(&self, values: &[(&str, &Self)]) -> Self {
        let fill = |lang: Lang| {
            fill(self.in_lang(lang), |name| {
                values.iter().find(|(known, _)| *known == name).map(|(_, v)| v.in_lang(lang))
            })
        };
        Self { ko: fill(Lang::Ko), en: fill(Lang::En) }
    }

    /// Whether there is a brace in either language.
    #[must_use]
    pub fn has_braces(&self) -> bool {
        [&self.ko, &self.en].into_iter().any(|text| text.contains(['{', '}']))
    }

    /// Whether a brace in either language has no counterpart, or is within others.
    #[must_use]
    pub fn has_stray_brace(&self) -> bool {
        [&self.ko, &self.en].into_iter().any(|text| is_stray(text))
    }

    /// The names in braces, in either language.
    pub fn placeholders(&self) -> impl Iterator<Item = &str> {
        [self.ko.as_str(), self.en.as_str()].into_iter().flat_map(in_braces)
    }
}

/// `text` with what is in braces looked up; what is not found stays.
fn fill<'a>(text: &str, value: impl Fn(&str) -> Option<&'a str>) -> String {
    let mut filled = String::with_capacity(text.len() * 2);
    let mut rest = text;
    while let Some((before, behind)) = rest.split_once('{') {
        filled.push_str(before);
        rest = match behind.split_once('}').and_then(|(name, after)| Some((value(name)?, after))) {
            Some((value, after)) => {
                filled.push_str(value);
                after
            }
            None => {
                filled.push('{');
                behind
            }
        };
    }
    filled.push_str(rest);
    filled
}

fn is_stray(text: &str) -> bool {
    let mut open = false;
    for brace in text.chars().filter(|letter| matches!(letter, '{' | '}')) {
        let opens = brace == '{';
        if opens == open {
            return true;
        }
        open = opens;
    }
    open
}

fn in_braces(text: &str) -> impl Iterator<Item = &str> {
    text.split('{').skip(1).filter_map(|rest| rest.split_once('}').map(|(name, _)| name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn braces_without_a_counterpart_are_seen() {
        for stray in ["{noun is {driver}.", "{noun", "noun}", "{{noun}}", "}{"] {
            assert!(Text { ko: "{noun}".to_owned(), en: stray.to_owned() }.has_stray_brace(), "{stray}");
        }
        assert!(!Text::same("{noun}{driver}, {noun}").has_stray_brace());
    }

    #[test]
    fn names_in_braces_are_filled_in_once() {
        let driver = Text { ko: "김".to_owned(), en: "Kim {reason}".to_owned() };
        let values = [("driver", &driver), ("reason", &Text::same("late"))];
        let filled = Text::same("{driver}, {reason}; {other} {{reason} {driver").filled(&values);
        assert_eq!(filled.ko, "김, late; {other} {late {driver");
        assert_eq!(filled.en, "Kim {reason}, late; {other} {late {driver");
    }
}
