//! Drivers with sockets: each hears offers, takes its time, accepts or declines, and tells the call's lifecycle when it has
//! won. While it has a call it remembers what else is offered, and answers that when it is free again.

use std::{
    collections::VecDeque,
    sync::{Arc, atomic::Ordering},
    time::{Duration, Instant},
};

use anyhow::{Result, anyhow};
use futures_util::{StreamExt, TryStreamExt, stream};
use tokio::time::sleep_until;
use tokio_tungstenite::tungstenite::Utf8Bytes;

use super::{Stage, sockets::delivered};
use crate::{
    measure::Outcome,
    wire::{FoundBy, Frame, Socket},
};

/// Sockets opened at a time.
const AT_ONCE: usize = 64;
/// Longer than any run.
const NEVER: Duration = Duration::from_secs(86_400 * 30);

struct Agent {
    stage: Arc<Stage>,
    number: u32,
    rng: fastrand::Rng,
    /// Calls that are offered, oldest first.
    offers: VecDeque<Box<str>>,
    /// What it will answer, and when.
    plan: Option<(Instant, Box<str>)>,
    /// What it accepted without having heard whether it won.
    asked: Option<(Box<str>, Instant)>,
}

/// Opens a socket for every driver who hears offers. They work until the stage is over.
///
/// # Errors
/// When the server refuses one.
pub async fn open_drivers(stage: &Arc<Stage>) -> Result<()> {
    let hears_offers = |number: &u32| {
        let fleet = stage.crowd.driver(*number).fleet;
        stage.crowd.fleets[fleet].service.policy.found_by == FoundBy::Offer
    };
    stream::iter((0..stage.crowd.drivers.len() as u32).filter(hears_offers))
        .map(|number| async move {
            let driver = stage.crowd.driver(number);
            let opened = Socket::open(stage.http.target(), &driver.bearer).await;
            let socket = opened.map_err(|error| anyhow!("the socket of driver {number}: {error:#}"))?;
            let rng = stage.rng(u64::from(number) | 1 << 62);
            let stage = Arc::clone(stage);
            tokio::spawn(Agent { stage, number, rng, offers: VecDeque::new(), plan: None, asked: None }.work(socket));
            Ok(())
        })
        .buffer_unordered(AT_ONCE)
        .try_collect()
        .await
}

impl Agent {
    async fn work(mut self, mut socket: Socket) {
        let stage = Arc::clone(&self.stage);
        let freed = &stage.crowd.driver(self.number).freed;
        loop {
            let due = self.plan.as_ref().map_or_else(|| Instant::now() + NEVER, |plan| plan.0);
            let said = tokio::select! {
                text = Socket::next(&mut socket.stream) => match text {
                    Some(text) => { self.hear(&text); None }
                    None => break,
                },
                () = sleep_until(due.into()) => self.answer(),
                () = freed.notified() => None,
            };
            self.consider();
            let Some(frame) = said else { continue };
            if Socket::say(&mut socket.sink, frame).await.is_err() {
                break;
            }
        }
        if !stage.over.load(Ordering::Acquire) {
            stage.recorder.count("driver_sockets_lost", 1);
        }
    }

    fn hear(&mut self, text: &Utf8Bytes) {
        match serde_json::from_str::<Frame<'_>>(text) {
            Ok(Frame::Offer { call }) => {
                delivered(&self.stage, "offer_seen", call.updated_at);
                self.offers.push_back(call.id.as_ref().into());
            }
            Ok(Frame::OfferWithdrawn { call }) => self.offers.retain(|offered| **offered != *call),
            Ok(Frame::Ack { reference: Some(1) }) => self.won(),
            Ok(Frame::Error { reference: Some(1), code }) => self.lost(&code),
            Ok(_) => {}
            Err(_) => self.stage.recorder.count("frames_not_understood", 1),
        }
    }

    /// Takes up the oldest offer, if it has time.
    fn consider(&mut self) {
        if self.plan.is_some() || self.asked.is_some() || self.offers.is_empty() {
            return;
        }
        if self.stage.crowd.driver(self.number).busy.load(Ordering::Acquire) {
            return;
        }
        let [shortest, longest] = self.stage.scenario.drivers.answer_ms;
        let delay = Duration::from_millis(self.rng.u64(shortest..=longest));
        self.plan = self.offers.pop_front().map(|call| (Instant::now() + delay, call));
    }

    /// The frame that answers the offer whose time has come.
    fn answer(&mut self) -> Option<String> {
        let (_, call) = self.plan.take()?;
        if self.rng.f64() < self.stage.scenario.drivers.decline_rate {
            self.stage.recorder.count("offers_declined", 1);
            return Some(format!(r#"{{"type":"decline","call":"{call}"}}"#));
        }
        self.stage.crowd.driver(self.number).busy.store(true, Ordering::Release);
        let frame = format!(r#"{{"type":"accept","call":"{call}","ref":1}}"#);
        self.asked = Some((call, Instant::now()));
        Some(frame)
    }

    fn won(&mut self) {
        let Some((call, asked)) = self.asked.take() else { return };
        self.stage.recorder.request("accept", asked, Outcome::Good);
        if !self.stage.meets.arrive(&call, self.number) {
            self.stage.crowd.driver(self.number).set_free();
        }
    }

    fn lost(&mut self, code: &str) {
        let Some((_, asked)) = self.asked.take() else { return };
        if matches!(code, "call_taken" | "not_offered" | "not_found" | "driver_unavailable") {
            self.stage.recorder.request("accept_lost", asked, Outcome::Good);
        } else {
            self.stage.recorder.request("accept", asked, Outcome::Bad(code));
        }
        self.stage.crowd.driver(self.number).set_free();
    }
}
