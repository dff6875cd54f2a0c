//! The trait of every part's settings.

use serde::{Serialize, de::DeserializeOwned};
use utoipa::ToSchema;

use super::{Finding, Findings, Node, Problem, read};

/// The settings of one part: a table with defaults, whose types and ranges its schema declares.
pub trait Section: Default + Serialize + DeserializeOwned + ToSchema {
    /// Names values that are right alone and wrong together.
    fn contradictions(&self, findings: &mut Findings) {
        let _ = findings;
    }

    /// Everything that is wrong with values that were set in code and not read: ranges and contradictions.
    #[must_use]
    fn problems(&self) -> Vec<Finding> {
        let mut findings = Findings::default();
        let value = toml::Value::try_from(self).unwrap_or_else(|_| toml::Value::Table(toml::Table::new()));
        let mut problems = Vec::new();
        let _ = read::<Self>(&mut Node::of_defaults("", value), None, &mut problems);
        for Problem { key, message, .. } in problems {
            findings.problem(&key, message);
        }
        self.contradictions(&mut findings);
        findings.into_vec()
    }
}
