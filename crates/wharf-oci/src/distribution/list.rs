//! The bodies of list answers.

use serde::{Deserialize, Serialize};

use crate::{Descriptor, RepositoryName, Tag, media_type};

/// The answer to `GET /v2/<name>/tags/list`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TagList {
    /// The repository.
    pub name: RepositoryName,
    /// The tags in ascending byte order; some registries write `null` for none.
    #[serde(default, deserialize_with = "crate::descriptor::null_as_default")]
    pub tags: Vec<Tag>,
}

/// The answer to `GET /v2/_catalog`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Catalog {
    /// The repositories in ascending byte order.
    #[serde(default, deserialize_with = "crate::descriptor::null_as_default")]
    pub repositories: Vec<RepositoryName>,
}

/// The answer to `GET /v2/<name>/referrers/<digest>`: an image index made for the occasion.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ReferrersIndex {
    /// Always 2.
    pub schema_version: u8,
    /// Always the OCI index type.
    #[serde(default)]
    pub media_type: String,
    /// A descriptor for each referrer, with its artifact type and annotations.
    #[serde(default, deserialize_with = "crate::descriptor::null_as_default")]
    pub manifests: Vec<Descriptor>,
}

impl ReferrersIndex {
    /// Returns the index of these referrers.
    pub fn new(manifests: Vec<Descriptor>) -> Self {
        Self { schema_version: 2, media_type: media_type::OCI_INDEX.to_owned(), manifests }
    }
}
