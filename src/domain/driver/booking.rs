//! The calls that hold a driver for a time: of a car or a seat that customers choose, and of a company to which the
//! system assigns calls.
//!
//! A chosen car or seat has one booking at a time. A company has as many as the policy's capacity.

use std::iter;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Driver, Duty, Effect, Event, ReleaseReason, machine::Decided};
use crate::domain::{CallId, Decision, Period, Rejection, ServiceId, policy::Policy};

/// One booking of a driver.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Booking {
    pub call: CallId,
    pub from: Timestamp,
    /// Until when; open-ended without.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<Timestamp>,
    /// Until when the call may answer the claim of a company; without it no answer is awaited.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
    /// Whether the call is settled: paid, or taken by the company. Until then the driver is only reserved.
    #[serde(default)]
    pub engaged: bool,
    /// Whether it was handed over to this call and is not back yet.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub out: bool,
}

impl Booking {
    /// Whether it takes any of that time, which is open-ended without `to`. Adjacent times do not touch.
    #[must_use]
    pub fn takes_any_of(&self, from: Timestamp, to: Option<Timestamp>) -> bool {
        self.to.is_none_or(|end| from < end) && to.is_none_or(|to| self.from < to)
    }

    /// Whether it holds the driver at `now`: in its time, and past its end if it was handed over and is not back. A car
    /// that is overdue is not there; one that nobody came for is.
    #[must_use]
    pub fn holds_at(&self, now: Timestamp) -> bool {
        self.out || (self.from <= now && !self.is_over(now))
    }

    /// Whether its time has passed at `now`.
    #[must_use]
    pub fn is_over(&self, now: Timestamp) -> bool {
        self.to.is_some_and(|to| to <= now)
    }

    /// Whether a company is busy with it at a time that is `now` or later. Work without an end, and work that lasts
    /// longer than booked, keeps it busy now, but no later call waits for it.
    fn keeps_busy(&self, at: Timestamp, now: Timestamp) -> bool {
        let booked = self.from <= at && self.to.is_some_and(|to| at < to);
        booked || (at <= now && self.holds_at(now))
    }
}

impl Driver {
    /// Whether it has a booking of this call.
    #[must_use]
    pub fn is_booked_for(&self, call: &CallId) -> bool {
        self.bookings.iter().any(|booking| booking.call == *call)
    }
}

/// Whether a company with these bookings can take one more call for a period, or now without one: at no moment of it
/// is the company busy with `capacity` calls already.
#[must_use]
pub fn has_room(bookings: &[Booking], capacity: u32, period: Option<&Period>, now: Timestamp) -> bool {
    let (from, to) = period.map_or((now, now), |period| (period.from.max(now), period.to));
    let busy = |at: Timestamp| bookings.iter().filter(|booking| booking.keeps_busy(at, now)).count();
    // The number of calls rises only where one begins.
    let begins = bookings.iter().map(|booking| booking.from).filter(|at| from < *at && *at < to);
    iter::once(from).chain(begins).all(|at| busy(at) < capacity as usize)
}

/// The booking that takes any of that time, or is wanted now and not back.
pub(super) fn in_the_way(driver: &Driver, from: Timestamp, to: Option<Timestamp>, now: Timestamp) -> Option<&Booking> {
    driver.bookings.iter().find(|booking| booking.takes_any_of(from, to) || (from <= now && booking.holds_at(now)))
}

/// Books a chosen driver, unless it is booked for any of that time already, or is wanted now and not back.
pub(super) fn book(
    driver: &Driver,
    call: &CallId,
    period: Option<&Period>,
    (service, max): (&ServiceId, u32),
    now: Timestamp,
) -> Decided {
    if driver.profile.service != *service {
        return Err(Rejection::NotFound);
    }
    if driver.is_booked_for(call) {
        return Ok(Decision::nothing());
    }
    if driver.duty == Duty::Retired || !driver.on_duty {
        return Err(Rejection::DriverUnavailable { status: driver.status() });
    }
    if driver.bookings.len() >= max as usize {
        return Err(Rejection::DriverUnavailable { status: "booked as often as it may be" });
    }
    let (from, to) = period.map_or((now, None), |period| (period.from, Some(period.to)));
    match in_the_way(driver, from, to, now) {
        Some(other) => Err(taken_by(other)),
        None => Ok(Decision::event(Event::DriverBooked { call: call.clone(), from, to, until: None })),
    }
}

fn taken_by(booking: &Booking) -> Rejection {
    Rejection::DriverUnavailable { status: if booking.engaged { "engaged" } else { "reserved" } }
}

/// The chosen driver hears that its call is paid.
pub(super) fn confirm(driver: &Driver, call: &CallId) -> Decision<Event, Effect> {
    match driver.bookings.iter().find(|booking| booking.call == *call) {
        Some(Booking { engaged: false, .. }) => Decision::event(Event::DriverEngaged { call: call.clone() }),
        // Confirmed before, or released in the meantime.
        Some(_) | None => Decision::nothing(),
    }
}

/// Goes out with a call: a company with as many as its capacity, a car with one at a time, whatever their periods say.
/// One that is handed over before its time may not take another's.
pub(super) fn hand_over(driver: &Driver, call: &CallId, assigning: Option<&Policy>, now: Timestamp) -> Decided {
    let own = driver.bookings.iter().find(|booking| booking.call == *call);
    // Handed over before, or released in the meantime: the call knows why.
    let Some(own) = own.filter(|own| !own.out) else { return Ok(Decision::nothing()) };
    let in_the_way = match assigning {
        Some(policy) => crowded_out(driver, own, policy.file.dispatch.capacity, now),
        None => out_of_turn(driver, own, now).map(taken_by),
    };
    match in_the_way {
        Some(refusal) => Err(refusal),
        None => Ok(Decision::event(Event::DriverHandedOver { call: call.clone() })),
    }
}

/// The booking of a car or seat that is out, or whose time an early start would take.
fn out_of_turn<'a>(driver: &'a Driver, own: &Booking, now: Timestamp) -> Option<&'a Booking> {
    let from = own.from.min(now);
    driver.bookings.iter().find(|other| {
        other.call != own.call
            && (other.holds_at(now) || (other.to.is_none_or(|to| to > now) && other.takes_any_of(from, own.to)))
    })
}

/// Why a company has no room for one of its calls now, if it has none.
fn crowded_out(driver: &Driver, own: &Booking, capacity: u32, now: Timestamp) -> Option<Rejection> {
    let others: Vec<Booking> = driver.bookings.iter().filter(|other| other.call != own.call).cloned().collect();
    let ahead = own.to.filter(|to| *to > now).map(|to| Period { from: now, to });
    let has_room = has_room(&others, capacity, ahead.as_ref(), now);
    (!has_room).then_some(Rejection::DriverUnavailable { status: "engaged with as many calls as it may have at once" })
}

/// When a booking next begins, or is over without anybody having come.
pub(super) fn next_turn(driver: &Driver) -> Option<Timestamp> {
    let turns = |booking: &Booking| [Some(booking.from), booking.to.filter(|_| !booking.out)].into_iter().flatten();
    driver.bookings.iter().flat_map(turns).filter(|turn| *turn > driver.updated_at).min()
}

/// Says that a booking has begun or is over, so that lists of drivers by status are right.
pub(super) fn turn(driver: &Driver, now: Timestamp) -> Decision<Event, Effect> {
    let turned = |at: Timestamp| at > driver.updated_at && at <= now;
    let began = driver.bookings.iter().find(|booking| turned(booking.from) && booking.holds_at(now));
    let ended = driver.bookings.iter().find(|booking| !booking.out && booking.to.is_some_and(turned));
    match (began, ended) {
        (Some(booking), _) => Decision::event(Event::BookingBegan { call: booking.call.clone() }),
        (None, Some(booking)) => Decision::event(Event::BookingEnded { call: booking.call.clone() }),
        (None, None) => Decision::nothing(),
    }
}

/// The booked call is its own. A company that has got a call is the last to be assigned the next one.
pub(super) fn engaged(driver: &mut Driver, call: &CallId, at: Timestamp) {
    driver.free_since = driver.free_since.map(|_| at);
    for booking in driver.bookings.iter_mut().filter(|booking| booking.call == *call) {
        booking.engaged = true;
        booking.until = None;
    }
}

/// It goes out with the booked call, now if that is earlier than booked.
pub(super) fn handed_over(driver: &mut Driver, call: &CallId, at: Timestamp) {
    for booking in driver.bookings.iter_mut().filter(|booking| booking.call == *call) {
        booking.out = true;
        booking.from = booking.from.min(at);
    }
    driver.bookings.sort_by_key(|booking| booking.from);
}

/// The booking ends. It counts as work only if the call was its own.
pub(super) fn released(driver: &mut Driver, call: &CallId, reason: ReleaseReason, at: Timestamp) {
    let worked = driver.bookings.iter().any(|booking| booking.call == *call && booking.engaged);
    driver.bookings.retain(|booking| booking.call != *call);
    if worked && reason == ReleaseReason::CallEnded {
        driver.free_since = driver.free_since.map(|_| at);
    }
}
