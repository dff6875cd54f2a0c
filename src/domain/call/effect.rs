//! The effects of a call: the work that it owes other entities.

use serde::{Deserialize, Serialize};

use crate::domain::{
    CustomerId, DriverId, Money, Period, ServiceId,
    payment::{Method, Settlement},
    policy::TermsId,
};

/// Work that a call owes to its payment, a driver or the customer's account. Offers are no effects: they are part of the call's state, and
/// the boards show them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "effect", rename_all = "snake_case")]
pub enum Effect {
    /// Have the payment charge the fare.
    Charge {
        /// Which attempt, from 1.
        attempt: u32,
        amount: Money,
        /// How it is paid; the method that the payment keeps, when none is given.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        method: Option<Method>,
        /// The method's number, also when it is not given here; 0: owed since before methods had numbers.
        #[serde(default)]
        number: u32,
    },
    /// Have the payment keep a method until it is due.
    KeepMethod {
        /// How much will be charged.
        amount: Money,
        /// How it is to be paid.
        method: Method,
        /// The method's number; 0: owed since before methods had numbers.
        #[serde(default)]
        number: u32,
    },
    /// Have the chosen driver held.
    Book {
        driver: DriverId,
        /// The call's service.
        service: ServiceId,
        /// The call's terms.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        terms: Option<TermsId>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        period: Option<Period>,
        /// The method to charge once the driver is held, if it came with the request.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        method: Option<Method>,
    },
    /// Tell the chosen driver that it is paid.
    ConfirmDriver {
        driver: DriverId,
    },
    /// Have the driver take the call that the system assigns to it.
    AssignDriver {
        driver: DriverId,
        /// The call's terms.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        terms: Option<TermsId>,
        /// The time for which it is wanted; from now on without.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        period: Option<Period>,
    },
    /// Have the payment charge nothing more and give back what it charged.
    CancelPayment {
        /// The fare, which would have been charged.
        amount: Money,
    },
    ReleaseDriver {
        driver: DriverId,
    },
    /// Have the payment end without the fare.
    SettlePayment {
        /// The fare, which could not be charged.
        amount: Money,
        how: Settlement,
    },
    /// Have the customer's account note that the fare is owed.
    NoteDebt {
        customer: CustomerId,
        /// The call's service.
        service: ServiceId,
        amount: Money,
    },
    /// Tell the customer's account that the fare is paid.
    ClearDebt {
        customer: CustomerId,
    },
}
