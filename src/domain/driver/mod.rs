//! A driver: who or what answers calls, one at a time. The authority on whether it is free.

mod booking;
mod claim;
mod fix;
mod machine;
mod profile;
mod registration;
mod status;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::{Asker, CallId, DriverId, LatLng, Period, ServiceId, policy::TermsId};
pub use booking::{Booking, has_room};
pub use fix::Fix;
pub use machine::DriverMachine;
pub use profile::{Profile, Registration};
pub use status::{SHOWN_STATUSES, STATUSES, Status};

/// How long a driver is held for a call that does not answer its claim.
pub const CLAIM_PATIENCE: SignedDuration = SignedDuration::from_secs(5);
/// How many claims that were given up may be unsettled before a driver claims nothing more.
pub const GIVEN_UP_MAX: usize = 8;

/// The whole state of a driver.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Driver {
    pub id: DriverId,
    /// The driver's public data, as registered.
    pub profile: Profile,
    /// Whether it wants calls when it is free.
    pub on_duty: bool,
    /// Whether it is free, held, on a call or retired.
    pub duty: Duty,
    /// The calls that hold it for a time: a car or a seat that customers choose, whose bookings never overlap, or a
    /// company to which the system assigns calls, as many at once as the policy's capacity.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub bookings: Vec<Booking>,
    /// Since when it has been waiting for a call, or had been when it got the one it has: who has waited longest is
    /// assigned first. A call that it did not get after all costs it nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub free_since: Option<Timestamp>,
    /// Where it was last seen. Not committed with each move: goes along with the next commit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fix: Option<Fix>,
    /// Which call it was last let go from, and why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_release: Option<(CallId, ReleaseReason)>,
    /// Claims that it gave up for want of an answer, and that are not settled with the call yet; at most
    /// [`GIVEN_UP_MAX`]. None of these calls is claimed meanwhile.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub given_up: Vec<GivenUp>,
    /// How many events it has seen.
    pub version: u64,
    /// When it was registered.
    pub created_at: Timestamp,
    /// When something last happened to it.
    pub updated_at: Timestamp,
}

/// A claim that a driver gave up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GivenUp {
    /// Which call did not answer.
    pub call: CallId,
    /// Whether it took the driver after all, and is asked to give it back.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub taken: bool,
}

/// The occupation of a driver.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "status", rename_all = "snake_case")]
pub enum Duty {
    Free,
    /// Held for a call that has not confirmed it yet.
    Reserved {
        call: CallId,
        /// Until when the call may answer; then it is let go.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        until: Option<Timestamp>,
    },
    Engaged {
        call: CallId,
    },
    /// Retired by itself or an operator. Terminal.
    Retired,
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
    /// The call did not answer in time.
    NoAnswer,
}

/// The commands that a driver takes.
#[derive(Debug, Clone)]
pub enum Command {
    /// Register, or change the registration.
    Register {
        /// The sender of the command.
        by: Asker,
        id: DriverId,
        registration: Registration,
        position: Option<LatLng>,
    },
    /// Want calls, or no more.
    SetAvailability {
        /// The sender of the command.
        by: Asker,
        /// Whether it wants calls.
        available: bool,
    },
    /// It moved. Fixes older than the known one are ignored.
    Move {
        /// Where it is now.
        fix: Fix,
    },
    /// Hold itself for a call and take it.
    Claim {
        call: CallId,
        /// The time for which the call wants it; from now on without. It counts where the system assigns.
        period: Option<Period>,
        /// The call's terms.
        terms: Option<TermsId>,
    },
    /// The call answered the claim.
    SettleClaim {
        call: CallId,
        /// `None`: the call is this driver's.
        refused: Option<ReleaseReason>,
    },
    /// The call is over for this driver.
    Release { call: CallId },
    /// Be booked for a call of a customer who chose it.
    Book {
        call: CallId,
        /// From when to when; from now on and open-ended without.
        period: Option<Period>,
        /// The call's service.
        service: ServiceId,
        /// The call's terms.
        terms: Option<TermsId>,
    },
    /// The booked call is settled: paid.
    Confirm { call: CallId },
    /// Go out with the call it is booked for, unless it is out with another one or another one's time would be taken.
    HandOver {
        call: CallId,
        /// The call's terms.
        terms: Option<TermsId>,
    },
    /// Retire: the driver answers no more calls.
    Retire {
        /// The sender of the command.
        by: Asker,
    },
    /// A deadline passed: a booking begins, or is over.
    Wake,
}

/// The events of a driver.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Event {
    /// It exists, or is back.
    DriverRegistered {
        id: DriverId,
        profile: Profile,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        position: Option<LatLng>,
    },
    DriverChanged {
        profile: Profile,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        position: Option<LatLng>,
    },
    /// It wants calls, or no more.
    AvailabilityChanged { available: bool },
    /// It holds itself for a call.
    DriverReserved {
        call: CallId,
        /// Until when the call may answer.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        until: Option<Timestamp>,
    },
    /// The call did not answer in time: it is free, and the claim is still to be settled.
    ClaimGivenUp { call: CallId },
    /// The call had taken it before it heard that the claim was given up: it is to give it back.
    ClaimAnsweredLate { call: CallId },
    /// The call knows that the claim was given up.
    GivenUpClaimSettled { call: CallId },
    /// The call is its own.
    DriverEngaged { call: CallId },
    DriverBooked {
        call: CallId,
        from: Timestamp,
        /// Until when; open-ended without.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        to: Option<Timestamp>,
        /// Until when the call may answer, where the driver claims it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        until: Option<Timestamp>,
    },
    /// A booking begins: what it is doing has changed.
    BookingBegan { call: CallId },
    /// A booking is over, and nobody came: what it is doing has changed.
    BookingEnded { call: CallId },
    /// It went out with a call it is booked for, now if that is earlier than booked.
    DriverHandedOver { call: CallId },
    /// It is free again.
    DriverReleased { call: CallId, reason: ReleaseReason },
    /// It is no driver any more.
    DriverRetired,
}

/// Work that a driver owes to a call.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "effect", rename_all = "snake_case")]
pub enum Effect {
    /// Ask the call to take this driver, which is held for it.
    ClaimCall {
        call: CallId,
        /// The driver's name, for the call to remember.
        name: String,
        service: ServiceId,
        /// Until when the call may answer; then it is asked to give the driver back, whether it took it or not.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        until: Option<Timestamp>,
    },
    /// Ask a call to give up this driver, in case the call took it after the claim was given up.
    GiveBack { call: CallId },
}

impl Driver {
    /// When it last gave a sign of itself: a position, or something that happened to it.
    #[must_use]
    pub fn last_sign(&self) -> Timestamp {
        self.fix.map_or(self.updated_at, |fix| fix.heard_at.max(self.updated_at))
    }

    /// The name of the status, but for `offered`, which the open offers decide.
    #[must_use]
    pub fn status(&self) -> &'static str {
        self.standing().as_str()
    }

    /// The status, but for `offered`, which the open offers decide.
    #[must_use]
    pub fn standing(&self) -> Status {
        match (&self.duty, self.on_duty) {
            (Duty::Free, true) => Status::Available,
            (Duty::Free, false) => Status::Offline,
            (Duty::Reserved { .. }, _) => Status::Reserved,
            (Duty::Engaged { .. }, _) => Status::Engaged,
            (Duty::Retired, _) => Status::Retired,
        }
    }

    /// The name of the status at a time.
    #[must_use]
    pub fn status_at(&self, now: Timestamp) -> &'static str {
        self.standing_at(now).as_str()
    }

    /// The status at a time. That of a driver who is booked is that of the booking which has begun.
    #[must_use]
    pub fn standing_at(&self, now: Timestamp) -> Status {
        match self.bookings.iter().find(|booking| booking.holds_at(now)) {
            Some(Booking { engaged: true, .. }) => Status::Engaged,
            Some(Booking { engaged: false, .. }) => Status::Reserved,
            None => self.standing(),
        }
    }

    /// Whether it could be booked for that time; from now on and open-ended without a period.
    #[must_use]
    pub fn is_free_for(&self, period: Option<&Period>, now: Timestamp) -> bool {
        let (from, to) = period.map_or((now, None), |period| (period.from, Some(period.to)));
        self.on_duty && booking::in_the_way(self, from, to, now).is_none()
    }

    /// Whether it could be offered a call.
    #[must_use]
    pub fn is_available(&self) -> bool {
        self.on_duty && self.duty == Duty::Free
    }

    /// The calls that it answers at `now`.
    pub fn calls_at(&self, now: Timestamp) -> impl Iterator<Item = &CallId> {
        let engaged = match &self.duty {
            Duty::Engaged { call } => Some(call),
            Duty::Free | Duty::Reserved { .. } | Duty::Retired => None,
        };
        let booked = self.bookings.iter().filter(move |booking| booking.engaged && booking.holds_at(now));
        engaged.into_iter().chain(booked.map(|booking| &booking.call))
    }

    /// Whether its claim of a call was given up and is not settled yet.
    #[must_use]
    pub fn has_given_up(&self, call: &CallId) -> bool {
        self.given_up.iter().any(|given_up| given_up.call == *call)
    }

    /// The call it holds itself for or answers.
    #[must_use]
    pub fn call(&self) -> Option<&CallId> {
        match &self.duty {
            Duty::Reserved { call, .. } | Duty::Engaged { call } => Some(call),
            Duty::Free | Duty::Retired => None,
        }
    }
}
