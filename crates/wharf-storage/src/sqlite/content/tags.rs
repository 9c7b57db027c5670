//! Tags and where they have pointed.

use rusqlite::params;
use wharf_access::{Caller, Permission};
use wharf_oci::{Digest, RepositoryName, Tag};

use super::super::access;
use super::super::journal::{self, Note};
use super::super::tx::{Tx, parsed, row_limit};
use super::manifests;
use super::repositories::{self, RepositoryRow};
use crate::catalog::{AuditOperation, Page, TagMove};
use crate::{Error, Result};

/// How much of a client's reason to force a move is kept.
const MAX_REASON_CHARS: usize = 256;

/// Returns the manifest that a tag points to: number and digest.
pub(in crate::sqlite) fn target(
    tx: &Tx<'_>,
    repository: RepositoryRow,
    tag: &Tag,
) -> Result<Option<(i64, Digest)>> {
    tx.first(
        "SELECT m.id, m.digest FROM tags t JOIN manifests m ON m.id = t.manifest_id
         WHERE t.repository_id = ?1 AND t.name = ?2",
        params![repository.id, tag.as_str()],
        |row| Ok((row.get(0)?, parsed(row, 1)?)),
    )
}

/// Points a tag to a manifest of the same repository; returns the move, if it is one. Access and audit are the caller's.
pub(in crate::sqlite) fn set(
    tx: &Tx<'_>,
    caller: &Caller,
    repository: RepositoryRow,
    tag: &Tag,
    manifest_id: i64,
    digest: &Digest,
) -> Result<Option<TagMove>> {
    let previous = target(tx, repository, tag)?;
    if previous.as_ref().is_some_and(|(id, _)| *id == manifest_id) {
        return Ok(None);
    }
    tx.run(
        "INSERT INTO tags (repository_id, name, manifest_id, pushed_at) VALUES (?1, ?2, ?3, ?4)
         ON CONFLICT (repository_id, name)
         DO UPDATE SET manifest_id = excluded.manifest_id, pushed_at = excluded.pushed_at",
        params![repository.id, tag.as_str(), manifest_id, tx.now()],
    )?;
    remember(tx, caller, repository, tag, Some(digest))?;
    manifests::settle(tx, manifest_id)?;
    if let Some((id, _)) = previous {
        manifests::settle(tx, id)?;
    }
    Ok(Some(TagMove { tag: tag.clone(), previous: previous.map(|(_, digest)| digest) }))
}

/// Adds a line to the history of a tag.
pub(super) fn remember(
    tx: &Tx<'_>,
    caller: &Caller,
    repository: RepositoryRow,
    tag: &Tag,
    digest: Option<&Digest>,
) -> Result<()> {
    tx.run(
        "INSERT INTO tag_history (repository_id, tag, digest, at, actor) VALUES (?1, ?2, ?3, ?4, ?5)",
        params![repository.id, tag.as_str(), digest.map(Digest::as_str), tx.now(), caller.name],
    )?;
    Ok(())
}

/// Writes the audit entry of a tag that was set.
pub(in crate::sqlite) fn note_move(
    tx: &Tx<'_>,
    caller: &Caller,
    repository: &RepositoryName,
    moved: &TagMove,
    digest: &Digest,
    force_reason: Option<&str>,
) -> Result<()> {
    let (operation, detail) = match (&moved.previous, force_reason) {
        (None, _) => (AuditOperation::CreateTag, None),
        (Some(previous), None) => (AuditOperation::MoveTag, Some(format!("from {previous}"))),
        (Some(previous), Some(reason)) => {
            let reason: String = reason.chars().take(MAX_REASON_CHARS).collect();
            (AuditOperation::MoveTag, Some(format!("from {previous}; forced: {reason}")))
        }
    };
    journal::note(
        tx,
        caller,
        Note {
            operation,
            project: Some(repository.project()),
            resource: &format!("{repository}:{}", moved.tag),
            digest: Some(digest),
            detail,
        },
    )
}

pub(super) fn delete(tx: &Tx<'_>, caller: &Caller, repository: &RepositoryName, tag: &Tag) -> Result<()> {
    access::authorize_on_repository(tx, caller, Permission::DELETE_TAG, repository)?;
    let row = repositories::require(tx, repository)?;
    let (manifest_id, digest) = target(tx, row, tag)?.ok_or_else(|| Error::not_found("tag", tag))?;
    tx.run("DELETE FROM tags WHERE repository_id = ?1 AND name = ?2", params![row.id, tag.as_str()])?;
    remember(tx, caller, row, tag, None)?;
    manifests::settle(tx, manifest_id)?;
    journal::note(
        tx,
        caller,
        Note {
            operation: AuditOperation::DeleteTag,
            project: Some(repository.project()),
            resource: &format!("{repository}:{tag}"),
            digest: Some(&digest),
            detail: None,
        },
    )
}

pub(super) fn list(
    tx: &Tx<'_>,
    caller: &Caller,
    repository: &RepositoryName,
    page: &Page,
) -> Result<Vec<Tag>> {
    access::authorize_on_repository(tx, caller, Permission::PULL, repository)?;
    let row = repositories::require(tx, repository)?;
    tx.all(
        "SELECT name FROM tags WHERE repository_id = ?1 AND name > ?2 ORDER BY name LIMIT ?3",
        params![row.id, page.after.as_deref().unwrap_or_default(), row_limit(page.limit)],
        |row| parsed(row, 0),
    )
}
