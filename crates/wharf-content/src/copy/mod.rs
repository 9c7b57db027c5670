//! The graph copy: an artifact with everything it refers to and everything attached to it, from one target to another.

mod common;
mod graph;
mod report;
mod transfer;

use std::num::NonZeroUsize;
use std::sync::Arc;

use wharf_oci::{Reference, Tag};

pub use common::Common;
pub use report::{CopyItem, CopyReport, IgnoredReferrer, Incomplete, NoProgress, Outcome, Progress, Role};

use crate::copy::graph::Graph;
use crate::copy::transfer::Transfer;
use crate::target::{ReadTarget, Target};
use crate::{DEFAULT_MAX_MANIFEST_BYTES, PaperOptions, PlatformFilter, Result, Side};

/// How a [`copy`] is done.
#[derive(Clone)]
pub struct CopyOptions {
    /// The tags to set at the destination, last of all. `None`: the one by which the source was asked, if it was one.
    pub tags: Option<Vec<Tag>>,
    /// What of all that is attached goes along: to every manifest reached, and to that in turn. Everything, unless
    /// said otherwise.
    pub papers: PaperOptions,
    /// The platforms to copy; all, where there is none here. Of one platform its own manifest is copied and tagged. Of
    /// several the index is, byte for byte, with what is for the others left out of the destination: a registry that
    /// insists on every entry refuses that.
    pub platforms: Vec<PlatformFilter>,
    /// Whether a sibling tag that points elsewhere at the destination is moved although that loses layers
    /// (signatures) which the source does not have.
    pub replace_siblings: bool,
    /// Whether every piece is asked for before it is sent, so that the report tells what was there. Otherwise little things
    /// are sent unasked where the root is missing.
    pub asks_first: bool,
    /// Whether what was sent is asked for at the destination before the tags are set.
    pub verify: bool,
    /// Whether nothing is to be written: the report says what would be.
    pub dry_run: bool,
    /// How many transfers run at once.
    pub concurrency: NonZeroUsize,
    /// What the source may ask of this program.
    pub budget: Budget,
    /// What this copy has in common with others between the same two places, where there are any.
    pub common: Option<Arc<Common>>,
    /// Who is told how it goes.
    pub progress: Arc<dyn Progress>,
}

impl Default for CopyOptions {
    fn default() -> Self {
        Self {
            tags: None,
            papers: PaperOptions::ALL,
            platforms: Vec::new(),
            replace_siblings: false,
            asks_first: false,
            verify: true,
            dry_run: false,
            concurrency: NonZeroUsize::new(4).expect("four is not zero"),
            budget: Budget::default(),
            common: None,
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

/// Copies the manifest that `reference` names, with all it refers to and its papers, byte for byte.
///
/// First the whole graph is read and checked against the budget, then every blob goes over, then the manifests from
/// the leaves up and papers after what they are about, then sibling tags, then the tags. Before those are set the
/// destination is asked for everything that was sent: a reader of the destination never sees a tag with something
/// missing. What is there already is not sent; every piece is asked for on its own, so a half-filled destination is
/// completed. [`Target::commit`] is for the caller.
///
/// # Errors
/// Each error says by [`crate::Error::side`] where it happened. What was carried until then stays at the destination,
/// without a tag; the same copy started again goes on from there. [`crate::ErrorKind::Incomplete`], with
/// [`Incomplete`] as its cause, says that papers were refused or that the destination did not keep what it took.
pub async fn copy(
    source: &dyn ReadTarget,
    reference: &Reference,
    destination: &dyn Target,
    options: &CopyOptions,
) -> Result<CopyReport> {
    let graph = Graph::read(source, reference, options).await.map_err(|error| error.on(Side::Source))?;
    options.progress.planned(graph.blobs.len() + graph.nodes.len(), graph.total_bytes());
    let tags = match (&options.tags, reference) {
        (Some(tags), _) => tags.clone(),
        (None, Reference::Tag(tag)) => vec![tag.clone()],
        (None, Reference::Digest(_)) => Vec::new(),
    };
    Transfer::new(source, destination, options, graph).run(tags).await
}
