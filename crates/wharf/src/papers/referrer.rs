//! Sigstore bundles as referrers, cosign 3's layout.

use std::collections::{BTreeMap, BTreeSet};

use wharf_content::{PaperOptions, Target, papers};
use wharf_oci::{Descriptor, Digest, media_type};
use wharf_trust::{BUNDLE_V03, Bundle};

use super::{Document, MAX_PAPERS, fetch, is_missing, manifest, push};

/// A bundle found in a repository.
pub(crate) struct BundlePaper {
    /// The manifest that attaches it.
    pub(crate) manifest: Digest,
    /// The blob that it is.
    pub(crate) layer: Digest,
    /// The predicate type that its annotations claim.
    pub(crate) claimed_type: Option<String>,
    /// The bundle, or why it cannot be read.
    pub(crate) bundle: Result<Bundle, String>,
}

/// Attaches a bundle to a manifest and returns what was pushed.
///
/// `predicate_type` is the statement's; it stands in the manifest so that lists can show it without reading the bundle.
pub(crate) async fn attach(
    target: &dyn Target,
    subject: &Descriptor,
    bundle: &Bundle,
    predicate_type: &str,
    created: &str,
) -> anyhow::Result<Digest> {
    let config = push(target, media_type::OCI_EMPTY, b"{}".to_vec()).await?;
    let layer = push(target, BUNDLE_V03, bundle.to_json()).await?;
    let subject = Descriptor::new(subject.media_type.clone(), subject.digest.clone(), subject.size);
    let document = Document {
        schema_version: 2,
        media_type: media_type::OCI_MANIFEST,
        artifact_type: Some(BUNDLE_V03),
        config: &config,
        layers: &[layer],
        subject: Some(&subject),
        annotations: BTreeMap::from([
            ("org.opencontainers.image.created", created.to_owned()),
            ("dev.sigstore.bundle.content", "dsse-envelope".to_owned()),
            ("dev.sigstore.bundle.predicateType", predicate_type.to_owned()),
        ]),
    };
    let raw = document.raw()?;
    target.push_manifest(&raw, &[]).await?;
    Ok(raw.digest)
}

/// Returns every bundle attached to a digest, by the API and by the fallback tag, in the order of their digests.
///
/// What names another subject, or is no bundle, is passed over, as cosign does; a bundle that cannot be read is returned
/// with the reason, so that its presence is not hidden.
///
/// # Errors
/// The repository could not be asked.
pub(crate) async fn bundles(target: &dyn Target, subject: &Digest) -> anyhow::Result<Vec<BundlePaper>> {
    let listed: BTreeSet<Digest> = match papers(target, subject, &PaperOptions::REFERRERS).await {
        Ok(found) => found
            .into_iter()
            .filter(|paper| paper.subject == *subject)
            .map(|paper| paper.descriptor.digest)
            .collect(),
        // Papers may be kept in another repository than what they are about.
        Err(error) if is_missing(&error) => {
            target.referrers(subject, None).await?.into_iter().map(|each| each.digest).collect()
        }
        Err(error) => return Err(error.into()),
    };
    anyhow::ensure!(
        listed.len() <= MAX_PAPERS,
        "{subject} has {} referrers; at most {MAX_PAPERS} are read",
        listed.len()
    );
    let mut found = Vec::new();
    for digest in listed {
        let attached = manifest(target, &digest).await?;
        if attached.subject.as_ref().is_none_or(|named| named.digest != *subject) {
            continue;
        }
        let [layer] = attached.layers.as_slice() else { continue };
        if !Bundle::is_media_type(&layer.media_type) {
            continue;
        }
        let bytes = fetch(target, layer).await?;
        found.push(BundlePaper {
            manifest: digest,
            layer: layer.digest.clone(),
            claimed_type: attached.annotations.get("dev.sigstore.bundle.predicateType").cloned(),
            bundle: Bundle::from_json(&bytes).map_err(|error| error.to_string()),
        });
    }
    Ok(found)
}
