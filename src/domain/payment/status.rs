//! Where a payment stands, as its call and everybody else sees it.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A payment as its call and everybody else sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum PaymentStatus {
    /// Nothing is being charged.
    Created,
    /// A charge is on its way.
    Charging,
    /// The money was taken.
    Charged,
    /// The method was refused.
    Declined,
    /// The gateway took nothing and says why; another method may be given.
    Rejected,
    /// The payer must do something before the money can be taken.
    ActionRequired,
    /// A charge was sent and its outcome is not known.
    Unknown,
    /// A refund is owed.
    Refunding,
    /// The money cannot be given back through the gateway, for good; a person settles it.
    RefundFailed,
    /// The money was given back.
    Refunded,
    /// An operator let the customer off: nothing is charged.
    Waived,
    /// The call was served, and the customer owes the fare.
    Debt,
}

/// How a call ends whose payment cannot be had.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Settlement {
    /// The customer is let off.
    Waived,
    /// The customer owes the fare.
    Debt,
}

impl Settlement {
    /// The status of a payment that is settled in this way.
    #[must_use]
    pub fn status(self) -> PaymentStatus {
        match self {
            Self::Waived => PaymentStatus::Waived,
            Self::Debt => PaymentStatus::Debt,
        }
    }
}

impl PaymentStatus {
    /// The status as the interface shows it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Charging => "charging",
            Self::Charged => "charged",
            Self::Declined => "declined",
            Self::Rejected => "rejected",
            Self::ActionRequired => "action_required",
            Self::Unknown => "unknown",
            Self::Refunding => "refunding",
            Self::RefundFailed => "refund_failed",
            Self::Refunded => "refunded",
            Self::Waived => "waived",
            Self::Debt => "debt",
        }
    }

    /// Whether a charge is under way whose outcome is still to come.
    #[must_use]
    pub fn in_flight(self) -> bool {
        match self {
            Self::Charging | Self::Unknown | Self::ActionRequired => true,
            Self::Created
            | Self::Charged
            | Self::Declined
            | Self::Rejected
            | Self::Refunding
            | Self::RefundFailed
            | Self::Refunded
            | Self::Waived
            | Self::Debt => false,
        }
    }

    /// Whether the money was taken, also if it went back since.
    #[must_use]
    pub fn was_charged(self) -> bool {
        matches!(self, Self::Charged | Self::Refunding | Self::RefundFailed | Self::Refunded)
    }
}
