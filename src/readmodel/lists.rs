//! The statements behind lists and counts. Each names the index that has its items in order, so that what a page costs
//! depends on the page, and not on how many calls there are.
//!
//! Items of several services come from as many branches, which SQLite merges: each is in order already, so nothing is
//! sorted. A test asks SQLite for the plan of every shape.

use sqlx::{QueryBuilder, Sqlite};

use super::ReadError;
use crate::domain::{CallId, call::STATUSES};

/// Which calls or drivers are wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Scope {
    All,
    /// Those of these services, at least one. Not all services there may be: each is a branch of the statement.
    Services(Vec<String>),
    /// Calls of one person; of these services only, if any are named.
    Person(Person, Option<Vec<String>>),
}

/// The owner of the calls that a list shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Person {
    Customer(String),
    Driver(String),
}

impl Person {
    /// Adds the index of this person's calls and the condition that uses it. The index has service and status as well,
    /// so the calls themselves are read only if they are wanted.
    fn add_to(&self, query: &mut QueryBuilder<Sqlite>) {
        let (from, id) = match self {
            Self::Customer(id) => (" FROM calls INDEXED BY calls_customer WHERE customer_id = ", id),
            Self::Driver(id) => (" FROM calls INDEXED BY calls_driver WHERE driver_id = ", id),
        };
        query.push(from).push_bind(id.clone());
    }
}

/// The place in a list of calls after which a page begins: when the call was requested, in ms, and its id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct CallMark(i64, String);

impl CallMark {
    /// Reads a mark as a cursor has it.
    pub fn read(mark: &str) -> Result<Self, ReadError> {
        let (created_at, id) = mark.split_once(':').ok_or(ReadError::BadCursor)?;
        let created_at = created_at.parse().map_err(|_| ReadError::BadCursor)?;
        let id = CallId::new(id).map_err(|_| ReadError::BadCursor)?;
        Ok(Self(created_at, id.to_string()))
    }
}

/// The states of calls, latest first.
pub(super) fn calls(scope: &Scope, statuses: &[&str], after: Option<&CallMark>, limit: i64) -> QueryBuilder<Sqlite> {
    const SELECT: &str = "SELECT state, created_at, id";
    let rest = |query: &mut QueryBuilder<Sqlite>| {
        if let Some(CallMark(created_at, id)) = after {
            query.push(" AND (created_at, id) < (").push_bind(*created_at).push(", ").push_bind(id.clone()).push(")");
        }
    };
    let mut query = match scope {
        Scope::All => {
            let mut query = QueryBuilder::new(SELECT);
            query.push(" FROM calls INDEXED BY calls_age WHERE true");
            rest(&mut query);
            query
        }
        Scope::Services(services) if statuses.is_empty() => merged(services, |query, service| {
            query.push(SELECT).push(" FROM calls INDEXED BY calls_service WHERE service = ").push_bind(service.clone());
            rest(query);
        }),
        Scope::Services(services) => {
            let each = |service| statuses.iter().map(move |status| (service, *status));
            let branches: Vec<(&String, &str)> = services.iter().flat_map(each).collect();
            merged(&branches, |query, (service, status)| {
                query.push(SELECT).push(" FROM calls INDEXED BY calls_status WHERE service = ");
                query.push_bind((*service).clone()).push(" AND status = ").push_bind((*status).to_owned());
                rest(query);
            })
        }
        Scope::Person(person, services) => {
            let mut query = QueryBuilder::new(SELECT);
            person.add_to(&mut query);
            among(&mut query, "service", services.as_deref());
            among(&mut query, "status", Some(statuses).filter(|statuses| !statuses.is_empty()));
            rest(&mut query);
            query
        }
    };
    query.push(" ORDER BY created_at DESC, id DESC LIMIT ").push_bind(limit);
    query
}

/// The states of drivers, by id.
pub(super) fn drivers(services: &Scope, status: Option<&str>, after: Option<&str>, limit: i64) -> QueryBuilder<Sqlite> {
    let rest = |query: &mut QueryBuilder<Sqlite>| {
        having(query, status);
        if let Some(id) = after {
            query.push(" AND id > ").push_bind(id.to_owned());
        }
    };
    let mut query = match services {
        Scope::Services(services) => merged(services, |query, service| {
            let index = if status.is_some() { "drivers_status" } else { "drivers_service" };
            query.push("SELECT state, id FROM drivers INDEXED BY ").push(index);
            query.push(" WHERE service = ").push_bind(service.clone());
            rest(query);
        }),
        Scope::All | Scope::Person(..) => {
            let mut query = QueryBuilder::new("SELECT state, id FROM drivers WHERE true");
            rest(&mut query);
            query
        }
    };
    query.push(" ORDER BY id LIMIT ").push_bind(limit);
    query
}

/// How many calls a person has in each of [`STATUSES`], as one row; of these services only, if any are named.
pub(super) fn counts(person: &Person, services: Option<&[String]>) -> QueryBuilder<Sqlite> {
    let mut query = QueryBuilder::new("SELECT ");
    let mut columns = query.separated(", ");
    for status in STATUSES {
        columns.push("count(*) FILTER (WHERE status = ").push_bind_unseparated(status).push_unseparated(")");
    }
    person.add_to(&mut query);
    among(&mut query, "service", services);
    query
}

/// One branch for each of these, merged into one list.
fn merged<T>(of: &[T], mut branch: impl FnMut(&mut QueryBuilder<Sqlite>, &T)) -> QueryBuilder<Sqlite> {
    let mut query = QueryBuilder::new("");
    for (number, one) in of.iter().enumerate() {
        if number > 0 {
            query.push(" UNION ALL ");
        }
        branch(&mut query, one);
    }
    query
}

fn having(query: &mut QueryBuilder<Sqlite>, status: Option<&str>) {
    if let Some(status) = status {
        query.push(" AND status = ").push_bind(status.to_owned());
    }
}

/// Only those whose `column` is one of `values`; all when none are named.
fn among<T: AsRef<str>>(query: &mut QueryBuilder<Sqlite>, column: &str, values: Option<&[T]>) {
    let Some(values) = values else { return };
    query.push(" AND ").push(column).push(" IN (");
    let mut list = query.separated(", ");
    for value in values {
        list.push_bind(value.as_ref().to_owned());
    }
    query.push(")");
}

#[cfg(test)]
mod tests {
    use sqlx::{AssertSqlSafe, Connection, Row, SqliteConnection};
    use uuid::Uuid;

    use super::*;
    use crate::readmodel::schema;

    type Tested = Result<(), Box<dyn std::error::Error>>;

    async fn tables() -> Result<SqliteConnection, sqlx::Error> {
        let mut sql = SqliteConnection::connect("sqlite::memory:").await?;
        schema::prepare(&mut sql, Uuid::nil()).await?;
        Ok(sql)
    }

    /// SQLite's query plan: the indexes that it uses, and the sorts.
    async fn plan(sql: &mut SqliteConnection, query: &QueryBuilder<Sqlite>) -> Result<Vec<String>, sqlx::Error> {
        let explain = AssertSqlSafe(format!("EXPLAIN QUERY PLAN {}", query.sql().as_str()));
        let rows = sqlx::query(explain).fetch_all(sql).await?;
        rows.iter().map(|row| row.try_get("detail")).collect()
    }

    /// The steps of a plan that go through a table; none may sort.
    fn steps<'a>(plan: &'a [String], what: &str) -> Vec<&'a str> {
        assert!(!plan.iter().any(|step| step.contains("TEMP B-TREE")), "{what} is sorted: {plan:#?}");
        let of_tables = |step: &&str| step.starts_with("SCAN ") || step.starts_with("SEARCH ");
        plan.iter().map(String::as_str).filter(of_tables).collect()
    }

    fn services(names: &[&str]) -> Vec<String> {
        names.iter().map(|&name| name.to_owned()).collect()
    }

    #[tokio::test]
    async fn every_list_of_calls_comes_in_order_out_of_an_index() -> Tested {
        let mut sql = tables().await?;
        let (mina, kim) = (Person::Customer("mina".to_owned()), Person::Driver("kim".to_owned()));
        let (one, three) = (services(&["taxi"]), services(&["cleaning", "rental", "taxi"]));
        let mark = CallMark(1_700_000_000_000, "call_1".to_owned());
        for (scope, statuses, begins, branches) in [
            (Scope::All, &[][..], "SCAN calls USING INDEX calls_age", 1),
            (Scope::Services(one.clone()), &[], "SEARCH calls USING INDEX calls_service (service=?", 1),
            (Scope::Services(three.clone()), &[], "SEARCH calls USING INDEX calls_service (service=?", 3),
            (Scope::Services(one.clone()), &["x"], "SEARCH calls USING INDEX calls_status (service=? AND status=?", 1),
            (
                Scope::Services(three.clone()),
                &["x"],
                "SEARCH calls USING INDEX calls_status (service=? AND status=?",
                3,
            ),
            (
                Scope::Services(three.clone()),
                &["x", "y"],
                "SEARCH calls USING INDEX calls_status (service=? AND status=?",
                6,
            ),
            (
                Scope::Person(mina.clone(), None),
                &["x", "y"],
                "SEARCH calls USING INDEX calls_customer (customer_id=?",
                1,
            ),
            (Scope::Person(mina.clone(), None), &[], "SEARCH calls USING INDEX calls_customer (customer_id=?", 1),
            (
                Scope::Person(mina.clone(), Some(one)),
                &["x"],
                "SEARCH calls USING INDEX calls_customer (customer_id=?",
                1,
            ),
            (Scope::Person(mina, Some(three)), &[], "SEARCH calls USING INDEX calls_customer (customer_id=?", 1),
            (Scope::Person(kim.clone(), None), &[], "SEARCH calls USING INDEX calls_driver (driver_id=?", 1),
            (Scope::Person(kim, None), &["x"], "SEARCH calls USING INDEX calls_driver (driver_id=?", 1),
        ] {
            let first = plan(&mut sql, &calls(&scope, statuses, None, 51)).await?;
            let found = steps(&first, &format!("{scope:?} {statuses:?}"));
            assert!(found.len() == branches && found.iter().all(|step| step.starts_with(begins)), "{first:#?}");
            let next = plan(&mut sql, &calls(&scope, statuses, Some(&mark), 51)).await?;
            let found = steps(&next, &format!("the next page of {scope:?} {statuses:?}"));
            let goes_on = |step: &&str| step.contains("(created_at,id)<(?,?)");
            assert!(found.len() == branches && found.iter().all(goes_on), "{next:#?}");
        }
        Ok(())
    }

    #[tokio::test]
    async fn every_list_of_drivers_comes_in_order_out_of_an_index() -> Tested {
        let mut sql = tables().await?;
        let three = Scope::Services(services(&["cleaning", "rental", "taxi"]));
        for (scope, status, index, branches) in [
            (&Scope::All, None, "sqlite_autoindex_drivers_1", 1),
            (&three, None, "drivers_service", 3),
            (&three, Some("available"), "drivers_status", 3),
        ] {
            for after in [None, Some("kim")] {
                let plan = plan(&mut sql, &drivers(scope, status, after, 51)).await?;
                let found = steps(&plan, &format!("{scope:?} {status:?} {after:?}"));
                let by_index = |step: &&str| step.contains(&format!("USING INDEX {index}"));
                assert!(found.len() == branches && found.iter().all(by_index), "{plan:#?}");
                assert!(after.is_none() || found.iter().all(|step| step.contains("id>?")), "{plan:#?}");
            }
        }
        Ok(())
    }

    #[tokio::test]
    async fn counts_of_a_person_are_made_from_an_index_alone() -> Tested {
        let mut sql = tables().await?;
        for (person, index) in [
            (Person::Customer("mina".to_owned()), "calls_customer"),
            (Person::Driver("kim".to_owned()), "calls_driver"),
        ] {
            let plan = plan(&mut sql, &counts(&person, None)).await?;
            let begins = format!("SEARCH calls USING COVERING INDEX {index} ");
            assert!(steps(&plan, index).iter().all(|step| step.starts_with(&begins)), "{plan:#?}");
        }
        Ok(())
    }
}
