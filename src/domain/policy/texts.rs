//! What people read, in the languages of the service.

use serde::{Deserialize, Serialize};

/// What a policy's `messages` may have a text for.
pub const OCCASIONS: [&str; 17] = [
    "paid",
    "payment_declined",
    "payment_unavailable",
    "payment_unknown",
    "denied",
    "assigned",
    "started",
    "completed",
    "cancelled",
    "refunded",
    "offer",
    "offer_withdrawn",
    "assigned_driver",
    "cancelled_driver",
    "approval_wanted",
    "payment_unknown_long",
    "actor_parked",
];

/// What is filled in where a message names it in braces.
pub const PLACEHOLDERS: [&str; 5] = ["service", "noun", "driver", "amount", "reason"];

/// A language that services speak.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Lang {
    /// Korean.
    Ko,
    /// English.
    En,
}

/// One text in every language.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Text {
    /// Korean.
    pub ko: String,
    /// English.
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

    /// The text with `{name}` replaced by each pair's value.
    #[must_use]
    pub fn filled(&self, values: &[(&str, &Self)]) -> Self {
        let fill = |lang: Lang| {
            values.iter().fold(self.in_lang(lang).to_owned(), |text, (name, value)| {
                text.replace(&format!("{{{name}}}"), value.in_lang(lang))
            })
        };
        Self { ko: fill(Lang::Ko), en: fill(Lang::En) }
    }

    /// The names in braces, in either language.
    pub fn placeholders(&self) -> impl Iterator<Item = &str> {
        [self.ko.as_str(), self.en.as_str()].into_iter().flat_map(in_braces)
    }
}

fn in_braces(text: &str) -> impl Iterator<Item = &str> {
    text.split('{').skip(1).filter_map(|rest| rest.split_once('}').map(|(name, _)| name))
}
