//! A small image made here, without any network.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde_json::json;
use wharf_oci::Algorithm;

use super::Content;

/// One image: a configuration, one layer, and the manifest that names both.
pub(crate) struct Image {
    manifest: String,
    blobs: Content,
    layer: Vec<u8>,
}

impl Image {
    /// Makes an image whose one layer holds one file with this text.
    pub(crate) fn with(text: &str) -> Self {
        let layer = tar_of("hello.txt", text.as_bytes());
        let config = json!({
            "architecture": "amd64", "os": "linux", "config": {},
            "rootfs": {"type": "layers", "diff_ids": [digest(&layer)]},
        })
        .to_string();
        let manifest = json!({
            "schemaVersion": 2,
            "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "config": descriptor("application/vnd.oci.image.config.v1+json", config.as_bytes()),
            "layers": [descriptor("application/vnd.oci.image.layer.v1.tar", &layer)],
        })
        .to_string();
        let parts = [config.into_bytes(), layer.clone(), manifest.clone().into_bytes()];
        let blobs: BTreeMap<String, Vec<u8>> =
            parts.into_iter().map(|bytes| (digest(&bytes), bytes)).collect();
        Self { manifest, blobs, layer }
    }

    pub(crate) fn digest(&self) -> String {
        digest(self.manifest.as_bytes())
    }

    /// Every blob by its digest, the manifest among them.
    pub(crate) fn content(&self) -> Content {
        self.blobs.clone()
    }

    /// The layer: an uncompressed tar.
    pub(crate) fn layer(&self) -> &[u8] {
        &self.layer
    }

    /// Writes an OCI image layout (image-spec, "OCI Image Layout") with the image under this tag.
    pub(crate) fn write_layout(&self, folder: &Path, tag: &str) {
        let root = descriptor(MANIFEST, self.manifest.as_bytes());
        write_layout(folder, tag, root, &self.blobs);
    }

    /// Writes a layout with an index under this tag, as BuildKit makes it: the image, and beside it an attestation about it
    /// (buildkit, "Attestation Storage"). Returns the digest of the index and every blob, the manifests among them.
    pub(crate) fn write_attested_layout(&self, folder: &Path, tag: &str) -> (String, Content) {
        let kind = "https://slsa.dev/provenance/v1";
        let statement = json!({
            "_type": "https://in-toto.io/Statement/v1", "predicateType": kind, "predicate": {},
            "subject": [{"name": "image", "digest": {"sha256": self.digest().trim_start_matches("sha256:")}}],
        })
        .to_string();
        let config = json!({
            "architecture": "unknown", "os": "unknown", "config": {},
            "rootfs": {"type": "layers", "diff_ids": [digest(statement.as_bytes())]},
        })
        .to_string();
        let mut layer = descriptor("application/vnd.in-toto+json", statement.as_bytes());
        layer["annotations"] = json!({"in-toto.io/predicate-type": kind});
        let attestation = json!({
            "schemaVersion": 2, "mediaType": MANIFEST, "layers": [layer],
            "config": descriptor("application/vnd.oci.image.config.v1+json", config.as_bytes()),
        })
        .to_string();
        let mut image = descriptor(MANIFEST, self.manifest.as_bytes());
        image["platform"] = json!({"architecture": "amd64", "os": "linux"});
        let mut attested = descriptor(MANIFEST, attestation.as_bytes());
        attested["platform"] = json!({"architecture": "unknown", "os": "unknown"});
        attested["annotations"] = json!({
            "vnd.docker.reference.type": "attestation-manifest",
            "vnd.docker.reference.digest": self.digest(),
        });
        let index =
            json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": [image, attested]}).to_string();
        let mut blobs = self.blobs.clone();
        for text in [statement, config, attestation, index.clone()] {
            blobs.insert(digest(text.as_bytes()), text.into_bytes());
        }
        write_layout(folder, tag, descriptor(INDEX, index.as_bytes()), &blobs);
        (digest(index.as_bytes()), blobs)
    }
}

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const INDEX: &str = "application/vnd.oci.image.index.v1+json";

/// Writes an OCI image layout with `root` under this tag.
fn write_layout(folder: &Path, tag: &str, root: serde_json::Value, content: &Content) {
    let blobs = folder.join("blobs").join("sha256");
    fs::create_dir_all(&blobs).unwrap();
    fs::write(folder.join("oci-layout"), r#"{"imageLayoutVersion":"1.0.0"}"#).unwrap();
    let mut entry = root;
    entry["annotations"] = json!({"org.opencontainers.image.ref.name": tag});
    let index = json!({"schemaVersion": 2, "manifests": [entry]});
    fs::write(folder.join("index.json"), index.to_string()).unwrap();
    for (digest, bytes) in content {
        fs::write(blobs.join(digest.trim_start_matches("sha256:")), bytes).unwrap();
    }
}

/// Reads the blobs of an OCI image layout that a client wrote.
pub(crate) fn blobs_of_layout(folder: &Path) -> Content {
    let entries = fs::read_dir(folder.join("blobs").join("sha256")).unwrap();
    entries
        .map(|entry| {
            let path = entry.unwrap().path();
            (format!("sha256:{}", path.file_name().unwrap().display()), fs::read(&path).unwrap())
        })
        .collect()
}

fn digest(bytes: &[u8]) -> String {
    Algorithm::Sha256.digest(bytes).to_string()
}

fn descriptor(media_type: &str, bytes: &[u8]) -> serde_json::Value {
    json!({"mediaType": media_type, "digest": digest(bytes), "size": bytes.len()})
}

/// A tar (POSIX.1-1988 "ustar") with one file, written out by hand as there is so little to it.
fn tar_of(name: &str, bytes: &[u8]) -> Vec<u8> {
    let mut header = [0_u8; 512];
    let mut field = |at: usize, text: &str| header[at..at + text.len()].copy_from_slice(text.as_bytes());
    field(0, name);
    field(100, "0000644\0");
    field(108, "0000000\0");
    field(116, "0000000\0");
    field(124, &format!("{:011o}\0", bytes.len()));
    field(136, "00000000000\0");
    field(148, "        ");
    field(156, "0");
    field(257, "ustar\x0000");
    let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
    header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    let mut archive = header.to_vec();
    archive.extend_from_slice(bytes);
    archive.resize(archive.len().div_ceil(512) * 512 + 1024, 0);
    archive
}
