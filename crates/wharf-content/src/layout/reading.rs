//! What every layout answers from its index and its blobs, whether it lies in a folder or in a tar.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use wharf_oci::{Descriptor, Digest, Reference};

use crate::layout::index;
use crate::memory::{as_referrer, check_manifest_size, page};
use crate::target::{Cursor, RawManifest, ReadTarget, TagPage, media_type_of};
use crate::{DEFAULT_MAX_MANIFEST_BYTES, Error, ErrorKind, Result, collect};

/// How many manifests are looked at in search of referrers before the layout is called too large.
const MAX_SCANNED_MANIFESTS: usize = 100_000;

/// Where an `index.json` and blobs are.
#[async_trait]
pub(crate) trait Layout: ReadTarget {
    /// Returns the entries of `index.json`, in their order.
    async fn entries(&self) -> Result<Arc<Vec<Descriptor>>>;

    /// Returns the size of a blob, or `None` when it is not there.
    async fn blob_size(&self, digest: &Digest) -> Result<Option<u64>>;

    /// Returns what is known already of the manifests.
    fn known(&self) -> &Known;
}

/// What was read from manifests once: a digest never means anything else, so nobody has to read it again.
#[derive(Clone, Debug, Default)]
pub(crate) struct Known(Arc<Mutex<HashMap<Digest, Arc<Facts>>>>);

/// What a manifest says of others.
#[derive(Debug)]
struct Facts {
    children: Vec<Descriptor>,
    /// Its subject, and the descriptor by which it is listed there.
    referrer: Option<(Digest, Descriptor)>,
}

/// Finds a manifest: its descriptor as listed, or made from the blob.
async fn find(layout: &dyn Layout, reference: &Reference) -> Result<Descriptor> {
    let entries = layout.entries().await?;
    let listed = entries.iter().find(|entry| match reference {
        Reference::Tag(tag) => index::has_tag(entry, tag),
        Reference::Digest(digest) => entry.digest == *digest,
    });
    let digest = match (&listed, reference) {
        (Some(entry), _) => &entry.digest,
        (None, Reference::Digest(digest)) => digest,
        (None, Reference::Tag(_)) => return Err(Error::manifest_not_found(&layout.name(), reference)),
    };
    let Some(size) = layout.blob_size(digest).await? else {
        return Err(Error::manifest_not_found(&layout.name(), reference));
    };
    let media_type = listed.as_ref().map(|entry| entry.media_type.clone()).unwrap_or_default();
    Ok(Descriptor::new(media_type, digest.clone(), size))
}

/// Reads a manifest; one that is listed without a media type, or not at all, has that of its document.
async fn read(layout: &dyn Layout, found: Descriptor) -> Result<RawManifest> {
    let bytes = collect(layout.fetch_blob(&found, 0).await?, found.size).await?;
    let media_type = match found.media_type {
        listed if listed.is_empty() => media_type_of(&found.digest, &bytes)?,
        listed => listed,
    };
    RawManifest::verified(media_type, bytes, &found.digest)
}

pub(crate) async fn resolve(layout: &dyn Layout, reference: &Reference) -> Result<Descriptor> {
    let found = find(layout, reference).await?;
    if found.is_manifest() {
        return Ok(found);
    }
    check_manifest_size(reference, found.size, DEFAULT_MAX_MANIFEST_BYTES)?;
    Ok(read(layout, found).await?.descriptor())
}

pub(crate) async fn fetch_manifest(
    layout: &dyn Layout,
    reference: &Reference,
    max_bytes: u64,
) -> Result<RawManifest> {
    let found = find(layout, reference).await?;
    check_manifest_size(reference, found.size, max_bytes)?;
    read(layout, found).await
}

pub(crate) async fn tags(layout: &dyn Layout, from: Option<&Cursor>, limit: usize) -> Result<TagPage> {
    let entries = layout.entries().await?;
    let tags: BTreeSet<&str> = entries.iter().filter_map(index::tag_of).collect();
    Ok(page(tags.into_iter(), from, limit))
}

/// Returns whether a manifest is there and can be found: a writer that was killed may have left the bytes alone,
/// which no list of referrers would ever show.
pub(crate) async fn manifest_exists(layout: &dyn Layout, digest: &Digest) -> Result<bool> {
    if layout.blob_size(digest).await?.is_none() {
        return Ok(false);
    }
    let entries = layout.entries().await?;
    if entries.iter().any(|entry| entry.digest == *digest) {
        return Ok(true);
    }
    let mut is_reached = false;
    walk(layout, &entries, |reached, _| is_reached |= reached == digest).await?;
    Ok(is_reached)
}

/// There is no list of referrers in a layout: every manifest that can be reached is looked at.
pub(crate) async fn referrers(
    layout: &dyn Layout,
    subject: &Digest,
    artifact_type: Option<&str>,
) -> Result<Vec<Descriptor>> {
    let mut found = BTreeMap::new();
    walk(layout, &layout.entries().await?, |_, facts| {
        let Some((_, referrer)) = facts.referrer.as_ref().filter(|(of, _)| of == subject) else { return };
        if artifact_type.is_none_or(|wanted| referrer.artifact_type.as_deref() == Some(wanted)) {
            found.insert(referrer.digest.clone(), referrer.clone());
        }
    })
    .await?;
    Ok(found.into_values().collect())
}

/// Visits every manifest that the entries lead to, each once.
async fn walk(
    layout: &dyn Layout,
    entries: &[Descriptor],
    mut visit: impl FnMut(&Digest, &Facts) + Send,
) -> Result<()> {
    let mut seen = HashSet::new();
    let mut pending = entries.to_vec();
    while let Some(next) = pending.pop() {
        if !seen.insert(next.digest.clone()) || !(next.is_manifest() || next.media_type.is_empty()) {
            continue;
        }
        if seen.len() > MAX_SCANNED_MANIFESTS {
            return Err(Error::new(
                ErrorKind::Limit,
                format!("{} has more than {MAX_SCANNED_MANIFESTS} manifests", layout.name()),
            ));
        }
        let Some(facts) = facts(layout, &next.digest).await? else { continue };
        visit(&next.digest, &facts);
        pending.extend(facts.children.iter().cloned());
    }
    Ok(())
}

/// Returns what a manifest says of others; `None` when it is not there.
async fn facts(layout: &dyn Layout, digest: &Digest) -> Result<Option<Arc<Facts>>> {
    let known = &layout.known().0;
    if let Some(facts) = known.lock().unwrap_or_else(PoisonError::into_inner).get(digest) {
        return Ok(Some(Arc::clone(facts)));
    }
    let reference = Reference::Digest(digest.clone());
    let manifest = match layout.fetch_manifest(&reference, DEFAULT_MAX_MANIFEST_BYTES).await {
        Ok(manifest) => manifest,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let parsed = manifest.parse()?;
    let subject = parsed.subject.map(|subject| subject.digest);
    let referrer = subject.and_then(|of| as_referrer(&manifest, &of, None).map(|referrer| (of, referrer)));
    let facts = Arc::new(Facts { children: parsed.manifests, referrer });
    let mut known = known.lock().unwrap_or_else(PoisonError::into_inner);
    known.insert(digest.clone(), Arc::clone(&facts));
    Ok(Some(facts))
}
