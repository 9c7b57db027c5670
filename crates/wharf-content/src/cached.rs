//! A target read through a layout that keeps what was read.

use std::sync::Arc;

use async_trait::async_trait;
use wharf_oci::{Descriptor, Digest, Reference};

use crate::stream::{BlobSource, BlobStream, BytesSource};
use crate::target::{Cursor, MountOrigin, RawManifest, ReadTarget, TagPage, Target};
use crate::{ErrorKind, LayoutTarget, Result};

/// A target whose blobs and manifests are kept in a layout once they were read, and taken from there from then on. What
/// a tag points at is always asked of the target itself.
#[derive(Clone)]
pub struct CachedTarget {
    origin: Arc<dyn ReadTarget>,
    cache: LayoutTarget,
}

impl CachedTarget {
    /// Reads `origin` through `cache`.
    pub fn new(origin: Arc<dyn ReadTarget>, cache: LayoutTarget) -> Self {
        Self { origin, cache }
    }

    /// Returns a manifest that was read before.
    async fn known_manifest(&self, digest: &Digest, max_bytes: u64) -> Option<RawManifest> {
        // Nothing in a cache is an error: what cannot be read there is read again.
        self.cache.fetch_manifest(&Reference::Digest(digest.clone()), max_bytes).await.ok()
    }
}

#[async_trait]
impl ReadTarget for CachedTarget {
    fn name(&self) -> String {
        self.origin.name()
    }

    async fn resolve(&self, reference: &Reference) -> Result<Descriptor> {
        self.origin.resolve(reference).await
    }

    async fn fetch_manifest(&self, reference: &Reference, max_bytes: u64) -> Result<RawManifest> {
        if let Reference::Digest(digest) = reference
            && let Some(known) = self.known_manifest(digest, max_bytes).await
        {
            return Ok(known);
        }
        let manifest = self.origin.fetch_manifest(reference, max_bytes).await?;
        let bytes = BytesSource(manifest.bytes.clone());
        // As a blob: a cache leads nowhere, so it needs no entry in the index.
        self.cache.push_blob(&manifest.descriptor(), &bytes).await?;
        Ok(manifest)
    }

    async fn fetch_blob(&self, descriptor: &Descriptor, offset: u64) -> Result<BlobStream> {
        if !self.cache.has_blob(descriptor).await? {
            let source = Origin { target: &*self.origin, descriptor };
            match self.cache.push_blob(descriptor, &source).await {
                Ok(()) => {}
                // An algorithm that a layout cannot hold.
                Err(error) if error.kind() == ErrorKind::Usage => {
                    return self.origin.fetch_blob(descriptor, offset).await;
                }
                Err(error) => return Err(error),
            }
        }
        self.cache.fetch_blob(descriptor, offset).await
    }

    async fn blob_exists(&self, digest: &Digest) -> Result<bool> {
        Ok(self.cache.blob_exists(digest).await? || self.origin.blob_exists(digest).await?)
    }

    async fn tags(&self, from: Option<&Cursor>, limit: usize) -> Result<TagPage> {
        self.origin.tags(from, limit).await
    }

    async fn referrers(&self, subject: &Digest, artifact_type: Option<&str>) -> Result<Vec<Descriptor>> {
        self.origin.referrers(subject, artifact_type).await
    }

    fn mount_origin(&self) -> Option<MountOrigin> {
        self.origin.mount_origin()
    }
}

/// A blob of the target, on its way into the cache.
struct Origin<'a> {
    target: &'a dyn ReadTarget,
    descriptor: &'a Descriptor,
}

#[async_trait]
impl BlobSource for Origin<'_> {
    async fn open(&self, offset: u64) -> Result<BlobStream> {
        self.target.fetch_blob(self.descriptor, offset).await
    }
}
