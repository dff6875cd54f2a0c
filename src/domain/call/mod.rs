//! A call: one request by a customer, from asking to the end. The authority on who won it.

mod approval;
mod command;
mod decide;
mod dispatch;
mod effect;
mod event;
mod event_name;
mod evolve;
mod paying;
mod refused;
mod request;
mod settling;
mod status;
mod steps;
mod terms;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{
    CallId, CustomerId, DriverId, LatLng, Money, Party, Period, Place, ServiceId, money,
    payment::{Method, PaymentStatus, PendingAction},
    policy::TermsId,
};
pub use command::{Command, DriverCard, Request};
pub use decide::CallMachine;
pub use effect::Effect;
pub use event::{Event, MethodMark, Requested};
pub use event_name::EventName;
pub use request::FIRST_METHOD;
pub use settling::{DebtEntry, Settled};
pub use status::{STATUSES, Status, active_statuses};

/// How many drivers who let an offer pass are remembered.
pub const PASSED_MAX: usize = 200;

/// The whole state of a call.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Call {
    pub id: CallId,
    /// The call's service.
    pub service: ServiceId,
    /// The terms that it was made under. Without a name: it was made before terms were kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub terms: Option<TermsId>,
    /// The customer, who requested the call and pays for it.
    pub customer_id: CustomerId,
    pub pickup: Place,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dropoff: Option<Place>,
    /// The customer's note to the driver.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// The driver whom the customer chose: a car, a seat.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub choice: Option<Choice>,
    /// Drivers who had it and gave it back. They are not asked again.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub released: Vec<DriverId>,
    /// The booked period.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub period: Option<Period>,
    /// Whether its payment has a method to charge when it is due.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub method_kept: bool,
    /// The newest method that was given for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub method: Option<MethodMark>,
    /// The number of the method that was charged last, or is being charged; 0 before the first attempt.
    #[serde(default, skip_serializing_if = "is_first")]
    pub tried: u32,
    /// The method that was refused last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused: Option<RefusedMethod>,
    /// The party that completes it, while the completion waits for the payment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub completing: Option<Party>,
    /// How an operator ended it without its fare.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub settled: Option<Settled>,
    #[serde(with = "money::compact")]
    pub fare: Money,
    /// Tells a repetition of the same request from another one under the same idempotency key.
    #[serde(default, rename = "fingerprint", skip_serializing_if = "Option::is_none")]
    pub request_fingerprint: Option<String>,
    pub phase: Phase,
    /// Where its payment stands, as far as the call was told.
    pub payment: PaymentView,
    /// How many events it has seen.
    pub version: u64,
    /// When it was requested.
    pub created_at: Timestamp,
    /// When something last happened to it.
    pub updated_at: Timestamp,
}

/// A payment method that the gateway refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefusedMethod {
    pub number: u32,
    pub reason: String,
    /// Whether the gateway rejected it without asking the card's bank.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub rejected: bool,
}

/// Where a call stands. A terminal phase is never left.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "status", rename_all = "snake_case")]
pub enum Phase {
    Requested {
        /// When it lapses unpaid.
        unpaid_until: Timestamp,
    },
    /// An operator is to approve it.
    AwaitingApproval {
        /// When it lapses without an answer.
        until: Timestamp,
    },
    /// Approved; to be paid in the background.
    AwaitingPayment {
        /// When it lapses, if there is nothing to charge.
        until: Timestamp,
    },
    /// Looking for a driver.
    Dispatching(Dispatching),
    /// A driver has it.
    Assigned {
        driver: DriverCard,
    },
    Started {
        driver: DriverCard,
    },
    Completed {
        driver: DriverCard,
    },
    Cancelled {
        by: Party,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        driver: Option<DriverCard>,
    },
    /// Refused by the service. Terminal.
    Denied {
        reason: DenyReason,
        /// In an operator's words.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        text: Option<String>,
    },
}

/// The driver whom a customer chose.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum Choice {
    /// It was asked for; whether it is free is not known yet.
    Asked { driver: DriverId },
    /// It is held for this call.
    Held { driver: DriverCard },
}

impl Choice {
    #[must_use]
    pub fn driver(&self) -> &DriverId {
        match self {
            Self::Asked { driver } => driver,
            Self::Held { driver } => &driver.id,
        }
    }
}

/// Why a service refuses a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DenyReason {
    /// Outside the service area.
    OutOfArea,
    /// The driver whom the customer chose is not free at that time.
    DriverUnavailable,
    /// An operator said no.
    Rejected,
}

impl DenyReason {
    /// The reason as the interface shows it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::OutOfArea => "out_of_area",
            Self::DriverUnavailable => "driver_unavailable",
            Self::Rejected => "rejected",
        }
    }
}

/// The search for a driver.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Dispatching {
    /// When the search ends without success.
    pub deadline: Timestamp,
    /// Which round comes next or is open, from 0.
    #[serde(default, skip_serializing_if = "is_first")]
    pub round: u32,
    pub offers: Vec<OfferBatch>,
    /// The drivers who declined it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub declined: Vec<DriverId>,
    /// The drivers who let an offer pass, the last [`PASSED_MAX`] of them. They are asked again only when
    /// there is nobody else.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub passed: Vec<DriverId>,
}

/// Drivers who were offered the call at the same time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OfferBatch {
    /// When these offers end.
    pub expires_at: Timestamp,
    pub drivers: Vec<DriverId>,
}

/// A payment as its call knows it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PaymentView {
    pub status: PaymentStatus,
    /// The number of attempts at charging that the call asked for.
    pub attempt: u32,
    /// The payment's version, as last told.
    pub version: u64,
    #[serde(default, skip_serializing_if = "Option::is_none", with = "money::compact_option")]
    pub charged: Option<Money>,
    /// The amount that was refunded.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "money::compact_option")]
    pub refunded: Option<Money>,
    /// When to try again, in seconds, after an attempt that could not be made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after_s: Option<u64>,
    /// Why a method was refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// What the payer must do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub action: Option<PendingAction>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it with a reference")]
fn is_first(round: &u32) -> bool {
    *round == 0
}

impl Call {
    /// Whether its payment waits for the gateway and can be tried again.
    #[must_use]
    pub fn is_deferred(&self) -> bool {
        matches!(self.phase, Phase::AwaitingPayment { .. })
            && self.method_kept
            && self.payment.status == PaymentStatus::Created
    }

    /// Whether the call is not over, and nothing has been charged for it.
    #[must_use]
    pub fn is_open_and_unpaid(&self) -> bool {
        !self.phase.is_terminal() && !self.payment.status.was_charged()
    }

    /// Whether the booked period is over.
    #[must_use]
    pub fn is_over(&self, now: Timestamp) -> bool {
        self.period.is_some_and(|period| now >= period.to)
    }

    /// Whether this method is the one that will be charged: giving it again changes nothing.
    #[must_use]
    pub fn keeps(&self, method: &Method) -> bool {
        self.method_kept && self.method.as_ref().is_some_and(|kept| kept.digest == method.digest(&self.id))
    }

    /// Whether a method was given while another one was being charged, and has not been tried yet.
    fn has_untried_method(&self) -> bool {
        self.method_kept && self.tried > 0 && self.method_number() > self.tried
    }

    /// The mark of a method that is given now.
    fn next_mark(&self, method: &Method) -> MethodMark {
        MethodMark { number: self.method_number().saturating_add(1), digest: method.digest(&self.id) }
    }

    /// The number of the newest method; 0 if there is none, or it came before methods had numbers.
    #[must_use]
    pub fn method_number(&self) -> u32 {
        self.method.as_ref().map_or(0, |method| method.number)
    }

    /// The driver as people see it on the call: who has or had it, or who was chosen and is held.
    #[must_use]
    pub fn shown_driver(&self) -> Option<&DriverCard> {
        let held = match &self.choice {
            Some(Choice::Held { driver }) => Some(driver),
            Some(Choice::Asked { .. }) | None => None,
        };
        self.phase.driver().or(held)
    }

    /// Where its driver is going: to the pickup, and once started to the destination.
    #[must_use]
    pub fn heading(&self) -> Option<LatLng> {
        match self.phase {
            Phase::Assigned { .. } => Some(self.pickup.position()),
            Phase::Started { .. } => self.dropoff.as_ref().map(Place::position),
            _ => None,
        }
    }
}

impl Phase {
    /// The name of the status, as the interface shows it.
    #[must_use]
    pub fn status(&self) -> &'static str {
        self.standing().as_str()
    }

    /// Where the call stands.
    #[must_use]
    pub fn standing(&self) -> Status {
        match self {
            Self::Requested { .. } => Status::Requested,
            Self::AwaitingApproval { .. } => Status::AwaitingApproval,
            Self::AwaitingPayment { .. } => Status::AwaitingPayment,
            Self::Dispatching(_) => Status::Dispatching,
            Self::Assigned { .. } => Status::Assigned,
            Self::Started { .. } => Status::Started,
            Self::Completed { .. } => Status::Completed,
            Self::Cancelled { .. } => Status::Cancelled,
            Self::Denied { .. } => Status::Denied,
        }
    }

    /// Whether nothing can happen any more.
    #[must_use]
    pub fn is_terminal(&self) -> bool {
        match self {
            Self::Completed { .. } | Self::Cancelled { .. } | Self::Denied { .. } => true,
            Self::Requested { .. }
            | Self::AwaitingApproval { .. }
            | Self::AwaitingPayment { .. }
            | Self::Dispatching(_)
            | Self::Assigned { .. }
            | Self::Started { .. } => false,
        }
    }

    /// The driver who has or had it.
    #[must_use]
    pub fn driver(&self) -> Option<&DriverCard> {
        match self {
            Self::Assigned { driver } | Self::Started { driver } | Self::Completed { driver } => Some(driver),
            Self::Cancelled { driver, .. } => driver.as_ref(),
            Self::Requested { .. }
            | Self::AwaitingApproval { .. }
            | Self::AwaitingPayment { .. }
            | Self::Dispatching(_)
            | Self::Denied { .. } => None,
        }
    }

    /// The driver who has it now.
    #[must_use]
    pub fn current_driver(&self) -> Option<&DriverCard> {
        if self.is_terminal() { None } else { self.driver() }
    }
}

impl Dispatching {
    /// Whether the driver has an open offer.
    #[must_use]
    pub fn is_offered_to(&self, driver: &DriverId) -> bool {
        self.offers.iter().any(|batch| batch.drivers.contains(driver))
    }

    /// Every open offer with its expiry.
    pub fn open_offers(&self) -> impl Iterator<Item = (&DriverId, Timestamp)> {
        self.offers.iter().flat_map(|batch| batch.drivers.iter().map(|driver| (driver, batch.expires_at)))
    }
}
