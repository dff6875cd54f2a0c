//! The hub: who listens to what. Changes are published after their commit; each listener has a bounded outbox.
//!
//! The hub never waits: a listener whose outbox is full has been too slow and is told so once, by `Lagged`.

use std::{
    hash::Hash,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use dashmap::DashMap;
use jiff::Timestamp;
use serde_json::value::RawValue;
use tokio::sync::{mpsc, watch};

use crate::domain::{CallId, CustomerId, DriverId, Role, ServiceId, call::Call, driver::Fix, policy::Lang};

/// A topic that listeners subscribe to.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Topic {
    /// One call: its changes and its driver's positions.
    Call(CallId),
    /// Everything for one person: its own calls, offers, notifications.
    Person(Role, Arc<str>),
}

impl Topic {
    /// The topic of a customer.
    #[must_use]
    pub fn customer(id: &CustomerId) -> Self {
        Self::Person(Role::Customer, id.to_arc())
    }

    /// The topic of a driver.
    #[must_use]
    pub fn driver(id: &DriverId) -> Self {
        Self::Person(Role::Driver, id.to_arc())
    }
}

/// Where a driver is now.
#[derive(Debug, Clone, PartialEq)]
pub struct Moved {
    pub driver: DriverId,
    pub service: ServiceId,
    pub fix: Fix,
    /// Seconds to where it is going: to the pickup, or once started to the destination.
    pub eta_s: Option<u64>,
}

/// An offer that ended.
#[derive(Debug, Clone, PartialEq)]
pub struct Withdrawn {
    pub call: CallId,
    pub service: ServiceId,
}

/// A note to listeners. It is small: an outbox makes room for thirty-two of them at a time.
#[derive(Debug, Clone)]
pub enum Note {
    CallChanged(Arc<Call>),
    /// A driver is offered a call.
    Offered {
        call: Arc<Call>,
        expires_at: Timestamp,
    },
    OfferWithdrawn(Arc<Withdrawn>),
    /// The driver of a call moved.
    Moved(Arc<Moved>),
    /// A notification to the listener.
    Notified(Arc<Notified>),
}

/// A notification, written as JSON for each language; a listener takes one of them.
#[derive(Debug)]
pub struct Notified {
    pub service: ServiceId,
    /// For those who read Korean.
    pub ko: Box<RawValue>,
    /// For those who read English.
    pub en: Box<RawValue>,
}

impl Note {
    /// The service that it is about: a token that is limited to others does not hear of it.
    #[must_use]
    pub fn service(&self) -> &ServiceId {
        match self {
            Self::CallChanged(call) | Self::Offered { call, .. } => &call.service,
            Self::OfferWithdrawn(withdrawn) => &withdrawn.service,
            Self::Moved(moved) => &moved.service,
            Self::Notified(told) => &told.service,
        }
    }
}

impl Notified {
    /// The JSON for a reader of that language.
    #[must_use]
    pub fn in_lang(&self, lang: Lang) -> &RawValue {
        match lang {
            Lang::Ko => &self.ko,
            Lang::En => &self.en,
        }
    }
}

/// One listener's end: notes in order, and whether it has been too slow.
pub struct Listener {
    id: u64,
    hub: Arc<Hub>,
    outbox: mpsc::Receiver<Note>,
    lagged: Arc<AtomicBool>,
    sender: mpsc::Sender<Note>,
    topics: Vec<Topic>,
    /// Changes when every listener has to begin anew.
    anew: watch::Receiver<()>,
}

#[derive(Clone)]
struct Outlet {
    listener: u64,
    sender: mpsc::Sender<Note>,
    lagged: Arc<AtomicBool>,
}

/// Carries notes from actors to the sockets that listen for them.
#[derive(Default)]
pub struct Hub {
    outlets: DashMap<Topic, Vec<Outlet>>,
    next_listener: AtomicU64,
    anew: watch::Sender<()>,
}

impl Hub {
    /// A new hub, nobody listening.
    #[must_use]
    pub fn new() -> Arc<Self> {
        Arc::new(Self::default())
    }

    /// A new listener that holds at most `outbox` notes.
    #[must_use]
    pub fn listener(self: &Arc<Self>, outbox: usize) -> Listener {
        let (sender, receiver) = mpsc::channel(outbox.max(1));
        Listener {
            id: self.next_listener.fetch_add(1, Ordering::Relaxed),
            hub: Arc::clone(self),
            outbox: receiver,
            lagged: Arc::new(AtomicBool::new(false)),
            sender,
            topics: Vec::new(),
            anew: self.anew.subscribe(),
        }
    }

    /// Whether anybody listens to a topic: spares making a note that nobody would hear.
    #[must_use]
    pub fn is_heard(&self, topic: &Topic) -> bool {
        !self.outlets.is_empty() && self.outlets.contains_key(topic)
    }

    /// What listeners were told may not be true any more: each is treated like one that was too slow, and begins anew.
    pub(super) fn let_go(&self) {
        self.anew.send_replace(());
    }

    /// Tells everybody who listens to one of the topics, each listener once.
    pub fn publish(&self, topics: &[Topic], note: &Note) {
        if self.outlets.is_empty() {
            return;
        }
        let mut told: Vec<u64> = Vec::new();
        for topic in topics {
            let Some(outlets) = self.outlets.get(topic) else { continue };
            for outlet in outlets.iter() {
                if !told.contains(&outlet.listener) {
                    told.push(outlet.listener);
                    outlet.send(note);
                }
            }
        }
    }
}

impl Outlet {
    fn send(&self, note: &Note) {
        if self.sender.try_send(note.clone()).is_err() {
            self.lagged.store(true, Ordering::Release);
        }
    }
}

impl Listener {
    /// Listens to one more topic.
    pub fn subscribe(&mut self, topic: Topic) {
        if self.topics.contains(&topic) {
            return;
        }
        let outlet = Outlet { listener: self.id, sender: self.sender.clone(), lagged: Arc::clone(&self.lagged) };
        self.hub.outlets.entry(topic.clone()).or_default().push(outlet);
        self.topics.push(topic);
    }

    /// Listens to a topic no more.
    pub fn unsubscribe(&mut self, topic: &Topic) {
        self.topics.retain(|listened| listened != topic);
        self.leave(topic);
    }

    /// The next note. Waits for ever when there is none; safe to drop and call again. `None` when the listener has to begin
    /// anew: then it has lagged.
    pub async fn next(&mut self) -> Option<Note> {
        tokio::select! {
            note = self.outbox.recv() => note,
            Ok(()) = self.anew.changed() => {
                self.lagged.store(true, Ordering::Release);
                None
            }
        }
    }

    /// Whether a note had to be dropped because the outbox was full, or the listener has to begin anew. Never becomes false
    /// again.
    #[must_use]
    pub fn has_lagged(&self) -> bool {
        self.lagged.load(Ordering::Acquire)
    }

    fn leave(&self, topic: &Topic) {
        if let Some(mut outlets) = self.hub.outlets.get_mut(topic) {
            outlets.retain(|outlet| outlet.listener != self.id);
        }
        self.hub.outlets.remove_if(topic, |_, outlets| outlets.is_empty());
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        for topic in &self.topics {
            self.leave(topic);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gone(call: &str) -> Note {
        Note::OfferWithdrawn(Arc::new(Withdrawn {
            call: CallId::new(call).expect("an id"),
            service: ServiceId::new("taxi").expect("an id"),
        }))
    }

    fn topic(call: &str) -> Topic {
        Topic::Call(CallId::new(call).expect("an id"))
    }

    #[tokio::test]
    async fn a_listener_of_two_topics_hears_a_note_once() {
        let hub = Hub::new();
        let mut listener = hub.listener(4);
        listener.subscribe(topic("a"));
        listener.subscribe(topic("b"));
        hub.publish(&[topic("a"), topic("b")], &gone("a"));
        hub.publish(&[topic("c")], &gone("c"));
        hub.publish(&[topic("b")], &gone("b"));
        assert!(matches!(listener.next().await, Some(Note::OfferWithdrawn(gone)) if gone.call.as_str() == "a"));
        assert!(matches!(listener.next().await, Some(Note::OfferWithdrawn(gone)) if gone.call.as_str() == "b"));
    }

    #[test]
    fn a_slow_listener_is_marked_and_delays_nobody() {
        let hub = Hub::new();
        let mut slow = hub.listener(1);
        slow.subscribe(topic("a"));
        hub.publish(&[topic("a")], &gone("a"));
        assert!(!slow.has_lagged());
        hub.publish(&[topic("a")], &gone("a"));
        assert!(slow.has_lagged());
    }

    #[tokio::test]
    async fn a_listener_that_is_let_go_has_lagged() {
        let hub = Hub::new();
        let (mut before, waits) = (hub.listener(1), hub.listener(1));
        hub.let_go();
        assert!(before.next().await.is_none());
        assert!(before.has_lagged() && !waits.has_lagged());
        assert!(!hub.listener(1).has_lagged());
    }

    #[test]
    fn nothing_is_kept_of_a_listener_that_left() {
        let hub = Hub::new();
        let mut listener = hub.listener(1);
        listener.subscribe(topic("a"));
        assert!(hub.is_heard(&topic("a")));
        drop(listener);
        assert!(!hub.is_heard(&topic("a")));
        assert!(hub.outlets.is_empty());
    }
}
