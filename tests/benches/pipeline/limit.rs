//! The limit: the least that a relational inbox has to write for a comment, through the same driver.

use std::path::Path;

use sqlx::sqlite::{
    SqliteArguments, SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous,
};
use sqlx::{Arguments as _, AssertSqlSafe, SqlitePool};

use crate::Outcome;

/// Adds values to a statement's arguments.
macro_rules! add {
    ($arguments:expr, $($value:expr),+) => { $($arguments.add($value)?;)+ };
}

const SCHEMA: &str = "
CREATE TABLE message (id INTEGER PRIMARY KEY, channel INTEGER NOT NULL, external_id TEXT NOT NULL, thread TEXT NOT NULL,
    author TEXT NOT NULL, text TEXT NOT NULL, written_at INTEGER NOT NULL, state TEXT NOT NULL,
    UNIQUE (channel, external_id)) STRICT;
CREATE INDEX message_thread ON message (thread, written_at);
CREATE INDEX message_state ON message (state, id);
CREATE TABLE inquiry (id INTEGER PRIMARY KEY, message INTEGER NOT NULL, office TEXT NOT NULL, state TEXT NOT NULL,
    due_at INTEGER NOT NULL) STRICT;
CREATE INDEX inquiry_inbox ON inquiry (office, state, due_at);
CREATE TABLE deadline (id INTEGER PRIMARY KEY, inquiry INTEGER NOT NULL, due_at INTEGER NOT NULL, state TEXT NOT NULL) STRICT;
CREATE INDEX deadline_next ON deadline (state, due_at);
CREATE TABLE notice (id INTEGER PRIMARY KEY, inquiry INTEGER NOT NULL, recipient TEXT NOT NULL, state TEXT NOT NULL,
    not_before INTEGER NOT NULL, UNIQUE (inquiry, recipient)) STRICT;
CREATE INDEX notice_due ON notice (state, not_before);
";

/// Rows that one statement takes: far below SQLite's limit of 32,766 values.
const AT_ONCE: usize = 100;

/// Four tables and a driver.
pub(crate) struct Limit {
    pool: SqlitePool,
    page: usize,
    written: usize,
}

impl Limit {
    /// Makes the tables in a fresh file.
    pub(crate) async fn open(file: &Path, page: usize) -> Outcome<Self> {
        let options = SqliteConnectOptions::new()
            .filename(file)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full);
        let pool = SqlitePoolOptions::new().max_connections(1).connect_with(options).await?;
        sqlx::raw_sql(SCHEMA).execute(&pool).await?;
        Ok(Self { pool, page, written: 0 })
    }

    /// Writes a page of comments that are new, in one transaction.
    pub(crate) async fn insert(&mut self) -> Outcome {
        let mut tx = self.pool.begin_with("BEGIN IMMEDIATE").await?;
        for from in (self.written..self.written + self.page).step_by(AT_ONCE) {
            let numbers = from..from + AT_ONCE;
            sqlx::query_with(messages(""), message_values(numbers.clone())?).execute(&mut *tx).await?;
            let mut inquiries = SqliteArguments::default();
            let mut deadlines = SqliteArguments::default();
            let mut notices = SqliteArguments::default();
            for id in numbers.map(i64::try_from) {
                let id = id?;
                add!(inquiries, id, id, "dinkes", "open", 1_800_000_000_000_000_i64);
                add!(deadlines, id, id, 1_800_000_000_000_000_i64, "running");
                add!(notices, id, id, "admin@dinkes.example", "due", 1_790_000_000_000_000_i64);
            }
            sqlx::query_with(insert("inquiry", 5, ""), inquiries).execute(&mut *tx).await?;
            sqlx::query_with(insert("deadline", 4, ""), deadlines).execute(&mut *tx).await?;
            sqlx::query_with(insert("notice", 5, ""), notices).execute(&mut *tx).await?;
        }
        tx.commit().await?;
        self.written += self.page;
        Ok(())
    }

    /// Offers the page that was written last once more: nothing changes.
    pub(crate) async fn insert_known(&self) -> Outcome {
        let mut tx = self.pool.begin_with("BEGIN IMMEDIATE").await?;
        for from in (self.written - self.page..self.written).step_by(AT_ONCE) {
            let values = message_values(from..from + AT_ONCE)?;
            let sql = messages("ON CONFLICT (channel, external_id) DO NOTHING");
            sqlx::query_with(sql, values).execute(&mut *tx).await?;
        }
        tx.commit().await?;
        Ok(())
    }
}

fn messages(tail: &str) -> AssertSqlSafe<String> {
    insert("message", 8, tail)
}

fn message_values(numbers: std::ops::Range<usize>) -> Outcome<SqliteArguments> {
    let mut values = SqliteArguments::default();
    for number in numbers {
        let text = format!(
            "Jalan di depan pasar rusak parah, sudah dua kali ada yang jatuh dari motor, tolong diperbaiki ({number})"
        );
        let (external_id, author) = (format!("77_{number}"), format!("55{number}"));
        let thread = external_id.clone();
        add!(
            values,
            i64::try_from(number)?,
            1_i64,
            external_id,
            thread,
            author,
            text,
            1_780_000_000_000_000_i64,
            "routed"
        );
    }
    Ok(values)
}

fn insert(table: &str, width: usize, tail: &str) -> AssertSqlSafe<String> {
    let row = format!("({})", vec!["?"; width].join(","));
    AssertSqlSafe(format!("INSERT INTO {table} VALUES {} {tail}", vec![row; AT_ONCE].join(",")))
}
