//! Storage quotas, to be read; they are set with the project.

use wharf_storage::catalog::{Project, ProjectFilter, SortField};

use super::call::{Call, Reply, json};
use super::query::{Sortable, listed, page};
use super::shape::{Time, shapes};
use crate::error::Error;

const SORTABLE: Sortable = &[
    ("id", SortField::Id),
    ("hard.storage", SortField::QuotaBytes),
    ("used.storage", SortField::UsedBytes),
    ("creation_time", SortField::CreatedAt),
    ("update_time", SortField::UpdatedAt),
];

shapes! {
    /// A storage quota.
    answer Quota {
        /// The number of its project.
        id: i64,
        r#ref: QuotaRef,
        hard: ResourceList,
        used: ResourceList,
        creation_time: Time,
        update_time: Time,
    }

    /// The project of a quota.
    answer QuotaRef {
        id: i64,
        name: String,
        owner_name: String,
    }

    /// Amounts by resource.
    answer ResourceList {
        /// In bytes; -1 for no limit.
        storage: i64,
    }
}

impl From<Project> for Quota {
    fn from(project: Project) -> Self {
        let (hard, used) = lists(&project);
        Self {
            id: project.id,
            hard,
            used,
            creation_time: Time::seconds(project.created_at),
            update_time: Time::seconds(project.updated_at),
            r#ref: QuotaRef { id: project.id, name: project.name, owner_name: project.owner },
        }
    }
}

/// Returns limit and use.
pub(super) fn lists(project: &Project) -> (ResourceList, ResourceList) {
    let bytes = |bytes: u64| i64::try_from(bytes).unwrap_or(i64::MAX);
    (
        ResourceList { storage: project.quota_bytes.map_or(-1, bytes) },
        ResourceList { storage: bytes(project.used_bytes) },
    )
}

pub(super) async fn list(call: Call) -> Result<Reply, Error> {
    call.query.filters(&[])?;
    let slice = call.query.slice(SORTABLE)?;
    let projects = listed(call.catalog().projects(&call.caller, &ProjectFilter::default(), &slice)).await?;
    page(projects, "/quotas", &call.query, Quota::from)
}

pub(super) async fn show(call: Call) -> Result<Reply, Error> {
    let project = call.project().await?;
    json(&Quota::from(call.catalog().project(&call.caller, &project).await?))
}
