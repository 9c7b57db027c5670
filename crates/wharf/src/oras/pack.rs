//! A manifest made of files, as ORAS makes it, and the place where it waits to be carried.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use anyhow::{Context, bail, ensure};
use async_trait::async_trait;
use bytes::Bytes;
use jiff::Timestamp;
use serde::Serialize;
use wharf_content::{
    BlobSource, BlobStream, BytesSource, Cursor, Error, FileSource, RawManifest, ReadTarget, TagPage,
};
use wharf_oci::{Algorithm, Descriptor, Digest, Reference, media_type};

use super::fault::Fault;
use super::format::to_json;
use super::status::{Detail, line};
use super::target::file_and_more;
use crate::cobra::flags::Given;
use crate::files::{self, Packed};

const CREATED: &str = "org.opencontainers.image.created";
const UNKNOWN_CONFIG: &str = "application/vnd.unknown.config.v1+json";
pub(super) const UNKNOWN_ARTIFACT: &str = "application/vnd.unknown.artifact.v1";

/// The version of the image-spec whose way of packing is followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ImageSpec {
    V1_0,
    V1_1,
}

/// Annotations by what they are for: `$manifest`, `$config`, or a file as it stands on the command line.
#[derive(Debug, Default)]
pub(super) struct Annotations(BTreeMap<String, BTreeMap<String, String>>);

impl Annotations {
    /// Reads `--annotation` and `--annotation-file`.
    pub(super) fn parse(given: &Given) -> anyhow::Result<Self> {
        let file = given.text("annotation-file").unwrap_or_default();
        let pairs = given.texts("annotation");
        if !file.is_empty() && !pairs.is_empty() {
            bail!("`--annotation` and `--annotation-file` cannot be both specified");
        }
        if !file.is_empty() {
            let wrong = || {
                Fault::new(format!("invalid annotation json file: failed to load annotations from {file}"))
                    .advice(
                        "Annotation file doesn't match the required format. Please refer to the document at \
                     https://oras.land/docs/how_to_guides/manifest_annotations",
                    )
            };
            let text = std::fs::read(file).map_err(|_| wrong())?;
            return serde_json::from_slice(&text).map(Self).map_err(|_| wrong().into());
        }
        let mut manifest = BTreeMap::new();
        for pair in pairs {
            let Some((key, value)) = pair.split_once('=') else {
                return Err(Fault::new("annotation value doesn't match the required format")
                    .advice("Please use the correct format in the flag: --annotation \"key=value\"")
                    .into());
            };
            let before = manifest.insert(key.to_owned(), value.to_owned());
            ensure!(before.is_none(), "duplicate annotation key: {key}, ");
        }
        Ok(match pairs {
            [] => Self::default(),
            _ => Self(BTreeMap::from([("$manifest".to_owned(), manifest)])),
        })
    }

    pub(super) fn of_manifest(&self) -> BTreeMap<String, String> {
        self.0.get("$manifest").cloned().unwrap_or_default()
    }

    fn of_config(&self) -> BTreeMap<String, String> {
        self.0.get("$config").cloned().unwrap_or_default()
    }
}

/// Fails for absolute paths unless they are wanted.
pub(super) fn check_paths(given: &Given, files: &[String]) -> anyhow::Result<()> {
    if given.is_on("disable-path-validation") {
        return Ok(());
    }
    let mut absolute = Vec::new();
    for file in files {
        let (path, _) = file_and_more(file)?;
        if Path::new(&path).is_absolute() {
            absolute.push(path);
        }
    }
    ensure!(
        absolute.is_empty(),
        "absolute file path detected. If it's intentional, use --disable-path-validation flag to skip this check: {}",
        absolute.join(", ")
    );
    Ok(())
}

/// What a manifest is packed of.
pub(super) struct Parts {
    pub(super) spec: ImageSpec,
    pub(super) artifact_type: String,
    pub(super) config: Option<Config>,
    pub(super) subject: Option<Descriptor>,
    pub(super) layers: Vec<Descriptor>,
}

/// A config other than the empty one.
pub(super) enum Config {
    /// `FILE[:TYPE]`
    File(String),
    Bytes(&'static str, Bytes),
}

/// Content that waits to be carried: manifests in memory, blobs in files.
#[derive(Default)]
pub(super) struct Staged {
    manifest: Option<RawManifest>,
    blobs: HashMap<Digest, Source>,
}

enum Source {
    Bytes(Bytes),
    File(Box<Packed>),
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Document<'a> {
    schema_version: u8,
    media_type: &'static str,
    #[serde(skip_serializing_if = "str::is_empty")]
    artifact_type: &'a str,
    config: Descriptor,
    layers: Vec<Descriptor>,
    #[serde(skip_serializing_if = "Option::is_none")]
    subject: Option<Descriptor>,
    annotations: BTreeMap<String, String>,
}

impl Staged {
    /// Packs the files, tells of each, and returns their layers.
    pub(super) fn add_files(
        &mut self,
        files: &[String],
        annotations: &Annotations,
        detail: Detail,
    ) -> anyhow::Result<Vec<Descriptor>> {
        let mut layers: Vec<Descriptor> = Vec::new();
        for file in files {
            let (path, media_type) = file_and_more(file)?;
            let own = annotations.0.get(&path);
            let name = match own.and_then(|own| own.get(files::TITLE)) {
                Some(title) => title.clone(),
                None => cleaned(&path),
            };
            if detail.is_all() {
                line(format_args!("Preparing {name}"));
            }
            let taken = layers.iter().any(|layer| layer.annotations.get(files::TITLE) == Some(&name));
            ensure!(!taken, "{name}: duplicate name");
            let media_type = media_type.filter(|media_type| !media_type.is_empty());
            let packed = files::pack(&name, media_type.as_deref(), Path::new(&path))?;
            let mut layer = packed.descriptor.clone();
            layer.annotations.extend(own.cloned().unwrap_or_default());
            self.blobs.insert(layer.digest.clone(), Source::File(Box::new(packed)));
            layers.push(layer);
        }
        if files.is_empty() && !matches!(detail, Detail::Nothing | Detail::Bars) {
            line("Uploading empty artifact");
        }
        Ok(layers)
    }

    fn add_bytes(&mut self, media_type: &str, bytes: Bytes) -> Descriptor {
        let digest = Algorithm::Sha256.digest(&bytes);
        let descriptor = Descriptor::new(media_type, digest.clone(), bytes.len() as u64);
        self.blobs.insert(digest, Source::Bytes(bytes));
        descriptor
    }

    fn empty(&mut self) -> Descriptor {
        let mut empty = self.add_bytes(media_type::OCI_EMPTY, Bytes::from_static(b"{}"));
        empty.data = Some("e30=".to_owned());
        empty
    }

    fn config(&mut self, config: Config) -> anyhow::Result<Descriptor> {
        match config {
            Config::File(file) => {
                let (path, media_type) = file_and_more(&file)?;
                let media_type = media_type.unwrap_or_else(|| UNKNOWN_CONFIG.to_owned());
                let packed = files::pack("$config", Some(&media_type), Path::new(&path))?;
                let descriptor = packed.descriptor.clone();
                self.blobs.insert(descriptor.digest.clone(), Source::File(Box::new(packed)));
                Ok(descriptor)
            }
            Config::Bytes(media_type, bytes) => Ok(self.add_bytes(media_type, bytes)),
        }
    }

    /// Packs the manifest and returns its descriptor, with artifact type and annotations.
    pub(super) fn pack(&mut self, parts: Parts, annotations: &Annotations) -> anyhow::Result<Descriptor> {
        let Parts { spec, mut artifact_type, config, subject, mut layers } = parts;
        let given = config.map(|config| self.config(config)).transpose()?;
        if let Some(config) = &given {
            check_media_type(&config.media_type, "invalid config mediaType format")?;
        }
        if !artifact_type.is_empty() {
            check_media_type(&artifact_type, "invalid artifactType format")?;
        }
        let mut config = match (given, spec) {
            (Some(config), _) => config,
            (None, ImageSpec::V1_0) => {
                let media_type = if artifact_type.is_empty() { UNKNOWN_CONFIG } else { &artifact_type };
                self.add_bytes(media_type, Bytes::from_static(b"{}"))
            }
            (None, ImageSpec::V1_1) => self.empty(),
        };
        config.annotations = annotations.of_config();
        match spec {
            ImageSpec::V1_0 => artifact_type.clear(),
            ImageSpec::V1_1 => {
                ensure!(
                    !artifact_type.is_empty() || config.media_type != media_type::OCI_EMPTY,
                    "missing artifact type"
                );
                if layers.is_empty() {
                    layers.push(self.empty());
                }
            }
        }
        let mut own = annotations.of_manifest();
        match own.get(CREATED) {
            Some(created) => {
                created
                    .parse::<Timestamp>()
                    .with_context(|| format!("invalid date and time format: {created:?}"))?;
            }
            None => {
                own.insert(CREATED.to_owned(), Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string());
            }
        }
        let shown_type =
            if spec == ImageSpec::V1_0 { config.media_type.clone() } else { artifact_type.clone() };
        let document = Document {
            schema_version: 2,
            media_type: media_type::OCI_MANIFEST,
            artifact_type: &artifact_type,
            config,
            layers,
            subject,
            annotations: own.clone(),
        };
        let raw = RawManifest::new(media_type::OCI_MANIFEST, Bytes::from(to_json(&document)?));
        let mut descriptor = raw.descriptor();
        descriptor.artifact_type = Some(shown_type).filter(|text| !text.is_empty());
        descriptor.annotations = own;
        self.manifest = Some(raw);
        Ok(descriptor)
    }

    /// Returns the packed manifest.
    pub(super) fn manifest(&self) -> anyhow::Result<&RawManifest> {
        self.manifest.as_ref().context("nothing is packed")
    }

    /// Writes the packed manifest to the file that `--export-manifest` names.
    pub(super) fn export(&self, given: &Given) -> anyhow::Result<()> {
        match given.text("export-manifest").filter(|path| !path.is_empty()) {
            Some(path) => {
                std::fs::write(path, &self.manifest()?.bytes).with_context(|| format!("open {path}"))
            }
            None => Ok(()),
        }
    }
}

/// Returns a path in its shortest form.
fn cleaned(path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    let is_absolute = path.starts_with('/');
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|last| *last != "..") => {
                parts.pop();
            }
            ".." if is_absolute => {}
            part => parts.push(part),
        }
    }
    let joined = parts.join("/");
    match (is_absolute, joined.is_empty()) {
        (true, _) => format!("/{joined}"),
        (false, true) => ".".to_owned(),
        (false, false) => joined,
    }
}

/// Fails for what is no media type (RFC 6838, section 4.2).
pub(super) fn check_media_type(text: &str, context: &str) -> anyhow::Result<()> {
    let name = |text: &str| {
        let bytes = text.as_bytes();
        (1..=127).contains(&bytes.len())
            && bytes[0].is_ascii_alphanumeric()
            && bytes.iter().all(|byte| byte.is_ascii_alphanumeric() || b"!#$&^_.+-".contains(byte))
    };
    let fine = text.split_once('/').is_some_and(|(kind, subtype)| name(kind) && name(subtype));
    let context = if context.is_empty() { String::new() } else { format!("{context}: ") };
    ensure!(fine, "{context}{text}: invalid media type");
    Ok(())
}

#[async_trait]
impl ReadTarget for Staged {
    fn name(&self) -> String {
        "the packed files".to_owned()
    }

    async fn resolve(&self, reference: &Reference) -> wharf_content::Result<Descriptor> {
        Ok(self.fetch_manifest(reference, u64::MAX).await?.descriptor())
    }

    async fn fetch_manifest(&self, reference: &Reference, _: u64) -> wharf_content::Result<RawManifest> {
        let found = self.manifest.as_ref().filter(|manifest| reference.digest() == Some(&manifest.digest));
        found.cloned().ok_or_else(|| Error::manifest_not_found(&self.name(), reference))
    }

    async fn fetch_blob(&self, descriptor: &Descriptor, offset: u64) -> wharf_content::Result<BlobStream> {
        match self.blobs.get(&descriptor.digest) {
            Some(Source::Bytes(bytes)) => BytesSource(bytes.clone()).open(offset).await,
            Some(Source::File(packed)) => FileSource(packed.path.clone()).open(offset).await,
            None => Err(Error::blob_not_found(&self.name(), &descriptor.digest)),
        }
    }

    async fn blob_exists(&self, digest: &Digest) -> wharf_content::Result<bool> {
        Ok(self.blobs.contains_key(digest))
    }

    async fn tags(&self, _: Option<&Cursor>, _: usize) -> wharf_content::Result<TagPage> {
        Ok(TagPage::default())
    }

    async fn referrers(&self, _: &Digest, _: Option<&str>) -> wharf_content::Result<Vec<Descriptor>> {
        Ok(Vec::new())
    }
}
