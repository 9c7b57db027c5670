//! Blobs and the links of repositories to them.

use bytes::Bytes;
use rusqlite::params;
use wharf_access::{Caller, Denied, Permission, Request, decide};
use wharf_oci::{Digest, RepositoryName};

use super::super::access::{self, Decisions, ProjectRow};
use super::super::journal::{self, Note};
use super::super::tx::{Tx, parsed, signed, unsigned};
use super::contents;
use super::repositories::{self, RepositoryRow};
use crate::catalog::{AuditOperation, BlobPlace, BlobRecord, CommitOutcome, Gate, MAX_INLINE_BYTES, NewBlob};
use crate::{BlobKey, Error, Result};

/// How old the mark of an unused link or manifest gets before a look at it renews it. Less, and every look during a push
/// would be a write; the grace time of collection is to be well above it.
const RENEW_AFTER_SECONDS: i64 = 60;
/// How many repositories are tried as the source of a mount that names none: the writer serves everyone.
const MOUNT_CANDIDATES: usize = 1000;

/// A linked blob, and whether its link should be renewed as someone is about to rely on it.
pub(super) struct Found {
    pub(super) record: BlobRecord,
    pub(super) renew: bool,
}

pub(super) fn find(
    tx: &Tx<'_>,
    caller: &Caller,
    repository: &RepositoryName,
    digest: &Digest,
) -> Result<Found> {
    let project = access::authorize_on_repository(tx, caller, Permission::PULL, repository)?;
    let gate = access::gate(tx, caller, &project, repository)?;
    let row = repositories::require(tx, repository)?;
    let found = tx.first(
        "SELECT c.size, c.key, c.bytes, l.unreferenced_since
         FROM contents c JOIN blob_links l ON l.content_id = c.id
         WHERE c.digest = ?1 AND l.repository_id = ?2",
        params![digest.as_str(), row.id],
        |row| {
            Ok((
                unsigned(row, 0)?,
                row.get::<_, Option<String>>(1)?,
                row.get::<_, Option<Vec<u8>>>(2)?,
                row.get::<_, Option<i64>>(3)?,
            ))
        },
    )?;
    let Some((size, key, bytes, since)) = found else { return Err(Error::not_found("blob", digest)) };
    Ok(Found {
        record: BlobRecord {
            digest: digest.clone(),
            size,
            place: place(digest, key.as_deref(), bytes)?,
            gate,
        },
        renew: is_worth_renewing(tx, since),
    })
}

/// Returns whether a mark is old enough for a look to renew it.
pub(super) fn is_worth_renewing(tx: &Tx<'_>, unreferenced_since: Option<i64>) -> bool {
    unreferenced_since.is_some_and(|since| tx.now() - since >= RENEW_AFTER_SECONDS)
}

/// Returns where the bytes are: in the catalog when it has them, else under the key.
pub(in crate::sqlite) fn place(
    digest: &Digest,
    key: Option<&str>,
    bytes: Option<Vec<u8>>,
) -> Result<BlobPlace> {
    match (bytes, key) {
        (Some(bytes), _) => Ok(BlobPlace::Inline(Bytes::from(bytes))),
        (None, Some(key)) => BlobKey::from_text(key)
            .map(BlobPlace::Stored)
            .ok_or_else(|| Error::Damaged(format!("blob {digest} has the key {key:?}, which is none"))),
        (None, None) => Err(Error::Damaged(format!("blob {digest} is linked and has no bytes"))),
    }
}

/// Starts the grace time of a link anew and returns the blob as it is then.
pub(super) fn renew(
    tx: &Tx<'_>,
    caller: &Caller,
    repository: &RepositoryName,
    digest: &Digest,
) -> Result<BlobRecord> {
    let found = find(tx, caller, repository, digest)?;
    tx.run(
        "UPDATE blob_links SET unreferenced_since = ?3
         WHERE repository_id = (SELECT id FROM repositories WHERE name = ?1)
         AND content_id = (SELECT id FROM contents WHERE digest = ?2) AND unreferenced_since IS NOT NULL",
        params![repository.as_str(), digest.as_str(), tx.now()],
    )?;
    Ok(found.record)
}

pub(super) fn commit(
    tx: &Tx<'_>,
    caller: &Caller,
    repository: &RepositoryName,
    blob: &NewBlob,
) -> Result<CommitOutcome> {
    let project = access::authorize_on_repository(tx, caller, Permission::PUSH, repository)?;
    let (key, bytes) = columns(blob)?;
    let repository = repositories::find_or_create(tx, &project, repository)?;
    let known = contents::find(tx, &blob.digest)?;
    let (id, size, outcome) = match known {
        Some(known) if known.is_present() => (known.id, known.size, CommitOutcome::Duplicate),
        Some(known) => {
            tx.run(
                "UPDATE contents SET size = ?2, key = ?3, bytes = ?4 WHERE id = ?1",
                params![known.id, signed(blob.size), key, bytes],
            )?;
            (known.id, blob.size, CommitOutcome::Kept)
        }
        None => {
            let id = tx.insert(
                "INSERT INTO contents (digest, size, key, bytes) VALUES (?1, ?2, ?3, ?4)",
                params![blob.digest.as_str(), signed(blob.size), key, bytes],
            )?;
            (id, blob.size, CommitOutcome::Kept)
        }
    };
    link(tx, &project, repository, id, size)?;
    Ok(outcome)
}

/// Returns key and bytes as the catalog keeps them.
fn columns(blob: &NewBlob) -> Result<(Option<&str>, Option<&[u8]>)> {
    let bytes = match &blob.place {
        BlobPlace::Stored(key) => return Ok((Some(key.as_str()), None)),
        BlobPlace::Inline(bytes) => bytes,
    };
    if bytes.len() as u64 != blob.size || blob.size > MAX_INLINE_BYTES {
        return Err(Error::Invalid {
            what: "inline blob",
            problem: format!(
                "it has {} bytes and is announced with {}; at most {MAX_INLINE_BYTES} are kept in the catalog",
                bytes.len(),
                blob.size
            ),
        });
    }
    Ok((None, Some(bytes.as_ref())))
}

pub(super) fn replace_lost(tx: &Tx<'_>, lost: &BlobKey, blob: &NewBlob) -> Result<bool> {
    let (key, bytes) = columns(blob)?;
    let Some(content) = contents::find(tx, &blob.digest)?.filter(|content| {
        !content.inline && content.size == blob.size && content.key.as_deref() == Some(lost.as_str())
    }) else {
        return Ok(false);
    };
    contents::release_key(tx, content.id)?;
    tx.run("UPDATE contents SET key = ?2, bytes = ?3 WHERE id = ?1", params![content.id, key, bytes])?;
    Ok(true)
}

/// Links a content that is present, or renews the link.
fn link(tx: &Tx<'_>, project: &ProjectRow, repository: RepositoryRow, id: i64, size: u64) -> Result<()> {
    contents::claim(tx, project, id, size)?;
    let since = if is_used(tx, repository, id)? { None } else { Some(tx.now()) };
    tx.run(
        "INSERT INTO blob_links (repository_id, content_id, project_id, unreferenced_since)
         VALUES (?1, ?2, ?3, ?4)
         ON CONFLICT DO UPDATE SET unreferenced_since = excluded.unreferenced_since",
        params![repository.id, id, repository.project_id, since],
    )?;
    Ok(())
}

/// The manifests of a repository that refer to a content.
pub(in crate::sqlite) const USERS: &str =
    "SELECT manifest_id FROM manifest_blobs WHERE content_id = ?1 AND repository_id = ?2";

/// Returns whether a manifest of the repository refers to the content.
pub(in crate::sqlite) fn is_used(tx: &Tx<'_>, repository: RepositoryRow, id: i64) -> Result<bool> {
    tx.exists(USERS, params![id, repository.id])
}

pub(super) fn mount(
    tx: &Tx<'_>,
    caller: &Caller,
    from: Option<&RepositoryName>,
    to: &RepositoryName,
    digest: &Digest,
) -> Result<bool> {
    let project = access::authorize_on_repository(tx, caller, Permission::PUSH, to)?;
    let Some(content) = contents::find(tx, digest)?.filter(contents::ContentRow::is_present) else {
        return Ok(false);
    };
    let readable = readable_in(tx, caller, from, content.id, project.id)?.is_some();
    if readable {
        let repository = repositories::find_or_create(tx, &project, to)?;
        link(tx, &project, repository, content.id, content.size)?;
    }
    Ok(readable)
}

pub(super) fn mount_past_gate(
    tx: &Tx<'_>,
    caller: &Caller,
    from: &RepositoryName,
    to: &RepositoryName,
    digest: &Digest,
    policy: &Digest,
) -> Result<bool> {
    let project = access::authorize_on_repository(tx, caller, Permission::PUSH, to)?;
    let Some(content) = contents::find(tx, digest)?.filter(contents::ContentRow::is_present) else {
        return Ok(false);
    };
    let holds = tx.exists(
        "SELECT 1 FROM projects WHERE name = ?1 AND policy_digest = ?2",
        params![from.project(), policy.as_str()],
    )?;
    let readable = holds && is_linked_for(tx, caller, from, content.id)?.is_some();
    if readable {
        let repository = repositories::find_or_create(tx, &project, to)?;
        link(tx, &project, repository, content.id, content.size)?;
    }
    Ok(readable)
}

pub(super) fn mount_source(
    tx: &Tx<'_>,
    caller: &Caller,
    from: Option<&RepositoryName>,
    to: &RepositoryName,
    digest: &Digest,
) -> Result<Option<RepositoryName>> {
    let project = access::authorize_on_repository(tx, caller, Permission::PUSH, to)?;
    match contents::find(tx, digest)?.filter(contents::ContentRow::is_present) {
        Some(content) => readable_in(tx, caller, from, content.id, project.id),
        None => Ok(None),
    }
}

/// Returns a repository that links the content and that the caller may pull from: `from`, or any.
fn readable_in(
    tx: &Tx<'_>,
    caller: &Caller,
    from: Option<&RepositoryName>,
    id: i64,
    project_id: i64,
) -> Result<Option<RepositoryName>> {
    match from {
        Some(from) => Ok(is_readable_in(tx, caller, from, id)?.then(|| from.clone())),
        None => readable_somewhere(tx, caller, id, project_id),
    }
}

fn is_readable_in(tx: &Tx<'_>, caller: &Caller, from: &RepositoryName, id: i64) -> Result<bool> {
    match is_linked_for(tx, caller, from, id)? {
        Some(project) => Ok(access::gate(tx, caller, &project, from)? != Gate::Shut),
        None => Ok(false),
    }
}

/// Returns the project of a repository that links the content, if the caller may pull from it as far as no policy says
/// otherwise.
fn is_linked_for(tx: &Tx<'_>, caller: &Caller, from: &RepositoryName, id: i64) -> Result<Option<ProjectRow>> {
    let project = access::project(tx, from.project())?;
    let standing = access::standing(tx, caller, project.as_ref())?;
    if let Err(Denied::Hidden | Denied::Forbidden) =
        decide(caller, &standing, &Request::on_repository(Permission::PULL, from))
    {
        return Ok(None);
    }
    let linked = tx.exists(
        "SELECT 1 FROM blob_links WHERE content_id = ?1
         AND repository_id = (SELECT id FROM repositories WHERE name = ?2)",
        params![id, from.as_str()],
    )?;
    Ok(project.filter(|_| linked))
}

fn readable_somewhere(
    tx: &Tx<'_>,
    caller: &Caller,
    id: i64,
    project_id: i64,
) -> Result<Option<RepositoryName>> {
    let mut decisions = Decisions::new(tx, caller)?;
    let mut tried = 0;
    let mut readable = None;
    // The destination's own project is the likeliest to be readable.
    tx.scan(
        "SELECT l.project_id, r.name FROM blob_links l JOIN repositories r ON r.id = l.repository_id
         WHERE l.content_id = ?1 AND l.project_id = ?2 AND r.going_since IS NULL
         UNION ALL
         SELECT l.project_id, r.name FROM blob_links l JOIN repositories r ON r.id = l.repository_id
         WHERE l.content_id = ?1 AND l.project_id <> ?2 AND r.going_since IS NULL",
        params![id, project_id],
        |row| {
            let name: RepositoryName = parsed(row, 1)?;
            if decisions.permits_any_content(row.get(0)?, &name)? {
                readable = Some(name);
            }
            tried += 1;
            Ok(readable.is_none() && tried < MOUNT_CANDIDATES)
        },
    )?;
    Ok(readable)
}

pub(super) fn delete(
    tx: &Tx<'_>,
    caller: &Caller,
    repository: &RepositoryName,
    digest: &Digest,
) -> Result<()> {
    let project = access::authorize_on_repository(tx, caller, Permission::DELETE_ARTIFACT, repository)?;
    let row = repositories::require(tx, repository)?;
    let absent = || Error::not_found("blob", digest);
    let content = contents::find(tx, digest)?.ok_or_else(absent)?;
    if !unlink(tx, row, content.id, tx.now())? {
        return Err(absent());
    }
    journal::note(
        tx,
        caller,
        Note {
            operation: AuditOperation::DeleteArtifact,
            project: Some(&project.name),
            resource: &format!("{repository}@{digest}"),
            digest: Some(digest),
            detail: Some("blob".to_owned()),
        },
    )
}

/// Takes a blob out of a repository; returns whether it was in. `since` is when it was last referred to.
pub(in crate::sqlite) fn unlink(tx: &Tx<'_>, repository: RepositoryRow, id: i64, since: i64) -> Result<bool> {
    let gone = tx.run(
        "DELETE FROM blob_links WHERE repository_id = ?1 AND content_id = ?2",
        params![repository.id, id],
    )?;
    if gone > 0 {
        contents::give_up(tx, repository.project_id, id, since)?;
    }
    Ok(gone > 0)
}
