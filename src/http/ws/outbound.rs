//! What a client is told without having asked.

use super::{
    frames::Told,
    socket::{Goes, Socket},
};
use crate::{
    actors::hub::{Moved, Note},
    domain::{
        Party,
        call::{Call, Phase},
    },
    http::calls::may_see,
};

impl Socket {
    /// Tells of what the hub said.
    pub(super) async fn tell_of(&mut self, note: &Note) -> Goes {
        match note {
            Note::CallChanged(call) => self.tell_of_call(call).await,
            Note::Offered { call, expires_at } => {
                if !may_see(&self.who, call) {
                    return Ok(());
                }
                let state = self.state.clone();
                self.send(&Told::Offer { call: state.call_view(call), expires_at: (*expires_at).into() }).await
            }
            Note::OfferWithdrawn { call } => self.send(&Told::OfferWithdrawn { call }).await,
            Note::Moved(moved) => {
                let Moved { driver, position, at, eta_s } = moved.as_ref();
                let (lat, lng) = (position.lat(), position.lng());
                self.send(&Told::Position { driver, lat, lng, at: (*at).into(), eta_s: *eta_s }).await
            }
            Note::Notified(told) => {
                let notification = told.in_lang(self.language.0);
                self.send(&Told::Notification { notification }).await
            }
        }
    }

    /// Tells of a call as it is after a change, unless that is known or not for this client.
    pub(super) async fn tell_of_call(&mut self, call: &Call) -> Goes {
        if !may_see(&self.who, call) || !self.subscriptions.is_news(&call.id, call.version) {
            return Ok(());
        }
        let state = self.state.clone();
        self.send(&Told::Call { seq: call.version, call: state.call_view(call) }).await
    }

    /// A driver that comes back finds the offers that are open.
    pub(super) async fn show_offers(&mut self) -> Goes {
        let Party::Driver(driver) = self.who.party().clone() else { return Ok(()) };
        for (id, expires_at) in self.state.engine.boards.offers.of_driver(&driver) {
            let Ok(Some(call)) = self.state.engine.call(&id).await else { continue };
            if matches!(call.phase, Phase::Dispatching(_)) && may_see(&self.who, &call) {
                let state = self.state.clone();
                self.send(&Told::Offer { call: state.call_view(&call), expires_at: expires_at.into() }).await?;
            }
        }
        Ok(())
    }
}
