//! The amounts that Stripe takes, currency by currency, as <https://docs.stripe.com/currencies> had them in November 2026.
//! Pure: the adapter counts by it, and `config check` compares services with it.

use crate::{
    actors::guard::Pace,
    domain::{Currency, Money},
};

/// The least that a charge may be, in the currency's minor unit. It belongs to the currency of the account: a charge that
/// Stripe converts must come up to the minimum of that one. Currencies that are not listed have no documented minimum.
const MINIMUMS: [(&str, u64); 31] = [
    ("AED", 200),
    ("ARS", 50),
    ("AUD", 50),
    ("BRL", 50),
    ("CAD", 50),
    ("CHF", 50),
    ("COP", 50),
    ("CZK", 1_500),
    ("DKK", 250),
    ("EUR", 50),
    ("GBP", 30),
    ("HKD", 400),
    ("HUF", 17_500),
    ("IDR", 50),
    ("ILS", 50),
    ("INR", 50),
    ("JPY", 50),
    ("KRW", 50),
    ("MXN", 1_000),
    ("MYR", 200),
    ("NOK", 300),
    ("NZD", 50),
    ("PHP", 50),
    ("PLN", 200),
    ("RON", 200),
    ("RUB", 50),
    ("SEK", 300),
    ("SGD", 50),
    ("THB", 1_000),
    ("USD", 50),
    ("ZAR", 50),
];

/// The requests that Stripe takes of one account, as <https://docs.stripe.com/rate-limits> had it in November 2026: 25 per second
/// at each endpoint, and as many at all endpoints of a sandbox together; 100 at those of a live account.
pub(in crate::gateway) const PACE: Pace = Pace { per_s: 25, burst: 25 };

/// The minor units of ISO 4217 in one unit that Stripe counts, where it counts in larger ones.
const LARGER_UNIT: u64 = 100;
/// The units that Stripe counts in one minor unit of ISO 4217, where it counts in smaller ones.
const SMALLER_UNITS: u64 = 100;
/// Amounts with three decimals must end in 0.
const STEP_OF_THREE_DECIMALS: u64 = 10;

/// The least that a charge may be, in the currency's minor unit.
pub(in crate::gateway) fn minimum(currency: Currency) -> Option<u64> {
    MINIMUMS.iter().find(|(code, _)| *code == currency.code()).map(|(_, minimum)| *minimum)
}

/// What every amount must be a multiple of, in the currency's minor unit.
pub(in crate::gateway) fn step(currency: Currency) -> u64 {
    match (currency.code(), currency.decimals()) {
        ("MGA", _) => LARGER_UNIT,
        (_, 3) => STEP_OF_THREE_DECIMALS,
        _ => 1,
    }
}

/// The amount as Stripe counts it. That is the minor unit of ISO 4217 for all currencies but three: the króna and the
/// Ugandan shilling have none and are counted in hundredths, the ariary has one and is counted without.
pub(super) fn counted(money: Money) -> u64 {
    match money.currency.code() {
        "ISK" | "UGX" => money.amount.saturating_mul(SMALLER_UNITS),
        "MGA" => money.amount / LARGER_UNIT,
        _ => money.amount,
    }
}

/// An amount that Stripe counted, in the minor unit of ISO 4217. `code` is in capital letters.
pub(super) fn in_minor_units(counted: u64, code: &str) -> u64 {
    match code {
        "ISK" | "UGX" => counted / SMALLER_UNITS,
        "MGA" => counted.saturating_mul(LARGER_UNIT),
        _ => counted,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn currency(code: &str) -> Currency {
        code.parse().expect("a currency")
    }

    #[test]
    fn every_minimum_is_one_of_a_currency_and_can_be_charged() {
        for (code, minimum) in MINIMUMS {
            assert_eq!(minimum % step(currency(code)), 0, "{code}");
        }
    }

    #[test]
    fn an_amount_is_counted_as_stripe_does() {
        for (code, amount, as_stripe_counts) in [
            ("KRW", 500, 500),
            ("USD", 1_000, 1_000),
            ("ISK", 5, 500),
            ("UGX", 5, 500),
            ("MGA", 500, 5),
            ("KWD", 5_120, 5_120),
        ] {
            assert_eq!(counted(Money::new(amount, currency(code))), as_stripe_counts, "{code}");
            assert_eq!(in_minor_units(as_stripe_counts, code), amount, "{code}");
        }
    }
}
