//! Writing many rows with few statements: one costs far more than the row it writes.

use sqlx::{AssertSqlSafe, Sqlite, SqliteConnection, query::Query, sqlite::SqliteArguments};

/// How many rows a statement takes, most first. Few sizes, so that the connection keeps each one prepared.
const SIZES: [usize; 4] = [64, 16, 4, 1];

/// A statement that is being given its values.
pub(super) type Values<'q> = Query<'q, Sqlite, SqliteArguments>;

/// An insert: `<into> VALUES (…), (…) <otherwise>`.
pub(super) struct Insert {
    /// `INSERT INTO table (columns)`.
    pub into: &'static str,
    pub columns: usize,
    /// The clause for a row that exists already, or nothing.
    pub otherwise: &'static str,
}

impl Insert {
    /// Inserts the rows, in their order. `bind` gives a statement the values of one row, column by column.
    pub async fn put<R>(
        &self,
        sql: &mut SqliteConnection,
        rows: &[R],
        bind: impl for<'q> Fn(Values<'q>, &R) -> Values<'q>,
    ) -> Result<(), sqlx::Error> {
        let mut rest = rows;
        for size in SIZES {
            if rest.len() < size {
                continue;
            }
            let statement = self.statement(size);
            let (whole, few) = rest.split_at(rest.len() - rest.len() % size);
            for rows in whole.chunks_exact(size) {
                let values = rows.iter().fold(sqlx::query(AssertSqlSafe(statement.as_str())), &bind);
                values.execute(&mut *sql).await?;
            }
            rest = few;
        }
        Ok(())
    }

    fn statement(&self, rows: usize) -> String {
        let row = format!("({})", vec!["?"; self.columns].join(","));
        format!("{} VALUES {} {}", self.into, vec![row.as_str(); rows].join(","), self.otherwise)
    }
}
