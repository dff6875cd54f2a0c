//! Reads query parameters. The OpenAPI document lists the parameters of an endpoint; a request with another one is
//! refused before it comes here ([`crate::http::edge::parameters`]).

use std::{
    future::{Ready, ready},
    ops::RangeInclusive,
};

use actix_web::{FromRequest, HttpRequest, dev::Payload, web};
use jiff::Timestamp;

use crate::{
    domain::{
        ServiceId,
        call::{STATUSES, Status, active_statuses},
        driver,
    },
    http::{error::Problem, extract::time, state::State, views::Page},
    readmodel,
};

/// The length of the longest page of a list.
pub(in crate::http) const LIMIT_MAX: usize = 200;
/// The length of a page when the request does not say one.
const LIMIT: usize = 50;

/// The query parameters of a request.
pub(in crate::http) struct Query<T>(pub T);

/// The parameters that an endpoint reads from its query.
pub(in crate::http) trait Parameters: Sized {
    /// Reads the parameters, and checks each value.
    ///
    /// # Errors
    /// `invalid_request` that names the parameter and says which values are allowed.
    fn read(given: &Given) -> Result<Self, Problem>;
}

/// The parameters as they were given, decoded.
#[derive(Default)]
pub(in crate::http) struct Given(Vec<(String, String)>);

impl<T: Parameters> FromRequest for Query<T> {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(T::read(&Given::of(request.query_string())).map(Self))
    }
}

impl Given {
    /// The parameters of a query string. A text that is no query string has none.
    pub(in crate::http) fn of(query: &str) -> Self {
        Self(web::Query::from_query(query).map(web::Query::into_inner).unwrap_or_default())
    }

    /// The names, as often as they were given.
    pub(in crate::http) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(name, _)| name.as_str())
    }

    /// The value of a parameter; the first one, if it was given several times.
    pub(in crate::http) fn text(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(given, _)| given == name).map(|(_, value)| value.as_str())
    }

    /// The values of a parameter that may come several times.
    pub(in crate::http) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(given, _)| given == name).map(|(_, value)| value.as_str())
    }

    /// A parameter that is `true` or `false`.
    pub(in crate::http) fn flag(&self, name: &str) -> Result<Option<bool>, Problem> {
        let read = |text: &str| {
            text.parse().map_err(|_| Problem::at_parameter(name, format_args!("must be true or false, got {text:?}")))
        };
        self.text(name).map(read).transpose()
    }

    /// A parameter that is a time.
    pub(in crate::http) fn time(&self, name: &str) -> Result<Option<Timestamp>, Problem> {
        let Some(text) = self.text(name) else { return Ok(None) };
        time::parse(text).map(Some).ok_or_else(|| {
            let right = "must be a time as RFC 3339 writes it, like 2030-05-01T09:00:00%2B09:00";
            Problem::at_parameter(name, format_args!("{right} (a plus sign as %2B), got {text:?}"))
        })
    }

    /// A parameter that is a whole number within a range.
    pub(in crate::http) fn number(&self, name: &str, range: RangeInclusive<usize>) -> Result<Option<usize>, Problem> {
        let Some(text) = self.text(name) else { return Ok(None) };
        let number = text.parse().ok().filter(|number| range.contains(number));
        let (least, most) = (range.start(), range.end());
        number.map(Some).ok_or_else(|| {
            Problem::at_parameter(name, format_args!("must be a whole number from {least} to {most}, got {text:?}"))
        })
    }
}

/// The length and the beginning of a page of a list.
#[derive(Debug, Default, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(in crate::http) struct Paging {
    /// How many, 1 to 200; 50 unless given.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<usize>,
    /// The beginning of the page: `next_cursor` of the page before it.
    cursor: Option<String>,
}

impl Parameters for Paging {
    fn read(given: &Given) -> Result<Self, Problem> {
        let cursor = given.text("cursor").map(str::to_owned);
        Ok(Self { limit: given.number("limit", 1..=LIMIT_MAX)?, cursor })
    }
}

impl Paging {
    /// Whether a page was asked for, rather than a whole list.
    pub fn is_asked_for(&self) -> bool {
        self.limit.is_some() || self.cursor.is_some()
    }

    /// How many items a page has at most.
    pub fn limit(&self) -> usize {
        self.limit.unwrap_or(LIMIT)
    }

    /// The beginning of the page.
    pub fn cursor(&self) -> Option<&str> {
        self.cursor.as_deref()
    }

    /// The page of a whole list that is asked for. `items` come in the order of their `mark`s; `list`
    /// is the list's name.
    pub fn page_of<T>(&self, items: Vec<T>, list: &str, mark: impl Fn(&T) -> String) -> Result<Page<T>, Problem> {
        let page = readmodel::Page::of_whole(items, self.limit(), self.cursor(), list, mark)?;
        Ok(Page { items: page.items, next_cursor: page.next_cursor })
    }
}

/// Which calls, and how many.
#[derive(Debug, Default, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(in crate::http) struct CallsQuery {
    /// Only of this service.
    service: Option<String>,
    /// Only with one of these statuses: `status=assigned&status=started`.
    #[param(explode = true, value_type = Vec<Status>)]
    status: Vec<String>,
    /// `true`: only those that are not over. `false`: only those that are.
    active: Option<bool>,
    #[param(ignore)]
    pub page: Paging,
}

impl Parameters for CallsQuery {
    fn read(given: &Given) -> Result<Self, Problem> {
        Ok(Self {
            service: given.text("service").map(str::to_owned),
            status: given.all("status").map(str::to_owned).collect(),
            active: given.flag("active")?,
            page: Paging::read(given)?,
        })
    }
}

impl CallsQuery {
    /// The service, which must be one that there is.
    pub fn service(&self, state: &State) -> Result<Option<ServiceId>, Problem> {
        self.service.as_deref().map(|named| state.service_named(named)).transpose()
    }

    /// The statuses in the request.
    pub fn statuses(&self) -> Result<Statuses, Problem> {
        let named: Vec<_> =
            self.status.iter().map(|given| known("status", given, &STATUSES)).collect::<Result<_, _>>()?;
        let Some(active) = self.active else {
            return Ok(if named.is_empty() { Statuses::Any } else { Statuses::Only(named) });
        };
        let wanted = STATUSES.into_iter().filter(|status| active_statuses().contains(status) == active);
        Ok(Statuses::Only(wanted.filter(|status| named.is_empty() || named.contains(status)).collect()))
    }
}

/// The statuses of the calls that a list shows.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::http) enum Statuses {
    Any,
    /// Only in these. None: no call is.
    Only(Vec<&'static str>),
}

/// Which drivers, and how many.
#[derive(Debug, Default, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(in crate::http) struct DriversQuery {
    /// Only of this service.
    service: Option<String>,
    /// Only with this status.
    #[param(value_type = Option<driver::Status>)]
    status: Option<String>,
    #[param(ignore)]
    pub page: Paging,
}

impl Parameters for DriversQuery {
    fn read(given: &Given) -> Result<Self, Problem> {
        let text = |name| given.text(name).map(str::to_owned);
        Ok(Self { service: text("service"), status: text("status"), page: Paging::read(given)? })
    }
}

impl DriversQuery {
    /// The service, which must be one that there is.
    pub fn service(&self, state: &State) -> Result<Option<ServiceId>, Problem> {
        self.service.as_deref().map(|named| state.service_named(named)).transpose()
    }

    /// The status, which must be one of those that are known.
    pub fn status(&self) -> Result<Option<&'static str>, Problem> {
        self.status.as_deref().map(|given| known("status", given, &driver::SHOWN_STATUSES)).transpose()
    }
}

/// A value that must be one of those that there are.
pub(in crate::http) fn known(
    name: &str,
    given: &str,
    values: &'static [&'static str],
) -> Result<&'static str, Problem> {
    let found = values.iter().find(|value| **value == given).copied();
    found
        .ok_or_else(|| Problem::at_parameter(name, format_args!("must be one of {}, got {given:?}", values.join(", "))))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(query: &str) -> Result<CallsQuery, Problem> {
        CallsQuery::read(&Given::of(query))
    }

    #[test]
    fn limits_are_whole_numbers_within_their_range() {
        assert_eq!(list("").map(|query| query.page.limit()).ok(), Some(50));
        assert_eq!(list("limit=200").map(|query| query.page.limit()).ok(), Some(200));
        for bad in ["0", "201", "many", "-1", "1.5", "", "99999999999999999999999"] {
            let problem = list(&format!("limit={bad}")).expect_err("a refusal");
            assert_eq!(
                problem.detail(),
                format!("the query parameter limit: must be a whole number from 1 to 200, got {bad:?}")
            );
        }
    }

    #[test]
    fn statuses_are_those_that_there_are() {
        let statuses = |query| list(query).and_then(|query| query.statuses());
        for (query, wanted) in [
            ("", Statuses::Any),
            ("status=denied", Statuses::Only(vec!["denied"])),
            ("status=assigned&status=started", Statuses::Only(vec!["assigned", "started"])),
            ("active=true", Statuses::Only(active_statuses().to_vec())),
            ("active=false", Statuses::Only(vec!["completed", "cancelled", "denied"])),
            ("active=true&status=started&status=denied", Statuses::Only(vec!["started"])),
            ("active=true&status=denied", Statuses::Only(vec![])),
        ] {
            assert_eq!(statuses(query).ok(), Some(wanted), "{query}");
        }
        let problem = statuses("status=flying").expect_err("a refusal");
        assert!(problem.detail().starts_with("the query parameter status: must be one of requested, "), "{problem}");
        let problem = statuses("active=yes").expect_err("a refusal");
        assert_eq!(problem.detail(), "the query parameter active: must be true or false, got \"yes\"");
    }

    #[test]
    fn values_are_decoded() {
        assert_eq!(Given::of("a=%EC%BD%9C&b=1+2&c").text("a"), Some("콜"));
        assert_eq!(Given::of("a=%EC%BD%9C&b=1+2&c").text("b"), Some("1 2"));
        assert_eq!(Given::of("%ff=%").names().count(), 1);
    }
}
