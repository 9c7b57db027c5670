//! Sigstore bundles as referrers, cosign 3's layout.

use std::collections::BTreeSet;

use wharf_content::{ReadTarget, Result, fallback_referrers};
use wharf_oci::Digest;
use wharf_trust::Bundle;

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
pub(crate) async fn read(
    target: &dyn ReadTarget,
    subject: &Digest,
    listed: BTreeSet<Digest>,
    limits: &Limits,
) -> Result<Vec<BundlePaper>> {
    too_many(&format!("{subject} has as many referrers as"), listed.len(), limits)?;
    let mut budget = Budget::new(limits);
    let mut found = Vec::new();
    for digest in listed {
        let attached = match manifest(target, &digest).await {
            Ok(attached) => attached,
            Err(error) if is_missing(&error) => continue,
            Err(error) => return Err(error),
        };
        if attached.subject.as_ref().is_none_or(|named| named.digest != *subject) {
            continue;
        }
        let [layer] = attached.layers.as_slice() else { continue };
        if !Bundle::is_media_type(&layer.media_type) {
            continue;
        }
        let bytes = budget.fetch_or_reason(target, layer).await?;
        let bundle = bytes.and_then(|bytes| Bundle::from_json(&bytes).map_err(|error| error.to_string()));
        found.push(BundlePaper {
            manifest: digest,
            layer: layer.digest.clone(),
            claimed_type: attached.annotations.get("dev.sigstore.bundle.predicateType").cloned(),
            bundle,
        });
    }
    Ok(found)
}
