//! The form in which an entity is stored: a snapshot in a versioned envelope, and events with their cause. JSON, so
//! that it can be read with the store's own tools and migrated.

use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::{
    actors::Cause,
    domain::{Machine, policy::NoPolicy},
};

/// The form's version. Reading refuses any other: a migration must come first.
pub const FORM: u32 = 1;

/// A snapshot: the state and the effects that are owed.
#[derive(Debug, Serialize, Deserialize)]
#[serde(bound(serialize = "S: Serialize, F: Serialize", deserialize = "S: DeserializeOwned, F: DeserializeOwned"))]
pub struct Snapshot<S, F> {
    pub v: u32,
    pub state: S,
    /// Effects that are not acknowledged yet.
    #[serde(default = "Vec::new", skip_serializing_if = "Vec::is_empty")]
    pub owed: Vec<Owed<F>>,
}

/// An effect that must be performed until it is acknowledged.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Owed<F> {
    /// Which one, unique within its entity.
    pub id: u64,
    /// The work to do.
    pub effect: F,
    #[serde(flatten)]
    pub cause: Cause,
}

/// Why a stored text is not what it should be.
#[derive(Debug, thiserror::Error)]
pub enum Unreadable {
    /// Not the JSON it should be.
    #[error("is not a snapshot: {0}")]
    Json(#[from] serde_json::Error),
    /// Written by another release.
    #[error("has form {0}; this release reads form {FORM}")]
    Form(u32),
    /// Readable, but of an entity whose terms are not known.
    #[error("cannot be used: {0}")]
    Terms(#[from] NoPolicy),
}

/// Reads the state and the ledger of a snapshot.
///
/// # Errors
/// When the text is no snapshot of that kind of entity in this form.
pub fn read<M: Machine>(text: &str) -> Result<Snapshot<M::State, M::Effect>, Unreadable> {
    let snapshot: Snapshot<M::State, M::Effect> = serde_json::from_str(text)?;
    if snapshot.v == FORM { Ok(snapshot) } else { Err(Unreadable::Form(snapshot.v)) }
}

/// Writes a snapshot without copying the state.
///
/// # Errors
/// When the state has no JSON form: a float that is not finite.
pub fn write<S: Serialize, F: Serialize>(state: &S, owed: &[Owed<F>]) -> Result<String, serde_json::Error> {
    #[derive(Serialize)]
    struct Borrowed<'a, S, F> {
        v: u32,
        state: &'a S,
        #[serde(skip_serializing_if = "<[_]>::is_empty")]
        owed: &'a [Owed<F>],
    }
    serde_json::to_string(&Borrowed { v: FORM, state, owed })
}

/// Writes an event with its cause without copying it.
///
/// # Errors
/// When the event has no JSON form.
pub fn write_event<E: Serialize>(event: &E, cause: &Cause) -> Result<String, serde_json::Error> {
    #[derive(Serialize)]
    struct Borrowed<'a, E> {
        event: &'a E,
        by: &'a str,
        trace: &'a str,
    }
    serde_json::to_string(&Borrowed { event, by: &cause.by, trace: &cause.trace })
}
