//! One thing at a time: timers and outcomes of effects that come up while an entity waits are taken once
//! that wait is over.
//!
//! actix holds messages back while a context waits, but not everything: after a message's handler called
//! `Context::wait`, one spawned future is polled before that wait takes hold. Its outcome would meet a turn that has
//! been decided and is not committed, and be undone by the adoption of what that turn decided. The test below pins
//! that fact to the version in use. So whatever waits goes through [`EntityActor::wait_for`], and whatever is spawned
//! comes back through [`EntityActor::in_turn`].

use std::{collections::VecDeque, future::Future};

use actix::{ActorFutureExt, AsyncContext, Context, WrapFuture};

use super::{Entity, EntityActor};

type Work<E> = Box<dyn FnOnce(&mut EntityActor<E>, &mut Context<EntityActor<E>>)>;

/// The waits of an entity, and the work that is to be done after them. Every spawned future adds one piece of work at
/// most when it ends, so there are never more pieces than effects owed and timers set.
pub(super) struct Busy<E: Entity> {
    waits: u32,
    deferred: VecDeque<Work<E>>,
}

impl<E: Entity> Default for Busy<E> {
    fn default() -> Self {
        Self { waits: 0, deferred: VecDeque::new() }
    }
}

impl<E: Entity> Busy<E> {
    /// Whether the entity waits for a load or a commit.
    pub(super) fn is_waiting(&self) -> bool {
        self.waits > 0
    }
}

impl<E: Entity> EntityActor<E> {
    /// Waits for `future` without taking messages, goes on with `then`, and catches up with what came up meanwhile.
    pub(super) fn wait_for<T: 'static>(
        &mut self,
        context: &mut Context<Self>,
        future: impl Future<Output = T> + 'static,
        then: impl FnOnce(&mut Self, T, &mut Context<Self>) + 'static,
    ) {
        self.busy.waits += 1;
        context.wait(future.into_actor(self).map(move |output, actor, context| {
            actor.busy.waits -= 1;
            then(actor, output, context);
            actor.catch_up(context);
        }));
    }

    /// Does what a timer or an effect's outcome asks for: at once, or when nothing is waited for any more.
    pub(super) fn in_turn(
        &mut self,
        context: &mut Context<Self>,
        work: impl FnOnce(&mut Self, &mut Context<Self>) + 'static,
    ) {
        if self.busy.waits == 0 {
            work(self, context);
        } else {
            self.busy.deferred.push_back(Box::new(work));
        }
    }

    fn catch_up(&mut self, context: &mut Context<Self>) {
        while self.busy.waits == 0
            && let Some(work) = self.busy.deferred.pop_front()
        {
            work(self, context);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use actix::{Actor, Handler, Message};
    use parking_lot::Mutex;
    use tokio::sync::oneshot;

    use super::*;

    type Log = Arc<Mutex<Vec<&'static str>>>;

    /// Waits in its message handler, while two spawned futures are ready.
    struct Probe {
        log: Log,
        spawned: Vec<(&'static str, oneshot::Receiver<()>)>,
    }

    struct Hold;

    impl Message for Hold {
        type Result = ();
    }

    impl Actor for Probe {
        type Context = Context<Self>;

        fn started(&mut self, context: &mut Context<Self>) {
            for (name, outcome) in std::mem::take(&mut self.spawned) {
                let log = Arc::clone(&self.log);
                context.spawn(outcome.into_actor(self).map(move |_, _, _| log.lock().push(name)));
            }
        }
    }

    impl Handler<Hold> for Probe {
        type Result = ();

        fn handle(&mut self, _: Hold, context: &mut Context<Self>) {
            self.log.lock().push("message");
            context.wait(tokio::task::yield_now().into_actor(self).map(|(), actor: &mut Self, _| {
                actor.log.lock().push("the wait is over");
            }));
        }
    }

    #[actix_rt::test]
    async fn actix_polls_one_spawned_future_between_a_messages_wait_and_that_wait() {
        let log = Log::default();
        let ((first, one), (second, other)) = (oneshot::channel(), oneshot::channel());
        let spawned = vec![("one outcome", one), ("the other outcome", other)];
        let probe = Probe { log: Arc::clone(&log), spawned }.start();
        tokio::task::yield_now().await;
        probe.do_send(Hold);
        first.send(()).expect("it is waited for");
        second.send(()).expect("it is waited for");
        while log.lock().len() < 4 {
            tokio::task::yield_now().await;
        }
        let expected = ["message", "one outcome", "the wait is over", "the other outcome"];
        assert_eq!(*log.lock(), expected, "if this has changed, see what `Busy` is still needed for");
    }
}
