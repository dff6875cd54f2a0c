//! Who got to a waiting commit first: the writer that takes it, or the caller that gives it up.
//!
//! Decides whether a timeout means "certainly not written" or "outcome unknown".

use std::sync::{
    Arc,
    atomic::{AtomicU8, Ordering},
};

const WAITING: u8 = 0;
const TAKEN: u8 = 1;
const GIVEN_UP: u8 = 2;

/// The state of one waiting commit.
#[derive(Default)]
pub(super) struct Turn(AtomicU8);

impl Turn {
    /// Takes it for writing; `false` when its caller has given it up.
    pub fn take(&self) -> bool {
        self.change(TAKEN)
    }

    fn change(&self, to: u8) -> bool {
        self.0.compare_exchange(WAITING, to, Ordering::AcqRel, Ordering::Acquire).is_ok()
    }
}

/// The caller's end: gives the commit up when dropped, if it has not been taken.
pub(super) struct GiveUp(pub Arc<Turn>);

impl GiveUp {
    /// Gives it up; `false` when it has been taken already.
    pub fn give_up(&self) -> bool {
        self.0.change(GIVEN_UP)
    }
}

impl Drop for GiveUp {
    fn drop(&mut self) {
        self.give_up();
    }
}
