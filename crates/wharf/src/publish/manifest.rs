//! The manifest of a chart, in the bytes that Helm would write for it.

use bytes::Bytes;
use serde::Serialize;
use std::collections::BTreeMap;
use wharf_content::RawManifest;
use wharf_oci::{Descriptor, media_type};

/// Field order is that of image-spec's Go type; Helm writes neither `mediaType` nor `artifactType`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Document<'a> {
    schema_version: u8,
    config: &'a Descriptor,
    layers: &'a [Descriptor],
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    annotations: BTreeMap<String, String>,
}

/// Returns the manifest over a config and layers; the layers are put in Helm's order, by digest.
pub(crate) fn manifest(
    config: &Descriptor,
    layers: impl IntoIterator<Item = Descriptor>,
    annotations: BTreeMap<String, String>,
) -> anyhow::Result<RawManifest> {
    let mut layers: Vec<Descriptor> = layers.into_iter().collect();
    layers.sort_by(|a, b| a.digest.cmp(&b.digest));
    let json = serde_json::to_string(&Document { schema_version: 2, config, layers: &layers, annotations })?;
    Ok(RawManifest::new(media_type::OCI_MANIFEST, Bytes::from(escape_as_go(&json))))
}

/// Go's encoder writes these characters, which JSON has inside strings only, as escapes.
fn escape_as_go(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    for c in json.chars() {
        match c {
            '<' => out.push_str("\\u003c"),
            '>' => out.push_str("\\u003e"),
            '&' => out.push_str("\\u0026"),
            '\u{2028}' => out.push_str("\\u2028"),
            '\u{2029}' => out.push_str("\\u2029"),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use wharf_oci::Algorithm;

    #[test]
    fn the_manifest_has_helms_bytes() {
        let descriptor = |media_type: &str, text: &str| {
            Descriptor::new(media_type, Algorithm::Sha256.digest(text.as_bytes()), text.len() as u64)
        };
        let layers = [descriptor("a", "later"), descriptor("b", "earlier")];
        let annotations = BTreeMap::from([("k".to_owned(), "<&>".to_owned())]);
        let manifest = manifest(&descriptor("c", "{}"), layers.clone(), annotations).expect("serialises");
        let text = String::from_utf8(manifest.bytes.to_vec()).expect("text");
        assert!(
            text.starts_with(r#"{"schemaVersion":2,"config":{"mediaType":"c","digest":"sha256:44136"#),
            "{text}"
        );
        assert!(text.ends_with(r#""annotations":{"k":"\u003c\u0026\u003e"}}"#), "{text}");
        let mut digests: Vec<_> = layers.iter().map(|layer| layer.digest.clone()).collect();
        digests.sort();
        let parsed = manifest.parse().expect("a manifest");
        assert_eq!(parsed.layers.iter().map(|layer| layer.digest.clone()).collect::<Vec<_>>(), digests);
    }
}
