//! Keys without any service: the air gap.

use wharf_trust::{
    Artifact, Bundle, Envelope, ErrorKind, ExpectedSigner, HashAlgorithm, IN_TOTO_PAYLOAD, KeyAlgorithm,
    PrivateKey, PublicKey, STATEMENT_V1, SignatureScheme, SimpleSigning, Statement, Subject, TrustedRoot,
    Verifier, predicate_type,
};

use crate::data;

fn statement(digest: &[u8]) -> Statement {
    let digest = [("sha256".to_owned(), data_encoding::HEXLOWER.encode(digest))].into();
    Statement {
        statement_type: STATEMENT_V1.into(),
        subject: vec![Subject { digest, ..Subject::default() }],
        predicate_type: "https://example.com/p".into(),
        predicate: serde_json::json!({"a": 1}),
    }
}

fn attested(key: &PrivateKey, payload_type: &str, payload: &[u8]) -> Bundle {
    Bundle::of_envelope(Envelope::sign(payload_type, payload, key).unwrap(), key.public())
}

#[test]
fn what_cosign_signed_verifies_and_what_was_changed_does_not() {
    let bundle = Bundle::from_json(&data("cosign-3.1.3-blob.json")).unwrap();
    let key = PublicKey::from_pem(&data("cosign-3.1.3.pub")).unwrap();
    let verifier = Verifier::key_only(&key);
    let artifact = Artifact::from_bytes(data("blob.txt"));
    let proof = verifier.verify_artifact(&bundle, &artifact).unwrap();
    assert_eq!(proof.proof().scheme, SignatureScheme::EcdsaSha256);
    let error = verifier.verify_artifact(&bundle, &Artifact::from_bytes(b"other".to_vec())).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Content);
    let other = PrivateKey::generate(KeyAlgorithm::EcdsaP256).unwrap();
    let error = Verifier::key_only(other.public()).verify_artifact(&bundle, &artifact).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Signature);
}

#[test]
fn every_kind_of_key_signs_artifacts_and_statements_that_verify() {
    let all = [
        KeyAlgorithm::EcdsaP256,
        KeyAlgorithm::EcdsaP384,
        KeyAlgorithm::EcdsaP521,
        KeyAlgorithm::Rsa2048,
        KeyAlgorithm::Ed25519,
    ];
    for algorithm in all {
        let key = PrivateKey::generate(algorithm).unwrap();
        let verifier = Verifier::key_only(key.public());
        let whole = Artifact::from_bytes(b"artifact".to_vec());
        let bundle = Bundle::from_json(&Bundle::sign_artifact(b"artifact", &key).unwrap().to_json()).unwrap();
        verifier.verify_artifact(&bundle, &whole).unwrap();
        let [hash] = bundle.wanted_hashes()[..] else { panic!("{algorithm:?} needs one digest") };
        let digest = Artifact::from_digest(hash, whole.digest(hash).unwrap()).unwrap();
        // Ed25519 signs the bytes.
        assert_eq!(verifier.verify_artifact(&bundle, &digest).is_ok(), algorithm != KeyAlgorithm::Ed25519);

        let said = statement(whole.digest(HashAlgorithm::Sha256).unwrap());
        let bundle = attested(&key, IN_TOTO_PAYLOAD, &said.to_json());
        let verified =
            verifier.verify_artifact(&Bundle::from_json(&bundle.to_json()).unwrap(), &whole).unwrap();
        assert_eq!(verified.value().as_ref(), Some(&said));
    }
}

#[test]
fn a_statement_about_something_else_does_not_verify_an_artifact() {
    let key = PrivateKey::generate(KeyAlgorithm::EcdsaP256).unwrap();
    let bundle = attested(&key, IN_TOTO_PAYLOAD, &statement(&[7; 32]).to_json());
    let artifact = Artifact::from_bytes(b"artifact".to_vec());
    let error = Verifier::key_only(key.public()).verify_artifact(&bundle, &artifact).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Content);
    let nothing = Statement { subject: vec![], ..statement(&[7; 32]) };
    let bundle = attested(&key, IN_TOTO_PAYLOAD, &nothing.to_json());
    assert!(Verifier::key_only(key.public()).verify_artifact(&bundle, &artifact).is_err());
}

/// GHSA-w6c6-c85g-mmv6: a payload that could not be read was reported as verified.
#[test]
fn a_signed_payload_that_is_no_statement_or_of_another_type_is_refused() {
    let key = PrivateKey::generate(KeyAlgorithm::EcdsaP256).unwrap();
    let verifier = Verifier::key_only(key.public());
    let good = statement(&[7; 32]).to_json();
    let twice = String::from_utf8(good.clone()).unwrap().replacen(
        '{',
        r#"{"_type":"https://in-toto.io/Statement/v1","#,
        1,
    );
    let old = String::from_utf8(good.clone()).unwrap().replace("Statement/v1", "Statement/v2");
    for (payload_type, payload) in [
        ("text/plain", good.as_slice()),
        (IN_TOTO_PAYLOAD, b"not json"),
        (IN_TOTO_PAYLOAD, b"{}"),
        (IN_TOTO_PAYLOAD, twice.as_bytes()),
        (IN_TOTO_PAYLOAD, old.as_bytes()),
    ] {
        assert!(verifier.verify_statement(&attested(&key, payload_type, payload)).is_err());
    }
    verifier.verify_statement(&attested(&key, IN_TOTO_PAYLOAD, &good)).unwrap();
}

/// GHSA-vjxv-45g9-9296: an attestation of another type satisfied the wanted one.
#[test]
fn another_predicate_type_is_not_the_wanted_one() {
    let error = statement(&[7; 32]).check_predicate_type(predicate_type("spdxjson").unwrap()).unwrap_err();
    assert!(
        error.to_string().contains("https://example.com/p")
            && error.to_string().contains("https://spdx.dev/Document")
    );
    assert!(predicate_type("spdx-json").is_err());
    assert_eq!(predicate_type("https://example.com/x").unwrap(), "https://example.com/x");
}

#[test]
fn an_envelope_with_two_signatures_or_none_is_refused() {
    let key = PrivateKey::generate(KeyAlgorithm::EcdsaP256).unwrap();
    let mut envelope = Envelope::sign(IN_TOTO_PAYLOAD, &statement(&[7; 32]).to_json(), &key).unwrap();
    envelope.signatures.push(envelope.signatures[0].clone());
    assert!(envelope.verify(key.public()).is_err());
    assert!(Bundle::from_json(&Bundle::of_envelope(envelope.clone(), key.public()).to_json()).is_err());
    envelope.signatures.clear();
    assert!(envelope.verify(key.public()).is_err());
}

#[test]
fn a_demand_that_nothing_can_meet_fails_instead_of_passing() {
    let key = PrivateKey::generate(KeyAlgorithm::EcdsaP256).unwrap();
    let artifact = Artifact::from_bytes(b"artifact".to_vec());
    let bundle = Bundle::sign_artifact(b"artifact", &key).unwrap();
    let root = TrustedRoot::public_good();
    let refused = |verifier: Verifier<'_>| verifier.verify_artifact(&bundle, &artifact).unwrap_err().kind();
    let key_only = Verifier::key_only(key.public());
    assert_eq!(refused(Verifier { require_log: true, ..key_only.clone() }), ErrorKind::Misuse);
    assert_eq!(
        refused(Verifier { require_log: true, root: Some(&root), ..key_only.clone() }),
        ErrorKind::Log
    );
    assert_eq!(
        refused(Verifier { require_timestamp: true, root: Some(&root), ..key_only.clone() }),
        ErrorKind::Timestamp
    );
    assert_eq!(refused(Verifier { signer: ExpectedSigner::Identity(&[]), ..key_only }), ErrorKind::Identity);
}

#[test]
fn bundles_that_say_two_things_are_refused() {
    let good = String::from_utf8(data("cosign-3.1.3-blob.json")).unwrap();
    Bundle::from_json(good.as_bytes()).unwrap();
    for (from, to) in [
        (r#""mediaType":"#, r#""mediaType":"x","mediaType":"#),
        (".v0.3+json", ".v0.4+json"),
        (r#""publicKey""#, r#""somethingElse":1,"publicKey""#),
        (r#""publicKey":{"#, r#""certificate":{"rawBytes":"AAAA"},"publicKey":{"#),
        (
            r#""messageSignature":{"#,
            r#""dsseEnvelope":{"payload":"","payloadType":"","signatures":[]},"messageSignature":{"#,
        ),
    ] {
        let changed = good.replacen(from, to, 1);
        assert_ne!(changed, good);
        assert!(Bundle::from_json(changed.as_bytes()).is_err(), "{to}");
    }
}

#[test]
fn simple_signing_is_written_as_cosign_writes_it_and_read_whatever_the_case() {
    let text = br#"{"critical":{"identity":{"docker-reference":"r.example/app"},"image":{"docker-manifest-digest":"sha256:00"},"type":"cosign container image signature"},"optional":null}"#;
    let read = SimpleSigning::from_json(text).unwrap();
    assert_eq!((read.docker_reference.as_str(), read.digest.as_str()), ("r.example/app", "sha256:00"));
    assert_eq!(read.to_json(), text);
    let mixed =
        String::from_utf8(text.to_vec()).unwrap().replace("docker-manifest-digest", "Docker-manifest-digest");
    assert_eq!(SimpleSigning::from_json(mixed.as_bytes()).unwrap(), read);
    let both = mixed.replace(
        r#""Docker-manifest-digest""#,
        r#""docker-manifest-digest":"sha256:11","Docker-manifest-digest""#,
    );
    assert!(SimpleSigning::from_json(both.as_bytes()).is_err());
    let other = mixed.replace("cosign container", "other container");
    assert!(SimpleSigning::from_json(other.as_bytes()).is_err());
}
