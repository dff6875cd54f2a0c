//! The effects that an entity owes: they are performed until they are acknowledged, whatever crashes. Pure: the
//! actor performs them (`perform.rs`).

use std::ops::Range;

use super::envelope::Owed;
use crate::actors::Cause;

/// The effects an entity owes.
#[derive(Debug, Clone)]
pub(super) struct Ledger<F> {
    owed: Vec<Owed<F>>,
    next: u64,
}

/// The change of a ledger by a turn. It is applied to the ledger as that is when the turn has been committed, so that
/// an effect that was settled meanwhile does not come back.
#[derive(Debug, Clone)]
pub(super) struct LedgerChange<F> {
    /// The effect whose outcome the turn took.
    pub(super) settles: Option<u64>,
    /// The effects that the turn owes.
    pub(super) effects: Vec<F>,
    /// Why they are owed.
    pub(super) cause: Cause,
}

impl<F> Default for Ledger<F> {
    fn default() -> Self {
        Self { owed: Vec::new(), next: 1 }
    }
}

impl<F> Ledger<F> {
    /// The ledger of a loaded snapshot.
    pub(super) fn recovered(owed: Vec<Owed<F>>) -> Self {
        let next = owed.iter().map(|owed| owed.id + 1).max().unwrap_or(1);
        Self { owed, next }
    }

    /// Takes in what a turn changes; answers with the ids of the new effects.
    pub(super) fn apply(&mut self, change: LedgerChange<F>) -> Range<u64> {
        if let Some(id) = change.settles {
            self.settle(id);
        }
        let first = self.next;
        self.next += change.effects.len() as u64;
        let cause = change.cause;
        self.owed.extend(change.effects.into_iter().zip(first..).map(|(effect, id)| Owed {
            id,
            effect,
            cause: cause.clone(),
        }));
        first..self.next
    }

    /// Everything owed, oldest first.
    pub(super) fn owed(&self) -> &[Owed<F>] {
        &self.owed
    }

    /// Forgets an acknowledged effect.
    pub(super) fn settle(&mut self, id: u64) {
        self.owed.retain(|owed| owed.id != id);
    }
}
