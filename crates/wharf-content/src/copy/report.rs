//! What a copy tells while it runs and when it is done.

use wharf_oci::{Descriptor, Digest, Tag};

use crate::target::RawManifest;

/// What a [`copy`](crate::copy()) did.
#[derive(Clone, Debug)]
pub struct CopyReport {
    /// The manifest that was asked for.
    pub root: Descriptor,
    /// The tags that were set at the destination.
    pub tags: Vec<Tag>,
    /// Every blob and manifest of the graph, each once; blobs first.
    pub items: Vec<CopyItem>,
    /// What the source listed as referrers and is none.
    pub ignored: Vec<IgnoredReferrer>,
}

impl CopyReport {
    /// Returns the number of pieces with that outcome.
    pub fn count(&self, outcome: Outcome) -> usize {
        self.items.iter().filter(|item| item.outcome == outcome).count()
    }

    /// Returns the bytes that were sent.
    pub fn carried_bytes(&self) -> u64 {
        let carried = self.items.iter().filter(|item| item.outcome == Outcome::Carried);
        carried.map(|item| item.descriptor.size).sum()
    }
}

/// One piece of a copy.
#[derive(Clone, Debug)]
pub struct CopyItem {
    /// The blob or manifest.
    pub descriptor: Descriptor,
    /// What happened to it.
    pub outcome: Outcome,
}

/// What happened to one piece.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Outcome {
    /// It was sent.
    Carried,
    /// The destination had it.
    AlreadyThere,
    /// The destination took it over from another of its repositories.
    Mounted,
}

/// A manifest that the source listed as a referrer and that was left out.
#[derive(Clone, Debug)]
pub struct IgnoredReferrer {
    /// The subject under which it was listed.
    pub subject: Digest,
    /// The descriptor in the list.
    pub descriptor: Descriptor,
    /// Why it was left out.
    pub reason: &'static str,
}

/// Is told how a copy goes; called from many tasks.
pub trait Progress: Send + Sync {
    /// A manifest of the graph has been read.
    fn found(&self, _manifest: &RawManifest) {}
    /// The graph is known: so many pieces, so many bytes.
    fn planned(&self, _pieces: usize, _bytes: u64) {}
    /// Work on a piece has begun.
    fn started(&self, _descriptor: &Descriptor) {}
    /// A blob has been read up to `at` bytes. Falls back when a transfer starts again.
    fn advanced(&self, _digest: &Digest, _at: u64) {}
    /// A piece is done.
    fn finished(&self, _descriptor: &Descriptor, _outcome: Outcome) {}
}

/// Tells nobody.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoProgress;

impl Progress for NoProgress {}
