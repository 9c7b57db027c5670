//! Tags as the management API shows them.

use rusqlite::params;
use wharf_access::{Action, Caller, Permission, Resource};
use wharf_oci::{Digest, Reference, RepositoryName, Tag};

use super::super::access;
use super::super::content::repositories::{self, RepositoryRow};
use super::super::content::tags;
use super::super::tx::{Tx, parsed, parsed_or_none, row_limit};
use super::artifacts;
use crate::catalog::{Page, TagHistoryEntry, TagRecord};
use crate::{Error, Result};

const fn permission(action: Action) -> Permission {
    Permission::new(Resource::Tag, action)
}

pub(super) fn create(
    tx: &Tx<'_>,
    caller: &Caller,
    name: &RepositoryName,
    reference: &Reference,
    tag: &Tag,
) -> Result<()> {
    access::authorize_on_repository(tx, caller, permission(Action::Create), name)?;
    let repository = repositories::require(tx, name)?;
    let id = artifacts::require(tx, repository, reference)?;
    if let Some((target, digest)) = tags::target(tx, repository, tag)?
        && target != id
    {
        return Err(Error::Conflict {
            what: "tag",
            name: tag.to_string(),
            problem: format!("points to {digest}"),
        });
    }
    let digest: Digest = tx
        .first("SELECT digest FROM manifests WHERE id = ?1", [id], |row| parsed(row, 0))?
        .ok_or_else(|| Error::not_found("artifact", reference))?;
    if let Some(moved) = tags::set(tx, caller, repository, tag, id, &digest)? {
        tags::note_move(tx, caller, name, &moved, &digest, None)?;
    }
    Ok(())
}

pub(super) fn list(
    tx: &Tx<'_>,
    caller: &Caller,
    name: &RepositoryName,
    reference: Option<&Reference>,
    page: &Page,
) -> Result<Vec<TagRecord>> {
    access::authorize_on_repository(tx, caller, permission(Action::List), name)?;
    let repository = repositories::require(tx, name)?;
    let manifest = match reference {
        Some(reference) => Some(artifacts::require(tx, repository, reference)?),
        None => None,
    };
    of_manifest(tx, repository, manifest, page)
}

/// Lists the tags on one manifest of a repository, or on all.
pub(super) fn of_manifest(
    tx: &Tx<'_>,
    repository: RepositoryRow,
    manifest: Option<i64>,
    page: &Page,
) -> Result<Vec<TagRecord>> {
    // Two statements, as each is served by another index.
    let sql = if manifest.is_some() {
        "SELECT t.id, t.name, m.digest, t.pushed_at FROM tags t JOIN manifests m ON m.id = t.manifest_id
         WHERE t.manifest_id = ?4 AND t.repository_id = ?1 AND t.name > ?2 ORDER BY t.name LIMIT ?3"
    } else {
        "SELECT t.id, t.name, m.digest, t.pushed_at FROM tags t JOIN manifests m ON m.id = t.manifest_id
         WHERE ?4 IS NULL AND t.repository_id = ?1 AND t.name > ?2 ORDER BY t.name LIMIT ?3"
    };
    tx.all(
        sql,
        params![repository.id, page.after.as_deref().unwrap_or_default(), row_limit(page.limit), manifest],
        |row| {
            Ok(TagRecord {
                id: row.get(0)?,
                name: parsed(row, 1)?,
                digest: parsed(row, 2)?,
                pushed_at: row.get(3)?,
            })
        },
    )
}

pub(super) fn history(
    tx: &Tx<'_>,
    caller: &Caller,
    name: &RepositoryName,
    tag: &Tag,
    limit: usize,
) -> Result<Vec<TagHistoryEntry>> {
    access::authorize_on_repository(tx, caller, permission(Action::List), name)?;
    let repository = repositories::require(tx, name)?;
    tx.all(
        "SELECT digest, at, actor FROM tag_history WHERE repository_id = ?1 AND tag = ?2
         ORDER BY id DESC LIMIT ?3",
        params![repository.id, tag.as_str(), row_limit(limit)],
        |row| Ok(TagHistoryEntry { digest: parsed_or_none(row, 0)?, at: row.get(1)?, actor: row.get(2)? }),
    )
}
