//! A transaction of either database.

use std::collections::HashSet;
use std::fmt::Write as _;

use futures_util::TryStreamExt as _;
use sqlx::{AssertSqlSafe, Postgres, Sqlite, Transaction};

use crate::value::{Row, Value, bind_postgres, bind_sqlite};
use crate::{Dialect, StoreError};

/// An open transaction. Dropped without [`Tx::commit`], it is rolled back.
pub struct Tx {
    pub(crate) inner: Inner,
    /// Wakes the stages that have new work once the transaction is committed.
    pub(crate) wakes: HashSet<crate::work::Stage>,
    pub(crate) waker: crate::work::Waker,
}

pub(crate) enum Inner {
    Sqlite(Transaction<'static, Sqlite>),
    Postgres(Transaction<'static, Postgres>),
}

impl Tx {
    /// Which database it is.
    pub fn dialect(&self) -> Dialect {
        match self.inner {
            Inner::Sqlite(_) => Dialect::Sqlite,
            Inner::Postgres(_) => Dialect::Postgres,
        }
    }

    /// Makes everything durable at once, then wakes the stages that were given work.
    ///
    /// Runs to its end even when the caller is cancelled, so that no connection is left half-way.
    pub async fn commit(self) -> Result<(), StoreError> {
        let Self { inner, wakes, waker } = self;
        let commit = async move {
            match inner {
                Inner::Sqlite(tx) => tx.commit().await,
                Inner::Postgres(tx) => tx.commit().await,
            }
        };
        run_to_end(commit).await??;
        for stage in wakes {
            waker.wake(stage);
        }
        Ok(())
    }

    /// Notes that a stage has new work.
    pub(crate) fn wake(&mut self, stage: crate::work::Stage) {
        self.wakes.insert(stage);
    }

    /// Runs a statement and answers how many rows it changed.
    pub(crate) async fn exec(&mut self, sql: &'static str, values: Vec<Value>) -> Result<u64, StoreError> {
        match &mut self.inner {
            Inner::Sqlite(tx) => {
                let done = sqlx::query_with(sql, bind_sqlite(values)?).execute(&mut **tx).await?;
                Ok(done.rows_affected())
            }
            Inner::Postgres(tx) => {
                let done = sqlx::query_with(sql, bind_postgres(values)?).execute(&mut **tx).await?;
                Ok(done.rows_affected())
            }
        }
    }

    /// Runs a query and reads each row.
    pub(crate) async fn rows<T>(
        &mut self,
        sql: &str,
        values: Vec<Value>,
        mut read: impl FnMut(&Row) -> Result<T, StoreError>,
    ) -> Result<Vec<T>, StoreError> {
        // Only this module's callers, all in this crate, write SQL; values never become part of it.
        let sql = AssertSqlSafe(sql.to_owned());
        let mut found = Vec::new();
        match &mut self.inner {
            Inner::Sqlite(tx) => {
                let query = sqlx::query_with(sql, bind_sqlite(values)?);
                for row in query.fetch_all(&mut **tx).await? {
                    found.push(read(&Row::Sqlite(row))?);
                }
            }
            Inner::Postgres(tx) => {
                let query = sqlx::query_with(sql, bind_postgres(values)?);
                let mut stream = query.fetch(&mut **tx);
                while let Some(row) = stream.try_next().await? {
                    found.push(read(&Row::Postgres(row))?);
                }
            }
        }
        Ok(found)
    }

    /// Runs a query for at most one row.
    pub(crate) async fn opt<T>(
        &mut self,
        sql: &str,
        values: Vec<Value>,
        read: impl FnMut(&Row) -> Result<T, StoreError>,
    ) -> Result<Option<T>, StoreError> {
        Ok(self.rows(sql, values, read).await?.into_iter().next())
    }

    /// Runs a query that always has a row.
    pub(crate) async fn one<T>(
        &mut self,
        sql: &str,
        values: Vec<Value>,
        read: impl FnMut(&Row) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let found = self.opt(sql, values, read).await?;
        found.ok_or_else(|| StoreError::Refused(format!("no row where one always is: {sql}")))
    }

    /// Inserts many rows with few statements. `head` is everything before VALUES, `tail` everything after.
    pub(crate) async fn insert(
        &mut self,
        head: &str,
        rows: Vec<Vec<Value>>,
        tail: &str,
    ) -> Result<u64, StoreError> {
        let Some(width) = rows.first().map(Vec::len) else { return Ok(0) };
        let mut rows = rows.into_iter();
        let mut changed = 0;
        while rows.len() > 0 {
            let size = chunk(rows.len(), width, self.dialect());
            let sql = AssertSqlSafe(values_sql(head, width, size, tail));
            let values: Vec<Value> = rows.by_ref().take(size).flatten().collect();
            changed += match &mut self.inner {
                Inner::Sqlite(tx) => {
                    sqlx::query_with(sql, bind_sqlite(values)?).execute(&mut **tx).await?.rows_affected()
                }
                Inner::Postgres(tx) => {
                    sqlx::query_with(sql, bind_postgres(values)?).execute(&mut **tx).await?.rows_affected()
                }
            };
        }
        Ok(changed)
    }

    /// Runs a query whose text ends in a list: `… IN (` followed by `list` and `)`. Fixed values come first.
    pub(crate) async fn rows_in<T>(
        &mut self,
        head: &str,
        fixed: &[Value],
        list: Vec<Value>,
        mut read: impl FnMut(&Row) -> Result<T, StoreError>,
    ) -> Result<Vec<T>, StoreError> {
        let mut found = Vec::new();
        let mut list = list.into_iter();
        while list.len() > 0 {
            let size = chunk(list.len(), 1, self.dialect()).min(512);
            let mut sql = format!("{head} IN (");
            for place in 0..size {
                let _ = write!(sql, "{}${}", if place == 0 { "" } else { "," }, fixed.len() + place + 1);
            }
            sql.push(')');
            let values = fixed.iter().cloned().chain(list.by_ref().take(size)).collect();
            found.extend(self.rows(&sql, values, &mut read).await?);
        }
        Ok(found)
    }

    /// Takes so many new identifiers of a table, in growing order.
    pub(crate) async fn ids(&mut self, table: &'static str, count: usize) -> Result<Ids, StoreError> {
        let count = i64::try_from(count).unwrap_or(i64::MAX);
        if count == 0 {
            return Ok(Ids(Vec::new().into_iter()));
        }
        let ids = match self.dialect() {
            Dialect::Sqlite => {
                let sql = "UPDATE sequence SET next = next + $2 WHERE name = $1 RETURNING next";
                let next: i64 = self.one(sql, args![table, count], |row| row.get(0)).await?;
                (next - count..next).collect()
            }
            Dialect::Postgres => {
                let sql = format!("SELECT nextval('{table}_id') FROM generate_series(1, $1)");
                self.rows(&sql, args![count], |row| row.get(0)).await?
            }
        };
        Ok(Ids(ids.into_iter()))
    }

    /// Takes one new identifier of a table.
    pub(crate) async fn id(&mut self, table: &'static str) -> Result<i64, StoreError> {
        self.ids(table, 1).await?.next()
    }
}

use crate::value::args;

/// Identifiers that were taken and not used yet.
pub(crate) struct Ids(std::vec::IntoIter<i64>);

impl Ids {
    /// The next one.
    pub(crate) fn next(&mut self) -> Result<i64, StoreError> {
        self.0.next().ok_or_else(|| StoreError::Refused("more identifiers used than taken".to_owned()))
    }
}

/// How many rows the next statement takes: powers of two, so that few different statements are prepared.
fn chunk(rows: usize, width: usize, dialect: Dialect) -> usize {
    let most = (dialect.most_values() / width.max(1)).clamp(1, 256);
    let most = 1 << most.ilog2();
    if rows >= most { most } else { 1 << rows.ilog2() }
}

fn values_sql(head: &str, width: usize, rows: usize, tail: &str) -> String {
    let mut sql = String::with_capacity(head.len() + tail.len() + rows * width * 6 + 16);
    sql.push_str(head);
    sql.push_str(" VALUES ");
    for row in 0..rows {
        sql.push_str(if row == 0 { "(" } else { ",(" });
        for column in 0..width {
            let _ = write!(sql, "{}${}", if column == 0 { "" } else { "," }, row * width + column + 1);
        }
        sql.push(')');
    }
    sql.push(' ');
    sql.push_str(tail);
    sql
}

/// Runs a future to its end in a task of its own: a caller that is cancelled meanwhile does not leave a connection in
/// the middle of BEGIN or COMMIT, which this version of sqlx would hand out again as it is.
pub(crate) async fn run_to_end<F>(future: F) -> Result<F::Output, StoreError>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    #[expect(clippy::disallowed_methods, reason = "a short task that must outlive a cancelled caller")]
    let task = tokio::spawn(future);
    task.await.map_err(|error| StoreError::Unavailable(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_are_powers_of_two_within_the_limit() {
        for (rows, width) in [(1, 5), (3, 5), (100, 20), (1000, 20), (100_000, 40)] {
            let size = chunk(rows, width, Dialect::Sqlite);
            assert!(size.is_power_of_two() && size <= rows && size * width <= 32_000, "{rows} {width}: {size}");
        }
    }

    #[test]
    fn statements_number_their_places() {
        assert_eq!(values_sql("INSERT INTO t (a, b)", 2, 2, ""), "INSERT INTO t (a, b) VALUES ($1,$2),($3,$4) ");
    }
}
