//! Lists with their total, in SQL.

use rusqlite::{Row, ToSql};

use super::tx::{Tx, row_limit, unsigned};
use crate::catalog::{Listed, Slice, SortField};
use crate::{Error, Result};

/// The column of each field that a list can be sorted by.
pub(super) type Columns = &'static [(SortField, &'static str)];

/// A query without its order and window. The text is this crate's own; what callers say comes in `params`.
pub(super) struct Query<'a> {
    pub(super) columns: &'static str,
    /// `FROM` and `WHERE`.
    pub(super) from: &'static str,
    pub(super) params: &'a [&'a dyn ToSql],
}

/// Returns what stands behind `ORDER BY`. `own` is the order that the list itself has, which no two rows share.
///
/// # Errors
/// [`Error::Invalid`] for a field that this list cannot be sorted by.
pub(super) fn order_by(slice: &Slice, columns: Columns, own: &str) -> Result<String> {
    let mut order = String::new();
    for sort in &slice.sort {
        let known = columns.iter().find(|(field, _)| *field == sort.field);
        let (_, column) = known.ok_or_else(|| Error::Invalid {
            what: "sort",
            problem: format!("this list cannot be sorted by {:?}", sort.field),
        })?;
        order.push_str(column);
        order.push_str(if sort.descending { " DESC, " } else { ", " });
    }
    order.push_str(own);
    Ok(order)
}

impl Query<'_> {
    /// Counts what the query finds.
    pub(super) fn count(&self, tx: &Tx<'_>) -> Result<u64> {
        let sql = format!("SELECT count(*) {}", self.from);
        Ok(tx.first(&sql, self.params, |row| unsigned(row, 0))?.unwrap_or(0))
    }

    /// Returns the entries of a slice.
    pub(super) fn entries<T>(
        &self,
        tx: &Tx<'_>,
        order: &str,
        slice: &Slice,
        read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Vec<T>> {
        let (limit, offset) = (row_limit(slice.limit), row_limit(slice.offset));
        let mut params = self.params.to_vec();
        params.extend([&limit as &dyn ToSql, &offset]);
        let (at_limit, at_offset) = (params.len() - 1, params.len());
        let Self { columns, from, .. } = self;
        let sql = format!("SELECT {columns} {from} ORDER BY {order} LIMIT ?{at_limit} OFFSET ?{at_offset}");
        tx.all(&sql, params.as_slice(), read)
    }

    /// Returns the entries of a slice with the total.
    pub(super) fn list<T>(
        &self,
        tx: &Tx<'_>,
        order: &str,
        slice: &Slice,
        read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Listed<T>> {
        Ok(Listed { entries: self.entries(tx, order, slice, read)?, total: self.count(tx)? })
    }
}
