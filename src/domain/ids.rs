//! Ids, one type per thing that has them, so that a driver's id cannot be passed where a call's is meant.

use std::{borrow::Borrow, fmt, marker::PhantomData, sync::Arc};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The longest id, in bytes.
pub const MAX_ID_LEN: usize = 64;

/// Why a text is not an id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("an id is 1 to {MAX_ID_LEN} characters out of A-Z a-z 0-9 _ -")]
pub struct InvalidId;

/// An id of a `T`: `[A-Za-z0-9_-]{1,64}`. Cheap to clone.
pub struct Id<T>(Arc<str>, PhantomData<fn() -> T>);

/// Marks ids of calls. Those the server makes begin with `call_`.
pub enum CallTag {}
/// Marks ids of customers: the `sub` of their token.
pub enum CustomerTag {}
/// Marks ids of drivers.
pub enum DriverTag {}
/// Marks ids of services.
pub enum ServiceTag {}

/// A call's id, and its payment's.
pub type CallId = Id<CallTag>;
/// Names a customer: the `sub` of its token.
pub type CustomerId = Id<CustomerTag>;
/// Names a driver, a company, a car or a seat: whoever or whatever answers calls.
pub type DriverId = Id<DriverTag>;
/// A service's id: the stem of its policy file.
pub type ServiceId = Id<ServiceTag>;

impl<T> Id<T> {
    /// The id with that text.
    ///
    /// # Errors
    /// When the text does not match `[A-Za-z0-9_-]{1,64}`.
    pub fn new(text: impl Into<Arc<str>>) -> Result<Self, InvalidId> {
        let text = text.into();
        let valid = (1..=MAX_ID_LEN).contains(&text.len())
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'));
        if valid { Ok(Self(text, PhantomData)) } else { Err(InvalidId) }
    }

    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    #[must_use]
    pub fn to_arc(&self) -> Arc<str> {
        Arc::clone(&self.0)
    }
}

impl<T> Clone for Id<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0), PhantomData)
    }
}

impl<T> PartialEq for Id<T> {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}

impl<T> Eq for Id<T> {}

impl<T> PartialOrd for Id<T> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl<T> Ord for Id<T> {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.0.cmp(&other.0)
    }
}

impl<T> std::hash::Hash for Id<T> {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.0.hash(state);
    }
}

impl<T> Borrow<str> for Id<T> {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl<T> fmt::Debug for Id<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl<T> fmt::Display for Id<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<T> Serialize for Id<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de, T> Deserialize<'de> for Id<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::new(String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_1_to_64_url_safe_characters() {
        for good in ["a", "call_01J-x", &"x".repeat(64)] {
            assert!(CallId::new(good).is_ok(), "{good}");
        }
        for bad in ["", "a b", "콜", "a/b", &"x".repeat(65)] {
            assert_eq!(CallId::new(bad), Err(InvalidId), "{bad}");
        }
    }
}
