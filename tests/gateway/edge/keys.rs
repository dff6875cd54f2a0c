//! Idempotency keys: the first answer to a key is kept and replayed, with its status, until the key is forgotten.
//!
//! - The same key with other fields or another path: 400 `idempotency_error`. While the first request is under way: 409
//!   `idempotency_key_in_use`.
//! - A server's error is kept as well. What the checks of the request refused, before anything was done, is not kept.
//! - Answers to requests without a key, and to reads, are never kept.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use parking_lot::Mutex;

use super::{
    answer::{Answer, Refusal},
    request::{Asked, Fields},
};

/// How long the real API keeps a key at least.
const KEPT: Duration = Duration::from_secs(24 * 60 * 60);

/// All keys.
pub struct Keys {
    known: Mutex<HashMap<String, Known>>,
    kept: Mutex<Duration>,
}

struct Known {
    path: String,
    fields: Fields,
    first_used: Instant,
    /// `None` while the first request is under way.
    answer: Option<Answer>,
}

impl Default for Keys {
    fn default() -> Self {
        Self { known: Mutex::default(), kept: Mutex::new(KEPT) }
    }
}

impl Keys {
    /// How long keys are kept from now on, those that are known included.
    pub fn keep_for(&self, time: Duration) {
        *self.kept.lock() = time;
    }

    /// Forgets every key whose request has been answered.
    pub fn forget(&self) {
        self.known.lock().retain(|_, known| known.answer.is_none());
    }

    /// Begins a request with a key; `Some` is the answer to give instead.
    pub fn begin(&self, key: &str, asked: &Asked) -> Option<Answer> {
        let mut all = self.known.lock();
        let kept = *self.kept.lock();
        all.retain(|_, known| known.answer.is_none() || known.first_used.elapsed() < kept);
        if let Some(known) = all.get(key) {
            return Some(known.answer_to(key, asked));
        }
        let (path, fields) = (asked.path.clone(), asked.fields.clone());
        all.insert(key.to_owned(), Known { path, fields, first_used: Instant::now(), answer: None });
        None
    }

    /// Ends what [`Self::begin`] has begun.
    pub fn end(&self, key: &str, answer: &Answer) {
        let mut all = self.known.lock();
        if !answer.is_kept {
            all.remove(key);
        } else if let Some(known) = all.get_mut(key) {
            known.answer = Some(answer.clone());
        }
    }
}

impl Known {
    fn answer_to(&self, key: &str, asked: &Asked) -> Answer {
        if (&self.path, &self.fields) != (&asked.path, &asked.fields) {
            let message = format!("The key '{key}' was first used for another request.");
            return Refusal::new(400, "idempotency_error", message).into();
        }
        match &self.answer {
            None => {
                let message = format!("The key '{key}' is in use by a request that is under way.");
                Refusal::new(409, "idempotency_error", message).code("idempotency_key_in_use").into()
            }
            Some(answer) => {
                let mut answer = answer.clone();
                answer.headers.push(("Idempotent-Replayed", "true".into()));
                answer
            }
        }
    }
}
