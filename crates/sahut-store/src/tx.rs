//! A transaction of either database.

use std::collections::HashSet;
use std::path::Path;
use std::sync::Arc;

use futures_util::TryStreamExt as _;
use sqlx::{AssertSqlSafe, Postgres, SqlSafeStr, Sqlite, Transaction};

use crate::value::{Row, Value, args, bind_postgres, bind_sqlite};
use crate::work::{Stage, Waker};
use crate::{Dialect, StoreError};

/// An open transaction. Dropped without [`Tx::commit`], it is rolled back.
pub struct Tx {
    pub(crate) inner: Inner,
    /// The stages that have new work once the transaction is committed.
    pub(crate) wakes: HashSet<Stage>,
    pub(crate) waker: Waker,
    /// The file, on SQLite: what damage is told of.
    pub(crate) file: Option<Arc<Path>>,
    /// Queries that were run, for the test that asks for their plans.
    #[cfg(test)]
    pub(crate) queries: Vec<String>,
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
        let Self { inner, wakes, waker, file, .. } = self;
        let commit = async move {
            match inner {
                Inner::Sqlite(tx) => tx.commit().await,
                Inner::Postgres(tx) => tx.commit().await,
            }
        };
        run_to_end(commit).await?.map_err(|error| StoreError::of(error, file.as_deref()))?;
        for stage in wakes {
            waker.wake(stage);
        }
        Ok(())
    }

    /// Notes that a stage has new work.
    pub(crate) fn wake(&mut self, stage: Stage) {
        self.wakes.insert(stage);
    }

    /// Runs a statement and answers how many rows it changed.
    pub(crate) async fn exec(&mut self, sql: &'static str, values: Vec<Value>) -> Result<u64, StoreError> {
        self.execute(sql, values.into_iter()).await
    }

    /// Runs a statement that is put together from fixed pieces.
    pub(crate) async fn exec_built(&mut self, sql: String, values: Vec<Value>) -> Result<u64, StoreError> {
        self.execute(AssertSqlSafe(sql), values.into_iter()).await
    }

    /// Runs a query and reads each row.
    pub(crate) async fn rows<T>(
        &mut self,
        sql: &str,
        values: Vec<Value>,
        mut read: impl FnMut(&Row) -> Result<T, StoreError>,
    ) -> Result<Vec<T>, StoreError> {
        #[cfg(test)]
        self.queries.push(sql.to_owned());
        // Only callers in this crate write SQL; values never become part of it.
        let sql = AssertSqlSafe(sql.to_owned());
        let values = values.into_iter();
        let mut found = Vec::new();
        match &mut self.inner {
            Inner::Sqlite(tx) => {
                let query = sqlx::query_with(sql, bind_sqlite(values)?);
                let rows = query.fetch_all(&mut **tx).await;
                for row in rows.map_err(|error| StoreError::of(error, self.file.as_deref()))? {
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

    /// Runs a statement whose text ends before a condition on a list: `… WHERE id`. The list comes after the fixed
    /// values; an empty one finds nothing.
    pub(crate) async fn rows_in<T>(
        &mut self,
        head: &str,
        mut fixed: Vec<Value>,
        list: Value,
        read: impl FnMut(&Row) -> Result<T, StoreError>,
    ) -> Result<Vec<T>, StoreError> {
        if matches!(&list, Value::Ints(list) if list.is_empty())
            || matches!(&list, Value::Texts(list) if list.is_empty())
        {
            return Ok(Vec::new());
        }
        fixed.push(list);
        let sql = format!("{head}{}", self.dialect().within(fixed.len()));
        self.rows(&sql, fixed, read).await
    }

    /// Inserts many rows with few statements. `head` is everything before VALUES, `tail` everything after.
    pub(crate) async fn insert<const WIDTH: usize>(
        &mut self,
        head: &str,
        rows: Vec<[Value; WIDTH]>,
        tail: &str,
    ) -> Result<u64, StoreError> {
        let mut rows = rows.into_iter();
        let mut changed = 0;
        while rows.len() > 0 {
            let size = chunk(rows.len(), WIDTH, self.dialect());
            let sql = values_sql(head, WIDTH, size, tail, self.dialect());
            let values: Vec<Value> = rows.by_ref().take(size).flatten().collect();
            changed += self.execute(AssertSqlSafe(sql), values.into_iter()).await?;
        }
        Ok(changed)
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

    async fn execute(
        &mut self,
        sql: impl SqlSafeStr + Send,
        values: impl ExactSizeIterator<Item = Value> + Send,
    ) -> Result<u64, StoreError> {
        let done = match &mut self.inner {
            Inner::Sqlite(tx) => {
                let query = sqlx::query_with(sql, bind_sqlite(values)?);
                query.execute(&mut **tx).await.map(|done| done.rows_affected())
            }
            Inner::Postgres(tx) => {
                let query = sqlx::query_with(sql, bind_postgres(values)?);
                query.execute(&mut **tx).await.map(|done| done.rows_affected())
            }
        };
        done.map_err(|error| StoreError::of(error, self.file.as_deref()))
    }
}

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

fn values_sql(head: &str, width: usize, rows: usize, tail: &str, dialect: Dialect) -> String {
    let mut sql = String::with_capacity(head.len() + tail.len() + rows * width * 6 + 16);
    sql.push_str(head);
    sql.push_str(" VALUES ");
    for row in 0..rows {
        sql.push_str(if row == 0 { "(" } else { ",(" });
        for column in 0..width {
            if column > 0 {
                sql.push(',');
            }
            dialect.place(row * width + column + 1, &mut sql);
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
            assert!(
                size.is_power_of_two() && size <= rows && size * width <= 32_000,
                "{rows} {width}: {size}"
            );
        }
    }

    #[test]
    fn statements_have_a_place_for_each_value() {
        let sql = |dialect| values_sql("INSERT INTO t (a, b)", 2, 2, "", dialect);
        assert_eq!(sql(Dialect::Postgres), "INSERT INTO t (a, b) VALUES ($1,$2),($3,$4) ");
        assert_eq!(sql(Dialect::Sqlite), "INSERT INTO t (a, b) VALUES (?,?),(?,?) ");
    }
}
