//! The store on Redis, broken in every way under a load of real lifecycles: afterwards what clients were told is there,
//! nothing was charged twice, nobody holds two calls, and no deadline was missed. Each test has servers of its own.

mod bytes;
mod failover;
mod outage;
mod rig;
mod rollback;
mod silence;
mod zombie;
