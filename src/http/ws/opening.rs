//! The first frames of a socket: a driver's open offers, or the calls of a customer that are not over.

use std::{sync::Arc, time::Duration};

use jiff::Timestamp;

use super::{
    frames::Told,
    socket::{Goes, Socket},
};
use crate::{
    domain::{
        Party, Role,
        call::{Call, Phase, active_statuses},
    },
    http::{auth::Principal, calls::may_see, state::State},
    readmodel::CallFilter,
};

/// The number of calls that a customer is told at the opening; the newest ones.
const CALLS_MAX: usize = 50;
/// How long the answer waits for what was committed before the socket opened to arrive in the read model.
const PATIENCE: Duration = Duration::from_millis(500);

/// The news with which a socket opens, by the role of its principal.
pub(super) enum Opening {
    Offers(Vec<OpenOffer>),
    /// A customer's calls, newest first.
    Calls(Vec<Call>),
    Nothing,
}

/// An offer that was open when it was read.
pub(super) struct OpenOffer {
    call: Arc<Call>,
    expires_at: Timestamp,
}

impl Opening {
    /// Reads the news. The socket listens already, so that no change between this read and the next is missed.
    pub async fn read(state: &State, who: &Principal) -> Self {
        match who.party() {
            Party::Driver(_) => Self::Offers(open_offers(state, who).await),
            Party::Customer(_) => Self::Calls(active_calls(state, who).await),
            Party::Operator(_) | Party::System => Self::Nothing,
        }
    }
}

async fn open_offers(state: &State, who: &Principal) -> Vec<OpenOffer> {
    let Party::Driver(driver) = who.party() else { return Vec::new() };
    let mut open = Vec::new();
    for (id, expires_at) in state.engine.open_offers(driver) {
        let Ok(Some(call)) = state.engine.call(&id).await else { continue };
        if matches!(call.phase, Phase::Dispatching(_)) && may_see(who, &call) {
            open.push(OpenOffer { call, expires_at });
        }
    }
    open
}

async fn active_calls(state: &State, who: &Principal) -> Vec<Call> {
    let committed = state.engine.committed();
    state.read_model.caught_up_with(committed, PATIENCE).await;
    let filter = CallFilter { service: None, statuses: active_statuses(), services: who.services() };
    match state.read_model.me_calls(Role::Customer, who.id(), filter, CALLS_MAX, None).await {
        Ok(page) => page.items,
        Err(error) => {
            tracing::warn!(%error, "a socket opens without its calls: the read model does not answer");
            Vec::new()
        }
    }
}

impl Socket {
    /// Tells what there was when the socket opened, as far as it still holds.
    pub(super) async fn show(&mut self, opening: &Opening) -> Goes {
        match opening {
            Opening::Offers(offers) => self.show_offers(offers).await,
            Opening::Calls(calls) => {
                for call in calls {
                    self.tell_of_call(call).await?;
                }
                Ok(())
            }
            Opening::Nothing => Ok(()),
        }
    }

    async fn show_offers(&mut self, offers: &[OpenOffer]) -> Goes {
        let Party::Driver(driver) = self.who.party().clone() else { return Ok(()) };
        let (state, who) = (self.state.clone(), self.who.clone());
        let open = state.engine.open_offers(&driver);
        for OpenOffer { call, expires_at } in offers {
            if open.iter().any(|(id, _)| *id == call.id) {
                self.send(&Told::Offer { call: state.call_view(call, &who), expires_at: (*expires_at).into() }).await?;
            }
        }
        Ok(())
    }
}
