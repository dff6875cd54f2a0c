//! Lists of calls and drivers, and the summary of a person.

use std::collections::BTreeMap;

use serde::{Serialize, de::DeserializeOwned};
use sqlx::{QueryBuilder, Sqlite};

use super::{Page, ReadError, ReadModel, page};
use crate::domain::{CallId, Role, ServiceId, call::Call, driver::Driver};

/// Which calls are wanted. Nothing set: all of them.
#[derive(Debug, Clone, Copy, Default)]
pub struct CallFilter<'a> {
    /// Of this service.
    pub service: Option<&'a ServiceId>,
    /// In this status.
    pub status: Option<&'a str>,
    /// Of these services only: those that an operator may see.
    pub services: Option<&'a [ServiceId]>,
}

/// Which drivers are wanted. Nothing set: all of them.
#[derive(Debug, Clone, Copy, Default)]
pub struct DriverFilter<'a> {
    /// Of this service.
    pub service: Option<&'a ServiceId>,
    /// In this status. `offered` is none here: open offers are not known to the read model.
    pub status: Option<&'a str>,
    /// Of these services only: those that an operator may see.
    pub services: Option<&'a [ServiceId]>,
}

/// A person's history in numbers.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Summary {
    /// How many calls there are in each status that occurs.
    pub calls: BTreeMap<String, u64>,
}

impl ReadModel {
    /// A person's own calls, latest first: those that a customer asked for, those that a driver has or had, those of the
    /// service whose id an operator gives.
    ///
    /// # Errors
    /// When the cursor is not one of a list of calls, or the file cannot be read.
    pub async fn me_calls(
        &self,
        role: Role,
        id: &str,
        filter: CallFilter<'_>,
        limit: usize,
        cursor: Option<&str>,
    ) -> Result<Page<Call>, ReadError> {
        self.list_calls(Some((role, id)), filter, limit, cursor).await
    }

    /// All calls, latest first.
    ///
    /// # Errors
    /// When the cursor is not one of a list of calls, or the file cannot be read.
    pub async fn calls(
        &self,
        filter: CallFilter<'_>,
        limit: usize,
        cursor: Option<&str>,
    ) -> Result<Page<Call>, ReadError> {
        self.list_calls(None, filter, limit, cursor).await
    }

    /// Drivers, by id.
    ///
    /// # Errors
    /// When the cursor is not one of a list of drivers, or the file cannot be read.
    pub async fn drivers(
        &self,
        filter: DriverFilter<'_>,
        limit: usize,
        cursor: Option<&str>,
    ) -> Result<Page<Driver>, ReadError> {
        let limit = page::bounded(limit);
        let mut query = QueryBuilder::new("SELECT state FROM drivers WHERE true");
        narrow(&mut query, filter.service, filter.services, filter.status);
        if let Some(mark) = page::mark(cursor, "drivers")? {
            query.push(" AND id > ").push_bind(mark);
        }
        query.push(" ORDER BY id LIMIT ").push_bind(page::one_more(limit));
        let drivers: Vec<Driver> = self.states(query).await?;
        Ok(Page::cut(drivers, limit, "drivers", |driver| driver.id.to_string()))
    }

    /// A person's history in numbers.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub async fn summary(&self, role: Role, id: &str) -> Result<Summary, ReadError> {
        let mut query = QueryBuilder::new("SELECT status, count(*) FROM calls WHERE ");
        query.push(own(role)).push(" = ").push_bind(id).push(" GROUP BY status");
        let counts: Vec<(String, i64)> = query.build_query_as().fetch_all(&self.readers).await?;
        let counted = |(status, count)| (status, u64::try_from(count).unwrap_or_default());
        Ok(Summary { calls: counts.into_iter().map(counted).collect() })
    }

    async fn list_calls(
        &self,
        whose: Option<(Role, &str)>,
        filter: CallFilter<'_>,
        limit: usize,
        cursor: Option<&str>,
    ) -> Result<Page<Call>, ReadError> {
        let limit = page::bounded(limit);
        let mut query = QueryBuilder::new("SELECT state FROM calls WHERE true");
        if let Some((role, id)) = whose {
            query.push(" AND ").push(own(role)).push(" = ").push_bind(id);
        }
        narrow(&mut query, filter.service, filter.services, filter.status);
        if whose.is_none() && filter.status.is_some_and(is_open) {
            // Few calls are open among many: their own index finds them.
            query.push(" AND open = 1");
        }
        if let Some(mark) = page::mark(cursor, "calls")? {
            let (created_at, id) = call_mark(&mark)?;
            query.push(" AND (created_at, id) < (").push_bind(created_at).push(", ").push_bind(id).push(")");
        }
        query.push(" ORDER BY created_at DESC, id DESC LIMIT ").push_bind(page::one_more(limit));
        let calls: Vec<Call> = self.states(query).await?;
        let mark = |call: &Call| format!("{}:{}", call.created_at.as_millisecond(), call.id);
        Ok(Page::cut(calls, limit, "calls", mark))
    }

    async fn states<T: DeserializeOwned>(&self, mut query: QueryBuilder<Sqlite>) -> Result<Vec<T>, ReadError> {
        let states: Vec<String> = query.build_query_scalar().fetch_all(&self.readers).await?;
        Ok(states.iter().map(|state| serde_json::from_str(state)).collect::<Result<_, _>>()?)
    }
}

fn narrow(
    query: &mut QueryBuilder<Sqlite>,
    service: Option<&ServiceId>,
    services: Option<&[ServiceId]>,
    status: Option<&str>,
) {
    if let Some(service) = service {
        query.push(" AND service = ").push_bind(service.to_string());
    }
    if let Some(services) = services {
        query.push(" AND service IN (");
        let mut list = query.separated(", ");
        for service in services {
            list.push_bind(service.to_string());
        }
        query.push(")");
    }
    if let Some(status) = status {
        query.push(" AND status = ").push_bind(status.to_owned());
    }
}

/// The column that says whose call it is.
fn own(role: Role) -> &'static str {
    match role {
        Role::Customer => "customer_id",
        Role::Driver => "driver_id",
        Role::Operator => "service",
    }
}

fn is_open(status: &str) -> bool {
    !matches!(status, "completed" | "cancelled" | "denied")
}

fn call_mark(mark: &str) -> Result<(i64, String), ReadError> {
    let (created_at, id) = mark.split_once(':').ok_or(ReadError::BadCursor)?;
    let created_at = created_at.parse().map_err(|_| ReadError::BadCursor)?;
    let id = CallId::new(id).map_err(|_| ReadError::BadCursor)?;
    Ok((created_at, id.to_string()))
}
