//! Backups of an SQLite database while it is in use, and putting one back. PostgreSQL has its own tools (`pg_dump`).

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use sqlx::Row as _;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions as _, Connection as _};

use crate::lock::{FileLock, beside};
use crate::notify::HeldFor;
use crate::{Db, Location, StoreError, migrate};

/// What a database consists of, by the ending of the file's name.
const PARTS: [&str; 3] = ["", "-wal", "-shm"];

/// Ending of a database that is being restored, until it takes its place.
pub(crate) const RESTORING: &str = ".restoring";

impl Db {
    /// Writes a consistent copy of the database to a new file, while work goes on. PostgreSQL is refused.
    pub async fn backup_to(&self, target: &Path) -> Result<(), StoreError> {
        let Some(source) = self.path() else {
            return Err(StoreError::Unfit("PostgreSQL is backed up with pg_dump".to_owned()));
        };
        copy(source, target).await
    }
}

/// Writes a consistent copy of the SQLite file at `source` to the new file `target`. Works beside a running process:
/// it only reads. The copy has its name only when it is whole and on the disk.
pub async fn copy(source: &Path, target: &Path) -> Result<(), StoreError> {
    if target.exists() {
        return Err(StoreError::Unfit(format!("{} is there already", target.display())));
    }
    let unfinished = beside(target, ".unfinished");
    remove(&unfinished)?;
    let written = write_copy(source, &unfinished).await.and_then(|()| take_place(&unfinished, target));
    if written.is_err() {
        // What could not be written is of no use; what went wrong is told, not that this did too.
        let _ = remove(&unfinished);
    }
    written
}

async fn write_copy(source: &Path, target: &Path) -> Result<(), StoreError> {
    let about = |error: sqlx::Error| StoreError::of(error, Some(source));
    let options = SqliteConnectOptions::new().filename(source).read_only(true);
    let mut conn = options.connect().await.map_err(about)?;
    let name = target.to_string_lossy().into_owned();
    let copied = sqlx::query("VACUUM INTO $1").bind(name).execute(&mut conn).await.map_err(about);
    conn.close().await.map_err(about)?;
    copied.map(|_| ())
}

/// Reads every page of an SQLite file and answers what does not hold together: an empty list is a sound file.
pub async fn verify(file: &Path) -> Result<Vec<String>, StoreError> {
    let about = |error: sqlx::Error| StoreError::of(error, Some(file));
    let mut conn =
        SqliteConnectOptions::new().filename(file).read_only(true).connect().await.map_err(about)?;
    let rows = sqlx::query("PRAGMA integrity_check").fetch_all(&mut conn).await.map_err(about)?;
    conn.close().await.map_err(about)?;
    let lines =
        rows.iter().map(|row| row.try_get::<String, _>(0)).collect::<Result<Vec<_>, _>>().map_err(about)?;
    Ok(lines.into_iter().filter(|line| line != "ok").collect())
}

/// Puts a backup in the place of a database, with nothing leaving it until a person says so. What is there stays as it
/// is until the copy beside it is whole, has this program's schema and is held; then it is set aside under a name that
/// is not taken, which is answered.
pub async fn restore(
    backup: &Path,
    held: &FileLock,
    actor: &str,
    now: Timestamp,
) -> Result<Option<PathBuf>, StoreError> {
    let database = held.database();
    let restoring = beside(database, RESTORING);
    remove(&restoring)?;
    if let Err(error) = prepare(backup, &restoring, actor, now).await {
        let _ = remove(&restoring);
        return Err(error);
    }
    let aside = set_aside(database)?;
    take_place(&restoring, database)?;
    let _ = fs::remove_file(beside(&restoring, ".lock"));
    Ok(aside)
}

/// Copies a backup and makes it a database that may be worked on: until then it is nobody's.
async fn prepare(backup: &Path, target: &Path, actor: &str, now: Timestamp) -> Result<(), StoreError> {
    copy(backup, target).await?;
    let db = Db::connect(&Location::Sqlite(target.to_owned()), actor).await?;
    let schema = db.schema().await?;
    if schema == 0 {
        return Err(StoreError::Unfit(format!("{} is no database of Sahut", backup.display())));
    }
    if schema > migrate::NEWEST {
        migrate::check(schema)?;
    }
    db.bring_up_to_date().await?;
    let mut tx = db.begin().await?;
    tx.hold(Some(HeldFor::Restore), actor, now).await?;
    tx.commit().await?;
    db.close().await;
    Ok(())
}

/// Copies a database before its schema changes, under a name that is not taken.
pub(crate) async fn keep(database: &Path, schema: i64) -> Result<PathBuf, StoreError> {
    let first = beside(database, &format!(".schema-{schema}.backup"));
    let others = (2..).map(|count| beside(&first, &format!("-{count}")));
    let free = std::iter::once(first.clone()).chain(others).find(|name| !name.exists()).unwrap_or(first);
    copy(database, &free).await?;
    Ok(free)
}

/// Moves a database with its log to a name under which SQLite finds them together.
fn set_aside(database: &Path) -> Result<Option<PathBuf>, StoreError> {
    let there: Vec<&str> = PARTS.into_iter().filter(|part| beside(database, part).exists()).collect();
    // Where an earlier attempt moved the file and died, the log goes after it.
    let wanted = if there.contains(&"") { &PARTS[..] } else { &there };
    let mut names = (1..).map(|count| beside(database, &format!(".before-restore-{count}")));
    let aside = names.find(|name| wanted.iter().all(|part| !beside(name, part).exists()));
    let Some(aside) = aside.filter(|_| !there.is_empty()) else { return Ok(None) };
    for part in there {
        // The file first: a log without its file is refused, a file without its log would lack its newest rows.
        rename(&beside(database, part), &beside(&aside, part))?;
    }
    Ok(Some(aside))
}

/// Gives a file that is finished its name. Both are on the disk when this returns.
fn take_place(file: &Path, name: &Path) -> Result<(), StoreError> {
    let failed = |error: std::io::Error| StoreError::of_file(name, &error);
    File::open(file).and_then(|file| file.sync_all()).map_err(failed)?;
    rename(file, name)?;
    let folder = name.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(failed)
}

fn rename(from: &Path, to: &Path) -> Result<(), StoreError> {
    fs::rename(from, to).map_err(|error| StoreError::of_file(from, &error))
}

/// Removes what an attempt before left behind.
fn remove(file: &Path) -> Result<(), StoreError> {
    for ending in PARTS.into_iter().chain([".lock"]) {
        let file = beside(file, ending);
        match fs::remove_file(&file) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(StoreError::of_file(&file, &error));
            }
            _ => {}
        }
    }
    Ok(())
}
