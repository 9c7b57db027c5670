//! Everything attached to an artifact, as a trust policy wants to see it.

use wharf_content::Target;
use wharf_oci::{Descriptor, Manifest, ManifestKind, Reference, media_type};
use wharf_trust::Bundle;
use wharf_trust::policy::{ArtifactKind, PaperEvidence, PaperForm};

use super::{ATTESTATION, SIGNATURE, bundles, layers, provenance};

/// Reads what an artifact is and what is attached to it, in both layouts; of a chart also its provenance file. Nothing is verified here.
///
/// # Errors
/// The repository could not be asked.
pub(crate) async fn evidence(
    target: &dyn Target,
    artifact: &Descriptor,
) -> anyhow::Result<(ArtifactKind, Vec<PaperEvidence>)> {
    let digest = &artifact.digest;
    let asked = Reference::Digest(digest.clone());
    let raw = target.fetch_manifest(&asked, wharf_content::DEFAULT_MAX_MANIFEST_BYTES).await?;
    let manifest = raw.parse()?;
    let kind = kind(&manifest);
    let mut found = Vec::new();
    if kind == ArtifactKind::Chart {
        found.extend(provenance::files(target, &manifest).await?);
    }
    for paper in bundles(target, digest).await? {
        let form =
            paper.bundle.map_or_else(PaperForm::Unreadable, |bundle| PaperForm::Bundle(Box::new(bundle)));
        found.push(PaperEvidence { name: paper.manifest.to_string(), form });
    }
    for layer in layers(target, digest, SIGNATURE).await? {
        let form = match Bundle::from_legacy_signature(&layer.descriptor.annotations) {
            Ok(bundle) => {
                PaperForm::SimpleSigning { payload: layer.bytes.to_vec(), bundle: Box::new(bundle) }
            }
            Err(error) => PaperForm::Unreadable(error.to_string()),
        };
        found.push(PaperEvidence { name: layer.descriptor.digest.to_string(), form });
    }
    for layer in layers(target, digest, ATTESTATION).await? {
        let form = match Bundle::from_legacy_attestation(&layer.bytes, &layer.descriptor.annotations) {
            Ok(bundle) => PaperForm::Bundle(Box::new(bundle)),
            Err(error) => PaperForm::Unreadable(error.to_string()),
        };
        found.push(PaperEvidence { name: layer.descriptor.digest.to_string(), form });
    }
    Ok((kind, found))
}

/// What an artifact is: by its config, as every tool tells.
fn kind(manifest: &Manifest) -> ArtifactKind {
    if manifest.kind == ManifestKind::Index {
        return ArtifactKind::Image;
    }
    match manifest.config.as_ref().map(|config| config.media_type.as_str()) {
        Some(media_type::HELM_CONFIG) => ArtifactKind::Chart,
        Some(media_type::OCI_CONFIG | media_type::DOCKER_CONFIG) => ArtifactKind::Image,
        _ => ArtifactKind::Artifact,
    }
}
