//! The audit log.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use wharf_access::Caller;

use super::{Listed, Page, Slice};
use crate::Result;

/// The audit log. Changes write their entries themselves; what changes nothing (pulls, logins, refusals) is recorded
/// in batches.
#[async_trait]
pub trait Audit: Send + Sync + 'static {
    /// Adds entries. For the server itself. Pulls that agree in everything but time may be handed over as one entry with a `count`.
    async fn record(&self, entries: Vec<NewAuditEntry>) -> Result<()>;

    /// Lists entries, newest first; `page.after` is an id. In a project (`log:list` there), or all (`audit-log:list`).
    /// What happened in an earlier project of the same name is told to those only who may list all.
    async fn audit_entries(
        &self,
        caller: &Caller,
        filter: &AuditFilter,
        page: Page,
    ) -> Result<Vec<AuditEntry>>;

    /// Lists entries by number of page: newest first, or by id and time, with the total. Access as in [`audit_entries`](Self::audit_entries).
    async fn audit_page(
        &self,
        caller: &Caller,
        filter: &AuditFilter,
        slice: &Slice,
    ) -> Result<Listed<AuditEntry>>;

    /// Removes entries older than `before` (Unix milliseconds), and what goes beyond `keep_at_most`, in steps of at most 1,000; returns how many
    /// went. Of what goes beyond, failed logins that take more than a quarter of the log go first, as anybody can cause them; then the oldest entries. For the server itself.
    async fn trim_audit(&self, before: i64, keep_at_most: u64) -> Result<u64>;
}

/// What was done. The words are Harbor's audit types where it has one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the words speak")]
pub enum AuditOperation {
    CreateArtifact,
    PullArtifact,
    DeleteArtifact,
    CreateTag,
    MoveTag,
    DeleteTag,
    CreateProject,
    UpdateProject,
    DeleteProject,
    UpdateRepository,
    DeleteRepository,
    CreateMember,
    UpdateMember,
    DeleteMember,
    CreateUser,
    UpdateUser,
    DeleteUser,
    CreateRobot,
    UpdateRobot,
    DeleteRobot,
    LoginUser,
    CollectGarbage,
    UpdateConfiguration,
    UpdatePolicy,
}

impl AuditOperation {
    /// Every operation.
    pub const ALL: [Self; 24] = [
        Self::CreateArtifact,
        Self::PullArtifact,
        Self::DeleteArtifact,
        Self::CreateTag,
        Self::MoveTag,
        Self::DeleteTag,
        Self::CreateProject,
        Self::UpdateProject,
        Self::DeleteProject,
        Self::UpdateRepository,
        Self::DeleteRepository,
        Self::CreateMember,
        Self::UpdateMember,
        Self::DeleteMember,
        Self::CreateUser,
        Self::UpdateUser,
        Self::DeleteUser,
        Self::CreateRobot,
        Self::UpdateRobot,
        Self::DeleteRobot,
        Self::LoginUser,
        Self::CollectGarbage,
        Self::UpdateConfiguration,
        Self::UpdatePolicy,
    ];

    /// Returns the operation with this word.
    pub fn from_text(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|operation| operation.as_str() == text)
    }

    /// Returns the word on the wire and in the catalog, such as `create_artifact`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::CreateArtifact => "create_artifact",
            Self::PullArtifact => "pull_artifact",
            Self::DeleteArtifact => "delete_artifact",
            Self::CreateTag => "create_tag",
            Self::MoveTag => "move_tag",
            Self::DeleteTag => "delete_tag",
            Self::CreateProject => "create_project",
            Self::UpdateProject => "update_project",
            Self::DeleteProject => "delete_project",
            Self::UpdateRepository => "update_repository",
            Self::DeleteRepository => "delete_repository",
            Self::CreateMember => "create_member",
            Self::UpdateMember => "update_member",
            Self::DeleteMember => "delete_member",
            Self::CreateUser => "create_user",
            Self::UpdateUser => "update_user",
            Self::DeleteUser => "delete_user",
            Self::CreateRobot => "create_robot",
            Self::UpdateRobot => "update_robot",
            Self::DeleteRobot => "delete_robot",
            Self::LoginUser => "login_user",
            Self::CollectGarbage => "collect_garbage",
            Self::UpdateConfiguration => "update_configuration",
            Self::UpdatePolicy => "update_policy",
        }
    }
}

/// An entry to add.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct NewAuditEntry {
    /// When, Unix milliseconds.
    pub at_millis: i64,
    /// The account's name.
    pub actor: String,
    /// The peer's address.
    pub address: Option<String>,
    /// What was done.
    pub operation: AuditOperation,
    /// The project concerned.
    pub project: Option<String>,
    /// What it was done to: a repository with tag or digest, a user name, a robot name.
    pub resource: String,
    /// The digest concerned.
    pub digest: Option<String>,
    /// `success`, or `denied` or `failed` with a reason after a colon.
    pub outcome: String,
    /// Anything more, such as `forced: publish` or the digest that a tag pointed to before.
    pub detail: Option<String>,
    /// How many equal events this entry stands for.
    pub count: u32,
}

/// An entry of the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditEntry {
    /// The number; greater is newer.
    pub id: i64,
    /// The rest.
    pub entry: NewAuditEntry,
}

/// Which entries to list; `None` takes all.
#[derive(Clone, Debug, Default)]
pub struct AuditFilter {
    /// Of this project.
    pub project: Option<String>,
    /// By this account.
    pub actor: Option<String>,
    /// Of this kind.
    pub operation: Option<AuditOperation>,
    /// Done to this resource, exactly.
    pub resource: Option<String>,
    /// At or after, Unix milliseconds.
    pub since: Option<i64>,
    /// Before, Unix milliseconds.
    pub until: Option<i64>,
}
