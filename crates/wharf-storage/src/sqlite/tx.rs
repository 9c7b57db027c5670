//! One transaction, as the queries see it.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use rusqlite::{Connection, Params, Row};

use crate::{Error, Result};

/// Where the time comes from: Unix milliseconds.
#[derive(Clone)]
pub(super) struct Clock(pub(super) Arc<dyn Fn() -> i64 + Send + Sync>);

impl Clock {
    pub(super) fn now_millis(&self) -> i64 {
        (self.0)()
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Clock")
    }
}

/// A transaction: one snapshot to read, or a savepoint to write in. Statements are prepared once per connection.
pub(super) struct Tx<'c> {
    conn: &'c Connection,
    now_millis: i64,
}

impl<'c> Tx<'c> {
    pub(super) fn new(conn: &'c Connection, now_millis: i64) -> Self {
        Self { conn, now_millis }
    }

    /// Returns the same transaction as at another time, Unix seconds.
    pub(super) fn at(&self, now: i64) -> Self {
        Self { conn: self.conn, now_millis: now.saturating_mul(1000) }
    }

    /// Returns the time of the transaction, Unix milliseconds.
    pub(super) fn now_millis(&self) -> i64 {
        self.now_millis
    }

    /// Returns the time of the transaction, Unix seconds.
    pub(super) fn now(&self) -> i64 {
        self.now_millis.div_euclid(1000)
    }

    /// Runs a statement and returns how many rows it changed.
    pub(super) fn run(&self, sql: &str, params: impl Params) -> Result<usize> {
        Ok(self.conn.prepare_cached(sql)?.execute(params)?)
    }

    /// Runs an `INSERT` and returns the number of the new row.
    pub(super) fn insert(&self, sql: &str, params: impl Params) -> Result<i64> {
        Ok(self.conn.prepare_cached(sql)?.insert(params)?)
    }

    /// Returns the first row, if there is one.
    pub(super) fn first<T>(
        &self,
        sql: &str,
        params: impl Params,
        read: impl FnOnce(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Option<T>> {
        let mut statement = self.conn.prepare_cached(sql)?;
        let mut rows = statement.query(params)?;
        Ok(rows.next()?.map(read).transpose()?)
    }

    /// Returns whether there is a row.
    pub(super) fn exists(&self, sql: &str, params: impl Params) -> Result<bool> {
        Ok(self.conn.prepare_cached(sql)?.exists(params)?)
    }

    /// Returns every row.
    pub(super) fn all<T>(
        &self,
        sql: &str,
        params: impl Params,
        read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Vec<T>> {
        let mut statement = self.conn.prepare_cached(sql)?;
        let rows = statement.query_map(params, read)?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// Calls `visit` with row after row until it says `false`.
    pub(super) fn scan(
        &self,
        sql: &str,
        params: impl Params,
        mut visit: impl FnMut(&Row<'_>) -> Result<bool>,
    ) -> Result<()> {
        let mut statement = self.conn.prepare_cached(sql)?;
        let mut rows = statement.query(params)?;
        while let Some(row) = rows.next()? {
            if !visit(row)? {
                break;
            }
        }
        Ok(())
    }
}

/// Reads a column that holds the text form of a checked value. What the catalog wrote was checked; if it does not
/// parse, the stored data are damaged.
pub(super) fn parsed<T>(row: &Row<'_>, column: usize) -> rusqlite::Result<T>
where
    T: FromStr<Err: std::error::Error + Send + Sync + 'static>,
{
    let text = row.get_ref(column)?.as_str()?;
    text.parse().map_err(|error| {
        rusqlite::Error::FromSqlConversionFailure(column, rusqlite::types::Type::Text, Box::new(error))
    })
}

/// Reads a column like [`parsed`] that may be absent.
pub(super) fn parsed_or_none<T>(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<T>>
where
    T: FromStr<Err: std::error::Error + Send + Sync + 'static>,
{
    if row.get_ref(column)? == rusqlite::types::ValueRef::Null {
        return Ok(None);
    }
    parsed(row, column).map(Some)
}

/// Reads a column with a size or count, which are never negative.
pub(super) fn unsigned(row: &Row<'_>, column: usize) -> rusqlite::Result<u64> {
    let value: i64 = row.get(column)?;
    u64::try_from(value).map_err(|_| rusqlite::Error::IntegralValueOutOfRange(column, value))
}

/// Returns a size or count as SQLite stores it.
pub(super) fn signed(value: u64) -> i64 {
    // No content is larger than 2^63 bytes.
    i64::try_from(value).unwrap_or(i64::MAX)
}

/// Returns the limit of a page as SQLite wants it.
pub(super) fn row_limit(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}

impl From<rusqlite::Error> for Error {
    fn from(error: rusqlite::Error) -> Self {
        use rusqlite::ErrorCode;
        match error.sqlite_error_code() {
            Some(ErrorCode::DiskFull) => {
                Self::Full(std::io::Error::new(std::io::ErrorKind::StorageFull, error))
            }
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
                Self::Damaged(format!("the catalog: {error}"))
            }
            None => match error {
                rusqlite::Error::FromSqlConversionFailure(..)
                | rusqlite::Error::IntegralValueOutOfRange(..)
                | rusqlite::Error::InvalidColumnType(..) => Self::Damaged(format!("the catalog: {error}")),
                _ => Self::Io { context: "the catalog".to_owned(), source: Box::new(error) },
            },
            Some(_) => Self::Io { context: "the catalog".to_owned(), source: Box::new(error) },
        }
    }
}
