//! Dropping what is in memory, because it is no longer what is stored.

use std::{sync::atomic::Ordering, time::Duration};

use super::{Entities, Entity};
use crate::actors::supervision::Status;

/// How often those who were dropped are looked for, until they are gone.
const LOOK: Duration = Duration::from_millis(1);

impl<E: Entity> Entities<E> {
    /// Drops every actor with what it is doing, parked ones too, and waits until they are gone. The fence is paused
    /// before, so that nobody comes into memory meanwhile. Nothing that they waited for goes on: a commit that is not sent
    /// yet is not written, and an effect is performed again by whoever owes it then.
    pub async fn drop_all(&self) {
        self.0.slots.retain(|_, slot| {
            if slot.vitals.status() == Status::Parked {
                self.0.stats.resumed();
            }
            slot.end.abort();
            false
        });
        while self.0.stats.running.load(Ordering::Acquire) > 0 {
            tokio::time::sleep(LOOK).await;
        }
        self.0.stats.live.store(0, Ordering::Relaxed);
    }
}
