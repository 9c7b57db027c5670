//! Papers of a repository that a command works on: read by `wharf-papers`, and attached here.

mod file;
mod legacy;
mod referrer;
mod statement;

use anyhow::Context as _;
use bytes::Bytes;
use serde::Serialize;
use wharf_content::{BytesSource, RawManifest, ReadTarget, Target};
use wharf_oci::{Descriptor, Digest, Tag, media_type};
use wharf_papers::{BundlePaper, Limits, Reading, Wanted};
use wharf_trust::policy::{Facts, PaperEvidence, Policy};

pub(crate) use file::attach_file;
pub(crate) use legacy::{LegacyLayer, append, layers, replace};
pub(crate) use referrer::{attach, attach_with, push_config};
pub(crate) use statement::{Attested, attest_once, digest_set, predicate, sign};
pub(crate) use wharf_papers::{ATTESTATION, SIGNATURE};

/// The end of the sibling tag that holds an SBOM.
pub(crate) const SBOM: &str = "sbom";

/// How much is read: what `COSIGN_MAX_ATTACHMENT_SIZE` says of one paper, else what cosign reads.
fn limits() -> Limits {
    let said = std::env::var("COSIGN_MAX_ATTACHMENT_SIZE").ok();
    let default = Limits::default();
    Limits { paper_bytes: said.as_deref().and_then(size).unwrap_or(default.paper_bytes), ..default }
}

/// Reads a size in cosign's words: `5120`, `20K`, `45MiB`, `1GB`.
fn size(text: &str) -> Option<u64> {
    let text = text.trim().to_lowercase();
    let (number, unit) = text.split_at(text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len()));
    let factor: u64 = match unit.trim() {
        "" | "b" => 1,
        "k" | "kb" => 1000,
        "ki" | "kib" => 1 << 10,
        "m" | "mb" => 1_000_000,
        "mi" | "mib" => 1 << 20,
        "g" | "gb" => 1_000_000_000,
        "gi" | "gib" => 1 << 30,
        _ => return None,
    };
    number.parse::<u64>().ok()?.checked_mul(factor)
}

/// What lies at one place of one artifact.
pub(crate) struct Found {
    pub(crate) digest: Digest,
    pub(crate) facts: Facts,
    pub(crate) papers: Vec<PaperEvidence>,
}

/// Reads what an artifact is and what is attached to it, as this trust policy wants to see it, until that is `enough`:
/// where one paper satisfies a demand, others cannot undo that, unless the policy weighs them.
///
/// # Errors
/// The repository could not be asked.
pub(crate) async fn evidence(
    target: &dyn ReadTarget,
    artifact: &RawManifest,
    policy: &Policy,
    enough: &mut (dyn FnMut(&Found) -> bool + Send),
) -> anyhow::Result<Found> {
    let limits = limits();
    let mut reading = Reading::new(target, artifact, Wanted::by(policy), &limits)?;
    let facts = reading.facts().await?;
    let mut found = Found { digest: artifact.digest.clone(), facts, papers: Vec::new() };
    let all = policy.weighs_papers();
    let mut is_enough = enough(&found);
    while (all || !is_enough)
        && let Some(more) = reading.more().await?
    {
        let is_news = !more.is_empty();
        found.papers.extend(more);
        if is_news {
            is_enough = enough(&found);
        }
    }
    Ok(found)
}

/// Returns every bundle attached to a digest.
///
/// # Errors
/// The repository could not be asked.
pub(crate) async fn bundles(target: &dyn ReadTarget, subject: &Digest) -> anyhow::Result<Vec<BundlePaper>> {
    Ok(wharf_papers::bundles(target, subject, &limits()).await?)
}

/// Returns the bundles that the target lists itself; [`bundles`] also asks for a fallback tag.
///
/// # Errors
/// The repository could not be asked.
pub(crate) async fn listed_bundles(
    target: &dyn ReadTarget,
    subject: &Digest,
) -> anyhow::Result<Vec<BundlePaper>> {
    Ok(wharf_papers::listed_bundles(target, subject, &limits()).await?)
}

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

/// A sibling tag of a digest, which every digest that is used here has.
fn sibling(subject: &Digest, end: &str) -> anyhow::Result<Tag> {
    wharf_content::sibling_tag(subject, end).with_context(|| format!("{subject} is too long for a tag"))
}

#[cfg(test)]
mod tests {
    use super::size;

    #[test]
    fn sizes_are_read_as_cosign_reads_them() {
        for (text, bytes) in [("5120", 5120), ("20K", 20_000), ("45MiB", 45 << 20), ("1 GB", 1_000_000_000)] {
            assert_eq!(size(text), Some(bytes), "{text}");
        }
        for text in ["", "MB", "1TB", "-1", "1.5M", "99999999999GiB"] {
            assert_eq!(size(text), None, "{text}");
        }
    }
}
