//! Reads the frames of a client and answers them. A command that waits for an actor or the read model runs beside the
//! loop that reads the socket, and is answered when it is done.

use std::sync::Arc;

use actix_web::web::Data;
use serde_json::Value;
use tokio::time::{Instant, timeout_at};

use super::{
    commands::{Full, Lane},
    follow::{Follow, MayFollow, Replay, Replayed},
    frames::{self, Auth, Frame, Named, Told},
    opening::Opening,
    socket::{Goes, Socket},
};
use crate::{
    actors::CallError,
    clock,
    domain::{CallId, call::Call, driver::Fix},
    http::{
        auth::Principal,
        calls::{in_scope, refusal},
        drivers::{self, Position},
        error::{Code, Problem},
        state::State,
    },
};

/// A command of a client, and when its time is up.
#[derive(Debug)]
pub(super) struct Command {
    reference: Option<Value>,
    until: Instant,
    wish: Wish,
}

/// The work that a command asks for.
#[derive(Debug)]
pub(super) enum Wish {
    /// Tell the news with which a socket opens.
    Open,
    Follow(Follow),
    Leave(CallId),
    Replay(Replay),
    Move(Fix),
    Accept(CallId),
    Decline(CallId),
}

/// The outcome of a command that succeeded.
pub(super) enum Done {
    Opened(Opening),
    MayFollow(MayFollow),
    Left(CallId),
    Replayed(Replayed),
    /// A position without a `ref` is acknowledged by nothing.
    Moved,
    Taken,
}

/// The outcome of a command, for the answer to the client.
pub(super) struct Outcome {
    reference: Option<Value>,
    until: Instant,
    done: Result<Done, Problem>,
    /// The call that was to be shown anew.
    replayed: Option<CallId>,
}

impl Socket {
    /// Takes a text frame, and answers it if its command waits for nothing.
    pub(super) async fn hear_text(&mut self, text: &str) -> Goes {
        let said = frames::read(text);
        let reference = said.reference;
        let frame = match self.admit().and(said.frame) {
            Ok(Frame::Ping) => return self.send(&Told::Pong { reference }).await,
            Ok(Frame::Auth(Auth { token })) => {
                return match self.renew(&token) {
                    Ok(()) => self.send(&Told::Ack { reference }).await,
                    Err(problem) => self.refuse(reference, &problem).await,
                };
            }
            Ok(frame) => frame,
            Err(problem) => return self.refuse(reference, &problem).await,
        };
        match self.lane_and_wish(frame) {
            Ok((lane, wish)) => self.take(lane, text.len(), reference, wish).await,
            Err(problem) => self.refuse(reference, &problem).await,
        }
    }

    pub(super) async fn refuse_binary(&mut self) -> Goes {
        let problem = match self.admit() {
            Ok(()) => Problem::invalid("frames must be JSON texts; this one is binary"),
            Err(problem) => problem,
        };
        self.refuse(None, &problem).await
    }

    /// Has something done beside the loop, which nobody has to answer.
    pub(super) fn begin_unasked(&mut self, lane: Lane, wish: Wish) {
        let command = Command { reference: None, until: Instant::now() + self.patience(), wish };
        self.begin(lane, command);
    }

    async fn take(&mut self, lane: Lane, bytes: usize, reference: Option<Value>, wish: Wish) -> Goes {
        let command = Command { reference, until: Instant::now() + self.patience(), wish };
        if let Err(Full(command)) = self.commands.take(lane, bytes, command) {
            let problem = Problem::new(Code::Overloaded, "too many commands of this socket wait; this one was refused");
            return self.refuse(command.reference, &problem).await;
        }
        self.begin_next();
        Ok(())
    }

    /// Begins every command whose turn it is.
    fn begin_next(&mut self) {
        while let Some((lane, command)) = self.commands.next_turn() {
            self.begin(lane, command);
        }
    }

    fn begin(&mut self, lane: Lane, command: Command) {
        let (state, who) = (self.state.clone(), self.who.clone());
        self.commands.begin(lane, perform(state, who, command));
    }

    fn lane_and_wish(&self, frame: Frame) -> Result<(Lane, Wish), Problem> {
        let of_call = |call: &CallId| Lane::Call(call.clone());
        Ok(match frame {
            Frame::Subscribe(subscribe) => {
                (of_call(&subscribe.call), Wish::Follow(Follow { call: subscribe.call, after: subscribe.after }))
            }
            Frame::Unsubscribe(Named { call }) => (of_call(&call), Wish::Leave(call)),
            Frame::Position(position) => (Lane::Position, Wish::Move(self.fix(&position)?)),
            Frame::Accept(Named { call }) => (of_call(&call), Wish::Accept(call)),
            Frame::Decline(Named { call }) => (of_call(&call), Wish::Decline(call)),
            Frame::Ping | Frame::Auth(_) => {
                return Err(Problem::new(Code::Internal, "a ping or an auth is answered at once and cannot wait"));
            }
        })
    }

    fn fix(&self, position: &Position) -> Result<Fix, Problem> {
        self.who.driver()?;
        position.fix("", clock::now())
    }

    /// Answers a command that is done, and begins those that waited for it.
    pub(super) async fn answer(&mut self, (lane, outcome): (Lane, Outcome)) -> Goes {
        let Outcome { reference, until, done, replayed } = outcome;
        let goes = match done {
            Ok(Done::MayFollow(may)) => match self.follow(reference, may).await {
                Ok(Some(replay)) => {
                    self.begin(lane, Command { reference: None, until, wish: Wish::Replay(replay) });
                    return Ok(());
                }
                Ok(None) => Ok(()),
                Err(end) => Err(end),
            },
            Ok(Done::Opened(opening)) => self.show(&opening).await,
            Ok(Done::Left(call)) => {
                self.leave(&call);
                self.send(&Told::Ack { reference }).await
            }
            Ok(Done::Replayed(replayed)) => match self.tell_replayed(replayed).await {
                Ok(Some(again)) => {
                    let until = Instant::now() + self.patience();
                    self.begin(lane, Command { reference: None, until, wish: Wish::Replay(again) });
                    return Ok(());
                }
                Ok(None) => Ok(()),
                Err(end) => Err(end),
            },
            Ok(Done::Moved) if reference.is_none() => Ok(()),
            Ok(Done::Moved | Done::Taken) => self.send(&Told::Ack { reference }).await,
            Err(problem) => {
                self.refuse(reference, &problem).await?;
                match replayed {
                    Some(call) => self.tell_held(&call).await.map(|_| ()),
                    None => Ok(()),
                }
            }
        };
        self.commands.free(&lane);
        self.begin_next();
        goes
    }

    /// Finishes what was begun or waits, though nobody hears the answers any more.
    pub(super) async fn finish(&mut self) {
        while !self.commands.is_idle() {
            let (lane, _) = self.commands.done().await;
            self.commands.free(&lane);
            self.begin_next();
        }
    }

    pub(super) async fn refuse(&mut self, reference: Option<Value>, problem: &Problem) -> Goes {
        let (code, detail, retry_after_s) = (problem.code(), problem.detail(), problem.retry_after_s());
        let message = problem.message(self.language.0);
        self.send(&Told::Error { reference, code, detail, message, retry_after_s }).await
    }
}

/// Does what a command says, within its time.
async fn perform(state: Data<State>, who: Principal, command: Command) -> Outcome {
    let Command { reference, until, wish } = command;
    let replayed = match &wish {
        Wish::Replay(replay) => Some(replay.call().clone()),
        _ => None,
    };
    let late = || {
        Problem::new(Code::Overloaded, "no answer in time; the command may still take effect, and repeating it is safe")
    };
    let done = timeout_at(until, done(&state, &who, wish)).await.unwrap_or_else(|_| Err(late()));
    Outcome { reference, until, done, replayed }
}

async fn done(state: &State, who: &Principal, wish: Wish) -> Result<Done, Problem> {
    match wish {
        Wish::Open => Ok(Done::Opened(Opening::read(state, who).await)),
        Wish::Follow(follow) => follow.check(state, who).await.map(Done::MayFollow),
        Wish::Leave(call) => Ok(Done::Left(call)),
        Wish::Replay(replay) => replay.read(state, who).await.map(Done::Replayed),
        Wish::Move(fix) => {
            let driver = who.driver()?;
            drivers::in_scope(state, who, driver).await?;
            state.engine.move_driver(driver, fix, who.cause()).await?;
            Ok(Done::Moved)
        }
        Wish::Accept(call) => {
            let driver = who.driver()?;
            in_scope(state, who, &call).await?;
            taken(state, who, state.engine.accept(&call, driver, who.cause()).await)
        }
        Wish::Decline(call) => {
            let driver = who.driver()?;
            in_scope(state, who, &call).await?;
            taken(state, who, state.engine.decline(&call, driver, who.cause()).await)
        }
    }
}

fn taken(state: &State, who: &Principal, outcome: Result<Arc<Call>, CallError>) -> Result<Done, Problem> {
    outcome.map(|_| Done::Taken).map_err(|error| refusal(state, who, error))
}
