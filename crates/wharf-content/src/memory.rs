//! A target in memory, for tests and for small things on their way elsewhere.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;
use wharf_oci::{Descriptor, Digest, Reference, Tag};

use crate::stream::{self, BlobSource, BlobStream};
use crate::target::{Cursor, RawManifest, ReadTarget, TagPage, Target};
use crate::{Error, ErrorKind, Result};

/// A target in memory. Everything that is pushed is held whole.
#[derive(Default)]
pub struct MemoryTarget {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    blobs: HashMap<Digest, Bytes>,
    manifests: HashMap<Digest, RawManifest>,
    tags: BTreeMap<String, Digest>,
}

impl MemoryTarget {
    /// Returns an empty target.
    pub fn new() -> Self {
        Self::default()
    }

    /// A panic while the lock is held leaves no half-made state: every change is one insertion or removal.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn manifest(&self, reference: &Reference) -> Result<&RawManifest> {
        let digest = match reference {
            Reference::Digest(digest) => Some(digest),
            Reference::Tag(tag) => self.tags.get(tag.as_str()),
        };
        digest
            .and_then(|digest| self.manifests.get(digest))
            .ok_or_else(|| Error::manifest_not_found("memory", reference))
    }
}

#[async_trait]
impl ReadTarget for MemoryTarget {
    fn name(&self) -> String {
        "memory".to_owned()
    }

    async fn resolve(&self, reference: &Reference) -> Result<Descriptor> {
        self.state().manifest(reference).map(RawManifest::descriptor)
    }

    async fn fetch_manifest(&self, reference: &Reference, max_bytes: u64) -> Result<RawManifest> {
        let manifest = self.state().manifest(reference)?.clone();
        check_manifest_size(reference, manifest.bytes.len() as u64, max_bytes)?;
        Ok(manifest)
    }

    async fn fetch_blob(&self, descriptor: &Descriptor, offset: u64) -> Result<BlobStream> {
        let bytes = self.state().blobs.get(&descriptor.digest).cloned();
        stream::slice(&bytes.ok_or_else(|| Error::blob_not_found("memory", &descriptor.digest))?, offset)
    }

    async fn blob_exists(&self, digest: &Digest) -> Result<bool> {
        Ok(self.state().blobs.contains_key(digest))
    }

    async fn tags(&self, from: Option<&Cursor>, limit: usize) -> Result<TagPage> {
        Ok(page(self.state().tags.keys().map(String::as_str), from, limit))
    }

    async fn referrers(&self, subject: &Digest, artifact_type: Option<&str>) -> Result<Vec<Descriptor>> {
        let mut found = Vec::new();
        for manifest in self.state().manifests.values() {
            found.extend(as_referrer(manifest, subject, artifact_type));
        }
        found.sort_by(|a, b| a.digest.cmp(&b.digest));
        Ok(found)
    }
}

#[async_trait]
impl Target for MemoryTarget {
    async fn push_blob(&self, descriptor: &Descriptor, source: &dyn BlobSource) -> Result<()> {
        let bytes = stream::open_verified(source, descriptor).await?;
        let bytes = stream::collect(bytes, descriptor.size).await?;
        self.state().blobs.insert(descriptor.digest.clone(), bytes);
        Ok(())
    }

    async fn push_manifest(&self, manifest: &RawManifest, tags: &[Tag]) -> Result<()> {
        let manifest = RawManifest::verified(&manifest.media_type, manifest.bytes.clone(), &manifest.digest)?;
        manifest.parse()?;
        let mut state = self.state();
        for tag in tags {
            state.tags.insert(tag.to_string(), manifest.digest.clone());
        }
        state.manifests.insert(manifest.digest.clone(), manifest);
        Ok(())
    }

    async fn tag(&self, digest: &Digest, tag: &Tag) -> Result<()> {
        let mut state = self.state();
        state.manifest(&Reference::Digest(digest.clone()))?;
        state.tags.insert(tag.to_string(), digest.clone());
        Ok(())
    }

    async fn delete_manifest(&self, reference: &Reference) -> Result<()> {
        let mut state = self.state();
        let digest = state.manifest(reference)?.digest.clone();
        match reference {
            Reference::Tag(tag) => {
                state.tags.remove(tag.as_str());
            }
            Reference::Digest(_) => {
                state.tags.retain(|_, tagged| *tagged != digest);
                state.manifests.remove(&digest);
            }
        }
        Ok(())
    }

    async fn delete_blob(&self, digest: &Digest) -> Result<()> {
        let removed = self.state().blobs.remove(digest);
        removed.map(drop).ok_or_else(|| Error::blob_not_found("memory", digest))
    }
}

/// Returns the page of sorted tags that starts after the cursor's tag.
pub(crate) fn page<'a>(
    sorted: impl Iterator<Item = &'a str>,
    from: Option<&Cursor>,
    limit: usize,
) -> TagPage {
    let mut rest = sorted.filter(|tag| from.is_none_or(|Cursor(last)| *tag > last.as_str()));
    let tags: Vec<Tag> = rest.by_ref().filter_map(|tag| tag.parse().ok()).take(limit).collect();
    let next = match tags.last() {
        Some(last) if rest.next().is_some() => Some(Cursor(last.to_string())),
        _ => None,
    };
    TagPage { tags, next }
}

/// Returns the descriptor by which a manifest is listed as a referrer of `subject`, if it is one.
pub(crate) fn as_referrer(
    manifest: &RawManifest,
    subject: &Digest,
    artifact_type: Option<&str>,
) -> Option<Descriptor> {
    let parsed = manifest.parse().ok()?;
    if parsed.subject.as_ref()?.digest != *subject {
        return None;
    }
    let found = parsed.effective_artifact_type();
    if artifact_type.is_some_and(|wanted| found != Some(wanted)) {
        return None;
    }
    let mut descriptor = manifest.descriptor();
    descriptor.artifact_type = found.map(str::to_owned);
    descriptor.annotations = parsed.annotations;
    Some(descriptor)
}

pub(crate) fn check_manifest_size(reference: &Reference, size: u64, max_bytes: u64) -> Result<()> {
    if size > max_bytes {
        return Err(Error::new(
            ErrorKind::Limit,
            format!("manifest {reference} has {size} bytes, at most {max_bytes} are accepted"),
        ));
    }
    Ok(())
}
