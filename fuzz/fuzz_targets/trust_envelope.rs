//! Any bytes are an envelope, a statement, a simple-signing payload or a signature of the Notary Project, or are refused; what
//! was read is written and read again, an envelope is not signed by a key that did not sign it, and a signature is not about
//! an artifact that nobody signed.
#![no_main]

use libfuzzer_sys::fuzz_target;
use wharf_trust::policy::{ArtifactKind, Evidence, Facts, PaperEvidence, PaperForm, Policy, Verdict};
use wharf_trust::{Envelope, NotationSignature, PublicKey, SimpleSigning, Statement};

const KEY: &[u8] = b"-----BEGIN PUBLIC KEY-----
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEW1WcsAoGVZsSvgkm6omnLbzIbmAH
bUuJcgPd36tmz53qSdYXZZE7bPuYz9ExcvbvyBhVmdcD6YXDeQqTrx27vw==
-----END PUBLIC KEY-----
";

const POLICY: &str = r#"{"version": 1, "default": "deny",
    "signers": {"a": {"notation": {"certificates": [{"file": "root"}], "subjects": "*", "timestampCertificates": [{"file": "tsa"}]}}},
    "rules": [{"name": "all", "match": {"repositories": ["**"]}, "signatures": {"of": ["a"]}}]}"#;
const ROOT: &[u8] = include_bytes!("../../crates/wharf-trust/testdata/notation/root.pem");
const TSA: &[u8] = include_bytes!("../../crates/wharf-trust/testdata/notation/tsa-root.pem");

fn notation(media_type: &str, bytes: &[u8]) {
    let Ok(signature) = NotationSignature::read(media_type, bytes) else { return };
    let load = &mut |name: &str| Ok(if name == "root" { ROOT } else { TSA }.to_vec());
    let policy = Policy::from_json(POLICY.as_bytes(), load).unwrap();
    let signature = Box::new(signature);
    let form = PaperForm::Notation { signature, media_type: "application/json".into(), size: 2 };
    let evidence = Evidence {
        repository: "r.example/shop/web",
        facts: &Facts::of_kind(ArtifactKind::Image),
        digest: &"sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a".parse().unwrap(),
        pinned: false,
        papers: &[PaperEvidence { name: "paper".into(), form }],
        promotion: None,
    };
    let now = "2026-11-28T16:00:00Z".parse().unwrap();
    assert_eq!(policy.decide(&evidence, now).verdict, Verdict::Deny);
}

fuzz_target!(|bytes: &[u8]| {
    for media_type in ["application/jose+json", "application/cose"] {
        notation(media_type, bytes);
    }
    if let Ok(payload) = SimpleSigning::from_json(bytes) {
        assert_eq!(SimpleSigning::from_json(&payload.to_json()).unwrap(), payload);
    }
    if let Ok(statement) = Statement::from_json(bytes) {
        let again = Statement::from_json(&statement.to_json()).unwrap();
        assert_eq!(again.predicate_type, statement.predicate_type);
    }
    let Ok(envelope) = Envelope::from_json(bytes) else { return };
    let key = PublicKey::from_pem(KEY).unwrap();
    assert!(envelope.verify(&key).is_err());
    let _ = Statement::from_json(&envelope.payload);
});
