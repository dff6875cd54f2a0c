//! The boards: what is committed, arranged for those who look for it. Entities write to them after their commits; nobody
//! else does. They can be built again from snapshots at any time, so a panic or a restart loses nothing of them.

mod deferred;
mod demand;
mod grid;
mod idle;
mod offers;
mod supply;
mod trips;

pub use deferred::DeferredBoard;
pub use demand::{Demand, DemandBoard};
pub use grid::Candidate;
pub use idle::IdleBoard;
pub use offers::OfferBoard;
pub use supply::SupplyBoard;
pub use trips::{Course, Trip, TripBoard};

/// All boards.
#[derive(Default)]
pub struct Boards {
    /// Drivers who can be offered calls, by place.
    pub supply: SupplyBoard,
    /// Free drivers, by how long they have waited.
    pub idle: IdleBoard,
    /// Calls whose payment waits for the gateway.
    pub deferred: DeferredBoard,
    /// Calls that look for a driver and have no open offer.
    pub demand: DemandBoard,
    /// Open offers, by driver.
    pub offers: OfferBoard,
    /// Calls that are assigned or under way, for those who follow the driver.
    pub trips: TripBoard,
}
