//! `oras manifest index`: indexes made and changed.

pub(crate) mod create;
pub(crate) mod update;

use std::collections::BTreeMap;

use anyhow::{Context, ensure};
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use wharf_content::{DEFAULT_MAX_MANIFEST_BYTES, RawManifest};
use wharf_oci::{Descriptor, ManifestKind, media_type};

use crate::oras::format::{plain, print_json, to_json};
use crate::oras::place::Place;
use crate::oras::platform;
use crate::oras::status::{line, short};
use crate::oras::target::is_digest;

/// An index as it is written, in the order of the specification's Go types.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Index {
    schema_version: u8,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    media_type: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    artifact_type: String,
    #[serde(default)]
    manifests: Vec<Descriptor>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    subject: Option<Descriptor>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    annotations: BTreeMap<String, String>,
}

/// What is told, and where the result goes.
struct Output<'a> {
    /// A file, `-`, or nothing for a push.
    path: &'a str,
    pretty: bool,
}

impl Output<'_> {
    fn tell(&self, text: std::fmt::Arguments<'_>) {
        if self.path != "-" {
            line(text);
        }
    }

    /// Tells of a manifest by digest and name.
    fn tell_of(&self, word: &str, reference: &str, descriptor: &Descriptor) {
        if is_digest(reference) {
            self.tell(format_args!("{word} {reference}"));
        } else {
            self.tell(format_args!("{word} {} {reference}", descriptor.digest));
        }
    }

    /// Fetches a manifest by tag or digest.
    async fn fetch(
        &self,
        place: &Place,
        reference: &str,
        what: &str,
    ) -> anyhow::Result<(Descriptor, RawManifest)> {
        self.tell(format_args!("Fetching  {reference}"));
        let fetched = place.fetch(reference).await;
        let (descriptor, raw) = fetched.with_context(|| format!("could not find the {what} {reference}"))?;
        let parsed = raw.parse()?;
        ensure!(what == "manifest" || parsed.kind == ManifestKind::Index, "{reference} is not an index");
        self.tell_of("Fetched  ", reference, &descriptor);
        Ok((descriptor, raw))
    }

    /// Fetches a manifest and describes it as an index does.
    async fn entry(&self, place: &Place, reference: &str) -> anyhow::Result<Descriptor> {
        let (descriptor, raw) = self.fetch(place, reference, "manifest").await?;
        let parsed = raw.parse()?;
        let mut entry = plain(&descriptor);
        entry.artifact_type = parsed.artifact_type;
        if let Some(config) = &parsed.config {
            ensure!(
                config.size <= DEFAULT_MAX_MANIFEST_BYTES,
                "config size {} exceeds MaxBytes {DEFAULT_MAX_MANIFEST_BYTES}: size exceeds limit",
                config.size
            );
            // A config that is no JSON tells no platform.
            let config = serde_json::from_slice(&place.blob(config).await?);
            entry.platform = config.ok().and_then(|config| platform::of_config(&config));
        }
        Ok(entry)
    }

    /// Writes the index to where it goes.
    async fn finish(
        &self,
        place: &Place,
        index: &Index,
        reference: &str,
        tags: &[String],
        shown: &str,
    ) -> anyhow::Result<RawManifest> {
        let json = to_json(index)?;
        let media_type = match index.media_type.as_str() {
            "" => media_type::OCI_INDEX,
            media_type => media_type,
        };
        let raw = RawManifest::new(media_type, Bytes::from(json));
        match self.path {
            "" => {
                place.push(&raw, if is_digest(reference) { "" } else { reference }).await?;
                self.tell(format_args!("Pushed    {shown}"));
                for tag in tags {
                    place.push(&raw, tag).await?;
                    self.tell(format_args!("Tagged {tag}"));
                }
            }
            "-" => print_json(&raw.bytes, self.pretty)?,
            path => {
                std::fs::write(path, &raw.bytes).with_context(|| format!("failed to open {path:?}"))?;
            }
        }
        self.tell(format_args!("Digest: {}", raw.digest));
        Ok(raw)
    }
}

/// Returns an index's digest before it is pushed.
fn packed(index: &Index) -> anyhow::Result<RawManifest> {
    Ok(RawManifest::new(media_type::OCI_INDEX, Bytes::from(to_json(index)?)))
}

fn short_digest(raw: &RawManifest) -> &str {
    short(&raw.digest)
}
