//! The names of the keys. All keys of a shard carry its hash tag, so that a cluster keeps them together.

use std::sync::LazyLock;

use crate::actors::ports::store::{EntityRef, Shard};

/// Names the data set. It lies outside the shards, like the three below.
pub(super) const STORE: &str = "callout:store";

/// Written by the readiness probe.
pub(super) const PROBE: &str = "callout:probe";

/// Payments whose acknowledged commits were lost, for a person to look at: a hash by payment.
pub(super) const LOST_PAYMENTS: &str = "callout:lost_payments";

/// How far the events were trimmed, as a cursor: a stream does not say what it has lost.
pub(super) const TRIMMED: &str = "callout:trimmed";
/// The terms of services: a hash by id. It has the hash tag of the shard whose owner is asked before any are forgotten.
pub(super) const TERMS: &str = "callout:{000}:terms";

/// The keys of one shard.
pub(super) struct ShardKeys {
    /// The epoch of the process that owns the shard.
    pub owner: String,
    /// The live entities and those with a deadline: a sorted set by deadline in milliseconds, `+inf` when a live one
    /// has none. One set for deadlines and the live set, because each entry costs 150 bytes.
    pub agenda: String,
    /// The events: a stream.
    pub events: String,
    /// How many commits the shard has had: a Redis that came back with less than it had acknowledged is found by it.
    pub commits: String,
    prefix: String,
}

impl ShardKeys {
    fn new(shard: Shard) -> Self {
        let prefix = format!("callout:{{{:03}}}:", shard.index());
        let key = |name: &str| format!("{prefix}{name}");
        Self { owner: key("owner"), agenda: key("agenda"), events: key("events"), commits: key("commits"), prefix }
    }

    /// The snapshot of an entity of the shard, given as `kind/id`.
    pub fn snapshot(&self, entity: &str) -> String {
        [&self.prefix, entity].concat()
    }
}

/// The keys of every shard, by its number.
pub(super) fn all() -> &'static [ShardKeys] {
    static ALL: LazyLock<Vec<ShardKeys>> = LazyLock::new(|| Shard::all().map(ShardKeys::new).collect());
    &ALL
}

/// The keys of a shard.
pub(super) fn of(shard: Shard) -> &'static ShardKeys {
    &all()[usize::from(shard.index())]
}

/// The keys of the shard in which the terms lie.
pub(super) fn of_terms() -> &'static ShardKeys {
    &all()[0]
}

/// The snapshot of an entity.
pub(super) fn snapshot(entity: &EntityRef) -> String {
    of(entity.shard()).snapshot(&entity.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::actors::ports::store::EntityKind;

    #[test]
    fn every_key_of_a_shard_has_its_hash_tag() {
        let entity = EntityRef::new(EntityKind::Call, "call_1");
        let tag = format!("callout:{{{:03}}}:", entity.shard().index());
        let keys = of(entity.shard());
        for key in [&keys.owner, &keys.agenda, &keys.events, &keys.commits, &snapshot(&entity)] {
            assert!(key.starts_with(&tag), "{key}");
        }
        assert_eq!(snapshot(&entity), format!("{tag}call/call_1"));
        assert_eq!(all().len(), 64);
        assert!(TERMS.starts_with(&of_terms().prefix), "{TERMS}");
    }
}
