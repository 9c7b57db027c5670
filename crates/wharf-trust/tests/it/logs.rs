//! What the static vectors do not show about logs and certificates: real bundles with one thing changed.

use jiff::Timestamp;
use serde_json::Value;
use wharf_trust::{
    Artifact, Bundle, Error, ErrorKind, ExpectedSigner, Identity, IdentityRule, Signer, TextRule, TimeSource,
    TrustedRoot, Verifier,
};

use crate::vectors::{IDENTITY, ISSUER, vectors};

fn case(name: &str) -> Option<(Value, Artifact)> {
    let folder = vectors()?;
    let bundle = std::fs::read(folder.join(name).join("bundle.sigstore.json")).unwrap();
    let artifact = std::fs::read(folder.join("a.txt")).unwrap();
    Some((serde_json::from_slice(&bundle).unwrap(), Artifact::from_bytes(artifact)))
}

fn rule(subject: TextRule, issuer: TextRule) -> [IdentityRule; 1] {
    [IdentityRule::new(subject, issuer).unwrap()]
}

fn verify(bundle: &Value, artifact: &Artifact, rules: &[IdentityRule]) -> Result<Signer, Error> {
    let bundle = Bundle::from_json(bundle.to_string().as_bytes())?;
    let root = TrustedRoot::public_good();
    let verifier = Verifier::new(ExpectedSigner::Identity(rules), Some(&root), Timestamp::UNIX_EPOCH);
    let verified = verifier.verify_artifact(&bundle, artifact)?;
    let proof = verified.proof();
    assert!(!proof.logged.is_empty() && matches!(proof.times[0].by, TimeSource::Log(_)));
    Ok(proof.signer.clone())
}

fn exact() -> [IdentityRule; 1] {
    rule(TextRule::exact(IDENTITY), TextRule::exact(ISSUER))
}

#[test]
fn the_identity_is_reported_and_compared_whole() {
    let Some((bundle, artifact)) = case("happy-path-v0.3") else { return };
    let Signer::Certificate(identity) = verify(&bundle, &artifact, &exact()).unwrap() else {
        panic!("a certificate")
    };
    let Identity { subject, issuer, claims } = *identity;
    assert_eq!((subject.as_str(), issuer.as_str()), (IDENTITY, ISSUER));
    assert!(
        claims.values().any(|value| value == "workflow_dispatch" || value == "schedule" || value == "push"),
        "{claims:?}"
    );
    for (subject, issuer) in
        [("https://example.com", ISSUER), (IDENTITY, "https://example.com"), (&IDENTITY[1..], ISSUER)]
    {
        let error =
            verify(&bundle, &artifact, &rule(TextRule::exact(subject), TextRule::exact(issuer))).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Identity);
        assert!(error.to_string().contains("got"), "{error}");
    }
}

#[test]
fn a_pattern_of_a_policy_is_anchored_and_one_of_cosign_is_not() {
    let Some((bundle, artifact)) = case("happy-path-v0.3") else { return };
    let issuer = || TextRule::exact(ISSUER);
    assert!(
        verify(&bundle, &artifact, &rule(TextRule::anywhere("sigstore-conformance").unwrap(), issuer()))
            .is_ok()
    );
    assert!(
        verify(&bundle, &artifact, &rule(TextRule::whole("sigstore-conformance").unwrap(), issuer()))
            .is_err()
    );
    assert!(
        verify(&bundle, &artifact, &rule(TextRule::whole("https://github.com/.*|x").unwrap(), issuer()))
            .is_ok()
    );
    assert!(
        verify(&bundle, &artifact, &rule(TextRule::whole("x|https://github.com/").unwrap(), issuer()))
            .is_err()
    );
}

#[test]
fn an_identity_without_issuer_or_subject_is_no_rule() {
    assert!(IdentityRule::new(TextRule::exact("a"), TextRule::default()).is_err());
    assert!(IdentityRule::new(TextRule::default(), TextRule::exact("a")).is_err());
}

/// CVE-2022-23649 and GHSA-whqx-f9j3-ch6m: the log entry of another signature was accepted.
#[test]
fn a_log_entry_of_another_bundle_does_not_prove_this_one() {
    let Some((good, artifact)) = case("happy-path-v0.3") else { return };
    let Some((other, _)) = case("happy-path-v0.2") else { return };
    let mut swapped = good.clone();
    swapped["verificationMaterial"]["tlogEntries"] = other["verificationMaterial"]["tlogEntries"].clone();
    let error = verify(&swapped, &artifact, &exact()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Log, "{error}");
    let mut both = good;
    let more = other["verificationMaterial"]["tlogEntries"][0].clone();
    both["verificationMaterial"]["tlogEntries"].as_array_mut().unwrap().push(more);
    assert!(
        verify(&both, &artifact, &exact()).is_err(),
        "one good entry does not excuse a contradicting one"
    );
}

#[test]
fn the_same_entry_twice_is_refused() {
    let Some((mut bundle, artifact)) = case("happy-path-v0.3") else { return };
    let entries = bundle["verificationMaterial"]["tlogEntries"].as_array_mut().unwrap();
    entries.push(entries[0].clone());
    assert_eq!(verify(&bundle, &artifact, &exact()).unwrap_err().kind(), ErrorKind::Log);
}

#[test]
fn a_time_that_the_log_did_not_sign_is_worth_nothing() {
    let Some((mut bundle, artifact)) = case("happy-path-v0.3") else { return };
    let entry = &mut bundle["verificationMaterial"]["tlogEntries"][0];
    entry.as_object_mut().unwrap().remove("inclusionPromise");
    let error = verify(&bundle, &artifact, &exact()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timestamp, "{error}");
}

/// CVE-2024-45395: one bundle could ask for endless work.
#[test]
fn a_bundle_with_too_many_entries_is_refused_before_any_is_looked_at() {
    let Some((mut bundle, _)) = case("happy-path-v0.3") else { return };
    let entries = bundle["verificationMaterial"]["tlogEntries"].as_array_mut().unwrap();
    let one = entries[0].clone();
    *entries = vec![one; 33];
    let error = Bundle::from_json(bundle.to_string().as_bytes()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported, "{error}");
}

/// The one byte that is changed lies anywhere: in the signature, the certificate, the log entry, or what is around them.
#[test]
fn no_changed_byte_of_the_signed_parts_passes() {
    let Some((bundle, artifact)) = case("happy-path-v0.3") else { return };
    let paths = [
        "/messageSignature/signature",
        "/verificationMaterial/certificate/rawBytes",
        "/verificationMaterial/tlogEntries/0/canonicalizedBody",
        "/verificationMaterial/tlogEntries/0/inclusionPromise/signedEntryTimestamp",
        "/verificationMaterial/tlogEntries/0/inclusionProof/rootHash",
        "/verificationMaterial/tlogEntries/0/inclusionProof/hashes/3",
    ];
    for path in paths {
        let whole =
            data_encoding::BASE64.decode(bundle.pointer(path).unwrap().as_str().unwrap().as_bytes()).unwrap();
        for at in (0..whole.len()).step_by(whole.len().div_ceil(24)) {
            let mut bytes = whole.clone();
            bytes[at] ^= 0x20;
            let mut changed = bundle.clone();
            *changed.pointer_mut(path).unwrap() = Value::String(data_encoding::BASE64.encode(&bytes));
            assert!(verify(&changed, &artifact, &exact()).is_err(), "{path} at {at}");
        }
    }
}

/// A signature of cosign 2 with its log entry in annotations is verified by the same verifier.
#[test]
fn a_keyless_signature_from_before_bundles_verifies_by_its_annotations() {
    let Some((bundle, artifact)) = case("happy-path-v0.1") else { return };
    let text = |path: &str| bundle.pointer(path).unwrap().as_str().unwrap().to_owned();
    let bytes = |path: &str| data_encoding::BASE64.decode(text(path).as_bytes()).unwrap();
    let entry = "/verificationMaterial/tlogEntries/0";
    let log = serde_json::json!({
        "SignedEntryTimestamp": text(&format!("{entry}/inclusionPromise/signedEntryTimestamp")),
        "Payload": {
            "body": text(&format!("{entry}/canonicalizedBody")),
            "integratedTime": text(&format!("{entry}/integratedTime")).parse::<i64>().unwrap(),
            "logIndex": text(&format!("{entry}/logIndex")).parse::<i64>().unwrap(),
            "logID": data_encoding::HEXLOWER.encode(&bytes(&format!("{entry}/logId/keyId"))),
        },
    });
    let certificate = bytes("/verificationMaterial/x509CertificateChain/certificates/0/rawBytes");
    let certificate = wharf_trust::Certificate::from_der(&certificate).unwrap().to_pem();
    let annotations: std::collections::BTreeMap<String, String> = [
        (wharf_trust::SIGNATURE_ANNOTATION.to_owned(), text("/messageSignature/signature")),
        (wharf_trust::CERTIFICATE_ANNOTATION.to_owned(), certificate),
        (wharf_trust::LOG_ANNOTATION.to_owned(), log.to_string()),
    ]
    .into();
    let root = TrustedRoot::public_good();
    let rules = exact();
    let verify = |annotations: &std::collections::BTreeMap<String, String>| {
        let bundle = Bundle::from_legacy_signature(annotations)?;
        Verifier::new(ExpectedSigner::Identity(&rules), Some(&root), Timestamp::UNIX_EPOCH)
            .verify_artifact(&bundle, &artifact)
    };
    verify(&annotations).unwrap();
    for name in annotations.keys() {
        let mut fewer = annotations.clone();
        fewer.remove(name);
        assert!(verify(&fewer).is_err(), "without {name}");
    }
}

/// The log entry of a bundle as cosign 1 and 2 wrote it beside a signature.
fn older_entry(bundle: &Value) -> Value {
    let entry = &bundle["verificationMaterial"]["tlogEntries"][0];
    let number = |value: &Value| value.as_str().unwrap().parse::<i64>().unwrap();
    let log = data_encoding::BASE64.decode(entry["logId"]["keyId"].as_str().unwrap().as_bytes()).unwrap();
    serde_json::json!({
        "SignedEntryTimestamp": entry["inclusionPromise"]["signedEntryTimestamp"],
        "Payload": {
            "body": entry["canonicalizedBody"],
            "integratedTime": number(&entry["integratedTime"]),
            "logIndex": number(&entry["logIndex"]),
            "logID": data_encoding::HEXLOWER.encode(&log),
        },
    })
}

/// CVE-2022-36056: a blob verified with an unrelated entry, an identity that nobody compared, or an entry that could not be
/// read at all; in the form that cosign 1 and 2 wrote.
#[test]
fn an_older_blob_bundle_proves_its_own_blob_signer_and_entry_only() {
    let Some((bundle, artifact)) = case("happy-path-v0.1") else { return };
    let text = |path: &str| bundle.pointer(path).unwrap().as_str().unwrap().to_owned();
    let bytes = |path: &str| data_encoding::BASE64.decode(text(path).as_bytes()).unwrap();
    let certificate = bytes("/verificationMaterial/x509CertificateChain/certificates/0/rawBytes");
    let certificate = wharf_trust::Certificate::from_der(&certificate).unwrap().to_pem();
    let good = serde_json::json!({
        "base64Signature": text("/messageSignature/signature"),
        "cert": data_encoding::BASE64.encode(certificate.as_bytes()),
        "rekorBundle": older_entry(&bundle),
    });
    let root = TrustedRoot::public_good();
    let judge = |local: &Value, artifact: &Artifact, rules: &[IdentityRule]| {
        let bundle = Bundle::from_local_payload(local.to_string().as_bytes())?;
        let verifier = Verifier::new(ExpectedSigner::Identity(rules), Some(&root), Timestamp::UNIX_EPOCH);
        verifier.verify_artifact(&bundle, artifact).map(drop)
    };
    judge(&good, &artifact, &exact()).unwrap();
    assert!(judge(&good, &Artifact::from_bytes(b"another blob".to_vec()), &exact()).is_err());
    let somebody = rule(TextRule::exact("somebody@example.com"), TextRule::exact(ISSUER));
    assert_eq!(judge(&good, &artifact, &somebody).unwrap_err().kind(), ErrorKind::Identity);
    let Some((other, _)) = case("happy-path-v0.3") else { return };
    let unrelated = older_entry(&other);
    for body in [unrelated["Payload"]["body"].clone(), Value::from("bm8ganNvbg=="), Value::from("")] {
        let mut changed = good.clone();
        changed["rekorBundle"]["Payload"]["body"] = body;
        assert!(judge(&changed, &artifact, &exact()).is_err(), "{changed}");
    }
    // A whole entry that the log did sign, about something else.
    let mut changed = good.clone();
    changed["rekorBundle"] = unrelated;
    assert!(judge(&changed, &artifact, &exact()).is_err(), "{changed}");
    for part in ["base64Signature", "cert", "rekorBundle"] {
        let mut fewer = good.clone();
        fewer.as_object_mut().unwrap().remove(part);
        assert!(judge(&fewer, &artifact, &exact()).is_err(), "without {part}");
    }
}
