//! Lists of calls and drivers, and the summary of a person.

use std::collections::BTreeMap;

use serde::{Serialize, de::DeserializeOwned};
use sqlx::{QueryBuilder, Row, Sqlite, SqliteConnection};

use super::{
    Page, ReadError, ReadModel,
    lists::{self, CallMark, Person, Scope},
    page,
};
use crate::domain::{
    CallId, Role, ServiceId,
    call::{Call, STATUSES},
    driver::Driver,
};

const SERVICES: &str = "
    SELECT DISTINCT service FROM counts
    WHERE list = ?1 AND count > 0 AND (?2 IS NULL OR status IN (SELECT value FROM json_each(?2))) ORDER BY service";
const COUNTS_OF_SERVICE: &str = "SELECT status, count FROM counts WHERE list = 'calls' AND service = ?1 AND count > 0";

/// Which calls are wanted. Nothing set: all of them.
#[derive(Debug, Clone, Copy, Default)]
pub struct CallFilter<'a> {
    pub service: Option<&'a ServiceId>,
    /// In one of these statuses; none named: in any.
    pub statuses: &'a [&'static str],
    /// Of these services only: those that an operator may see.
    pub services: Option<&'a [ServiceId]>,
}

/// Which drivers are wanted. Nothing set: all of them.
#[derive(Debug, Clone, Copy, Default)]
pub struct DriverFilter<'a> {
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
    /// A person's own calls, latest first: those that a customer asked for, those that a driver has, served or had when
    /// they were called off, those of the service whose id an operator gives.
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
        let services = wanted(filter.service, filter.services);
        if services.as_ref().is_some_and(Vec::is_empty) {
            return Ok(Page::empty());
        }
        let scope = match role {
            Role::Customer => Scope::Person(Person::Customer(id.to_owned()), services),
            Role::Driver => Scope::Person(Person::Driver(id.to_owned()), services),
            Role::Operator if services.is_none_or(|services| services.iter().any(|service| service == id)) => {
                Scope::Services(vec![id.to_owned()])
            }
            Role::Operator => return Ok(Page::empty()),
        };
        self.list_calls(&scope, filter.statuses, limit, cursor).await
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
        let scope = self.scope("calls", filter.service, filter.services, filter.statuses).await?;
        match scope {
            Some(scope) => self.list_calls(&scope, filter.statuses, limit, cursor).await,
            None => Ok(Page::empty()),
        }
    }

    /// A call as the last event left it.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub async fn call(&self, id: &CallId) -> Result<Option<Call>, ReadError> {
        let state: Option<String> = sqlx::query_scalar("SELECT state FROM calls WHERE id = ?1")
            .bind(id.as_str())
            .fetch_optional(&mut *self.readers.begin().await?)
            .await?;
        Ok(state.as_deref().map(serde_json::from_str).transpose()?)
    }

    /// A page of drivers, ordered by id.
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
        let after = page::mark(cursor, "drivers")?;
        let scope = self.scope("drivers", filter.service, filter.services, filter.status.as_slice()).await?;
        let Some(scope) = scope else { return Ok(Page::empty()) };
        let query = lists::drivers(&scope, filter.status, after.as_deref(), page::one_more(limit));
        let drivers: Vec<Driver> = self.states(query).await?;
        Ok(Page::cut(drivers, limit, "drivers", |driver| driver.id.to_string()))
    }

    /// A person's history in numbers; of these services only, if any are named. For operators `id` is the service's.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub async fn summary(&self, role: Role, id: &str, services: Option<&[ServiceId]>) -> Result<Summary, ReadError> {
        if services.is_some_and(<[ServiceId]>::is_empty) {
            return Ok(Summary::default());
        }
        let mut sql = self.readers.begin().await?;
        let counts = match role {
            Role::Customer => counts_of(&mut sql, &Person::Customer(id.to_owned()), services).await?,
            Role::Driver => counts_of(&mut sql, &Person::Driver(id.to_owned()), services).await?,
            Role::Operator => sqlx::query_as(COUNTS_OF_SERVICE).bind(id).fetch_all(&mut *sql).await?,
        };
        let counted = |(status, count)| (status, u64::try_from(count).unwrap_or_default());
        Ok(Summary { calls: counts.into_iter().map(counted).collect() })
    }

    async fn list_calls(
        &self,
        scope: &Scope,
        statuses: &[&str],
        limit: usize,
        cursor: Option<&str>,
    ) -> Result<Page<Call>, ReadError> {
        let limit = page::bounded(limit);
        let after = page::mark(cursor, "calls")?.as_deref().map(CallMark::read).transpose()?;
        let calls: Vec<Call> =
            self.states(lists::calls(scope, statuses, after.as_ref(), page::one_more(limit))).await?;
        let mark = |call: &Call| format!("{}:{}", call.created_at.as_millisecond(), call.id);
        Ok(Page::cut(calls, limit, "calls", mark))
    }

    /// The services whose items a list shows; `None` when none of them has an item. Of several services, those without
    /// an item are left out.
    async fn scope(
        &self,
        list: &str,
        service: Option<&ServiceId>,
        services: Option<&[ServiceId]>,
        statuses: &[&str],
    ) -> Result<Option<Scope>, ReadError> {
        let wanted = wanted(service, services);
        let services = match wanted {
            None if statuses.is_empty() => return Ok(Some(Scope::All)),
            Some(one) if one.len() == 1 => one,
            _ => {
                let mut sql = self.readers.begin().await?;
                let statuses = (!statuses.is_empty()).then(|| serde_json::to_string(statuses)).transpose()?;
                let mut some: Vec<String> =
                    sqlx::query_scalar(SERVICES).bind(list).bind(statuses).fetch_all(&mut *sql).await?;
                some.retain(|service| wanted.as_ref().is_none_or(|wanted| wanted.contains(service)));
                some
            }
        };
        Ok((!services.is_empty()).then_some(Scope::Services(services)))
    }

    async fn states<T: DeserializeOwned>(&self, mut query: QueryBuilder<Sqlite>) -> Result<Vec<T>, ReadError> {
        let states: Vec<String> = query.build_query_scalar().fetch_all(&mut *self.readers.begin().await?).await?;
        Ok(states.iter().map(|state| serde_json::from_str(state)).collect::<Result<_, _>>()?)
    }
}

/// The services that are asked for, of those that may be seen; `None`: all.
fn wanted(service: Option<&ServiceId>, services: Option<&[ServiceId]>) -> Option<Vec<String>> {
    match (service, services) {
        (None, None) => None,
        (None, Some(services)) => Some(services.iter().map(ToString::to_string).collect()),
        (Some(service), Some(services)) if !services.contains(service) => Some(Vec::new()),
        (Some(service), _) => Some(vec![service.to_string()]),
    }
}

/// How many calls a person has in each status that occurs.
async fn counts_of(
    sql: &mut SqliteConnection,
    person: &Person,
    services: Option<&[ServiceId]>,
) -> Result<Vec<(String, i64)>, sqlx::Error> {
    let services = wanted(None, services);
    let row = lists::counts(person, services.as_deref()).build().fetch_one(sql).await?;
    let count = |(column, status): (usize, &&str)| Ok(((*status).to_owned(), row.try_get(column)?));
    let counts = STATUSES.iter().enumerate().map(count).collect::<Result<Vec<_>, sqlx::Error>>()?;
    Ok(counts.into_iter().filter(|(_, count)| *count > 0).collect())
}
