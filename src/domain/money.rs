//! Money: an amount in the currency's minor unit. Never a float.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// An ISO 4217 currency that a service's fares may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
pub enum Currency {
    /// South Korean won; has no minor unit.
    KRW,
    /// US dollar, in cents.
    USD,
    /// Euro, in cents.
    EUR,
    /// Japanese yen; has no minor unit.
    JPY,
}

impl Currency {
    pub const ALL: [Self; 4] = [Self::KRW, Self::USD, Self::EUR, Self::JPY];

    /// The ISO 4217 code.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::KRW => "KRW",
            Self::USD => "USD",
            Self::EUR => "EUR",
            Self::JPY => "JPY",
        }
    }
}

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
        let currency = Currency::ALL.into_iter().find(|currency| currency.code() == code).ok_or(())?;
        Ok(Self { amount: amount.parse().map_err(|_| ())?, currency })
    }
}

impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.currency {
            Currency::KRW | Currency::JPY => write!(f, "{} {}", self.amount, self.currency.code()),
            Currency::USD | Currency::EUR => {
                write!(f, "{}.{:02} {}", self.amount / 100, self.amount % 100, self.currency.code())
            }
        }
    }
}
