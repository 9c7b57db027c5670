//! The graph of an artifact, read from the source before anything is written.

use std::collections::{HashMap, HashSet};

use futures_util::future::BoxFuture;
use futures_util::{StreamExt, TryStreamExt, stream};
use wharf_oci::{Descriptor, Digest, Manifest, Reference, media_type};

use crate::copy::{CopyOptions, IgnoredReferrer};
use crate::target::{RawManifest, ReadTarget};
use crate::{Error, ErrorKind, Result};

/// Everything that belongs to one artifact.
pub(super) struct Graph {
    pub(super) root: Digest,
    pub(super) manifests: HashMap<Digest, RawManifest>,
    /// Every blob once, in the order of discovery.
    pub(super) blobs: Vec<Descriptor>,
    /// The manifests in an order in which each comes after its children and after its subject; those of one rank do
    /// not need each other.
    pub(super) ranks: Vec<Vec<Digest>>,
    pub(super) ignored: Vec<IgnoredReferrer>,
}

/// A manifest that is to be read, and why.
struct Wanted {
    descriptor: Descriptor,
    /// The subject that listed it, if it is a referrer.
    referrer_of: Option<Digest>,
}

/// What reading one manifest brought.
enum Read {
    Manifest { raw: RawManifest, parsed: Box<Manifest>, referrers: Vec<Descriptor> },
    Ignored(Box<IgnoredReferrer>),
}

impl Graph {
    pub(super) async fn read(
        source: &dyn ReadTarget,
        reference: &Reference,
        options: &CopyOptions,
    ) -> Result<Self> {
        let budget = &options.budget;
        let root = source.fetch_manifest(reference, budget.max_manifest_bytes).await?;
        let mut seen = HashSet::from([root.digest.clone()]);
        let mut needs: HashMap<Digest, Vec<Digest>> = HashMap::new();
        let mut blobs: Vec<Descriptor> = Vec::new();
        let mut blob_sizes: HashMap<Digest, u64> = HashMap::new();
        let mut manifests = HashMap::new();
        let mut ignored = Vec::new();
        let mut total_bytes = 0;
        let root_digest = root.digest.clone();
        let root = read_further(source, root, options.referrers).await?;
        let mut level = vec![root];
        for depth in 0.. {
            let mut next: Vec<Wanted> = Vec::new();
            for read in level {
                let (raw, parsed, referrers) = match read {
                    Read::Manifest { raw, parsed, referrers } => (raw, parsed, referrers),
                    Read::Ignored(referrer) => {
                        tracing::warn!(
                            manifest.digest = %referrer.descriptor.digest,
                            "left out {}, listed as a referrer: {}", referrer.descriptor.digest, referrer.reason
                        );
                        ignored.push(*referrer);
                        continue;
                    }
                };
                let mut children = Vec::new();
                let (child_manifests, child_blobs): (Vec<_>, Vec<_>) = parsed
                    .manifests
                    .iter()
                    .partition(|child| child.is_manifest() || child.media_type.is_empty());
                for child in child_manifests {
                    children.push(child.digest.clone());
                    if seen.insert(child.digest.clone()) {
                        next.push(Wanted { descriptor: child.clone(), referrer_of: None });
                    }
                }
                for blob in parsed.blobs().chain(child_blobs) {
                    if media_type::is_nondistributable(&blob.media_type) {
                        continue;
                    }
                    match blob_sizes.insert(blob.digest.clone(), blob.size) {
                        None => blobs.push(blob.clone()),
                        Some(size) if size == blob.size => {}
                        Some(size) => {
                            return Err(Error::new(
                                ErrorKind::Content,
                                format!(
                                    "blob {} is described with sizes {size} and {}",
                                    blob.digest, blob.size
                                ),
                            ));
                        }
                    }
                }
                // A subject is waited for if it goes along; it is not pulled in.
                children.extend(parsed.subject.map(|subject| subject.digest));
                for referrer in referrers {
                    if seen.insert(referrer.digest.clone()) {
                        next.push(Wanted { descriptor: referrer, referrer_of: Some(raw.digest.clone()) });
                    }
                }
                options.progress.found(&raw);
                total_bytes += raw.bytes.len() as u64;
                needs.insert(raw.digest.clone(), children);
                manifests.insert(raw.digest.clone(), raw);
            }
            if next.is_empty() {
                break;
            }
            check("depth", (depth + 1) as u64, budget.max_depth as u64, &root_digest)?;
            check("manifests", seen.len() as u64, budget.max_manifests as u64, &root_digest)?;
            check("bytes of manifests", total_bytes, budget.max_total_manifest_bytes, &root_digest)?;
            let work: Vec<BoxFuture<'_, Result<Read>>> =
                next.into_iter().map(|wanted| Box::pin(read_one(source, wanted, options)) as _).collect();
            level = stream::iter(work).buffered(options.concurrency.get()).try_collect().await?;
        }
        let ranks = rank(needs, &manifests)?;
        Ok(Self { root: root_digest, manifests, blobs, ranks, ignored })
    }

    pub(super) fn total_bytes(&self) -> u64 {
        let manifests = self.manifests.values().map(|manifest| manifest.bytes.len() as u64);
        self.blobs.iter().map(|blob| blob.size).chain(manifests).fold(0, u64::saturating_add)
    }
}

async fn read_one(source: &dyn ReadTarget, wanted: Wanted, options: &CopyOptions) -> Result<Read> {
    let Wanted { descriptor, referrer_of } = wanted;
    let reference = Reference::Digest(descriptor.digest.clone());
    let raw = match source.fetch_manifest(&reference, options.budget.max_manifest_bytes).await {
        Ok(raw) => raw,
        Err(error) if error.kind() == ErrorKind::NotFound && referrer_of.is_some() => {
            let subject = referrer_of.unwrap_or_else(|| descriptor.digest.clone());
            return Ok(Read::Ignored(Box::new(IgnoredReferrer {
                subject,
                descriptor,
                reason: "it is not there",
            })));
        }
        Err(error) => return Err(error),
    };
    // The target has verified this already; a target may have a fault.
    let raw = RawManifest::verified(raw.media_type, raw.bytes, &descriptor.digest)?;
    if let Some(subject) = referrer_of {
        let named = raw.parse()?.subject.map(|subject| subject.digest);
        if named.as_ref() != Some(&subject) {
            let reason = "its subject is another";
            return Ok(Read::Ignored(Box::new(IgnoredReferrer { subject, descriptor, reason })));
        }
    } else if raw.bytes.len() as u64 != descriptor.size {
        return Err(Error::size_differs(&descriptor, raw.bytes.len() as u64));
    } else if !descriptor.media_type.is_empty() && descriptor.media_type != raw.media_type {
        return Err(Error::new(
            ErrorKind::Content,
            format!(
                "manifest {} is described as {:?}, but served as {:?}",
                descriptor.digest, descriptor.media_type, raw.media_type
            ),
        ));
    }
    read_further(source, raw, options.referrers).await
}

async fn read_further(source: &dyn ReadTarget, raw: RawManifest, referrers: bool) -> Result<Read> {
    let parsed = Box::new(raw.parse()?);
    let referrers = if referrers { source.referrers(&raw.digest, None).await? } else { Vec::new() };
    Ok(Read::Manifest { raw, parsed, referrers })
}

/// Sorts the manifests into ranks: each after everything that it needs.
fn rank(
    mut needs: HashMap<Digest, Vec<Digest>>,
    manifests: &HashMap<Digest, RawManifest>,
) -> Result<Vec<Vec<Digest>>> {
    for needed in needs.values_mut() {
        needed.retain(|digest| manifests.contains_key(digest));
    }
    let mut ranks: Vec<Vec<Digest>> = Vec::new();
    let mut done: HashSet<Digest> = HashSet::new();
    while !needs.is_empty() {
        let mut ready: Vec<Digest> = needs
            .iter()
            .filter(|(_, needed)| needed.iter().all(|digest| done.contains(digest)))
            .map(|(digest, _)| digest.clone())
            .collect();
        if ready.is_empty() {
            // Each names the other by the hash of its bytes, so this would be a collision.
            return Err(Error::new(ErrorKind::Content, "manifests refer to each other in a circle"));
        }
        ready.sort();
        for digest in &ready {
            needs.remove(digest);
        }
        done.extend(ready.iter().cloned());
        ranks.push(ready);
    }
    Ok(ranks)
}

fn check(what: &str, found: u64, max: u64, root: &Digest) -> Result<()> {
    if found > max {
        return Err(Error::new(
            ErrorKind::Limit,
            format!("the graph of {root} goes beyond {max} {what}: it has at least {found}"),
        ));
    }
    Ok(())
}
