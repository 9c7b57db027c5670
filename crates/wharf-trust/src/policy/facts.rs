//! What an artifact says of itself: its manifest, which its digest covers.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use wharf_oci::{Manifest, ManifestKind, media_type};

/// What an artifact is, as its manifest tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ArtifactKind {
    /// A container image, or an index of images.
    Image,
    /// A Helm chart.
    Chart,
    /// Anything else.
    Artifact,
}

/// What is known of an artifact from its own bytes: whoever signs the digest signs this, too.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    /// What it is.
    pub kind: ArtifactKind,
    /// `OS/ARCHITECTURE[/VARIANT]` of each image of an index; of a single image that of its config, where somebody read
    /// it. Empty: nobody knows.
    pub platforms: Vec<String>,
    /// The annotation `org.opencontainers.image.version`; Helm writes the chart's there.
    pub version: Option<String>,
    /// The annotation `org.opencontainers.image.created`.
    pub created: Option<Timestamp>,
}

impl Facts {
    /// Returns those of a kind, and nothing else.
    #[must_use]
    pub const fn of_kind(kind: ArtifactKind) -> Self {
        Self { kind, platforms: Vec::new(), version: None, created: None }
    }

    /// Reads them from a manifest or an index; what it is goes by its config, as every tool tells.
    #[must_use]
    pub fn of(manifest: &Manifest) -> Self {
        let config = manifest.config.as_ref().map(|config| config.media_type.as_str());
        let kind = match (manifest.kind, config) {
            (ManifestKind::Index, _) => ArtifactKind::Image,
            (_, Some(media_type::HELM_CONFIG)) => ArtifactKind::Chart,
            (_, Some(media_type::OCI_CONFIG | media_type::DOCKER_CONFIG)) => ArtifactKind::Image,
            _ => ArtifactKind::Artifact,
        };
        let said = |name: &str| manifest.annotations.get(name).filter(|text| !text.is_empty());
        let platforms = manifest.manifests.iter().filter_map(|entry| entry.platform.as_ref());
        Self {
            kind,
            // BuildKit keeps attestations beside images, of a platform that is none.
            platforms: platforms.map(written).filter(|text| !text.starts_with("unknown")).collect(),
            version: said("org.opencontainers.image.version").cloned(),
            created: said("org.opencontainers.image.created").and_then(|text| text.parse().ok()),
        }
    }
}

/// Writes a platform as `OS/ARCHITECTURE[/VARIANT]`.
fn written(platform: &wharf_oci::Platform) -> String {
    let variant = platform.variant.as_ref().map(|variant| format!("/{variant}"));
    format!("{}/{}{}", platform.os, platform.architecture, variant.unwrap_or_default())
}
