//! Everything attached to an artifact, as a trust policy wants to see it.

use wharf_content::{DEFAULT_MAX_MANIFEST_BYTES, ReadTarget, Result};
use wharf_oci::{Descriptor, Manifest, ManifestKind, Reference, media_type};
use wharf_trust::Bundle;
use wharf_trust::policy::{ArtifactKind, PaperEvidence, PaperForm};

use crate::{ATTESTATION, Budget, Limits, SIGNATURE, bundles, layers, provenance};

/// Reads what an artifact is and what is attached to it, in both layouts; of a chart also its provenance file. Nothing is
/// verified here.
///
/// A paper that is larger than is read, or listed and not there, stands in the answer with the reason: it can prove
/// nothing, and its presence is not hidden.
///
/// # Errors
/// The target could not be asked, or there are more papers than are read.
pub async fn evidence(
    target: &dyn ReadTarget,
    artifact: &Descriptor,
    limits: &Limits,
) -> Result<(ArtifactKind, Vec<PaperEvidence>)> {
    let digest = &artifact.digest;
    let asked = Reference::Digest(digest.clone());
    let manifest = target.fetch_manifest(&asked, DEFAULT_MAX_MANIFEST_BYTES).await?.parse()?;
    let kind = kind(&manifest);
    let mut found = Vec::new();
    if kind == ArtifactKind::Chart {
        found.extend(provenance::files(target, &manifest, &mut Budget::new(limits)).await?);
    }
    for paper in bundles(target, digest, limits).await? {
        let form =
            paper.bundle.map_or_else(PaperForm::Unreadable, |bundle| PaperForm::Bundle(Box::new(bundle)));
        found.push(PaperEvidence { name: paper.manifest.to_string(), form });
    }
    for layer in layers(target, digest, SIGNATURE, limits).await? {
        let annotations = &layer.descriptor.annotations;
        let form = layer.bytes.and_then(|bytes| match Bundle::from_legacy_signature(annotations) {
            Ok(bundle) => Ok(PaperForm::SimpleSigning { payload: bytes.to_vec(), bundle: Box::new(bundle) }),
            Err(error) => Err(error.to_string()),
        });
        let form = form.unwrap_or_else(PaperForm::Unreadable);
        found.push(PaperEvidence { name: layer.descriptor.digest.to_string(), form });
    }
    for layer in layers(target, digest, ATTESTATION, limits).await? {
        let annotations = &layer.descriptor.annotations;
        let form = layer.bytes.and_then(|bytes| match Bundle::from_legacy_attestation(&bytes, annotations) {
            Ok(bundle) => Ok(PaperForm::Bundle(Box::new(bundle))),
            Err(error) => Err(error.to_string()),
        });
        let form = form.unwrap_or_else(PaperForm::Unreadable);
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
