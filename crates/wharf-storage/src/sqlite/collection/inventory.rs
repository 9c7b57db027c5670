//! What is there, for `doctor`, and taking out what is damaged.

use rusqlite::params;
use wharf_access::Caller;
use wharf_oci::Digest;

use super::super::content::repositories::RepositoryRow;
use super::super::content::{blobs, contents, manifests};
use super::super::tx::{Tx, parsed, row_limit, unsigned};
use crate::catalog::{BlobPlace, BlobUse};
use crate::{BlobKey, Error, Result};

pub(super) fn released_keys(tx: &Tx<'_>, limit: usize) -> Result<Vec<BlobKey>> {
    let keys: Vec<String> =
        tx.all("SELECT key FROM released_keys ORDER BY key LIMIT ?1", [row_limit(limit)], |row| row.get(0))?;
    keys.into_iter()
        .map(|key| {
            BlobKey::from_text(&key).ok_or_else(|| Error::Damaged(format!("released key {key:?} is none")))
        })
        .collect()
}

pub(super) fn forget_released(tx: &Tx<'_>, keys: &[BlobKey]) -> Result<()> {
    for key in keys {
        tx.run("DELETE FROM released_keys WHERE key = ?1", [key.as_str()])?;
    }
    Ok(())
}

/// How many bytes of contents one page takes along at most, beyond its first content.
const PAGE_BYTES: u64 = 16 << 20;

pub(super) fn all_blobs(tx: &Tx<'_>, after: Option<&Digest>, limit: usize) -> Result<Vec<BlobUse>> {
    let mut page = Vec::new();
    let mut inline_bytes = 0;
    tx.scan(
        "SELECT digest, size, key, bytes,
             (SELECT count(*) FROM blob_links WHERE content_id = contents.id)
             + (SELECT count(*) FROM manifests WHERE content_id = contents.id)
         FROM contents WHERE digest > ?1 AND (key IS NOT NULL OR bytes IS NOT NULL) ORDER BY digest LIMIT ?2",
        params![after.map_or("", Digest::as_str), row_limit(limit)],
        |row| {
            let digest: Digest = parsed(row, 0)?;
            let key: Option<String> = row.get(2)?;
            let place = blobs::place(&digest, key.as_deref(), row.get(3)?)?;
            if let BlobPlace::Inline(bytes) = &place {
                inline_bytes += bytes.len() as u64;
            }
            page.push(BlobUse { digest, size: unsigned(row, 1)?, place, links: unsigned(row, 4)? });
            Ok(inline_bytes < PAGE_BYTES)
        },
    )?;
    Ok(page)
}

pub(super) fn knows_key(tx: &Tx<'_>, key: &BlobKey) -> Result<bool> {
    tx.exists(
        "SELECT 1 FROM contents WHERE key = ?1 UNION ALL SELECT 1 FROM released_keys WHERE key = ?1",
        [key.as_str()],
    )
}

/// Takes a content out of every repository. The manifests that refer to it stay, so that it counts as used again as
/// soon as a client has sent it; so do the referrers of a manifest that is taken out.
pub(super) fn quarantine(tx: &Tx<'_>, digest: &Digest) -> Result<Vec<String>> {
    let Some(content) = contents::find(tx, digest)?.filter(contents::ContentRow::is_present) else {
        return Ok(Vec::new());
    };
    let holders = tx.all(
        "SELECT r.id, r.project_id, r.name, r.going_since IS NULL FROM blob_links l JOIN repositories r ON r.id = l.repository_id
         WHERE l.content_id = ?1
         UNION SELECT r.id, r.project_id, r.name, r.going_since IS NULL FROM manifests m JOIN repositories r ON r.id = m.repository_id
         WHERE m.content_id = ?1 ORDER BY 3",
        [content.id],
        |row| {
            let repository = RepositoryRow { id: row.get(0)?, project_id: row.get(1)? };
            Ok((repository, row.get::<_, String>(2)?, row.get::<_, bool>(3)?))
        },
    )?;
    for (repository, ..) in &holders {
        blobs::unlink(tx, *repository, content.id, tx.now())?;
        if let Some(id) = manifests::id_of(tx, *repository, digest)? {
            manifests::remove_one(tx, &Caller::system(), *repository, id, tx.now())?;
            for referrer in manifests::referrers_of(tx, *repository, digest)? {
                manifests::settle(tx, referrer)?;
            }
        }
    }
    contents::release(tx, content.id)?;
    Ok(holders.into_iter().filter(|(.., seen)| *seen).map(|(_, name, _)| name).collect())
}
