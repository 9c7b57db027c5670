//! Tags as the management API shows them.

use rusqlite::{Row, params};
use wharf_access::{Action, Caller, Permission, Resource};
use wharf_oci::{Digest, Reference, RepositoryName, Tag};

use super::super::access;
use super::super::content::repositories;
use super::super::content::tags;
use super::super::listing::{Columns, Query, order_by};
use super::super::tx::{Tx, parsed, parsed_or_none, row_limit};
use super::artifacts;
use crate::catalog::{Listed, Slice, SortField, TagHistoryEntry, TagRecord, TextFilter};
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

const SORTED_BY: Columns =
    &[(SortField::Id, "t.id"), (SortField::Name, "t.name"), (SortField::CreatedAt, "t.pushed_at")];

pub(super) fn list(
    tx: &Tx<'_>,
    caller: &Caller,
    name: &RepositoryName,
    reference: Option<&Reference>,
    tag: Option<&TextFilter>,
    slice: &Slice,
) -> Result<Listed<TagRecord>> {
    access::authorize_on_repository(tx, caller, permission(Action::List), name)?;
    let repository = repositories::require(tx, name)?;
    let manifest = match reference {
        Some(reference) => Some(artifacts::require(tx, repository, reference)?),
        None => None,
    };
    let query = Query {
        columns: "t.id, t.name, m.digest, t.pushed_at, (SELECT h.actor FROM tag_history h
            WHERE h.repository_id = t.repository_id AND h.tag = t.name ORDER BY h.id DESC LIMIT 1)",
        // Two texts, as each is served by another index.
        from: if manifest.is_some() {
            "FROM tags t JOIN manifests m ON m.id = t.manifest_id WHERE t.manifest_id = ?2 AND t.repository_id = ?1
             AND (?3 IS NULL OR t.name = ?3) AND (?4 IS NULL OR instr(t.name, ?4) > 0)"
        } else {
            "FROM tags t JOIN manifests m ON m.id = t.manifest_id WHERE ?2 IS NULL AND t.repository_id = ?1
             AND (?3 IS NULL OR t.name = ?3) AND (?4 IS NULL OR instr(t.name, ?4) > 0)"
        },
        params: &[&repository.id, &manifest, &TextFilter::exact(tag), &TextFilter::part(tag)],
    };
    query.list(tx, &order_by(slice, SORTED_BY, "t.name")?, slice, record)
}

/// Lists the first tags on a manifest.
pub(super) fn of_manifest(tx: &Tx<'_>, manifest: i64, limit: usize) -> Result<Vec<TagRecord>> {
    tx.all(
        "SELECT t.id, t.name, m.digest, t.pushed_at, (SELECT h.actor FROM tag_history h
             WHERE h.repository_id = t.repository_id AND h.tag = t.name ORDER BY h.id DESC LIMIT 1)
         FROM tags t JOIN manifests m ON m.id = t.manifest_id
         WHERE t.manifest_id = ?1 ORDER BY t.name LIMIT ?2",
        params![manifest, row_limit(limit)],
        record,
    )
}

fn record(row: &Row<'_>) -> rusqlite::Result<TagRecord> {
    Ok(TagRecord {
        id: row.get(0)?,
        name: parsed(row, 1)?,
        digest: parsed(row, 2)?,
        pushed_at: row.get(3)?,
        set_by: row.get(4)?,
    })
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
        "SELECT digest, at, actor, EXISTS (SELECT 1 FROM manifests m
             WHERE m.repository_id = h.repository_id AND m.digest = h.digest)
         FROM tag_history h WHERE repository_id = ?1 AND tag = ?2 ORDER BY id DESC LIMIT ?3",
        params![repository.id, tag.as_str(), row_limit(limit)],
        |row| {
            Ok(TagHistoryEntry {
                digest: parsed_or_none(row, 0)?,
                at: row.get(1)?,
                actor: row.get(2)?,
                present: row.get(3)?,
            })
        },
    )
}
