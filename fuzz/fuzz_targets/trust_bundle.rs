//! Any bytes are a bundle of any version or a trusted root, or are refused; a bundle is written as it was read,
//! and none of them verifies by a key that nobody has.
#![no_main]

use libfuzzer_sys::fuzz_target;
use wharf_trust::{Artifact, Bundle, ExpectedSigner, IdentityRule, TextRule, TrustedRoot, Verifier};

fuzz_target!(|bytes: &[u8]| {
    let _ = TrustedRoot::from_json(bytes);
    let _ = Bundle::from_local_payload(bytes);
    let Ok(bundle) = Bundle::from_json(bytes) else { return };
    assert_eq!(Bundle::from_json(&bundle.to_json()).unwrap(), bundle);
    let root = TrustedRoot::public_good();
    let rules = [IdentityRule::new(TextRule::exact("nobody"), TextRule::exact("nowhere")).unwrap()];
    let verifier = Verifier::new(ExpectedSigner::Identity(&rules), Some(&root), jiff::Timestamp::UNIX_EPOCH);
    assert!(verifier.verify_artifact(&bundle, &Artifact::from_bytes(b"artifact".to_vec())).is_err());
});
