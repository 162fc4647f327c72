//! Values that go into statements and come out of rows, the same for both databases.

use jiff::Timestamp;
use serde::de::DeserializeOwned;
use sqlx::postgres::{PgArguments, PgRow};
use sqlx::sqlite::{SqliteArguments, SqliteRow};
use sqlx::{Arguments, Row as _};

use crate::StoreError;

/// One argument of a statement. Each carries its type even when it is null: PostgreSQL wants to know.
#[derive(Debug, Clone)]
pub(crate) enum Value {
    Int(Option<i64>),
    Text(Option<String>),
    Blob(Option<Vec<u8>>),
    /// A list for [`crate::Dialect::within`].
    Ints(Vec<i64>),
    /// A list for [`crate::Dialect::within`].
    Texts(Vec<String>),
}

/// The arguments of a statement, in order: `args![id, text]`.
macro_rules! args {
    ($($value:expr),* $(,)?) => { vec![$($crate::value::Value::from($value)),*] };
}
pub(crate) use args;

/// A row for [`crate::Tx::insert`].
macro_rules! row {
    ($($value:expr),* $(,)?) => { [$($crate::value::Value::from($value)),*] };
}
pub(crate) use row;

macro_rules! value_from {
    ($variant:ident: $($from:ty => $to:expr),+ $(,)?) => {
        $(impl From<$from> for Value {
            fn from(value: $from) -> Self {
                Self::$variant(Some($to(value)))
            }
        }
        impl From<Option<$from>> for Value {
            fn from(value: Option<$from>) -> Self {
                Self::$variant(value.map($to))
            }
        })+
    };
}

value_from!(Int: i64 => |v| v, bool => i64::from, Timestamp => |v: Timestamp| v.as_microsecond());
value_from!(Text: String => |v| v, &str => str::to_owned, &String => |v: &String| v.clone());
value_from!(Blob: Vec<u8> => |v| v, &[u8] => <[u8]>::to_vec);

impl FromIterator<i64> for Value {
    fn from_iter<I: IntoIterator<Item = i64>>(list: I) -> Self {
        Self::Ints(list.into_iter().collect())
    }
}

impl FromIterator<String> for Value {
    fn from_iter<I: IntoIterator<Item = String>>(list: I) -> Self {
        Self::Texts(list.into_iter().collect())
    }
}

impl<'a> FromIterator<&'a String> for Value {
    fn from_iter<I: IntoIterator<Item = &'a String>>(list: I) -> Self {
        Self::Texts(list.into_iter().cloned().collect())
    }
}

/// Rows whose identifier goes into a statement.
macro_rules! value_from_id {
    ($($path:path),+ $(,)?) => { $(impl From<$path> for Value {
        fn from(id: $path) -> Self { Self::Int(Some(id.0)) }
    }
    impl FromIterator<$path> for Value {
        fn from_iter<I: IntoIterator<Item = $path>>(list: I) -> Self { list.into_iter().map(|id| id.0).collect() }
    }
    impl From<Option<$path>> for Value {
        fn from(id: Option<$path>) -> Self { Self::Int(id.map(|id| id.0)) }
    })+ };
}
value_from_id!(
    sahut_domain::channel::ChannelId,
    sahut_domain::message::MessageId,
    sahut_domain::message::ThreadId,
    sahut_domain::message::CitizenId,
    sahut_domain::inquiry::InquiryId,
    sahut_domain::deadline::DeadlineId,
    sahut_domain::notice::NoticeId,
    sahut_domain::reply::ReplyId,
    sahut_domain::deadline::ExtensionId,
    sahut_domain::event::EventId,
    sahut_domain::incident::IncidentId,
    sahut_domain::letter::LetterId,
    sahut_domain::letter::ProposalId,
);

impl From<&sahut_domain::office::OfficeCode> for Value {
    fn from(code: &sahut_domain::office::OfficeCode) -> Self {
        Self::Text(Some(code.as_str().to_owned()))
    }
}

impl From<Option<&sahut_domain::office::OfficeCode>> for Value {
    fn from(code: Option<&sahut_domain::office::OfficeCode>) -> Self {
        Self::Text(code.map(|code| code.as_str().to_owned()))
    }
}

/// Adds values to the driver's own arguments; `$list` says how it takes a list.
macro_rules! bind {
    ($name:ident, $arguments:ty, $list:expr) => {
        pub(crate) fn $name(values: impl ExactSizeIterator<Item = Value>) -> Result<$arguments, StoreError> {
            let mut arguments = <$arguments>::default();
            arguments.reserve(values.len(), values.len() * 16);
            for value in values {
                match value {
                    Value::Int(value) => arguments.add(value),
                    Value::Text(value) => arguments.add(value.map(without_nul)),
                    Value::Blob(value) => arguments.add(value),
                    Value::Ints(list) => arguments.add($list(list)),
                    Value::Texts(list) => {
                        arguments.add($list(list.into_iter().map(without_nul).collect::<Vec<_>>()))
                    }
                }
                .map_err(|error| StoreError::Refused(error.to_string()))?;
            }
            Ok(arguments)
        }
    };
}
bind!(bind_sqlite, SqliteArguments, json_list);
bind!(bind_postgres, PgArguments, std::convert::identity);

#[expect(clippy::needless_pass_by_value, reason = "the other database takes the list itself")]
fn json_list<T: serde::Serialize>(list: Vec<T>) -> String {
    // Numbers and texts always have a form in JSON.
    serde_json::to_string(&list).unwrap_or_default()
}

/// PostgreSQL keeps no NUL in a text; a citizen's message must not be lost for one.
pub(crate) fn without_nul(text: String) -> String {
    if text.contains('\0') { text.replace('\0', "\u{FFFD}") } else { text }
}

/// A row of either database.
pub(crate) enum Row {
    Sqlite(SqliteRow),
    Postgres(PgRow),
}

impl Row {
    /// The value in a column, by its position from 0.
    pub(crate) fn get<T: Column>(&self, column: usize) -> Result<T, StoreError> {
        T::read(self, column)
    }

    /// A word of a closed set.
    pub(crate) fn word<T>(&self, column: usize) -> Result<T, StoreError>
    where
        T: std::str::FromStr,
        T::Err: std::fmt::Display,
    {
        let text: String = self.get(column)?;
        text.parse().map_err(|error| StoreError::bad_row("word", column, error))
    }

    /// A word of a closed set, or nothing.
    pub(crate) fn opt_word<T>(&self, column: usize) -> Result<Option<T>, StoreError>
    where
        T: std::str::FromStr,
        T::Err: std::fmt::Display,
    {
        let text: Option<String> = self.get(column)?;
        text.map(|text| text.parse().map_err(|error| StoreError::bad_row("word", column, error))).transpose()
    }

    /// A value that is stored as JSON.
    pub(crate) fn json<T: DeserializeOwned>(&self, column: usize) -> Result<T, StoreError> {
        let text: String = self.get(column)?;
        serde_json::from_str(&text).map_err(|error| StoreError::bad_row("column", column, error))
    }
}

/// A type that a column can be read as.
pub(crate) trait Column: Sized {
    fn read(row: &Row, column: usize) -> Result<Self, StoreError>;
}

macro_rules! plain_column {
    ($($plain:ty),+) => { $(impl Column for $plain {
        fn read(row: &Row, column: usize) -> Result<Self, StoreError> {
            Ok(match row {
                Row::Sqlite(row) => row.try_get(column)?,
                Row::Postgres(row) => row.try_get(column)?,
            })
        }
    })+ };
}
plain_column!(i64, Option<i64>, String, Option<String>, Vec<u8>, Option<Vec<u8>>);

impl Column for bool {
    fn read(row: &Row, column: usize) -> Result<Self, StoreError> {
        Ok(i64::read(row, column)? != 0)
    }
}

impl Column for Timestamp {
    fn read(row: &Row, column: usize) -> Result<Self, StoreError> {
        moment(i64::read(row, column)?)
    }
}

impl Column for Option<Timestamp> {
    fn read(row: &Row, column: usize) -> Result<Self, StoreError> {
        Option::<i64>::read(row, column)?.map(moment).transpose()
    }
}

impl Column for sahut_domain::office::OfficeCode {
    fn read(row: &Row, column: usize) -> Result<Self, StoreError> {
        Self::parse(&String::read(row, column)?).map_err(|error| StoreError::bad_row("office", column, error))
    }
}

impl Column for Option<sahut_domain::office::OfficeCode> {
    fn read(row: &Row, column: usize) -> Result<Self, StoreError> {
        let text = Option::<String>::read(row, column)?;
        text.map(|text| {
            sahut_domain::office::OfficeCode::parse(&text)
                .map_err(|error| StoreError::bad_row("office", column, error))
        })
        .transpose()
    }
}

fn moment(microseconds: i64) -> Result<Timestamp, StoreError> {
    Timestamp::from_microsecond(microseconds)
        .map_err(|error| StoreError::bad_row("moment", microseconds, error))
}

/// Reads identifiers as their own types.
macro_rules! id_column {
    ($($path:path),+ $(,)?) => { $(impl Column for $path {
        fn read(row: &Row, column: usize) -> Result<Self, StoreError> { i64::read(row, column).map($path) }
    }
    impl Column for Option<$path> {
        fn read(row: &Row, column: usize) -> Result<Self, StoreError> {
            Ok(Option::<i64>::read(row, column)?.map($path))
        }
    })+ };
}
id_column!(
    sahut_domain::channel::ChannelId,
    sahut_domain::message::MessageId,
    sahut_domain::message::ThreadId,
    sahut_domain::message::CitizenId,
    sahut_domain::inquiry::InquiryId,
    sahut_domain::deadline::DeadlineId,
    sahut_domain::notice::NoticeId,
    sahut_domain::reply::ReplyId,
    sahut_domain::deadline::ExtensionId,
    sahut_domain::event::EventId,
    sahut_domain::incident::IncidentId,
    sahut_domain::letter::LetterId,
    sahut_domain::letter::ProposalId,
);
