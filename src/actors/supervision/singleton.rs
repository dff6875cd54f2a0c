//! Supervised actors of which there is one by name: dispatchers, the guard, the read model's feeder, timers.

use std::sync::{Arc, atomic::Ordering};

use actix::{Actor, Addr, ArbiterHandle, Context, Handler, Message, Supervised, dev::channel};
use futures_util::stream::AbortHandle;
use parking_lot::RwLock;

use super::{Admission, Escalation, KindStats, Permit, Status, SupervisionSettings, Vitals, Watch, supervise};

/// A drill: the actor panics when it handles this.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct Crash;

/// Why a singleton does not take a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SingletonError {
    /// It failed too often and waits for an operator.
    #[error("the actor is parked")]
    Parked,
    /// Its mailbox is full.
    #[error("the actor's mailbox is full")]
    Full,
}

/// A named, supervised actor that can be talked to from any thread, whatever happens to it.
pub struct Singleton<A: Actor<Context = Context<A>>> {
    name: Arc<str>,
    arbiter: ArbiterHandle,
    factory: Arc<dyn Fn() -> A + Send + Sync>,
    stats: Arc<KindStats>,
    settings: Arc<SupervisionSettings>,
    escalation: Escalation,
    current: RwLock<(Addr<A>, Arc<Vitals>)>,
}

/// The number of messages actix queues before our own bound takes over; only a hint to its channel.
const CHANNEL_HINT: usize = 16;

impl<A> Singleton<A>
where
    A: Actor<Context = Context<A>> + Supervised + Handler<Crash>,
{
    /// Starts the actor that `factory` makes on `arbiter`.
    pub fn start(
        name: impl Into<Arc<str>>,
        arbiter: ArbiterHandle,
        settings: SupervisionSettings,
        stats: Arc<KindStats>,
        escalation: Escalation,
        factory: impl Fn() -> A + Send + Sync + 'static,
    ) -> Arc<Self> {
        let (sender, receiver) = channel::channel(CHANNEL_HINT);
        let vitals = Arc::new(Vitals::default());
        let this = Arc::new(Self {
            name: name.into(),
            arbiter,
            factory: Arc::new(factory),
            stats,
            settings: Arc::new(settings),
            escalation,
            current: RwLock::new((Addr::new(sender), Arc::clone(&vitals))),
        });
        this.stats.live.fetch_add(1, Ordering::Relaxed);
        this.run(receiver, vitals);
        this
    }

    fn run(&self, receiver: channel::AddressReceiver<A>, vitals: Arc<Vitals>) {
        let watch = Watch {
            name: Arc::clone(&self.name),
            vitals,
            stats: Arc::clone(&self.stats),
            settings: Arc::clone(&self.settings),
            escalation: Arc::clone(&self.escalation),
        };
        let factory = Arc::clone(&self.factory);
        self.arbiter.spawn_fn(move || {
            watch.stats.running.fetch_add(1, Ordering::Relaxed);
            actix::spawn(async move {
                let stats = Arc::clone(&watch.stats);
                // Nobody drops it: the handle is gone.
                let (_, never) = AbortHandle::new_pair();
                supervise(Context::with_receiver(receiver), factory(), watch, never).await;
                stats.running.fetch_sub(1, Ordering::Relaxed);
            });
        });
    }

    /// Takes room in its mailbox.
    ///
    /// # Errors
    /// When it is parked or its mailbox is full.
    pub fn admit(&self) -> Result<(Permit, Addr<A>), SingletonError> {
        let current = self.current.read();
        if current.1.status() == Status::Parked {
            return Err(SingletonError::Parked);
        }
        match current.1.admit(self.settings.mailbox_max, &self.stats) {
            Admission::Granted(permit) => Ok((permit, current.0.clone())),
            Admission::Full | Admission::Closed => Err(SingletonError::Full),
        }
    }

    /// Sends a message made with the permit for its place in the mailbox. The message must carry the permit, so that the
    /// place is free again when the message is gone.
    ///
    /// # Errors
    /// When the actor is parked or its mailbox is full.
    pub fn tell<M>(&self, message: impl FnOnce(Permit) -> M) -> Result<(), SingletonError>
    where
        M: Message + Send + 'static,
        M::Result: Send,
        A: Handler<M>,
    {
        let (permit, address) = self.admit()?;
        // Bounded by the permit: actix's own bound does not hold for fresh addresses.
        address.do_send(message(permit));
        Ok(())
    }

    /// Makes it panic in its next message.
    pub fn crash(&self) {
        self.current.read().0.do_send(Crash);
    }

    /// Puts it back to work if it is parked. Answers whether it was.
    pub fn resume(&self) -> bool {
        let mut current = self.current.write();
        if current.1.status() != Status::Parked {
            return false;
        }
        let (sender, receiver) = channel::channel(CHANNEL_HINT);
        let vitals = Arc::new(current.1.successor());
        *current = (Addr::new(sender), Arc::clone(&vitals));
        self.stats.resumed();
        self.run(receiver, vitals);
        true
    }

    /// Its state of health.
    #[must_use]
    pub fn vitals(&self) -> Arc<Vitals> {
        Arc::clone(&self.current.read().1)
    }

    #[must_use]
    pub fn name(&self) -> &Arc<str> {
        &self.name
    }

    /// The figures of its kind.
    #[must_use]
    pub fn stats(&self) -> &Arc<KindStats> {
        &self.stats
    }
}
