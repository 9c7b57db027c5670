//! Blobs, manifests and artifacts for tests.

pub use wharf_content::contract::{blob, index, manifest, push_artifact, push_image};
use wharf_content::{RawManifest, Target, sibling_tag};
use wharf_oci::{Descriptor, Platform};

/// Returns the entry of an index for a manifest of `linux/<architecture>`.
///
/// # Panics
/// Never.
pub fn entry(manifest: &RawManifest, architecture: &str) -> Descriptor {
    let mut descriptor = manifest.descriptor();
    let platform = serde_json::json!({ "os": "linux", "architecture": architecture });
    descriptor.platform = Some(serde_json::from_value::<Platform>(platform).unwrap());
    descriptor
}

/// An index of two platforms with papers of every kind, at every depth.
pub struct Signed {
    /// The image for amd64.
    pub amd64: RawManifest,
    /// The image for arm64.
    pub arm64: RawManifest,
    /// An attestation in the index, about amd64.
    pub attestation: RawManifest,
    /// The index.
    pub root: RawManifest,
    /// A referrer of the index.
    pub signature: RawManifest,
    /// A referrer of the signature.
    pub of_signature: RawManifest,
    /// A referrer of amd64.
    pub sbom: RawManifest,
    /// At the sibling tag `.sig` of arm64.
    pub sibling: RawManifest,
    /// At the sibling tag `.att` of the sibling.
    pub of_sibling: RawManifest,
}

impl Signed {
    /// Pushes it all, the index as `v1`.
    ///
    /// # Panics
    /// When the target refuses something.
    pub async fn push(target: &dyn Target) -> Self {
        let (amd64, arm64) = (push_image(target, "amd64", &[]).await, push_image(target, "arm64", &[]).await);
        let attestation = push_artifact(target, "application/vnd.in-toto", "provenance", None, &[]).await;
        let mut about = entry(&attestation, "unknown");
        about.annotations.insert("vnd.docker.reference.type".into(), "attestation-manifest".into());
        about.annotations.insert("vnd.docker.reference.digest".into(), amd64.digest.to_string());
        let root = index(&[&entry(&amd64, "amd64"), &entry(&arm64, "arm64"), &about]);
        target.push_manifest(&root, &["v1".parse().unwrap()]).await.unwrap();
        let attach = async |kind: &str, content: &str, subject: &RawManifest| {
            push_artifact(target, kind, content, Some(&subject.descriptor()), &[]).await
        };
        let signature = attach("application/vnd.example.sig", "sig", &root).await;
        let of_signature = attach("application/vnd.example.time", "time", &signature).await;
        let sbom = attach("application/vnd.example.sbom", "sbom", &amd64).await;
        let beside = async |end: &str, content: &str, subject: &RawManifest| {
            let tag = sibling_tag(&subject.digest, end).unwrap();
            push_artifact(target, "application/vnd.example.cosign", content, None, &[tag.as_str()]).await
        };
        let sibling = beside("sig", "one", &arm64).await;
        let of_sibling = beside("att", "two", &sibling).await;
        Self { amd64, arm64, attestation, root, signature, of_signature, sbom, sibling, of_sibling }
    }

    /// Returns every manifest of it.
    pub const fn all(&self) -> [&RawManifest; 9] {
        let Self { amd64, arm64, attestation, root, signature, of_signature, sbom, sibling, of_sibling } =
            self;
        [amd64, arm64, attestation, root, signature, of_signature, sbom, sibling, of_sibling]
    }
}
