//! Checks of values that have the right type: ranges and contradictions. Names the place of the key, wherever in the
//! layers it was set.

use std::{collections::HashSet, fmt::Display, ops::RangeInclusive};

use super::{
    problem::{Origin, Problem},
    tree::{Node, Step, dotted},
};

/// Collects what is wrong with the values of one table.
pub struct Check<'a> {
    root: &'a Node,
    wrong: &'a HashSet<String>,
    table: String,
    problems: &'a mut Vec<Problem>,
}

impl<'a> Check<'a> {
    pub(super) fn new(root: &'a Node, wrong: &'a HashSet<String>, problems: &'a mut Vec<Problem>) -> Self {
        Self { root, wrong, table: String::new(), problems }
    }

    /// Checks of the table `key` in this one.
    pub fn table(&mut self, key: &str) -> Check<'_> {
        Check { root: self.root, wrong: self.wrong, table: dotted(&self.table, key), problems: self.problems }
    }

    /// `value`, of `key`, must lie in `range`.
    pub fn range<T: Copy + PartialOrd + Display>(&mut self, key: &str, value: T, range: RangeInclusive<T>) {
        if !range.contains(&value) {
            self.problem(key, format!("must be {} to {}, got {value}", range.start(), range.end()));
        }
    }

    /// What the owner of the values found wrong with them: keys, dotted from here, and what would be right.
    pub fn all<'k>(&mut self, found: impl IntoIterator<Item = (&'k str, String)>) {
        for (key, message) in found {
            self.problem(key, message);
        }
    }

    /// `key` has a wrong value: `message` says what would be right.
    pub fn problem(&mut self, key: &str, message: impl Into<String>) {
        self.contradiction(&[key], message);
    }

    /// The values of `keys` do not go together. Blames the first of them that was set anywhere; says nothing when one
    /// of them could not be read in the first place.
    pub fn contradiction(&mut self, keys: &[&str], message: impl Into<String>) {
        let labels: Vec<_> = keys.iter().map(|key| dotted(&self.table, key)).collect();
        if labels.iter().any(|label| self.wrong.contains(label)) {
            return;
        }
        let placed = labels.iter().map(|label| (label, self.origin(label)));
        let Some((key, origin)) = placed.min_by_key(|(_, origin)| *origin == Origin::Default) else { return };
        self.problems.push(Problem { origin, key: key.clone(), message: message.into() });
    }

    fn origin(&self, key: &str) -> Origin {
        let mut node = self.root;
        for part in key.split('.') {
            match node.child(&Step::Key(part.to_owned())) {
                Some(child) => node = child,
                None => return Origin::Default,
            }
        }
        node.origin.clone()
    }
}
