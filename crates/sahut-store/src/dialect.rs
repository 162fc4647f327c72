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
    /// Ends a SELECT whose rows of `tables` this transaction takes for itself: on PostgreSQL rows that another worker
    /// holds are passed over; SQLite has one writer at a time.
    pub(crate) fn take(self, tables: &str) -> String {
        match self {
            Self::Sqlite => String::new(),
            Self::Postgres => format!(" FOR UPDATE OF {tables} SKIP LOCKED"),
        }
    }

    /// Ends a SELECT whose rows of `tables` must stay as they are read until the transaction ends: on PostgreSQL it
    /// waits for another worker that is changing them, and reads what that one left behind.
    pub(crate) fn hold(self, tables: &str) -> String {
        match self {
            Self::Sqlite => String::new(),
            Self::Postgres => format!(" FOR NO KEY UPDATE OF {tables}"),
        }
    }

    /// The end of `column …`: that the column is one of the list that is the value number `place`.
    pub(crate) fn within(self, place: usize) -> String {
        match self {
            Self::Sqlite => format!(" IN (SELECT value FROM json_each(${place}))"),
            Self::Postgres => format!(" = ANY(${place})"),
        }
    }

    /// The place of one value among many. SQLite numbers places without names by itself, and finds named ones by
    /// walking through all of them.
    pub(crate) fn place(self, number: usize, sql: &mut String) {
        use std::fmt::Write as _;
        let _ = match self {
            Self::Sqlite => sql.write_char('?'),
            Self::Postgres => write!(sql, "${number}"),
        };
    }

    /// How many values one statement can carry.
    pub(crate) const fn most_values(self) -> usize {
        match self {
            Self::Sqlite => 32_000,
            Self::Postgres => 65_000,
        }
    }
}
