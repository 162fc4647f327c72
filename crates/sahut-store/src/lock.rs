//! One process at a time on one SQLite file.

use std::fs::{File, TryLockError};
use std::io::{Read, Seek, Write};
use std::path::{Path, PathBuf};

use crate::StoreError;

/// Holds the database file for this process. The operating system lets go when the process ends, however it ends.
#[derive(Debug)]
pub struct FileLock {
    database: PathBuf,
    _file: File,
}

impl FileLock {
    /// Takes the lock on a file that may be damaged or not there yet, or names who holds it. Never waits. `holder` is how
    /// this process names itself to another one.
    pub fn take(database: &Path, holder: &str) -> Result<Self, StoreError> {
        let database = one_name(database);
        let path = beside(&database, ".lock");
        let unavailable = |error: std::io::Error| StoreError::of_file(&path, &error);
        let mut file = File::options()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .map_err(unavailable)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut holder = String::new();
                let _ = file.read_to_string(&mut holder);
                let holder = if holder.is_empty() { "another process".to_owned() } else { holder };
                return Err(StoreError::Held { path: database, holder });
            }
            Err(TryLockError::Error(error)) => return Err(unavailable(error)),
        }
        // The name is only for the message to a second process: on a full disk the lock still holds without it.
        let _ = file.set_len(0).and_then(|()| file.rewind()).and_then(|()| file.write_all(holder.as_bytes()));
        Ok(Self { database, _file: file })
    }

    /// The file's own path.
    pub fn database(&self) -> &Path {
        &self.database
    }
}

/// The file's own path, whatever link leads to it: the lock stands beside the file.
pub(crate) fn one_name(path: &Path) -> PathBuf {
    let real = |path: &Path| std::fs::canonicalize(path).ok();
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let new = || Some(real(folder)?.join(path.file_name()?));
    real(path).or_else(new).unwrap_or_else(|| path.to_owned())
}

/// A file beside the database: its name with something after it.
pub(crate) fn beside(database: &Path, ending: &str) -> PathBuf {
    let mut name = database.as_os_str().to_owned();
    name.push(ending);
    PathBuf::from(name)
}
