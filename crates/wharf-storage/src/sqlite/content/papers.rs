//! What is attached to a manifest, for a decision by the project's trust policy.

use std::fmt::Write as _;

use bytes::Bytes;
use rusqlite::params;
use wharf_oci::{Algorithm, Descriptor, Digest, RepositoryName, Tag};

use super::super::management::policies;
use super::super::tx::{Tx, parsed, row_limit, unsigned};
use super::repositories::{self, RepositoryRow};
use super::{blobs, contents};
use crate::catalog::{BlobRecord, Gate, PaperState, Papers};
use crate::{Error, Result};

/// How many papers of a kind are looked at: one more than any decision takes.
const MAX_PAPERS: usize = 1001;
/// How many bytes of manifests are handed out.
const MAX_MANIFEST_BYTES: u64 = 32 << 20;

/// A manifest that is attached.
struct Attached {
    id: i64,
    digest: Digest,
    media_type: String,
    content_id: i64,
    size: u64,
    /// How many of its blobs are there.
    blobs: u64,
    /// The sibling tag, where it is under one.
    tag: Option<String>,
}

pub(in crate::sqlite) fn state(
    tx: &Tx<'_>,
    repository: &RepositoryName,
    digest: &Digest,
) -> Result<PaperState> {
    let row = repositories::require(tx, repository)?;
    let policy = policies::name(tx, row.project_id)?;
    Ok(PaperState { policy, state: digest_of(&attached(tx, row, digest)?) })
}

pub(in crate::sqlite) fn papers(tx: &Tx<'_>, repository: &RepositoryName, digest: &Digest) -> Result<Papers> {
    let row = repositories::require(tx, repository)?;
    let found = attached(tx, row, digest)?;
    if found.first().is_none_or(|first| first.digest != *digest) {
        return Err(Error::not_found("manifest", digest));
    }
    let mut papers = Papers {
        policy: policies::of(tx, row.project_id)?,
        state: digest_of(&found),
        referrers: Vec::new(),
        siblings: Vec::new(),
        manifests: Vec::new(),
        blobs: Vec::new(),
    };
    let mut left_bytes = MAX_MANIFEST_BYTES;
    for paper in found {
        match paper.tag.as_deref().map(str::parse::<Tag>) {
            Some(Ok(tag)) => papers.siblings.push((tag, paper.digest.clone())),
            Some(Err(_)) => continue,
            None if paper.digest == *digest => {}
            None => {
                let descriptor = Descriptor::new(paper.media_type.clone(), paper.digest.clone(), paper.size);
                papers.referrers.push(descriptor);
            }
        }
        if paper.size > left_bytes {
            continue;
        }
        left_bytes -= paper.size;
        let content = Bytes::from(contents::bytes(tx, paper.content_id)?);
        papers.manifests.push((paper.media_type, paper.digest, content));
        papers.blobs.extend(blobs_of(tx, row, paper.id)?);
    }
    Ok(papers)
}

/// Returns the manifest itself, whose own blobs can hold a provenance file, and what is attached: by subject, in the order of
/// digests, then by sibling tag.
fn attached(tx: &Tx<'_>, repository: RepositoryRow, digest: &Digest) -> Result<Vec<Attached>> {
    let read = |row: &rusqlite::Row<'_>| {
        Ok(Attached {
            id: row.get(0)?,
            digest: parsed(row, 1)?,
            media_type: row.get(2)?,
            content_id: row.get(3)?,
            size: unsigned(row, 4)?,
            blobs: unsigned(row, 5)?,
            tag: row.get(6)?,
        })
    };
    let columns = "m.id, m.digest, m.media_type, m.content_id, c.size,
             (SELECT count(*) FROM manifest_blobs b JOIN blob_links l
                 ON l.repository_id = b.repository_id AND l.content_id = b.content_id WHERE b.manifest_id = m.id)";
    let mut found = tx.all(
        &format!(
            "SELECT {columns}, NULL FROM manifests m JOIN contents c ON c.id = m.content_id
             WHERE m.repository_id = ?1 AND m.digest = ?2"
        ),
        params![repository.id, digest.as_str()],
        read,
    )?;
    found.extend(tx.all(
        &format!(
            "SELECT {columns}, NULL FROM manifests m JOIN contents c ON c.id = m.content_id
             WHERE m.repository_id = ?1 AND m.subject = ?2 ORDER BY m.digest LIMIT ?3"
        ),
        params![repository.id, digest.as_str(), row_limit(MAX_PAPERS)],
        read,
    )?);
    let sibling = |end| format!("{}-{}.{end}", digest.algorithm_name(), digest.encoded());
    found.extend(tx.all(
        &format!(
            "SELECT {columns}, t.name
             FROM tags t JOIN manifests m ON m.id = t.manifest_id JOIN contents c ON c.id = m.content_id
             WHERE t.repository_id = ?1 AND t.name IN (?2, ?3) ORDER BY t.name"
        ),
        params![repository.id, sibling("att"), sibling("sig")],
        read,
    )?);
    Ok(found)
}

fn digest_of(found: &[Attached]) -> Digest {
    let mut text = String::new();
    for Attached { digest, blobs, tag, .. } in found {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{} {digest} {blobs}", tag.as_deref().unwrap_or("-"));
    }
    Algorithm::Sha256.digest(text.as_bytes())
}

fn blobs_of(tx: &Tx<'_>, repository: RepositoryRow, manifest: i64) -> Result<Vec<BlobRecord>> {
    let rows = tx.all(
        "SELECT c.digest, c.size, c.key, c.bytes FROM manifest_blobs b
         JOIN blob_links l ON l.repository_id = ?1 AND l.content_id = b.content_id
         JOIN contents c ON c.id = b.content_id WHERE b.manifest_id = ?2 LIMIT ?3",
        params![repository.id, manifest, row_limit(MAX_PAPERS + 1)],
        |row| {
            let digest: Digest = parsed(row, 0)?;
            Ok((digest, unsigned(row, 1)?, row.get::<_, Option<String>>(2)?, row.get(3)?))
        },
    )?;
    rows.into_iter()
        .map(|(digest, size, key, bytes)| {
            let place = blobs::place(&digest, key.as_deref(), bytes)?;
            Ok(BlobRecord { digest, size, place, gate: Gate::Open })
        })
        .collect()
}

pub(in crate::sqlite) fn indexes_of(
    tx: &Tx<'_>,
    repository: &RepositoryName,
    digest: &Digest,
    limit: usize,
) -> Result<Vec<Digest>> {
    let row = repositories::require(tx, repository)?;
    tx.all(
        "SELECT m.digest FROM manifest_children c JOIN manifests m ON m.id = c.manifest_id
         WHERE c.repository_id = ?1 AND c.digest = ?2 ORDER BY m.id DESC LIMIT ?3",
        params![row.id, digest.as_str(), row_limit(limit)],
        |row| parsed(row, 0),
    )
}

pub(in crate::sqlite) fn users_of_blob(
    tx: &Tx<'_>,
    repository: &RepositoryName,
    digest: &Digest,
    limit: usize,
) -> Result<Vec<Digest>> {
    let row = repositories::require(tx, repository)?;
    let Some(content) = contents::find(tx, digest)? else { return Ok(Vec::new()) };
    tx.all(
        "SELECT m.digest FROM manifest_blobs b JOIN manifests m ON m.id = b.manifest_id
         WHERE b.content_id = ?1 AND b.repository_id = ?2 ORDER BY m.id DESC LIMIT ?3",
        params![content.id, row.id, row_limit(limit)],
        |row| parsed(row, 0),
    )
}
