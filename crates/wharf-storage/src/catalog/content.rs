//! The data plane: manifests, tags, blobs and referrers of repositories.

use async_trait::async_trait;
use bytes::Bytes;
use wharf_access::Caller;
use wharf_oci::{Descriptor, Digest, Manifest, Reference, RepositoryName, Tag};

use super::Gate;
use crate::{BlobKey, Result};

/// The data plane. Names that do not exist are told as [`Error::NotFound`](crate::Error::NotFound) with `what` one of `repository`,
/// `manifest`, `blob`, `tag`.
#[async_trait]
pub trait Content: Send + Sync + 'static {
    /// Returns a manifest by tag or digest. Needs `repository:pull`. One that nothing refers to is kept for another grace
    /// time, as the caller may be about to list it in an index.
    async fn manifest(
        &self,
        caller: &Caller,
        repository: &RepositoryName,
        reference: &Reference,
    ) -> Result<ManifestRecord>;

    /// Stores a manifest and sets tags on it, all or nothing; makes the repository when it is the first thing in it.
    /// Needs `repository:push`.
    ///
    /// Blobs that it refers to must be linked in the repository ([`Error::MissingBlobs`](crate::Error::MissingBlobs)) unless their media
    /// type is non-distributable or the descriptor carries its `data`; child manifests and the subject may be absent.
    /// A condition that does not hold is [`Error::PreconditionFailed`](crate::Error::PreconditionFailed). Storing what is there already changes nothing but tags, and starts its grace time anew.
    async fn put_manifest(
        &self,
        caller: &Caller,
        repository: &RepositoryName,
        manifest: NewManifest,
    ) -> Result<PutOutcome>;

    /// Removes a manifest from a repository, with the tags on it and the referrers of it. Needs `artifact:delete`.
    async fn delete_manifest(
        &self,
        caller: &Caller,
        repository: &RepositoryName,
        digest: &Digest,
    ) -> Result<()>;

    /// Removes a tag; the manifest stays, untagged. Needs `tag:delete`.
    async fn delete_tag(&self, caller: &Caller, repository: &RepositoryName, tag: &Tag) -> Result<()>;

    /// Lists tags in ascending byte order. Needs `repository:pull`.
    async fn tags(&self, caller: &Caller, repository: &RepositoryName, page: Page) -> Result<Vec<Tag>>;

    /// Lists the manifests that have `subject` as their subject, in ascending order of digest: descriptors with the
    /// effective artifact type and the annotations of the manifest. An unknown repository or subject has none. `page.after` is a digest.
    /// Needs `repository:pull`.
    async fn referrers(
        &self,
        caller: &Caller,
        repository: &RepositoryName,
        subject: &Digest,
        artifact_type: Option<&str>,
        page: Page,
    ) -> Result<Vec<Descriptor>>;

    /// Lists the repositories that the caller may pull from, in ascending byte order.
    async fn repositories(&self, caller: &Caller, page: Page) -> Result<Vec<RepositoryName>>;

    /// Returns where a blob is, if this repository links it. Needs `repository:pull`. A link that no manifest uses yet
    /// is kept for another grace time, as the caller is about to rely on it.
    async fn blob(&self, caller: &Caller, repository: &RepositoryName, digest: &Digest)
    -> Result<BlobRecord>;

    /// Links a blob that is durable in the blob store into a repository, making the repository when it is the first
    /// thing in it. Needs `repository:push`.
    async fn commit_blob(
        &self,
        caller: &Caller,
        repository: &RepositoryName,
        blob: NewBlob,
    ) -> Result<CommitOutcome>;

    /// Puts the bytes of `blob` in the place of `lost`, a key whose bytes are gone or cut short. For the server itself,
    /// after [`CommitOutcome::Duplicate`]. Returns whether it did: not when the blob is elsewhere by now.
    async fn replace_lost(&self, lost: &BlobKey, blob: NewBlob) -> Result<bool>;

    /// Links a blob of another repository: needs `repository:push` on `to` and `repository:pull` on `from`; where the
    /// project of `from` has a trust policy, `repository:push` there, too ([`Gate::Passed`]). Without
    /// `from`, any repository that the caller may pull from will do. Returns whether it was linked; a source that is
    /// absent, has no such blob or may not be read all give `false`.
    async fn mount_blob(
        &self,
        caller: &Caller,
        from: Option<&RepositoryName>,
        to: &RepositoryName,
        digest: &Digest,
    ) -> Result<bool>;

    /// Does what [`mount_blob`](Self::mount_blob) does for a caller whom the gate of `from` lets have the blob by the policy
    /// with this digest. Where another policy holds by now, nothing is linked.
    async fn mount_past_gate(
        &self,
        caller: &Caller,
        from: &RepositoryName,
        to: &RepositoryName,
        digest: &Digest,
        policy: &Digest,
    ) -> Result<bool>;

    /// Returns a repository that [`mount_blob`](Self::mount_blob) would take the blob from for this caller, or `None`.
    async fn mount_source(
        &self,
        caller: &Caller,
        from: Option<&RepositoryName>,
        to: &RepositoryName,
        digest: &Digest,
    ) -> Result<Option<RepositoryName>>;

    /// Unlinks a blob from a repository, at once and from this repository only. Needs `artifact:delete`.
    async fn delete_blob(&self, caller: &Caller, repository: &RepositoryName, digest: &Digest) -> Result<()>;

    /// Adds to the pull counters of manifests and repositories. For the server itself, which hands over what it has
    /// gathered every few seconds: a pull never waits for a write. What is not there any more is passed over.
    async fn note_pulls(&self, pulls: Vec<PullCount>) -> Result<()>;
}

/// How often a manifest was pulled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PullCount {
    /// The repository.
    pub repository: RepositoryName,
    /// The manifest.
    pub digest: Digest,
    /// How often.
    pub count: u64,
    /// When last, Unix seconds.
    pub at: i64,
}

/// A stored manifest.
#[derive(Clone, Debug)]
pub struct ManifestRecord {
    /// Its digest, in the algorithm under which it was pushed or asked for.
    pub digest: Digest,
    /// The media type under which it was pushed.
    pub media_type: String,
    /// The effective artifact type, for metrics and events.
    pub artifact_type: Option<String>,
    /// The bytes as they came.
    pub content: Bytes,
    /// Whether the project's trust policy is to be asked before the caller may have it.
    pub gate: Gate,
}

/// A manifest to store, checked by the caller of this API: `manifest` is parsed from `content`, which has `digest`.
#[derive(Clone, Debug)]
pub struct NewManifest {
    /// Its digest.
    pub digest: Digest,
    /// The bytes as they came.
    pub content: Bytes,
    /// The parsed view.
    pub manifest: Manifest,
    /// The tags to set on it.
    pub tags: Vec<Tag>,
    /// What the tags must point to before; decided in the transaction that sets them.
    pub condition: Option<TagCondition>,
    /// What the client gave as the reason to replace a tag's content, such as `publish`; noted in the audit log.
    pub force_reason: Option<String>,
    /// Whether blobs that the repository does not link are no error: a setting of servers that mirror partial content.
    pub accept_missing_blobs: bool,
}

/// What a tag must point to for a manifest to be stored under it (RFC 9110, sections 13.1.1 and 13.1.2).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TagCondition {
    /// To one of these.
    pub matches: Option<TagTargets>,
    /// To none of these.
    pub none_match: Option<TagTargets>,
}

impl TagCondition {
    /// Returns whether a tag that points to `current`, or to nothing, may be set.
    pub fn holds(&self, current: Option<&Digest>) -> bool {
        let include = |targets: &TagTargets| current.is_some_and(|digest| targets.include(digest));
        self.matches.as_ref().is_none_or(include) && !self.none_match.as_ref().is_some_and(include)
    }
}

/// Manifests that a tag may point to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TagTargets {
    /// Whichever it is.
    Any,
    /// These.
    These(Vec<Digest>),
}

impl TagTargets {
    /// Returns whether `digest` is one of them.
    pub fn include(&self, digest: &Digest) -> bool {
        match self {
            Self::Any => true,
            Self::These(digests) => digests.contains(digest),
        }
    }
}

/// What storing a manifest did.
#[derive(Clone, Debug)]
pub struct PutOutcome {
    /// Whether the repository did not have it before.
    pub created: bool,
    /// Tags that are new or moved.
    pub tags: Vec<TagMove>,
}

/// A tag that was set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TagMove {
    /// The tag.
    pub tag: Tag,
    /// Where it pointed before.
    pub previous: Option<Digest>,
}

/// The greatest size of a blob that the catalog itself holds, in bytes ([`BlobPlace::Inline`]): 8 KiB.
///
/// A commit flushes the disk anyway, so a small blob costs nothing more there, where a file of its own costs two
/// flushes. Configs of charts and artifacts are of this size.
pub const MAX_INLINE_BYTES: u64 = 8 * 1024;

/// Where the bytes of a blob are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BlobPlace {
    /// In the catalog itself, as it is small ([`MAX_INLINE_BYTES`]; manifests lie there whatever their size).
    Inline(Bytes),
    /// In the blob store.
    Stored(BlobKey),
}

/// A linked blob.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BlobRecord {
    /// Its digest.
    pub digest: Digest,
    /// Its size in bytes.
    pub size: u64,
    /// Where its bytes are.
    pub place: BlobPlace,
    /// Whether the project's trust policy is to be asked before the caller may have it.
    pub gate: Gate,
}

/// A blob to link.
#[derive(Clone, Debug)]
pub struct NewBlob {
    /// Its digest, verified.
    pub digest: Digest,
    /// Its size in bytes.
    pub size: u64,
    /// Where its bytes are, durably.
    pub place: BlobPlace,
}

/// What linking a blob did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CommitOutcome {
    /// The given place is now the blob's.
    Kept,
    /// The same content was there already: the given place is not used, and the caller removes it.
    Duplicate,
}

/// One page of a list.
#[derive(Clone, Debug, Default)]
pub struct Page {
    /// The last entry of the page before, exclusive; it need not exist any more.
    pub after: Option<String>,
    /// The greatest number of entries.
    pub limit: usize,
}

impl Page {
    /// Returns [`Page::after`] where entries are numbered.
    ///
    /// # Errors
    /// [`Error::Invalid`](crate::Error::Invalid) when it is not a number.
    pub fn after_id(&self) -> Result<Option<i64>> {
        let parse = |text: &String| {
            text.parse().map_err(|_| crate::Error::Invalid {
                what: "page",
                problem: format!("it starts after {text:?}, which is not a number"),
            })
        };
        self.after.as_ref().map(parse).transpose()
    }
}
