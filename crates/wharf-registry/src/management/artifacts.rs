//! Artifacts and their tags.

use std::collections::BTreeMap;

use wharf_oci::Reference;
use wharf_storage::catalog::{ArtifactFilter, ArtifactRecord, SortField, TagRecord};

use super::call::{Call, Reply, created, done, json};
use super::query::{Filter, Sortable, listed, page};
use super::repositories::path;
use super::shape::{Time, shapes};
use crate::error::Error;

const SORTABLE: Sortable = &[
    ("id", SortField::Id),
    ("digest", SortField::Digest),
    ("artifact_type", SortField::ArtifactType),
    ("size", SortField::SizeBytes),
    ("pull_count", SortField::Pulls),
    ("push_time", SortField::CreatedAt),
    ("pull_time", SortField::PulledAt),
];
pub(super) const SORTABLE_TAGS: Sortable =
    &[("id", SortField::Id), ("name", SortField::Name), ("push_time", SortField::CreatedAt)];

shapes! {
    /// A manifest in a repository.
    answer Artifact {
        id: i64,
        project_id: i64,
        repository_id: i64,
        repository_name: String,
        /// "IMAGE", "CHART" or the last word of the artifact type, in upper case.
        r#type: String,
        /// The media type of the config.
        media_type: Option<String>,
        manifest_media_type: String,
        artifact_type: Option<String>,
        digest: String,
        /// The manifest with the blobs that it refers to, in bytes.
        size: u64,
        push_time: Time,
        pull_time: Option<Time>,
        /// How often it was pulled.
        pull_count: u64,
        annotations: BTreeMap<String, String>,
        /// The digest of the manifest that it is attached to.
        subject: Option<String>,
        /// The manifests that it lists, if it is an index.
        references: Vec<ArtifactReference>,
        tags: Vec<Tag>,
    }

    /// A manifest listed in an index.
    answer ArtifactReference {
        parent_id: i64,
        child_digest: String,
    }

    /// A tag.
    answer Tag {
        id: i64,
        name: String,
        /// Where it points.
        digest: String,
        push_time: Time,
        /// Who set it.
        username: Option<String>,
    }

    /// A tag to set.
    request TagReq {
        name: String,
    }
}

impl From<TagRecord> for Tag {
    fn from(tag: TagRecord) -> Self {
        Self {
            id: tag.id,
            name: tag.name.to_string(),
            digest: tag.digest.to_string(),
            push_time: Time::seconds(tag.pushed_at),
            username: tag.set_by,
        }
    }
}

impl Artifact {
    fn new(repository: &str, record: ArtifactRecord) -> Self {
        let parent_id = record.id;
        Self {
            id: record.id,
            project_id: record.project_id,
            repository_id: record.repository_id,
            repository_name: repository.to_owned(),
            r#type: kind(&record),
            media_type: record.config_media_type,
            manifest_media_type: record.media_type,
            artifact_type: record.artifact_type,
            digest: record.digest.to_string(),
            size: record.size,
            push_time: Time::seconds(record.pushed_at),
            pull_time: record.pulled_at.map(Time::seconds),
            pull_count: record.pulls,
            annotations: record.annotations,
            subject: record.subject.map(|subject| subject.to_string()),
            references: record
                .children
                .iter()
                .map(|child| ArtifactReference { parent_id, child_digest: child.to_string() })
                .collect(),
            tags: record.tags.into_iter().map(Tag::from).collect(),
        }
    }
}

/// Returns Harbor's word for the type: from the config's media type, as `application/vnd.cncf.helm.config.v1+json` is a
/// chart's, else from the artifact type.
fn kind(record: &ArtifactRecord) -> String {
    let config = record.config_media_type.as_deref().unwrap_or_default();
    match config {
        "application/vnd.oci.image.config.v1+json" | "application/vnd.docker.container.image.v1+json" => {
            return "IMAGE".to_owned();
        }
        "application/vnd.cncf.helm.config.v1+json" => return "CHART".to_owned(),
        _ => {}
    }
    match record.artifact_type.as_deref() {
        None if !record.children.is_empty() => "IMAGE".to_owned(),
        None => "UNKNOWN".to_owned(),
        // `application/vnd.example.sbom.v1+json` is an SBOM.
        Some(artifact_type) => artifact_type
            .rsplit('/')
            .next()
            .unwrap_or_default()
            .split(['+', ';'])
            .next()
            .unwrap_or_default()
            .rsplit('.')
            .find(|word| !(word.starts_with('v') && word[1..].bytes().all(|b| b.is_ascii_digit())))
            .unwrap_or("UNKNOWN")
            .to_uppercase(),
    }
}

pub(super) async fn list(call: Call) -> Result<Reply, Error> {
    let name = call.repository().await?;
    let mut filter =
        ArtifactFilter { all: call.query.flag("all")?.unwrap_or(false), ..ArtifactFilter::default() };
    for (field, wanted) in call.query.filters(&["tags", "digest"])? {
        match (field, wanted) {
            // As Harbor has it: any tag, or none.
            ("tags", Filter::Exact(word)) if word == "*" => filter.tagged = Some(true),
            ("tags", Filter::Exact(word)) if word == "nil" => filter.tagged = Some(false),
            ("tags", wanted) => filter.tag = Some(wanted.text("tags")?),
            (_, wanted) => filter.digest = Some(wanted.text("digest")?),
        }
    }
    let slice = call.query.slice(SORTABLE)?;
    let found = listed(call.catalog().artifacts(&call.caller, &name, &filter, &slice)).await?;
    let show = |record| Artifact::new(name.as_str(), record);
    page(found, &format!("{}/artifacts", path(&name)), &call.query, show)
}

pub(super) async fn show(call: Call) -> Result<Reply, Error> {
    let name = call.repository().await?;
    let record = call.catalog().artifact(&call.caller, &name, &call.reference()?).await?;
    json(&Artifact::new(name.as_str(), record))
}

pub(super) async fn delete(call: Call) -> Result<Reply, Error> {
    let name = call.repository().await?;
    let digest = match call.reference()? {
        Reference::Digest(digest) => digest,
        reference => call.catalog().artifact(&call.caller, &name, &reference).await?.digest,
    };
    call.catalog().delete_manifest(&call.caller, &name, &digest).await?;
    Ok(done())
}

pub(super) async fn tags(call: Call) -> Result<Reply, Error> {
    let (name, reference) = (call.repository().await?, call.reference()?);
    let wanted = call.query.text_filter("name")?;
    let slice = call.query.slice(SORTABLE_TAGS)?;
    let tags = call.catalog().tag_records(&call.caller, &name, Some(&reference), wanted.as_ref(), &slice);
    page(listed(tags).await?, &format!("{}/artifacts/{reference}/tags", path(&name)), &call.query, Tag::from)
}

pub(super) async fn create_tag(call: Call) -> Result<Reply, Error> {
    let (name, reference) = (call.repository().await?, call.reference()?);
    let TagReq { name: tag } = call.json()?;
    let tag = tag.parse()?;
    call.catalog().create_tag(&call.caller, &name, &reference, &tag).await?;
    Ok(created(done(), &format!("{}/artifacts/{reference}/tags/{tag}", path(&name))))
}

pub(super) async fn delete_tag(call: Call) -> Result<Reply, Error> {
    let (name, reference, tag) = (call.repository().await?, call.reference()?, call.tag()?);
    // Named by the very tag, the artifact needs no look, nor the right to one.
    if reference.tag() != Some(&tag) {
        let artifact = call.catalog().artifact(&call.caller, &name, &reference).await?;
        let pointed = call.catalog().artifact(&call.caller, &name, &Reference::Tag(tag.clone())).await?;
        if artifact.digest != pointed.digest {
            return Err(wharf_storage::Error::not_found("tag", tag).into());
        }
    }
    call.catalog().delete_tag(&call.caller, &name, &tag).await?;
    Ok(done())
}
