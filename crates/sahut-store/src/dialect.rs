//! The few pieces of SQL that the databases do not share. Each has a test in the contract suite.

/// Which database it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// SQLite, in this process.
    Sqlite,
    /// PostgreSQL, perhaps shared with other processes.
    Postgres,
}

impl Dialect {
    /// Ends a SELECT of rows that are about to be changed: on PostgreSQL rows that another worker holds are passed
    /// over; SQLite has one writer at a time.
    pub(crate) const fn skip_locked(self) -> &'static str {
        match self {
            Self::Sqlite => "",
            Self::Postgres => " FOR UPDATE SKIP LOCKED",
        }
    }

    /// How many values one statement can carry.
    pub(crate) const fn most_values(self) -> usize {
        match self {
            Self::Sqlite => 32_000,
            Self::Postgres => 65_000,
        }
    }
}
