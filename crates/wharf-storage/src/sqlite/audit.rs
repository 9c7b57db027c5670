//! The audit log on SQLite.

use async_trait::async_trait;
use rusqlite::{Row, params};
use wharf_access::{Action, Caller, Permission, Request, Resource};

use super::tx::{Tx, row_limit, signed};
use super::{SqliteCatalog, access, journal};
use crate::Result;
use crate::catalog::{Audit, AuditEntry, AuditFilter, AuditOperation, NewAuditEntry, Page};

/// How many entries one transaction removes: the writer serves everyone.
const TRIM_STEP: i64 = 1000;

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

    async fn trim_audit(&self, before: i64, keep_at_most: u64) -> Result<u64> {
        let mut removed = 0;
        loop {
            let step = self.write(move |tx| trim(tx, before, keep_at_most)).await?;
            removed += step as u64;
            if step == 0 {
                return Ok(removed);
            }
        }
    }
}

fn list(tx: &Tx<'_>, caller: &Caller, filter: &AuditFilter, page: &Page) -> Result<Vec<AuditEntry>> {
    let request = match &filter.project {
        Some(project) => Request::in_project(Permission::new(Resource::Log, Action::List), project),
        None => Request::on_system(Permission::new(Resource::AuditLog, Action::List)),
    };
    // An administrator may read what is left of a project that was removed.
    access::authorize(tx, caller, &request)?;
    // Two statements, as only a plain comparison lets the index of projects be used.
    let in_project = "SELECT id, at_millis, actor, address, operation, project, resource, digest, outcome, detail, count
        FROM audit WHERE project = ?8 AND id < ?1 AND (?2 IS NULL OR actor = ?2) AND (?3 IS NULL OR operation = ?3)
        AND (?4 IS NULL OR resource = ?4) AND (?5 IS NULL OR at_millis >= ?5) AND (?6 IS NULL OR at_millis < ?6)
        ORDER BY id DESC LIMIT ?7";
    let everywhere = "SELECT id, at_millis, actor, address, operation, project, resource, digest, outcome, detail, count
        FROM audit WHERE ?8 IS NULL AND id < ?1 AND (?2 IS NULL OR actor = ?2) AND (?3 IS NULL OR operation = ?3)
        AND (?4 IS NULL OR resource = ?4) AND (?5 IS NULL OR at_millis >= ?5) AND (?6 IS NULL OR at_millis < ?6)
        ORDER BY id DESC LIMIT ?7";
    tx.all(
        if filter.project.is_some() { in_project } else { everywhere },
        params![
            page.after_id()?.unwrap_or(i64::MAX),
            filter.actor,
            filter.operation.map(AuditOperation::as_str),
            filter.resource,
            filter.since,
            filter.until,
            row_limit(page.limit),
            filter.project,
        ],
        entry,
    )
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

/// Removes one step of what is too old or too much.
fn trim(tx: &Tx<'_>, before: i64, keep_at_most: u64) -> Result<usize> {
    let old = tx.run(
        "DELETE FROM audit WHERE id IN
             (SELECT id FROM audit WHERE at_millis < ?1 ORDER BY at_millis LIMIT ?2)",
        params![before, TRIM_STEP],
    )?;
    if old > 0 {
        return Ok(old);
    }
    tx.run(
        "DELETE FROM audit WHERE id IN
             (SELECT id FROM audit
              WHERE id <= (SELECT id FROM audit ORDER BY id DESC LIMIT 1 OFFSET ?1) ORDER BY id LIMIT ?2)",
        params![signed(keep_at_most), TRIM_STEP],
    )
}
