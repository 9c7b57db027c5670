//! What a copy tells while it runs and when it is done.

use wharf_oci::{Descriptor, Digest, Tag};

use crate::target::RawManifest;

/// What a [`copy`](crate::copy()) did.
#[derive(Clone, Debug)]
pub struct CopyReport {
    /// The manifest that was asked for; of one platform, its own.
    pub root: Descriptor,
    /// The tags that were set at the destination.
    pub tags: Vec<Tag>,
    /// Every blob and manifest of the graph, each once; blobs first.
    pub items: Vec<CopyItem>,
    /// What an index lists for platforms that were not chosen; it stayed behind.
    pub left_out: Vec<Descriptor>,
    /// What the source listed as referrers and is none, or is not there.
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

    /// Iterates over what did not arrive.
    pub fn lost(&self) -> impl Iterator<Item = &CopyItem> {
        self.items.iter().filter(|item| item.outcome.is_loss())
    }
}

/// One piece of a copy.
#[derive(Clone, Debug)]
pub struct CopyItem {
    /// The blob or manifest.
    pub descriptor: Descriptor,
    /// What it is in the artifact.
    pub role: Role,
    /// What it is attached to or listed in; blobs have none, since many may share them.
    pub of: Option<Digest>,
    /// The sibling tag by which it is attached.
    pub tag: Option<Tag>,
    /// What happened to it.
    pub outcome: Outcome,
    /// Why it did not arrive.
    pub reason: Option<String>,
}

impl CopyItem {
    pub(super) fn blob(descriptor: &Descriptor, outcome: Outcome) -> Self {
        let descriptor = descriptor.clone();
        Self { descriptor, role: Role::Blob, of: None, tag: None, outcome, reason: None }
    }
}

/// What a piece is in the artifact that was copied.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Role {
    /// A blob: config or layer.
    Blob,
    /// The manifest that was asked for.
    Root,
    /// An entry of an index.
    Child,
    /// An entry of an index that is an attestation about another.
    Attestation,
    /// A referrer.
    Referrer,
    /// Attached by a sibling tag.
    Sibling,
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
    /// It would be sent: a dry run.
    Planned,
    /// The destination does not take it.
    Refused,
    /// It is not at the destination: the source does not have it, or the destination did not keep it.
    Missing,
}

impl Outcome {
    /// Returns whether the piece did not arrive.
    pub const fn is_loss(self) -> bool {
        matches!(self, Self::Refused | Self::Missing)
    }
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

/// The cause of the error of a copy in which something did not arrive.
#[derive(Debug, thiserror::Error)]
#[error("{} of {} pieces did not arrive", report.lost().count(), report.items.len())]
pub struct Incomplete {
    /// What became of each piece. No tag was set.
    pub report: CopyReport,
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
