//! Repositories.

use std::sync::Arc;

use wharf_oci::RepositoryName;
use wharf_storage::catalog::{RepositoryRecord, SortField, TagHistoryEntry};

use super::artifacts::{self, Tag};
use super::call::{Call, Reply, bad_request, done, json};
use super::query::{Sortable, listed, page};
use super::shape::{Time, shapes};
use crate::error::Error;

/// The longest description, in bytes.
const MAX_DESCRIPTION_BYTES: usize = 64 << 10;
/// Positions of a tag that are shown.
const HISTORY: usize = 1000;

const SORTABLE: Sortable = &[
    ("id", SortField::Id),
    ("name", SortField::Name),
    ("pull_count", SortField::Pulls),
    ("creation_time", SortField::CreatedAt),
    ("update_time", SortField::UpdatedAt),
];

shapes! {
    /// A repository.
    answer Repository {
        id: i64,
        project_id: i64,
        /// The full name, project included.
        name: String,
        /// Text of its people; shown as text, never as markup.
        description: String,
        artifact_count: u64,
        pull_count: u64,
        creation_time: Time,
        update_time: Time,
    }

    /// What to change of a repository.
    request RepositoryReq {
        description: String,
    }

    /// A past or present position of a tag.
    answer TagPosition {
        /// Where it pointed from then on; absent when it was deleted.
        digest: Option<String>,
        time: Time,
        /// Who set it.
        username: String,
        /// Whether what it pointed to is still there.
        present: bool,
    }
}

impl From<RepositoryRecord> for Repository {
    fn from(record: RepositoryRecord) -> Self {
        Self {
            id: record.id,
            project_id: record.project_id,
            name: record.name.to_string(),
            description: record.description,
            artifact_count: record.artifacts,
            pull_count: record.pulls,
            creation_time: Time::seconds(record.created_at),
            update_time: Time::seconds(record.updated_at),
        }
    }
}

impl From<TagHistoryEntry> for TagPosition {
    fn from(entry: TagHistoryEntry) -> Self {
        Self {
            digest: entry.digest.map(|digest| digest.to_string()),
            time: Time::seconds(entry.at),
            username: entry.actor,
            present: entry.present,
        }
    }
}

pub(super) async fn list(call: Call) -> Result<Reply, Error> {
    let project = call.project().await?;
    let name = call.query.text_filter("name")?;
    let slice = call.query.slice(SORTABLE)?;
    let found =
        listed(call.catalog().project_repositories(&call.caller, &project, name.as_ref(), &slice)).await?;
    page(found, &format!("/projects/{project}/repositories"), &call.query, Repository::from)
}

pub(super) async fn show(call: Call) -> Result<Reply, Error> {
    let name = call.repository().await?;
    json(&Repository::from(call.catalog().repository(&call.caller, &name).await?))
}

pub(super) async fn update(call: Call) -> Result<Reply, Error> {
    let name = call.repository().await?;
    let RepositoryReq { description } = call.json()?;
    if description.len() > MAX_DESCRIPTION_BYTES {
        return Err(bad_request(format!(
            "description has {} bytes, at most {MAX_DESCRIPTION_BYTES} are allowed",
            description.len()
        )));
    }
    call.catalog().describe_repository(&call.caller, &name, &description).await?;
    Ok(done())
}

pub(super) async fn delete(call: Call) -> Result<Reply, Error> {
    let name = call.repository().await?;
    let (app, caller) = (Arc::clone(&call.app), call.caller.clone());
    // Carried through when the client goes away meanwhile: it may take a while.
    let removal = tokio::spawn(async move { app.catalog.delete_repository(&caller, &name).await });
    removal.await.map_err(|error| {
        wharf_storage::Error::Damaged(format!("the removal of a repository ended early: {error}"))
    })??;
    Ok(done())
}

pub(super) async fn tags(call: Call) -> Result<Reply, Error> {
    let name = call.repository().await?;
    let wanted = call.query.text_filter("name")?;
    let slice = call.query.slice(artifacts::SORTABLE_TAGS)?;
    let tags = listed(call.catalog().tag_records(&call.caller, &name, None, wanted.as_ref(), &slice)).await?;
    page(tags, &format!("{}/tags", path(&name)), &call.query, Tag::from)
}

pub(super) async fn tag_history(call: Call) -> Result<Reply, Error> {
    let (name, tag) = (call.repository().await?, call.tag()?);
    let history = call.catalog().tag_history(&call.caller, &name, &tag, HISTORY).await?;
    json(&history.into_iter().map(TagPosition::from).collect::<Vec<_>>())
}

/// Returns the path of a repository, its inner slashes encoded twice as Harbor writes them.
pub(super) fn path(name: &RepositoryName) -> String {
    let inner = name.path_in_project().unwrap_or_default().replace('/', "%252F");
    format!("/projects/{}/repositories/{inner}", name.project())
}
