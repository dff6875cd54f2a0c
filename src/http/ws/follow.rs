//! Following a call: who may, and what of it was missed. A change that comes while the missed ones are read is held
//! back, so that none is told before an earlier one.

use std::{sync::Arc, time::Duration};

use serde_json::Value;

use super::{
    end::End,
    frames::Told,
    socket::Socket,
    subscriptions::{self, Held},
};
use crate::{
    actors::hub::Topic,
    domain::{CallId, call::Call},
    http::{
        auth::Principal,
        calls::{may_see, present, visible},
        error::Problem,
        state::State,
    },
};

/// How long a replay waits for what is committed already to arrive in the read model.
const PATIENCE: Duration = Duration::from_millis(500);

/// A wish to follow a call.
#[derive(Debug)]
pub(super) struct Follow {
    pub call: CallId,
    /// The last change that is known.
    pub after: Option<u64>,
}

/// A call that may be followed.
pub(super) struct MayFollow {
    call: Arc<Call>,
    after: Option<u64>,
}

/// A followed call, of which the client is to be told what it missed.
#[derive(Debug)]
pub(super) struct Replay {
    call: CallId,
    /// The last change that the client knows; `None`: it wants the call as it is.
    after: Option<u64>,
}

/// The changes of a call that a client missed, and the call as it is now.
pub(super) struct Replayed {
    call: CallId,
    after: Option<u64>,
    /// The changes that the client missed, oldest first.
    missed: Vec<Call>,
    present: Option<Arc<Call>>,
}

impl Follow {
    /// Whether this client may see the call.
    pub async fn check(self, state: &State, who: &Principal) -> Result<MayFollow, Problem> {
        let call = visible(state, who, &self.call).await?;
        Ok(MayFollow { call, after: self.after })
    }
}

impl Replay {
    /// Which call it is.
    pub fn call(&self) -> &CallId {
        &self.call
    }

    /// Reads the call, and then what was missed until then: what changes from now on, the listener hears.
    pub async fn read(self, state: &State, who: &Principal) -> Result<Replayed, Problem> {
        let present = present(state, who, &self.call).await?;
        let missed = match (self.after, &present) {
            (Some(after), Some(present)) if after < present.version => {
                missed(state, &self.call, after, present.version).await
            }
            _ => Vec::new(),
        };
        Ok(Replayed { call: self.call, after: self.after, missed, present })
    }
}

/// The states that a call came to after a change, up to `version`.
async fn missed(state: &State, call: &CallId, after: u64, version: u64) -> Vec<Call> {
    state.read_model.caught_up_to(call, version, PATIENCE).await;
    state.read_model.states_after(call, after).await.unwrap_or_else(|error| {
        tracing::error!(%error, "the read model does not answer; the present state must do");
        Vec::new()
    })
}

impl Socket {
    /// Follows a call, unless that is one too many.
    pub(super) async fn follow(&mut self, reference: Option<Value>, may: MayFollow) -> Result<Option<Replay>, End> {
        let MayFollow { call, after } = may;
        if !self.subscriptions.follow(&call.id) {
            let detail = format!("at most {} calls may be followed by one socket", subscriptions::MAX);
            self.refuse(reference, &Problem::invalid(detail)).await?;
            return Ok(None);
        }
        self.subscriptions.hold(&call.id);
        self.listener.subscribe(Topic::Call(call.id.clone()));
        self.send(&Told::Ack { reference }).await?;
        // A number from the future is no knowledge.
        let after = after.map(|after| after.min(call.version));
        Ok(Some(Replay { call: call.id.clone(), after }))
    }

    /// Follows a call no more.
    pub(super) fn leave(&mut self, call: &CallId) {
        self.listener.unsubscribe(&Topic::Call(call.clone()));
        self.subscriptions.leave(call);
    }

    /// Tells what was missed, oldest first, then how the call is, then what came meanwhile. When more came than was
    /// kept, that is to be read as well.
    pub(super) async fn tell_replayed(&mut self, replayed: Replayed) -> Result<Option<Replay>, End> {
        let Replayed { call, after, missed, present } = replayed;
        if let Some(after) = after {
            for state in &missed {
                let is_seen = may_see(&self.who, state);
                if is_seen && self.subscriptions.is_missed(&call, after, state.version) {
                    match &present {
                        Some(present) if present.version == state.version => self.show_present(present).await?,
                        Some(_) | None => self.show_past(state).await?,
                    }
                }
            }
        }
        if let Some(present) = present {
            self.tell_of_call(&present).await?;
        }
        if let Some(after) = after {
            self.subscriptions.caught_up(&call, after);
        }
        if self.tell_held(&call).await? {
            self.subscriptions.hold(&call);
            let after = self.subscriptions.last_told(&call);
            return Ok(Some(Replay { call, after }));
        }
        Ok(None)
    }

    /// Tells what was held back of a call; answers whether there was more of it.
    pub(super) async fn tell_held(&mut self, call: &CallId) -> Result<bool, End> {
        let Held { changes, overflowed } = self.subscriptions.release(call);
        for state in changes {
            self.tell_of_call(&state).await?;
        }
        Ok(overflowed)
    }
}
