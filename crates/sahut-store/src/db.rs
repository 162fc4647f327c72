//! Opening the database, and the two doors into it.

use std::collections::HashSet;
use std::fmt;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{ConnectOptions as _, Connection as _, PgPool, Row as _, SqlitePool};
use url::Url;

use crate::backup::{self, RESTORING};
use crate::lock::{FileLock, beside, one_name};
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

/// How long a server may take to open a session.
const KNOCK_FOR: Duration = Duration::from_secs(5);

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

impl fmt::Display for Location {
    /// The file, or the server and the database's name: who logs in, and with what, is not shown.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite(path) => path.display().fmt(f),
            Self::Postgres(address) => {
                let Ok(url) = Url::parse(address) else { return f.write_str("PostgreSQL") };
                let port = url.port().map_or_else(String::new, |port| format!(":{port}"));
                write!(f, "postgres://{}{port}{}", url.host_str().unwrap_or_default(), url.path())
            }
        }
    }
}

/// The database. Cloned freely.
#[derive(Clone)]
pub struct Db {
    pools: Pools,
    waker: Waker,
    /// Held as long as anybody has the database; on SQLite, when it is not opened beside another process.
    lock: Option<Arc<FileLock>>,
}

#[derive(Clone)]
enum Pools {
    Sqlite { file: Arc<Path>, writer: SqlitePool, readers: SqlitePool },
    Postgres(PgPool),
}

impl Db {
    /// Opens a database whose schema is this program's. `holder` is how this process names itself to a second one.
    /// A file that is not there is not made.
    pub async fn open(location: &Location, holder: &str) -> Result<Self, StoreError> {
        if let Location::Sqlite(path) = location
            && matches!(path.try_exists(), Ok(false))
        {
            refuse_emptied(path)?;
            return Err(StoreError::Missing(path.clone()));
        }
        let db = Self::connect(location, holder).await?;
        migrate::check(db.schema().await?)?;
        db.free_leases().await?;
        Ok(db)
    }

    /// Opens a database beside the process that works on it, for a command of a few statements: it takes no lock, waits
    /// for the other's writes, and never makes a file or changes the schema.
    pub async fn open_beside(location: &Location) -> Result<Self, StoreError> {
        let db = match location {
            Location::Sqlite(path) if matches!(path.try_exists(), Ok(false)) => {
                refuse_emptied(path)?;
                return Err(StoreError::Missing(path.clone()));
            }
            Location::Sqlite(path) => Box::pin(Self::connect_sqlite(path, None)).await?,
            Location::Postgres(address) => Box::pin(Self::connect_postgres(address)).await?,
        };
        migrate::check(db.schema().await?)?;
        Ok(db)
    }

    /// Opens a database, making it where there is none, and brings its schema up to this program's.
    pub async fn open_and_migrate(location: &Location, holder: &str) -> Result<(Self, Migrated), StoreError> {
        let db = Self::connect(location, holder).await?;
        let current = db.schema().await?;
        if current > migrate::NEWEST {
            migrate::check(current)?;
        }
        let migrated = db.migrate().await?;
        db.free_leases().await?;
        Ok((db, migrated))
    }

    /// Opens a database without asking what is in it, making it where there is none: for migrating and for looking
    /// before migrating.
    pub async fn connect(location: &Location, holder: &str) -> Result<Self, StoreError> {
        match location {
            Location::Sqlite(path) => Box::pin(Self::connect_sqlite(path, Some(holder))).await,
            Location::Postgres(address) => Box::pin(Self::connect_postgres(address)).await,
        }
    }

    /// Opens a write transaction. On SQLite it waits for the one writer.
    pub async fn begin(&self) -> Result<Tx, StoreError> {
        match &self.pools {
            Pools::Sqlite { writer, .. } => {
                let writer = writer.clone();
                self.tx(Box::pin(
                    async move { writer.begin_with("BEGIN IMMEDIATE").await.map(Inner::Sqlite) },
                ))
                .await
            }
            Pools::Postgres(pool) => {
                let pool = pool.clone();
                self.tx(Box::pin(async move { pool.begin().await.map(Inner::Postgres) })).await
            }
        }
    }

    /// Opens a snapshot: it sees one moment of the database and cannot write.
    pub async fn read(&self) -> Result<Tx, StoreError> {
        match &self.pools {
            Pools::Sqlite { readers, .. } => {
                let readers = readers.clone();
                self.tx(Box::pin(async move { readers.begin().await.map(Inner::Sqlite) })).await
            }
            Pools::Postgres(pool) => {
                const SNAPSHOT: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";
                let pool = pool.clone();
                self.tx(Box::pin(async move { pool.begin_with(SNAPSHOT).await.map(Inner::Postgres) })).await
            }
        }
    }

    async fn tx<Begin>(&self, begin: Begin) -> Result<Tx, StoreError>
    where
        Begin: Future<Output = Result<Inner, sqlx::Error>> + Send + 'static,
    {
        let file = self.file();
        let inner = run_to_end(begin).await?.map_err(|error| StoreError::of(error, file.as_deref()))?;
        Ok(Tx {
            inner,
            wakes: HashSet::new(),
            waker: self.waker.clone(),
            file,
            #[cfg(test)]
            queries: Vec::new(),
        })
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
            Pools::Sqlite { file, .. } => Some(file),
            Pools::Postgres(_) => None,
        }
    }

    fn file(&self) -> Option<Arc<Path>> {
        match &self.pools {
            Pools::Sqlite { file, .. } => Some(Arc::clone(file)),
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
            Pools::Sqlite { writer, file, .. } => {
                let about = |error| StoreError::of(error, Some(file));
                let mut conn = writer.acquire().await.map_err(about)?;
                migrate::current_sqlite(&mut conn).await.map_err(about)
            }
            Pools::Postgres(pool) => Ok(migrate::current_postgres(&mut *pool.acquire().await?).await?),
        }
    }

    /// Migrations that are still to be applied.
    pub async fn pending(&self) -> Result<Vec<Pending>, StoreError> {
        Ok(migrate::pending(self.schema().await?))
    }

    /// Applies what is pending. An SQLite file that holds something is copied first: `FILE.schema-N.backup`.
    pub async fn migrate(&self) -> Result<Migrated, StoreError> {
        let from = self.schema().await?;
        let copy = match self.path() {
            Some(file) if from > 0 && from < migrate::NEWEST => Some(backup::keep(file, from).await?),
            _ => None,
        };
        Ok(Migrated { copy, ..self.bring_up_to_date().await? })
    }

    /// Applies what is pending, without a copy.
    pub(crate) async fn bring_up_to_date(&self) -> Result<Migrated, StoreError> {
        match &self.pools {
            Pools::Sqlite { writer, file, .. } => {
                let about = |error| StoreError::of(error, Some(file));
                let mut conn = writer.acquire().await.map_err(about)?;
                migrate::apply_sqlite(&mut conn).await.map_err(about)
            }
            Pools::Postgres(pool) => Ok(migrate::apply_postgres(&mut *pool.acquire().await?).await?),
        }
    }

    /// Closes every connection; waits for open transactions. The file is let go with the last clone of this.
    pub async fn close(&self) {
        match &self.pools {
            Pools::Sqlite { writer, readers, .. } => {
                readers.close().await;
                writer.close().await;
            }
            Pools::Postgres(pool) => pool.close().await,
        }
    }

    /// What the process before left claimed, where this one is certainly the only one.
    async fn free_leases(&self) -> Result<(), StoreError> {
        if self.lock.is_none() {
            return Ok(());
        }
        let mut tx = self.begin().await?;
        tx.free_leases().await?;
        tx.commit().await
    }

    async fn connect_sqlite(path: &Path, holder: Option<&str>) -> Result<Self, StoreError> {
        let path = one_name(path);
        refuse_emptied(&path)?;
        let lock = holder.map(|holder| FileLock::take(&path, holder)).transpose()?;
        refuse_shortened(&path)?;
        let options = SqliteConnectOptions::new()
            .filename(&path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .busy_timeout(Duration::from_mins(1))
            .statement_cache_capacity(512)
            .command_buffer_size(512)
            .pragma("mmap_size", "0")
            // What a batch of a thousand messages touches stays in memory until the commit.
            .pragma("cache_size", "-16000")
            .pragma("temp_store", "MEMORY")
            .pragma("wal_autocheckpoint", "4000")
            .pragma("cell_size_check", "ON");
        let writer = sqlite_pool(1).connect_with(options.clone()).await;
        let writer = writer.map_err(|error| StoreError::of(error, Some(&path)))?;
        let readers = sqlite_pool(SQLITE_READERS).connect_lazy_with(options.pragma("query_only", "ON"));
        check_sqlite(&writer, &path).await?;
        let pools = Pools::Sqlite { file: path.into(), writer, readers };
        Ok(Self { pools, waker: Waker::default(), lock: lock.map(Arc::new) })
    }

    async fn connect_postgres(address: &str) -> Result<Self, StoreError> {
        let options = PgConnectOptions::from_str(address)
            .map_err(|error| {
                StoreError::Unavailable(format!("the address of PostgreSQL is not readable: {error}"))
            })?
            .application_name("sahut")
            .options([("idle_in_transaction_session_timeout", "60000"), ("statement_timeout", "120000")]);
        knock(&options, Location::Postgres(address.to_owned())).await?;
        let pool = PgPoolOptions::new()
            .max_connections(POSTGRES_CONNECTIONS)
            .acquire_timeout(Duration::from_secs(30))
            .connect_lazy_with(options);
        Ok(Self { pools: Pools::Postgres(pool), waker: Waker::default(), lock: None })
    }
}

/// Opens one connection to a server: a pool tries for as long as it may wait and keeps to itself why it could not.
async fn knock(options: &PgConnectOptions, server: Location) -> Result<(), StoreError> {
    let opened = async {
        let connection = options.connect().await?;
        connection.close().await
    };
    match tokio::time::timeout(KNOCK_FOR, opened).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(error)) => Err(StoreError::of_connecting(error, server.to_string())),
        Err(_) => Err(StoreError::Unreachable {
            server: server.to_string(),
            detail: format!("no answer within {} seconds", KNOCK_FOR.as_secs()),
        }),
    }
}

/// SQLite ends a transaction by itself when the disk is full or fails, and the driver then believes for ever that it is
/// still open: such a connection is not used again. The pool asks after the ping, so that a rollback under way has ended.
fn sqlite_pool(connections: u32) -> SqlitePoolOptions {
    SqlitePoolOptions::new()
        .min_connections(0)
        .max_connections(connections)
        .acquire_timeout(Duration::from_mins(1))
        .before_acquire(|conn, _| Box::pin(std::future::ready(Ok(!conn.is_in_transaction()))))
}

/// Length of the file and of its write-ahead log, where they are.
fn lengths(path: &Path) -> (Option<u64>, Option<u64>) {
    let length = |path: &Path| std::fs::metadata(path).map(|file| file.len()).ok();
    (length(path), length(&beside(path, "-wal")))
}

fn damaged(path: &Path, detail: String) -> StoreError {
    StoreError::Damaged { path: path.to_owned(), detail }
}

/// Refuses a file that lost its content while its write-ahead log is still there: starting would begin anew over it.
fn refuse_emptied(path: &Path) -> Result<(), StoreError> {
    match lengths(path) {
        (Some(0), _) => Err(damaged(path, "the file is empty".to_owned())),
        (None, Some(log)) if log > 0 => {
            Err(damaged(path, "the file is gone, its write-ahead log is still there".to_owned()))
        }
        (None, _) if beside(path, RESTORING).exists() => {
            Err(damaged(path, "a restore was cut off before its end: start it again".to_owned()))
        }
        _ => Ok(()),
    }
}

/// Refuses a file that is shorter than its first page says. While there is a write-ahead log the end may stand there.
/// The places in the first page: <https://sqlite.org/fileformat2.html#the_database_header>.
fn refuse_shortened(path: &Path) -> Result<(), StoreError> {
    let (Some(length), None | Some(0)) = lengths(path) else { return Ok(()) };
    let mut header = [0; 100];
    let read = std::fs::File::open(path).and_then(|mut file| file.read_exact(&mut header));
    if read.is_err() && length < header.len() as u64 {
        return Err(damaged(path, format!("the file has only {length} bytes")));
    }
    let page = match u16::from_be_bytes([header[16], header[17]]) {
        1 => 65_536,
        size => u64::from(size),
    };
    let pages = u64::from(u32::from_be_bytes([header[28], header[29], header[30], header[31]]));
    if header.starts_with(b"SQLite format 3\0") && pages * page > length {
        return Err(damaged(path, format!("the file has {length} bytes of {}", pages * page)));
    }
    Ok(())
}

/// Refuses an unsafe library, a file whose first pages are not those of a database, and one that cannot be written.
/// Reading every page belongs to `sahut doctor`.
async fn check_sqlite(writer: &SqlitePool, path: &Path) -> Result<(), StoreError> {
    let about = |error: sqlx::Error| StoreError::of(error, Some(path));
    let mut tx = writer.begin_with("BEGIN IMMEDIATE").await.map_err(about)?;
    let row = sqlx::query("SELECT sqlite_version(), (SELECT COUNT(*) FROM sqlite_schema)");
    let row = row.fetch_one(&mut *tx).await.map_err(about)?;
    safe_sqlite(&row.try_get::<String, _>(0).map_err(about)?)?;
    tx.rollback().await.map_err(about)
}

fn safe_sqlite(found: &str) -> Result<(), StoreError> {
    let mut parts = found.split('.').map(|part| part.parse().unwrap_or(0));
    let version: [u32; 3] = std::array::from_fn(|_| parts.next().unwrap_or(0));
    if version < SAFE_SQLITE.1 {
        return Err(StoreError::UnsafeLibrary { found: found.to_owned(), needed: SAFE_SQLITE.0 });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn libraries_that_damage_files_are_refused() {
        for found in ["3.51.2", "3.46.0", "3.7.17", "2.9.9", "", "nonsense"] {
            assert!(matches!(safe_sqlite(found), Err(StoreError::UnsafeLibrary { .. })), "{found}");
        }
        for found in ["3.51.3", "3.51.10", "3.52", "4.0.0"] {
            assert!(safe_sqlite(found).is_ok(), "{found}");
        }
    }

    #[test]
    fn an_address_is_shown_without_its_login() {
        let shown = |address: &str| Location::Postgres(address.to_owned()).to_string();
        for address in [
            "postgres://db:5432/sahut",
            "postgres://u:p%40@db:5432/sahut",
            "postgresql://u@db:5432/sahut?password=p",
        ] {
            assert_eq!(shown(address), "postgres://db:5432/sahut");
        }
        assert_eq!(shown("postgres://u:secret?@db/sahut"), "PostgreSQL");
        assert_eq!(Location::Sqlite(PathBuf::from("a/b.db")).to_string(), "a/b.db");
    }

    #[test]
    fn locations_are_read_from_what_people_write() {
        let sqlite = |path: &str| Location::Sqlite(PathBuf::from(path));
        assert_eq!("sqlite:a/b.db".parse(), Ok(sqlite("a/b.db")));
        assert_eq!("/var/lib/x.db".parse(), Ok(sqlite("/var/lib/x.db")));
        for address in ["postgres://u@h/d", "postgresql://u@h/d"] {
            assert_eq!(address.parse(), Ok(Location::Postgres(address.to_owned())));
        }
    }
}
