//! What a client says on its socket, and the answer.

use std::time::Duration;

use serde_json::Value;

use super::{
    frames::{self, Frame, Named, Subscribe, Told},
    socket::{Goes, Socket},
    subscriptions,
};
use crate::{
    actors::hub::Topic,
    clock,
    http::{
        calls::{in_scope, refusal, visible},
        drivers::Position,
        error::{Code, Problem},
    },
};

/// How long a replay waits for what is committed already to arrive in the read model.
const PATIENCE: Duration = Duration::from_millis(500);

impl Socket {
    /// Does what a text frame says and answers it.
    pub(super) async fn hear_text(&mut self, text: &str) -> Goes {
        let said = frames::read(text);
        let reference = said.reference;
        if self.rate.check().is_err() {
            let problem = Problem::new(Code::RateLimited, "too many frames on this socket; slow down");
            return self.refuse(reference, &problem).await;
        }
        match said.frame {
            Err(problem) => self.refuse(reference, &problem).await,
            Ok(Frame::Ping) => self.send(&Told::Pong { reference }).await,
            Ok(Frame::Subscribe(subscribe)) => self.subscribe(reference, subscribe).await,
            Ok(Frame::Unsubscribe(Named { call })) => {
                self.listener.unsubscribe(&Topic::Call(call.clone()));
                self.subscriptions.leave(&call);
                self.send(&Told::Ack { reference }).await
            }
            Ok(Frame::Position(position)) => {
                let quiet = reference.is_none();
                match self.moved(&position).await {
                    Ok(()) if quiet => Ok(()),
                    done => self.answer(reference, done).await,
                }
            }
            Ok(Frame::Accept(Named { call })) => {
                let done = self.decided(&call, true).await;
                self.answer(reference, done).await
            }
            Ok(Frame::Decline(Named { call })) => {
                let done = self.decided(&call, false).await;
                self.answer(reference, done).await
            }
        }
    }

    /// Frames are texts.
    pub(super) async fn refuse_binary(&mut self) -> Goes {
        self.refuse(None, &Problem::invalid("frames must be JSON texts; this one is binary")).await
    }

    async fn answer(&mut self, reference: Option<Value>, done: Result<(), Problem>) -> Goes {
        match done {
            Ok(()) => self.send(&Told::Ack { reference }).await,
            Err(problem) => self.refuse(reference, &problem).await,
        }
    }

    async fn refuse(&mut self, reference: Option<Value>, problem: &Problem) -> Goes {
        let (code, detail, retry_after_s) = (problem.code().as_str(), problem.detail(), problem.retry_after_s());
        self.send(&Told::Error { reference, code, detail, retry_after_s }).await
    }

    async fn moved(&self, position: &Position) -> Result<(), Problem> {
        let driver = self.who.driver()?;
        let fix = position.fix(clock::now())?;
        self.state.engine.move_driver(driver, fix, self.who.cause()).await?;
        Ok(())
    }

    async fn decided(&self, call: &crate::domain::CallId, accepts: bool) -> Result<(), Problem> {
        let driver = self.who.driver()?;
        in_scope(&self.state, &self.who, call).await?;
        let outcome = if accepts {
            self.state.engine.accept(call, driver, self.who.cause()).await
        } else {
            self.state.engine.decline(call, driver, self.who.cause()).await
        };
        outcome.map(drop).map_err(|error| refusal(&self.state, &self.who, error))
    }

    async fn subscribe(&mut self, reference: Option<Value>, Subscribe { call: id, after }: Subscribe) -> Goes {
        let call = match visible(&self.state, &self.who, &id).await {
            Ok(call) if self.subscriptions.follow(&id) => call,
            Ok(_) => {
                let detail = format!("at most {} calls may be followed by one socket", subscriptions::MAX);
                return self.refuse(reference, &Problem::invalid(detail)).await;
            }
            Err(problem) => return self.refuse(reference, &problem).await,
        };
        self.listener.subscribe(Topic::Call(id.clone()));
        self.send(&Told::Ack { reference }).await?;
        if let Some(after) = after {
            // A number from the future is no knowledge.
            self.subscriptions.knows(&id, after.min(call.version));
            self.state.read_model.caught_up_to(&id, call.version, PATIENCE).await;
            match self.state.read_model.states_after(&id, after).await {
                Ok(missed) => {
                    for state in &missed {
                        self.tell_of_call(state).await?;
                    }
                }
                Err(error) => tracing::error!(%error, "the read model does not answer; the present state must do"),
            }
        }
        // Read again: what changed before the listener was there is in it, what changes from now on the listener hears.
        match self.state.engine.call(&id).await {
            Ok(Some(call)) => self.tell_of_call(&call).await,
            Ok(None) => Ok(()),
            Err(error) => {
                let problem = refusal(&self.state, &self.who, error);
                self.refuse(None, &problem).await
            }
        }
    }
}
