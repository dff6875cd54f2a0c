//! The load itself: who takes part, and what each of them does.

mod ask;
mod crowd;
mod drivers;
mod faults;
mod feed;
mod fleet;
mod lifecycle;
mod logbook;
mod meets;
mod place;
mod positions;
mod prefill;
mod sockets;
mod stage;
mod step;
mod storm;

pub use crowd::{Crowd, Driver};
pub use drivers::open_drivers;
pub use faults::{play as play_faults, reset as reset_faults};
pub use feed::{Arrival, feed};
pub use fleet::{Booking, Fleet};
pub use logbook::{Driven, Logbook, State};
pub use place::Place;
pub use positions::send as send_positions;
pub use prefill::prefill;
pub use sockets::open_customers;
pub use stage::Stage;
