//! Decides the outcome of each commit of a group from the state of the file. No I/O here.

use std::collections::HashMap;

use crate::actors::ports::store::{Commit, Committed, EntityKind, Epoch};

/// The version and last write id of an entity.
pub(super) struct Head {
    pub version: u64,
    pub write_id: String,
}

/// The stored state that a group of commits needs.
pub(super) struct Found<'a> {
    /// The epoch of every shard, by its number.
    pub epochs: Vec<u64>,
    /// The entities of the group that exist.
    pub heads: HashMap<(EntityKind, &'a str), Head>,
}

impl<'a> Found<'a> {
    /// Answers one commit and, when it is to be written, sees it as written from then on.
    pub fn decide(&mut self, commit: &'a Commit) -> Committed {
        let owner = self.epochs.get(usize::from(commit.entity.shard().index())).copied().unwrap_or_default();
        if owner != commit.epoch.0 {
            return Committed::Fenced { found: Epoch(owner) };
        }
        let key = (commit.entity.kind, &*commit.entity.id);
        let write_id = commit.write_id.to_string();
        match self.heads.get(&key) {
            Some(head) if head.write_id == write_id => Committed::Duplicate,
            Some(head) if head.version != commit.expected_version => Committed::Conflict { found: head.version },
            None if commit.expected_version != 0 => Committed::Conflict { found: 0 },
            Some(_) | None => {
                self.heads.insert(key, Head { version: commit.version, write_id });
                Committed::Ok
            }
        }
    }
}
