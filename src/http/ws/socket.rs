//! One socket's task: hears the client, the hub, the clock and the server's end, one at a time.

use std::time::Duration;

use actix_web::web::Data;
use actix_ws::{AggregatedMessage, AggregatedMessageStream, ProtocolError, Session};
use bytestring::ByteString;
use futures_util::StreamExt;
use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};
use metrics::gauge;
use tokio::time::{Instant, MissedTickBehavior, timeout};

use super::{
    commands::{Commands, Lane},
    end::End,
    frames::Told,
    hang_up::HangUp,
    inbound::{Command, Outcome, Wish},
    lengths::TooLong,
    subscriptions::Subscriptions,
};
use crate::{
    actors::hub::{Listener, Topic},
    clock,
    domain::Party,
    http::{
        auth::Principal,
        error::{Code, Problem},
        extract::language::Language,
        lifecycle::Stage,
        metrics::SOCKETS,
        state::State,
    },
};

/// Frames per second that a client may send in the long run; at once, enough to follow all it may follow.
const FRAMES_PER_S: u32 = 100;
const FRAMES_AT_ONCE: u32 = 1_200;
/// How many bytes are set aside for a frame at first: most calls fit.
const FRAME_BYTES: usize = 768;
/// How long a client may take to make room for one frame. The system's buffers, some megabytes, are full by then.
const WRITE_PATIENCE: Duration = Duration::from_secs(1);
/// How often the clock is looked at for a token that is good for longer: it may be set anew, and a token
/// be good for ages.
const LOOK_EVERY: Duration = Duration::from_secs(60);

/// One open socket: who it speaks for, what it listens to, what waits to be written.
pub(super) struct Socket {
    pub(super) state: Data<State>,
    pub(super) who: Principal,
    pub(super) language: Language,
    pub(super) listener: Listener,
    pub(super) subscriptions: Subscriptions,
    pub(super) commands: Commands<Command, Outcome>,
    rate: DefaultDirectRateLimiter,
    session: Session,
}

/// `Ok` while the socket goes on; the reason of its end otherwise.
pub(super) type Goes = Result<(), End>;

impl Socket {
    pub(super) fn new(state: Data<State>, who: Principal, language: Language, session: Session) -> Self {
        let outbox = usize::try_from(state.settings.ws_outbox_max).unwrap_or(usize::MAX);
        let mut listener = state.engine.listener(outbox);
        own_topics(&state, &who).into_iter().for_each(|topic| listener.subscribe(topic));
        let quota = Quota::per_second(at_least_one(FRAMES_PER_S)).allow_burst(at_least_one(FRAMES_AT_ONCE));
        let rate = RateLimiter::direct(quota);
        let (subscriptions, commands) = (Subscriptions::default(), Commands::default());
        Self { state, who, language, listener, subscriptions, commands, rate, session }
    }

    /// Runs the socket to its end.
    pub(super) async fn serve(mut self, stream: AggregatedMessageStream, too_long: TooLong, hang_up: HangUp) {
        gauge!(SOCKETS).increment(1.0);
        self.begin_unasked(Lane::Opening, Wish::Open);
        let end = match self.run(stream).await {
            // To the codec that is a connection that broke off.
            End::Garbled | End::Gone if too_long.is_so() => End::TooLong,
            end => end,
        };
        gauge!(SOCKETS).decrement(1.0);
        tracing::debug!(who = self.who.id(), ?end, "a socket ends");
        if matches!(end, End::Goodbye(_)) {
            hang_up.at_the_end();
        }
        if end == End::Expired {
            self.commands.drop_waiting();
        }
        let patience = self.state.client_patience();
        // A client that does not take the goodbye in time goes without.
        let _ = timeout(patience, self.session.clone().close(end.reason())).await;
        self.finish().await;
    }

    async fn run(&mut self, mut stream: AggregatedMessageStream) -> End {
        let mut stage = self.state.lifecycle.stage();
        let every = Duration::from_secs(self.state.settings.ws_ping_s.max(1));
        let mut pings = tokio::time::interval_at(Instant::now() + every, every);
        pings.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let silence = Duration::from_secs(self.state.settings.ws_idle_s);
        let mut heard = Instant::now();
        loop {
            let goes = tokio::select! {
                message = stream.next() => {
                    heard = Instant::now();
                    self.hear(message).await
                }
                done = self.commands.done() => self.answer(done).await,
                note = self.listener.next() => match note {
                    Some(note) => self.tell_of(&note).await,
                    None if self.listener.has_lagged() => Err(End::Outdated),
                    None => Err(End::Stopping),
                },
                () = end_of(&self.who) => Err(End::Expired),
                _ = pings.tick() => if heard.elapsed() > silence { Err(End::Silent) } else { self.ping().await },
                _ = stage.wait_for(|stage| *stage == Stage::Draining) => Err(End::Stopping),
            };
            match goes {
                Err(end) => return end,
                Ok(()) if self.listener.has_lagged() => return End::TooSlow,
                Ok(()) => {}
            }
        }
    }

    async fn hear(&mut self, message: Option<Result<AggregatedMessage, ProtocolError>>) -> Goes {
        match message {
            None => Err(End::Gone),
            Some(Ok(AggregatedMessage::Close(reason))) => Err(End::Goodbye(reason.map(|reason| reason.code))),
            Some(Err(ProtocolError::Overflow)) => Err(End::TooLong),
            Some(Err(_)) => Err(End::Garbled),
            Some(Ok(AggregatedMessage::Text(text))) => self.hear_text(&text).await,
            Some(Ok(AggregatedMessage::Binary(_))) => self.refuse_binary().await,
            // A pong may be left out (RFC 6455, 5.5.3): one that asks too often gets none.
            Some(Ok(AggregatedMessage::Ping(_))) if self.admit().is_err() => Ok(()),
            Some(Ok(AggregatedMessage::Ping(bytes))) => {
                let sent = timeout(WRITE_PATIENCE, self.session.pong(&bytes)).await;
                taken(sent.map_err(|_| End::TooSlow)?)
            }
            Some(Ok(AggregatedMessage::Pong(_))) => Ok(()),
        }
    }

    /// Goes on with a newer token of the same principal. It may cover other services than the older one.
    ///
    /// # Errors
    /// When the token is not good, or another principal's.
    pub(super) fn renew(&mut self, token: &str) -> Result<(), Problem> {
        let newer = Principal::of_token(token, &self.state.keys, self.who.trace())?;
        if (newer.role(), newer.id()) != (self.who.role(), self.who.id()) {
            let detail = "the token is of another sub or role; open another socket for it";
            return Err(Problem::new(Code::Forbidden, detail));
        }
        let (before, now) = (own_topics(&self.state, &self.who), own_topics(&self.state, &newer));
        before.iter().filter(|topic| !now.contains(topic)).for_each(|topic| self.listener.unsubscribe(topic));
        now.into_iter().filter(|topic| !before.contains(topic)).for_each(|topic| self.listener.subscribe(topic));
        self.who = newer;
        Ok(())
    }

    /// Counts a frame, for this socket and for its principal, which may have several.
    pub(super) fn admit(&self) -> Result<(), Problem> {
        if self.rate.check().is_err() {
            return Err(Problem::new(Code::RateLimited, "too many frames on this socket; slow down"));
        }
        self.state.limits.principal(self.who.role(), self.who.id()).admit("this token's sub and role")
    }

    /// How long a command may take.
    pub(super) fn patience(&self) -> Duration {
        Duration::from_millis(self.state.settings.request_timeout_ms)
    }

    /// Sends a frame. A client that does not take it in time is given up.
    pub(super) async fn send(&mut self, frame: &Told<'_>) -> Goes {
        let mut text = Vec::with_capacity(FRAME_BYTES);
        if let Err(error) = serde_json::to_writer(&mut text, frame) {
            tracing::error!(%error, "a frame cannot be written");
            return Ok(());
        }
        let Ok(text) = ByteString::try_from(text) else { return Ok(()) };
        let sent = timeout(WRITE_PATIENCE, self.session.text(text)).await;
        taken(sent.map_err(|_| End::TooSlow)?)
    }

    async fn ping(&mut self) -> Goes {
        let sent = timeout(WRITE_PATIENCE, self.session.ping(b"")).await;
        taken(sent.map_err(|_| End::TooSlow)?)
    }
}

fn taken(sent: Result<(), actix_ws::Closed>) -> Goes {
    sent.map_err(|_| End::Gone)
}

fn at_least_one(number: u32) -> std::num::NonZeroU32 {
    std::num::NonZeroU32::new(number).unwrap_or(std::num::NonZeroU32::MIN)
}

/// Waits until a principal's token is no longer good.
async fn end_of(who: &Principal) {
    loop {
        let left = Duration::try_from(who.expires_at() - clock::now()).unwrap_or_default();
        if left.is_zero() {
            return;
        }
        tokio::time::sleep(left.min(LOOK_EVERY)).await;
    }
}

/// The topics of a principal. An operator has those of its services.
fn own_topics(state: &State, who: &Principal) -> Vec<Topic> {
    match who.party() {
        Party::Customer(id) => vec![Topic::customer(id)],
        Party::Driver(id) => vec![Topic::driver(id)],
        Party::Operator(_) => {
            let own = state.engine.policies().services().filter(|service| who.may_use(service));
            own.map(|service| Topic::Person(who.role(), service.to_arc())).collect()
        }
        Party::System => Vec::new(),
    }
}
