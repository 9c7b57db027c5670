//! Audit entries, written in the transaction that does what they tell.

use rusqlite::params;
use wharf_access::Caller;
use wharf_oci::Digest;

use super::tx::Tx;
use crate::Result;
use crate::catalog::{AuditOperation, NewAuditEntry};

/// What a change writes into the audit log; actor, address and time are the transaction's and the caller's.
pub(super) struct Note<'a> {
    pub(super) operation: AuditOperation,
    pub(super) project: Option<&'a str>,
    pub(super) resource: &'a str,
    pub(super) digest: Option<&'a Digest>,
    pub(super) detail: Option<String>,
}

/// Notes a successful change.
pub(super) fn note(tx: &Tx<'_>, caller: &Caller, note: Note<'_>) -> Result<()> {
    insert(
        tx,
        &NewAuditEntry {
            at_millis: tx.now_millis(),
            actor: caller.name.clone(),
            address: caller.address.map(|address| address.to_string()),
            operation: note.operation,
            project: note.project.map(str::to_owned),
            resource: note.resource.to_owned(),
            digest: note.digest.map(Digest::to_string),
            outcome: "success".to_owned(),
            detail: note.detail,
            count: 1,
        },
    )
}

/// Adds an entry.
pub(super) fn insert(tx: &Tx<'_>, entry: &NewAuditEntry) -> Result<()> {
    tx.run(
        "INSERT INTO audit (at_millis, actor, address, operation, project, resource, digest, outcome, detail, count)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
        params![
            entry.at_millis,
            entry.actor,
            entry.address,
            entry.operation.as_str(),
            entry.project,
            entry.resource,
            entry.digest,
            entry.outcome,
            entry.detail,
            entry.count
        ],
    )?;
    Ok(())
}
