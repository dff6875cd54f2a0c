//! The server that is the store now, as the writing connection tells it.
//!
//! Reading has a connection of its own, which finds its server by itself. After a failover it could stay with the
//! former master, which answers reads for ever. So the writing end says where it is, and reading happens there or not
//! at all.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use parking_lot::Mutex;

/// Where the writing end is connected to, shared with the reading end.
#[derive(Default)]
pub(super) struct CurrentServer {
    run_id: Mutex<Option<String>>,
    doubted: AtomicBool,
    /// Counts the writing end's connections.
    connects: AtomicU64,
}

impl CurrentServer {
    /// The writing end is connected to this server now.
    pub fn set(&self, run_id: &str) {
        *self.run_id.lock() = Some(run_id.to_owned());
        self.connects.fetch_add(1, Ordering::Release);
    }

    /// How often the writing end has connected: more than before means that it is worth looking again.
    pub fn connects(&self) -> u64 {
        self.connects.load(Ordering::Acquire)
    }

    /// Whether that is the server. Before the writing end was ever connected, any server is.
    pub fn is(&self, run_id: &str) -> bool {
        self.run_id.lock().as_deref().is_none_or(|current| current == run_id)
    }

    /// The reading end was led to another server: the writing end must look again where the master is.
    pub fn doubt(&self) {
        self.doubted.store(true, Ordering::Release);
    }

    /// Whether the writing end must look again. Answers so once for each doubt.
    pub fn take_doubt(&self) -> bool {
        self.doubted.swap(false, Ordering::AcqRel)
    }
}
