//! `GET /v1/payment_intents/search`, which localstripe has not: it finds what is older than its lag, so many times a second.

use std::time::{Duration, Instant};

use parking_lot::Mutex;
use serde_json::{Value, json};

use super::{
    answer::Refusal,
    api::{Api, text},
    request::Asked,
};

/// How many searches a second the real API allows an account.
const PER_S: u32 = 20;

/// The settings of the search, and how many there were in this second.
pub struct Search {
    pub lag: Mutex<Duration>,
    pub per_s: Mutex<u32>,
    second: Mutex<(Instant, u32)>,
}

impl Default for Search {
    fn default() -> Self {
        Self { lag: Mutex::default(), per_s: Mutex::new(PER_S), second: Mutex::new((Instant::now(), 0)) }
    }
}

impl Search {
    fn admit(&self) -> Result<(), Refusal> {
        let mut second = self.second.lock();
        if second.0.elapsed() >= Duration::from_secs(1) {
            *second = (Instant::now(), 0);
        }
        second.1 += 1;
        if second.1 > *self.per_s.lock() { Err(Refusal::busy(1)) } else { Ok(()) }
    }
}

impl Api {
    /// Finds intents by one member of their metadata: `metadata['payment_id']:'pay_1'`.
    pub async fn find_intents(&self, asked: &Asked) -> Result<Value, Refusal> {
        asked.only(&["query", "limit"])?;
        self.search.admit()?;
        let query = asked.required("query")?;
        let Some((name, wanted)) = read(query) else {
            return Err(Refusal::invalid(format!("This query is not understood: {query}")).param("query"));
        };
        let lag = *self.search.lag.lock();
        let is_indexed =
            |intent: &Value| self.intents.of(text(&intent["id"])).made.is_some_and(|made| made.elapsed() >= lag);
        let mut found = self.localstripe.all("payment_intents").await?;
        found.retain(|intent| intent["metadata"][name] == wanted && is_indexed(intent));
        let data: Vec<_> = found.into_iter().rev().map(|intent| self.dressed_intent(intent)).collect();
        Ok(json!({"object": "search_result", "url": asked.path, "has_more": false, "data": data}))
    }
}

/// The name and the value of `metadata['name']:'value'`.
fn read(query: &str) -> Option<(&str, &str)> {
    let (name, value) = query.strip_prefix("metadata[")?.split_once("]:")?;
    Some((name.trim_matches(['\'', '"']), value.trim_matches(['\'', '"'])))
}
