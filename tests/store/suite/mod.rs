//! The contract: what every store keeps, whatever it is made of.

mod commits;
mod concurrency;
mod damage;
mod events;
mod kill;
mod model;
mod ownership;
mod reads;
mod terms;
pub mod writing_child;

use crate::harness::Case;

/// Every test of the contract.
pub fn cases() -> Vec<Case> {
    [
        commits::cases(),
        concurrency::cases(),
        damage::cases(),
        events::cases(),
        kill::cases(),
        model::cases(),
        ownership::cases(),
        reads::cases(),
        terms::cases(),
    ]
    .into_iter()
    .flatten()
    .collect()
}
