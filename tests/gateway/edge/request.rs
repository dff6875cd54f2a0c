//! A request as the edge reads it: path, key, and the fields of query or form.

use std::collections::BTreeMap;

use actix_web::HttpRequest;
use reqwest::Url;
use serde_json::{Map, Value};

use super::answer::Refusal;

/// Field names and values, flat: `metadata[payment_id]`.
pub type Fields = BTreeMap<String, String>;

/// A request.
#[derive(Debug, Clone)]
pub struct Asked {
    pub method: String,
    pub path: String,
    /// Its `Idempotency-Key`.
    pub key: Option<String>,
    /// Its `Authorization`.
    pub authorization: String,
    /// The fields of the form, or of the query of a `GET`.
    pub fields: Fields,
}

impl Asked {
    pub fn read(request: &HttpRequest, body: &[u8]) -> Self {
        let header = |name| request.headers().get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
        let form =
            if request.method() == "GET" { request.query_string().into() } else { String::from_utf8_lossy(body) };
        Self {
            method: request.method().to_string(),
            path: request.path().to_owned(),
            key: header("idempotency-key"),
            authorization: header("authorization").unwrap_or_default(),
            fields: fields(&form),
        }
    }

    /// Refuses a field that the real API does not know there.
    pub fn only(&self, known: &[&str]) -> Result<(), Refusal> {
        let name = |field: &str| field.split('[').next().unwrap_or_default().to_owned();
        match self.fields.keys().find(|field| !known.contains(&name(field).as_str())) {
            None => Ok(()),
            Some(field) => {
                let refusal = Refusal::invalid(format!("Received unknown parameter: {field}"));
                Err(refusal.code("parameter_unknown").param(field))
            }
        }
    }

    pub fn field(&self, name: &str) -> Option<&str> {
        self.fields.get(name).map(String::as_str)
    }

    /// A field that must be there.
    pub fn required(&self, name: &str) -> Result<&str, Refusal> {
        self.field(name).filter(|value| !value.is_empty()).ok_or_else(|| {
            Refusal::invalid(format!("Missing required param: {name}.")).code("parameter_missing").param(name)
        })
    }

    /// An amount: a whole number from 1 up.
    pub fn amount(&self, name: &str) -> Result<u64, Refusal> {
        let value = self.required(name)?;
        value.parse().ok().filter(|amount| *amount > 0).ok_or_else(|| {
            Refusal::invalid(format!("Invalid integer: {value}")).code("parameter_invalid_integer").param(name)
        })
    }

    /// The fields `metadata[…]` as an object.
    pub fn metadata(&self) -> Value {
        let named = self.fields.iter().filter_map(|(field, value)| {
            let name = field.strip_prefix("metadata[")?.strip_suffix(']')?;
            Some((name.to_owned(), Value::from(value.as_str())))
        });
        named.collect::<Map<_, _>>().into()
    }
}

fn fields(form: &str) -> Fields {
    // A query is read as a form is.
    let url = Url::parse(&format!("http://edge/?{form}")).ok();
    url.iter().flat_map(|url| url.query_pairs().into_owned()).collect()
}

/// Whether a path has the shape of a pattern, in which `*` stands for any one segment.
pub fn matches(pattern: &str, path: &str) -> bool {
    let (mut wanted, mut found) = (pattern.split('/'), path.split('/'));
    loop {
        match (wanted.next(), found.next()) {
            (None, None) => return true,
            (Some(wanted), Some(found)) if wanted == "*" || wanted == found => {}
            _ => return false,
        }
    }
}
