//! What Wharf, cosign 3.1 and cosign 2.6 sign and attest the others verify, in both layouts, for keys of every kind, for images,
//! indexes, charts and blobs; and what one refuses the others refuse.

use std::path::Path;
use std::process::Command;

use crate::harness::*;

/// A kind of key: its name, how OpenSSL makes it, and the digest that cosign must be told of to verify its signatures.
struct Key {
    name: &'static str,
    made: [&'static str; 4],
    digest: &'static str,
}

const KEYS: [Key; 7] = [
    key("p256", ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"], "sha256"),
    key("p384", ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-384"], "sha384"),
    key("p521", ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-521"], "sha512"),
    key("rsa2048", ["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"], "sha256"),
    key("rsa3072", ["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:3072"], "sha256"),
    key("rsa4096", ["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:4096"], "sha256"),
    key("ed25519", ["-algorithm", "ED25519", "-outform", "PEM"], "sha256"),
];

const fn key(name: &'static str, made: [&'static str; 4], digest: &'static str) -> Key {
    Key { name, made, digest }
}

impl Key {
    /// The private and the public file.
    fn files(&self) -> (String, String) {
        (format!("{}.key", self.name), format!("{}.pub", self.name))
    }
}

/// Makes a key of every kind, imports it, and writes what is attested.
fn prepare(cosigns: &Cosigns, openssl: &Path) {
    cosigns.write("predicate.json", r#"{"built":"here","n":[1,2.5,null]}"#);
    cosigns.write("blob", "carried with its papers");
    cosigns.write("other-blob", "something else");
    cosigns.run(Tool::Wharf, &["generate-key-pair", "--output-key-prefix", "nobody"]).unwrap();
    for key in &KEYS {
        let pem = cosigns.home.folder().join(format!("{}.pem", key.name));
        let made =
            Command::new(openssl).arg("genpkey").args(key.made).arg("-out").arg(&pem).output().unwrap();
        assert!(made.status.success(), "{made:?}");
        let import = ["import-key-pair", "--yes", "--output-key-prefix", key.name, "--key"];
        cosigns.run(Tool::Wharf, &[&import[..], &[&pem.display().to_string()]].concat()).unwrap();
    }
}

/// Runs the work of each side by side.
fn side_by_side<T: Send>(all: Vec<T>, work: impl Fn(T) + Sync) {
    std::thread::scope(|scope| {
        let running: Vec<_> = all.into_iter().map(|each| scope.spawn(|| work(each))).collect();
        for thread in running {
            if let Err(panic) = thread.join() {
                std::panic::resume_unwind(panic);
            }
        }
    });
}

/// A repository with an image, an index of two, and a chart.
struct Repository {
    subjects: Vec<String>,
}

impl Repository {
    fn fill(cosigns: &Cosigns, name: &str) -> Self {
        let host = cosigns.registry.host();
        let place = format!("{host}/closed/{name}");
        cosigns.push(&format!("{place}/image:1"), &format!("{place} image"));
        let first = cosigns.push(&format!("{place}/index:a"), &format!("{place} a"));
        let second = cosigns.push(&format!("{place}/index:b"), &format!("{place} b"));
        let index = format!("{place}/index:1");
        cosigns.home.run(&["oras", "manifest", "index", "create", "--plain-http", &index, &first, &second]);
        cosigns.home.run(&["helm", "push", "app-0.1.0.tgz", &format!("oci://{place}"), "--plain-http"]);
        let subjects = vec![
            format!("{place}/image:1"),
            index,
            format!("{place}/app:0.1.0"),
            // Reached by --recursive.
            format!("{place}/index@{second}"),
        ];
        Self { subjects }
    }

    fn all(&self) -> Vec<&str> {
        self.subjects.iter().map(String::as_str).collect()
    }
}

fn chart(cosigns: &Cosigns) {
    cosigns.home.run(&["helm", "create", "app"]);
    cosigns.home.run(&["helm", "package", "app"]);
}

#[test]
fn every_key_signs_images_indexes_and_charts_in_both_layouts() {
    let (Some(cosigns), Some(openssl)) = (Cosigns::new(), peer("openssl")) else { return };
    prepare(&cosigns, &openssl);
    chart(&cosigns);
    let tools = cosigns.tools();
    let cases = tools.iter().flat_map(|signer| Layout::BOTH.map(|layout| (*signer, layout))).collect();
    side_by_side(cases, |(signer, layout)| {
        let repository = Repository::fill(&cosigns, &format!("{signer:?}-{layout:?}").to_lowercase());
        let (image, subjects) = (repository.subjects[0].as_str(), repository.all());
        for key in &KEYS {
            let (private, public) = key.files();
            cosigns.sign(
                signer,
                layout,
                "sign",
                &[&["--key", &private, "--recursive"], &subjects[..3]].concat(),
            );
            let what = ["--key", &private, "--predicate", "predicate.json", "--type", "spdxjson", image];
            cosigns.sign(signer, layout, "attest", &what);
            // What real cosign made is verified by Wharf, and the reverse.
            for verifier in
                tools.iter().copied().filter(|other| (*other == Tool::Wharf) != (signer == Tool::Wharf))
            {
                let trust = ["--key", &public, "--signature-digest-algorithm", key.digest];
                let signed = cosigns.verify(verifier, layout, "verify", &[&trust[..], &subjects].concat());
                let attested = cosigns.verify(
                    verifier,
                    layout,
                    "verify-attestation",
                    &[&trust[..], &["--type", "spdxjson", image]].concat(),
                );
                assert_eq!(
                    (signed.is_ok(), attested.is_ok()),
                    (true, true),
                    "{verifier:?} on {} by {signer:?}, {layout:?}: {signed:?} {attested:?}",
                    key.name
                );
            }
        }
    });
}

#[test]
fn every_key_signs_blobs() {
    let (Some(cosigns), Some(openssl)) = (Cosigns::new(), peer("openssl")) else { return };
    prepare(&cosigns, &openssl);
    let tools = cosigns.tools();
    side_by_side(tools.clone(), |signer| {
        for key in &KEYS {
            let (private, public) = key.files();
            let bundle = format!("{signer:?}-{}.json", key.name);
            let mut line =
                vec!["sign-blob", "--yes", "--key", &private, "--tlog-upload=false", "--bundle", &bundle];
            line.push(if signer == Tool::Cosign2 {
                "--new-bundle-format"
            } else {
                "--use-signing-config=false"
            });
            line.push("blob");
            let signed = cosigns.run(signer, &line);
            if (signer, key.name) == (Tool::Cosign2, "ed25519") {
                // cosign 2.6 panics on it: no digest goes with such a key, and it asks for one.
                signed.unwrap_err();
                continue;
            }
            signed.unwrap();
            for verifier in
                tools.iter().copied().filter(|other| (*other == Tool::Wharf) != (signer == Tool::Wharf))
            {
                let judge = |key: &str, bundle: &str, blob: &str, digest: &str| {
                    let mut line =
                        vec!["verify-blob", "--insecure-ignore-tlog=true", "--key", key, "--bundle", bundle];
                    line.extend(["--signature-digest-algorithm", digest]);
                    if verifier == Tool::Cosign2 {
                        line.extend(COSIGN2_BUNDLES);
                    }
                    line.push(blob);
                    cosigns.run(verifier, &line)
                };
                let said = judge(&public, &bundle, "blob", key.digest);
                assert!(said.is_ok(), "{verifier:?} on {} by {signer:?}: {said:?}", key.name);
                judge(&public, &bundle, "other-blob", key.digest).unwrap_err();
                judge("nobody.pub", &bundle, "blob", "sha256").unwrap_err();
            }
        }
    });
}

#[test]
fn what_one_refuses_the_others_refuse() {
    let Some(cosigns) = Cosigns::new() else { return };
    cosigns.write("predicate.json", r#"{"built":"here"}"#);
    for name in ["release", "nobody"] {
        cosigns.run(Tool::Wharf, &["generate-key-pair", "--output-key-prefix", name]).unwrap();
    }
    let cases = Layout::BOTH.map(|layout| [(Tool::Wharf, layout), (Tool::Cosign3, layout)]).concat();
    side_by_side(cases, |(signer, layout)| {
        let place = format!("{}/closed/{signer:?}-{layout:?}", cosigns.registry.host()).to_lowercase();
        let image = format!("{place}:1");
        let judged = |expected: bool, command: &str, more: &[&str]| {
            for tool in cosigns.tools() {
                let said = cosigns.verify(tool, layout, command, more);
                assert_eq!(said.is_ok(), expected, "{tool:?} {command} {more:?} by {signer:?}: {said:?}");
            }
        };
        let good = cosigns.push(&image, &place);
        let pinned = format!("{place}@{good}");
        let trust = ["--key", "release.pub"];
        judged(false, "verify", &[&trust[..], &[&image]].concat());
        cosigns.sign(signer, layout, "sign", &["--key", "release.key", &pinned]);
        let attested = ["--type", "spdxjson", &pinned];
        judged(false, "verify-attestation", &[&trust[..], &attested].concat());
        let what = ["--key", "release.key", "--predicate", "predicate.json", "--type", "spdxjson", &pinned];
        cosigns.sign(signer, layout, "attest", &what);
        judged(true, "verify", &[&trust[..], &[&image]].concat());
        judged(true, "verify-attestation", &[&trust[..], &attested].concat());

        // The wrong key, the wrong type.
        judged(false, "verify", &["--key", "nobody.pub", &image]);
        judged(false, "verify-attestation", &[&["--key", "nobody.pub"], &attested[..]].concat());
        judged(false, "verify-attestation", &[&trust[..], &["--type", "cyclonedx", &pinned]].concat());

        // The tag moves.
        let moved = cosigns.push(&image, &format!("{place}, built again"));
        judged(false, "verify", &[&trust[..], &[&image]].concat());
        judged(true, "verify", &[&trust[..], &[&pinned]].concat());

        // The papers of one image are laid beside another.
        let other = format!("{place}@{moved}");
        match layout {
            Layout::Bundles => {
                for (command, name) in [("signature", "s"), ("attestation", "a")] {
                    let line = ["download", command, "--allow-http-registry", &pinned];
                    let found = cosigns.run(Tool::Wharf, &line).unwrap();
                    for (count, bundle) in found.lines().enumerate() {
                        let file = format!("{signer:?}-{name}{count}.json");
                        cosigns.write(&file, bundle);
                        let line =
                            ["attach", "signature", "--allow-http-registry", "--bundle", &file, &other];
                        cosigns.run(Tool::Wharf, &line).unwrap();
                    }
                }
            }
            Layout::Tags => {
                for end in ["sig", "att"] {
                    let tag = |digest: &str| format!("{place}:{}.{end}", digest.replace(':', "-"));
                    cosigns.crane(&["copy", &tag(&good), &tag(&moved)]);
                }
            }
        }
        judged(false, "verify", &[&trust[..], &[&other]].concat());
        judged(false, "verify-attestation", &[&trust[..], &["--type", "spdxjson", &other]].concat());

        // A paper that is cut off.
        let cut = cosigns.push(&format!("{place}:cut"), &format!("{place}, to be cut"));
        let cut = format!("{place}@{cut}");
        match layout {
            Layout::Bundles => {
                let whole = cosigns.read(&format!("{signer:?}-s0.json"));
                let file = format!("{signer:?}-cut.json");
                cosigns.write(&file, &whole[..whole.len() / 2]);
                let kind = "application/vnd.dev.sigstore.bundle.v0.3+json";
                let part = format!("{file}:{kind}");
                cosigns.home.run(&["oras", "attach", "--plain-http", "--artifact-type", kind, &cut, &part]);
            }
            Layout::Tags => {
                cosigns.sign(signer, layout, "sign", &["--key", "release.key", &cut]);
                let tag = format!("{place}:{}.sig", cut.split('@').nth(1).unwrap().replace(':', "-"));
                let whole = cosigns.crane(&["manifest", &tag]);
                let mut manifest: serde_json::Value = serde_json::from_str(&whole).unwrap();
                let signature =
                    &mut manifest["layers"][0]["annotations"]["dev.cosignproject.cosign/signature"];
                let text = signature.as_str().unwrap();
                *signature = text[..text.len() / 2].into();
                let file = format!("{signer:?}-cut-manifest.json");
                cosigns.write(&file, manifest.to_string());
                cosigns.home.run(&["oras", "manifest", "push", "--plain-http", &tag, &file]);
            }
        }
        judged(false, "verify", &[&trust[..], &[&cut]].concat());
    });
}

/// A saved image, read by each where the other laid it.
#[test]
fn saved_images_verify_and_load_across() {
    let Some(cosigns) = Cosigns::new() else { return };
    cosigns.write("predicate.json", r#"{"built":"here"}"#);
    cosigns.run(Tool::Wharf, &["generate-key-pair", "--output-key-prefix", "release"]).unwrap();
    let place = format!("{}/closed/saved", cosigns.registry.host());
    let pinned = format!("{place}@{}", cosigns.push(&format!("{place}:1"), &place));
    for layout in Layout::BOTH {
        cosigns.sign(Tool::Wharf, layout, "sign", &["--key", "release.key", &pinned]);
        let what = ["--key", "release.key", "--predicate", "predicate.json", "--type", "spdxjson", &pinned];
        cosigns.sign(Tool::Wharf, layout, "attest", &what);
    }
    for saver in [Tool::Wharf, Tool::Cosign3] {
        let folder = format!("saved-{saver:?}");
        cosigns
            .run(saver, &["save", "--allow-http-registry", "--dir", &folder, &format!("{place}:1")])
            .unwrap();
        for reader in [Tool::Wharf, Tool::Cosign3] {
            let local = ["--key", "release.pub", "--local-image", &folder];
            cosigns.verify(reader, Layout::Bundles, "verify", &local).unwrap();
            let typed = [&["--type", "spdxjson"], &local[..]].concat();
            cosigns.verify(reader, Layout::Bundles, "verify-attestation", &typed).unwrap();
            let loaded = format!("{place}-{saver:?}-{reader:?}:1").to_lowercase();
            cosigns.run(reader, &["load", "--allow-http-registry", "--dir", &folder, &loaded]).unwrap();
            for tool in [Tool::Wharf, Tool::Cosign3] {
                cosigns.verify(tool, Layout::Tags, "verify", &["--key", "release.pub", &loaded]).unwrap();
            }
        }
    }
}
