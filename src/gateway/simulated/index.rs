//! Which records may have a key: small, because it is kept for as long as the process runs.

use std::{
    collections::BTreeSet,
    hash::{BuildHasher, RandomState},
};

/// How many entries are in a tree until they are packed.
const OPEN_MAX: usize = 1 << 16;

/// The numbers of records by what they are looked for with, eight bytes an entry once packed.
///
/// A key is only known by 32 bits of a keyed hash: a record that is found must be asked for its own.
#[derive(Debug, Default)]
pub(super) struct Index {
    hasher: RandomState,
    /// Sorted runs, full, oldest first.
    packed: Vec<Box<[Entry]>>,
    open: BTreeSet<Entry>,
}

/// A hash and the number of a record.
type Entry = (u32, u32);

impl Index {
    /// Notes that this record has this key.
    pub(super) fn add(&mut self, key: &str, number: u32) {
        self.open.insert((self.hash(key), number));
        if self.open.len() >= OPEN_MAX {
            self.packed.push(std::mem::take(&mut self.open).into_iter().collect());
        }
    }

    /// The numbers of the records that may have this key, in ascending order if they were added so.
    pub(super) fn candidates(&self, key: &str) -> impl Iterator<Item = u32> {
        let hash = self.hash(key);
        let packed = self.packed.iter().flat_map(move |run| {
            let from = run.partition_point(|(known, _)| *known < hash);
            run[from..].iter().take_while(move |(known, _)| *known == hash)
        });
        packed.chain(self.open.range((hash, 0)..=(hash, u32::MAX))).map(|(_, number)| *number)
    }

    /// Half of the hash is enough to tell most keys apart.
    fn hash(&self, key: &str) -> u32 {
        (self.hasher.hash_one(key) >> 32) as u32
    }
}

#[cfg(test)]
mod tests {
    use super::{Index, OPEN_MAX};

    #[test]
    fn what_was_added_is_found_in_its_order_packed_or_not() {
        let mut index = Index::default();
        let keys = OPEN_MAX / 2 + 100;
        let records = u32::try_from(3 * keys).expect("few");
        for number in 0..records {
            index.add(&format!("key {}", number as usize % keys), number);
        }
        assert_eq!(index.packed.len(), 1);
        let mut strangers = 0;
        for key in (0..keys).step_by(97) {
            let found: Vec<u32> = index.candidates(&format!("key {key}")).collect();
            assert!(found.is_sorted(), "{found:?}");
            let own = (0..3).map(|turn| u32::try_from(turn * keys + key).expect("few"));
            assert!(own.clone().all(|number| found.contains(&number)), "{key} is in {found:?}");
            strangers += found.len() - 3;
        }
        assert!(strangers < 10, "{strangers} records have the hash of another key");
        assert!(index.candidates("none").count() < 4);
    }
}
