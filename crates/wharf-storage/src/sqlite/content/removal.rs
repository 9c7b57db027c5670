//! Removing a repository with everything in it: hidden at once, emptied step by step, since the writer serves everyone.
//!
//! Whoever began it takes one step after the other. If that ends early, any other may go on: the server's housekeeping,
//! a collection, or the doctor.

use rusqlite::params;
use wharf_access::Caller;

use super::super::tx::{Tx, row_limit, unsigned};
use super::repositories::RepositoryRow;
use super::{blobs, manifests};
use crate::Result;

/// How much one transaction removes: a manifest counts for each row that goes with it.
pub(in crate::sqlite) const STEP: usize = 500;

/// Hides a repository from everyone and frees its name. Access and audit are the caller's.
pub(in crate::sqlite) fn begin(tx: &Tx<'_>, repository: RepositoryRow) -> Result<()> {
    tx.run(
        "UPDATE repositories SET name = name || '!' || id, going_since = ?2 WHERE id = ?1",
        params![repository.id, tx.now()],
    )?;
    Ok(())
}

/// Returns a repository that was hidden and is not gone yet: of a project, or of any.
pub(in crate::sqlite) fn under_way(tx: &Tx<'_>, project_id: Option<i64>) -> Result<Option<RepositoryRow>> {
    tx.first(
        "SELECT id, project_id FROM repositories
         WHERE going_since IS NOT NULL AND (?1 IS NULL OR project_id = ?1) LIMIT 1",
        [project_id],
        |row| Ok(RepositoryRow { id: row.get(0)?, project_id: row.get(1)? }),
    )
}

/// Returns how many repositories were hidden and are not gone yet.
pub(in crate::sqlite) fn count_under_way(tx: &Tx<'_>) -> Result<u64> {
    let count = tx.first("SELECT count(*) FROM repositories WHERE going_since IS NOT NULL", [], |row| {
        unsigned(row, 0)
    })?;
    Ok(count.unwrap_or(0))
}

/// Removes about `limit` rows of a hidden repository, itself last; returns how many went, none once it is gone.
pub(in crate::sqlite) fn step(tx: &Tx<'_>, repository: RepositoryRow, limit: usize) -> Result<usize> {
    for sql in [
        // The manifests that they are on go as well, so no mark needs to be settled.
        "DELETE FROM tags WHERE id IN (SELECT id FROM tags WHERE repository_id = ?1 LIMIT ?2)",
        "DELETE FROM tag_history WHERE id IN (SELECT id FROM tag_history WHERE repository_id = ?1 LIMIT ?2)",
    ] {
        let gone = tx.run(sql, params![repository.id, row_limit(limit)])?;
        if gone > 0 {
            return Ok(gone);
        }
    }
    match step_of_manifests(tx, repository, limit)? {
        0 => {}
        gone => return Ok(gone),
    }
    let links: Vec<i64> = tx.all(
        "SELECT content_id FROM blob_links WHERE repository_id = ?1 LIMIT ?2",
        params![repository.id, row_limit(limit)],
        |row| row.get(0),
    )?;
    for id in &links {
        blobs::unlink(tx, repository, *id, tx.now())?;
    }
    if !links.is_empty() {
        return Ok(links.len());
    }
    tx.run("DELETE FROM repositories WHERE id = ?1 AND going_since IS NOT NULL", [repository.id])
}

fn step_of_manifests(tx: &Tx<'_>, repository: RepositoryRow, limit: usize) -> Result<usize> {
    let mut chosen = Vec::new();
    let mut rows = 0;
    // The newest first, as indexes come after what they list.
    tx.scan(
        "SELECT m.id, (SELECT count(*) FROM manifest_blobs b WHERE b.manifest_id = m.id)
             + (SELECT count(*) FROM manifest_children c WHERE c.manifest_id = m.id)
         FROM manifests m WHERE m.repository_id = ?1 ORDER BY m.id DESC",
        [repository.id],
        |row| {
            chosen.push(row.get(0)?);
            rows += 1 + usize::try_from(unsigned(row, 1)?).unwrap_or(usize::MAX);
            Ok(rows < limit)
        },
    )?;
    for id in chosen {
        manifests::remove_one(tx, &Caller::system(), repository, id, tx.now())?;
    }
    Ok(rows)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::super::super::{SqliteCatalog, SqliteOptions};
    use super::*;
    use crate::catalog::{Content as _, Management as _, NewManifest, NewProject, Page};
    use wharf_oci::{Algorithm, Manifest};

    #[tokio::test]
    async fn a_large_repository_goes_in_bounded_transactions() {
        let folder = tempfile::tempdir().unwrap();
        let catalog = SqliteCatalog::open(SqliteOptions::new(folder.path().join("catalog.db"))).unwrap();
        let system = Caller::system();
        let project = NewProject { name: "shop".to_owned(), ..NewProject::default() };
        catalog.create_project(&system, project, false).await.unwrap();
        let name = "shop/web".parse().unwrap();
        for number in 0..30 {
            let content = bytes::Bytes::from(format!(
                r#"{{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[],
                "annotations":{{"number":"{number}"}}}}"#
            ));
            let manifest = NewManifest {
                digest: Algorithm::Sha256.digest(&content),
                manifest: Manifest::parse(&content, None).unwrap(),
                content,
                tags: (0..40).map(|tag| format!("v{number}.{tag}").parse().unwrap()).collect(),
                condition: None,
                force_reason: None,
                accept_missing_blobs: false,
            };
            catalog.put_manifest(&system, &name, manifest).await.unwrap();
        }
        let row = catalog.read(|tx| super::super::repositories::require(tx, &name)).unwrap();
        catalog.write(move |tx| begin(tx, row)).await.unwrap();
        assert!(catalog.repositories(&system, Page { after: None, limit: 9 }).await.unwrap().is_empty());
        let mut steps = Vec::new();
        loop {
            match catalog.write(move |tx| step(tx, row, 500)).await.unwrap() {
                0 => break,
                gone => steps.push(gone),
            }
        }
        // Tags, their history, manifests, the repository.
        assert_eq!(steps, [500, 500, 200, 500, 500, 200, 30, 1]);
        assert_eq!(catalog.read(count_under_way).unwrap(), 0);
    }
}
