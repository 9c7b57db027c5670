//! Papers as they lie in a content target: bundles and signatures of the Notary Project as referrers, the older sibling tags,
//! provenance files of charts.
//!
//! What is read here is not verified; that is `wharf-trust`'s. The same code reads for a client that asks a remote
//! registry and for a registry that asks its own storage.

mod evidence;
mod legacy;
mod policy;
mod provenance;
mod referrer;

use bytes::Bytes;
use wharf_content::{DEFAULT_MAX_MANIFEST_BYTES, Error, ErrorKind, ReadTarget, Result, collect, verified};
use wharf_oci::{Descriptor, Digest, Manifest, Reference, Tag};

pub use evidence::{Reading, Wanted, evidence};
pub use legacy::{ATTESTATION, LegacyLayer, SIGNATURE, layers, listed_layers};
pub use policy::{check_keyrings, policy_json};
pub use referrer::{BundlePaper, bundles, listed_bundles};

/// How much is read of what is attached to one artifact.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Papers of each kind. One with more is refused: what is left out might be what counts.
    pub papers: usize,
    /// Bytes of one paper.
    pub paper_bytes: u64,
    /// Bytes of all papers of a kind.
    pub total_bytes: u64,
}

impl Default for Limits {
    /// What cosign reads unless told otherwise, 128 MiB a paper, and four times that in all.
    fn default() -> Self {
        Self { papers: 1000, paper_bytes: 128 << 20, total_bytes: 512 << 20 }
    }
}

/// What may still be read.
struct Budget {
    paper_bytes: u64,
    left_bytes: u64,
}

impl Budget {
    fn new(limits: &Limits) -> Self {
        Self { paper_bytes: limits.paper_bytes, left_bytes: limits.total_bytes }
    }

    /// Reads a paper's bytes, verified.
    async fn fetch(&mut self, target: &dyn ReadTarget, layer: &Descriptor) -> Result<Bytes> {
        let most = self.paper_bytes.min(self.left_bytes);
        if layer.size > most {
            let text = format!("paper {} has {} bytes; {most} more are read", layer.digest, layer.size);
            return Err(Error::new(ErrorKind::Limit, text));
        }
        let stream = verified(target.fetch_blob(layer, 0).await?, layer);
        let bytes = collect(stream, layer.size)
            .await
            .map_err(|error| Error::with_source(error.kind(), format!("paper {}", layer.digest), error))?;
        self.left_bytes -= layer.size;
        Ok(bytes)
    }

    /// Reads a paper's bytes, or says why this one cannot be had although the target answers.
    async fn fetch_or_reason(
        &mut self,
        target: &dyn ReadTarget,
        layer: &Descriptor,
    ) -> Result<Result<Bytes, String>> {
        match self.fetch(target, layer).await {
            Ok(bytes) => Ok(Ok(bytes)),
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::Limit) => {
                Ok(Err(error.to_string()))
            }
            Err(error) => Err(error),
        }
    }
}

async fn manifest(target: &dyn ReadTarget, digest: &Digest) -> Result<Manifest> {
    target.fetch_manifest(&Reference::Digest(digest.clone()), DEFAULT_MAX_MANIFEST_BYTES).await?.parse()
}

/// Whether something is simply not there.
fn is_missing(error: &Error) -> bool {
    error.kind() == ErrorKind::NotFound
}

fn too_many(what: &str, found: usize, limits: &Limits) -> Result<()> {
    if found <= limits.papers {
        return Ok(());
    }
    Err(Error::new(ErrorKind::Limit, format!("{what} {found}; at most {} are read", limits.papers)))
}

/// A sibling tag of a digest, which every digest that is used here has.
fn sibling(subject: &Digest, end: &str) -> Result<Tag> {
    wharf_content::sibling_tag(subject, end)
        .ok_or_else(|| Error::new(ErrorKind::Usage, format!("{subject} is too long for a tag")))
}
