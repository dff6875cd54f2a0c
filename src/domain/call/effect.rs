//! What a call wants done outside.

use serde::{Deserialize, Serialize};

use crate::domain::{DriverId, Money, Period, ServiceId, payment::Method};

/// What a call wants done outside. Offers are not effects: they are part of its state, which others project.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "effect", rename_all = "snake_case")]
pub enum Effect {
    /// Have the payment charge the fare.
    Charge {
        /// Which attempt, from 1.
        attempt: u32,
        /// How much.
        amount: Money,
        /// How it is paid; the method that the payment keeps, when none is given.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        method: Option<Method>,
    },
    /// Have the payment keep a method until it is due.
    KeepMethod {
        /// How much will be charged.
        amount: Money,
        /// How it is to be paid.
        method: Method,
    },
    /// Have the chosen driver held.
    Book {
        /// Whom.
        driver: DriverId,
        /// Of which service the call is.
        service: ServiceId,
        /// For when.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        period: Option<Period>,
        /// How it is paid once that is done, if with the request.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        method: Option<Method>,
    },
    /// Tell the chosen driver that it is paid.
    ConfirmDriver {
        /// Whom.
        driver: DriverId,
    },
    /// Have the driver take the call that the system assigns to it.
    AssignDriver {
        /// Whom.
        driver: DriverId,
    },
    /// Have the payment charge nothing more and give back what it charged.
    CancelPayment {
        /// What would have been charged.
        amount: Money,
    },
    /// Free the driver.
    ReleaseDriver {
        /// Whom.
        driver: DriverId,
    },
}
