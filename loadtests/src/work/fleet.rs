//! All who answer the calls of one service. Those that wait for offers are taken and given back; those that are booked
//! are booked by turns, so that no two bookings of one overlap.

use std::{
    collections::VecDeque,
    ops::Range,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use jiff::{SignedDuration, Timestamp};
use tokio::sync::Semaphore;

use crate::wire::Service;

/// Bookings begin so long after the run, seconds: beyond the end of any run, so that none begins while it lasts.
const FIRST_BOOKING_S: i64 = 2 * 86_400;
/// The length of a booking whose service charges by no unit, seconds.
const UNIT_S: i64 = 3_600;

/// All who answer the calls of one service.
pub struct Fleet {
    pub service: Service,
    /// Its share of the calls, over that of the others.
    pub weight: f64,
    /// What its lifecycles are called in reports, when there are several services.
    pub step: &'static str,
    /// Their numbers among all drivers.
    pub numbers: Range<u32>,
    free: Mutex<VecDeque<u32>>,
    any_free: Semaphore,
    turns: AtomicU64,
    booked_from: Timestamp,
}

/// Whom a call may name, and for when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Booking {
    pub driver: u32,
    pub from: Timestamp,
    /// To when: where the next booking of the same begins.
    pub to: Timestamp,
}

impl Fleet {
    /// A fleet of which all are free `now`.
    #[must_use]
    pub fn new(service: Service, weight: f64, numbers: Range<u32>, now: Timestamp) -> Self {
        // Whole days from now on: far from the end of time.
        let day = (now.as_second() + FIRST_BOOKING_S) / 86_400 * 86_400;
        let booked_from = Timestamp::from_second(day).unwrap_or(now);
        let (free, many) = (Mutex::new(numbers.clone().collect()), numbers.len());
        let any_free = Semaphore::new(many);
        // One short text per service and run.
        let step = format!("lifecycle {}", service.id).leak();
        Self { service, weight, step, numbers, free, any_free, turns: AtomicU64::new(0), booked_from }
    }

    /// Takes a free one, waiting when there is none. The last one back comes last, so that the server has time to note
    /// that it is free.
    pub async fn take_free(&self) -> Option<u32> {
        self.any_free.acquire().await.ok()?.forget();
        self.free.lock().unwrap_or_else(PoisonError::into_inner).pop_front()
    }

    /// One is free again.
    pub fn give_back(&self, driver: u32) {
        self.free.lock().unwrap_or_else(PoisonError::into_inner).push_back(driver);
        self.any_free.add_permits(1);
    }

    /// The next booking: each in turn, then each for the period after that.
    #[must_use]
    pub fn book(&self) -> Booking {
        let turn = self.turns.fetch_add(1, Ordering::Relaxed);
        let many = u64::from(self.numbers.end - self.numbers.start).max(1);
        let unit_s = self.service.policy.fare.unit_s.unwrap_or(UNIT_S).max(1);
        let slot = i64::try_from(turn / many).unwrap_or(i64::MAX);
        let from = self.booked_from.saturating_add(SignedDuration::from_secs(unit_s.saturating_mul(slot)));
        let from = from.unwrap_or(self.booked_from);
        let to = from.saturating_add(SignedDuration::from_secs(unit_s)).unwrap_or(from);
        let number = u32::try_from(turn % many).unwrap_or_default();
        Booking { driver: self.numbers.start + number, from, to }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;
    use crate::wire::{Fare, FoundBy, PaymentDue, Policy};

    #[test]
    fn bookings_of_one_follow_each_other_and_never_overlap() {
        let policy = Policy {
            found_by: FoundBy::Choose,
            confirmed_by: "nobody".to_owned(),
            period: "required".to_owned(),
            payment_due: PaymentDue::WithRequest,
            fare: Fare { unit_s: Some(3_600) },
            start: Vec::new(),
            complete: Vec::new(),
        };
        let service = Service { id: "rental".to_owned(), policy };
        let fleet = Fleet::new(service, 1.0, 7..10, Timestamp::UNIX_EPOCH);
        let mut ends = HashMap::new();
        for turn in 0..30 {
            let booking = fleet.book();
            assert!(fleet.numbers.contains(&booking.driver) && booking.from < booking.to, "{booking:?}");
            let before = ends.insert(booking.driver, booking.to);
            assert_eq!(before, (turn >= 3).then_some(booking.from), "{booking:?}");
        }
    }
}
