//! A target with faults.

use std::sync::Mutex;

use async_trait::async_trait;
use wharf_content::{
    BlobSource, BlobStream, Cursor, Error, ErrorKind, MemoryTarget, RawManifest, ReadTarget, Result, TagPage,
    Target,
};
use wharf_oci::{Descriptor, Digest, Reference, Tag};

/// A target in memory with the faults that are set; without any it is as good as another.
#[derive(Default)]
pub struct FaultyTarget {
    /// Where the content is.
    pub inner: MemoryTarget,
    /// A manifest or blob that is refused.
    pub refuses: Option<Digest>,
    /// A manifest or blob that is taken and not kept.
    pub forgets: Option<Digest>,
    /// Nothing is ever listed as a referrer.
    pub lists_no_referrers: bool,
    /// Tags can be asked for one by one only.
    pub cannot_list_tags: bool,
    /// What is listed as referrers of everything, beside those that are.
    pub false_referrers: Vec<Descriptor>,
    /// A blob that is served with other bytes.
    pub corrupt: Option<Digest>,
    /// The manifests that were pushed, in order: the beginning of the digest, and the tags.
    pub pushed: Mutex<Vec<String>>,
    /// What was asked of it, in order; see [`FaultyTarget::lines`].
    pub log: Mutex<Vec<String>>,
}

impl FaultyTarget {
    /// Returns what was asked of it, in order: `fetch DIGEST`, `blob DIGEST`, `manifest DIGEST [TAGS]`.
    ///
    /// # Panics
    /// When a test has panicked while it wrote here.
    pub fn lines(&self) -> Vec<String> {
        self.log.lock().unwrap().clone()
    }

    fn log(&self, line: String) {
        self.log.lock().unwrap().push(line);
    }
}

#[async_trait]
impl ReadTarget for FaultyTarget {
    fn name(&self) -> String {
        "faulty".to_owned()
    }
    async fn resolve(&self, reference: &Reference) -> Result<Descriptor> {
        self.inner.resolve(reference).await
    }
    async fn fetch_manifest(&self, reference: &Reference, max_bytes: u64) -> Result<RawManifest> {
        self.inner.fetch_manifest(reference, max_bytes).await
    }
    async fn fetch_blob(&self, descriptor: &Descriptor, offset: u64) -> Result<BlobStream> {
        self.log(format!("fetch {}", descriptor.digest));
        if self.corrupt.as_ref() == Some(&descriptor.digest) {
            let bytes = vec![b'x'; usize::try_from(descriptor.size).unwrap_or_default()];
            return Ok(wharf_content::once(bytes.into()));
        }
        self.inner.fetch_blob(descriptor, offset).await
    }
    async fn blob_exists(&self, digest: &Digest) -> Result<bool> {
        self.inner.blob_exists(digest).await
    }
    async fn tags(&self, from: Option<&Cursor>, limit: usize) -> Result<TagPage> {
        if self.cannot_list_tags {
            return Err(Error::new(ErrorKind::Denied, "no lists here"));
        }
        self.inner.tags(from, limit).await
    }
    async fn referrers(&self, subject: &Digest, artifact_type: Option<&str>) -> Result<Vec<Descriptor>> {
        if self.lists_no_referrers {
            return Ok(Vec::new());
        }
        let mut found = self.inner.referrers(subject, artifact_type).await?;
        found.extend(self.false_referrers.iter().cloned());
        Ok(found)
    }
}

#[async_trait]
impl Target for FaultyTarget {
    async fn push_blob(&self, descriptor: &Descriptor, source: &dyn BlobSource) -> Result<()> {
        self.log(format!("blob {}", descriptor.digest));
        match Some(&descriptor.digest) {
            digest if digest == self.refuses.as_ref() => Err(Error::new(ErrorKind::Denied, "not here")),
            digest if digest == self.forgets.as_ref() => Ok(()),
            _ => self.inner.push_blob(descriptor, source).await,
        }
    }
    async fn push_manifest(&self, manifest: &RawManifest, tags: &[Tag]) -> Result<()> {
        self.log(format!("manifest {} {tags:?}", manifest.digest));
        let tagged = tags.iter().map(Tag::as_str).collect::<Vec<_>>().join(",");
        self.pushed.lock().unwrap().push(format!("{:.19} {tagged}", manifest.digest.as_str()));
        match Some(&manifest.digest) {
            digest if digest == self.refuses.as_ref() => Err(Error::new(ErrorKind::Denied, "not here")),
            digest if digest == self.forgets.as_ref() => Ok(()),
            _ => self.inner.push_manifest(manifest, tags).await,
        }
    }
    async fn tag(&self, digest: &Digest, tag: &Tag) -> Result<()> {
        self.inner.tag(digest, tag).await
    }
    async fn delete_manifest(&self, reference: &Reference) -> Result<()> {
        self.inner.delete_manifest(reference).await
    }
    async fn delete_blob(&self, digest: &Digest) -> Result<()> {
        self.inner.delete_blob(digest).await
    }
}
