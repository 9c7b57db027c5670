//! The manifests that name another as their subject.

use rusqlite::params;
use wharf_access::{Caller, Permission};
use wharf_oci::{Descriptor, Digest, RepositoryName};

use super::super::access;
use super::super::tx::{Tx, parsed, row_limit, unsigned};
use super::repositories;
use crate::catalog::Page;
use crate::{Error, Result};

pub(super) fn list(
    tx: &Tx<'_>,
    caller: &Caller,
    repository: &RepositoryName,
    subject: &Digest,
    artifact_type: Option<&str>,
    page: &Page,
) -> Result<Vec<Descriptor>> {
    access::authorize_on_repository(tx, caller, Permission::PULL, repository)?;
    let Some(row) = repositories::find(tx, repository)? else { return Ok(Vec::new()) };
    let rows = tx.all(
        "SELECT m.digest, m.media_type, c.size, m.artifact_type, m.annotations
         FROM manifests m JOIN contents c ON c.id = m.content_id
         WHERE m.repository_id = ?1 AND m.subject = ?2 AND m.digest > ?3 AND (?4 IS NULL OR m.artifact_type = ?4)
         ORDER BY m.digest LIMIT ?5",
        params![
            row.id,
            subject.as_str(),
            page.after.as_deref().unwrap_or_default(),
            artifact_type,
            row_limit(page.limit)
        ],
        |row| {
            let mut descriptor =
                Descriptor::new(row.get::<_, String>(1)?, parsed(row, 0)?, unsigned(row, 2)?);
            descriptor.artifact_type = row.get(3)?;
            Ok((descriptor, row.get::<_, Option<String>>(4)?))
        },
    )?;
    rows.into_iter()
        .map(|(mut descriptor, annotations)| {
            if let Some(annotations) = annotations {
                descriptor.annotations = serde_json::from_str(&annotations).map_err(|error| {
                    Error::Damaged(format!("annotations of manifest {}: {error}", descriptor.digest))
                })?;
            }
            Ok(descriptor)
        })
        .collect()
}
