//! What is copied: OCI layouts on disk, with content that nothing can compress.

use std::collections::HashSet;
use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};
use wharf_oci::{Algorithm, Digester};

use crate::bench::lab::Lab;

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const INDEX: &str = "application/vnd.oci.image.index.v1+json";
const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
const LAYER: &str = "application/vnd.oci.image.layer.v1.tar+gzip";
const EMPTY: &str = "application/vnd.oci.empty.v1+json";
pub(super) const TAG: &str = "v1";

/// What is to be at a destination afterwards.
pub(super) struct Fixture {
    /// A layout with everything.
    pub(super) layout: PathBuf,
    /// The tags with the digests that they point at.
    pub(super) tags: Vec<(String, String)>,
    /// The digests that have papers, and how many each.
    pub(super) papers: Vec<(String, usize)>,
}

/// A layout that is being written.
struct Layout {
    root: PathBuf,
    entries: Vec<Value>,
}

impl Layout {
    fn create(root: PathBuf) -> Result<Self> {
        fs::create_dir_all(root.join("blobs/sha256"))?;
        fs::write(root.join("oci-layout"), r#"{"imageLayoutVersion":"1.0.0"}"#)?;
        Ok(Self { root, entries: Vec::new() })
    }

    fn blob(&self, kind: &str, bytes: &[u8]) -> Result<Value> {
        let digest = Algorithm::Sha256.digest(bytes);
        fs::write(self.root.join("blobs/sha256").join(digest.encoded()), bytes)?;
        Ok(json!({ "mediaType": kind, "digest": digest.to_string(), "size": bytes.len() }))
    }

    /// Writes a layer of random bytes, packed as gzip does what it cannot compress; returns it with the digest of what is inside.
    fn layer(&self, bytes: u64, seed: u64) -> Result<(Value, String)> {
        let path = self.root.join("incoming");
        let mut inside = Digester::new(Algorithm::Sha256);
        let mut gzip = GzEncoder::new(Hashing::new(File::create(&path)?), Compression::none());
        let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
        let mut left = bytes;
        let mut block = Vec::with_capacity(1 << 20);
        while left > 0 {
            block.clear();
            while block.len() < (1 << 20) {
                // xorshift64 (Marsaglia, 2003).
                state ^= state << 13;
                state ^= state >> 7;
                state ^= state << 17;
                block.extend_from_slice(&state.to_le_bytes());
            }
            block.truncate(usize::try_from(left).unwrap_or(usize::MAX));
            inside.update(&block);
            gzip.write_all(&block)?;
            left -= block.len() as u64;
        }
        let (digest, size) = gzip.finish()?.finish()?;
        fs::rename(&path, self.root.join("blobs/sha256").join(&digest["sha256:".len()..]))?;
        Ok((json!({ "mediaType": LAYER, "digest": digest, "size": size }), inside.finish().to_string()))
    }

    fn manifest(&mut self, manifest: &Value, tag: Option<&str>) -> Result<Value> {
        let kind = manifest["mediaType"].as_str().unwrap_or(MANIFEST);
        let descriptor = self.blob(kind, manifest.to_string().as_bytes())?;
        let mut entry = descriptor.clone();
        if let Some(tag) = tag {
            entry["annotations"] = json!({ "org.opencontainers.image.ref.name": tag });
        }
        self.entries.push(entry);
        Ok(descriptor)
    }

    fn finish(self) -> Result<PathBuf> {
        let index = json!({ "schemaVersion": 2, "mediaType": INDEX, "manifests": self.entries });
        fs::write(self.root.join("index.json"), index.to_string())?;
        Ok(self.root)
    }

    /// Writes an image of one platform, without an entry of its own.
    fn image(&self, architecture: &str, layers: usize, bytes: u64, seed: u64) -> Result<Value> {
        let layers = (0..layers as u64).map(|n| self.layer(bytes, seed * 100 + n));
        let (layers, inside): (Vec<_>, Vec<_>) = layers.collect::<Result<Vec<_>>>()?.into_iter().unzip();
        let config = json!({
            "architecture": architecture, "os": "linux", "config": {},
            "rootfs": { "type": "layers", "diff_ids": inside },
        });
        let config = self.blob(CONFIG, config.to_string().as_bytes())?;
        Ok(json!({ "schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": layers }))
    }
}

fn text(value: &Value, field: &str) -> String {
    value[field].as_str().unwrap_or_default().to_owned()
}

/// One image with large layers.
pub(super) fn image(root: PathBuf, layers: usize, bytes: u64) -> Result<Fixture> {
    let mut layout = Layout::create(root)?;
    let manifest = layout.image("amd64", layers, bytes, 1)?;
    let root = layout.manifest(&manifest, Some(TAG))?;
    let tags = vec![(TAG.to_owned(), text(&root, "digest"))];
    Ok(Fixture { layout: layout.finish()?, tags, papers: Vec::new() })
}

/// Many artifacts with a layer of 4 KiB each, as tags of one repository.
pub(super) fn small(root: PathBuf, count: usize) -> Result<Fixture> {
    let mut layout = Layout::create(root)?;
    let config = layout.blob(EMPTY, b"{}")?;
    let mut tags = Vec::new();
    for number in 0..count {
        let tag = format!("v{number:04}");
        let (mut layer, _) = layout.layer(4096, 10_000 + number as u64)?;
        layer["annotations"] = json!({ "org.opencontainers.image.title": format!("{tag}.bin") });
        let manifest = json!({
            "schemaVersion": 2, "mediaType": MANIFEST, "artifactType": "application/vnd.example.part",
            "config": config, "layers": [layer],
        });
        let root = layout.manifest(&manifest, Some(&tag))?;
        tags.push((tag, text(&root, "digest")));
    }
    Ok(Fixture { layout: layout.finish()?, tags, papers: Vec::new() })
}

/// An index of platforms with two layers of 1 MiB each, and papers for each of them.
pub(super) fn index(root: PathBuf, platforms: usize, papers: usize) -> Result<Fixture> {
    let architectures = ["amd64", "arm64", "arm", "ppc64le", "s390x", "riscv64"];
    let mut layout = Layout::create(root)?;
    let empty = layout.blob(EMPTY, b"{}")?;
    let (mut children, mut subjects) = (Vec::new(), Vec::new());
    for (number, architecture) in architectures.iter().cycle().take(platforms).enumerate() {
        let image = layout.image(architecture, 2, 1 << 20, 20_000 + number as u64)?;
        let mut child = layout.manifest(&image, None)?;
        subjects.push((text(&child, "digest"), papers));
        for paper in 0..papers as u64 {
            let (layer, _) = layout.layer(8192, 30_000 + number as u64 * 100 + paper)?;
            let manifest = json!({
                "schemaVersion": 2, "mediaType": MANIFEST,
                "artifactType": format!("application/vnd.example.paper-{paper}"),
                "config": empty, "layers": [layer], "subject": child,
            });
            layout.manifest(&manifest, None)?;
        }
        child["platform"] = json!({ "architecture": architecture, "os": "linux" });
        children.push(child);
    }
    let index = json!({ "schemaVersion": 2, "mediaType": INDEX, "manifests": children });
    let root = layout.manifest(&index, Some(TAG))?;
    let tags = vec![(TAG.to_owned(), text(&root, "digest"))];
    Ok(Fixture { layout: layout.finish()?, tags, papers: subjects })
}

impl Fixture {
    /// Checks that a repository has every tag on its digest, and every paper where they are wanted.
    pub(super) fn is_at(&self, lab: &Lab, place: usize, repository: &str, papers: bool) -> Result<()> {
        for (tag, digest) in &self.tags {
            let path = format!("/v2/{repository}/manifests/{tag}");
            let (status, body) = lab.get(place, &path, &format!("{INDEX}, {MANIFEST}"))?;
            let found = Algorithm::Sha256.digest(&body).to_string();
            ensure!(
                status == 200 && found == *digest,
                "{path}: HTTP status {status}, {found} instead of {digest}"
            );
        }
        for (subject, count) in self.papers.iter().filter(|_| papers) {
            let (status, body) = lab.get(place, &format!("/v2/{repository}/referrers/{subject}"), INDEX)?;
            let list: Value = serde_json::from_slice(&body).context("a list of referrers")?;
            let found = list["manifests"].as_array().map_or(0, Vec::len);
            ensure!(
                status == 200 && found == *count,
                "{repository}: {subject} has {found} papers, not {count}"
            );
        }
        Ok(())
    }

    /// Checks that a folder has a file for every blob, whatever the order in which a client keeps them.
    pub(super) fn is_in(&self, folder: &Path, papers: bool) -> Result<()> {
        let mut wanted: HashSet<String> =
            self.tags.iter().map(|(_, digest)| digest["sha256:".len()..].to_owned()).collect();
        if papers {
            for entry in fs::read_dir(self.layout.join("blobs/sha256"))? {
                wanted.insert(entry?.file_name().to_string_lossy().into_owned());
            }
        }
        for hex in wanted {
            ensure!(
                folder.join("blobs/sha256").join(&hex).exists(),
                "{} is not in {}",
                hex,
                folder.display()
            );
        }
        Ok(())
    }
}

/// A file whose bytes are hashed and counted while they are written.
struct Hashing {
    file: BufWriter<File>,
    digester: Digester,
    size: u64,
}

impl Hashing {
    fn new(file: File) -> Self {
        let file = BufWriter::with_capacity(1 << 20, file);
        Self { file, digester: Digester::new(Algorithm::Sha256), size: 0 }
    }

    fn finish(mut self) -> Result<(String, u64)> {
        self.file.flush()?;
        Ok((self.digester.finish().to_string(), self.size))
    }
}

impl Write for Hashing {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.file.write_all(bytes)?;
        self.digester.update(bytes);
        self.size += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.file.flush()
    }
}
