//! The schema's migrations: numbered, in both dialects, each in a transaction of its own.

use std::path::PathBuf;

use sqlx::{AssertSqlSafe, Connection as _, PgConnection, Row as _, SqliteConnection};

use crate::StoreError;

/// One step of the schema.
struct Migration {
    number: i64,
    name: &'static str,
    sqlite: &'static str,
    postgres: &'static str,
}

macro_rules! migrations {
    ($($number:literal $name:literal,)+) => {
        &[$(Migration {
            number: $number,
            name: $name,
            sqlite: include_str!(concat!("../../../migrations/sqlite/", $name, ".sql")),
            postgres: include_str!(concat!("../../../migrations/postgres/", $name, ".sql")),
        }),+]
    };
}

const MIGRATIONS: &[Migration] = migrations![1 "0001_foundation",];

/// The newest schema that this program knows.
pub(crate) const NEWEST: i64 = MIGRATIONS[MIGRATIONS.len() - 1].number;

const CREATE: &str = "CREATE TABLE IF NOT EXISTS schema_migration (number BIGINT NOT NULL PRIMARY KEY)";
const CURRENT: &str = "SELECT CAST(COALESCE(MAX(number), 0) AS BIGINT) FROM schema_migration";
const RECORD: &str = "INSERT INTO schema_migration (number) VALUES ($1)";

/// A migration that has not been applied.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Pending {
    /// Its number.
    pub number: i64,
    /// Its name.
    pub name: &'static str,
}

/// What migrating did.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Migrated {
    /// The schema before; 0 for an empty database.
    pub from: i64,
    /// The schema now.
    pub to: i64,
    /// Where the database is as it was before; none where it held nothing, changed nothing, or is PostgreSQL's.
    pub copy: Option<PathBuf>,
}

/// What is still to be applied over a schema.
pub(crate) fn pending(current: i64) -> Vec<Pending> {
    let todo = MIGRATIONS.iter().filter(|migration| migration.number > current);
    todo.map(|migration| Pending { number: migration.number, name: migration.name }).collect()
}

/// Refuses a schema that this program does not know or that lags behind.
pub(crate) fn check(current: i64) -> Result<(), StoreError> {
    match current {
        found if found > NEWEST => Err(StoreError::TooNew { found, known: NEWEST }),
        found if found < NEWEST => Err(StoreError::TooOld { found, needed: NEWEST }),
        _ => Ok(()),
    }
}

pub(crate) async fn current_sqlite(conn: &mut SqliteConnection) -> Result<i64, sqlx::Error> {
    let known = "SELECT COUNT(*) FROM sqlite_master WHERE name = 'schema_migration'";
    let tables: i64 = sqlx::query(known).fetch_one(&mut *conn).await?.try_get(0)?;
    if tables == 0 {
        return Ok(0);
    }
    sqlx::query(CURRENT).fetch_one(conn).await?.try_get(0)
}

pub(crate) async fn current_postgres(conn: &mut PgConnection) -> Result<i64, sqlx::Error> {
    let known = "SELECT COUNT(*) FROM information_schema.tables
                 WHERE table_schema = current_schema() AND table_name = 'schema_migration'";
    let tables: i64 = sqlx::query(known).fetch_one(&mut *conn).await?.try_get(0)?;
    if tables == 0 {
        return Ok(0);
    }
    sqlx::query(CURRENT).fetch_one(conn).await?.try_get(0)
}

pub(crate) async fn apply_sqlite(conn: &mut SqliteConnection) -> Result<Migrated, sqlx::Error> {
    let from = current_sqlite(conn).await?;
    for migration in MIGRATIONS.iter().filter(|migration| migration.number > from) {
        let mut tx = conn.begin_with("BEGIN IMMEDIATE").await?;
        sqlx::raw_sql(CREATE).execute(&mut *tx).await?;
        sqlx::raw_sql(AssertSqlSafe(migration.sqlite)).execute(&mut *tx).await?;
        sqlx::query(RECORD).bind(migration.number).execute(&mut *tx).await?;
        sahut_domain::fault::point("migrate.before_commit");
        tx.commit().await?;
    }
    Ok(Migrated { from, to: NEWEST.max(from), copy: None })
}

pub(crate) async fn apply_postgres(conn: &mut PgConnection) -> Result<Migrated, sqlx::Error> {
    // Several processes may start at once: one migrates, the others find it done.
    const ONE_AT_A_TIME: &str = "SELECT pg_advisory_xact_lock(7311847)";
    let mut tx = conn.begin().await?;
    sqlx::raw_sql(ONE_AT_A_TIME).execute(&mut *tx).await?;
    let from = current_postgres(&mut tx).await?;
    sqlx::raw_sql(CREATE).execute(&mut *tx).await?;
    for migration in MIGRATIONS.iter().filter(|migration| migration.number > from) {
        sqlx::raw_sql(AssertSqlSafe(migration.postgres)).execute(&mut *tx).await?;
        sqlx::query(RECORD).bind(migration.number).execute(&mut *tx).await?;
    }
    sahut_domain::fault::point("migrate.before_commit");
    tx.commit().await?;
    Ok(Migrated { from, to: NEWEST.max(from), copy: None })
}
