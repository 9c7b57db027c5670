//! Projects.

use http::StatusCode;
use wharf_oci::distribution::ErrorCode;
use wharf_storage::Error as Storage;
use wharf_storage::catalog::{self, NewProject, ProjectFilter, ProjectUpdate, SortField, TextFilter};

use super::call::{Call, Reply, bad_request, created, done, json};
use super::precondition;
use super::query::{Filter, Sortable, listed, page};
use super::shape::{Time, shapes};
use crate::error::Error;

const SORTABLE: Sortable = &[
    ("name", SortField::Name),
    ("project_id", SortField::Id),
    ("owner_name", SortField::Owner),
    ("creation_time", SortField::CreatedAt),
    ("update_time", SortField::UpdatedAt),
];

shapes! {
    /// A project to make, or what to change of one.
    request ProjectReq {
        /// The name; must be absent or unchanged in a change.
        project_name: Option<String>,
        /// Whether anyone may pull; the older place of metadata.public.
        public: Option<bool>,
        /// The settings.
        metadata: Option<ProjectMetadata>,
        /// The storage quota in bytes, -1 for none; administrators only.
        storage_limit: Option<i64>,
        /// An upstream registry; proxy cache projects are not offered.
        registry_id: Option<i64>,
    }

    /// The settings of a project, each as text.
    both ProjectMetadata {
        /// Whether anyone may pull: "true" or "false".
        public: Option<String>,
    }

    /// A project.
    answer Project {
        project_id: i64,
        name: String,
        /// The login name of its maker.
        owner_name: String,
        creation_time: Time,
        update_time: Time,
        repo_count: u64,
        /// The caller's role: 1 projectAdmin, 2 developer, 3 guest, 4 maintainer, 5 limitedGuest; 0 for none.
        current_user_role_id: u8,
        current_user_role_ids: Vec<u8>,
        metadata: ProjectMetadata,
    }

    /// What is in a project.
    answer ProjectSummary {
        repo_count: u64,
        quota: ProjectQuota,
    }

    /// The storage quota of a project and its use.
    answer ProjectQuota {
        hard: super::quotas::ResourceList,
        used: super::quotas::ResourceList,
    }
}

impl From<catalog::Project> for Project {
    fn from(project: catalog::Project) -> Self {
        let role = project.caller_role.map(wharf_access::Role::id);
        Self {
            project_id: project.id,
            name: project.name,
            owner_name: project.owner,
            creation_time: Time::seconds(project.created_at),
            update_time: Time::seconds(project.updated_at),
            repo_count: project.repositories,
            current_user_role_id: role.unwrap_or_default(),
            current_user_role_ids: role.into_iter().collect(),
            metadata: ProjectMetadata::of(project.public),
        }
    }
}

impl ProjectMetadata {
    fn of(public: bool) -> Self {
        Self { public: Some(public.to_string()) }
    }

    fn public(&self) -> Result<Option<bool>, Error> {
        match self.public.as_deref() {
            None => Ok(None),
            Some("true") => Ok(Some(true)),
            Some("false") => Ok(Some(false)),
            Some(other) => {
                Err(bad_request(format!("metadata.public {other:?}: expected \"true\" or \"false\"")))
            }
        }
    }
}

impl ProjectReq {
    fn public(&self) -> Result<Option<bool>, Error> {
        let metadata = self.metadata.as_ref().map(ProjectMetadata::public).transpose()?.flatten();
        Ok(metadata.or(self.public))
    }

    /// Returns the quota: `None` when nothing is said of it, `Some(None)` for none.
    fn quota(&self) -> Result<Option<Option<u64>>, Error> {
        match self.storage_limit {
            None => Ok(None),
            Some(-1) => Ok(Some(None)),
            Some(limit) => match u64::try_from(limit) {
                // Harbor's clients send 0 where nothing was chosen.
                Ok(0) => Ok(None),
                Ok(limit) => Ok(Some(Some(limit))),
                Err(_) => Err(bad_request(format!("storage_limit {limit}: expected bytes, or -1 for none"))),
            },
        }
    }
}

pub(super) async fn list(call: Call) -> Result<Reply, Error> {
    let mut filter = ProjectFilter {
        name: call.query.value("name").map(|part| TextFilter::Contains(part.to_owned())),
        public: call.query.flag("public")?,
        owner: call.query.value("owner").map(str::to_owned),
    };
    for (field, wanted) in call.query.filters(&["name", "public", "owner"])? {
        match (field, wanted) {
            ("name", name) => filter.name = Some(name.text("name")?),
            ("public", Filter::Exact(value)) => filter.public = Some(matches!(value.as_str(), "true" | "1")),
            ("owner", Filter::Exact(name)) => filter.owner = Some(name),
            (field, wanted) => {
                return Err(bad_request(format!("q: {field} cannot be filtered by {wanted:?}")));
            }
        }
    }
    let slice = call.query.slice(SORTABLE)?;
    let projects = listed(call.catalog().projects(&call.caller, &filter, &slice)).await?;
    page(projects, "/projects", &call.query, Project::from)
}

pub(super) async fn exists(call: Call) -> Result<Reply, Error> {
    let name = call.query.value("project_name").ok_or_else(|| bad_request("project_name is missing"))?;
    call.catalog().project(&call.caller, name).await?;
    Ok(done())
}

pub(super) async fn create(call: Call) -> Result<Reply, Error> {
    let wanted: ProjectReq = call.json()?;
    if wanted.registry_id.is_some_and(|id| id != 0) {
        return Err(bad_request("registry_id: proxy cache projects are not offered"));
    }
    let project = NewProject {
        public: wanted.public()?.unwrap_or(false),
        quota_bytes: wanted.quota()?.flatten(),
        name: wanted.project_name.ok_or_else(|| bad_request("project_name is missing"))?,
    };
    let anyone = call.app.config.anyone_creates_projects;
    let project = call.catalog().create_project(&call.caller, project, anyone).await?;
    Ok(created(done(), &format!("/projects/{}", project.id)))
}

pub(super) async fn show(call: Call) -> Result<Reply, Error> {
    let name = call.project().await?;
    json(&Project::from(call.catalog().project(&call.caller, &name).await?))
}

pub(super) async fn update(call: Call) -> Result<Reply, Error> {
    let name = call.project().await?;
    let wanted: ProjectReq = call.json()?;
    if let Some(other) = wanted.project_name.as_ref().filter(|other| **other != name) {
        return Err(bad_request(format!("project {name:?} cannot be renamed to {other:?}")));
    }
    let update = ProjectUpdate { public: wanted.public()?, quota_bytes: wanted.quota()? };
    call.catalog().update_project(&call.caller, &name, update).await?;
    Ok(done())
}

pub(super) async fn delete(call: Call) -> Result<Reply, Error> {
    let name = call.project().await?;
    match call.catalog().delete_project(&call.caller, &name).await {
        Ok(()) => Ok(done()),
        // Harbor's status for a project that is not empty.
        Err(error @ Storage::Conflict { .. }) => Err(precondition(error.to_string())),
        Err(error) => Err(error.into()),
    }
}

pub(super) async fn summary(call: Call) -> Result<Reply, Error> {
    let name = call.project().await?;
    let project = call.catalog().project(&call.caller, &name).await?;
    let (hard, used) = super::quotas::lists(&project);
    json(&ProjectSummary { repo_count: project.repositories, quota: ProjectQuota { hard, used } })
}

pub(super) async fn metadata(call: Call) -> Result<Reply, Error> {
    let name = call.project().await?;
    json(&ProjectMetadata::of(call.catalog().project(&call.caller, &name).await?.public))
}

pub(super) async fn update_metadata(call: Call) -> Result<Reply, Error> {
    let name = call.project().await?;
    let setting = call.parameter("metadata_name");
    if setting != "public" {
        return Err(Error::answer(
            StatusCode::NOT_FOUND,
            ErrorCode::Unsupported,
            format!("setting {setting:?} is unknown; there is: public"),
        ));
    }
    let wanted: ProjectMetadata = call.json()?;
    let public = wanted.public()?.ok_or_else(|| bad_request("public is missing"))?;
    let update = ProjectUpdate { public: Some(public), quota_bytes: None };
    call.catalog().update_project(&call.caller, &name, update).await?;
    Ok(done())
}
