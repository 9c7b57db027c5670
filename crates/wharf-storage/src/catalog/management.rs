//! Projects, members, repositories and artifacts as the management API shows them.

use async_trait::async_trait;
use wharf_access::{Caller, Role};
use wharf_oci::{Digest, Reference, RepositoryName, Tag};

use super::{ArtifactFilter, Listed, ProjectFilter, Slice, TextFilter};
use crate::Result;

/// Projects, members, repositories and artifacts. Times are Unix seconds.
///
/// Things of a project are always looked up by project and id together: the id of a thing in another project is absent.
#[async_trait]
pub trait Management: Send + Sync + 'static {
    /// Makes a project; its maker becomes project administrator. Needs an administrator, or any user where
    /// `allow_users` (the server's setting) is set, or a robot with `project:create`.
    async fn create_project(
        &self,
        caller: &Caller,
        project: NewProject,
        allow_users: bool,
    ) -> Result<Project>;
    /// Returns a project by name. Needs `project:read`.
    async fn project(&self, caller: &Caller, name: &str) -> Result<Project>;
    /// Returns the name of the project with this number, if the caller may read it.
    async fn project_name(&self, caller: &Caller, id: i64) -> Result<String>;
    /// Lists the projects that the caller may read, in ascending order of name, or by id, name, owner, times, quota and use.
    async fn projects(
        &self,
        caller: &Caller,
        filter: &ProjectFilter,
        slice: &Slice,
    ) -> Result<Listed<Project>>;
    /// Changes a project. Needs `project:update` for what any project administrator may set; the quota needs a system administrator.
    async fn update_project(&self, caller: &Caller, name: &str, update: ProjectUpdate) -> Result<Project>;
    /// Removes an empty project. Needs `project:delete`. A project with repositories is a conflict.
    async fn delete_project(&self, caller: &Caller, name: &str) -> Result<()>;

    /// Adds a member by user name. Needs `member:create`.
    async fn add_member(
        &self,
        caller: &Caller,
        project: &str,
        user: &str,
        role: Role,
    ) -> Result<MemberRecord>;
    /// Returns a member. Needs `member:read`.
    async fn member(&self, caller: &Caller, project: &str, id: i64) -> Result<MemberRecord>;
    /// Lists members by ascending id, or by id, user name and role. Needs `member:list`.
    async fn members(
        &self,
        caller: &Caller,
        project: &str,
        name: Option<&TextFilter>,
        slice: &Slice,
    ) -> Result<Listed<MemberRecord>>;
    /// Changes a member's role. Needs `member:update`.
    async fn update_member(
        &self,
        caller: &Caller,
        project: &str,
        id: i64,
        role: Role,
    ) -> Result<MemberRecord>;
    /// Removes a member. Needs `member:delete`.
    async fn delete_member(&self, caller: &Caller, project: &str, id: i64) -> Result<()>;

    /// Lists the repositories of a project in ascending order of name, or by id, name, pulls and times. Needs `repository:list`.
    async fn project_repositories(
        &self,
        caller: &Caller,
        project: &str,
        name: Option<&TextFilter>,
        slice: &Slice,
    ) -> Result<Listed<RepositoryRecord>>;
    /// Returns a repository. Needs `repository:read`.
    async fn repository(&self, caller: &Caller, name: &RepositoryName) -> Result<RepositoryRecord>;
    /// Sets the description of a repository. Needs `repository:update`.
    async fn describe_repository(
        &self,
        caller: &Caller,
        name: &RepositoryName,
        description: &str,
    ) -> Result<()>;
    /// Removes a repository with everything in it. Needs `repository:delete`. It is hidden at once and its name free
    /// again; what it holds goes in small transactions, so that other writes come in between. Where that is cut short,
    /// [`Collection::removal_step`](super::Collection::removal_step) goes on.
    async fn delete_repository(&self, caller: &Caller, name: &RepositoryName) -> Result<()>;

    /// Lists the artifacts of a repository, newest push first, or by id, digest, type, size, pulls and times. Children of an index
    /// and referrers are left out unless they have a tag or the filter says `all`. Needs `artifact:list`.
    async fn artifacts(
        &self,
        caller: &Caller,
        repository: &RepositoryName,
        filter: &ArtifactFilter,
        slice: &Slice,
    ) -> Result<Listed<ArtifactRecord>>;
    /// Returns an artifact by tag or digest. Needs `artifact:read`.
    async fn artifact(
        &self,
        caller: &Caller,
        repository: &RepositoryName,
        reference: &Reference,
    ) -> Result<ArtifactRecord>;
    /// Sets a tag on an artifact that is there. Needs `tag:create`. A tag that points elsewhere is a conflict.
    async fn create_tag(
        &self,
        caller: &Caller,
        repository: &RepositoryName,
        reference: &Reference,
        tag: &Tag,
    ) -> Result<()>;
    /// Lists the tags of an artifact, or of the whole repository, in ascending byte order, or by id, name and when they were set.
    /// Needs `tag:list`.
    async fn tag_records(
        &self,
        caller: &Caller,
        repository: &RepositoryName,
        reference: Option<&Reference>,
        name: Option<&TextFilter>,
        slice: &Slice,
    ) -> Result<Listed<TagRecord>>;
    /// Returns where a tag has pointed, newest first. Needs `tag:list`.
    async fn tag_history(
        &self,
        caller: &Caller,
        repository: &RepositoryName,
        tag: &Tag,
        limit: usize,
    ) -> Result<Vec<TagHistoryEntry>>;

    /// Counts what the caller may see.
    async fn statistics(&self, caller: &Caller) -> Result<Statistics>;
    /// Returns storage use by repository and artifact type, and in all. For the server's metrics.
    async fn storage_use(&self) -> Result<StorageUse>;
}

/// A project.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Project {
    /// The number.
    pub id: i64,
    /// The name: one component of a repository name.
    pub name: String,
    /// The login name of its maker.
    pub owner: String,
    /// Whether anyone may pull.
    pub public: bool,
    /// The storage quota in bytes; `None` for none.
    pub quota_bytes: Option<u64>,
    /// What its repositories link, each blob and manifest counted once a project, in bytes.
    pub used_bytes: u64,
    /// The number of repositories.
    pub repositories: u64,
    /// The caller's own role in it.
    pub caller_role: Option<Role>,
    /// When it was made.
    pub created_at: i64,
    /// When it was last changed.
    pub updated_at: i64,
}

/// A project to make.
#[derive(Clone, Debug, Default)]
pub struct NewProject {
    /// The name.
    pub name: String,
    /// Whether anyone may pull.
    pub public: bool,
    /// The storage quota in bytes; only a system administrator may set one.
    pub quota_bytes: Option<u64>,
}

/// What to change of a project; `None` leaves a field.
#[derive(Clone, Debug, Default)]
pub struct ProjectUpdate {
    /// Whether anyone may pull.
    pub public: Option<bool>,
    /// The storage quota; `Some(None)` for none.
    pub quota_bytes: Option<Option<u64>>,
}

/// A member of a project.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MemberRecord {
    /// The number of the membership.
    pub id: i64,
    /// The number of the project.
    pub project_id: i64,
    /// The user's number.
    pub user_id: i64,
    /// The user's login name.
    pub user_name: String,
    /// The role.
    pub role: Role,
}

/// A repository.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RepositoryRecord {
    /// The number.
    pub id: i64,
    /// The number of its project.
    pub project_id: i64,
    /// The full name.
    pub name: RepositoryName,
    /// What its people say of it.
    pub description: String,
    /// The number of manifests, children and referrers included.
    pub artifacts: u64,
    /// How often a manifest was pulled.
    pub pulls: u64,
    /// When it was made.
    pub created_at: i64,
    /// When it was last pushed to.
    pub updated_at: i64,
}

/// A manifest in a repository.
#[derive(Clone, Debug)]
pub struct ArtifactRecord {
    /// The number of the manifest in this repository.
    pub id: i64,
    /// The number of the project.
    pub project_id: i64,
    /// The number of the repository.
    pub repository_id: i64,
    /// Its digest.
    pub digest: Digest,
    /// Its media type.
    pub media_type: String,
    /// Its effective artifact type.
    pub artifact_type: Option<String>,
    /// The media type of its config.
    pub config_media_type: Option<String>,
    /// The size of the manifest with the blobs that it refers to, in bytes.
    pub size: u64,
    /// Its subject.
    pub subject: Option<Digest>,
    /// Its annotations.
    pub annotations: std::collections::BTreeMap<String, String>,
    /// The tags on it, at most 100.
    pub tags: Vec<TagRecord>,
    /// The manifests it lists, if it is an index.
    pub children: Vec<Digest>,
    /// When it was first pushed.
    pub pushed_at: i64,
    /// When it was last pulled.
    pub pulled_at: Option<i64>,
    /// How often it was pulled.
    pub pulls: u64,
}

/// A tag.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TagRecord {
    /// The number.
    pub id: i64,
    /// The name.
    pub name: Tag,
    /// Where it points.
    pub digest: Digest,
    /// When it was last set.
    pub pushed_at: i64,
    /// Who set it.
    pub set_by: Option<String>,
}

/// One past or present position of a tag.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TagHistoryEntry {
    /// Where it pointed from then on; `None` when it was deleted.
    pub digest: Option<Digest>,
    /// When.
    pub at: i64,
    /// Who set it.
    pub actor: String,
    /// Whether the repository still has what it pointed to.
    pub present: bool,
}

/// Counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "each is a count of what its name says; bytes where it says so")]
pub struct Statistics {
    pub private_projects: u64,
    pub private_repositories: u64,
    pub public_projects: u64,
    pub public_repositories: u64,
    pub total_projects: u64,
    pub total_repositories: u64,
    pub total_storage_bytes: u64,
}

/// Storage use.
#[derive(Clone, Debug, Default)]
pub struct StorageUse {
    /// Every blob and manifest once, in bytes.
    pub used_bytes: u64,
    /// By repository and effective artifact type (empty for none): the sizes of the artifacts
    /// ([`ArtifactRecord::size`]) added up, so a blob counts for each that has it.
    pub by_artifact_type: Vec<(RepositoryName, String, u64)>,
}
