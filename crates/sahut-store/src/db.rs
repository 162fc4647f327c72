//! Opening the database, and the two doors into it.

use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous,
};
use sqlx::{PgPool, Row as _, SqlitePool};

use crate::lock::FileLock;
use crate::migrate::{self, Migrated, Pending};
use crate::tx::{Inner, run_to_end};
use crate::work::{Stage, Waker};
use crate::{Dialect, StoreError, Tx};

/// The first SQLite without the write-ahead-log bug that can damage a file: <https://sqlite.org/wal.html>.
const SAFE_SQLITE: (&str, [u32; 3]) = ("3.51.3", [3, 51, 3]);

/// Snapshots that may be open at once on SQLite.
const SQLITE_READERS: u32 = 4;

/// Connections to PostgreSQL.
const POSTGRES_CONNECTIONS: u32 = 12;

/// Where the database is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Location {
    /// An SQLite file.
    Sqlite(PathBuf),
    /// A PostgreSQL address (`postgres://…`).
    Postgres(String),
}

impl FromStr for Location {
    type Err = std::convert::Infallible;

    /// Reads `postgres://…`, or a path with or without `sqlite:` before it.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(if text.starts_with("postgres://") || text.starts_with("postgresql://") {
            Self::Postgres(text.to_owned())
        } else {
            Self::Sqlite(PathBuf::from(text.strip_prefix("sqlite:").unwrap_or(text)))
        })
    }
}

/// The database. Cloned freely.
#[derive(Clone)]
pub struct Db {
    pools: Pools,
    waker: Waker,
    _lock: Option<Arc<FileLock>>,
}

#[derive(Clone)]
enum Pools {
    Sqlite { path: PathBuf, writer: SqlitePool, readers: SqlitePool },
    Postgres(PgPool),
}

impl Db {
    /// Opens a database whose schema is this program's. `holder` is how this process names itself to a second one.
    pub async fn open(location: &Location, holder: &str) -> Result<Self, StoreError> {
        let db = Self::connect(location, holder).await?;
        migrate::check(db.schema().await?)?;
        Ok(db)
    }

    /// Opens a database and brings its schema up to this program's.
    pub async fn open_and_migrate(location: &Location, holder: &str) -> Result<(Self, Migrated), StoreError> {
        let db = Self::connect(location, holder).await?;
        let current = db.schema().await?;
        if current > migrate::NEWEST {
            migrate::check(current)?;
        }
        let migrated = db.migrate().await?;
        Ok((db, migrated))
    }

    /// Opens a database without asking what is in it: for migrating and for looking before migrating.
    pub async fn connect(location: &Location, holder: &str) -> Result<Self, StoreError> {
        match location {
            Location::Sqlite(path) => Self::connect_sqlite(path, holder).await,
            Location::Postgres(address) => Self::connect_postgres(address).await,
        }
    }

    /// Opens a write transaction. On SQLite it waits for the one writer.
    pub async fn begin(&self) -> Result<Tx, StoreError> {
        let inner = match &self.pools {
            Pools::Sqlite { writer, path, .. } => {
                let writer = writer.clone();
                let begun = run_to_end(async move { writer.begin_with("BEGIN IMMEDIATE").await }).await?;
                Inner::Sqlite(begun.map_err(|error| StoreError::from(error).about(path))?)
            }
            Pools::Postgres(pool) => {
                let pool = pool.clone();
                Inner::Postgres(run_to_end(async move { pool.begin().await }).await??)
            }
        };
        Ok(Tx { inner, wakes: std::collections::HashSet::new(), waker: self.waker.clone() })
    }

    /// Opens a snapshot: it sees one moment of the database and cannot write.
    pub async fn read(&self) -> Result<Tx, StoreError> {
        let inner = match &self.pools {
            Pools::Sqlite { readers, path, .. } => {
                let readers = readers.clone();
                let begun = run_to_end(async move { readers.begin().await }).await?;
                Inner::Sqlite(begun.map_err(|error| StoreError::from(error).about(path))?)
            }
            Pools::Postgres(pool) => {
                const SNAPSHOT: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";
                let pool = pool.clone();
                Inner::Postgres(run_to_end(async move { pool.begin_with(SNAPSHOT).await }).await??)
            }
        };
        Ok(Tx { inner, wakes: std::collections::HashSet::new(), waker: self.waker.clone() })
    }

    /// Which database it is.
    pub fn dialect(&self) -> Dialect {
        match self.pools {
            Pools::Sqlite { .. } => Dialect::Sqlite,
            Pools::Postgres(_) => Dialect::Postgres,
        }
    }

    /// The file, on SQLite.
    pub fn path(&self) -> Option<&Path> {
        match &self.pools {
            Pools::Sqlite { path, .. } => Some(path),
            Pools::Postgres(_) => None,
        }
    }

    /// Waits until a stage may have new work in this process.
    pub async fn woken(&self, stage: Stage) {
        self.waker.wait(stage).await;
    }

    /// The number of the schema; 0 for an empty database.
    pub async fn schema(&self) -> Result<i64, StoreError> {
        match &self.pools {
            Pools::Sqlite { writer, path, .. } => {
                let mut conn = writer.acquire().await.map_err(|error| StoreError::from(error).about(path))?;
                migrate::current_sqlite(&mut conn).await.map_err(|error| error.about(path))
            }
            Pools::Postgres(pool) => migrate::current_postgres(&mut *pool.acquire().await?).await,
        }
    }

    /// Migrations that are still to be applied.
    pub async fn pending(&self) -> Result<Vec<Pending>, StoreError> {
        Ok(migrate::pending(self.schema().await?))
    }

    /// Applies what is pending.
    pub async fn migrate(&self) -> Result<Migrated, StoreError> {
        match &self.pools {
            Pools::Sqlite { writer, .. } => migrate::apply_sqlite(&mut *writer.acquire().await?).await,
            Pools::Postgres(pool) => migrate::apply_postgres(&mut *pool.acquire().await?).await,
        }
    }

    /// Lets go of everything; waits for open transactions.
    pub async fn close(&self) {
        match &self.pools {
            Pools::Sqlite { writer, readers, .. } => {
                readers.close().await;
                writer.close().await;
            }
            Pools::Postgres(pool) => pool.close().await,
        }
    }

    async fn connect_sqlite(path: &Path, holder: &str) -> Result<Self, StoreError> {
        refuse_emptied(path)?;
        let lock = FileLock::take(path, holder)?;
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .busy_timeout(Duration::from_secs(60))
            .statement_cache_capacity(512)
            .command_buffer_size(512)
            .pragma("mmap_size", "0")
            .pragma("cell_size_check", "ON");
        let about = |error: sqlx::Error| StoreError::from(error).about(path);
        let writer = SqlitePoolOptions::new()
            .max_connections(1)
            .acquire_timeout(Duration::from_secs(60))
            .test_before_acquire(false)
            .connect_with(options.clone())
            .await
            .map_err(about)?;
        let readers = SqlitePoolOptions::new()
            .min_connections(0)
            .max_connections(SQLITE_READERS)
            .test_before_acquire(false)
            .connect_lazy_with(options.pragma("query_only", "ON"));
        check_sqlite(&writer, path).await?;
        let pools = Pools::Sqlite { path: path.to_owned(), writer, readers };
        Ok(Self { pools, waker: Waker::default(), _lock: Some(Arc::new(lock)) })
    }

    async fn connect_postgres(address: &str) -> Result<Self, StoreError> {
        let options = PgConnectOptions::from_str(address)
            .map_err(|error| StoreError::Unavailable(format!("the address of PostgreSQL is not readable: {error}")))?
            .application_name("sahut")
            .options([("idle_in_transaction_session_timeout", "60000"), ("statement_timeout", "120000")]);
        let pool = PgPoolOptions::new()
            .max_connections(POSTGRES_CONNECTIONS)
            .acquire_timeout(Duration::from_secs(30))
            .connect_with(options)
            .await?;
        Ok(Self { pools: Pools::Postgres(pool), waker: Waker::default(), _lock: None })
    }
}

/// Refuses a file that lost its content while its write-ahead log is still there: starting would begin anew over it.
fn refuse_emptied(path: &Path) -> Result<(), StoreError> {
    let length = |path: &Path| std::fs::metadata(path).map(|file| file.len()).ok();
    let mut log = path.as_os_str().to_owned();
    log.push("-wal");
    let emptied = match (length(path), length(Path::new(&log))) {
        (Some(0), _) => Some("the file is empty"),
        (None, Some(log)) if log > 0 => Some("the file is gone, its write-ahead log is still there"),
        _ => None,
    };
    match emptied {
        Some(detail) => Err(StoreError::Damaged { path: path.to_owned(), detail: detail.to_owned() }),
        None => Ok(()),
    }
}

/// Refuses an unsafe library, and a file whose pages do not hold together.
async fn check_sqlite(writer: &SqlitePool, path: &Path) -> Result<(), StoreError> {
    let about = |error: sqlx::Error| StoreError::from(error).about(path);
    let mut conn = writer.acquire().await.map_err(about)?;
    let row = sqlx::query("SELECT sqlite_version()").fetch_one(&mut *conn).await.map_err(about)?;
    let found: String = row.try_get(0)?;
    let mut parts = found.split('.').map(|part| part.parse().unwrap_or(0));
    let version: [u32; 3] = std::array::from_fn(|_| parts.next().unwrap_or(0));
    if version < SAFE_SQLITE.1 {
        return Err(StoreError::UnsafeLibrary { found, needed: SAFE_SQLITE.0 });
    }
    // The schema is read and every root page is touched; a full check belongs to `sahut doctor`.
    sqlx::query("SELECT COUNT(*) FROM sqlite_master").fetch_one(&mut *conn).await.map_err(about)?;
    Ok(())
}
