//! The messages to an entity, and its answers.

use std::{sync::Arc, time::Duration};

use actix::Message;
use tokio::sync::oneshot;

use crate::{
    actors::{Cause, supervision::Permit},
    domain::{Machine, Rejection, policy::NoPolicy},
};

/// When an answer may be given: as soon as the state satisfies it.
pub type Until<M> = Box<dyn Fn(&<M as Machine>::State) -> bool + Send>;

/// Why a question has no answer, or a refusal for one.
#[derive(Debug, Clone, thiserror::Error)]
pub enum AskError<S> {
    /// The entity refuses; nothing has changed.
    #[error("{rejection}")]
    Rejected {
        rejection: Rejection,
        /// Its state, when there is one.
        state: Option<Arc<S>>,
    },
    /// The rules of its service are not there: a fault of this server, and no refusal.
    #[error("{0}")]
    NoPolicy(NoPolicy),
    /// It failed too often and waits for an operator.
    #[error("the actor is parked after repeated failures")]
    Parked,
    /// Its mailbox is full.
    #[error("too many requests wait for the same call, driver or payment")]
    Overloaded {
        /// When to try again.
        retry_after: Duration,
    },
    /// The store cannot commit now: nothing was changed.
    #[error("the store cannot commit now")]
    Unavailable {
        /// When to try again.
        retry_after: Duration,
    },
    /// The store has not said what became of the change: it may have taken effect, and will be found out.
    #[error("the store does not answer; it is not known yet whether the request took effect")]
    Undecided {
        /// When to look again.
        retry_after: Duration,
    },
    /// The actor panicked over this message and is being restarted.
    #[error("the actor failed over this request and is being restarted")]
    Crashed,
    /// This process owns the entity no more, or is about to end.
    #[error("this server is stopping")]
    Stopping,
}

/// The state after a request, `None` when there is no such entity, or why there is no answer.
pub type Answer<M> = Result<Option<Arc<<M as Machine>::State>>, AskError<<M as Machine>::State>>;

/// Where an answer goes. Dropping it tells the caller that the actor failed over the message.
pub(super) type Reply<M> = oneshot::Sender<Answer<M>>;

/// A message to an entity.
pub(super) struct Turn<M: Machine> {
    pub(super) request: Request<M>,
    pub(super) reply: Option<Reply<M>>,
    pub(super) permit: Option<Permit>,
}

/// A question or a command.
pub(super) enum Request<M: Machine> {
    Get {
        /// Hold the answer back until then.
        until: Option<Until<M>>,
    },
    Command {
        command: M::Command,
        /// Hold the answer back until then.
        until: Option<Until<M>>,
        cause: Cause,
    },
    /// To commit what is in memory only, such as a position.
    Save,
    /// To do what its deadline asks for, and to note when it wants to be woken next.
    Wake { cause: Cause },
    /// To panic: a drill.
    Crash,
}

impl<M: Machine> Message for Turn<M> {
    type Result = ();
}
