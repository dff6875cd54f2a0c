//! Contradictions between values of a section that have the right types and lie in their ranges, as its owner finds
//! them. Findings name keys, not places; the reader of the section knows where each key was written.

/// Keys that do not go together, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Dotted keys, the one to blame first.
    pub keys: Vec<String>,
    /// The mistake, and the values that are allowed.
    pub message: String,
}

/// Collects what is wrong, table by table.
#[derive(Debug, Default)]
pub struct Findings {
    table: String,
    found: Vec<Finding>,
}

impl Findings {
    /// Collects the findings of `look` in the table `key` of this one.
    pub fn within(&mut self, key: &str, look: impl FnOnce(&mut Self)) {
        let outer = self.table.clone();
        self.table = super::dotted(&outer, key);
        look(self);
        self.table = outer;
    }

    /// `key` has a wrong value: `message` says what would be right.
    pub fn problem(&mut self, key: &str, message: impl Into<String>) {
        self.contradiction(&[key], message);
    }

    /// The values of `keys` do not go together. The first of them that was set anywhere is blamed.
    pub fn contradiction(&mut self, keys: &[&str], message: impl Into<String>) {
        let keys = keys.iter().map(|key| super::dotted(&self.table, key)).collect();
        self.found.push(Finding { keys, message: message.into() });
    }

    /// Everything that was found.
    #[must_use]
    pub fn into_vec(self) -> Vec<Finding> {
        self.found
    }
}
