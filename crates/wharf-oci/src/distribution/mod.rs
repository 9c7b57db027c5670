//! The wire types of the distribution specification, for both ends.

mod challenge;
mod error;
mod link;
mod list;
mod range;
mod scope;
mod warning;

pub use challenge::Challenge;
pub use error::{ErrorBody, ErrorCode, ErrorEntry};
pub use link::next_link;
pub use list::{Catalog, ReferrersIndex, TagList};
pub use range::{ByteRange, ChunkRange, RangeError, received_range};
pub use scope::{Scope, ScopeError};
pub use warning::warning_text;

/// The header that carries the digest of what is answered or was stored.
pub const DOCKER_CONTENT_DIGEST: &str = "docker-content-digest";
/// The header that tells old clients the protocol's version; its value is [`API_VERSION`].
pub const DOCKER_API_VERSION: &str = "docker-distribution-api-version";
/// The value of [`DOCKER_API_VERSION`].
pub const API_VERSION: &str = "registry/2.0";
/// The header by which a registry says that it processed the `subject` of a pushed manifest; its value is the digest.
pub const OCI_SUBJECT: &str = "oci-subject";
/// The header that names the filters applied to a referrers list.
pub const OCI_FILTERS_APPLIED: &str = "oci-filters-applied";
/// The header that names each tag that a manifest push by digest has set (distribution-spec main, end-7b).
pub const OCI_TAG: &str = "oci-tag";
/// The header that states the smallest chunk a registry accepts, in bytes.
pub const OCI_CHUNK_MIN_LENGTH: &str = "oci-chunk-min-length";
/// The header that identifies an upload session to old clients.
pub const DOCKER_UPLOAD_UUID: &str = "docker-upload-uuid";
