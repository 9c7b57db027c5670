//! Everything attached to an artifact, as a trust policy wants to see it.

use serde::Deserialize;
use wharf_content::{DEFAULT_MAX_MANIFEST_BYTES, ReadTarget, Result, collect, verified};
use wharf_oci::{Descriptor, Reference};
use wharf_trust::Bundle;
use wharf_trust::policy::{ArtifactKind, Facts, PaperEvidence, PaperForm};

use crate::{ATTESTATION, Budget, Limits, SIGNATURE, bundles, layers, manifest, provenance};

/// The longest config of an image that is read for its platform, in bytes.
const MAX_CONFIG_BYTES: u64 = 4 << 20;

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
) -> Result<(Facts, Vec<PaperEvidence>)> {
    let digest = &artifact.digest;
    let asked = Reference::Digest(digest.clone());
    let manifest = target.fetch_manifest(&asked, DEFAULT_MAX_MANIFEST_BYTES).await?.parse()?;
    let facts = Facts::of(&manifest);
    let mut found = Vec::new();
    if facts.kind == ArtifactKind::Chart {
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
    Ok((facts, found))
}

/// Reads what a single image runs on, by its config; of an index its manifest told that already. A config that does not
/// say it leaves it unknown.
///
/// # Errors
/// The target could not be asked.
pub async fn read_platform(target: &dyn ReadTarget, artifact: &Descriptor, facts: &mut Facts) -> Result<()> {
    #[derive(Deserialize)]
    struct Config {
        os: String,
        architecture: String,
        variant: Option<String>,
    }
    if facts.kind != ArtifactKind::Image || !facts.platforms.is_empty() {
        return Ok(());
    }
    let Some(config) = manifest(target, &artifact.digest).await?.config else { return Ok(()) };
    let bytes = collect(verified(target.fetch_blob(&config, 0).await?, &config), MAX_CONFIG_BYTES).await?;
    let Ok(Config { os, architecture, variant }) = serde_json::from_slice(&bytes) else { return Ok(()) };
    let variant = variant.map(|variant| format!("/{variant}")).unwrap_or_default();
    facts.platforms.push(format!("{os}/{architecture}{variant}"));
    Ok(())
}
