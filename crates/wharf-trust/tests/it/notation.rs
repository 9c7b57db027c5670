//! Signatures of the Notary Project: recorded ones that `notation` made (see `testdata/notation/README.md`), and damaged ones.

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use data_encoding::{BASE64, BASE64URL_NOPAD};
use jiff::Timestamp;
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, date_time_ymd,
};
use serde_json::{Value, json};
use wharf_oci::{Algorithm, Digest, media_type};
use wharf_trust::NotationSignature;
use wharf_trust::policy::{
    ArtifactKind, Decision, Evidence, Facts, PaperEvidence, PaperForm, Policy, Verdict,
};

use crate::data;

/// Minutes after the recorded signatures were made.
const THEN: &str = "2026-11-28T16:00:00Z";
const JWS: &str = "application/jose+json";
const COSE: &str = "application/cose";

fn file(name: &str) -> Vec<u8> {
    data(&format!("notation/{name}"))
}

/// What the recorded signatures are about.
fn artifact() -> (Digest, u64) {
    let manifest = file("manifest.json");
    (Algorithm::Sha256.digest(&manifest), manifest.len() as u64)
}

fn paper(media: &str, envelope: &[u8]) -> PaperEvidence {
    let form = match NotationSignature::read(media, envelope) {
        Ok(signature) => PaperForm::Notation {
            signature: Box::new(signature),
            media_type: media_type::OCI_MANIFEST.into(),
            size: artifact().1,
        },
        Err(error) => PaperForm::Unreadable(error.to_string()),
    };
    PaperEvidence { name: "paper".into(), form }
}

fn recorded(name: &str) -> PaperEvidence {
    let media = if name.ends_with(".jws") { JWS } else { COSE };
    paper(media, &file(name))
}

/// Trusts certificates of files of the test data, and these subjects.
fn signer(certificates: &[&str], subjects: Value) -> Value {
    let files: Vec<Value> = certificates.iter().map(|name| json!({ "file": name })).collect();
    json!({ "certificates": files, "subjects": subjects })
}

fn policy(notation: Value, signed: &Value) -> Policy {
    let mut policy = json!({
        "version": 1,
        "default": "deny",
        "signers": { "vendor": { "notation": notation } },
        "rules": [{ "name": "all", "match": { "repositories": ["**"] }, "signatures": { "of": ["vendor"] } }],
    });
    let members = policy.pointer_mut("/rules/0/signatures").unwrap().as_object_mut().unwrap();
    members.extend(signed.as_object().unwrap().clone());
    Policy::from_json(policy.to_string().as_bytes(), &mut |name| Ok(file(name))).unwrap()
}

fn decide_at(policy: &Policy, papers: &[PaperEvidence], at: &str) -> Decision {
    let facts = Facts::of_kind(ArtifactKind::Artifact);
    let evidence = Evidence {
        repository: "r.example/app",
        facts: &facts,
        digest: &artifact().0,
        pinned: true,
        papers,
        promotion: None,
    };
    policy.decide(&evidence, at.parse::<Timestamp>().unwrap())
}

fn decide(notation: Value, paper: PaperEvidence) -> Decision {
    decide_at(&policy(notation, &json!({})), &[paper], THEN)
}

#[track_caller]
fn refused(decision: &Decision, why: &str) {
    assert_eq!(decision.verdict, Verdict::Deny, "{decision:?}");
    let reasons = decision.checks[0].reasons.join("\n");
    assert!(reasons.contains(why), "{why:?} is not in {reasons:?}");
}

#[test]
fn what_notation_signed_with_every_kind_of_key_is_accepted() {
    for format in ["jws", "cose"] {
        for (name, root, certified_by) in [
            ("rsa-2048", "rsa-2048.pem", "CN=rsa-2048.example"),
            ("rsa-3072", "rsa-3072.pem", "CN=rsa-3072.example"),
            ("rsa-4096", "rsa-4096.pem", "CN=rsa-4096.example"),
            ("ec-256", "root.pem", "CN=Example Root"),
            ("ec-384", "root.pem", "CN=Example Root"),
            ("ec-521", "root.pem", "CN=Example Root"),
            ("chain", "root.pem", "CN=Example Root"),
            ("chain", "intermediate.pem", "CN=Example Intermediate"),
        ] {
            let decision =
                decide(signer(&["tsa-root.pem", root], json!("*")), recorded(&format!("{name}.{format}")));
            assert_eq!(decision.verdict, Verdict::Allow, "{name}.{format}: {decision:?}");
            let by = &decision.checks[0].by[0];
            let told = [
                &format!("(Notation: CN={name}.example,"),
                certified_by,
                "(sha256:",
                "revocation not checked",
            ];
            assert!(told.iter().all(|part| by.contains(*part)), "{by}");
        }
    }
}

#[test]
fn a_signer_is_known_by_the_attributes_of_its_certificate() {
    let decide = |subjects: Value| decide(signer(&["root.pem"], subjects), recorded("ec-256.jws"));
    for subjects in [
        json!(["C=US, ST=WA, O=Example"]),
        json!(["x509.subject: C=US, S=WA, L=Seattle, O=Example, OU=Release, CN=ec-256.example"]),
        json!(["O=Other", "CN=ec-256.example"]),
    ] {
        assert_eq!(decide(subjects.clone()).verdict, Verdict::Allow, "{subjects}");
    }
    for subject in ["C=US, ST=WA, O=Other", "O=Example, OU=Release, CN=ec-384.example", "O=Example, STREET=x"]
    {
        refused(
            &decide(json!([subject])),
            "signed by CN=ec-256.example,OU=Release,O=Example,L=Seattle,ST=WA,C=US, not by",
        );
    }
    // With a comma in it.
    let name = json!(["O=Example\\, Inc."]);
    assert_eq!(
        crate::notation::decide(signer(&["root.pem"], name), recorded("chain.cose")).verdict,
        Verdict::Allow
    );
}

#[test]
fn a_root_of_the_same_name_is_another_root() {
    for name in ["ec-256.jws", "ec-256.cose", "chain.jws"] {
        refused(
            &decide(signer(&["other-root.pem"], json!("*")), recorded(name)),
            "CN=Example Root,O=Example,ST=WA,C=US, which is not trusted",
        );
    }
}

#[test]
fn an_expired_signature_or_certificate_counts_no_more() {
    for name in ["expiring.jws", "expiring.cose"] {
        let trusted = policy(signer(&["root.pem"], json!("*")), &json!({}));
        let decide = |at| decide_at(&trusted, &[recorded(name)], at);
        assert_eq!(decide(THEN).verdict, Verdict::Allow);
        refused(&decide("2026-11-30T00:00:00Z"), "the signature expired 2026-11-29T");
    }
    // The test certificates of `notation` live for a day.
    let trusted = policy(signer(&["rsa-2048.pem"], json!("*")), &json!({}));
    let decide = |at| decide_at(&trusted, &[recorded("rsa-2048.jws")], at);
    refused(
        &decide("2026-11-30T00:00:00Z"),
        "is valid from 2026-11-28T15:38:54Z to 2026-11-29T15:38:54Z, not at",
    );
    refused(&decide("2026-11-28T00:00:00Z"), "is valid from");
}

#[test]
fn an_authority_that_is_trusted_proves_the_time() {
    let with = |tsa: &str| {
        let mut signer = signer(&["root.pem"], json!("*"));
        signer["timestampCertificates"] = json!([{ "file": tsa }]);
        signer
    };
    let timestamp = json!({ "timestamp": true, "maxAgeDays": 3650 });
    for format in ["jws", "cose"] {
        let stamped = [recorded(&format!("timestamped.{format}"))];
        // Twenty years later the certificates have ended.
        let later = "2047-01-01T00:00:00Z";
        refused(
            &decide_at(&policy(signer(&["root.pem"], json!("*")), &json!({})), &stamped, later),
            "valid from",
        );
        let decision = decide_at(&policy(with("tsa-root.pem"), &json!({})), &stamped, later);
        assert_eq!(decision.verdict, Verdict::Allow, "{decision:?}");
        let by = &decision.checks[0].by[0];
        assert!(
            by.contains("signed before 2026-11-28T15:39:") && by.contains("CN=Example Time Root"),
            "{by}"
        );
        assert_eq!(
            decide_at(&policy(with("tsa-root.pem"), &timestamp), &stamped, THEN).verdict,
            Verdict::Allow
        );
        refused(
            &decide_at(&policy(with("tsa-root.pem"), &timestamp), &stamped, later),
            "days ago, more than 3650",
        );
        refused(&decide_at(&policy(with("other-root.pem"), &json!({})), &stamped, THEN), "is not by");
    }
    let plain = [recorded("chain.jws")];
    refused(&decide_at(&policy(with("tsa-root.pem"), &timestamp), &plain, THEN), "vouches for the time");
    assert_eq!(decide_at(&policy(with("tsa-root.pem"), &json!({})), &plain, THEN).verdict, Verdict::Allow);

    // The countersignature of another signature proves nothing.
    let mut taken: Value = serde_json::from_slice(&file("chain.jws")).unwrap();
    let stamped: Value = serde_json::from_slice(&file("timestamped.jws")).unwrap();
    let token = "io.cncf.notary.timestampSignature";
    taken["header"][token] = stamped["header"][token].clone();
    let taken = paper(JWS, taken.to_string().as_bytes());
    refused(&decide(with("tsa-root.pem"), taken), "the timestamp is of another signature");
}

#[test]
fn a_signature_of_another_artifact_is_refused() {
    let trusted = policy(signer(&["root.pem"], json!("*")), &json!({}));
    let paper = recorded("ec-256.jws");
    let facts = Facts::of_kind(ArtifactKind::Artifact);
    let other = Algorithm::Sha256.digest(b"other");
    let evidence = Evidence {
        repository: "r.example/app",
        facts: &facts,
        digest: &other,
        pinned: true,
        papers: std::slice::from_ref(&paper),
        promotion: None,
    };
    refused(
        &trusted.decide(&evidence, THEN.parse().unwrap()),
        "the signature is about digest sha256:a9a3c4bc",
    );

    let PaperForm::Notation { signature, media_type, size } = paper.form else { panic!("read") };
    for (media, length, why) in [
        ("application/vnd.oci.image.index.v1+json", size, "is about media type"),
        (media_type.as_str(), size + 1, "is about size 426, not 427"),
    ] {
        let form =
            PaperForm::Notation { signature: signature.clone(), media_type: media.into(), size: length };
        let paper = PaperEvidence { name: "paper".into(), form };
        refused(&decide_at(&trusted, &[paper], THEN), why);
    }
}

#[test]
fn an_envelope_with_any_byte_changed_is_refused_or_says_the_same() {
    let trusted = policy(signer(&["root.pem"], json!(["CN=ec-256.example"])), &json!({}));
    for (name, media) in [("ec-256.jws", JWS), ("ec-256.cose", COSE)] {
        let whole = file(name);
        for at in 0..whole.len() {
            let mut changed = whole.clone();
            changed[at] ^= 1;
            let decision = decide_at(&trusted, &[paper(media, &changed)], THEN);
            if decision.verdict == Verdict::Allow {
                // Nobody signs what made it.
                let around = &whole[at.saturating_sub(60)..(at + 60).min(whole.len())];
                assert!(String::from_utf8_lossy(around).contains("notation-go/"), "{name}: byte {at}");
            }
            decide_at(&trusted, &[paper(media, &whole[..at])], THEN);
        }
    }
}

/// What is not verified, and whoever signs with it.
struct Maker {
    key: KeyPair,
    root: (CertificateParams, KeyPair),
}

/// What a signature of [`Maker`] is made of.
struct Made {
    protected: Value,
    payload: Value,
    leaf: CertificateParams,
    root: CertificateParams,
}

impl Maker {
    fn new() -> Self {
        Self { key: KeyPair::generate().unwrap(), root: (authority("Root"), KeyPair::generate().unwrap()) }
    }

    fn good(&self) -> Made {
        Made {
            protected: json!({
                "alg": "ES256",
                "cty": "application/vnd.cncf.notary.payload.v1+json",
                "crit": ["io.cncf.notary.signingScheme"],
                "io.cncf.notary.signingScheme": "notary.x509",
                "io.cncf.notary.signingTime": "2026-11-28T15:00:00Z",
            }),
            payload: json!({ "targetArtifact": {
                "digest": artifact().0.to_string(), "size": artifact().1, "mediaType": media_type::OCI_MANIFEST,
            } }),
            leaf: leaf(),
            root: self.root.0.clone(),
        }
    }

    /// Returns the envelope and the policy's signer that trusts its root.
    fn sign(&self, made: &Made) -> (Value, Value) {
        let issuer = Issuer::from_params(&made.root, &self.root.1);
        let leaf = made.leaf.signed_by(&self.key, &issuer).unwrap();
        let root = made.root.self_signed(&self.root.1).unwrap();
        let encode = |value: &Value| BASE64URL_NOPAD.encode(value.to_string().as_bytes());
        let (protected, payload) = (encode(&made.protected), encode(&made.payload));
        let pkcs8 = self.key.serialize_der();
        let key = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &pkcs8).unwrap();
        let signature = key.sign(&SystemRandom::new(), format!("{protected}.{payload}").as_bytes()).unwrap();
        let envelope = json!({
            "protected": protected,
            "payload": payload,
            "signature": BASE64URL_NOPAD.encode(signature.as_ref()),
            "header": { "x5c": [BASE64.encode(leaf.der()), BASE64.encode(root.der())] },
        });
        (envelope, json!({ "certificates": [{ "pem": root.pem() }], "subjects": "*" }))
    }

    fn decide(&self, change: impl FnOnce(&mut Made)) -> Decision {
        let mut made = self.good();
        change(&mut made);
        let (envelope, signer) = self.sign(&made);
        decide(signer, paper(JWS, envelope.to_string().as_bytes()))
    }
}

fn params(name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::OrganizationName, "Example");
    params.distinguished_name.push(DnType::CommonName, name);
    (params.not_before, params.not_after) = (date_time_ymd(2026, 1, 1), date_time_ymd(2027, 1, 1));
    params
}

fn authority(name: &str) -> CertificateParams {
    let mut params = params(name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    params
}

fn leaf() -> CertificateParams {
    let mut params = params("Leaf");
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params
}

#[test]
fn attributes_that_are_not_understood_or_not_allowed_are_refused() {
    let maker = Maker::new();
    assert_eq!(maker.decide(|_| {}).verdict, Verdict::Allow);
    let scheme = "io.cncf.notary.signingScheme";
    let expiry = "io.cncf.notary.expiry";
    for (changes, why) in [
        (json!({ "alg": "none" }), "algorithm `none` is not one"),
        (json!({ "alg": "RS256" }), "algorithm `RS256` is not one"),
        (json!({ "alg": "ES384" }), "signed by ES384, which the key is not for: it signs by ES256"),
        (json!({ "alg": "PS256" }), "signed by PS256"),
        (json!({ "cty": "application/json" }), "content type `application/json` is not"),
        (json!({ "crit": [] }), "`io.cncf.notary.signingScheme` is not marked critical"),
        (
            json!({ "crit": [scheme, "io.cncf.notary.verificationPlugin"], "io.cncf.notary.verificationPlugin": "x" }),
            "`io.cncf.notary.verificationPlugin` is critical and not understood",
        ),
        (json!({ "crit": [scheme, "b64"], "b64": false }), "`b64` is critical and not understood"),
        (json!({ "crit": [scheme, scheme] }), "named twice"),
        (json!({ "crit": [scheme, expiry] }), "`io.cncf.notary.expiry` is critical, and absent"),
        (json!({ expiry: "2026-12-28T15:00:00Z" }), "`io.cncf.notary.expiry` is not marked critical"),
        (
            json!({ "crit": [scheme, expiry], expiry: "2026-11-28T15:30:00Z" }),
            "the signature expired 2026-11-28T15:30:00Z",
        ),
        (json!({ "crit": [scheme, expiry], expiry: "2026-11-28T14:00:00Z" }), "after it expired"),
        (
            json!({ scheme: "notary.x509.signingAuthority" }),
            "`notary.x509.signingAuthority` is not supported",
        ),
        (json!({ scheme: "notary.pgp" }), "signing scheme `notary.pgp` is not known"),
        (json!({ scheme: null }), "`io.cncf.notary.signingScheme` is missing"),
        (json!({ "io.cncf.notary.signingTime": null }), "`io.cncf.notary.signingTime` is missing"),
        (json!({ "io.cncf.notary.signingTime": "yesterday" }), "protected header"),
    ] {
        let decision = maker.decide(|made| {
            made.protected.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
        });
        refused(&decision, why);
    }
    // What nobody must understand is no reason.
    let decision = maker.decide(|made| made.protected["com.example.note"] = json!({ "a": [1] }));
    assert_eq!(decision.verdict, Verdict::Allow);
    let decision = maker.decide(|made| made.payload["targetArtifact"]["annotations"] = json!({ "a": "b" }));
    assert_eq!(decision.verdict, Verdict::Allow);
    refused(&maker.decide(|made| made.payload = json!({})), "missing field `targetArtifact`");
}

#[test]
fn certificates_for_another_use_are_refused() {
    let maker = Maker::new();
    type Change = fn(&mut Made);
    let cases: [(Change, &str); 11] = [
        (|made| made.leaf.is_ca = IsCa::Ca(BasicConstraints::Unconstrained), "is of an authority"),
        (|made| made.leaf.key_usages.clear(), "certificate O=Example,CN=Leaf has no key usage"),
        (|made| made.leaf.key_usages = vec![KeyUsagePurpose::ContentCommitment], "is no digital signature"),
        (
            |made| made.leaf.key_usages.push(KeyUsagePurpose::KeyEncipherment),
            "is more than digital signatures",
        ),
        (|made| made.leaf.key_usages.push(KeyUsagePurpose::DecipherOnly), "is more than digital signatures"),
        (
            |made| made.leaf.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth],
            "for something else",
        ),
        (
            |made| {
                made.leaf.extended_key_usages =
                    vec![ExtendedKeyUsagePurpose::CodeSigning, ExtendedKeyUsagePurpose::TimeStamping];
            },
            "for something else",
        ),
        (
            |made| made.root.key_usages = vec![KeyUsagePurpose::DigitalSignature],
            "no signature of certificates",
        ),
        (|made| made.root.key_usages.clear(), "O=Example,CN=Root has no key usage"),
        (|made| made.root.is_ca = IsCa::NoCa, "is not marked as an authority's"),
        (
            |made| made.leaf.not_after = date_time_ymd(2026, 6, 1),
            "is valid from 2026-01-01T00:00:00Z to 2026-06-01T00:00:00Z",
        ),
    ];
    for (change, why) in cases {
        refused(&maker.decide(change), why);
    }
    let decision =
        maker.decide(|made| made.leaf.extended_key_usages = vec![ExtendedKeyUsagePurpose::CodeSigning]);
    assert_eq!(decision.verdict, Verdict::Allow);
}

#[test]
fn a_chain_that_is_cut_or_turned_round_is_refused() {
    let maker = Maker::new();
    let (envelope, trusted) = maker.sign(&maker.good());
    let chain = envelope["header"]["x5c"].as_array().unwrap().clone();
    let (leaf, root) = (&chain[0], &chain[1]);
    let stranger = Maker::new();
    let (other, _) = stranger.sign(&stranger.good());
    let other = &other["header"]["x5c"][1];
    for (chain, why) in [
        (json!([]), "the chain has 0 certificates"),
        (json!([leaf]), "which is issued by O=Example,CN=Root: it is not complete"),
        (json!([root, leaf]), "is not by the key of its certificate"),
        (json!([leaf, leaf, root]), "and the next in the chain is O=Example,CN=Leaf"),
        (json!([leaf, root, root]), "is a root, and the chain goes on after it"),
        // The same name, and another key.
        (json!([leaf, other]), "which is not trusted"),
        (json!([leaf, root, other]), "is a root, and the chain goes on after it"),
        (json!(vec![leaf; 17]), "the chain has 17 certificates"),
        (json!(["AAAA"]), "certificate:"),
    ] {
        let mut envelope = envelope.clone();
        envelope["header"]["x5c"] = chain;
        refused(&decide(trusted.clone(), paper(JWS, envelope.to_string().as_bytes())), why);
    }

    // A trusted root's certificate behind a certificate that it never issued.
    let forged =
        Maker { key: KeyPair::generate().unwrap(), root: (authority("Root"), KeyPair::generate().unwrap()) };
    let (mut envelope, _) = forged.sign(&forged.good());
    envelope["header"]["x5c"][1] = root.clone();
    refused(
        &decide(trusted, paper(JWS, envelope.to_string().as_bytes())),
        "does not lead to O=Example,CN=Root",
    );
}

#[test]
fn what_is_no_envelope_is_refused() {
    let whole: Value = serde_json::from_slice(&file("ec-256.jws")).unwrap();
    let changed = |member: &str, value: Value| {
        let mut whole = whole.clone();
        whole[member] = value;
        whole.to_string().into_bytes()
    };
    let twice = whole.to_string().replacen('{', r#"{"payload":"","#, 1).into_bytes();
    for (media, bytes, why) in [
        ("application/pkcs7-signature", file("ec-256.jws"), "is the media type of no envelope"),
        (COSE, file("ec-256.jws"), "CBOR: ends early"),
        (JWS, file("ec-256.cose"), "JWS"),
        (JWS, changed("payload", json!("a b")), "the payload is not base64"),
        (
            JWS,
            changed("payload", json!(format!("{}=", whole["payload"].as_str().unwrap()))),
            "the payload is not base64",
        ),
        (JWS, changed("protected", json!("")), "protected header"),
        (JWS, changed("header", json!({})), "missing field `x5c`"),
        (JWS, twice, "`payload` comes twice"),
        (JWS, vec![b' '; 2 << 20], "more than 1048576"),
        (COSE, vec![0xd2, 0x80], "COSE: not the two headers"),
    ] {
        let error = NotationSignature::read(media, &bytes).unwrap_err().to_string();
        assert!(error.starts_with("Notation signature: ") && error.contains(why), "{error}");
    }
}

#[test]
fn one_certificate_under_two_names_or_in_two_signatures_counts_once() {
    let (name, both) = (json!("*"), ["ec-256.jws", "ec-256.cose"].map(recorded));
    let policy = json!({
        "version": 1, "default": "deny",
        "signers": { "a": { "notation": signer(&["root.pem"], name.clone()) }, "b": { "notation": signer(&["root.pem"], name) } },
        "rules": [{ "name": "all", "match": { "repositories": ["**"] }, "signatures": { "atLeast": 2, "of": ["a", "b"] } }],
    });
    let policy = Policy::from_json(policy.to_string().as_bytes(), &mut |name| Ok(file(name))).unwrap();
    refused(&decide_at(&policy, &both, THEN), "who counts already");
    let [first, _] = both;
    assert_eq!(decide_at(&policy, &[first, recorded("ec-384.jws")], THEN).verdict, Verdict::Allow);
}

#[test]
fn a_policy_with_a_signer_that_cannot_be_meant_is_refused() {
    let read = |notation: Value, of: Value| {
        let policy = json!({
            "version": 1, "default": "deny", "signers": { "vendor": { "notation": notation } },
            "rules": [{ "name": "all", "match": { "repositories": ["**"] }, "signatures": { "of": ["vendor"] }, "attestations": of }],
        });
        Policy::from_json(policy.to_string().as_bytes(), &mut |name| Ok(file(name)))
    };
    let good = signer(&["root.pem"], json!(["O=Example"]));
    let policy = read(good.clone(), json!([])).unwrap();
    assert!(policy.asks_for_notation());
    let told = "signer vendor: a Notation signature by `O=Example`, certified by CN=Example Root,O=Example,ST=WA,C=US; revocation is not checked";
    assert_eq!(policy.explain()[0], told);
    for (change, why) in [
        (json!({ "certificates": [] }), "no certificate is trusted"),
        (json!({ "certificates": [{}] }), "either a file or a pem"),
        (json!({ "certificates": [{ "file": "manifest.json" }] }), "certificates manifest.json"),
        (json!({ "certificates": ["root.pem"] }), "invalid type"),
        (json!({ "subjects": [] }), "a list of names"),
        (json!({ "subjects": "O=Example" }), "a list of names"),
        (json!({ "subjects": ["*"] }), "is no name of an attribute"),
        (json!({ "subjects": ["C=US"] }), "names neither O nor CN"),
        (json!({ "timestampCertificates": [{ "file": "rsa-2048.pem" }] }), "is not an authority's"),
        (json!({ "trustStore": "ca:x" }), "unknown field"),
    ] {
        let mut notation = good.clone();
        notation.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        let error = read(notation, json!([])).unwrap_err().to_string();
        assert!(error.contains(why), "{why}: {error}");
    }
    let stating = json!([{ "type": "spdx", "by": { "of": ["vendor"] } }]);
    let error = read(good, stating).unwrap_err().to_string();
    assert!(error.contains("signer `vendor` signs with Notation, which makes no statements"), "{error}");
}

#[test]
fn no_log_holds_notation_signatures() {
    let demanding = policy(signer(&["root.pem"], json!("*")), &json!({ "transparency": "required" }));
    refused(&decide_at(&demanding, &[recorded("ec-256.jws")], THEN), "in no transparency log");
}
