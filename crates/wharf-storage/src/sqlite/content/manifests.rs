//! Manifests: stored whole, with what they refer to.

use std::collections::{BTreeMap, BTreeSet};

use rusqlite::params;
use wharf_access::{Caller, Permission};
use wharf_oci::{Descriptor, Digest, Reference, RepositoryName, Tag, media_type};

use super::super::access::{self, ProjectRow};
use super::super::journal::{self, Note};
use super::super::tx::{Tx, parsed, signed};
use super::repositories::{self, RepositoryRow};
use super::{blobs, contents, tags};
use crate::catalog::{AuditOperation, Gate, NewManifest, PullCount, PutOutcome};
use crate::{Error, Result};

/// What a manifest is known by; its bytes are fetched by `content_id`.
pub(super) struct Found {
    pub(super) digest: Digest,
    pub(super) media_type: String,
    pub(super) artifact_type: Option<String>,
    pub(super) content_id: i64,
    pub(super) gate: Gate,
    /// Whether its grace time should start anew, as someone is about to rely on it.
    pub(super) renew: bool,
}

pub(super) fn find(
    tx: &Tx<'_>,
    caller: &Caller,
    repository: &RepositoryName,
    reference: &Reference,
) -> Result<Found> {
    let project = access::authorize_on_repository(tx, caller, Permission::PULL, repository)?;
    let gate = access::gate(tx, caller, &project, repository)?;
    let row = repositories::require(tx, repository)?;
    let (sql, name) = match reference {
        Reference::Tag(tag) => (
            "SELECT m.digest, m.media_type, m.artifact_type, m.content_id, m.unreferenced_since
             FROM tags t JOIN manifests m ON m.id = t.manifest_id WHERE t.repository_id = ?1 AND t.name = ?2",
            tag.as_str(),
        ),
        Reference::Digest(digest) => (
            "SELECT digest, media_type, artifact_type, content_id, unreferenced_since
             FROM manifests WHERE repository_id = ?1 AND digest = ?2",
            digest.as_str(),
        ),
    };
    tx.first(sql, params![row.id, name], |row| {
        Ok(Found {
            digest: parsed(row, 0)?,
            media_type: row.get(1)?,
            artifact_type: row.get(2)?,
            content_id: row.get(3)?,
            gate,
            renew: blobs::is_worth_renewing(tx, row.get(4)?),
        })
    })?
    .ok_or_else(|| Error::not_found("manifest", reference))
}

/// Starts the grace time of a manifest anew, unless something refers to it; nothing when it is not there any more.
pub(super) fn renew(
    tx: &Tx<'_>,
    caller: &Caller,
    repository: &RepositoryName,
    reference: &Reference,
) -> Result<()> {
    let found = find(tx, caller, repository, reference)?;
    let row = repositories::require(tx, repository)?;
    match id_of(tx, row, &found.digest)? {
        Some(id) => renew_mark(tx, id),
        None => Ok(()),
    }
}

fn renew_mark(tx: &Tx<'_>, id: i64) -> Result<()> {
    tx.run(
        "UPDATE manifests SET unreferenced_since = ?2 WHERE id = ?1 AND unreferenced_since IS NOT NULL",
        params![id, tx.now()],
    )?;
    Ok(())
}

/// Returns the number of a manifest in a repository.
pub(in crate::sqlite) fn id_of(
    tx: &Tx<'_>,
    repository: RepositoryRow,
    digest: &Digest,
) -> Result<Option<i64>> {
    tx.first(
        "SELECT id FROM manifests WHERE repository_id = ?1 AND digest = ?2",
        params![repository.id, digest.as_str()],
        |row| row.get(0),
    )
}

pub(super) fn put(
    tx: &Tx<'_>,
    caller: &Caller,
    name: &RepositoryName,
    new: &NewManifest,
) -> Result<PutOutcome> {
    let project = access::authorize_on_repository(tx, caller, Permission::PUSH, name)?;
    let repository = repositories::find_or_create(tx, &project, name)?;
    if let Some(condition) = &new.condition {
        for tag in &new.tags {
            let current = tags::target(tx, repository, tag)?.map(|(_, digest)| digest);
            if !condition.holds(current.as_ref()) {
                return Err(Error::PreconditionFailed { tag: tag.clone(), current });
            }
        }
    }
    let known = id_of(tx, repository, &new.digest)?;
    let id = match known {
        Some(id) => {
            // What was just acknowledged may be listed by an index that is on its way.
            renew_mark(tx, id)?;
            id
        }
        None => store(tx, &project, repository, new)?,
    };
    tx.run("UPDATE repositories SET updated_at = ?2 WHERE id = ?1", params![repository.id, tx.now()])?;
    journal::note(
        tx,
        caller,
        Note {
            operation: AuditOperation::CreateArtifact,
            project: Some(&project.name),
            resource: &format!("{name}@{}", new.digest),
            digest: Some(&new.digest),
            detail: known.map(|_| "was there already".to_owned()),
        },
    )?;
    let mut moves = Vec::new();
    for tag in &new.tags {
        if let Some(moved) = tags::set(tx, caller, repository, tag, id, &new.digest)? {
            tags::note_move(tx, caller, name, &moved, &new.digest, new.force_reason.as_deref())?;
            moves.push(moved);
        }
    }
    Ok(PutOutcome { created: known.is_none(), tags: moves })
}

/// Stores a manifest that the repository does not have.
fn store(tx: &Tx<'_>, project: &ProjectRow, repository: RepositoryRow, new: &NewManifest) -> Result<i64> {
    let manifest = &new.manifest;
    let blobs = referenced_blobs(tx, repository, new)?;
    let content = content_of(tx, new)?;
    contents::claim(tx, project, content, new.content.len() as u64)?;

    let annotations = if manifest.annotations.is_empty() {
        None
    } else {
        Some(serde_json::to_string(&manifest.annotations).map_err(|error| Error::Invalid {
            what: "manifest",
            problem: format!("annotations cannot be stored: {error}"),
        })?)
    };
    let total_size = blobs.values().fold(new.content.len() as u64, |sum, size| sum.saturating_add(*size));
    let id = tx.insert(
        "INSERT INTO manifests (repository_id, project_id, content_id, digest, media_type, artifact_type,
             config_media_type, subject, annotations, total_size, pushed_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
        params![
            repository.id,
            repository.project_id,
            content,
            new.digest.as_str(),
            manifest.media_type,
            manifest.effective_artifact_type(),
            manifest.config.as_ref().map(|config| config.media_type.as_str()),
            manifest.subject.as_ref().map(|subject| subject.digest.as_str()),
            annotations,
            signed(total_size),
            tx.now()
        ],
    )?;
    for blob in blobs.keys() {
        tx.run(
            "INSERT INTO manifest_blobs (manifest_id, content_id, repository_id) VALUES (?1, ?2, ?3)",
            params![id, blob, repository.id],
        )?;
        tx.run(
            "UPDATE blob_links SET unreferenced_since = NULL
             WHERE repository_id = ?1 AND content_id = ?2 AND unreferenced_since IS NOT NULL",
            params![repository.id, blob],
        )?;
    }
    let children: BTreeSet<&Digest> = manifest.manifests.iter().map(|child| &child.digest).collect();
    for child in children {
        tx.run(
            "INSERT INTO manifest_children (manifest_id, digest, repository_id) VALUES (?1, ?2, ?3)",
            params![id, child.as_str(), repository.id],
        )?;
        if let Some(child) = id_of(tx, repository, child)? {
            settle(tx, child)?;
        }
    }
    for waiting in referrers_of(tx, repository, &new.digest)? {
        settle(tx, waiting)?;
    }
    settle(tx, id)?;
    Ok(id)
}

/// Returns the blobs that the manifest refers to, by number, with the size that it tells.
///
/// # Errors
/// [`Error::MissingBlobs`], and [`Error::Invalid`] where a descriptor tells another size than the blob has.
fn referenced_blobs(tx: &Tx<'_>, repository: RepositoryRow, new: &NewManifest) -> Result<BTreeMap<i64, u64>> {
    let mut blobs = BTreeMap::new();
    // In the order in which the manifest names them, each once.
    let mut missing = Vec::new();
    let mut seen_missing = BTreeSet::new();
    for descriptor in new.manifest.blobs() {
        let linked = tx.first(
            "SELECT c.id, c.size FROM contents c JOIN blob_links l ON l.content_id = c.id
             WHERE c.digest = ?1 AND l.repository_id = ?2",
            params![descriptor.digest.as_str(), repository.id],
            |row| Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?)),
        )?;
        match linked {
            Some((id, size)) if size == signed(descriptor.size) => {
                blobs.insert(id, descriptor.size);
            }
            Some((_, size)) => {
                return Err(Error::Invalid {
                    what: "manifest",
                    problem: format!(
                        "its descriptor of {} says {} bytes, the blob has {size}",
                        descriptor.digest, descriptor.size
                    ),
                });
            }
            None if new.accept_missing_blobs || may_be_absent(descriptor) => {
                blobs.insert(contents::intern(tx, &descriptor.digest)?, 0);
            }
            None if seen_missing.insert(&descriptor.digest) => missing.push(descriptor.digest.clone()),
            None => {}
        }
    }
    if missing.is_empty() { Ok(blobs) } else { Err(Error::MissingBlobs(missing)) }
}

fn may_be_absent(descriptor: &Descriptor) -> bool {
    media_type::is_nondistributable(&descriptor.media_type) || descriptor.data.is_some()
}

/// Returns the number of the manifest's content, storing its bytes when they are not in the catalog yet.
fn content_of(tx: &Tx<'_>, new: &NewManifest) -> Result<i64> {
    let size = signed(new.content.len() as u64);
    match contents::find(tx, &new.digest)? {
        Some(known) => {
            if !known.inline {
                tx.run(
                    "UPDATE contents SET size = ?2, bytes = ?3 WHERE id = ?1",
                    params![known.id, size, new.content.as_ref()],
                )?;
            }
            Ok(known.id)
        }
        None => tx.insert(
            "INSERT INTO contents (digest, size, bytes) VALUES (?1, ?2, ?3)",
            params![new.digest.as_str(), size, new.content.as_ref()],
        ),
    }
}

/// Brings the mark of a manifest in line: it is referenced by a tag, by an index that lists it, or by being a referrer
/// whose subject is there.
pub(in crate::sqlite) fn settle(tx: &Tx<'_>, id: i64) -> Result<()> {
    if is_referenced(tx, id)? {
        tx.run(
            "UPDATE manifests SET unreferenced_since = NULL WHERE id = ?1 AND unreferenced_since IS NOT NULL",
            [id],
        )?;
    } else {
        tx.run(
            "UPDATE manifests SET unreferenced_since = ?2 WHERE id = ?1 AND unreferenced_since IS NULL",
            params![id, tx.now()],
        )?;
    }
    Ok(())
}

/// Returns whether a manifest is referenced inside its repository.
pub(in crate::sqlite) fn is_referenced(tx: &Tx<'_>, id: i64) -> Result<bool> {
    tx.exists(
        "SELECT 1 FROM manifests m WHERE m.id = ?1 AND (
             EXISTS (SELECT 1 FROM tags t WHERE t.manifest_id = m.id)
             OR EXISTS (SELECT 1 FROM manifest_children c
                        WHERE c.repository_id = m.repository_id AND c.digest = m.digest)
             OR EXISTS (SELECT 1 FROM manifests s
                        WHERE s.repository_id = m.repository_id AND s.digest = m.subject))",
        [id],
    )
}

/// Returns the numbers of the manifests that have `subject` as theirs.
pub(in crate::sqlite) fn referrers_of(
    tx: &Tx<'_>,
    repository: RepositoryRow,
    subject: &Digest,
) -> Result<Vec<i64>> {
    tx.all(
        "SELECT id FROM manifests WHERE repository_id = ?1 AND subject = ?2",
        params![repository.id, subject.as_str()],
        |row| row.get(0),
    )
}

pub(super) fn delete(
    tx: &Tx<'_>,
    caller: &Caller,
    repository: &RepositoryName,
    digest: &Digest,
) -> Result<()> {
    access::authorize_on_repository(tx, caller, Permission::DELETE_ARTIFACT, repository)?;
    let row = repositories::require(tx, repository)?;
    let id = id_of(tx, row, digest)?.ok_or_else(|| Error::not_found("manifest", digest))?;
    for removed in remove_with_referrers(tx, caller, row, id, tx.now())? {
        journal::note(
            tx,
            caller,
            Note {
                operation: AuditOperation::DeleteArtifact,
                project: Some(repository.project()),
                resource: &format!("{repository}@{removed}"),
                digest: Some(&removed),
                detail: (removed != *digest).then(|| format!("referrer of {digest}")),
            },
        )?;
    }
    Ok(())
}

/// Removes a manifest with its tags, and its referrers in the same way; returns the digests, its own first. `since` is
/// when the first was last referred to.
pub(in crate::sqlite) fn remove_with_referrers(
    tx: &Tx<'_>,
    caller: &Caller,
    repository: RepositoryRow,
    id: i64,
    since: i64,
) -> Result<Vec<Digest>> {
    let mut removed = Vec::new();
    // Digests cannot form a cycle, but a referrer may be reached twice; the second time it is gone.
    let mut pending = vec![id];
    while let Some(id) = pending.pop() {
        note_tags_of(tx, caller, id)?;
        if let Some(digest) = remove_one(tx, caller, repository, id, since)? {
            pending.extend(referrers_of(tx, repository, &digest)?);
            removed.push(digest);
        }
    }
    Ok(removed)
}

/// Writes the audit entries of the tags that go with a manifest.
fn note_tags_of(tx: &Tx<'_>, caller: &Caller, id: i64) -> Result<()> {
    let tags = tx.all(
        "SELECT r.name, t.name, m.digest FROM tags t JOIN manifests m ON m.id = t.manifest_id
         JOIN repositories r ON r.id = t.repository_id
         WHERE t.manifest_id = ?1 AND r.going_since IS NULL ORDER BY t.name",
        [id],
        |row| Ok((parsed::<RepositoryName>(row, 0)?, row.get::<_, String>(1)?, parsed::<Digest>(row, 2)?)),
    )?;
    for (repository, tag, digest) in tags {
        journal::note(
            tx,
            caller,
            Note {
                operation: AuditOperation::DeleteTag,
                project: Some(repository.project()),
                resource: &format!("{repository}:{tag}"),
                digest: Some(&digest),
                detail: Some("went with its manifest".to_owned()),
            },
        )?;
    }
    Ok(())
}

/// Removes one manifest with its tags and returns its digest, or `None` when it is gone already. Its referrers stay;
/// they are settled by whoever keeps them.
pub(in crate::sqlite) fn remove_one(
    tx: &Tx<'_>,
    caller: &Caller,
    repository: RepositoryRow,
    id: i64,
    since: i64,
) -> Result<Option<Digest>> {
    let row = tx.first("SELECT digest, content_id FROM manifests WHERE id = ?1", [id], |row| {
        Ok((parsed::<Digest>(row, 0)?, row.get::<_, i64>(1)?))
    })?;
    let Some((digest, content)) = row else { return Ok(None) };

    let names: Vec<Tag> =
        tx.all("SELECT name FROM tags WHERE manifest_id = ?1 ORDER BY name", [id], |row| parsed(row, 0))?;
    tx.run("DELETE FROM tags WHERE manifest_id = ?1", [id])?;
    for tag in &names {
        tags::remember(tx, caller, repository, tag, None)?;
    }

    let blobs: Vec<i64> =
        tx.all("SELECT content_id FROM manifest_blobs WHERE manifest_id = ?1", [id], |row| row.get(0))?;
    tx.run("DELETE FROM manifest_blobs WHERE manifest_id = ?1", [id])?;
    for blob in blobs {
        tx.run(
            "UPDATE blob_links SET unreferenced_since = ?3
             WHERE repository_id = ?1 AND content_id = ?2 AND unreferenced_since IS NULL
             AND NOT EXISTS (SELECT 1 FROM manifest_blobs WHERE content_id = ?2 AND repository_id = ?1)",
            params![repository.id, blob, tx.now()],
        )?;
        contents::forget_if_unused(tx, blob)?;
    }

    let children: Vec<Digest> =
        tx.all("SELECT digest FROM manifest_children WHERE manifest_id = ?1", [id], |row| parsed(row, 0))?;
    tx.run("DELETE FROM manifest_children WHERE manifest_id = ?1", [id])?;
    tx.run("DELETE FROM manifests WHERE id = ?1", [id])?;
    for child in children {
        if let Some(child) = id_of(tx, repository, &child)? {
            settle(tx, child)?;
        }
    }
    contents::give_up(tx, repository.project_id, content, since)?;
    Ok(Some(digest))
}

pub(super) fn note_pulls(tx: &Tx<'_>, pulls: &[PullCount]) -> Result<()> {
    for pull in pulls {
        let Some(repository) = repositories::find(tx, &pull.repository)? else { continue };
        tx.run(
            "UPDATE manifests SET pulls = pulls + ?3, pulled_at = max(coalesce(pulled_at, 0), ?4)
             WHERE repository_id = ?1 AND digest = ?2",
            params![repository.id, pull.digest.as_str(), signed(pull.count), pull.at],
        )?;
        tx.run(
            "UPDATE repositories SET pulls = pulls + ?2 WHERE id = ?1",
            params![repository.id, signed(pull.count)],
        )?;
    }
    Ok(())
}
