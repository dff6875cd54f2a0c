//! The section `actors`: how actors run and what happens when one fails.

use std::{num::NonZero, thread::available_parallelism};

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::supervision::SupervisionTable;
use crate::settings::{Findings, Section};

/// How actors run and what happens when one fails.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ActorSettings {
    /// Threads that calls, drivers, payments and accounts run on; 0: one per core.
    #[schema(minimum = 0, maximum = 1_024)]
    pub threads: u16,
    /// The rules for an actor that fails.
    pub supervision: SupervisionTable,
}

impl ActorSettings {
    /// How many threads calls, drivers, payments and accounts run on, at least 1.
    #[must_use]
    pub fn thread_count(&self) -> usize {
        match self.threads {
            0 => available_parallelism().map_or(1, NonZero::get),
            threads => threads.into(),
        }
    }
}

impl Section for ActorSettings {
    fn contradictions(&self, findings: &mut Findings) {
        findings.within("supervision", |findings| self.supervision.contradictions(findings));
    }
}
