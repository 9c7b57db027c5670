//! The data plane on SQLite.

pub(super) mod blobs;
pub(super) mod contents;
pub(super) mod manifests;
pub(super) mod papers;
mod referrers;
pub(super) mod removal;
pub(super) mod repositories;
pub(super) mod tags;

use async_trait::async_trait;
use bytes::Bytes;
use wharf_access::Caller;
use wharf_oci::{Descriptor, Digest, Reference, RepositoryName, Tag};

use super::SqliteCatalog;
use crate::catalog::{
    BlobRecord, CommitOutcome, Content, ManifestRecord, NewBlob, NewManifest, Page, PullCount, PutOutcome,
};
use crate::{BlobKey, Error, Result};

#[async_trait]
impl Content for SqliteCatalog {
    async fn manifest(
        &self,
        caller: &Caller,
        repository: &RepositoryName,
        reference: &Reference,
    ) -> Result<ManifestRecord> {
        let (record, renew) = self.read(|tx| {
            let found = manifests::find(tx, caller, repository, reference)?;
            // The bytes of a digest never change, so they may be remembered; that it is there and readable may not.
            let content = match self.manifests.get(&found.digest) {
                Some(content) => content,
                None => {
                    let content = Bytes::from(contents::bytes(tx, found.content_id)?);
                    self.manifests.insert(found.digest.clone(), content.clone());
                    content
                }
            };
            let record = ManifestRecord {
                digest: found.digest,
                media_type: found.media_type,
                artifact_type: found.artifact_type,
                content,
                gate: found.gate,
            };
            Ok((record, found.renew))
        })?;
        if renew {
            let (caller, repository, reference) = (caller.clone(), repository.clone(), reference.clone());
            let renewed = self.write(move |tx| manifests::renew(tx, &caller, &repository, &reference)).await;
            match renewed {
                // Clusters pull untagged manifests by digest, and go on doing so while nothing can be written.
                Ok(()) | Err(Error::Full(_) | Error::Io { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(record)
    }

    async fn put_manifest(
        &self,
        caller: &Caller,
        repository: &RepositoryName,
        manifest: NewManifest,
    ) -> Result<PutOutcome> {
        let (caller, repository) = (caller.clone(), repository.clone());
        self.write(move |tx| manifests::put(tx, &caller, &repository, &manifest)).await
    }

    async fn delete_manifest(
        &self,
        caller: &Caller,
        repository: &RepositoryName,
        digest: &Digest,
    ) -> Result<()> {
        let (caller, repository, digest) = (caller.clone(), repository.clone(), digest.clone());
        self.write(move |tx| manifests::delete(tx, &caller, &repository, &digest)).await
    }

    async fn delete_tag(&self, caller: &Caller, repository: &RepositoryName, tag: &Tag) -> Result<()> {
        let (caller, repository, tag) = (caller.clone(), repository.clone(), tag.clone());
        self.write(move |tx| tags::delete(tx, &caller, &repository, &tag)).await
    }

    async fn tags(&self, caller: &Caller, repository: &RepositoryName, page: Page) -> Result<Vec<Tag>> {
        self.read(|tx| tags::list(tx, caller, repository, &page))
    }

    async fn referrers(
        &self,
        caller: &Caller,
        repository: &RepositoryName,
        subject: &Digest,
        artifact_type: Option<&str>,
        page: Page,
    ) -> Result<Vec<Descriptor>> {
        self.read(|tx| referrers::list(tx, caller, repository, subject, artifact_type, &page))
    }

    async fn repositories(&self, caller: &Caller, page: Page) -> Result<Vec<RepositoryName>> {
        self.read(|tx| repositories::list(tx, caller, &page))
    }

    async fn blob(
        &self,
        caller: &Caller,
        repository: &RepositoryName,
        digest: &Digest,
    ) -> Result<BlobRecord> {
        let found = self.read(|tx| blobs::find(tx, caller, repository, digest))?;
        if !found.renew {
            return Ok(found.record);
        }
        let (caller, repository, digest) = (caller.clone(), repository.clone(), digest.clone());
        self.write(move |tx| blobs::renew(tx, &caller, &repository, &digest)).await
    }

    async fn commit_blob(
        &self,
        caller: &Caller,
        repository: &RepositoryName,
        blob: NewBlob,
    ) -> Result<CommitOutcome> {
        let (caller, repository) = (caller.clone(), repository.clone());
        self.write(move |tx| blobs::commit(tx, &caller, &repository, &blob)).await
    }

    async fn replace_lost(&self, lost: &BlobKey, blob: NewBlob) -> Result<bool> {
        let lost = lost.clone();
        self.write(move |tx| blobs::replace_lost(tx, &lost, &blob)).await
    }

    async fn mount_blob(
        &self,
        caller: &Caller,
        from: Option<&RepositoryName>,
        to: &RepositoryName,
        digest: &Digest,
    ) -> Result<bool> {
        let (caller, from, to, digest) = (caller.clone(), from.cloned(), to.clone(), digest.clone());
        self.write(move |tx| blobs::mount(tx, &caller, from.as_ref(), &to, &digest)).await
    }

    async fn mount_past_gate(
        &self,
        caller: &Caller,
        from: &RepositoryName,
        to: &RepositoryName,
        digest: &Digest,
        policy: &Digest,
    ) -> Result<bool> {
        let (caller, from, to) = (caller.clone(), from.clone(), to.clone());
        let (digest, policy) = (digest.clone(), policy.clone());
        self.write(move |tx| blobs::mount_past_gate(tx, &caller, &from, &to, &digest, &policy)).await
    }

    async fn mount_source(
        &self,
        caller: &Caller,
        from: Option<&RepositoryName>,
        to: &RepositoryName,
        digest: &Digest,
    ) -> Result<Option<RepositoryName>> {
        self.read(|tx| blobs::mount_source(tx, caller, from, to, digest))
    }

    async fn delete_blob(&self, caller: &Caller, repository: &RepositoryName, digest: &Digest) -> Result<()> {
        let (caller, repository, digest) = (caller.clone(), repository.clone(), digest.clone());
        self.write(move |tx| blobs::delete(tx, &caller, &repository, &digest)).await
    }

    async fn note_pulls(&self, pulls: Vec<PullCount>) -> Result<()> {
        self.write(move |tx| manifests::note_pulls(tx, &pulls)).await
    }
}
