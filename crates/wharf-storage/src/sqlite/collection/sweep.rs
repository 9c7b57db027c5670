//! One step of garbage collection.
//!
//! The marks (`unreferenced_since`) say where to look; each candidate is looked at again before it goes, so that a
//! mark that were wrong could delay a removal but never cause one.

use rusqlite::params;
use wharf_access::Caller;
use wharf_oci::{Digest, RepositoryName};

use super::super::content::repositories::RepositoryRow;
use super::super::content::{blobs, contents, manifests};
use super::super::journal::{self, Note};
use super::super::tx::{Tx, parsed, row_limit, unsigned};
use crate::Result;
use crate::catalog::{AuditOperation, Collected, CollectionPolicy};

pub(super) fn step(tx: &Tx<'_>, policy: &CollectionPolicy, limit: usize) -> Result<Collected> {
    let cutoff = cutoff(tx, policy);
    let mut collected = Collected::default();
    // With no grace at all, what one removal leaves unreferenced is due in the same run: hence the loop.
    loop {
        let before = total(&collected);
        collect_manifests(tx, ORPHANED, cutoff, left(limit, &collected), &mut collected)?;
        if policy.untagged_manifests {
            collect_manifests(tx, UNTAGGED, cutoff, left(limit, &collected), &mut collected)?;
        }
        collect_links(tx, cutoff, left(limit, &collected), &mut collected)?;
        collect_contents(tx, cutoff, left(limit, &collected), &mut collected)?;
        let after = total(&collected);
        if after == before || left(limit, &collected) == 0 {
            return Ok(collected);
        }
    }
}

/// Returns since when at the latest something must have been unreferenced.
pub(super) fn cutoff(tx: &Tx<'_>, policy: &CollectionPolicy) -> i64 {
    tx.now().saturating_sub(policy.grace_seconds)
}

fn total(collected: &Collected) -> u64 {
    collected.manifests + collected.links + collected.blobs
}

fn left(limit: usize, collected: &Collected) -> usize {
    limit.saturating_sub(usize::try_from(total(collected)).unwrap_or(usize::MAX))
}

/// Referrers whose subject is gone, or never came.
pub(super) const ORPHANED: &str = "SELECT id, repository_id, project_id, unreferenced_since FROM manifests
    WHERE unreferenced_since <= ?1 AND unreferenced_since IS NOT NULL AND subject IS NOT NULL
    ORDER BY unreferenced_since LIMIT ?2";
/// Manifests that nothing refers to and that refer to no subject.
pub(super) const UNTAGGED: &str = "SELECT id, repository_id, project_id, unreferenced_since FROM manifests
    WHERE unreferenced_since <= ?1 AND unreferenced_since IS NOT NULL AND subject IS NULL
    ORDER BY unreferenced_since LIMIT ?2";

fn collect_manifests(
    tx: &Tx<'_>,
    due: &str,
    cutoff: i64,
    limit: usize,
    collected: &mut Collected,
) -> Result<()> {
    let candidates = tx.all(due, params![cutoff, row_limit(limit)], |row| {
        Ok((
            row.get::<_, i64>(0)?,
            RepositoryRow { id: row.get(1)?, project_id: row.get(2)? },
            row.get::<_, i64>(3)?,
        ))
    })?;
    for (id, repository, since) in candidates {
        if manifests::is_referenced(tx, id)? {
            manifests::settle(tx, id)?;
            continue;
        }
        let removed = manifests::remove_with_referrers(tx, &Caller::system(), repository, id, since)?;
        note_collected(tx, repository, &removed)?;
        collected.manifests += removed.len() as u64;
    }
    Ok(())
}

/// Writes the audit entries of a manifest that was collected, and of the referrers that went with it.
fn note_collected(tx: &Tx<'_>, repository: RepositoryRow, removed: &[Digest]) -> Result<()> {
    let name: Option<RepositoryName> =
        // One that is being removed has its own entry.
        tx.first("SELECT name FROM repositories WHERE id = ?1 AND going_since IS NULL", [repository.id], |row| {
            parsed(row, 0)
        })?;
    let (Some(name), Some(first)) = (name, removed.first()) else { return Ok(()) };
    for digest in removed {
        let detail = if digest == first {
            "collected: nothing referred to it".to_owned()
        } else {
            format!("collected: referrer of {first}")
        };
        journal::note(
            tx,
            &Caller::system(),
            Note {
                operation: AuditOperation::DeleteArtifact,
                project: Some(name.project()),
                resource: &format!("{name}@{digest}"),
                digest: Some(digest),
                detail: Some(detail),
            },
        )?;
    }
    Ok(())
}

fn collect_links(tx: &Tx<'_>, cutoff: i64, limit: usize, collected: &mut Collected) -> Result<()> {
    let candidates = tx.all(
        "SELECT repository_id, project_id, content_id, unreferenced_since FROM blob_links
         WHERE unreferenced_since <= ?1 AND unreferenced_since IS NOT NULL ORDER BY unreferenced_since LIMIT ?2",
        params![cutoff, row_limit(limit)],
        |row| {
            Ok((
                RepositoryRow { id: row.get(0)?, project_id: row.get(1)? },
                row.get::<_, i64>(2)?,
                row.get::<_, i64>(3)?,
            ))
        },
    )?;
    for (repository, content, since) in candidates {
        if blobs::is_used(tx, repository, content)? {
            tx.run(
                "UPDATE blob_links SET unreferenced_since = NULL WHERE repository_id = ?1 AND content_id = ?2",
                params![repository.id, content],
            )?;
        } else if blobs::unlink(tx, repository, content, since)? {
            collected.links += 1;
        }
    }
    Ok(())
}

fn collect_contents(tx: &Tx<'_>, cutoff: i64, limit: usize, collected: &mut Collected) -> Result<()> {
    let candidates = tx.all(
        "SELECT id, size FROM contents
         WHERE unreferenced_since <= ?1 AND unreferenced_since IS NOT NULL ORDER BY unreferenced_since LIMIT ?2",
        params![cutoff, row_limit(limit)],
        |row| Ok((row.get::<_, i64>(0)?, unsigned(row, 1)?)),
    )?;
    for (id, size) in candidates {
        if contents::is_referenced(tx, id)? {
            tx.run("UPDATE contents SET unreferenced_since = NULL WHERE id = ?1", [id])?;
            continue;
        }
        contents::release(tx, id)?;
        collected.blobs += 1;
        collected.bytes += size;
    }
    Ok(())
}
