//! Manifests as the management API shows them.

use std::collections::BTreeMap;

use rusqlite::{Row, params};
use wharf_access::{Action, Caller, Permission, Resource};
use wharf_oci::{Reference, RepositoryName};

use super::super::access;
use super::super::content::repositories::{self, RepositoryRow};
use super::super::content::{manifests, tags as content_tags};
use super::super::tx::{Tx, parsed, parsed_or_none, row_limit, unsigned};
use super::tags;
use crate::catalog::{ArtifactRecord, Page};
use crate::{Error, Result};

/// How many tags of one artifact are shown with it.
const MAX_TAGS: usize = 100;

const fn permission(action: Action) -> Permission {
    Permission::new(Resource::Artifact, action)
}

pub(super) fn list(
    tx: &Tx<'_>,
    caller: &Caller,
    repository: &RepositoryName,
    all: bool,
    page: &Page,
) -> Result<Vec<ArtifactRecord>> {
    access::authorize_on_repository(tx, caller, permission(Action::List), repository)?;
    let row = repositories::require(tx, repository)?;
    let mut records = tx.all(
        "SELECT m.id, m.project_id, m.repository_id, m.digest, m.media_type, m.artifact_type, m.config_media_type,
             m.total_size, m.subject, m.annotations, m.pushed_at, m.pulled_at, m.pulls
         FROM manifests m WHERE m.repository_id = ?1 AND m.id < ?2 AND (?3
             OR EXISTS (SELECT 1 FROM tags t WHERE t.manifest_id = m.id)
             OR (m.subject IS NULL AND NOT EXISTS
                 (SELECT 1 FROM manifest_children c WHERE c.repository_id = m.repository_id AND c.digest = m.digest)))
         ORDER BY m.id DESC LIMIT ?4",
        params![row.id, page.after_id()?.unwrap_or(i64::MAX), all, row_limit(page.limit)],
        artifact,
    )?;
    for record in &mut records {
        complete(tx, row, record)?;
    }
    Ok(records)
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
    complete(tx, row, &mut record)?;
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
fn complete(tx: &Tx<'_>, repository: RepositoryRow, record: &mut ArtifactRecord) -> Result<()> {
    let page = Page { after: None, limit: MAX_TAGS };
    record.tags = tags::of_manifest(tx, repository, Some(record.id), &page)?;
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
