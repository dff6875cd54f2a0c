//! What people do in a [`World`](crate::world::World), and what goes wrong in it.

use callout::domain::payment::Settlement;

/// What a person does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Act {
    Request {
        call: usize,
        pay: bool,
    },
    Pay {
        call: usize,
    },
    Cancel {
        call: usize,
    },
    Claim {
        driver: usize,
        call: usize,
    },
    Decline {
        driver: usize,
        call: usize,
    },
    Start {
        driver: usize,
        call: usize,
    },
    Complete {
        driver: usize,
        call: usize,
    },
    /// An operator completes a ride whose driver has gone.
    CompleteForDriver {
        call: usize,
    },
    /// An operator ends a ride whose payment cannot be had.
    Settle {
        call: usize,
        how: Settlement,
    },
    Availability {
        driver: usize,
        available: bool,
    },
    /// Time passes: longer than a driver is held for a call that does not answer, shorter than an offer is open.
    OutOfPatience,
}

/// What goes wrong, or not, when an effect is performed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Luck {
    Fine,
    /// It is done, but that is not heard: it stays owed.
    Forgotten,
    /// The gateway declines the method.
    Declined,
    /// The guard refuses it, or it is lost before the gateway has it.
    NotSent,
    /// The gateway does it, and its answer is lost.
    Unanswered,
    /// It is lost on its way, and nobody knows that.
    Lost,
    /// A confirmation arrives only after the next request; until then it is as if lost.
    Late,
}
