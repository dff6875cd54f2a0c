//! Deferred payments: tried again, oldest first, once the gateway takes requests.
//!
//! The actor keeps nothing: which payments wait is on the board that calls write after their commits. It begins with one,
//! and with each success tries twice as many at a time, so that a gateway that comes back is not met by all of them at once.
//! When all fail it is back to one, and to longer and longer pauses, so that a long outage leaves few attempts behind; each
//! that fails makes room for the next, and when all have failed they are asked anew. One that fails while others do not is
//! left out for a while, so that it holds up nobody.

use std::{collections::HashMap, sync::Arc, time::Duration};

use actix::{Actor, AsyncContext, Context, Handler, Supervised, WrapFuture};
use futures_util::{StreamExt, stream};
use tokio::time::Instant;

use super::{Cause, World, supervision::Crash};
use crate::domain::{CallId, call::Command};

/// How often it is looked whether the gateway takes requests, while nothing fails.
const TICK: Duration = Duration::from_millis(500);
/// The longest pause after failures.
const PAUSE_MAX: Duration = Duration::from_secs(8);
/// Payments tried at a time, at most.
const AT_ONCE_MAX: usize = 16;
/// A payment that failed while others did not is left out this long.
const LEFT_OUT_FOR: Duration = Duration::from_secs(60);
/// A payment whose outcome is not known after this is left to itself.
const SETTLES_WITHIN: Duration = Duration::from_secs(10);

/// The actor that tries deferred payments again.
pub struct Drain(pub Arc<World>);

impl Actor for Drain {
    type Context = Context<Self>;

    fn started(&mut self, context: &mut Context<Self>) {
        context.spawn(drain_for_ever(Arc::clone(&self.0)).into_actor(self));
    }
}

impl Supervised for Drain {}

impl Handler<Crash> for Drain {
    type Result = ();

    fn handle(&mut self, _: Crash, _: &mut Context<Self>) {
        panic!("a drill: the drain of deferred payments was asked to crash");
    }
}

async fn drain_for_ever(world: Arc<World>) {
    let mut pace = Pace { at_once: 1, pause: TICK, failing: false, left_out: HashMap::new() };
    loop {
        tokio::time::sleep(pace.pause).await;
        while world.guard.gauge().admission().is_ok() {
            let now = Instant::now();
            pace.left_out.retain(|_, until| *until > now);
            let oldest = world.boards.deferred.oldest(pace.at_once, |call| !pace.left_out.contains_key(call));
            if oldest.is_empty() {
                if pace.begins_anew() {
                    continue;
                }
                break;
            }
            let tried = stream::iter(oldest).map(async |call| (retry(&world, &call).await, call));
            let tried: Vec<(bool, CallId)> = tried.buffered(AT_ONCE_MAX).collect().await;
            if !pace.goes_on(tried, Instant::now()) {
                break;
            }
        }
    }
}

/// How fast to go, as the last attempts went.
struct Pace {
    at_once: usize,
    pause: Duration,
    /// Whether nothing has succeeded since the last failure.
    failing: bool,
    /// Those that failed by themselves, and until when: they hold nobody else up.
    left_out: HashMap<CallId, Instant>,
}

impl Pace {
    /// Takes in how a round went. Answers whether to go on at once.
    fn goes_on(&mut self, tried: Vec<(bool, CallId)>, now: Instant) -> bool {
        let any_made = tried.iter().any(|(made, _)| *made);
        if any_made && self.failing {
            // It was the gateway, not they: their turn is now.
            self.left_out.clear();
        }
        let failed = tried.into_iter().filter(|(made, _)| !made);
        self.left_out.extend(failed.map(|(_, call)| (call, now + LEFT_OUT_FOR)));
        self.failing = !any_made;
        (self.at_once, self.pause) =
            if any_made { ((self.at_once * 2).min(AT_ONCE_MAX), TICK) } else { (1, (self.pause * 2).min(PAUSE_MAX)) };
        any_made
    }

    /// Nobody is left who has not failed, and none has succeeded: it may be the gateway, so they are all asked again, oldest
    /// first. Answers whether anybody was left out.
    fn begins_anew(&mut self) -> bool {
        let anew = self.failing && !self.left_out.is_empty();
        if anew {
            self.left_out.clear();
        }
        anew
    }
}

/// Tries one payment again. Answers whether that came to anything: paid, declined, or over in the meantime.
async fn retry(world: &World, call: &CallId) -> bool {
    let asked = world.calls.ask(call.as_str(), Command::RetryPayment, Cause::fresh("drain/payments")).await;
    if asked.is_err() {
        return false;
    }
    let settled = world.calls.get_when(call.as_str(), Box::new(|call| !call.payment.status.in_flight()));
    match tokio::time::timeout(SETTLES_WITHIN, settled).await {
        Ok(Ok(Some(call))) => !call.is_deferred(),
        Ok(Ok(None) | Err(_)) | Err(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pace() -> Pace {
        Pace { at_once: 1, pause: TICK, failing: false, left_out: HashMap::new() }
    }

    fn call(id: &str) -> CallId {
        CallId::new(id).expect("an id")
    }

    #[test]
    fn success_doubles_and_failure_of_all_begins_anew_with_longer_pauses() {
        let (mut pace, now) = (pace(), Instant::now());
        for expected in [2, 4, 8, 16, 16] {
            assert!(pace.goes_on(vec![(true, call("call_a"))], now));
            assert_eq!(pace.at_once, expected);
        }
        for expected in [TICK * 2, TICK * 4, TICK * 8, PAUSE_MAX, PAUSE_MAX] {
            assert!(!pace.goes_on(vec![(false, call("call_a"))], now));
            assert_eq!((pace.at_once, pace.pause), (1, expected));
        }
    }

    #[test]
    fn when_all_have_failed_they_are_asked_again_and_when_others_have_not_they_are_left_out() {
        let (mut pace, now) = (pace(), Instant::now());
        assert!(!pace.begins_anew(), "nobody was left out");
        assert!(!pace.goes_on(vec![(false, call("call_a"))], now));
        assert!(pace.begins_anew() && pace.left_out.is_empty());
        assert!(pace.goes_on(vec![(false, call("call_a")), (true, call("call_b"))], now));
        assert!(!pace.begins_anew() && !pace.left_out.is_empty(), "it was the call");
    }

    #[test]
    fn one_that_fails_by_itself_is_left_out_and_an_outage_leaves_nobody_out() {
        let (mut pace, now) = (pace(), Instant::now());
        assert!(!pace.goes_on(vec![(false, call("call_a"))], now));
        assert!(pace.goes_on(vec![(true, call("call_b"))], now));
        assert!(pace.left_out.is_empty(), "it was the gateway");
        assert!(pace.goes_on(vec![(false, call("call_a")), (true, call("call_c"))], now));
        assert!(pace.left_out.contains_key(&call("call_a")), "it was the call");
    }
}
