//! The race for a waiting job: either the part that does it takes it first, or the caller gives it up first.
//!
//! One atomic step decides, so that a caller whose time is over knows whether the job was certainly not done.

use std::sync::{
    Arc,
    atomic::{AtomicU8, Ordering},
};

const WAITING: u8 = 0;
const TAKEN: u8 = 1;
const GIVEN_UP: u8 = 2;

/// Whether something still waits, was taken, or was given up. The last two are for ever.
#[derive(Debug, Default)]
pub struct Claim(AtomicU8);

impl Claim {
    /// Takes it to be done; `false` when its caller has given it up.
    pub fn take(&self) -> bool {
        self.change(TAKEN)
    }

    /// Whether it was neither taken nor given up.
    pub fn is_waiting(&self) -> bool {
        self.0.load(Ordering::Acquire) == WAITING
    }

    fn change(&self, to: u8) -> bool {
        self.0.compare_exchange(WAITING, to, Ordering::AcqRel, Ordering::Acquire).is_ok()
    }
}

/// The caller's end. Dropped, it gives up what has not been taken: a caller that is gone needs nothing done.
#[derive(Debug)]
pub struct Caller(Arc<Claim>);

impl Caller {
    /// The end of whoever waits for what `claim` decides.
    #[must_use]
    pub fn of(claim: &Arc<Claim>) -> Self {
        Self(Arc::clone(claim))
    }

    /// Gives it up; `false` when it has been taken already, and may have been done.
    pub fn give_up(&self) -> bool {
        self.0.change(GIVEN_UP)
    }
}

impl Drop for Caller {
    fn drop(&mut self) {
        self.give_up();
    }
}
