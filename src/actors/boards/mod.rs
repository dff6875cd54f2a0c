//! The boards: what is committed, arranged for those who look for it. Entities write to them after their commits;
//! nobody else does. They can be built again from snapshots at any time, so a panic or a restart loses nothing of them.

mod assigned;
mod deferred;
mod demand;
mod faces;
mod grid;
mod idle;
mod offers;
mod promises;
mod supply;
mod trips;
mod unpaid;
pub(super) mod unsettled;

pub use assigned::AssignedBoard;
pub use deferred::DeferredBoard;
pub use demand::{Demand, DemandBoard};
pub use faces::FaceBoard;
pub use grid::Candidate;
pub use idle::IdleBoard;
pub use offers::OfferBoard;
pub use promises::PromiseBoard;
pub use supply::SupplyBoard;
pub use trips::{Course, Trip, TripBoard};
pub use unpaid::{Place, UnpaidBoard};
pub use unsettled::{Unsettled, UnsettledBoard};

/// Committed truth, arranged for the questions that dispatch asks. Made anew at every start.
#[derive(Default)]
pub struct Boards {
    /// Drivers who can be offered calls, by place.
    pub supply: SupplyBoard,
    /// Free drivers, by how long they have waited.
    pub idle: IdleBoard,
    /// Calls whose payment waits for the gateway.
    pub deferred: DeferredBoard,
    /// Calls that look for a driver.
    pub demand: DemandBoard,
    /// Drivers found for calls that have not committed it yet.
    pub promises: PromiseBoard,
    /// Drivers with a call that the system assigned and they have not taken yet.
    pub assigned: AssignedBoard,
    /// The names, phones and plates of drivers.
    pub faces: FaceBoard,
    /// Open offers, by driver.
    pub offers: OfferBoard,
    /// Calls that are assigned or under way, for those who follow the driver.
    pub trips: TripBoard,
    /// Open calls that are not paid, by customer.
    pub unpaid: UnpaidBoard,
    /// Payments whose money is not settled.
    pub unsettled: UnsettledBoard,
}

impl Boards {
    /// Forgets what was committed: it is shown anew from the snapshots. Where drivers were seen last, and the requests that
    /// are under way, stay: neither is in a snapshot.
    pub(super) fn clear(&self) {
        self.supply.clear();
        self.idle.clear();
        self.deferred.clear();
        self.demand.clear();
        self.promises.clear();
        self.assigned.clear();
        self.faces.clear();
        self.offers.clear();
        self.trips.clear();
        self.unpaid.clear();
        self.unsettled.clear();
    }
}
