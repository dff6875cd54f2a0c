//! A driver: who or what answers calls, one at a time. The authority on whether it is free.

mod machine;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{CallId, DriverId, LatLng, Period, ServiceId};
pub use machine::DriverMachine;

/// The longest name, phone number or plate, in characters.
pub const MAX_TEXT_CHARS: usize = 100;

/// The whole state of a driver.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Driver {
    /// Its id.
    pub id: DriverId,
    /// What it is registered as.
    pub profile: Profile,
    /// Whether it wants calls when it is free.
    pub on_duty: bool,
    /// What it is doing.
    pub duty: Duty,
    /// What it is booked for, when customers choose it: a car, a seat. Bookings never overlap.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub bookings: Vec<Booking>,
    /// Since when it has been waiting for a call, or had been when it got the one it has: who has waited longest is assigned
    /// first. A call that it did not get after all costs it nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub free_since: Option<Timestamp>,
    /// Where it was last seen. Not committed with each move: goes along with the next commit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fix: Option<Fix>,
    /// Which call it was last let go from, and why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_release: Option<(CallId, ReleaseReason)>,
    /// How many events it has seen.
    pub version: u64,
    /// When it was registered.
    pub created_at: Timestamp,
    /// When something last happened to it.
    pub updated_at: Timestamp,
}

/// One booking of a driver that customers choose.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Booking {
    /// For which call.
    pub call: CallId,
    /// From when.
    pub from: Timestamp,
    /// Until when; open-ended without.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<Timestamp>,
    /// Whether the call is settled: paid. Until then it is only reserved.
    #[serde(default)]
    pub engaged: bool,
    /// Whether it was handed over to this call and is not back yet.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub out: bool,
}

impl Booking {
    /// Whether it takes any of the same time as another booking. Adjacent ones do not.
    #[must_use]
    pub fn overlaps(&self, other: &Self) -> bool {
        let before = |first: &Self, second: &Self| first.to.is_some_and(|to| to <= second.from);
        !before(self, other) && !before(other, self)
    }

    /// Whether it holds the driver at `now`: in its time, and past its end if it was handed over and is not back. A car that
    /// is overdue is not there; one that nobody came for is.
    #[must_use]
    pub fn holds_at(&self, now: Timestamp) -> bool {
        self.out || (self.from <= now && !self.is_over(now))
    }

    fn is_over(&self, now: Timestamp) -> bool {
        self.to.is_some_and(|to| to <= now)
    }
}

/// What a driver is registered as.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Profile {
    /// The service it works for.
    pub service: ServiceId,
    /// What people call it.
    pub name: String,
    /// Its phone number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phone: Option<String>,
    /// Its licence plate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plate: Option<String>,
}

/// What a driver is doing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "status", rename_all = "snake_case")]
pub enum Duty {
    /// Nothing for anybody.
    Free,
    /// Held for one call that is not settled yet.
    Reserved {
        /// Which.
        call: CallId,
    },
    /// Answering a call.
    Engaged {
        /// Which.
        call: CallId,
    },
    /// No driver any more. Terminal.
    Retired,
}

/// Where a driver was seen.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Fix {
    /// Where.
    pub position: LatLng,
    /// When.
    pub at: Timestamp,
}

/// Why a driver was let go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReleaseReason {
    /// The call is over for this driver: completed or cancelled.
    CallEnded,
    /// Another driver has the call, or it is over.
    CallTaken,
    /// The call was not offered to it.
    NotOffered,
    /// There is no such call.
    NoSuchCall,
}

/// What may be asked of a driver.
#[derive(Debug, Clone)]
pub enum Command {
    /// Register, or change the registration.
    Register {
        /// Its id.
        id: DriverId,
        /// As what.
        profile: Profile,
        /// Where it is.
        position: Option<LatLng>,
    },
    /// Want calls, or no more.
    SetAvailability {
        /// Whether it wants calls.
        available: bool,
    },
    /// It moved. The newest fix counts; older ones than what is known are ignored.
    Move {
        /// Where it is now.
        fix: Fix,
    },
    /// Hold itself for a call and take it.
    Claim {
        /// Which.
        call: CallId,
    },
    /// The call answered the claim.
    SettleClaim {
        /// Which.
        call: CallId,
        /// `None`: the call is this driver's.
        refused: Option<ReleaseReason>,
    },
    /// The call is over for this driver.
    Release {
        /// Which.
        call: CallId,
    },
    /// Be booked for a call of a customer who chose it.
    Book {
        /// Which.
        call: CallId,
        /// From when to when; from now on and open-ended without.
        period: Option<Period>,
        /// Of which service the call is.
        service: ServiceId,
    },
    /// The booked call is settled: paid.
    Confirm {
        /// Which.
        call: CallId,
    },
    /// Go out with the call it is booked for, unless it is out with another one or another one's time would be taken.
    HandOver {
        /// Which.
        call: CallId,
    },
    /// Be a driver no more.
    Retire,
    /// A deadline passed: a booking begins, or is over.
    Wake,
}

/// What can happen to a driver.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Event {
    /// It exists, or is back.
    DriverRegistered {
        /// Its id.
        id: DriverId,
        /// As what.
        profile: Profile,
        /// Where it is.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        position: Option<LatLng>,
    },
    /// Its registration changed.
    DriverChanged {
        /// To what.
        profile: Profile,
        /// Where it is.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        position: Option<LatLng>,
    },
    /// It wants calls, or no more.
    AvailabilityChanged {
        /// Whether it does.
        available: bool,
    },
    /// It holds itself for a call.
    DriverReserved {
        /// Which.
        call: CallId,
    },
    /// The call is its own.
    DriverEngaged {
        /// Which.
        call: CallId,
    },
    /// It is booked.
    DriverBooked {
        /// For which call.
        call: CallId,
        /// From when.
        from: Timestamp,
        /// Until when; open-ended without.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        to: Option<Timestamp>,
    },
    /// A booking begins: what it is doing has changed.
    BookingBegan {
        /// For which call.
        call: CallId,
    },
    /// A booking is over, and nobody came: what it is doing has changed.
    BookingEnded {
        /// For which call.
        call: CallId,
    },
    /// It went out with a call it is booked for, now if that is earlier than booked.
    DriverHandedOver {
        /// With which.
        call: CallId,
    },
    /// It is free again.
    DriverReleased {
        /// From which call.
        call: CallId,
        /// Why.
        reason: ReleaseReason,
    },
    /// It is no driver any more.
    DriverRetired,
}

/// What a driver wants done outside.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "effect", rename_all = "snake_case")]
pub enum Effect {
    /// Take the call it holds itself for.
    ClaimCall {
        /// Which.
        call: CallId,
        /// The driver's name, for the call to remember.
        name: String,
        /// The driver's service.
        service: ServiceId,
    },
}

impl Driver {
    /// The status, but for `offered`, which the open offers decide.
    #[must_use]
    pub fn status(&self) -> &'static str {
        match (&self.duty, self.on_duty) {
            (Duty::Free, true) => "available",
            (Duty::Free, false) => "offline",
            (Duty::Reserved { .. }, _) => "reserved",
            (Duty::Engaged { .. }, _) => "engaged",
            (Duty::Retired, _) => "retired",
        }
    }

    /// The status at a time. That of a driver who is booked is that of the booking which has begun.
    #[must_use]
    pub fn status_at(&self, now: Timestamp) -> &'static str {
        match self.bookings.iter().find(|booking| booking.holds_at(now)) {
            Some(Booking { engaged: true, .. }) => "engaged",
            Some(Booking { engaged: false, .. }) => "reserved",
            None => self.status(),
        }
    }

    /// Whether it could be offered a call.
    #[must_use]
    pub fn is_available(&self) -> bool {
        self.on_duty && self.duty == Duty::Free
    }

    /// The call it holds itself for or answers.
    #[must_use]
    pub fn call(&self) -> Option<&CallId> {
        match &self.duty {
            Duty::Reserved { call } | Duty::Engaged { call } => Some(call),
            Duty::Free | Duty::Retired => None,
        }
    }
}

/// All statuses of drivers.
pub const STATUSES: [&str; 6] = ["offline", "available", "offered", "reserved", "engaged", "retired"];
