//! What `wharf publish --sign` signed and `wharf promote` carried and attested, real cosign verifies at the destination.

use std::fs;
use std::path::{Path, PathBuf};

use crate::harness::*;

const POLICY: &str = r#"
version: 1
default: deny
signers: { release: { key: { file: cosign.pub } } }
rules:
- { name: all, match: { repositories: ["**"] }, signatures: { of: [release] } }
"#;

#[test]
fn cosign_verifies_signature_and_promotion_at_the_destination_alone() {
    let Some(program) = peer("cosign") else { return };
    let (staging, production) = (Registry::start(Transport::Plain), Registry::start(Transport::Plain));
    let cosign = Sandbox::new(program, &staging);
    let wharf = cosign.with_program(PathBuf::from(env!("CARGO_BIN_EXE_wharf")));
    for registry in [&staging, &production] {
        wharf.run(&["login", &registry.host(), "-u", USER, "-p", PASSWORD, "--plain-http"]);
    }
    cosign.run(&["generate-key-pair"]);
    cosign.run(&["generate-key-pair", "--output-key-prefix", "promoter"]);
    fs::write(cosign.folder().join("policy.yaml"), POLICY).unwrap();

    let chart = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/storefront");
    let (chart, place) = (chart.display().to_string(), format!("oci://{}/closed", staging.host()));
    wharf.run(&["publish", &chart, &place, "--sign", "cosign.key", "--plain-http"]);
    let from = format!("{}/closed/storefront:1.4.0", staging.host());
    let to = format!("{}/closed/storefront", production.host());
    let how = ["--policy", "policy.yaml", "--key", "promoter.key", "--channel", "stable", "--plain-http"];
    wharf.run(&[&["promote", &from, &to], &how[..]].concat());
    drop(staging);

    let stable = format!("{to}:stable");
    let way = ["--allow-http-registry", "--insecure-ignore-tlog=true"];
    cosign.run(&[&["verify", "--key", "cosign.pub"], &way[..], &[&stable]].concat());
    let line = ["verify-attestation", "--key", "promoter.pub", "--type", "https://wharf.dev/promotion/v1"];
    cosign.run(&[&line[..], &way, &[&stable]].concat());
    let wrong = [&["verify-attestation", "--key", "cosign.pub"], &line[3..], &way, &[&stable]].concat();
    cosign.attempt(&wrong).unwrap_err();
}
