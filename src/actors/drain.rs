//! Deferred payments: tried again, oldest first, once the gateway takes requests.
//!
//! The actor keeps nothing: which payments wait is on the board that calls write after their commits. It asks for a few at a
//! time and stops at the first that cannot be made, so that a gateway that comes back is not met by all of them at once.

use std::{sync::Arc, time::Duration};

use actix::{Actor, AsyncContext, Context, Handler, Supervised, WrapFuture};
use futures_util::{StreamExt, stream};

use super::{Cause, World, supervision::Crash};
use crate::domain::call::Command;

/// How often it is looked whether the gateway takes requests.
const TICK: Duration = Duration::from_millis(500);
/// Payments tried in one go.
const AT_ONCE: usize = 16;

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
    loop {
        tokio::time::sleep(TICK).await;
        while world.guard.gauge().admission().is_ok() {
            let oldest = world.boards.deferred.oldest(AT_ONCE);
            if oldest.is_empty() {
                break;
            }
            let tried = stream::iter(oldest).map(|call| {
                let world = Arc::clone(&world);
                async move {
                    let cause = Cause::fresh("drain/payments");
                    world.calls.ask(call.as_str(), Command::RetryPayment, cause).await.is_ok()
                }
            });
            let all_taken = tried.buffered(AT_ONCE).all(std::future::ready).await;
            // They are in flight now; what comes of them shows on the board.
            tokio::time::sleep(TICK / 5).await;
            if !all_taken {
                break;
            }
        }
    }
}
