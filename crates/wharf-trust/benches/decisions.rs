//! Policy decisions a second, on one thread: `cargo bench -p wharf-trust --bench decisions`.
//!
//! The papers are in memory; every signature is verified in every decision. The numbers are of this machine and this moment.
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a program that prints what it measures")]
#![expect(clippy::disallowed_methods, reason = "the library has no clock, what measures it has one")]

use std::time::{Duration, Instant};

use jiff::Timestamp;
use serde_json::{Value, json};
use wharf_oci::Digest;
use wharf_trust::policy::{ArtifactKind, Evidence, Facts, PaperEvidence, PaperForm, Policy};
use wharf_trust::{
    Bundle, COSIGN_SIGN, Envelope, IN_TOTO_PAYLOAD, KeyAlgorithm, PrivateKey, STATEMENT_V1, Statement,
    Subject,
};

const WINDOW: Duration = Duration::from_secs(2);
const DIGEST: &str = "sha256:2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";
const SCAN: &str = "https://example.com/scan/v1";

fn main() {
    for (name, algorithm) in [("ECDSA P-256", KeyAlgorithm::EcdsaP256), ("Ed25519", KeyAlgorithm::Ed25519)] {
        let key = PrivateKey::generate(algorithm).unwrap();
        let policy = policy(&key);
        let signature = paper(&key, COSIGN_SIGN, json!({}));
        let scan = paper(&key, SCAN, json!({"critical": 0}));
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

fn paper(key: &PrivateKey, kind: &str, predicate: Value) -> PaperEvidence {
    let digest = [("sha256".to_owned(), DIGEST.trim_start_matches("sha256:").to_owned())].into();
    let statement = Statement {
        statement_type: STATEMENT_V1.into(),
        subject: vec![Subject { digest, ..Subject::default() }],
        predicate_type: kind.into(),
        predicate,
    };
    let envelope = Envelope::sign(IN_TOTO_PAYLOAD, &statement.to_json(), key).unwrap();
    PaperEvidence {
        name: format!("paper {kind}"),
        form: PaperForm::Bundle(Box::new(Bundle::of_envelope(envelope, key.public()))),
    }
}
