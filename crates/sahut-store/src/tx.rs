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

    /// Takes everything back, and waits until that is done: what was tried leaves nothing behind.
    pub async fn roll_back(self) -> Result<(), StoreError> {
        let Self { inner, file, .. } = self;
        let back = async move {
            match inner {
                Inner::Sqlite(tx) => tx.rollback().await,
                Inner::Postgres(tx) => tx.rollback().await,
            }
        };
        run_to_end(back).await?.map_err(|error| StoreError::of(error, file.as_deref()))
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

    /// Runs a statement for many rows with few statements. `sql` is written for one row, `… VALUES (?, ?, 'due') …`,
    /// with a `?` for each value.
    pub(crate) async fn insert<const WIDTH: usize>(
        &mut self,
        sql: &str,
        rows: Vec<[Value; WIDTH]>,
    ) -> Result<u64, StoreError> {
        let mut rows = rows.into_iter();
        let mut changed = 0;
        while rows.len() > 0 {
            let size = chunk(rows.len(), WIDTH, self.dialect());
            let sql = for_many(sql, size, self.dialect());
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

/// How many rows the next statement takes: a power of two or one and a half of it, so that few different statements are
/// prepared and a batch of any size needs few of them.
fn chunk(rows: usize, width: usize, dialect: Dialect) -> usize {
    let most = (dialect.most_values() / width.max(1)).clamp(1, 512);
    let rows = rows.clamp(1, most);
    let power = 1 << rows.ilog2();
    if power >= 2 && rows >= power + power / 2 { power + power / 2 } else { power }
}

/// The statement for so many rows: what stands in parentheses after VALUES is repeated.
fn for_many(sql: &str, rows: usize, dialect: Dialect) -> String {
    const VALUES: &str = "VALUES ";
    let start = sql.find(VALUES).map_or(sql.len(), |at| at + VALUES.len());
    let end = sql[start..].find(')').map_or(sql.len(), |at| start + at + 1);
    let row = &sql[start..end];
    let mut many = String::with_capacity(sql.len() + rows * row.len() * 3);
    many.push_str(&sql[..start]);
    let mut number = 0;
    for at in 0..rows {
        if at > 0 {
            many.push(',');
        }
        for (piece, text) in row.split('?').enumerate() {
            if piece > 0 {
                number += 1;
                dialect.place(number, &mut many);
            }
            many.push_str(text);
        }
    }
    many.push_str(&sql[end..]);
    many
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
    fn chunks_are_few_and_within_the_limit() {
        for (rows, width) in [(1, 5), (3, 5), (100, 20), (1000, 20), (100_000, 40), (100_000, 400)] {
            let size = chunk(rows, width, Dialect::Sqlite);
            assert!(size <= rows && size * width <= 32_000, "{rows} {width}: {size}");
        }
        let sizes: std::collections::BTreeSet<usize> =
            (1..5000).map(|n| chunk(n, 20, Dialect::Sqlite)).collect();
        assert_eq!(sizes.len(), 18);
        assert_eq!((chunk(100, 20, Dialect::Sqlite), chunk(700, 20, Dialect::Sqlite)), (96, 512));
    }

    #[test]
    fn statements_are_repeated_by_their_row() {
        let sql = |dialect| {
            for_many("INSERT INTO t (a, b) VALUES (?, ?, 'due') ON CONFLICT DO NOTHING", 2, dialect)
        };
        assert_eq!(
            sql(Dialect::Postgres),
            "INSERT INTO t (a, b) VALUES ($1, $2, 'due'),($3, $4, 'due') ON CONFLICT DO NOTHING"
        );
        assert_eq!(
            sql(Dialect::Sqlite),
            "INSERT INTO t (a, b) VALUES (?, ?, 'due'),(?, ?, 'due') ON CONFLICT DO NOTHING"
        );
    }
}
