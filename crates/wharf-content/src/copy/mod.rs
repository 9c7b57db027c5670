//! The graph copy: an artifact with everything it refers to, from one target to another.

mod graph;
mod report;

use std::num::NonZeroUsize;
use std::sync::Arc;

use async_trait::async_trait;
use futures_util::future::BoxFuture;
use futures_util::{StreamExt, TryStreamExt, stream};
use wharf_oci::{Descriptor, Digest, Reference, Tag};

pub use report::{CopyItem, CopyReport, IgnoredReferrer, NoProgress, Outcome, Progress};

use crate::copy::graph::Graph;
use crate::stream::{BlobSource, BlobStream, verified};
use crate::target::{RawManifest, ReadTarget, Target};
use crate::{DEFAULT_MAX_MANIFEST_BYTES, Result, Side};

/// How a [`copy`] is done.
#[derive(Clone)]
pub struct CopyOptions {
    /// The tags to set at the destination, last of all. `None`: the one by which the source was asked, if it was one.
    pub tags: Option<Vec<Tag>>,
    /// Whether everything attached goes along: referrers of every manifest reached, and theirs in turn.
    pub referrers: bool,
    /// How many transfers run at once.
    pub concurrency: NonZeroUsize,
    /// What the source may ask of this program.
    pub budget: Budget,
    /// Who is told how it goes.
    pub progress: Arc<dyn Progress>,
}

impl Default for CopyOptions {
    fn default() -> Self {
        Self {
            tags: None,
            referrers: false,
            concurrency: NonZeroUsize::new(4).expect("four is not zero"),
            budget: Budget::default(),
            progress: Arc::new(NoProgress),
        }
    }
}

/// The bounds of a graph, so that no source can make a copy endless.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    /// The longest way from the root to a manifest.
    pub max_depth: usize,
    /// The number of manifests.
    pub max_manifests: usize,
    /// The size of one manifest in bytes.
    pub max_manifest_bytes: u64,
    /// The size of all manifests in bytes; they are held until the copy is done.
    pub max_total_manifest_bytes: u64,
}

impl Default for Budget {
    fn default() -> Self {
        Self {
            max_depth: 32,
            max_manifests: 20_000,
            max_manifest_bytes: DEFAULT_MAX_MANIFEST_BYTES,
            max_total_manifest_bytes: 256 * 1024 * 1024,
        }
    }
}

/// Copies the manifest that `reference` names, with all it refers to, byte for byte.
///
/// First the whole graph is read and checked against the budget, then every blob goes over, then the manifests from
/// the leaves up, then the tags: a reader of the destination never sees a manifest with something missing. What is
/// there already is not sent; every piece is asked for on its own, so a half-filled destination is completed.
///
/// # Errors
/// Each error says by [`crate::Error::side`] where it happened. What was carried until then stays at the destination,
/// without a tag; the same copy started again goes on from there.
pub async fn copy(
    source: &dyn ReadTarget,
    reference: &Reference,
    destination: &dyn Target,
    options: &CopyOptions,
) -> Result<CopyReport> {
    let at_source = |error: crate::Error| error.on(Side::Source);
    let at_destination = |error: crate::Error| error.on(Side::Destination);
    let graph = Graph::read(source, reference, options).await.map_err(at_source)?;
    options.progress.planned(graph.blobs.len() + graph.manifests.len(), graph.total_bytes());

    let transfer = Transfer { source, destination, options };
    let blobs: Vec<BoxFuture<'_, Result<CopyItem>>> =
        graph.blobs.iter().map(|blob| Box::pin(transfer.blob(blob)) as _).collect();
    let mut items = run(blobs, options.concurrency).await?;

    let tags = match (&options.tags, reference) {
        (Some(tags), _) => tags.clone(),
        (None, Reference::Tag(tag)) => vec![tag.clone()],
        (None, Reference::Digest(_)) => Vec::new(),
    };
    let mut tagged = tags.is_empty();
    for rank in &graph.ranks {
        // Where the root stands alone at the end its tags are set with it, in one request.
        let last = rank.as_slice() == std::slice::from_ref(&graph.root) && graph.ranks.last() == Some(rank);
        let tags: &[Tag] = if last { &tags } else { &[] };
        tagged |= last;
        let manifests: Vec<BoxFuture<'_, Result<CopyItem>>> = rank
            .iter()
            .filter_map(|digest| graph.manifests.get(digest))
            .map(|manifest| Box::pin(transfer.manifest(manifest, tags)) as _)
            .collect();
        items.extend(run(manifests, options.concurrency).await?);
    }
    let root = &graph.manifests[&graph.root];
    if !tagged {
        destination.push_manifest(root, &tags).await.map_err(at_destination)?;
    }
    Ok(CopyReport { root: root.descriptor(), tags, items, ignored: graph.ignored })
}

async fn run(work: Vec<BoxFuture<'_, Result<CopyItem>>>, concurrency: NonZeroUsize) -> Result<Vec<CopyItem>> {
    stream::iter(work).buffer_unordered(concurrency.get()).try_collect().await
}

/// Carries single pieces.
struct Transfer<'a> {
    source: &'a dyn ReadTarget,
    destination: &'a dyn Target,
    options: &'a CopyOptions,
}

impl Transfer<'_> {
    async fn blob(&self, blob: &Descriptor) -> Result<CopyItem> {
        self.options.progress.started(blob);
        let outcome = self.blob_outcome(blob).await.map_err(|error| error.on(Side::Destination))?;
        self.options.progress.finished(blob, outcome);
        Ok(CopyItem { descriptor: blob.clone(), outcome })
    }

    async fn blob_outcome(&self, blob: &Descriptor) -> Result<Outcome> {
        if self.destination.blob_exists(&blob.digest).await? {
            return Ok(Outcome::AlreadyThere);
        }
        if let Some(origin) = self.source.mount_origin()
            && self.destination.mount_blob(blob, &origin).await?
        {
            return Ok(Outcome::Mounted);
        }
        let bytes = SourceBlob { source: self.source, descriptor: blob, progress: &self.options.progress };
        self.destination.push_blob(blob, &bytes).await?;
        Ok(Outcome::Carried)
    }

    async fn manifest(&self, manifest: &RawManifest, tags: &[Tag]) -> Result<CopyItem> {
        let descriptor = manifest.descriptor();
        let at_destination = |error: crate::Error| error.on(Side::Destination);
        self.options.progress.started(&descriptor);
        let there = self.destination.manifest_exists(&manifest.digest).await.map_err(at_destination)?;
        if !there || !tags.is_empty() {
            self.destination.push_manifest(manifest, tags).await.map_err(at_destination)?;
        }
        let outcome = if there { Outcome::AlreadyThere } else { Outcome::Carried };
        self.options.progress.finished(&descriptor, outcome);
        Ok(CopyItem { descriptor, outcome })
    }
}

/// A blob at the source of a copy, read as often as the destination needs.
struct SourceBlob<'a> {
    source: &'a dyn ReadTarget,
    descriptor: &'a Descriptor,
    progress: &'a Arc<dyn Progress>,
}

#[async_trait]
impl BlobSource for SourceBlob<'_> {
    async fn open(&self, offset: u64) -> Result<BlobStream> {
        let opened = self.source.fetch_blob(self.descriptor, offset).await;
        let mut bytes = opened.map_err(|error| error.on(Side::Source))?;
        // From the middle on only the destination can verify, and does.
        if offset == 0 {
            bytes = verified(bytes, self.descriptor);
        }
        let digest: Digest = self.descriptor.digest.clone();
        let progress = Arc::clone(self.progress);
        let mut at = offset;
        Ok(Box::pin(bytes.map_err(|error| error.on(Side::Source)).inspect_ok(move |bytes| {
            at += bytes.len() as u64;
            progress.advanced(&digest, at);
        })))
    }
}
