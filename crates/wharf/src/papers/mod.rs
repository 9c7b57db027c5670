//! Papers as they lie in a repository: bundles as referrers, and the older sibling tags.
//!
//! What is read here is not verified; that is `wharf-trust`'s.

mod evidence;
mod legacy;
mod provenance;
mod referrer;
mod statement;

use anyhow::Context as _;
use bytes::Bytes;
use serde::Serialize;
use wharf_content::{BytesSource, RawManifest, Target, collect, verified};
use wharf_oci::{Descriptor, Digest, Manifest, Reference, Tag, media_type};

pub(crate) use evidence::evidence;
pub(crate) use legacy::{ATTESTATION, LegacyLayer, SIGNATURE, append, layers};
pub(crate) use referrer::{attach, bundles};
pub(crate) use statement::{Attested, attest_once, digest_set};

/// The longest paper that is read, in bytes: what cosign reads unless told otherwise.
const MAX_PAPER_BYTES: u64 = 128 << 20;
/// How many papers of one manifest are read.
const MAX_PAPERS: usize = 1000;

/// A manifest that is written.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Document<'d> {
    schema_version: u8,
    media_type: &'d str,
    #[serde(skip_serializing_if = "Option::is_none")]
    artifact_type: Option<&'d str>,
    config: &'d Descriptor,
    layers: &'d [Descriptor],
    #[serde(skip_serializing_if = "Option::is_none")]
    subject: Option<&'d Descriptor>,
    #[serde(skip_serializing_if = "std::collections::BTreeMap::is_empty")]
    annotations: std::collections::BTreeMap<&'d str, String>,
}

impl Document<'_> {
    fn raw(&self) -> anyhow::Result<RawManifest> {
        Ok(RawManifest::new(media_type::OCI_MANIFEST, Bytes::from(serde_json::to_vec(self)?)))
    }
}

async fn push(target: &dyn Target, media_type: &str, bytes: Vec<u8>) -> anyhow::Result<Descriptor> {
    let digest = wharf_oci::Algorithm::Sha256.digest(&bytes);
    let descriptor = Descriptor::new(media_type, digest, bytes.len() as u64);
    target.push_blob(&descriptor, &BytesSource(Bytes::from(bytes))).await?;
    Ok(descriptor)
}

async fn fetch(target: &dyn Target, layer: &Descriptor) -> anyhow::Result<Bytes> {
    let stream = verified(target.fetch_blob(layer, 0).await?, layer);
    collect(stream, MAX_PAPER_BYTES.min(layer.size)).await.with_context(|| format!("paper {}", layer.digest))
}

async fn manifest(target: &dyn Target, digest: &Digest) -> anyhow::Result<Manifest> {
    let raw = target
        .fetch_manifest(&Reference::Digest(digest.clone()), wharf_content::DEFAULT_MAX_MANIFEST_BYTES)
        .await?;
    Ok(raw.parse()?)
}

/// Whether something with a kind is simply not there.
fn is_missing(error: &wharf_content::Error) -> bool {
    error.kind() == wharf_content::ErrorKind::NotFound
}

/// A sibling tag of a digest, which every digest that is used here has.
fn sibling(subject: &Digest, end: &str) -> anyhow::Result<Tag> {
    wharf_content::sibling_tag(subject, end).with_context(|| format!("{subject} is too long for a tag"))
}
