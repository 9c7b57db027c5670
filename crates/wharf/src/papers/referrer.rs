//! Sigstore bundles as referrers, cosign 3's layout.

use std::collections::BTreeMap;

use wharf_content::Target;
use wharf_oci::{Descriptor, Digest, media_type};
use wharf_trust::{BUNDLE_V03, Bundle};

use super::{Document, push};

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
    let config = push_config(target).await?;
    attach_with(&config, target, subject, bundle, predicate_type, created).await
}

/// Pushes the empty config that every bundle's manifest names.
pub(crate) async fn push_config(target: &dyn Target) -> anyhow::Result<Descriptor> {
    push(target, media_type::OCI_EMPTY, b"{}".to_vec()).await
}

/// Attaches a bundle where the config is already.
pub(crate) async fn attach_with(
    config: &Descriptor,
    target: &dyn Target,
    subject: &Descriptor,
    bundle: &Bundle,
    predicate_type: &str,
    created: &str,
) -> anyhow::Result<Digest> {
    let layer = push(target, BUNDLE_V03, bundle.to_json()).await?;
    let subject = Descriptor::new(subject.media_type.clone(), subject.digest.clone(), subject.size);
    let document = Document {
        schema_version: 2,
        media_type: media_type::OCI_MANIFEST,
        artifact_type: Some(BUNDLE_V03),
        config,
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
