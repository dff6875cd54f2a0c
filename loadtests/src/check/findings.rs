//! What the checks found, counted, with the first examples in words.

use serde::Serialize;

use super::judge::Verdict;

/// Examples kept.
const EXAMPLES: usize = 20;

/// What the checks found.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Findings {
    /// Calls that the server acknowledged.
    pub driven: u64,
    /// Of these, read back.
    pub read_back: u64,
    /// Of these, with their movements of money.
    pub with_ledger: u64,
    /// Calls in another state than acknowledged.
    pub wrong_state: u64,
    /// Calls that are missing or older than acknowledged.
    pub lost_acknowledgements: u64,
    /// Payments charged or refunded more than once.
    pub double_charges: u64,
    /// Payments that differ from what the call says: charged although cancelled, not charged although paid, wrong amount.
    pub wrong_money: u64,
    /// Calls that could not be read.
    pub unreadable: u64,
    /// The first of what is wrong.
    pub examples: Vec<String>,
}

impl Findings {
    pub(super) fn add(&mut self, verdict: Verdict) {
        self.read_back += 1;
        self.with_ledger += u64::from(verdict.with_ledger);
        self.wrong_state += u64::from(verdict.wrong_state);
        self.lost_acknowledgements += u64::from(verdict.lost);
        self.double_charges += u64::from(verdict.double_charge);
        self.wrong_money += u64::from(verdict.wrong_money);
        self.unreadable += u64::from(verdict.unreadable);
        if !verdict.is_good() && self.examples.len() < EXAMPLES {
            self.examples.push(verdict.words);
        }
    }

    /// Whatever is wrong, in a sentence each.
    #[must_use]
    pub fn wrongs(&self) -> Vec<String> {
        let counts = [
            ("calls are in another state than acknowledged", self.wrong_state),
            ("acknowledgements are lost", self.lost_acknowledgements),
            ("payments were charged or refunded more than once", self.double_charges),
            ("payments differ from what the call says", self.wrong_money),
            ("calls could not be read back", self.unreadable),
        ];
        counts.iter().filter(|(_, many)| *many > 0).map(|(what, many)| format!("{many} {what}")).collect()
    }
}
