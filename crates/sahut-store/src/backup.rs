//! Backups of an SQLite database while it is in use. PostgreSQL has its own tools (`pg_dump`).

use std::path::Path;

use sqlx::Row as _;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions as _, Connection as _};

use crate::{Db, StoreError};

impl Db {
    /// Writes a consistent copy of the database to a new file, while work goes on. PostgreSQL is refused.
    pub async fn backup_to(&self, target: &Path) -> Result<(), StoreError> {
        let Some(source) = self.path() else {
            return Err(StoreError::Refused("PostgreSQL is backed up with pg_dump".to_owned()));
        };
        copy(source, target).await
    }
}

/// Writes a consistent copy of the SQLite file at `source` to the new file `target`. Works beside a running process:
/// it only reads.
pub async fn copy(source: &Path, target: &Path) -> Result<(), StoreError> {
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
