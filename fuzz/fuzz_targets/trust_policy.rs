//! Any bytes are a policy, or one of another tool, or are refused; a policy decides on anything without an end, and what an
//! import makes is a policy.
#![no_main]

use libfuzzer_sys::fuzz_target;
use wharf_trust::policy::{
    ArtifactKind, Evidence, Facts, Imported, Policy, import_cluster_image_policies, import_containers_policy,
};

const KEY: &[u8] = include_bytes!("../../crates/wharf-trust/testdata/cosign-3.1.3.pub");

fn read(json: &[u8]) -> Option<Policy> {
    let policy = Policy::from_json(json, &mut |_| Ok(KEY.to_vec())).ok()?;
    let digest = "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a".parse().unwrap();
    let evidence = Evidence {
        repository: "r.example/shop/web",
        facts: &Facts::of_kind(ArtifactKind::Image),
        digest: &digest,
        pinned: false,
        papers: &[],
        promotion: None,
    };
    policy.decide(&evidence, jiff::Timestamp::UNIX_EPOCH);
    policy.explain();
    Some(policy)
}

fuzz_target!(|bytes: &[u8]| {
    read(bytes);
    let Ok(document) = serde_json::from_slice::<serde_json::Value>(bytes) else { return };
    let imports = [import_containers_policy(&document, None), import_cluster_image_policies(&[document], None)];
    for Imported { policy, .. } in imports.into_iter().flatten() {
        let text = policy.to_string();
        assert!(read(text.as_bytes()).is_some(), "{text}");
    }
});
