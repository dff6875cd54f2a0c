//! A table that says only what differs from another one.

use std::marker::PhantomData;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::DeserializeOwned, de::Error as _};
use utoipa::{
    ToSchema,
    openapi::{RefOr, extensions::ExtensionsBuilder, schema::Schema},
};

use super::shape::OVERLAY;

/// Some keys of a `T`: what is set wins over the same key of another `T`.
#[derive(Debug, Clone, PartialEq)]
pub struct Overlay<T> {
    set: toml::Table,
    of: PhantomData<fn() -> T>,
}

impl<T> Default for Overlay<T> {
    fn default() -> Self {
        Self { set: toml::Table::new(), of: PhantomData }
    }
}

impl<T: Clone + Serialize + DeserializeOwned> Overlay<T> {
    /// These keys and no others.
    #[must_use]
    pub fn new(set: toml::Table) -> Self {
        Self { set, of: PhantomData }
    }

    /// Whether `key`, which may lead into tables with dots, is set.
    #[must_use]
    pub fn sets(&self, key: &str) -> bool {
        let mut keys = key.split('.');
        let first = keys.next().and_then(|key| self.set.get(key));
        keys.try_fold(first, |value, key| value.map(|value| value.get(key))).flatten().is_some()
    }

    #[must_use]
    pub fn over(&self, below: &T) -> T {
        // What is set has been read as part of a `T` already, so that it can be read as part of any other.
        self.try_over(below).unwrap_or_else(|_| below.clone())
    }

    fn try_over(&self, below: &T) -> Result<T, String> {
        let mut whole = toml::Value::try_from(below).map_err(|error| error.to_string())?;
        if let toml::Value::Table(whole) = &mut whole {
            merge(whole, &self.set);
        }
        whole.try_into().map_err(|error: toml::de::Error| error.message().to_owned())
    }
}

fn merge(below: &mut toml::Table, above: &toml::Table) {
    for (key, value) in above {
        match (below.get_mut(key), value) {
            (Some(toml::Value::Table(below)), toml::Value::Table(above)) => merge(below, above),
            _ => drop(below.insert(key.clone(), value.clone())),
        }
    }
}

impl<T> Serialize for Overlay<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.set.serialize(serializer)
    }
}

impl<'de, T: Clone + Default + Serialize + DeserializeOwned> Deserialize<'de> for Overlay<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let overlay = Self::new(toml::Table::deserialize(deserializer)?);
        overlay.try_over(&T::default()).map_err(D::Error::custom)?;
        Ok(overlay)
    }
}

impl<T: ToSchema> Overlay<T> {
    /// The schema of a `T` of which every key may be left out.
    #[must_use]
    pub fn schema() -> RefOr<Schema> {
        let mut schema = T::schema();
        if let RefOr::T(Schema::Object(object)) = &mut schema {
            object.extensions = Some(ExtensionsBuilder::new().add(OVERLAY, true).build());
        }
        schema
    }
}
