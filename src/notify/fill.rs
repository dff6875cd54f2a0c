//! Turns an occasion into words: the policy's message, or the built-in one, with its placeholders filled in.

use super::{Notification, Occasion, Receiver, texts};
use crate::domain::{
    Currency, DriverId, Money, Role,
    call::{Call, DenyReason},
    policy::{Policy, Text},
};

/// The values of the placeholders in a call's messages.
#[derive(Clone)]
pub(super) struct Fill<'a> {
    policy: Option<&'a Policy>,
    call: &'a Call,
    amount: Money,
    reason: Text,
}

impl<'a> Fill<'a> {
    pub fn new(policy: Option<&'a Policy>, call: &'a Call) -> Self {
        Self { policy, call, amount: call.fare, reason: Text::same("") }
    }

    /// The policy of the call's service, if there still is one.
    pub fn policy(&self) -> Option<&'a Policy> {
        self.policy
    }

    /// With another amount than the fare.
    pub fn amount(mut self, amount: Option<Money>) -> Self {
        self.amount = amount.unwrap_or(self.amount);
        self
    }

    pub fn because(mut self, reason: Option<Text>) -> Self {
        self.reason = reason.unwrap_or(self.reason);
        self
    }

    pub fn customer(&self, occasion: Occasion) -> Notification {
        self.tell(occasion, vec![Receiver::customer(&self.call.customer_id)], Role::Customer)
    }

    pub fn driver(&self, occasion: Occasion, driver: &DriverId) -> Notification {
        self.tell(occasion, vec![Receiver::driver(driver)], Role::Driver)
    }

    pub fn operators(&self, occasion: Occasion) -> Notification {
        self.tell(occasion, vec![Receiver::operators(&self.call.service)], Role::Operator)
    }

    /// The same to many drivers; nothing when there is none.
    pub fn drivers<'d>(&self, occasion: Occasion, drivers: impl Iterator<Item = &'d DriverId>) -> Vec<Notification> {
        let receivers: Vec<_> = drivers.map(Receiver::driver).collect();
        if receivers.is_empty() { Vec::new() } else { vec![self.tell(occasion, receivers, Role::Driver)] }
    }

    /// Any text with the placeholders filled in.
    pub fn fill(&self, text: &Text) -> Text {
        let service = self.policy.map_or_else(|| Text::same(self.call.service.as_str()), |p| p.file.name.clone());
        let noun = self.policy.map_or_else(|| texts::NOUN.text(), |policy| policy.file.noun.clone());
        let driver = self.call.shown_driver().map_or_else(|| noun.clone(), |card| Text::same(isolated(&card.name)));
        let values = [
            ("service", &service),
            ("noun", &noun),
            ("amount", &amount(self.amount)),
            ("driver", &driver),
            ("reason", &self.reason),
        ];
        tidy(text.filled(&values))
    }

    fn tell(&self, occasion: Occasion, receivers: Vec<Receiver>, role: Role) -> Notification {
        let text = message(self.policy, occasion, role);
        Notification {
            receivers,
            occasion,
            call: Some(self.call.id.clone()),
            service: self.call.service.clone(),
            text: self.fill(&self.with_eta(occasion, role, text)),
        }
    }

    /// When the driver comes is said even by a message that has no place for it.
    fn with_eta(&self, occasion: Occasion, role: Role, text: Text) -> Text {
        let wanted = occasion == Occasion::Assigned && role == Role::Customer;
        if !wanted || text.en.contains("{reason}") {
            return text;
        }
        Text { ko: text.ko + " {reason}", en: text.en + " {reason}" }
    }
}

/// The policy's words for an occasion, or the built-in ones.
pub(super) fn message(policy: Option<&Policy>, occasion: Occasion, role: Role) -> Text {
    let own = policy.and_then(|policy| policy.file.messages.get(occasion.message_key(role)));
    own.cloned().unwrap_or_else(|| texts::default(occasion, role).text())
}

/// Without the blanks that an empty placeholder leaves.
pub(super) fn tidy(text: Text) -> Text {
    let tidy = |text: String| if is_tidy(&text) { text } else { text.split_whitespace().collect::<Vec<_>>().join(" ") };
    Text { ko: tidy(text.ko), en: tidy(text.en) }
}

/// Whether every blank of a text is a single space between two words, as most are.
fn is_tidy(text: &str) -> bool {
    let mut after_blank = true;
    for letter in text.chars() {
        let blank = letter.is_whitespace();
        if blank && (after_blank || letter != ' ') {
            return false;
        }
        after_blank = blank;
    }
    !after_blank
}

/// Why a call was cancelled, in words: the system's reasons have names, people's are their own words.
pub(super) fn why_cancelled(reason: Option<&str>) -> Option<Text> {
    reason.map(|reason| match reason {
        "no_driver" => texts::NO_DRIVER.text(),
        "unpaid" => texts::UNPAID.text(),
        "not_approved" => texts::NOT_APPROVED.text(),
        "period_over" => texts::PERIOD_OVER.text(),
        words => own_words(words),
    })
}

pub(super) fn why_denied(reason: DenyReason, words: Option<&str>) -> Option<Text> {
    match reason {
        DenyReason::OutOfArea => Some(texts::OUT_OF_AREA.text()),
        DenyReason::DriverUnavailable => Some(texts::NOT_FREE.text()),
        DenyReason::Rejected => words.map(own_words),
    }
}

/// A person's own words, as a sentence of its own.
pub(super) fn own_words(words: &str) -> Text {
    let Text { ko, en } = texts::sentence(words);
    Text { ko: isolated(&ko), en: isolated(&en) }
}

/// People's words, set apart from the text around them where they are written from right to left: without that they
/// would turn numbers and punctuation beside them (UAX 9, isolates).
fn isolated(words: &str) -> String {
    const FIRST_STRONG_ISOLATE: char = '\u{2068}';
    const POP_ISOLATE: char = '\u{2069}';
    if words.chars().any(is_right_to_left) {
        format!("{FIRST_STRONG_ISOLATE}{words}{POP_ISOLATE}")
    } else {
        words.to_owned()
    }
}

/// Whether a character is of a script that is written from right to left: its block is (Unicode, DerivedBidiClass).
fn is_right_to_left(letter: char) -> bool {
    matches!(letter,
        '\u{590}'..='\u{8ff}' | '\u{fb1d}'..='\u{fdff}' | '\u{fe70}'..='\u{fefe}' | '\u{10800}'..='\u{10fff}'
        | '\u{1e800}'..='\u{1efff}')
}

/// An amount as people write it: `20,000원`, `KRW 20,000`.
fn amount(money: Money) -> Text {
    let (code, (whole, rest)) = (money.currency.code(), money.parts());
    let en = match money.currency.decimals() {
        0 => format!("{code} {}", grouped(whole)),
        decimals => format!("{code} {}.{rest:0width$}", grouped(whole), width = decimals as usize),
    };
    if money.currency == Currency::KRW { Text { ko: format!("{}원", grouped(whole)), en } } else { Text::same(en) }
}

fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut grouped = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_policy_may_have_a_text_for_is_an_occasion() {
        for key in crate::domain::policy::OCCASIONS {
            let (name, role) = key.strip_suffix("_driver").map_or((key, Role::Customer), |name| (name, Role::Driver));
            let occasion: Occasion = serde_json::from_value(name.into()).expect("an occasion");
            assert_eq!(occasion.message_key(role), key);
        }
    }

    #[test]
    fn placeholders_are_found_in_both_languages() {
        let known = crate::domain::policy::PLACEHOLDERS;
        let text = Text::same(known.map(|name| format!("{{{name}}}")).join(" "));
        assert_eq!(text.placeholders().collect::<Vec<_>>(), [known, known].concat());
    }

    #[test]
    fn an_empty_placeholder_leaves_no_blanks() {
        for (text, tidied) in [
            ("", ""),
            ("paid", "paid"),
            ("it is paid.", "it is paid."),
            (" it  is\npaid.\u{3000}", "it is paid."),
            ("  ", ""),
        ] {
            assert_eq!(tidy(Text::same(text)), Text::same(tidied), "{text:?}");
        }
    }

    #[test]
    fn amounts_are_written_as_people_write_them() {
        assert_eq!(amount(Money::new(1_234_567, Currency::KRW)).ko, "1,234,567원");
        assert_eq!(amount(Money::new(20_000, Currency::KRW)).en, "KRW 20,000");
        assert_eq!(amount(Money::new(500, Currency::JPY)).en, "JPY 500");
        assert_eq!(amount(Money::new(123_405, Currency::USD)).ko, "USD 1,234.05");
        assert_eq!(amount(Money::new(1_234_005, "KWD".parse().expect("a currency"))).ko, "KWD 1,234.005");
    }
}
