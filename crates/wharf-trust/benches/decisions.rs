//! Policy decisions a second, on one thread: `cargo bench -p wharf-trust --bench decisions`.
//!
//! The papers are in memory; every signature is verified in every decision. The numbers are of this machine and this moment.
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a program that prints what it measures")]
#![expect(clippy::disallowed_methods, reason = "the library has no clock, what measures it has one")]

use std::time::{Duration, Instant};

use jiff::Timestamp;
use serde_json::json;
use wharf_oci::Digest;
use wharf_trust::policy::{ArtifactKind, Evidence, Facts, PaperEvidence, Policy};
use wharf_trust::{COSIGN_SIGN, KeyAlgorithm, PrivateKey};

use paper::{DIGEST, paper};

#[path = "../tests/it/paper.rs"]
mod paper;

const WINDOW: Duration = Duration::from_secs(2);
const SCAN: &str = "https://example.com/scan/v1";

fn main() {
    for (name, algorithm) in [("ECDSA P-256", KeyAlgorithm::EcdsaP256), ("Ed25519", KeyAlgorithm::Ed25519)] {
        let key = PrivateKey::generate(algorithm).unwrap();
        let policy = policy(&key);
        let signature = paper(&key, COSIGN_SIGN, json!({}), DIGEST);
        let scan = paper(&key, SCAN, json!({"critical": 0}), DIGEST);
        rate(
            &format!("{name}: a signature"),
            &policy,
            "r.example/play/app",
            std::slice::from_ref(&signature),
        );
        rate(
            &format!("{name}: a signature and an attestation"),
            &policy,
            "r.example/prod/app",
            &[signature, scan],
        );
        rate(&format!("{name}: nothing attached"), &policy, "r.example/prod/app", &[]);
    }
}

fn rate(name: &str, policy: &Policy, repository: &str, papers: &[PaperEvidence]) {
    let digest: Digest = DIGEST.parse().unwrap();
    let facts = Facts::of_kind(ArtifactKind::Image);
    let evidence =
        Evidence { repository, facts: &facts, digest: &digest, pinned: true, papers, promotion: None };
    let now = Timestamp::now();
    let expected = !papers.is_empty();
    let (begin, mut count) = (Instant::now(), 0_u32);
    while begin.elapsed() < WINDOW {
        for _ in 0..16 {
            assert_eq!(policy.decide(&evidence, now).is_allowed(), expected, "{name}");
        }
        count += 16;
    }
    println!("{name}: {:.0} decisions/s", f64::from(count) / begin.elapsed().as_secs_f64());
}

fn policy(key: &PrivateKey) -> Policy {
    let file = json!({
        "version": 1,
        "default": "deny",
        "signers": { "release": { "key": { "pem": key.public().to_pem() } } },
        "rules": [
            {
                "name": "production",
                "match": { "repositories": ["r.example/prod/**"] },
                "signatures": { "of": ["release"] },
                "attestations": [{
                    "type": SCAN, "by": { "of": ["release"] },
                    "values": [{ "pointer": "/critical", "atMost": 0 }],
                }],
            },
            {
                "name": "playground",
                "match": { "repositories": ["r.example/play/**"] },
                "signatures": { "of": ["release"] },
            },
        ],
    });
    Policy::from_json(file.to_string().as_bytes(), &mut |_| Ok(Vec::new())).unwrap()
}
