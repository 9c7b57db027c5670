//! What real `notation` signed, Wharf verifies and promotes, and real `notation` verifies at the destination.

use std::fs;
use std::path::{Path, PathBuf};

use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose,
};
use serde_json::{Value, json};

use crate::harness::*;

const POLICY: &str = r#"
version: 1
default: deny
signers:
  vendor:
    notation:
      certificates: [{ file: root.pem }, { file: .config/notation/localkeys/tester.example.crt }]
      subjects: ["C=US, ST=WA, O=Example, CN=release.example", "x509.subject: C=US, ST=WA, O=Notary, CN=tester.example"]
rules:
- { name: all, match: { repositories: ["**"] }, signatures: { of: [vendor] } }
"#;

const TRUST: &str = r#"{"version":"1.0","trustPolicies":[{"name":"all","registryScopes":["*"],
    "signatureVerification":{"level":"strict"},"trustStores":["ca:release","ca:tester.example"],"trustedIdentities":["*"]}]}"#;

/// How notation reaches these registries.
const WAY: [&str; 5] = ["--insecure-registry", "-u", USER, "-p", PASSWORD];

fn params(name: &str, is_ca: IsCa, usage: KeyUsagePurpose) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    for (kind, value) in [
        (DnType::CountryName, "US"),
        (DnType::StateOrProvinceName, "WA"),
        (DnType::OrganizationName, "Example"),
        (DnType::CommonName, name),
    ] {
        params.distinguished_name.push(kind, value);
    }
    params.not_after = rcgen::date_time_ymd(2090, 1, 1);
    (params.is_ca, params.key_usages) = (is_ca, vec![usage]);
    params
}

/// Two signers in notation's configuration: `release`, with a chain to `root.pem`, and the test key that notation makes.
fn configure(notation: &Sandbox) {
    let config = notation.folder().join(".config/notation");
    fs::create_dir_all(&config).unwrap();
    let authority = IsCa::Ca(BasicConstraints::Unconstrained);
    let [root, other] = [(); 2].map(|()| {
        let key = KeyPair::generate().unwrap();
        let params = params("Root", authority, KeyUsagePurpose::KeyCertSign);
        (params.self_signed(&key).unwrap().pem(), Issuer::new(params, key))
    });
    let key = KeyPair::generate().unwrap();
    let leaf = params("release.example", IsCa::NoCa, KeyUsagePurpose::DigitalSignature);
    let leaf = leaf.signed_by(&key, &root.1).unwrap().pem();
    for (name, text) in [
        ("root.pem", &root.0),
        ("other.pem", &other.0),
        ("release.chain", &(leaf + &root.0)),
        ("release.key", &key.serialize_pem()),
        ("policy.yaml", &POLICY.to_owned()),
    ] {
        fs::write(notation.folder().join(name), text).unwrap();
    }
    notation.run(&["cert", "generate-test", "tester.example"]);
    notation.run(&["cert", "add", "--type", "ca", "--store", "release", "root.pem"]);
    let keys = config.join("signingkeys.json");
    let mut known: Value = serde_json::from_slice(&fs::read(&keys).unwrap()).unwrap();
    let place = |name: &str| notation.folder().join(name);
    let release =
        json!({ "name": "release", "keyPath": place("release.key"), "certPath": place("release.chain") });
    known["keys"].as_array_mut().unwrap().push(release);
    fs::write(keys, known.to_string()).unwrap();
    fs::write(config.join("trustpolicy.json"), TRUST).unwrap();
}

#[test]
fn what_notation_signed_is_verified_and_promoted_and_verifies_there() {
    let Some(program) = peer("notation") else { return };
    let (staging, production) = (Registry::start(Transport::Plain), Registry::start(Transport::Plain));
    let notation = Sandbox::new(program, &staging);
    let wharf = notation.with_program(PathBuf::from(env!("CARGO_BIN_EXE_wharf")));
    for registry in [&staging, &production] {
        wharf.run(&["login", &registry.host(), "-u", USER, "-p", PASSWORD, "--plain-http"]);
    }
    configure(&notation);

    let layout = notation.folder().join("layout");
    Image::with("app").write_layout(&layout, "1.0");
    let image = format!("{}/closed/app:1.0", staging.host());
    wharf.run(&["cp", "layout:layout:1.0", &image, "--plain-http"]);
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/storefront");
    let place = format!("oci://{}/closed", staging.host());
    wharf.run(&["publish", &folder.display().to_string(), &place, "--plain-http"]);
    let chart = format!("{}/closed/storefront:1.4.0", staging.host());

    for (reference, repository, signer, format) in
        [(&image, "app", "release", "jws"), (&chart, "storefront", "tester.example", "cose")]
    {
        let verify = ["verify", reference, "--policy", "policy.yaml", "--plain-http"];
        wharf.attempt(&verify).unwrap_err();
        let sign = ["sign", "--key", signer, "--signature-format", format, "--expiry", "24h"];
        notation.run(&[&sign[..], &WAY, &[reference]].concat());
        let told = wharf.run(&verify);
        let name = signer.trim_end_matches(".example");
        assert!(told.contains(&format!("by vendor (Notation: CN={name}.example,")), "{told}");

        let policy = POLICY
            .replace("root.pem", "other.pem")
            .replace("localkeys/tester.example.crt", "../../other.pem");
        fs::write(wharf.folder().join("other.yaml"), policy).unwrap();
        let complaint =
            wharf.attempt(&["verify", reference, "--policy", "other.yaml", "--plain-http"]).unwrap_err();
        assert!(complaint.contains("which is not trusted"), "{complaint}");

        let to = format!("{}/closed/{repository}", production.host());
        wharf.run(&["promote", reference, &to, "--policy", "policy.yaml", "--plain-http"]);
        let tag = reference.rsplit_once(':').unwrap().1;
        let there = format!("{to}:{tag}");
        notation.run(&[&["verify"][..], &WAY, &[&there]].concat());
        let refused = ["promote", reference, &format!("{to}-2"), "--policy", "other.yaml", "--plain-http"];
        wharf.attempt(&refused).unwrap_err();
    }

    let pulled = wharf.fresh("pulled");
    let pull = ["pull", &chart, "--to", &pulled.display().to_string(), "--plain-http", "--policy"];
    wharf.attempt(&[&pull[..], &["other.yaml"]].concat()).unwrap_err();
    assert!(!pulled.exists());
    wharf.run(&[&pull[..], &["policy.yaml"]].concat());
    assert!(pulled.join("storefront-1.4.0.tgz").exists());
}
