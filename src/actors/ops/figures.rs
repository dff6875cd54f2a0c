//! The figures operators see.

use std::sync::{Arc, atomic::Ordering};

use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::super::{
    entity::Kind,
    ports::store::EntityKind,
    supervision::{KindStats, PanicReport, Status, Vitals},
};

/// One kind of actor.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct KindFigures {
    /// The kind: `call`, `driver`, `payment`, or a supporting actor's.
    pub kind: String,
    /// Entities that are not finished, in memory or not; for supporting actors: how many there are.
    pub live: i64,
    /// How many actors are in memory.
    pub running: i64,
    /// Actors that failed too often and wait for an operator.
    pub parked: i64,
    /// Restarts since the start of the process.
    pub restarts: u64,
    /// The most messages that ever waited for one actor of the kind.
    pub mailbox_high_water: u32,
    /// The ids of supporting actors.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub ids: Vec<String>,
    /// The ids of those parked, 200 at most.
    pub parked_ids: Vec<String>,
}

/// One actor: its health and its committed state.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ActorFigures {
    /// The kind: `call`, `driver`, `payment`, or a supporting actor's.
    pub kind: String,
    /// The id, unique within the kind.
    pub id: String,
    /// Whether it handles messages.
    pub status: Status,
    /// The version of its committed snapshot; `null` when there is none.
    pub version: Option<u64>,
    /// Its restarts since it came into memory.
    pub restarts: u32,
    /// Its last panic since it came into memory.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_panic: Option<PanicReport>,
    /// How many messages wait in its mailbox.
    pub mailbox: u32,
    /// The number of effects in its committed snapshot that are not acknowledged yet.
    pub owed: usize,
    /// Its committed state; `null` when there is none.
    #[schema(value_type = Value)]
    pub state: Value,
}

/// The content of a stored snapshot.
pub(super) struct Committed {
    pub(super) version: u64,
    pub(super) owed: usize,
    pub(super) state: Value,
}

impl KindFigures {
    pub(super) fn of_entities(entities: &dyn Kind, parked_max: usize) -> Self {
        let parked_ids = entities.parked(parked_max).iter().map(ToString::to_string).collect();
        Self { parked_ids, ..Self::of(entities.stats()) }
    }

    pub(super) fn of_single(stats: &Arc<KindStats>, id: &str, parked: bool) -> Self {
        let mut figures = Self::of(stats);
        figures.add(id, parked);
        figures
    }

    pub(super) fn add(&mut self, id: &str, parked: bool) {
        self.ids.push(id.to_owned());
        if parked {
            self.parked_ids.push(id.to_owned());
        }
    }

    fn of(stats: &Arc<KindStats>) -> Self {
        Self {
            kind: stats.kind().to_owned(),
            live: stats.live.load(Ordering::Relaxed),
            running: stats.running.load(Ordering::Relaxed),
            parked: stats.parked_now(),
            restarts: stats.restarts(),
            mailbox_high_water: stats.mailbox_high_water(),
            ids: Vec::new(),
            parked_ids: Vec::new(),
        }
    }
}

impl ActorFigures {
    pub(super) fn of_entity(kind: EntityKind, id: &str, vitals: Option<&Vitals>, snapshot: Option<Committed>) -> Self {
        let figures = Self::of(kind.as_str(), id, vitals);
        match snapshot {
            Some(Committed { version, owed, state }) => Self { version: Some(version), owed, state, ..figures },
            None => figures,
        }
    }

    pub(super) fn of_single(kind: &str, id: &str, vitals: &Vitals) -> Self {
        Self::of(kind, id, Some(vitals))
    }

    fn of(kind: &str, id: &str, vitals: Option<&Vitals>) -> Self {
        Self {
            kind: kind.to_owned(),
            id: id.to_owned(),
            status: vitals.map_or(Status::Passive, Vitals::status),
            version: None,
            restarts: vitals.map_or(0, Vitals::restarts),
            last_panic: vitals.and_then(Vitals::last_panic).map(|report| (*report).clone()),
            mailbox: vitals.map_or(0, Vitals::queued),
            owed: 0,
            state: Value::Null,
        }
    }
}
