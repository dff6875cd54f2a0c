//! The views of the history, `calls`, `drivers` and `call_states`: their shape, and bringing those of an earlier release up
//! to date. Nothing in them is lost for good: they can always be folded anew.

use sqlx::SqliteConnection;

use super::refold;

/// The number of the views' shape. Raise it whenever they, or what is in them, change, and add the step that leads there.
pub(super) const SHAPE: i64 = 3;
/// Notes that the views have the shape [`SHAPE`].
const SET_SHAPE: &str = "PRAGMA user_version = 3";

const MAKE: &str = "
    DROP TABLE IF EXISTS calls;
    DROP TABLE IF EXISTS call_states;
    DROP TABLE IF EXISTS drivers;
    CREATE TABLE calls (
        id TEXT PRIMARY KEY,
        service TEXT NOT NULL,
        status TEXT NOT NULL,
        open INTEGER NOT NULL,
        customer_id TEXT NOT NULL,
        driver_id TEXT,
        created_at INTEGER NOT NULL,
        version INTEGER NOT NULL,
        unknown_since INTEGER,
        state TEXT NOT NULL
    ) STRICT;
    CREATE TABLE drivers (
        id TEXT PRIMARY KEY,
        service TEXT NOT NULL,
        status TEXT NOT NULL,
        version INTEGER NOT NULL,
        state TEXT NOT NULL
    ) STRICT;
";

/// One index for each way in which lists are asked for: see `lists.rs`. Those of a person also have what its calls are
/// filtered and counted by: a person has few calls, and they are not worth two indexes.
const MAKE_INDEXES: &str = "
    DROP INDEX IF EXISTS calls_customer;
    DROP INDEX IF EXISTS calls_driver;
    DROP INDEX IF EXISTS calls_service;
    DROP INDEX IF EXISTS calls_age;
    DROP INDEX IF EXISTS calls_open;
    DROP INDEX IF EXISTS calls_unknown;
    DROP INDEX IF EXISTS drivers_service;
    CREATE INDEX calls_age ON calls (created_at, id);
    CREATE INDEX calls_service ON calls (service, created_at, id);
    CREATE INDEX calls_status ON calls (service, status, created_at, id);
    CREATE INDEX calls_customer ON calls (customer_id, created_at, id, status, service);
    CREATE INDEX calls_driver ON calls (driver_id, created_at, id, status, service) WHERE driver_id IS NOT NULL;
    CREATE INDEX calls_open ON calls (created_at, id) WHERE open = 1;
    CREATE INDEX calls_unknown ON calls (unknown_since) WHERE unknown_since IS NOT NULL;
    CREATE INDEX drivers_service ON drivers (service, id);
    CREATE INDEX drivers_status ON drivers (service, status, id);
";

/// How many calls and drivers each service has in each status, kept by whatever writes them, in the same transaction.
const MAKE_COUNTS: &str = "
    DROP TABLE IF EXISTS counts;
    CREATE TABLE counts (
        list TEXT NOT NULL,
        service TEXT NOT NULL,
        status TEXT NOT NULL,
        count INTEGER NOT NULL,
        PRIMARY KEY (list, service, status)
    ) STRICT, WITHOUT ROWID;
    INSERT INTO counts SELECT 'calls', service, status, count(*) FROM calls GROUP BY service, status;
    INSERT INTO counts SELECT 'drivers', service, status, count(*) FROM drivers GROUP BY service, status;
    CREATE TRIGGER calls_come AFTER INSERT ON calls BEGIN
        INSERT INTO counts VALUES ('calls', new.service, new.status, 1)
            ON CONFLICT (list, service, status) DO UPDATE SET count = count + 1;
    END;
    CREATE TRIGGER calls_change AFTER UPDATE OF service, status ON calls
        WHEN old.status <> new.status OR old.service <> new.service
    BEGIN
        UPDATE counts SET count = count - 1
            WHERE list = 'calls' AND service = old.service AND status = old.status;
        INSERT INTO counts VALUES ('calls', new.service, new.status, 1)
            ON CONFLICT (list, service, status) DO UPDATE SET count = count + 1;
    END;
    CREATE TRIGGER calls_go AFTER DELETE ON calls BEGIN
        UPDATE counts SET count = count - 1
            WHERE list = 'calls' AND service = old.service AND status = old.status;
    END;
    CREATE TRIGGER drivers_come AFTER INSERT ON drivers BEGIN
        INSERT INTO counts VALUES ('drivers', new.service, new.status, 1)
            ON CONFLICT (list, service, status) DO UPDATE SET count = count + 1;
    END;
    CREATE TRIGGER drivers_change AFTER UPDATE OF service, status ON drivers
        WHEN old.status <> new.status OR old.service <> new.service
    BEGIN
        UPDATE counts SET count = count - 1
            WHERE list = 'drivers' AND service = old.service AND status = old.status;
        INSERT INTO counts VALUES ('drivers', new.service, new.status, 1)
            ON CONFLICT (list, service, status) DO UPDATE SET count = count + 1;
    END;
    CREATE TRIGGER drivers_go AFTER DELETE ON drivers BEGIN
        UPDATE counts SET count = count - 1
            WHERE list = 'drivers' AND service = old.service AND status = old.status;
    END;
";

/// A call as it was at every so many of its events, so that a page far into a long timeline need not be read from its
/// beginning.
const MAKE_STATES: &str = "
    CREATE TABLE call_states (
        id TEXT NOT NULL,
        seq INTEGER NOT NULL,
        state TEXT NOT NULL,
        UNIQUE (id, seq)
    ) STRICT;
";

/// Shape 1 named the last driver of a call that had given it back.
const OWN_DRIVER_ONLY: &str = "
    UPDATE calls SET driver_id = state ->> '$.phase.driver.id'
    WHERE driver_id IS NOT NULL AND driver_id IS NOT state ->> '$.phase.driver.id'
";

/// Which shape the views of a file have; 0 when there are none, or they are to be made anew.
pub(super) async fn shape(sql: &mut SqliteConnection) -> Result<i64, sqlx::Error> {
    sqlx::query_scalar("PRAGMA user_version").fetch_one(sql).await
}

/// Brings the views to the present shape, from whichever an earlier release left.
pub(super) async fn bring_up_to_date(sql: &mut SqliteConnection) -> Result<(), sqlx::Error> {
    let found = shape(sql).await?;
    if found == SHAPE {
        return Ok(());
    }
    if found == 0 {
        run(sql, &[MAKE, MAKE_STATES]).await?;
        refold::refold(sql).await?;
    } else {
        tracing::info!(found, wanted = SHAPE, "the read model's lists are brought up to date; this may take a while");
    }
    if found == 1 {
        run(sql, &[OWN_DRIVER_ONLY, MAKE_STATES]).await?;
        refold::states(sql).await?;
    }
    // Made last: an index over rows that are there costs less than one that grows with them.
    run(sql, &[MAKE_INDEXES, MAKE_COUNTS, SET_SHAPE]).await
}

async fn run(sql: &mut SqliteConnection, statements: &[&'static str]) -> Result<(), sqlx::Error> {
    for statement in statements {
        sqlx::raw_sql(*statement).execute(&mut *sql).await?;
    }
    Ok(())
}
