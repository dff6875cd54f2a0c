//! Query parameters: strict, with limits.

use std::future::{Ready, ready};

use actix_web::{FromRequest, HttpRequest, dev::Payload, web};
use serde::{Deserialize, de::DeserializeOwned};

use super::{error::Problem, views::Page};
use crate::{
    domain::{InvalidId, ServiceId},
    readmodel,
};

/// The longest list anybody gets at once.
pub(super) const LIMIT_MAX: usize = 200;
/// How long a list is when nobody says.
const LIMIT: usize = 50;

/// Query parameters.
pub(super) struct Query<T>(pub T);

impl<T: DeserializeOwned + 'static> FromRequest for Query<T> {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let read = web::Query::<T>::from_query(request.query_string());
        ready(
            read.map(|query| Self(query.into_inner())).map_err(|error| Problem::invalid(format!("the query: {error}"))),
        )
    }
}

/// Which items of a list, and how many.
#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct ListQuery {
    /// Only of this service.
    #[serde(default)]
    pub service: Option<String>,
    /// Only with this status.
    #[serde(default)]
    pub status: Option<String>,
    /// How many, 1 to 200; 50 unless given.
    #[serde(default)]
    #[param(minimum = 1, maximum = 200)]
    pub limit: Option<usize>,
    /// Where to go on: `next_cursor` of the page before.
    #[serde(default)]
    pub cursor: Option<String>,
}

/// How much of a list that has no filters.
#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct PageQuery {
    /// How many, 1 to 200; 50 unless given.
    #[serde(default)]
    #[param(minimum = 1, maximum = 200)]
    pub limit: Option<usize>,
    /// Where to go on: `next_cursor` of the page before.
    #[serde(default)]
    pub cursor: Option<String>,
}

impl PageQuery {
    /// The page of a whole list that is asked for. `items` come in the order of their `mark`s; `list` is the list's name.
    pub fn page_of<T>(&self, items: Vec<T>, list: &str, mark: impl Fn(&T) -> String) -> Result<Page<T>, Problem> {
        let page = readmodel::Page::of_whole(items, limit(self.limit)?, self.cursor.as_deref(), list, mark)?;
        Ok(Page { items: page.items, next_cursor: page.next_cursor })
    }
}

/// A limit that is within what is allowed.
pub(super) fn limit(given: Option<usize>) -> Result<usize, Problem> {
    match given {
        None => Ok(LIMIT),
        Some(limit) if (1..=LIMIT_MAX).contains(&limit) => Ok(limit),
        Some(limit) => Err(Problem::invalid(format!("limit must be 1 to {LIMIT_MAX}, got {limit}"))),
    }
}

/// One of the known statuses.
pub(super) fn status(given: Option<&str>, known: &'static [&'static str]) -> Result<Option<&'static str>, Problem> {
    let Some(given) = given else { return Ok(None) };
    known
        .iter()
        .find(|status| **status == given)
        .map(|status| Some(*status))
        .ok_or_else(|| Problem::invalid(format!("status must be one of {}", known.join(", "))))
}

/// A service's id.
pub(super) fn service(given: Option<String>) -> Result<Option<ServiceId>, Problem> {
    let wrong = |error: InvalidId| Problem::invalid(format!("service: {error}"));
    given.map(ServiceId::new).transpose().map_err(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_and_statuses_are_checked() {
        assert_eq!(limit(None).ok(), Some(50));
        assert_eq!(limit(Some(200)).ok(), Some(200));
        assert!(limit(Some(0)).is_err() && limit(Some(201)).is_err());
        assert!(status(Some("flying"), &crate::domain::call::STATUSES).is_err());
        assert_eq!(status(Some("denied"), &crate::domain::call::STATUSES).ok(), Some(Some("denied")));
    }

    #[test]
    fn unknown_parameters_are_refused() {
        assert!(web::Query::<ListQuery>::from_query("limit=5&status=denied").is_ok());
        for bad in ["limit=many", "limit=-1", "colour=red", "limit=99999999999999999999999"] {
            assert!(web::Query::<ListQuery>::from_query(bad).is_err(), "{bad}");
        }
    }
}
