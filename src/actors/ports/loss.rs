//! Losses of the store: commits that it had acknowledged and has no longer.
//!
//! A store may come back with less than it had, for instance a Redis that was killed before its last writes were on the
//! disk. Its adapter compares and reports; the engine drops what is in memory, and others repair what they show.

use std::{collections::BTreeMap, sync::Arc};

use super::store::EntityRef;

const LOST: &str = "callout_store_commits_lost_total";

/// Names the figure and lets it begin at 0.
pub(crate) fn describe_metrics() {
    let described = "Commits that the store had acknowledged and lost";
    metrics::describe_counter!(LOST, metrics::Unit::Count, described);
    count(0);
}

/// Counts lost commits.
pub(crate) fn count(commits: u64) {
    metrics::counter!(LOST).increment(commits);
}

/// Acknowledged commits that are gone.
#[derive(Debug, Clone, Default)]
pub struct Loss {
    /// Counts the losses that this process has found; 0: none yet.
    pub number: u64,
    /// How many commits are gone.
    pub commits: u64,
    /// How many of them are not remembered here, so that nobody can name their entities.
    pub unnamed: u64,
    /// The entities that have an older version now than the one that was acknowledged, or are gone.
    pub entities: Vec<LostEntity>,
}

/// An entity that went back to an older version, or is gone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LostEntity {
    pub entity: EntityRef,
    /// The last version that was acknowledged.
    pub acknowledged: u64,
    /// The version that the store has now; 0 when the entity is gone.
    pub found: u64,
    /// The snapshot of the acknowledged version; empty for a driver.
    pub snapshot: Arc<str>,
}

impl LostEntity {
    /// Whether the store does not have the entity at all any more.
    #[must_use]
    pub fn is_gone(&self) -> bool {
        self.found == 0
    }
}

impl Loss {
    /// The loss that was found when `self` was not accepted yet: nothing was committed in between, so both are one.
    #[must_use]
    pub fn and_then(&self, later: Self) -> Self {
        let mut entities: BTreeMap<EntityRef, LostEntity> =
            self.entities.iter().map(|lost| (lost.entity.clone(), lost.clone())).collect();
        for lost in later.entities {
            let found = lost.found;
            entities.entry(lost.entity.clone()).or_insert(lost).found = found;
        }
        Self {
            number: later.number,
            commits: self.commits + later.commits,
            unnamed: self.unnamed + later.unnamed,
            entities: entities.into_values().collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::actors::ports::store::EntityKind;

    #[test]
    fn of_an_entity_that_went_back_twice_the_first_state_and_the_last_version_count() {
        let lost = |id: &str, acknowledged, found| LostEntity {
            entity: EntityRef::new(EntityKind::Call, id),
            acknowledged,
            found,
            snapshot: format!("{id} {acknowledged}").into(),
        };
        let first = Loss { number: 1, commits: 2, unnamed: 0, entities: vec![lost("a", 5, 4)] };
        let later = Loss { number: 2, commits: 3, unnamed: 1, entities: vec![lost("a", 4, 2), lost("b", 3, 0)] };
        let both = first.and_then(later);
        assert_eq!((both.number, both.commits, both.unnamed), (2, 5, 1));
        let a = LostEntity { found: 2, ..lost("a", 5, 4) };
        assert_eq!(both.entities, [a, lost("b", 3, 0)]);
    }
}
