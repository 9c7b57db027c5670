//! What a manifest is by its shape: something to run, or something that only speaks of other things.

use serde::de::IgnoredAny;
use wharf_oci::{Digest, Manifest, ManifestKind, Tag, media_type};
use wharf_trust::{Bundle, NotationSignature, SIMPLE_SIGNING};

/// Media types of papers besides sigstore's bundles: what cosign, BuildKit and notation attach. All are JSON but the last.
const STATEMENTS: [&str; 5] = [
    SIMPLE_SIGNING,
    "application/vnd.dsse.envelope.v1+json",
    "application/vnd.in-toto+json",
    "application/jose+json",
    "application/cose",
];
/// The digest of `{}`, the empty config (image-spec v1.1, "Guidance for an Empty Descriptor").
const EMPTY: &str = "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a";

/// Returns whether every layer claims to be a signature, an attestation or a statement. Whether that is true shows when
/// they are read: then [`reads_as_signature`], and the config, too.
pub(super) fn claims_to_be_signature(manifest: &Manifest) -> bool {
    let speaks = |media: &str| Bundle::is_media_type(media) || STATEMENTS.contains(&media);
    manifest.kind == ManifestKind::Image
        && !manifest.layers.is_empty()
        && manifest.layers.iter().all(|layer| speaks(&layer.media_type))
}

/// Returns whether bytes are what a signature or its config is: JSON, or an envelope that `notation` writes in CBOR.
pub(super) fn reads_as_signature(bytes: &[u8]) -> bool {
    serde_json::from_slice::<IgnoredAny>(bytes).is_ok()
        || NotationSignature::media_type_of(bytes)
            .is_some_and(|envelope| NotationSignature::read(envelope, bytes).is_ok())
}

/// Returns whether no container runtime and no Helm would run what this is: not an index, not a chart, and not an image,
/// as the config of one must list its layers.
pub(super) fn is_inert(manifest: &Manifest) -> bool {
    let Some(config) = manifest.config.as_ref().filter(|_| manifest.kind == ManifestKind::Image) else {
        return false;
    };
    if config.media_type == media_type::HELM_CONFIG
        || manifest.layers.iter().any(|layer| layer.media_type == media_type::HELM_CHART)
    {
        return false;
    }
    let of_an_image = |media: &str| media.contains("image.layer") || media.contains("image.rootfs");
    let is_empty = config.media_type == media_type::OCI_EMPTY && config.digest.as_str() == EMPTY;
    let is_layered = manifest.layers.iter().any(|layer| of_an_image(&layer.media_type));
    let is_configured =
        [media_type::OCI_CONFIG, media_type::DOCKER_CONFIG].contains(&config.media_type.as_str());
    // Without layers an image still runs; a list of them does not, where the config names none.
    let runs = is_layered || (is_configured && manifest.layers.is_empty());
    is_empty || !runs
}

/// Returns the digest that a tag is named after: `sha256-<hex>`, and what follows a point, if anything does.
pub(super) fn named_after(tag: &Tag) -> Option<(Digest, Option<&str>)> {
    let (name, end) = match tag.as_str().split_once('.') {
        Some((name, end)) => (name, Some(end)),
        None => (tag.as_str(), None),
    };
    let (algorithm, encoded) = name.split_once('-')?;
    let digest: Digest = format!("{algorithm}:{encoded}").parse().ok()?;
    digest.algorithm().is_some().then_some((digest, end))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn manifest(config: &str, digest: &str, layers: &[&str]) -> Manifest {
        let blob = |media: &str, digest: &str| serde_json::json!({ "mediaType": media, "digest": digest, "size": 2 });
        let layers: Vec<_> = layers.iter().map(|media| blob(media, EMPTY)).collect();
        let document =
            serde_json::json!({ "schemaVersion": 2, "config": blob(config, digest), "layers": layers });
        Manifest::parse(document.to_string().as_bytes(), None).unwrap()
    }

    #[test]
    fn what_can_be_run_is_not_taken_for_a_paper() {
        let other = &EMPTY.replace("44", "55");
        let (image, layer) = (media_type::OCI_CONFIG, "application/vnd.oci.image.layer.v1.tar+gzip");
        let bundle = wharf_trust::BUNDLE_V03;
        for (config, digest, layers, signature, inert) in [
            (image, other.as_str(), &[layer][..], false, false),
            (image, other, &[], false, false),
            (image, other, &[SIMPLE_SIGNING], true, true),
            (image, other, &[SIMPLE_SIGNING, layer], false, false),
            (media_type::OCI_EMPTY, EMPTY, &[bundle], true, true),
            // What ORAS attaches unless it is told a type. Without a config that lists it, nothing unpacks it.
            (media_type::OCI_EMPTY, EMPTY, &["application/vnd.oci.image.layer.v1.tar"], false, true),
            (media_type::OCI_EMPTY, other, &["application/vnd.oci.image.layer.v1.tar"], false, false),
            ("application/vnd.example+json", other, &["text/spdx"], false, true),
            ("application/vnd.example+json", other, &[layer], false, false),
            (media_type::HELM_CONFIG, other, &[media_type::HELM_CHART], false, false),
            (media_type::HELM_CONFIG, other, &["text/plain"], false, false),
            (media_type::OCI_EMPTY, EMPTY, &[media_type::HELM_CHART], false, false),
        ] {
            let manifest = manifest(config, digest, layers);
            let found = (claims_to_be_signature(&manifest), is_inert(&manifest));
            assert_eq!(found, (signature, inert), "{config} {layers:?}");
        }
        let index = Manifest::parse(br#"{"schemaVersion":2,"manifests":[]}"#, None).unwrap();
        assert!(!claims_to_be_signature(&index) && !is_inert(&index));
    }

    #[test]
    fn tags_named_after_a_digest_tell_it() {
        let hex = "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a";
        let (digest, end) = (EMPTY.parse::<Digest>().unwrap(), Some("sig"));
        let sibling: Tag = format!("sha256-{hex}.sig").parse().unwrap();
        assert_eq!(named_after(&sibling), Some((digest.clone(), end)));
        assert_eq!(named_after(&format!("sha256-{hex}").parse().unwrap()), Some((digest, None)));
        for other in ["1.0.0", "stable", "sha256-abc", &format!("md5-{hex}")] {
            assert_eq!(named_after(&other.parse().unwrap()), None, "{other}");
        }
    }
}
