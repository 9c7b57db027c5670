//! Contents by digest, and which project has them.

use rusqlite::params;
use wharf_oci::Digest;

use super::super::access::ProjectRow;
use super::super::tx::{Tx, signed, unsigned};
use crate::{Error, Result};

/// A digest that the catalog speaks of.
pub(in crate::sqlite) struct ContentRow {
    pub(in crate::sqlite) id: i64,
    pub(in crate::sqlite) size: u64,
    pub(in crate::sqlite) key: Option<String>,
    pub(in crate::sqlite) inline: bool,
}

impl ContentRow {
    /// Returns whether bytes are there, not only spoken of.
    pub(in crate::sqlite) fn is_present(&self) -> bool {
        self.inline || self.key.is_some()
    }
}

/// Returns what is known of a digest.
pub(in crate::sqlite) fn find(tx: &Tx<'_>, digest: &Digest) -> Result<Option<ContentRow>> {
    tx.first(
        "SELECT id, size, key, bytes IS NOT NULL FROM contents WHERE digest = ?1",
        [digest.as_str()],
        |row| {
            Ok(ContentRow { id: row.get(0)?, size: unsigned(row, 1)?, key: row.get(2)?, inline: row.get(3)? })
        },
    )
}

/// Returns the number of a digest, making it known without bytes.
pub(in crate::sqlite) fn intern(tx: &Tx<'_>, digest: &Digest) -> Result<i64> {
    match find(tx, digest)? {
        Some(row) => Ok(row.id),
        None => tx.insert("INSERT INTO contents (digest) VALUES (?1)", [digest.as_str()]),
    }
}

/// Returns the bytes that the catalog itself holds of a content.
pub(in crate::sqlite) fn bytes(tx: &Tx<'_>, id: i64) -> Result<Vec<u8>> {
    tx.first("SELECT bytes FROM contents WHERE id = ?1", [id], |row| row.get::<_, Option<Vec<u8>>>(0))?
        .flatten()
        .ok_or_else(|| Error::Damaged(format!("the bytes of content number {id} are not in the catalog")))
}

/// Counts a content to the project, unless it is already, and keeps it from collection.
///
/// # Errors
/// [`Error::QuotaExceeded`] when the project would then use more than it may.
pub(in crate::sqlite) fn claim(tx: &Tx<'_>, project: &ProjectRow, id: i64, size: u64) -> Result<()> {
    tx.run(
        "UPDATE contents SET unreferenced_since = NULL WHERE id = ?1 AND unreferenced_since IS NOT NULL",
        [id],
    )?;
    let new = tx.run(
        "INSERT INTO project_contents (project_id, content_id) VALUES (?1, ?2) ON CONFLICT DO NOTHING",
        params![project.id, id],
    )?;
    if new == 0 {
        return Ok(());
    }
    let used = tx
        .first(
            "UPDATE projects SET used_bytes = used_bytes + ?2 WHERE id = ?1 RETURNING used_bytes",
            params![project.id, signed(size)],
            |row| unsigned(row, 0),
        )?
        .ok_or_else(|| Error::not_found("project", &project.name))?;
    match project.quota_bytes {
        Some(limit_bytes) if used > limit_bytes => {
            Err(Error::QuotaExceeded { project: project.name.clone(), wanted_bytes: used, limit_bytes })
        }
        _ => Ok(()),
    }
}

/// Takes note that a repository of the project does not have a content any more: the project is charged for it no
/// longer if that was the last, and it becomes collectable, as unreferenced since `since`, if no repository has it.
pub(in crate::sqlite) fn give_up(tx: &Tx<'_>, project_id: i64, id: i64, since: i64) -> Result<()> {
    let in_project = tx.exists(
        "SELECT 1 FROM blob_links WHERE content_id = ?1 AND project_id = ?2
         UNION ALL SELECT 1 FROM manifests WHERE content_id = ?1 AND project_id = ?2",
        params![id, project_id],
    )?;
    if in_project {
        return Ok(());
    }
    let gone = tx.run(
        "DELETE FROM project_contents WHERE project_id = ?1 AND content_id = ?2",
        params![project_id, id],
    )?;
    if gone > 0 {
        tx.run(
            "UPDATE projects SET used_bytes = max(used_bytes - (SELECT size FROM contents WHERE id = ?2), 0)
             WHERE id = ?1",
            params![project_id, id],
        )?;
    }
    if !is_referenced(tx, id)? {
        tx.run("UPDATE contents SET unreferenced_since = ?2 WHERE id = ?1", params![id, since])?;
    }
    Ok(())
}

/// Returns whether some repository has the content, as blob or as manifest.
pub(in crate::sqlite) fn is_referenced(tx: &Tx<'_>, id: i64) -> Result<bool> {
    tx.exists(
        "SELECT 1 FROM blob_links WHERE content_id = ?1
         UNION ALL SELECT 1 FROM manifests WHERE content_id = ?1",
        [id],
    )
}

/// Removes the bytes of a content that no repository has: the key goes to the released ones. The digest itself stays
/// known as long as a manifest refers to it.
pub(in crate::sqlite) fn release(tx: &Tx<'_>, id: i64) -> Result<()> {
    release_key(tx, id)?;
    tx.run("UPDATE contents SET size = 0, bytes = NULL, unreferenced_since = NULL WHERE id = ?1", [id])?;
    forget_if_unused(tx, id)
}

/// Moves the key of a content to the released ones.
pub(in crate::sqlite) fn release_key(tx: &Tx<'_>, id: i64) -> Result<()> {
    tx.run(
        "INSERT INTO released_keys (key, released_at)
         SELECT key, ?2 FROM contents WHERE id = ?1 AND key IS NOT NULL ON CONFLICT DO NOTHING",
        params![id, tx.now()],
    )?;
    tx.run("UPDATE contents SET key = NULL WHERE id = ?1 AND key IS NOT NULL", [id])?;
    Ok(())
}

/// Forgets a digest that has no bytes and that no manifest refers to.
pub(in crate::sqlite) fn forget_if_unused(tx: &Tx<'_>, id: i64) -> Result<()> {
    tx.run(
        "DELETE FROM contents WHERE id = ?1 AND key IS NULL AND bytes IS NULL
         AND NOT EXISTS (SELECT 1 FROM manifest_blobs WHERE content_id = ?1)",
        [id],
    )?;
    Ok(())
}
