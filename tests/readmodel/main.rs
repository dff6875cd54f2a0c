//! The read model: what it makes of events, what it answers, and that each event counts once.

mod applying;
mod asking;
mod faulty_store;
mod feeding;
mod files;
mod fixture;
mod gaps;
mod histories;
mod lagging;
mod lists;
mod telling;
mod world;
