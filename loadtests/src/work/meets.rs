//! Where a call's lifecycle and the driver who accepted it by WebSocket find each other, whoever comes first.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use tokio::sync::oneshot;

enum Meet {
    Awaited(oneshot::Sender<u32>),
    Arrived(u32),
    CalledOff,
}

/// All meetings, by call.
#[derive(Default)]
pub struct Meets(Mutex<HashMap<Box<str>, Meet>>);

impl Meets {
    /// Waits for the driver of a call.
    pub fn await_driver(&self, call: &str) -> oneshot::Receiver<u32> {
        let (sender, receiver) = oneshot::channel();
        let mut meets = self.lock();
        match meets.remove(call) {
            Some(Meet::Arrived(driver)) => drop(sender.send(driver)),
            _ => drop(meets.insert(call.into(), Meet::Awaited(sender))),
        }
        receiver
    }

    /// A driver has accepted a call; false: nobody waits for it any more.
    #[must_use]
    pub fn arrive(&self, call: &str, driver: u32) -> bool {
        let mut meets = self.lock();
        match meets.remove(call) {
            Some(Meet::Awaited(lifecycle)) => lifecycle.send(driver).is_ok(),
            Some(Meet::CalledOff) => false,
            Some(Meet::Arrived(_)) | None => {
                meets.insert(call.into(), Meet::Arrived(driver));
                true
            }
        }
    }

    /// Nobody waits for a driver of this call any more. The driver, if one is there already.
    #[must_use]
    pub fn call_off(&self, call: &str) -> Option<u32> {
        match self.lock().insert(call.into(), Meet::CalledOff) {
            Some(Meet::Arrived(driver)) => Some(driver),
            _ => None,
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Box<str>, Meet>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn they_find_each_other_whoever_comes_first() {
        let meets = Meets::default();
        let mut early = meets.await_driver("call_1");
        assert!(meets.arrive("call_1", 7));
        assert_eq!(early.try_recv(), Ok(7));
        assert!(meets.arrive("call_2", 8));
        assert_eq!(meets.await_driver("call_2").try_recv(), Ok(8));
        assert_eq!(meets.call_off("call_3"), None);
        assert!(!meets.arrive("call_3", 9));
    }
}
