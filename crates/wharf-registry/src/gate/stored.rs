//! What is attached to a manifest, of one moment, as a content target that the policy's code reads.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use futures_util::StreamExt as _;
use wharf_content::{BlobStream, Cursor, Error, ErrorKind, RawManifest, ReadTarget, Result, TagPage, once};
use wharf_oci::{Descriptor, Digest, Reference};
use wharf_storage::BlobStore;
use wharf_storage::catalog::{BlobPlace, BlobRecord, Papers};

/// The papers of one manifest.
pub(super) struct Stored {
    name: String,
    subject: Digest,
    papers: Papers,
    blobs: Arc<dyn BlobStore>,
    /// Whether bytes that were there at that moment could not be read.
    pub(super) incomplete: Arc<AtomicBool>,
}

impl Stored {
    pub(super) fn new(name: String, subject: Digest, papers: Papers, blobs: Arc<dyn BlobStore>) -> Self {
        Self { name, subject, papers, blobs, incomplete: Arc::default() }
    }

    fn blob(&self, digest: &Digest) -> Option<&BlobRecord> {
        self.papers.blobs.iter().find(|blob| blob.digest == *digest)
    }

    fn find(&self, reference: &Reference) -> Result<RawManifest> {
        let digest = match reference {
            Reference::Digest(digest) => Some(digest),
            Reference::Tag(tag) => {
                self.papers.siblings.iter().find(|(name, _)| name == tag).map(|(_, digest)| digest)
            }
        };
        let found = self.papers.manifests.iter().find(|(_, known, _)| Some(known) == digest);
        let (media_type, digest, bytes) =
            found.ok_or_else(|| Error::manifest_not_found(&self.name, reference))?;
        Ok(RawManifest { media_type: media_type.clone(), digest: digest.clone(), bytes: bytes.clone() })
    }
}

#[async_trait]
impl ReadTarget for Stored {
    fn name(&self) -> String {
        self.name.clone()
    }

    async fn resolve(&self, reference: &Reference) -> Result<Descriptor> {
        Ok(self.find(reference)?.descriptor())
    }

    async fn fetch_manifest(&self, reference: &Reference, max_bytes: u64) -> Result<RawManifest> {
        let raw = self.find(reference)?;
        if raw.bytes.len() as u64 > max_bytes {
            let text = format!("manifest {} has {} bytes", raw.digest, raw.bytes.len());
            return Err(Error::new(ErrorKind::Limit, text));
        }
        Ok(raw)
    }

    async fn fetch_blob(&self, descriptor: &Descriptor, offset: u64) -> Result<BlobStream> {
        let digest = &descriptor.digest;
        let blob = self.blob(digest).ok_or_else(|| Error::blob_not_found(&self.name, digest))?;
        let failed = |error: std::io::Error| Error::with_source(ErrorKind::Io, "cannot read a paper", error);
        match &blob.place {
            BlobPlace::Inline(bytes) => {
                let start = usize::try_from(offset).ok().filter(|start| *start <= bytes.len());
                let start =
                    start.ok_or_else(|| Error::new(ErrorKind::Usage, "the offset is beyond the end"))?;
                Ok(once(bytes.slice(start..)))
            }
            BlobPlace::Stored(key) => {
                match self.blobs.read(key, offset, blob.size.saturating_sub(offset)).await {
                    Ok(stream) => Ok(stream.map(move |chunk| chunk.map_err(failed)).boxed()),
                    Err(wharf_storage::Error::NotFound { .. }) => {
                        self.incomplete.store(true, Ordering::Relaxed);
                        Err(Error::blob_not_found(&self.name, digest))
                    }
                    Err(error) => Err(Error::with_source(ErrorKind::Io, "cannot read a paper", error)),
                }
            }
        }
    }

    async fn blob_exists(&self, digest: &Digest) -> Result<bool> {
        Ok(self.blob(digest).is_some())
    }

    async fn tags(&self, _from: Option<&Cursor>, _limit: usize) -> Result<TagPage> {
        let tags = self.papers.siblings.iter().map(|(tag, _)| tag.clone()).collect();
        Ok(TagPage { tags, next: None })
    }

    async fn referrers(&self, subject: &Digest, artifact_type: Option<&str>) -> Result<Vec<Descriptor>> {
        let wanted = |descriptor: &&Descriptor| {
            artifact_type.is_none() || descriptor.artifact_type.as_deref() == artifact_type
        };
        let found = self.papers.referrers.iter().filter(|_| *subject == self.subject);
        Ok(found.filter(wanted).cloned().collect())
    }
}
