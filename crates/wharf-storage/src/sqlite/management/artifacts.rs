//! Manifests as the management API shows them.

use std::collections::BTreeMap;

use rusqlite::Row;
use wharf_access::{Action, Caller, Permission, Resource};
use wharf_oci::{Reference, RepositoryName};

use super::super::access;
use super::super::content::repositories::{self, RepositoryRow};
use super::super::content::{manifests, tags as content_tags};
use super::super::listing::{Columns, Query, order_by};
use super::super::tx::{Tx, parsed, parsed_or_none, unsigned};
use super::tags;
use crate::catalog::{ArtifactFilter, ArtifactRecord, Listed, Slice, SortField, TextFilter};
use crate::{Error, Result};

/// How many tags of one artifact are shown with it.
const MAX_TAGS: usize = 100;

const fn permission(action: Action) -> Permission {
    Permission::new(Resource::Artifact, action)
}

const SORTED_BY: Columns = &[
    (SortField::Id, "m.id"),
    (SortField::Digest, "m.digest"),
    (SortField::ArtifactType, "m.artifact_type"),
    (SortField::SizeBytes, "m.total_size"),
    (SortField::Pulls, "m.pulls"),
    (SortField::CreatedAt, "m.pushed_at"),
    (SortField::PulledAt, "m.pulled_at"),
];

pub(super) fn list(
    tx: &Tx<'_>,
    caller: &Caller,
    repository: &RepositoryName,
    filter: &ArtifactFilter,
    slice: &Slice,
) -> Result<Listed<ArtifactRecord>> {
    access::authorize_on_repository(tx, caller, permission(Action::List), repository)?;
    let row = repositories::require(tx, repository)?;
    let ArtifactFilter { all, tagged, tag, digest } = filter;
    let (tag, digest) = (tag.as_ref(), digest.as_ref());
    let query = Query {
        columns: "m.id, m.project_id, m.repository_id, m.digest, m.media_type, m.artifact_type, m.config_media_type,
            m.total_size, m.subject, m.annotations, m.pushed_at, m.pulled_at, m.pulls",
        from: "FROM manifests m WHERE m.repository_id = ?1 AND (?2
                OR EXISTS (SELECT 1 FROM tags t WHERE t.manifest_id = m.id)
                OR (m.subject IS NULL AND NOT EXISTS
                    (SELECT 1 FROM manifest_children c WHERE c.repository_id = m.repository_id AND c.digest = m.digest)))
            AND (?3 IS NULL OR ?3 = EXISTS (SELECT 1 FROM tags t WHERE t.manifest_id = m.id))
            AND (?4 IS NULL OR EXISTS (SELECT 1 FROM tags t WHERE t.manifest_id = m.id AND t.name = ?4))
            AND (?5 IS NULL OR EXISTS (SELECT 1 FROM tags t WHERE t.manifest_id = m.id AND instr(t.name, ?5) > 0))
            AND (?6 IS NULL OR m.digest = ?6) AND (?7 IS NULL OR instr(m.digest, ?7) > 0)",
        params: &[
            &row.id,
            all,
            tagged,
            &TextFilter::exact(tag),
            &TextFilter::part(tag),
            &TextFilter::exact(digest),
            &TextFilter::part(digest),
        ],
    };
    let mut entries = query.entries(tx, &order_by(slice, SORTED_BY, "m.id DESC")?, slice, artifact)?;
    for record in &mut entries {
        complete(tx, record)?;
    }
    let total = match (tagged, tag, digest) {
        (None, None, None) => count(tx, row, *all)?,
        _ => query.count(tx)?,
    };
    Ok(Listed { entries, total })
}

/// Counts the artifacts of a repository: all that it has, less those that are shown with others only. Most repositories
/// have few of these, so that not each manifest is looked at.
fn count(tx: &Tx<'_>, repository: RepositoryRow, all: bool) -> Result<u64> {
    let count =
        |sql: &str| Ok::<_, Error>(tx.first(sql, [repository.id], |row| unsigned(row, 0))?.unwrap_or(0));
    let has = count("SELECT coalesce(sum(manifests), 0) FROM artifact_use WHERE repository_id = ?1")?;
    if all {
        return Ok(has);
    }
    let hidden = count(
        "SELECT count(*) FROM (
             SELECT id FROM manifests WHERE repository_id = ?1 AND subject IS NOT NULL
             UNION SELECT m.id FROM manifest_children c
             JOIN manifests m ON m.repository_id = c.repository_id AND m.digest = c.digest WHERE c.repository_id = ?1
         ) h WHERE NOT EXISTS (SELECT 1 FROM tags t WHERE t.manifest_id = h.id)",
    )?;
    Ok(has.saturating_sub(hidden))
}

pub(super) fn find(
    tx: &Tx<'_>,
    caller: &Caller,
    repository: &RepositoryName,
    reference: &Reference,
) -> Result<ArtifactRecord> {
    access::authorize_on_repository(tx, caller, permission(Action::Read), repository)?;
    let row = repositories::require(tx, repository)?;
    let id = require(tx, row, reference)?;
    let mut record = tx
        .first(
            "SELECT m.id, m.project_id, m.repository_id, m.digest, m.media_type, m.artifact_type,
                 m.config_media_type, m.total_size, m.subject, m.annotations, m.pushed_at, m.pulled_at, m.pulls
             FROM manifests m WHERE m.id = ?1",
            [id],
            artifact,
        )?
        .ok_or_else(|| Error::not_found("artifact", reference))?;
    complete(tx, &mut record)?;
    Ok(record)
}

/// Returns the number of the manifest that a reference names in this repository.
pub(super) fn require(tx: &Tx<'_>, repository: RepositoryRow, reference: &Reference) -> Result<i64> {
    let id = match reference {
        Reference::Tag(tag) => content_tags::target(tx, repository, tag)?.map(|(id, _)| id),
        Reference::Digest(digest) => manifests::id_of(tx, repository, digest)?,
    };
    id.ok_or_else(|| Error::not_found("artifact", reference))
}

/// Adds what lies in other tables.
fn complete(tx: &Tx<'_>, record: &mut ArtifactRecord) -> Result<()> {
    record.tags = tags::of_manifest(tx, record.id, MAX_TAGS)?;
    record.children = tx.all(
        "SELECT digest FROM manifest_children WHERE manifest_id = ?1 ORDER BY digest",
        [record.id],
        |row| parsed(row, 0),
    )?;
    Ok(())
}

fn artifact(row: &Row<'_>) -> rusqlite::Result<ArtifactRecord> {
    let annotations: Option<String> = row.get(9)?;
    Ok(ArtifactRecord {
        id: row.get(0)?,
        project_id: row.get(1)?,
        repository_id: row.get(2)?,
        digest: parsed(row, 3)?,
        media_type: row.get(4)?,
        artifact_type: row.get(5)?,
        config_media_type: row.get(6)?,
        size: unsigned(row, 7)?,
        subject: parsed_or_none(row, 8)?,
        annotations: annotations.map_or_else(
            || Ok(BTreeMap::new()),
            |text| {
                serde_json::from_str(&text).map_err(|error| {
                    rusqlite::Error::FromSqlConversionFailure(9, rusqlite::types::Type::Text, Box::new(error))
                })
            },
        )?,
        tags: Vec::new(),
        children: Vec::new(),
        pushed_at: row.get(10)?,
        pulled_at: row.get(11)?,
        pulls: unsigned(row, 12)?,
    })
}
