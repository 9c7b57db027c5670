//! Sibling tags, the layout of cosign 1 and 2: one manifest per digest and kind, one layer per signature.

use std::collections::BTreeMap;

use anyhow::Context as _;
use bytes::Bytes;
use wharf_content::{ReadTarget, Target};
use wharf_oci::{Descriptor, Digest, Tag, media_type};

use super::{Document, limits, push, sibling};

/// A layer under a sibling tag.
pub(crate) struct LegacyLayer {
    pub(crate) descriptor: Descriptor,
    pub(crate) bytes: Bytes,
}

/// Returns the layers under a sibling tag; none where there is no such tag.
///
/// # Errors
/// The repository could not be asked, or there are more and larger layers than are read.
pub(crate) async fn layers(
    target: &dyn ReadTarget,
    subject: &Digest,
    end: &str,
) -> anyhow::Result<Vec<LegacyLayer>> {
    let found = wharf_papers::layers(target, subject, end, &limits()).await?;
    let whole = |layer: wharf_papers::LegacyLayer| {
        let bytes = layer.bytes.map_err(anyhow::Error::msg).context("cannot read the papers")?;
        Ok(LegacyLayer { descriptor: layer.descriptor, bytes })
    };
    found.into_iter().map(whole).collect()
}

/// Adds a layer to what lies under a sibling tag. Two who add at once may lose one of both: the layout knows no better.
///
/// A layer that is there already is not added again; `false` says so.
pub(crate) async fn append(
    target: &dyn Target,
    subject: &Digest,
    end: &str,
    media: &str,
    bytes: Vec<u8>,
    annotations: BTreeMap<String, String>,
) -> anyhow::Result<bool> {
    let listed = wharf_papers::listed_layers(target, subject, end, &limits()).await?;
    let mut layers = listed.unwrap_or_default();
    let digest = wharf_oci::Algorithm::Sha256.digest(&bytes);
    if layers.iter().any(|layer| layer.digest == digest && layer.annotations == annotations) {
        return Ok(false);
    }
    let mut layer = push(target, media, bytes).await?;
    layer.annotations = annotations;
    layers.push(layer);
    write(target, subject, end, &layers).await?;
    Ok(true)
}

/// Puts one layer under a sibling tag, in place of whatever is there, and returns the tag.
pub(crate) async fn replace(
    target: &dyn Target,
    subject: &Digest,
    end: &str,
    media: &str,
    bytes: Vec<u8>,
) -> anyhow::Result<Tag> {
    let layer = push(target, media, bytes).await?;
    write(target, subject, end, &[layer]).await
}

async fn write(
    target: &dyn Target,
    subject: &Digest,
    end: &str,
    layers: &[Descriptor],
) -> anyhow::Result<Tag> {
    // What cosign writes: an image config that lists the layers, so that registries take the manifest for an image.
    let ids: Vec<String> = layers.iter().map(|layer| layer.digest.to_string()).collect();
    let history = vec![serde_json::json!({ "created": "0001-01-01T00:00:00Z" }); layers.len()];
    let config = serde_json::json!({
        "architecture": "", "created": "0001-01-01T00:00:00Z", "history": history, "os": "",
        "rootfs": { "type": "layers", "diff_ids": ids }, "config": {},
    });
    let config = push(target, media_type::OCI_CONFIG, serde_json::to_vec(&config)?).await?;
    let document = Document {
        schema_version: 2,
        media_type: media_type::OCI_MANIFEST,
        artifact_type: None,
        config: &config,
        layers,
        subject: None,
        annotations: BTreeMap::new(),
    };
    let tag = sibling(subject, end)?;
    target.push_manifest(&document.raw()?, std::slice::from_ref(&tag)).await?;
    Ok(tag)
}
