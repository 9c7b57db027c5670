//! Any bytes are a manifest or are refused.
#![no_main]

use libfuzzer_sys::fuzz_target;
use wharf_oci::{Manifest, media_type};

fuzz_target!(|bytes: &[u8]| {
    for announced in [None, Some(media_type::OCI_MANIFEST), Some(media_type::OCI_INDEX), Some(media_type::DOCKER_MANIFEST)] {
        if let Ok(manifest) = Manifest::parse(bytes, announced) {
            assert!(media_type::is_manifest(&manifest.media_type));
            let _ = manifest.effective_artifact_type();
            assert!(manifest.blobs().count() + manifest.manifests.len() <= Manifest::MAX_DESCRIPTORS + 1);
        }
    }
});
