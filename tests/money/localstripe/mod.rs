//! Everything here needs localstripe.

mod books;
mod busy;
mod given_up;
mod interrupted;
mod moved;
mod other_money;
mod payers;
mod reconcile;
mod refunds;
mod refusals;
