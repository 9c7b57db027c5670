//! The audit log on SQLite.

use async_trait::async_trait;
use rusqlite::{Row, params};
use wharf_access::{Action, Caller, Permission, Request, Resource};

use super::listing::{Columns, Query, order_by};
use super::tx::{Tx, signed, unsigned};
use super::{SqliteCatalog, access, journal};
use crate::Result;
use crate::catalog::{
    Audit, AuditEntry, AuditFilter, AuditOperation, Listed, NewAuditEntry, Page, Slice, SortField,
};

/// How many entries one transaction removes: the writer serves everyone.
const TRIM_STEP: i64 = 1000;
/// Failed logins may fill one part in this many of the log, whatever else there is.
const FAILED_LOGINS_SHARE: u64 = 4;

#[async_trait]
impl Audit for SqliteCatalog {
    async fn record(&self, entries: Vec<NewAuditEntry>) -> Result<()> {
        if entries.is_empty() {
            return Ok(());
        }
        self.write(move |tx| entries.iter().try_for_each(|entry| journal::insert(tx, entry))).await
    }

    async fn audit_entries(
        &self,
        caller: &Caller,
        filter: &AuditFilter,
        page: Page,
    ) -> Result<Vec<AuditEntry>> {
        self.read(|tx| list(tx, caller, filter, &page))
    }

    async fn audit_page(
        &self,
        caller: &Caller,
        filter: &AuditFilter,
        slice: &Slice,
    ) -> Result<Listed<AuditEntry>> {
        self.read(|tx| numbered(tx, caller, filter, slice))
    }

    async fn trim_audit(&self, before: i64, keep_at_most: u64) -> Result<u64> {
        let mut removed = self.in_steps(move |tx| trim_old(tx, before)).await?;
        // The boundaries are found once, beside the writer.
        let surplus = self.read(|tx| surplus(tx, keep_at_most))?;
        if let Some(last) = surplus.failed_logins {
            removed += self.in_steps(move |tx| trim_failed_logins(tx, last)).await?;
        }
        if let Some(last) = surplus.entries {
            removed += self.in_steps(move |tx| trim_up_to(tx, last)).await?;
        }
        Ok(removed)
    }
}

impl SqliteCatalog {
    /// Repeats a removal, each time in a transaction of its own, until nothing is left to remove; returns how many went.
    async fn in_steps(
        &self,
        step: impl Fn(&Tx<'_>) -> Result<usize> + Clone + Send + 'static,
    ) -> Result<u64> {
        let mut removed = 0;
        loop {
            match self.write(step.clone()).await? {
                0 => return Ok(removed),
                step => removed += step as u64,
            }
        }
    }
}

/// Sees what a caller may see of the log: the query, without its order and window, with the entry that it ends before.
fn with_query<T>(
    tx: &Tx<'_>,
    caller: &Caller,
    filter: &AuditFilter,
    before: i64,
    work: impl FnOnce(&Query<'_>) -> Result<T>,
) -> Result<T> {
    let request = match &filter.project {
        Some(project) => Request::in_project(Permission::new(Resource::Log, Action::List), project),
        None => Request::on_system(Permission::new(Resource::AuditLog, Action::List)),
    };
    // An administrator may read what is left of a project that was removed.
    let project = access::authorize(tx, caller, &request)?;
    let (log_after, log_since) = match project {
        Some(project) if !reads_everything(tx, caller) => own_log(tx, project.id)?,
        _ => (0, i64::MIN),
    };
    work(&Query {
        columns: "id, at_millis, actor, address, operation, project, resource, digest, outcome, detail, count",
        // Two texts, as only a plain comparison lets the index of projects be used.
        from: if filter.project.is_some() {
            "FROM audit WHERE project = ?7 AND id < ?1 AND (?2 IS NULL OR actor = ?2) AND (?3 IS NULL OR operation = ?3)
             AND (?4 IS NULL OR resource = ?4) AND (?5 IS NULL OR at_millis >= ?5) AND (?6 IS NULL OR at_millis < ?6)
             AND id > ?8 AND at_millis >= ?9"
        } else {
            "FROM audit WHERE ?7 IS NULL AND id < ?1 AND (?2 IS NULL OR actor = ?2) AND (?3 IS NULL OR operation = ?3)
             AND (?4 IS NULL OR resource = ?4) AND (?5 IS NULL OR at_millis >= ?5) AND (?6 IS NULL OR at_millis < ?6)
             AND id > ?8 AND at_millis >= ?9"
        },
        params: &[
            &before,
            &filter.actor,
            &filter.operation.map(AuditOperation::as_str),
            &filter.resource,
            &filter.since,
            &filter.until,
            &filter.project,
            &log_after,
            &log_since,
        ],
    })
}

fn list(tx: &Tx<'_>, caller: &Caller, filter: &AuditFilter, page: &Page) -> Result<Vec<AuditEntry>> {
    let slice = Slice { limit: page.limit, ..Slice::default() };
    with_query(tx, caller, filter, page.after_id()?.unwrap_or(i64::MAX), |query| {
        query.entries(tx, "id DESC", &slice, entry)
    })
}

/// Entries are written in the order of time, or nearly: sorting by time goes by the number.
const SORTED_BY: Columns = &[(SortField::Id, "id"), (SortField::CreatedAt, "id")];

fn numbered(tx: &Tx<'_>, caller: &Caller, filter: &AuditFilter, slice: &Slice) -> Result<Listed<AuditEntry>> {
    let order = order_by(slice, SORTED_BY, "id DESC")?;
    with_query(tx, caller, filter, i64::MAX, |query| query.list(tx, &order, slice, entry))
}

/// Returns whether the caller may read the log of the whole system.
fn reads_everything(tx: &Tx<'_>, caller: &Caller) -> bool {
    let all = Request::on_system(Permission::new(Resource::AuditLog, Action::List));
    access::authorize(tx, caller, &all).is_ok()
}

/// Returns after which entry, and since when, the log of the project's name is that of this project: before, another
/// of this name may have been there, and whoever may read this one's log had no part in it.
fn own_log(tx: &Tx<'_>, project_id: i64) -> Result<(i64, i64)> {
    let own = tx.first("SELECT log_after, log_since FROM projects WHERE id = ?1", [project_id], |row| {
        Ok((row.get(0)?, row.get(1)?))
    })?;
    own.ok_or_else(|| crate::Error::not_found("project", project_id))
}

fn entry(row: &Row<'_>) -> rusqlite::Result<AuditEntry> {
    let operation: String = row.get(4)?;
    let operation = AuditOperation::from_text(&operation).ok_or_else(|| {
        rusqlite::Error::FromSqlConversionFailure(
            4,
            rusqlite::types::Type::Text,
            format!("audit operation {operation:?} is unknown").into(),
        )
    })?;
    Ok(AuditEntry {
        id: row.get(0)?,
        entry: NewAuditEntry {
            at_millis: row.get(1)?,
            actor: row.get(2)?,
            address: row.get(3)?,
            operation,
            project: row.get(5)?,
            resource: row.get(6)?,
            digest: row.get(7)?,
            outcome: row.get(8)?,
            detail: row.get(9)?,
            count: row.get(10)?,
        },
    })
}

/// Up to which entries, by number, the log is longer than it may be.
struct Surplus {
    /// Failed logins up to this one go first: they have a share of the log only, as anybody can cause them.
    failed_logins: Option<i64>,
    /// Then everything up to this one.
    entries: Option<i64>,
}

fn surplus(tx: &Tx<'_>, keep_at_most: u64) -> Result<Surplus> {
    let count = |sql: &str| tx.first(sql, [], |row| unsigned(row, 0)).map(Option::unwrap_or_default);
    let surplus = count("SELECT count(*) FROM audit")?.saturating_sub(keep_at_most);
    if surplus == 0 {
        return Ok(Surplus { failed_logins: None, entries: None });
    }
    let failed = count("SELECT count(*) FROM audit WHERE operation = 'login_user' AND outcome <> 'success'")?;
    let failed = failed.saturating_sub(keep_at_most / FAILED_LOGINS_SHARE).min(surplus);
    let failed_logins: Option<i64> = match failed.checked_sub(1) {
        Some(before) => tx.first(
            "SELECT id FROM audit WHERE operation = 'login_user' AND outcome <> 'success'
             ORDER BY id LIMIT 1 OFFSET ?1",
            [signed(before)],
            |row| row.get(0),
        )?,
        None => None,
    };
    let entries = match (surplus - failed).checked_sub(1) {
        Some(before) => tx.first(
            "SELECT id FROM audit WHERE id > ?2 OR operation <> 'login_user' OR outcome = 'success'
             ORDER BY id LIMIT 1 OFFSET ?1",
            params![signed(before), failed_logins.unwrap_or(0)],
            |row| row.get(0),
        )?,
        None => None,
    };
    Ok(Surplus { failed_logins, entries })
}

/// Removes one step of what is too old.
fn trim_old(tx: &Tx<'_>, before: i64) -> Result<usize> {
    tx.run(
        "DELETE FROM audit WHERE id IN
             (SELECT id FROM audit WHERE at_millis < ?1 ORDER BY at_millis LIMIT ?2)",
        params![before, TRIM_STEP],
    )
}

/// Removes one step of the failed logins up to an entry.
fn trim_failed_logins(tx: &Tx<'_>, last: i64) -> Result<usize> {
    tx.run(
        "DELETE FROM audit WHERE id IN
             (SELECT id FROM audit WHERE operation = 'login_user' AND outcome <> 'success' AND id <= ?1
              ORDER BY id LIMIT ?2)",
        params![last, TRIM_STEP],
    )
}

/// Removes one step of everything up to an entry.
fn trim_up_to(tx: &Tx<'_>, last: i64) -> Result<usize> {
    tx.run(
        "DELETE FROM audit WHERE id IN (SELECT id FROM audit WHERE id <= ?1 ORDER BY id LIMIT ?2)",
        params![last, TRIM_STEP],
    )
}
