//! What the edge was asked, and what it answered, by one clock: the time since the edge began.

use std::time::{Duration, Instant};

use tokio::sync::watch;

use super::request::{Asked, matches};

/// How a request ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reply {
    UnderWay,
    Cut,
    Status(u16),
}

/// A request and its end.
#[derive(Debug, Clone)]
pub struct Entry {
    /// When it came.
    pub at: Duration,
    /// When its answer was ready.
    pub ended: Option<Duration>,
    pub asked: Asked,
    pub reply: Reply,
    /// Whether the answer was the one that a key had kept.
    pub is_replayed: bool,
}

impl Entry {
    /// Whether it is of this method and path, in which `*` stands for any one segment.
    pub fn is(&self, method: &str, path: &str) -> bool {
        self.asked.method == method && matches(path, &self.asked.path)
    }
}

/// All requests, in the order in which they came.
pub struct Log {
    began: Instant,
    entries: watch::Sender<Vec<Entry>>,
}

impl Default for Log {
    fn default() -> Self {
        Self { began: Instant::now(), entries: watch::Sender::default() }
    }
}

impl Log {
    /// Notes a request; the number is for [`Self::end`].
    pub fn begin(&self, asked: &Asked) -> usize {
        let entry = Entry {
            at: self.began.elapsed(),
            ended: None,
            asked: asked.clone(),
            reply: Reply::UnderWay,
            is_replayed: false,
        };
        let mut number = 0;
        self.entries.send_modify(|entries| {
            number = entries.len();
            entries.push(entry);
        });
        number
    }

    pub fn end(&self, number: usize, reply: Reply, is_replayed: bool) {
        let ended = Some(self.began.elapsed());
        self.entries.send_modify(|entries| {
            let begun = &mut entries[number];
            (begun.ended, begun.reply, begun.is_replayed) = (ended, reply, is_replayed);
        });
    }

    pub fn entries(&self) -> Vec<Entry> {
        self.entries.borrow().clone()
    }

    /// Waits until the log is as wanted.
    pub async fn until(&self, wanted: impl FnMut(&Vec<Entry>) -> bool) {
        until(&self.entries, wanted).await;
    }
}

/// How long a test waits for something that must come.
const PATIENCE: Duration = Duration::from_secs(30);

/// Waits until a value is as wanted, and gives it. Panics after 30 s.
pub async fn until<T: Clone>(value: &watch::Sender<T>, wanted: impl FnMut(&T) -> bool) -> T {
    let mut values = value.subscribe();
    let reached = tokio::time::timeout(PATIENCE, values.wait_for(wanted)).await.expect("within 30 s");
    reached.expect("the sender is here").clone()
}
