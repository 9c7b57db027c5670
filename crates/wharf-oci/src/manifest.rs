//! The parsed view of a manifest or an index.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::descriptor::null_as_default;
use crate::{Descriptor, media_type};

/// What a document is, whatever generation it comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ManifestKind {
    /// A manifest with config and layers: OCI image manifest or Docker schema 2.
    Image,
    /// A list of manifests: OCI image index or Docker manifest list.
    Index,
}

/// The parsed view of a manifest or an index, for following its references.
///
/// It is never written back: a manifest is stored and copied as the bytes that came (image-spec v1.1, considerations.md,
/// "Extensibility": unknown fields must survive).
#[derive(Clone, Debug)]
pub struct Manifest {
    /// Image manifest or index.
    pub kind: ManifestKind,
    /// The media type under which it is stored and served.
    pub media_type: String,
    /// The artifact type as written in the document.
    pub artifact_type: Option<String>,
    /// The config of an image manifest.
    pub config: Option<Descriptor>,
    /// The layers of an image manifest.
    pub layers: Vec<Descriptor>,
    /// The entries of an index.
    pub manifests: Vec<Descriptor>,
    /// The manifest that this one refers to.
    pub subject: Option<Descriptor>,
    /// Free key-value pairs.
    pub annotations: BTreeMap<String, String>,
}

/// The fields as they stand in JSON; which of them are present decides the kind.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Document {
    schema_version: Option<u64>,
    media_type: Option<String>,
    artifact_type: Option<String>,
    config: Option<Descriptor>,
    layers: Option<Vec<Descriptor>>,
    manifests: Option<Vec<Descriptor>>,
    subject: Option<Descriptor>,
    #[serde(default, deserialize_with = "null_as_default")]
    annotations: BTreeMap<String, String>,
    // Schema 1 is told by these.
    fs_layers: Option<serde::de::IgnoredAny>,
    signatures: Option<serde::de::IgnoredAny>,
}

impl Manifest {
    /// The number of descriptors that one document may hold. A document of 4 MiB cannot usefully hold more.
    pub const MAX_DESCRIPTORS: usize = 40_000;

    /// Reads `bytes` that were announced as `content_type` (without parameters; `None` when nothing was announced, as
    /// for a file of a layout).
    ///
    /// # Errors
    /// The content is at fault: it is not JSON of the right shape, its kind is ambiguous (both `manifests` and
    /// `layers` or `config`: GHSA-mc8v-mgrf-8f4m), its own `mediaType` contradicts the announced one, or it is Docker
    /// schema 1 or another generation that is not served.
    pub fn parse(bytes: &[u8], content_type: Option<&str>) -> Result<Self, ManifestError> {
        let document: Document =
            serde_json::from_slice(bytes).map_err(|error| ManifestError::Malformed(error.to_string()))?;
        let announced = content_type.filter(|announced| !announced.is_empty());
        if document.fs_layers.is_some()
            || (document.schema_version == Some(1) || document.signatures.is_some())
            || announced
                .is_some_and(|t| t == media_type::DOCKER_SCHEMA1 || t == media_type::DOCKER_SCHEMA1_SIGNED)
        {
            return Err(ManifestError::Schema1);
        }
        if document.schema_version != Some(2) {
            return Err(ManifestError::SchemaVersion(document.schema_version));
        }
        if document.manifests.is_some() && (document.layers.is_some() || document.config.is_some()) {
            return Err(ManifestError::Ambiguous);
        }
        if let (Some(announced), Some(written)) = (announced, document.media_type.as_deref())
            && announced != written
        {
            return Err(ManifestError::MediaTypeDiffers {
                announced: announced.to_owned(),
                written: written.to_owned(),
            });
        }
        let index_shaped = document.manifests.is_some();
        let media_type = match announced.or(document.media_type.as_deref()) {
            Some(known) => known.to_owned(),
            None if index_shaped => media_type::OCI_INDEX.to_owned(),
            None => media_type::OCI_MANIFEST.to_owned(),
        };
        let kind = match media_type.as_str() {
            media_type::OCI_MANIFEST | media_type::DOCKER_MANIFEST => ManifestKind::Image,
            media_type::OCI_INDEX | media_type::DOCKER_MANIFEST_LIST => ManifestKind::Index,
            _ => return Err(ManifestError::MediaTypeUnknown(media_type)),
        };
        match kind {
            ManifestKind::Image if index_shaped => {
                return Err(ManifestError::WrongShape { media_type, missing: "config" });
            }
            ManifestKind::Image if document.config.is_none() => {
                return Err(ManifestError::WrongShape { media_type, missing: "config" });
            }
            ManifestKind::Index if !index_shaped => {
                return Err(ManifestError::WrongShape { media_type, missing: "manifests" });
            }
            _ => {}
        }
        let manifest = Self {
            kind,
            media_type,
            artifact_type: document.artifact_type.filter(|text| !text.is_empty()),
            config: document.config,
            layers: document.layers.unwrap_or_default(),
            manifests: document.manifests.unwrap_or_default(),
            subject: document.subject,
            annotations: document.annotations,
        };
        let count = manifest.layers.len() + manifest.manifests.len();
        if count > Self::MAX_DESCRIPTORS {
            return Err(ManifestError::TooManyDescriptors(count));
        }
        Ok(manifest)
    }

    /// Returns the artifact type by which referrers list this manifest: its own, else the media type of its config;
    /// an index has its own or none (distribution-spec v1.1, "Listing referrers").
    pub fn effective_artifact_type(&self) -> Option<&str> {
        self.artifact_type
            .as_deref()
            .or_else(|| self.config.as_ref().map(|config| config.media_type.as_str()))
    }

    /// Iterates over the blobs that the document refers to: config, then layers.
    pub fn blobs(&self) -> impl Iterator<Item = &Descriptor> {
        self.config.iter().chain(&self.layers)
    }
}

/// Why a document is not a manifest that Wharf accepts. The content is at fault.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ManifestError {
    /// Not JSON, or a field has the wrong type.
    #[error("manifest is malformed: {0}")]
    Malformed(String),
    /// Docker schema 1.
    #[error("Docker schema 1 manifests are not accepted; push the image again as schema 2 or OCI")]
    Schema1,
    /// The schema version is absent or not 2.
    #[error("manifest has schemaVersion {0:?}, expected 2")]
    SchemaVersion(Option<u64>),
    /// Both an index and an image manifest.
    #[error(
        "manifest has both \"manifests\" and \"layers\" or \"config\"; it must be an index or a manifest, not both"
    )]
    Ambiguous,
    /// The document says another type than the transport.
    #[error("manifest says mediaType {written:?}, but it was sent as {announced:?}")]
    MediaTypeDiffers {
        /// The `Content-Type` or the descriptor's media type.
        announced: String,
        /// The `mediaType` in the document.
        written: String,
    },
    /// A type that no client stores as a manifest.
    #[error("media type {0:?} is not one of a manifest or an index")]
    MediaTypeUnknown(String),
    /// A field that the type needs is absent.
    #[error("manifest of type {media_type:?} has no {missing:?} field")]
    WrongShape {
        /// The type it was to have.
        media_type: String,
        /// The absent field.
        missing: &'static str,
    },
    /// More descriptors than [`Manifest::MAX_DESCRIPTORS`].
    #[error("manifest has {0} descriptors, at most {max} are accepted", max = Manifest::MAX_DESCRIPTORS)]
    TooManyDescriptors(usize),
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    const EMPTY: &str = r#"{"mediaType":"application/vnd.oci.empty.v1+json","digest":"sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a","size":2}"#;

    #[test]
    fn a_document_that_is_index_and_manifest_at_once_is_refused() {
        let text = format!(r#"{{"schemaVersion":2,"config":{EMPTY},"layers":[],"manifests":[]}}"#);
        let error = Manifest::parse(text.as_bytes(), Some(media_type::OCI_MANIFEST)).unwrap_err();
        assert_eq!(error, ManifestError::Ambiguous);
    }

    #[test]
    fn the_announced_type_must_agree_with_the_document() {
        let text = format!(r#"{{"schemaVersion":2,"mediaType":"{}","manifests":[]}}"#, media_type::OCI_INDEX);
        assert!(Manifest::parse(text.as_bytes(), Some(media_type::OCI_INDEX)).is_ok());
        assert!(matches!(
            Manifest::parse(text.as_bytes(), Some(media_type::OCI_MANIFEST)),
            Err(ManifestError::MediaTypeDiffers { .. })
        ));
    }

    #[test]
    fn go_nulls_are_read_as_absent() {
        let text = format!(r#"{{"schemaVersion":2,"config":{EMPTY},"layers":null,"annotations":null}}"#);
        let manifest = Manifest::parse(text.as_bytes(), Some(media_type::OCI_MANIFEST)).unwrap();
        assert_eq!(manifest.effective_artifact_type(), Some("application/vnd.oci.empty.v1+json"));
        assert!(manifest.layers.is_empty());
    }

    #[test]
    fn schema_1_is_refused_by_content_and_by_type() {
        let text = br#"{"schemaVersion":1,"name":"a","tag":"b","fsLayers":[]}"#;
        assert_eq!(Manifest::parse(text, None).unwrap_err(), ManifestError::Schema1);
        let text = br#"{"schemaVersion":2}"#;
        assert_eq!(
            Manifest::parse(text, Some(media_type::DOCKER_SCHEMA1_SIGNED)).unwrap_err(),
            ManifestError::Schema1
        );
    }

    #[test]
    fn a_negative_size_is_refused() {
        let text = r#"{"schemaVersion":2,"manifests":[{"mediaType":"a","digest":"sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a","size":-1}]}"#;
        assert!(matches!(Manifest::parse(text.as_bytes(), None), Err(ManifestError::Malformed(_))));
    }
}
