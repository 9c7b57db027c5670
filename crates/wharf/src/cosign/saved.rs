//! `cosign save` and `load`: an image with its papers in a folder; and what lies in such a folder, to be read.
//!
//! The folder is an OCI layout. In `index.json` the annotation `kind` says which manifest is the image, which are its
//! signatures and which its attestations of the older layout; bundles are referrers, which cosign leaves out of `index.json`.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;

use anyhow::{Context as _, bail, ensure};
use async_trait::async_trait;
use serde_json::{Value, json};
use wharf_content::{
    BlobStream, CopyOptions, Cursor, DEFAULT_MAX_MANIFEST_BYTES, ErrorKind, LayoutTarget, PaperOptions,
    RawManifest, ReadTarget, TagPage, Target, sibling_tag,
};
use wharf_oci::{Descriptor, Digest, Manifest, ManifestKind, Reference, Tag};

use super::image::{self, Image};
use super::verifying::text;
use super::{blob, one, tables, waiting_for_blobs};
use crate::cobra::Command;
use crate::cobra::flags::Given;
use crate::cobra::flags::Kind::Text;
use crate::cobra::flags::flag;
use crate::papers;

pub(super) const SAVE: Command = Command {
    path: &["cosign", "save"],
    usage: "[flags] IMAGE",
    about: "Save the container image and associated signatures to disk at the specified directory",
    flags: &[
        tables::REGISTRY,
        &[flag("dir", Text, "path to dir where the signed image should be stored on disk")],
    ],
    run: save,
};

pub(super) const LOAD: Command = Command {
    path: &["cosign", "load"],
    usage: "[flags] IMAGE",
    about: "Load a signed image on disk to a remote registry",
    flags: &[
        tables::REGISTRY,
        &[flag("dir", Text, "path to directory where the signed image is stored on disk")],
    ],
    run: load,
};

const KIND: &str = "kind";
const IMAGE: &str = "dev.cosignproject.cosign/image";
const INDEX: &str = "dev.cosignproject.cosign/imageIndex";
/// The kinds of what lies under sibling tags in a registry, with the ends of those tags.
const SIBLINGS: [(&str, &str); 2] = [
    ("dev.cosignproject.cosign/sigs", papers::SIGNATURE),
    ("dev.cosignproject.cosign/atts", papers::ATTESTATION),
];
/// How many files of a folder are looked at in search of bundles.
const MAX_FILES: usize = 100_000;

fn dir(given: &Given) -> anyhow::Result<&str> {
    text(given, "dir").context("required flag(s) \"dir\" not set")
}

fn save(given: &Given, arguments: &[String], _: &mut dyn Write) -> anyhow::Result<()> {
    let (written, dir) = (one(arguments)?, dir(given)?);
    waiting_for_blobs(given, async {
        let image = Image::resolve(given, written).await?;
        let digest = image.digest().clone();
        let layout = LayoutTarget::create(dir).await?;
        let other =
            layout.entries().await?.into_iter().find(|entry| is_image(entry) && entry.digest != digest);
        if let Some(other) = other {
            bail!("{dir} holds another image already: {}", other.digest);
        }
        let tags: Vec<Tag> = image.reference.tag.iter().cloned().collect();
        let apart = image.papers_repository() != image.repository();
        let way =
            Way { from: &image.target, papers_from: &image.papers, to: &layout, papers_to: &layout, apart };
        way.carry(&digest, tags).await?;
        let raw =
            layout.fetch_manifest(&Reference::Digest(digest.clone()), DEFAULT_MAX_MANIFEST_BYTES).await?;
        let kind = if raw.parse()?.kind == ManifestKind::Index { INDEX } else { IMAGE };
        let mut kinds = vec![(digest.clone(), kind)];
        for (kind, end) in SIBLINGS {
            let Some(tag) = sibling_tag(&digest, end) else { continue };
            match layout.resolve(&Reference::Tag(tag)).await {
                Ok(found) => kinds.push((found.digest, kind)),
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                Err(error) => return Err(error.into()),
            }
        }
        mark(Path::new(dir), &kinds)
    })
}

/// Notes in `index.json` what is what.
fn mark(dir: &Path, kinds: &[(Digest, &str)]) -> anyhow::Result<()> {
    let path = dir.join("index.json");
    let mut index: Value = serde_json::from_slice(&std::fs::read(&path)?)?;
    let entries =
        index.get_mut("manifests").and_then(Value::as_array_mut).context("index.json lists nothing")?;
    for (digest, kind) in kinds {
        let of = |entry: &&mut Value| entry.get("digest").and_then(Value::as_str) == Some(digest.as_str());
        let entry =
            entries.iter_mut().find(of).with_context(|| format!("index.json does not list {digest}"))?;
        match entry.get_mut("annotations").and_then(Value::as_object_mut) {
            Some(annotations) => {
                annotations.insert(KIND.to_owned(), json!(kind));
            }
            None => entry["annotations"] = json!({ KIND: kind }),
        }
    }
    blob::write_public(&path.display().to_string(), &serde_json::to_vec(&index)?)
}

fn load(given: &Given, arguments: &[String], _: &mut dyn Write) -> anyhow::Result<()> {
    let (written, dir) = (one(arguments)?, dir(given)?);
    waiting_for_blobs(given, async {
        let saved = SavedImage::open(dir).await?;
        let (reference, to) = image::place(given, written).await?;
        if let Some(asked) = reference.digest.as_ref() {
            ensure!(*asked == saved.root.digest, "{dir} holds {}, not {asked}", saved.root.digest);
        }
        let papers_to = image::papers_place(given, &to).await?;
        let apart =
            papers_to.repository() != to.repository() || papers_to.registry().host() != to.registry().host();
        let way = Way { from: &saved, papers_from: &saved, to: &to, papers_to: &papers_to, apart };
        way.carry(&saved.root.digest, reference.tag.iter().cloned().collect()).await
    })
}

/// From where to where an image goes with its papers.
struct Way<'a> {
    from: &'a dyn ReadTarget,
    papers_from: &'a dyn ReadTarget,
    to: &'a dyn Target,
    papers_to: &'a dyn Target,
    /// Whether the papers lie elsewhere than the image, at one end at least.
    apart: bool,
}

impl Way<'_> {
    async fn carry(&self, root: &Digest, tags: Vec<Tag>) -> anyhow::Result<()> {
        let options = |papers, tags| CopyOptions { tags: Some(tags), papers, ..CopyOptions::default() };
        let asked = Reference::Digest(root.clone());
        if !self.apart {
            wharf_content::copy(self.from, &asked, self.to, &options(PaperOptions::ALL, tags)).await?;
            return Ok(());
        }
        wharf_content::copy(self.from, &asked, self.to, &options(PaperOptions::NONE, tags)).await?;
        let mut found: Vec<(Digest, Vec<Tag>)> = Vec::new();
        for referrer in self.papers_from.referrers(root, None).await? {
            found.push((referrer.digest, Vec::new()));
        }
        for end in [papers::SIGNATURE, papers::ATTESTATION, papers::SBOM] {
            let Some(tag) = sibling_tag(root, end) else { continue };
            match self.papers_from.resolve(&Reference::Tag(tag.clone())).await {
                Ok(sibling) => found.push((sibling.digest, vec![tag])),
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                Err(error) => return Err(error.into()),
            }
        }
        for (paper, tags) in found {
            let asked = Reference::Digest(paper);
            let options = options(PaperOptions::NONE, tags);
            wharf_content::copy(self.papers_from, &asked, self.papers_to, &options).await?;
        }
        Ok(())
    }
}

fn is_image(entry: &Descriptor) -> bool {
    entry.annotations.get(KIND).is_some_and(|kind| kind == IMAGE || kind == INDEX)
}

/// An image that was saved: read like a repository, its papers found where cosign leaves them.
pub(super) struct SavedImage {
    layout: LayoutTarget,
    pub(super) root: Descriptor,
    siblings: BTreeMap<String, Digest>,
    referrers: Vec<Descriptor>,
}

impl SavedImage {
    pub(super) async fn open(dir: &str) -> anyhow::Result<Self> {
        let layout = LayoutTarget::open(dir).await?;
        let entries = layout.entries().await?;
        let of = |kind: &str| {
            entries.iter().find(|entry| entry.annotations.get(KIND).is_some_and(|is| is == kind))
        };
        let root = of(INDEX).or_else(|| of(IMAGE));
        let root =
            root.cloned().with_context(|| format!("{dir} holds neither an image index nor an image"))?;
        let mut siblings = BTreeMap::new();
        for (kind, end) in SIBLINGS {
            if let (Some(entry), Some(tag)) = (of(kind), sibling_tag(&root.digest, end)) {
                siblings.insert(tag.to_string(), entry.digest.clone());
            }
        }
        let (folder, subject) = (layout.root().join("blobs/sha256"), root.digest.clone());
        let referrers = tokio::task::spawn_blocking(move || referrers(&folder, &subject)).await??;
        Ok(Self { layout, root, siblings, referrers })
    }

    fn place(&self, reference: &Reference) -> Reference {
        match reference {
            Reference::Tag(tag) => match self.siblings.get(tag.as_str()) {
                Some(digest) => Reference::Digest(digest.clone()),
                None => reference.clone(),
            },
            Reference::Digest(_) => reference.clone(),
        }
    }
}

/// Looks through the blobs for manifests about `subject`.
fn referrers(folder: &Path, subject: &Digest) -> anyhow::Result<Vec<Descriptor>> {
    let mut found = Vec::new();
    for (count, entry) in std::fs::read_dir(folder)?.enumerate() {
        ensure!(count < MAX_FILES, "{} holds more than {MAX_FILES} files", folder.display());
        let entry = entry?;
        let digest = format!("sha256:{}", entry.file_name().to_string_lossy()).parse::<Digest>();
        let (Ok(digest), metadata) = (digest, entry.metadata()?) else { continue };
        if !metadata.is_file() || metadata.len() > DEFAULT_MAX_MANIFEST_BYTES {
            continue;
        }
        let bytes = std::fs::read(entry.path())?;
        let Ok(manifest) = Manifest::parse(&bytes, None) else { continue };
        if manifest.subject.is_some_and(|named| named.digest == *subject) {
            let mut descriptor = Descriptor::new(manifest.media_type, digest, metadata.len());
            descriptor.artifact_type = manifest.artifact_type;
            found.push(descriptor);
        }
    }
    found.sort_by(|a, b| a.digest.cmp(&b.digest));
    Ok(found)
}

#[async_trait]
impl ReadTarget for SavedImage {
    fn name(&self) -> String {
        self.layout.name()
    }

    async fn resolve(&self, reference: &Reference) -> wharf_content::Result<Descriptor> {
        self.layout.resolve(&self.place(reference)).await
    }

    async fn fetch_manifest(
        &self,
        reference: &Reference,
        max_bytes: u64,
    ) -> wharf_content::Result<RawManifest> {
        self.layout.fetch_manifest(&self.place(reference), max_bytes).await
    }

    async fn fetch_blob(&self, descriptor: &Descriptor, offset: u64) -> wharf_content::Result<BlobStream> {
        self.layout.fetch_blob(descriptor, offset).await
    }

    async fn blob_exists(&self, digest: &Digest) -> wharf_content::Result<bool> {
        self.layout.blob_exists(digest).await
    }

    async fn tags(&self, from: Option<&Cursor>, limit: usize) -> wharf_content::Result<TagPage> {
        let mut page = self.layout.tags(from, limit).await?;
        if from.is_none() {
            page.tags.extend(self.siblings.keys().filter_map(|tag| tag.parse().ok()));
        }
        Ok(page)
    }

    async fn referrers(
        &self,
        subject: &Digest,
        artifact_type: Option<&str>,
    ) -> wharf_content::Result<Vec<Descriptor>> {
        let mut found = self.layout.referrers(subject, artifact_type).await?;
        if *subject == self.root.digest {
            for referrer in &self.referrers {
                let wanted =
                    artifact_type.is_none_or(|wanted| referrer.artifact_type.as_deref() == Some(wanted));
                if wanted && !found.iter().any(|listed| listed.digest == referrer.digest) {
                    found.push(referrer.clone());
                }
            }
        }
        Ok(found)
    }
}
