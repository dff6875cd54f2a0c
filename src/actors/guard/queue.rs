//! The requests that wait for the gateway: a bounded queue, first in, first out, with a deadline for each.
//! Time is an argument.
//!
//! Background requests (refunds, lookups, repeats) wait in the same line, but may fill only a part of it, so that what
//! piled up during an outage leaves room for customers.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

/// The party that waits for the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Urgency {
    Customer,
    /// The system itself, which can come back later.
    Background,
}

/// Requests that wait for the gateway, the urgent ones first, bounded in number.
#[derive(Debug)]
pub(super) struct WaitQueue<J> {
    waiters: VecDeque<Waiter<J>>,
    background: usize,
    max: usize,
    background_max: usize,
}

#[derive(Debug)]
struct Waiter<J> {
    job: J,
    urgency: Urgency,
    since: Instant,
    deadline: Instant,
}

impl<J> WaitQueue<J> {
    pub(super) fn new(max: usize, background_max: usize) -> Self {
        Self { waiters: VecDeque::new(), background: 0, max, background_max }
    }

    /// Adds one at the end, or gives it back when there is no room.
    pub(super) fn push(&mut self, job: J, urgency: Urgency, now: Instant, deadline: Instant) -> Result<(), J> {
        let is_background = urgency == Urgency::Background;
        if self.waiters.len() >= self.max || (is_background && self.background >= self.background_max) {
            return Err(job);
        }
        self.background += usize::from(is_background);
        self.waiters.push_back(Waiter { job, urgency, since: now, deadline });
        Ok(())
    }

    /// The first in line.
    pub(super) fn front(&self) -> Option<&J> {
        self.waiters.front().map(|waiter| &waiter.job)
    }

    /// Takes the first in line.
    pub(super) fn pop(&mut self) -> Option<J> {
        let waiter = self.waiters.pop_front()?;
        self.background -= usize::from(waiter.urgency == Urgency::Background);
        Some(waiter.job)
    }

    /// Takes the first in line if its deadline has passed.
    pub(super) fn pop_expired(&mut self, now: Instant) -> Option<J> {
        if self.deadline()? <= now { self.pop() } else { None }
    }

    /// The deadline of the first in line.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.waiters.front().map(|waiter| waiter.deadline)
    }

    /// How long the first in line has been waiting.
    pub(super) fn oldest_wait(&self, now: Instant) -> Option<Duration> {
        self.waiters.front().map(|waiter| now.saturating_duration_since(waiter.since))
    }

    pub(super) fn len(&self) -> usize {
        self.waiters.len()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn it_keeps_order_bounds_and_deadlines(steps in prop::collection::vec((0_u64..50, 0_u8..4), 1..200)) {
            let mut now = Instant::now();
            let mut queue = WaitQueue::new(8, 3);
            let mut model: VecDeque<(usize, bool, Instant)> = VecDeque::new();
            for (number, (gap, step)) in steps.into_iter().enumerate() {
                now += Duration::from_millis(gap);
                match step {
                    0 | 1 => {
                        let background = step == 1;
                        let urgency = if background { Urgency::Background } else { Urgency::Customer };
                        let deadline = now + Duration::from_millis(100);
                        let waiting = model.iter().filter(|waiter| waiter.1).count();
                        let fits = model.len() < 8 && !(background && waiting >= 3);
                        prop_assert_eq!(queue.push(number, urgency, now, deadline).is_ok(), fits);
                        if fits {
                            model.push_back((number, background, deadline));
                        }
                    }
                    2 => prop_assert_eq!(queue.pop(), model.pop_front().map(|waiter| waiter.0)),
                    _ => {
                        let is_expired = model.front().is_some_and(|waiter| waiter.2 <= now);
                        let expected = if is_expired { model.pop_front() } else { None };
                        prop_assert_eq!(queue.pop_expired(now), expected.map(|waiter| waiter.0));
                    }
                }
                prop_assert_eq!(queue.len(), model.len());
            }
        }
    }
}
