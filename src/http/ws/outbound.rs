//! Frames to a client that answer no command.

use super::{
    frames::Told,
    socket::{Goes, Socket},
};
use crate::{
    actors::hub::{Moved, Note},
    domain::{Party, call::Call, driver::Fix},
    http::{auth::Principal, calls::may_see},
};

impl Socket {
    /// Tells of what the hub said.
    pub(super) async fn tell_of(&mut self, note: &Note) -> Goes {
        if !self.who.may_use(note.service()) {
            return Ok(());
        }
        match note {
            Note::CallChanged(call) if self.subscriptions.holds_back(call) => Ok(()),
            Note::CallChanged(call) => self.tell_of_call(call).await,
            Note::Offered { call, expires_at } => {
                if !may_see(&self.who, call) {
                    return Ok(());
                }
                let (state, who) = (self.state.clone(), self.who.clone());
                self.send(&Told::Offer { call: state.call_view(call, &who), expires_at: (*expires_at).into() }).await
            }
            Note::OfferWithdrawn(gone) => self.send(&Told::OfferWithdrawn { call: &gone.call }).await,
            Note::Moved(moved) if !may_see_moving(&self.who, moved) => Ok(()),
            Note::Moved(moved) => {
                let Moved { driver, fix, eta_s, .. } = moved.as_ref();
                let Fix { position, at, heading, speed_mps, .. } = *fix;
                let (lat, lng) = (position.lat(), position.lng());
                self.send(&Told::Position { driver, lat, lng, heading, speed_mps, at: at.into(), eta_s: *eta_s }).await
            }
            Note::Notified(told) => {
                let notification = told.in_lang(self.language.0);
                self.send(&Told::Notification { notification }).await
            }
        }
    }

    /// Sends a call as it is after a change, unless the client knows that change. The socket stops following a call
    /// that its client may no longer see.
    pub(super) async fn tell_of_call(&mut self, call: &Call) -> Goes {
        if !may_see(&self.who, call) {
            self.leave(&call.id);
            return Ok(());
        }
        if !self.subscriptions.is_news(&call.id, call.version) {
            return Ok(());
        }
        self.show_present(call).await
    }

    /// Shows a call as it is now.
    pub(super) async fn show_present(&mut self, call: &Call) -> Goes {
        let (state, who) = (self.state.clone(), self.who.clone());
        let view = state.present_call_view(call, &who).await;
        self.send(&Told::Call { seq: call.version, call: view }).await
    }

    /// Shows a call as it was after an earlier change.
    pub(super) async fn show_past(&mut self, call: &Call) -> Goes {
        let (state, who) = (self.state.clone(), self.who.clone());
        self.send(&Told::Call { seq: call.version, call: state.call_view(call, &who) }).await
    }
}

/// Whether somebody may see where a driver goes: the driver itself, operators, and the customer, who hears only of
/// drivers that have its calls. A driver who was offered the call does not see the one who has it.
fn may_see_moving(who: &Principal, moved: &Moved) -> bool {
    match who.party() {
        Party::Driver(own) => *own == moved.driver,
        Party::Customer(_) | Party::Operator(_) | Party::System => true,
    }
}
