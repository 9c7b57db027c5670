//! The parts of a chart's OCI form that come from its metadata.

use std::collections::BTreeMap;

use crate::Metadata;

/// Media type of the config: the JSON of Chart.yaml.
pub const CONFIG_MEDIA_TYPE: &str = "application/vnd.cncf.helm.config.v1+json";
/// Media type of the layer that holds the archive.
pub const CHART_LAYER_MEDIA_TYPE: &str = "application/vnd.cncf.helm.chart.content.v1.tar+gzip";
/// Media type of the archive in charts pushed by early versions of Helm 3.
pub const LEGACY_CHART_LAYER_MEDIA_TYPE: &str = "application/tar+gzip";
/// Media type of the layer that holds the provenance file.
pub const PROVENANCE_LAYER_MEDIA_TYPE: &str = "application/vnd.cncf.helm.chart.provenance.v1.prov";

const TITLE: &str = "org.opencontainers.image.title";
const VERSION: &str = "org.opencontainers.image.version";

/// Returns the config blob: Chart.yaml as Go writes it in JSON, byte for byte what Helm pushes.
#[must_use]
pub fn config_json(metadata: &Metadata) -> Vec<u8> {
    metadata.to_json().into_bytes()
}

/// Returns the manifest's annotations as Helm sets them.
///
/// `created` is an RFC 3339 time and appears only when given: Helm takes the archive file's time, which makes the
/// manifest differ from push to push. Annotations of Chart.yaml are copied over, but never replace title and version.
#[must_use]
pub fn oci_annotations(metadata: &Metadata, created: Option<&str>) -> BTreeMap<String, String> {
    let authors: Vec<String> = metadata
        .maintainers
        .iter()
        .flatten()
        .map(|maintainer| match maintainer.email.as_str() {
            "" => maintainer.name.clone(),
            email => format!("{} ({email})", maintainer.name),
        })
        .collect();
    let mut annotations = BTreeMap::new();
    for (key, value) in [
        ("org.opencontainers.image.description", metadata.description.as_str()),
        (TITLE, &metadata.name),
        (VERSION, &metadata.version),
        ("org.opencontainers.image.url", &metadata.home),
        ("org.opencontainers.image.created", created.unwrap_or_default()),
        ("org.opencontainers.image.source", metadata.sources.first().map_or("", String::as_str)),
        ("org.opencontainers.image.authors", &authors.join(", ")),
    ] {
        if !value.trim().is_empty() {
            annotations.insert(key.to_owned(), value.to_owned());
        }
    }
    for (key, value) in &metadata.annotations {
        if key != TITLE && key != VERSION {
            annotations.insert(key.clone(), value.clone());
        }
    }
    annotations
}

/// Returns the tag of a chart version: tags cannot hold `+`, so it becomes `_`.
#[must_use]
pub fn tag_for_version(version: &str) -> String {
    version.replace('+', "_")
}

/// Returns the chart version a tag stands for, the reverse of [`tag_for_version`].
#[must_use]
pub fn version_for_tag(tag: &str) -> String {
    tag.replace('_', "+")
}
