//! Money: an amount in the currency's minor unit. Never a float.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{
        RefOr,
        schema::{ObjectBuilder, Schema, Type},
    },
};

/// A currency that people pay in, of ISO 4217: neither a fund nor a metal. In JSON it is its code.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "&'static str")]
pub struct Currency(iso_currency::Currency);

/// A text that is no currency.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("must be the code of a currency in ISO 4217, such as KRW, EUR or KWD, got {0:?}")]
pub struct NoCurrency(String);

impl Currency {
    /// South Korean won; has no minor unit.
    pub const KRW: Self = Self(iso_currency::Currency::KRW);
    /// US dollar, in cents.
    pub const USD: Self = Self(iso_currency::Currency::USD);
    /// Euro, in cents.
    pub const EUR: Self = Self(iso_currency::Currency::EUR);
    /// Japanese yen; has no minor unit.
    pub const JPY: Self = Self(iso_currency::Currency::JPY);

    /// The ISO 4217 code.
    #[must_use]
    pub fn code(self) -> &'static str {
        self.0.code()
    }

    /// The digits behind the point: how many times ten minor units make up the next larger unit. 0, 2 or 3.
    #[must_use]
    pub fn decimals(self) -> u32 {
        self.0.exponent().map_or(0, u32::from)
    }
}

impl FromStr for Currency {
    type Err = NoCurrency;

    fn from_str(code: &str) -> Result<Self, NoCurrency> {
        let found = iso_currency::Currency::from_code(code).filter(|found| !found.is_fund() && !found.is_special());
        found.map(Self).ok_or_else(|| NoCurrency(code.to_owned()))
    }
}

impl TryFrom<String> for Currency {
    type Error = NoCurrency;

    fn try_from(code: String) -> Result<Self, NoCurrency> {
        code.parse()
    }
}

impl From<Currency> for &'static str {
    fn from(currency: Currency) -> Self {
        currency.code()
    }
}

impl fmt::Debug for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

/// A pattern and not the list of all: a client that knows only today's list would refuse the answers of tomorrow's.
impl PartialSchema for Currency {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(Type::String)
            .description(Some("A currency (ISO 4217). Amounts are in its minor unit."))
            .pattern(Some("^[A-Z]{3}$"))
            .examples(["KRW"])
            .into()
    }
}

impl ToSchema for Currency {}

/// An amount of money, not negative, in the currency's minor unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Money {
    /// How much, in the minor unit.
    pub amount: u64,
    pub currency: Currency,
}

impl Money {
    /// The largest amount anything here costs, in minor units: keeps sums exact in JSON readers that use doubles.
    pub const MAX_AMOUNT: u64 = 1_000_000_000_000;

    /// `amount` minor units of `currency`.
    #[must_use]
    pub fn new(amount: u64, currency: Currency) -> Self {
        Self { amount, currency }
    }

    /// The whole units of the currency, and the minor units beyond them.
    #[must_use]
    pub fn parts(self) -> (u64, u64) {
        let unit = 10_u64.pow(self.currency.decimals());
        (self.amount / unit, self.amount % unit)
    }
}

/// Money as one short text, `26000 KRW` in minor units: how snapshots hold it, of which there are very many.
pub(crate) mod compact {
    use serde::{Deserialize as _, Deserializer, Serializer, de::Error as _};

    use super::Money;

    pub(crate) fn serialize<S: Serializer>(money: &Money, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("{} {}", money.amount, money.currency.code()))
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Money, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(|()| D::Error::custom(format!("{text:?} is no money: it must be like \"26000 KRW\"")))
    }
}

/// Like [`compact`], where there may be none.
pub(crate) mod compact_option {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use super::{Money, compact};

    #[derive(Serialize, Deserialize)]
    struct Compact(#[serde(with = "compact")] Money);

    pub(crate) fn serialize<S: Serializer>(money: &Option<Money>, serializer: S) -> Result<S::Ok, S::Error> {
        money.map(Compact).serialize(serializer)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Money>, D::Error> {
        Ok(Option::<Compact>::deserialize(deserializer)?.map(|Compact(money)| money))
    }
}

impl FromStr for Money {
    type Err = ();

    /// Reads `26000 KRW`: the amount in minor units and the currency's code.
    fn from_str(text: &str) -> Result<Self, ()> {
        let (amount, code) = text.split_once(' ').ok_or(())?;
        Ok(Self { amount: amount.parse().map_err(|_| ())?, currency: code.parse().map_err(|_| ())? })
    }
}

impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, rest) = self.parts();
        match self.currency.decimals() {
            0 => write!(f, "{whole} {}", self.currency.code()),
            decimals => write!(f, "{whole}.{rest:0width$} {}", self.currency.code(), width = decimals as usize),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn money_is_written_with_the_digits_of_its_currency() {
        for (code, amount, written) in [
            ("KRW", 20_000, "20000 KRW"),
            ("ISK", 5, "5 ISK"),
            ("USD", 5, "0.05 USD"),
            ("EUR", 123_405, "1234.05 EUR"),
            ("MGA", 500, "5.00 MGA"),
            ("KWD", 5_120, "5.120 KWD"),
            ("TND", 7, "0.007 TND"),
        ] {
            let currency = code.parse().expect("a currency");
            assert_eq!(Money::new(amount, currency).to_string(), written);
        }
    }

    #[test]
    fn a_currency_is_its_code_and_no_other_text_is_one() {
        for code in ["KRW", "USD", "VND", "KWD", "XOF", "BGN"] {
            let currency: Currency = serde_json::from_value(code.into()).expect("a currency");
            assert_eq!((currency.code(), serde_json::json!(currency)), (code, code.into()));
        }
        // Metals, funds, test codes, and what is none at all.
        for wrong in ["XAU", "CLF", "CHE", "XTS", "XXX", "krw", "KR", "KRWW", ""] {
            let error = serde_json::from_value::<Currency>(wrong.into()).expect_err("no currency").to_string();
            assert!(error.starts_with("must be the code of a currency in ISO 4217"), "{error}");
        }
    }

    #[test]
    fn every_currency_has_none_two_or_three_decimals() {
        let letters = || b'A'..=b'Z';
        let codes = letters().flat_map(|a| letters().flat_map(move |b| letters().map(move |c| [a, b, c])));
        let found: Vec<Currency> = codes.filter_map(|code| std::str::from_utf8(&code).ok()?.parse().ok()).collect();
        assert!(found.len() > 150, "{found:?}");
        assert!(found.iter().all(|currency| matches!(currency.decimals(), 0 | 2 | 3)), "{found:?}");
    }
}
