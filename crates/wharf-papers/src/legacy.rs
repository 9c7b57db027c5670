//! Sibling tags, the layout of cosign 1 and 2: one manifest per digest and kind, one layer per signature.

use bytes::Bytes;
use wharf_content::{DEFAULT_MAX_MANIFEST_BYTES, ReadTarget, Result};
use wharf_oci::{Descriptor, Digest, Reference};

use crate::{Budget, Limits, is_missing, sibling, too_many};

/// The end of the tag that holds signatures.
pub const SIGNATURE: &str = "sig";
/// The end of the tag that holds attestations.
pub const ATTESTATION: &str = "att";

/// A layer under a sibling tag.
pub struct LegacyLayer {
    /// How the manifest lists it.
    pub descriptor: Descriptor,
    /// Its bytes, or why they cannot be had.
    pub bytes: Result<Bytes, String>,
}

/// Returns the layers under a sibling tag with their bytes; none where there is no such tag.
///
/// # Errors
/// The target could not be asked, or there are more layers than are read.
pub async fn layers(
    target: &dyn ReadTarget,
    subject: &Digest,
    end: &str,
    limits: &Limits,
) -> Result<Vec<LegacyLayer>> {
    let mut budget = Budget::new(limits);
    let mut found = Vec::new();
    for descriptor in listed_layers(target, subject, end, limits).await?.unwrap_or_default() {
        let bytes = budget.fetch_or_reason(target, &descriptor).await?;
        found.push(LegacyLayer { descriptor, bytes });
    }
    Ok(found)
}

/// Returns what the manifest under a sibling tag lists; `None` where there is no such tag.
///
/// # Errors
/// As [`layers`].
pub async fn listed_layers(
    target: &dyn ReadTarget,
    subject: &Digest,
    end: &str,
    limits: &Limits,
) -> Result<Option<Vec<Descriptor>>> {
    let tag = Reference::Tag(sibling(subject, end)?);
    let raw = match target.fetch_manifest(&tag, DEFAULT_MAX_MANIFEST_BYTES).await {
        Ok(raw) => raw,
        Err(error) if is_missing(&error) => return Ok(None),
        Err(error) => return Err(error),
    };
    let layers = raw.parse()?.layers;
    too_many(&format!("{tag} has as many layers as"), layers.len(), limits)?;
    Ok(Some(layers))
}
