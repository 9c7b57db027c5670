//! Bytes from outside: nothing panics, and nothing that was damaged verifies.

use jiff::Timestamp;
use wharf_oci::Digest;
use wharf_trust::policy::Policy;
use wharf_trust::{
    Artifact, Bundle, Certificate, CertificateRequest, Envelope, ExpectedSigner, Identity, IdentityRule,
    IdentityToken, LogApi, Password, PrivateKey, PublicKey, SigningConfig, SimpleSigning, Statement,
    TextRule, TrustedRoot, Verifier,
};

use crate::data;
use crate::vectors::{IDENTITY, ISSUER, vectors};

/// Numbers that look random and are the same on every run (xorshift, Marsaglia 2003).
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % u64::try_from(bound.max(1)).unwrap()).unwrap()
    }

    /// Changes, removes, repeats or cuts a few bytes.
    fn damage(&mut self, bytes: &[u8]) -> Vec<u8> {
        let mut out = bytes.to_vec();
        for _ in 0..=self.below(3) {
            let at = self.below(out.len());
            match self.below(5) {
                0 if !out.is_empty() => out[at] = u8::try_from(self.below(256)).unwrap(),
                1 if !out.is_empty() => out[at] ^= 1 << self.below(8),
                2 => out.truncate(at),
                3 if !out.is_empty() => drop(out.remove(at)),
                _ => {
                    let piece = out[at..(at + self.below(40)).min(out.len())].to_vec();
                    out.splice(at..at, piece);
                }
            }
        }
        out
    }
}

/// What services answer, and the files and tokens by which they are asked.
fn read_answers(bytes: &[u8]) {
    let root = TrustedRoot::public_good();
    assert!(CertificateRequest::new(root.logs()[0].key()).read(bytes).is_err());
    for api in [LogApi::V1, LogApi::V2] {
        let _ = api.read(bytes);
    }
    let _ = IdentityToken::parse(&String::from_utf8_lossy(bytes));
    if let Ok(config) = SigningConfig::from_json(bytes) {
        assert_eq!(SigningConfig::from_json(&config.to_json()).unwrap(), config);
        let _ = config.logs(Timestamp::UNIX_EPOCH, &mut |count| count);
    }
}

fn read_everything(bytes: &[u8]) {
    let _ = PublicKey::from_pem(bytes);
    let _ = PublicKey::from_der(bytes);
    let _ = PrivateKey::from_pem(bytes);
    let _ = PrivateKey::from_pkcs8(bytes);
    let _ = Certificate::all_from_pem(bytes);
    if let Ok(certificate) = Certificate::from_der(bytes) {
        let _ = Identity::of(&certificate);
    }
    let _ = TrustedRoot::from_json(bytes);
    let _ = Envelope::from_json(bytes);
    let _ = Statement::from_json(bytes);
    let _ = SimpleSigning::from_json(bytes);
    let _ = Policy::from_json(bytes, &mut |_| Ok(Vec::new()));
    read_answers(bytes);
    if let Ok(bundle) = Bundle::from_json(bytes) {
        assert_eq!(Bundle::from_json(&bundle.to_json()).unwrap(), bundle);
    }
}

/// Answers of the three services, short of what makes them true.
const FIRST_LOG: &str = r#"{"108e9186e8c5677a00":{"body":"eyJhcGlWZXJzaW9uIjoiMC4wLjEiLCJraW5kIjoiZHNzZSIsInNwZWMiOnt9fQ==","integratedTime":1795858432,"logID":"5718da00","logIndex":10,"verification":{"inclusionProof":{"checkpoint":"h - 1\n2\nAA==\n\n","hashes":["00ff"],"logIndex":1,"rootHash":"00","treeSize":2},"signedEntryTimestamp":"AAAA"}}}"#;
const SECOND_LOG: &str = r#"{"logIndex":"1","logId":{"keyId":"AAAA"},"kindVersion":{"kind":"hashedrekord","version":"0.0.2"},"integratedTime":"0","inclusionPromise":null,"inclusionProof":{"logIndex":"1","rootHash":"AAAA","treeSize":"2","hashes":["AAAA"],"checkpoint":{"envelope":"h\n2\nAAAA\n\n"}},"canonicalizedBody":"e30="}"#;
const AUTHORITY: &str = r#"{"signedCertificateEmbeddedSct":{"chain":{"certificates":["-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"]}}}"#;

#[test]
fn answers_of_all_shapes_are_read_before_they_are_damaged() {
    assert_eq!(LogApi::V1.read(FIRST_LOG.as_bytes()).unwrap().log_index, 10);
    assert_eq!(LogApi::V2.read(SECOND_LOG.as_bytes()).unwrap().log_index, 1);
    for answer in ["", "{}", "[]", r#"{"a":{},"b":{}}"#] {
        assert!(LogApi::V1.read(answer.as_bytes()).is_err(), "{answer}");
        assert!(LogApi::V2.read(answer.as_bytes()).is_err(), "{answer}");
    }
}

#[test]
fn damaged_keys_certificates_and_documents_are_read_or_refused() {
    let mut numbers = Numbers(0x9e37_79b9_7f4a_7c15);
    let root = include_bytes!("../../data/sigstore-public-good.json");
    let key = PrivateKey::from_pem(&data("openssl-p384.pem")).unwrap();
    let seeds = [
        data("openssl-ed.pem"),
        data("openssl-rsa1.pem"),
        key.to_pkcs8().to_vec(),
        key.public().as_der().to_vec(),
        data("cosign-3.1.3-blob.json"),
        TrustedRoot::from_json(root).unwrap().certificate_authorities()[1].chain()[0].as_der().to_vec(),
        TrustedRoot::from_json(root).unwrap().certificate_authorities()[1].chain()[0].to_pem().into_bytes(),
        root[..6000].to_vec(),
        SigningConfig::public_good().to_json(),
        FIRST_LOG.as_bytes().to_vec(),
        SECOND_LOG.as_bytes().to_vec(),
        AUTHORITY.as_bytes().to_vec(),
    ];
    for seed in &seeds {
        for _ in 0..400 {
            read_everything(&numbers.damage(seed));
        }
    }
    let sealed = data("cosign-3.1.3.key");
    for _ in 0..20 {
        let _ = PrivateKey::from_encrypted_pem(&numbers.damage(&sealed), &Password::new(b"pw".to_vec()));
    }
}

#[test]
fn damaged_bundles_never_verify_for_another_artifact_or_signer() {
    let Some(folder) = vectors() else { return };
    let mut numbers = Numbers(0x2545_f491_4f6c_dd1d);
    let other = Artifact::from_bytes(b"other".to_vec());
    let artifact = Artifact::from_bytes(std::fs::read(folder.join("a.txt")).unwrap());
    let wrong = [IdentityRule::new(TextRule::exact("nobody"), TextRule::exact(ISSUER)).unwrap()];
    let right = [IdentityRule::new(TextRule::exact(IDENTITY), TextRule::exact(ISSUER)).unwrap()];
    let mut tried = 0;
    for case in [
        "happy-path-v0.3",
        "rekor2-dsse-happy-path",
        "rekor2-timestamp-with-embedded-cert",
        "happy-path-v0.1",
    ] {
        let seed = std::fs::read(folder.join(case).join("bundle.sigstore.json")).unwrap();
        let root = std::fs::read(folder.join(case).join("trusted_root.json"));
        let root =
            root.map_or_else(|_| TrustedRoot::public_good(), |text| TrustedRoot::from_json(&text).unwrap());
        for _ in 0..300 {
            let Ok(bundle) = Bundle::from_json(&numbers.damage(&seed)) else { continue };
            tried += 1;
            let verify = |rules, artifact| {
                Verifier::new(ExpectedSigner::Identity(rules), Some(&root), Timestamp::UNIX_EPOCH)
                    .verify_artifact(&bundle, artifact)
            };
            assert!(verify(&right[..], &other).is_err() && verify(&wrong[..], &artifact).is_err(), "{case}");
        }
    }
    assert!(tried > 20, "damage that is always refused at once tries nothing");
}

#[test]
fn an_artifact_by_an_unknown_digest_is_refused() {
    let digest: Digest =
        "blake3:af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262".parse().unwrap();
    assert!(Artifact::from_oci(&digest).unwrap_err().to_string().contains("blake3"));
}
