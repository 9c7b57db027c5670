//! Artifacts made of files: packed the same way every time, so that the same files have the same digest.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::Context;
use bytes::Bytes;
use serde::Serialize;
use wharf_content::{BytesSource, FileSource, Outcome, Progress, RawManifest, Target};
use wharf_oci::{Algorithm, Descriptor, Tag, media_type};

use crate::commands::publish::source_date_epoch;
use crate::exit::Usage;
use crate::files::{self, Packed};

/// An OCI image manifest as an artifact (image-spec v1.1, manifest.md, "Guidelines for Artifact Usage"). No time of
/// packing is in it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Document<'a> {
    schema_version: u8,
    media_type: &'a str,
    artifact_type: &'a str,
    config: &'a Descriptor,
    layers: &'a [Descriptor],
    #[serde(skip_serializing_if = "Option::is_none")]
    subject: Option<&'a Descriptor>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    annotations: &'a BTreeMap<String, String>,
}

/// What an artifact is made of.
pub(crate) struct Parts {
    pub(crate) artifact_type: String,
    pub(crate) layers: Vec<Packed>,
    pub(crate) subject: Option<Descriptor>,
    pub(crate) annotations: BTreeMap<String, String>,
}

/// Packs `PATH[:MEDIA_TYPE]` texts as layers. Files are their bytes; folders are tars whose entries have the time of
/// `SOURCE_DATE_EPOCH`, else 1970.
pub(crate) fn pack(texts: &[String]) -> anyhow::Result<Vec<Packed>> {
    let modified = source_date_epoch()?.unwrap_or(0);
    let mut layers: Vec<Packed> = Vec::new();
    for text in texts {
        let (path, media_type) = match text.rsplit_once(':') {
            Some((path, media_type)) if media_type.contains('/') => (path, Some(media_type)),
            _ => (text.as_str(), None),
        };
        let path = Path::new(path);
        let name = path.file_name().and_then(|name| name.to_str());
        let name =
            name.ok_or_else(|| Usage(format!("{text:?} does not end with the name of a file or folder")))?;
        let packed = files::pack_at(name, media_type, path, modified)
            .with_context(|| format!("cannot pack {text}"))?;
        if layers
            .iter()
            .any(|other| other.descriptor.annotations.get(files::TITLE).is_some_and(|n| n == name))
        {
            return Err(Usage(format!("two files are called {name:?}")).into());
        }
        layers.push(packed);
    }
    Ok(layers)
}

/// Reads `KEY=VALUE` texts.
pub(crate) fn annotations(texts: &[String]) -> anyhow::Result<BTreeMap<String, String>> {
    let mut annotations = BTreeMap::new();
    for text in texts {
        let (key, value) =
            text.split_once('=').ok_or_else(|| Usage(format!("annotation {text:?} is not KEY=VALUE")))?;
        if annotations.insert(key.to_owned(), value.to_owned()).is_some() {
            return Err(Usage(format!("annotation {key:?} is given twice")).into());
        }
    }
    Ok(annotations)
}

impl Parts {
    /// Returns the manifest, and the blobs beside the layers: those that stand in for what is absent.
    pub(crate) fn manifest(&self) -> anyhow::Result<RawManifest> {
        let empty = empty();
        let mut layers: Vec<Descriptor> = self.layers.iter().map(|layer| layer.descriptor.clone()).collect();
        if layers.is_empty() {
            layers.push(empty.clone());
        }
        let json = serde_json::to_vec(&Document {
            schema_version: 2,
            media_type: media_type::OCI_MANIFEST,
            artifact_type: &self.artifact_type,
            config: &empty,
            layers: &layers,
            subject: self.subject.as_ref(),
            annotations: &self.annotations,
        })?;
        Ok(RawManifest::new(media_type::OCI_MANIFEST, Bytes::from(json)))
    }

    /// Pushes it all, tags last. Returns the bytes that were sent.
    pub(crate) async fn push(
        &self,
        target: &dyn Target,
        manifest: &RawManifest,
        tags: &[Tag],
        progress: &dyn Progress,
    ) -> anyhow::Result<u64> {
        let mut sent = 0;
        for layer in &self.layers {
            progress.started(&layer.descriptor);
            let there = target.blob_exists(&layer.descriptor.digest).await?;
            if !there {
                target.push_blob(&layer.descriptor, &FileSource(layer.path.clone())).await?;
                sent += layer.descriptor.size;
            }
            let outcome = if there { Outcome::AlreadyThere } else { Outcome::Carried };
            progress.finished(&layer.descriptor, outcome);
        }
        let empty = empty();
        if !target.blob_exists(&empty.digest).await? {
            target.push_blob(&empty, &BytesSource(Bytes::from_static(b"{}"))).await?;
        }
        target.push_manifest(manifest, tags).await?;
        target.commit().await?;
        Ok(sent)
    }
}

/// The empty descriptor (image-spec v1.1, manifest.md, "Guidance for an Empty Descriptor").
fn empty() -> Descriptor {
    let mut empty = Descriptor::new(media_type::OCI_EMPTY, Algorithm::Sha256.digest(b"{}"), 2);
    empty.data = Some("e30=".to_owned());
    empty
}
