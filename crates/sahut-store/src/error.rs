//! What can go wrong with the database, told apart by what helps.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use thiserror::Error;

/// A failure of the database.
#[derive(Debug, Error)]
pub enum StoreError {
    /// Another process works on the database file.
    #[error("{path} is in use by {holder}: stop that process first, or give this one a database of its own")]
    Held {
        /// The database file.
        path: PathBuf,
        /// Who holds it, as it named itself.
        holder: String,
    },
    /// There is no such file, and it is not made by looking for it.
    #[error(
        "there is no database {0}: `sahut run` makes it and goes on, `sahut migrate` only makes it; or mend the path"
    )]
    Missing(PathBuf),
    /// The file is damaged. It is never replaced by an empty one.
    #[error(
        "the database {path} is damaged ({detail}). Nothing was changed. Restore the last backup with \
         `sahut backup restore FILE --to {path}`, or salvage it with `sqlite3 {path} .recover`"
    )]
    Damaged {
        /// The database file.
        path: PathBuf,
        /// What the database said.
        detail: String,
    },
    /// A newer version of the program has changed the schema.
    #[error(
        "the database has schema {found}, this program knows up to {known}: run the newer version of sahut, or restore \
         the backup that was made before the upgrade"
    )]
    TooNew {
        /// The schema's number.
        found: i64,
        /// The newest that is known here.
        known: i64,
    },
    /// The schema is older than this program.
    #[error("the database has schema {found}, this program needs {needed}: run `sahut migrate`")]
    TooOld {
        /// The schema's number.
        found: i64,
        /// What is needed.
        needed: i64,
    },
    /// The library is one that is known to damage files.
    #[error("SQLite {found} can damage its write-ahead log; at least {needed} is needed")]
    UnsafeLibrary {
        /// The library's version.
        found: String,
        /// The first good one.
        needed: &'static str,
    },
    /// No space is left. It goes on by itself when there is.
    #[error("no space is left for the database: free some; nothing acknowledged is lost")]
    Full,
    /// The database cannot be written.
    #[error("the database cannot be written ({0}): check the permissions of the file and of its folder")]
    ReadOnly(String),
    /// Somebody else changed the same thing at the same time: do it again on what is there now.
    #[error("somebody else changed the same thing at the same moment ({0}); it is tried again")]
    Conflict(String),
    /// What was asked for does not fit what is there, such as closing what is closed. Doing it again does not help.
    #[error("{0}")]
    Unfit(String),
    /// The database is not there, or too busy to answer. It may pass.
    #[error("the database is not available: {0}")]
    Unavailable(String),
    /// Nobody answers where the database should be. It may pass.
    #[error(
        "the database {server} cannot be reached ({detail}): start PostgreSQL there, or mend `location` under [database]"
    )]
    Unreachable {
        /// Host, port and name of the database.
        server: String,
        /// What the network said.
        detail: String,
    },
    /// The server answers and opens no session.
    #[error(
        "the database {server} lets nobody in ({detail}): mend the user, the password or the database's name in \
         `location` under [database], or make them on the server"
    )]
    NotLetIn {
        /// Host, port and name of the database.
        server: String,
        /// What the server said.
        detail: String,
    },
    /// A row does not have the form that this program writes.
    #[error("{what} {id} in the database is not readable: {detail}")]
    BadRow {
        /// What sort of row.
        what: &'static str,
        /// Which one.
        id: String,
        /// What is wrong with it.
        detail: String,
    },
    /// A fault of ours: a statement that the database refuses.
    #[error("the database refused a statement: {0}")]
    Refused(String),
}

impl StoreError {
    /// Whether the same work may succeed when it is done again.
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::Conflict(_) | Self::Unavailable(_) | Self::Unreachable { .. } | Self::Full)
    }

    /// An unreadable row.
    #[expect(clippy::needless_pass_by_value, reason = "identifiers and errors are handed over as they are")]
    pub(crate) fn bad_row(what: &'static str, id: impl ToString, detail: impl ToString) -> Self {
        Self::BadRow { what, id: id.to_string(), detail: detail.to_string() }
    }
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        let Some(database) = error.as_database_error() else {
            return match error {
                sqlx::Error::Io(_)
                | sqlx::Error::Tls(_)
                | sqlx::Error::PoolTimedOut
                | sqlx::Error::PoolClosed
                | sqlx::Error::WorkerCrashed
                | sqlx::Error::BeginFailed => Self::Unavailable(error.to_string()),
                other => Self::Refused(other.to_string()),
            };
        };
        let code = database.code().unwrap_or_default().into_owned();
        let text = database.message().to_owned();
        match code.as_str() {
            // PostgreSQL: https://www.postgresql.org/docs/15/errcodes-appendix.html
            "23505" | "40001" | "40P01" | "55P03" => Self::Conflict(text),
            "53100" => Self::Full,
            "25006" => Self::ReadOnly(text),
            pg if pg.len() == 5 => match &pg[..2] {
                "08" | "53" | "57" => Self::Unavailable(text),
                _ => Self::Refused(text),
            },
            sqlite => Self::from_sqlite(sqlite.parse().unwrap_or(0), text),
        }
    }
}

impl StoreError {
    /// An error of the driver, with the file that it is about.
    pub(crate) fn of(error: sqlx::Error, file: Option<&Path>) -> Self {
        match (Self::from(error), file) {
            (Self::Damaged { detail, .. }, Some(file)) => Self::Damaged { path: file.to_owned(), detail },
            (error, _) => error,
        }
    }

    /// A connection to the server that could not be opened.
    pub(crate) fn of_connecting(error: sqlx::Error, server: String) -> Self {
        match Self::from(error) {
            Self::Unavailable(detail) => Self::Unreachable { server, detail },
            Self::Refused(detail) => Self::NotLetIn { server, detail },
            other => other,
        }
    }

    /// An error of the file system about the database or a file beside it.
    pub(crate) fn of_file(path: &Path, error: &std::io::Error) -> Self {
        let said = format!("{}: {error}", path.display());
        match error.kind() {
            ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => Self::ReadOnly(said),
            ErrorKind::StorageFull => Self::Full,
            _ => Self::Unavailable(said),
        }
    }

    /// Result codes of SQLite: <https://sqlite.org/rescode.html>.
    fn from_sqlite(code: i64, text: String) -> Self {
        const UNIQUE: i64 = 2067;
        const PRIMARY_KEY: i64 = 1555;
        match (code, code & 0xFF) {
            (UNIQUE | PRIMARY_KEY, _) => Self::Conflict(text),
            (_, 8) => Self::ReadOnly(text),
            (_, 13) => Self::Full,
            (_, 11 | 26) => Self::Damaged { path: PathBuf::from("database"), detail: text },
            (_, 5 | 6 | 10 | 14) => Self::Unavailable(text),
            _ => Self::Refused(text),
        }
    }
}
