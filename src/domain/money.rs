//! Money: an amount in the currency's minor unit. Never a float.

use std::fmt;

use serde::{Deserialize, Serialize};

/// An ISO 4217 currency that services may charge in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
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
    /// Of what.
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
