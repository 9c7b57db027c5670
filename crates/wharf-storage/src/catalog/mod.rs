//! The single source of truth of a registry.
//!
//! Every method that a person or a program can cause takes the [`Caller`] and decides access in the transaction that
//! does the work ([`wharf_access::decide`]); a method without a caller belongs to the server itself. Changes made by a
//! caller write their audit entry in the same transaction.

mod accounts;
mod audit;
mod collection;
mod content;
mod listing;
mod management;
mod policy;

use wharf_access::{Caller, Request};

use crate::Result;

pub use accounts::{
    Accounts, NewRobot, NewUser, Robot, RobotCredential, RobotUpdate, User, UserCredential, UserUpdate,
};
pub use audit::{Audit, AuditEntry, AuditFilter, AuditOperation, NewAuditEntry};
pub use collection::{BlobUse, Collected, Collection, CollectionPolicy};
pub use content::{
    BlobPlace, BlobRecord, CommitOutcome, Content, MAX_INLINE_BYTES, ManifestRecord, NewBlob, NewManifest,
    Page, PullCount, PutOutcome, TagCondition, TagMove, TagTargets,
};
pub use listing::{ArtifactFilter, Listed, ProjectFilter, Slice, Sort, SortField, TextFilter};
pub use management::{
    ArtifactRecord, Management, MemberRecord, NewProject, Project, ProjectUpdate, RepositoryRecord,
    Statistics, StorageUse, TagHistoryEntry, TagRecord,
};
pub use policy::{Gate, MAX_POLICY_BYTES, NewProjectPolicy, PaperState, Papers, Policies, ProjectPolicy};

/// The whole catalog.
#[async_trait::async_trait]
pub trait Catalog: Accounts + Audit + Collection + Content + Management + Policies {
    /// Decides access without doing anything, for operations whose effect lies outside the catalog.
    ///
    /// # Errors
    /// [`Error::Denied`](crate::Error::Denied); [`Error::NotFound`](crate::Error::NotFound) for a project that is absent, to those who may know that.
    async fn authorize(&self, caller: &Caller, request: &Request<'_>) -> Result<()>;

    /// Returns a stored setting of the server itself, such as its token key.
    async fn setting(&self, name: &str) -> Result<Option<Vec<u8>>>;

    /// Stores a setting unless one is there, and returns what is then stored.
    async fn setting_or_insert(&self, name: &str, value: &[u8]) -> Result<Vec<u8>>;

    /// Returns whether the catalog answers, for `/readyz`.
    async fn check(&self) -> Result<()>;
}
