//! Papers as referrers: sigstore bundles, cosign 3's layout, and signatures of the Notary Project.

use std::collections::BTreeSet;

use bytes::Bytes;
use wharf_content::{ReadTarget, Result, fallback_referrers};
use wharf_oci::{Descriptor, Digest, Manifest};
use wharf_trust::{Bundle, NotationSignature};

use crate::{Budget, Limits, is_missing, manifest, too_many};

/// A bundle found in a repository.
pub struct BundlePaper {
    /// The manifest that attaches it.
    pub manifest: Digest,
    /// The blob that it is.
    pub layer: Digest,
    /// The predicate type that its annotations claim.
    pub claimed_type: Option<String>,
    /// The bundle, or why it cannot be read.
    pub bundle: Result<Bundle, String>,
}

/// Returns every bundle attached to a digest, by the API and by the fallback tag, in the order of their digests.
///
/// What names another subject, is no bundle, or is listed and not there, is passed over, as cosign does; a bundle that
/// cannot be read is returned with the reason, so that its presence is not hidden.
///
/// # Errors
/// The target could not be asked, or there are more referrers than are read.
pub async fn bundles(target: &dyn ReadTarget, subject: &Digest, limits: &Limits) -> Result<Vec<BundlePaper>> {
    let listed = target.referrers(subject, None).await?;
    let also = fallback_referrers(target, subject).await?;
    read(target, subject, listed.into_iter().chain(also).map(|each| each.digest).collect(), limits).await
}

/// Returns the bundles that the target itself lists as referrers, without asking for a fallback tag besides the API: enough
/// where one good bundle is enough.
///
/// # Errors
/// As of [`bundles`].
pub async fn listed_bundles(
    target: &dyn ReadTarget,
    subject: &Digest,
    limits: &Limits,
) -> Result<Vec<BundlePaper>> {
    let found = target.referrers(subject, None).await?;
    read(target, subject, found.into_iter().map(|listed| listed.digest).collect(), limits).await
}

/// Reads the bundles among referrers; see [`bundles`].
async fn read(
    target: &dyn ReadTarget,
    subject: &Digest,
    listed: BTreeSet<Digest>,
    limits: &Limits,
) -> Result<Vec<BundlePaper>> {
    let attached = read_attached(target, subject, listed, false, limits).await?;
    Ok(attached.into_iter().filter_map(Attached::bundle).collect())
}

/// A referrer that is a paper.
pub(crate) struct Attached {
    /// Its manifest.
    pub(crate) digest: Digest,
    manifest: Manifest,
    pub(crate) layer: Descriptor,
    /// The bytes of the layer, or why they cannot be had.
    pub(crate) bytes: Result<Bytes, String>,
}

impl Attached {
    /// Returns it as a bundle, if it is one.
    pub(crate) fn bundle(self) -> Option<BundlePaper> {
        if !Bundle::is_media_type(&self.layer.media_type) {
            return None;
        }
        let read = |bytes: Bytes| Bundle::from_json(&bytes).map_err(|error| error.to_string());
        Some(BundlePaper {
            manifest: self.digest,
            layer: self.layer.digest,
            claimed_type: self.manifest.annotations.get("dev.sigstore.bundle.predicateType").cloned(),
            bundle: self.bytes.and_then(read),
        })
    }
}

/// Reads the bundles among referrers and, where they are wanted, the signatures of the Notary Project.
pub(crate) async fn read_attached(
    target: &dyn ReadTarget,
    subject: &Digest,
    listed: BTreeSet<Digest>,
    notation: bool,
    limits: &Limits,
) -> Result<Vec<Attached>> {
    too_many(&format!("{subject} has as many referrers as"), listed.len(), limits)?;
    let mut budget = Budget::new(limits);
    let mut found = Vec::new();
    for digest in listed {
        let manifest = match manifest(target, &digest).await {
            Ok(attached) => attached,
            Err(error) if is_missing(&error) => continue,
            Err(error) => return Err(error),
        };
        if manifest.subject.as_ref().is_none_or(|named| named.digest != *subject) {
            continue;
        }
        let [layer] = manifest.layers.as_slice() else { continue };
        let is_notation = !Bundle::is_media_type(&layer.media_type);
        if is_notation && (!notation || !attaches_notation(&manifest)) {
            continue;
        }
        let bytes = if is_notation && layer.size > NotationSignature::MAX_BYTES {
            let most = NotationSignature::MAX_BYTES;
            Err(format!("a Notation signature of {} bytes; at most {most} are read", layer.size))
        } else {
            budget.fetch_or_reason(target, layer).await?
        };
        let layer = layer.clone();
        found.push(Attached { digest, manifest, layer, bytes });
    }
    Ok(found)
}

/// Whether a manifest attaches a signature of the Notary Project: by its artifact type, or, from before there was that, by its
/// config (signature-specification.md, "Storage").
fn attaches_notation(manifest: &Manifest) -> bool {
    let config = manifest.config.as_ref().map(|config| config.media_type.as_str());
    [manifest.artifact_type.as_deref(), config].contains(&Some(NotationSignature::ARTIFACT_TYPE))
}
