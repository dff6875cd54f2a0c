//! Values that must not be shown: secrets, and addresses that may carry a password.

use std::fmt;

use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{
        RefOr,
        schema::{ObjectBuilder, Schema, Type},
    },
};

/// The text in place of a hidden value.
const HIDDEN: &str = "[hidden]";

/// An address such as `redis://user:password@host:6379/0`. Displays, debugs and serializes without what stands before
/// its `@`: a key may be given as the user, so neither user nor password is shown.
#[derive(Clone, PartialEq, Eq, Deserialize, utoipa::ToSchema)]
#[serde(transparent)]
pub struct Url(String);

impl Url {
    /// The address `text`; nothing is checked.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The whole address, with its password: to connect, not to show.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The scheme, in front of `://`; empty when there is none.
    #[must_use]
    pub fn scheme(&self) -> &str {
        self.0.split_once("://").map_or("", |(scheme, _)| scheme)
    }

    /// The part after `://`, up to a `?`.
    #[must_use]
    pub fn rest(&self) -> &str {
        let rest = self.0.split_once("://").map_or("", |(_, rest)| rest);
        rest.split('?').next().unwrap_or_default()
    }
}

impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = self.0.split_once("://").and_then(|(scheme, rest)| {
            // The last one: a password may hold any character, even where it should have been escaped.
            let at = rest.rfind('@')?;
            Some(format!("{scheme}://{HIDDEN}{}", rest.get(at..)?))
        });
        f.write_str(shown.as_deref().unwrap_or(&self.0))
    }
}

impl fmt::Debug for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.to_string())
    }
}

impl Serialize for Url {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// The schema of an element of a list of secrets, whose values no message repeats: `#[schema(value_type = Vec<Hidden>)]`.
pub enum Hidden {}

impl PartialSchema for Hidden {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new().schema_type(Type::String).write_only(true).into()
    }
}

impl ToSchema for Hidden {}

/// A list of secrets as a field: `#[serde(with = "secrets")]`.
pub mod secrets {
    use super::{Deserialize, Deserializer, HIDDEN, SecretString, Serialize, Serializer};

    /// Reads them.
    ///
    /// # Errors
    /// When they are no list of texts.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<SecretString>, D::Error> {
        Vec::deserialize(deserializer)
    }

    /// Writes how many there are, but not which.
    ///
    /// # Errors
    /// Those of the serializer.
    pub fn serialize<S: Serializer>(secrets: &[SecretString], serializer: S) -> Result<S::Ok, S::Error> {
        vec![HIDDEN; secrets.len()].serialize(serializer)
    }
}

/// An optional secret as a field: `#[serde(with = "secret")]`.
pub mod secret {
    use super::{Deserialize, Deserializer, ExposeSecret, HIDDEN, SecretString, Serialize, Serializer};

    /// Reads it; a wrong one is not repeated in the error.
    ///
    /// # Errors
    /// When it is no text.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<SecretString>, D::Error> {
        match toml::Value::deserialize(deserializer)? {
            toml::Value::String(text) => Ok(Some(text.into())),
            _ => Err(serde::de::Error::custom("must be text in quotes")),
        }
    }

    /// Writes that there is a secret, but not which.
    ///
    /// # Errors
    /// Those of the serializer.
    pub fn serialize<S: Serializer>(secret: &Option<SecretString>, serializer: S) -> Result<S::Ok, S::Error> {
        secret.as_ref().map(|_| HIDDEN).serialize(serializer)
    }

    #[must_use]
    pub fn length(secret: &SecretString) -> usize {
        secret.expose_secret().len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neither_user_nor_password_of_an_address_is_shown() {
        for (address, shown) in [
            ("redis://:s3cret@host:6379/0", "redis://[hidden]@host:6379/0"),
            ("rediss://me:s3@cr/et@host/1", "rediss://[hidden]@host/1"),
            ("stripe+https://sk_live_key@host", "stripe+https://[hidden]@host"),
            ("redis://host:6379/0", "redis://host:6379/0"),
            ("sqlite://data/callout.db", "sqlite://data/callout.db"),
            ("simulated://", "simulated://"),
        ] {
            assert_eq!(Url::new(address).to_string(), shown);
            assert_eq!(format!("{:?}", Url::new(address)), format!("{shown:?}"));
        }
    }
}
