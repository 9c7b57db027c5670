//! The trust policy of a project, and what a decision by it rests on.

use async_trait::async_trait;
use bytes::Bytes;
use wharf_access::Caller;
use wharf_oci::{Descriptor, Digest, RepositoryName, Tag};

use super::BlobRecord;
use crate::Result;

/// The longest text of a policy, in bytes: 512 KiB.
pub const MAX_POLICY_BYTES: usize = 512 << 10;

/// Trust policies of projects. What a policy says is not the catalog's to know: it keeps the text, tells whose content is
/// under one, and hands out what a decision rests on.
#[async_trait]
pub trait Policies: Send + Sync + 'static {
    /// Returns the policy of a project. Needs `configuration:read`.
    async fn project_policy(&self, caller: &Caller, project: &str) -> Result<Option<ProjectPolicy>>;

    /// Sets the policy of a project in place of the one that it has. Needs `configuration:update`.
    async fn set_project_policy(
        &self,
        caller: &Caller,
        project: &str,
        policy: NewProjectPolicy,
    ) -> Result<ProjectPolicy>;

    /// Removes the policy of a project; [`Error::NotFound`](crate::Error::NotFound) where there is none. Needs
    /// `configuration:update`.
    async fn remove_project_policy(&self, caller: &Caller, project: &str) -> Result<()>;

    /// Returns whether a project is marked as one that has a policy. For the server itself.
    async fn is_gated(&self, project: &str) -> Result<bool>;

    /// Returns the policy that a manifest is under and the state of what is attached to it, of one moment. For the server
    /// itself.
    async fn paper_state(&self, repository: &RepositoryName, digest: &Digest) -> Result<PaperState>;

    /// Returns all that a decision on a manifest rests on, of one moment. For the server itself.
    async fn papers(&self, repository: &RepositoryName, digest: &Digest) -> Result<Papers>;

    /// Lists at most `limit` indexes of the repository that list a manifest. For the server itself.
    async fn indexes_of(
        &self,
        repository: &RepositoryName,
        digest: &Digest,
        limit: usize,
    ) -> Result<Vec<Digest>>;

    /// Lists at most `limit` manifests of the repository that use a blob, the newest first. For the server itself.
    async fn users_of_blob(
        &self,
        repository: &RepositoryName,
        digest: &Digest,
        limit: usize,
    ) -> Result<Vec<Digest>>;
}

/// Whether content is to be judged before a caller may have it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gate {
    /// No: the project has no policy.
    Open,
    /// No: the caller's account may push to the repository, and so reads what is there to sign it. What its token is
    /// limited to does not matter, as clients that sign read with a token to pull.
    Passed,
    /// Yes, by the policy of the project.
    Shut,
}

/// The policy of a project.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProjectPolicy {
    /// The digest of the text.
    pub digest: Digest,
    /// The host in the names by which it judges.
    pub host: String,
    /// The text as it came.
    pub text: Bytes,
    /// When it was set, Unix seconds.
    pub set_at: i64,
    /// Who set it.
    pub set_by: String,
}

/// A policy to set, checked by the caller of this API.
#[derive(Clone, Debug)]
pub struct NewProjectPolicy {
    /// The host in the names by which it judges.
    pub host: String,
    /// The text, at most [`MAX_POLICY_BYTES`].
    pub text: Bytes,
}

/// What a remembered decision is good for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PaperState {
    /// The digest of the policy and its host; `None` where the project has none.
    pub policy: Option<(Digest, String)>,
    /// A digest over what is attached to the manifest, directly, and how many of its and their blobs are there. The same state
    /// has the same papers.
    pub state: Digest,
}

/// What is attached to a manifest in its repository: referrers, and the sibling tags of signatures and attestations.
#[derive(Clone, Debug)]
pub struct Papers {
    /// The policy that the manifest is under; `None` where the project has none.
    pub policy: Option<ProjectPolicy>,
    /// As [`PaperState::state`].
    pub state: Digest,
    /// The manifests with the given digest as their subject, 1,001 at most.
    pub referrers: Vec<Descriptor>,
    /// Where the sibling tags point, as far as there are any.
    pub siblings: Vec<(Tag, Digest)>,
    /// The manifest itself, its referrers and what the sibling tags point to, as media type and bytes. What goes beyond
    /// 32 MiB in all is left out.
    pub manifests: Vec<(String, Digest, Bytes)>,
    /// The blobs of the manifest and of its papers that are there.
    pub blobs: Vec<BlobRecord>,
}
