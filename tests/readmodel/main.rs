//! The read model: what it makes of events, what it answers, and that each event counts once.

mod applying;
mod asking;
mod feeding;
mod fixture;
mod telling;
