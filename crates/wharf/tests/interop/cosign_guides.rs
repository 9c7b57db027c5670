//! The commands that people copy from guides, against `wharf serve`: carried out by real cosign and by `wharf cosign`.

use crate::harness::*;

const OFFLINE: [&str; 2] = ["--use-signing-config=false", "--tlog-upload=false"];

/// `cosign generate-key-pair`, `sign --key`, `verify --key`: by tag and by digest.
#[test]
fn an_image_is_signed_with_a_key_by_tag_and_by_digest() {
    let Some(cosigns) = Cosigns::new() else { return };
    for tool in [Tool::Wharf, Tool::Cosign3] {
        let place = format!("{}/closed/guide-{tool:?}", cosigns.registry.host()).to_lowercase();
        let prefix = format!("{tool:?}");
        cosigns.run(tool, &["generate-key-pair", "--output-key-prefix", &prefix]).unwrap();
        let (private, public) = (format!("{prefix}.key"), format!("{prefix}.pub"));
        for (count, by_tag) in [true, false].into_iter().enumerate() {
            let tagged = format!("{place}:v{count}");
            let digest = cosigns.push(&tagged, &tagged);
            let named = if by_tag { tagged.clone() } else { format!("{place}@{digest}") };
            let sign = ["sign", "--yes", "--allow-http-registry", "--key", &private, "-a", "commit=abc"];
            cosigns.run(tool, &[&sign[..], &OFFLINE, &[&named]].concat()).unwrap();
            let verify = [
                "verify",
                "--allow-http-registry",
                "--insecure-ignore-tlog",
                "--key",
                &public,
                "-a",
                "commit=abc",
            ];
            let shown = cosigns.run(tool, &[&verify[..], &[&tagged]].concat()).unwrap();
            let claims: serde_json::Value = serde_json::from_str(shown.trim()).unwrap();
            assert_eq!(claims[0]["critical"]["image"]["docker-manifest-digest"], digest.as_str());
            assert_eq!(claims[0]["optional"]["commit"], "abc");
            let found = cosigns.run(tool, &["tree", "--allow-http-registry", &tagged]).unwrap();
            assert!(found.contains(&digest.replace("sha256:", "")) || found.contains("sha256:"), "{found}");
        }
    }
}

/// `cosign attest --type spdxjson`, `--type slsaprovenance`, and `verify-attestation … | jq -r .payload | base64 -d`.
#[test]
fn sboms_and_provenance_are_attested_and_read_back() {
    let Some(cosigns) = Cosigns::new() else { return };
    cosigns.run(Tool::Wharf, &["generate-key-pair"]).unwrap();
    cosigns
        .write("sbom.spdx.json", r#"{"spdxVersion":"SPDX-2.3","name":"app","packages":[{"name":"libc"}]}"#);
    cosigns.write(
        "provenance.json",
        r#"{"builder":{"id":"https://builder.example"},"buildType":"https://build.example/v1"}"#,
    );
    for tool in [Tool::Wharf, Tool::Cosign3] {
        let place = format!("{}/closed/guide-{tool:?}:1", cosigns.registry.host()).to_lowercase();
        cosigns.push(&place, &place);
        for (kind, file, uri) in [
            ("spdxjson", "sbom.spdx.json", "https://spdx.dev/Document"),
            ("slsaprovenance", "provenance.json", "https://slsa.dev/provenance/v0.2"),
        ] {
            let attest = [
                "attest",
                "--yes",
                "--allow-http-registry",
                "--key",
                "cosign.key",
                "--predicate",
                file,
                "--type",
                kind,
            ];
            cosigns.run(tool, &[&attest[..], &OFFLINE, &[&place]].concat()).unwrap();
            for reader in [Tool::Wharf, Tool::Cosign3] {
                let verify = ["--key", "cosign.pub", "--type", kind, &place];
                let shown = cosigns.verify(reader, Layout::Bundles, "verify-attestation", &verify).unwrap();
                let envelope: serde_json::Value = serde_json::from_str(shown.trim()).unwrap();
                let payload: wharf_trust::Base64 = envelope["payload"].as_str().unwrap().parse().unwrap();
                let statement: serde_json::Value = serde_json::from_slice(&payload).unwrap();
                assert_eq!(statement["predicateType"], uri, "{reader:?}");
                let said: serde_json::Value = serde_json::from_str(&cosigns.read(file)).unwrap();
                for (name, value) in said.as_object().unwrap() {
                    assert_eq!(statement["predicate"][name], *value, "{reader:?} {kind} {name}");
                }
            }
        }
    }
}

/// `helm package`, `helm push`, `cosign sign …@sha256:…`, `cosign verify`, `helm pull`.
#[test]
fn an_oci_chart_is_signed_and_verified() {
    let Some(cosigns) = Cosigns::new() else { return };
    cosigns.run(Tool::Wharf, &["generate-key-pair"]).unwrap();
    cosigns.home.run(&["helm", "create", "app"]);
    cosigns.home.run(&["helm", "package", "app"]);
    for tool in [Tool::Wharf, Tool::Cosign3] {
        let place = format!("{}/closed/charts-{tool:?}", cosigns.registry.host()).to_lowercase();
        let pushed =
            cosigns.home.run(&["helm", "push", "app-0.1.0.tgz", &format!("oci://{place}"), "--plain-http"]);
        let digest = pushed.lines().find_map(|line| line.strip_prefix("Digest: ")).unwrap();
        let chart = format!("{place}/app@{digest}");
        let sign = ["sign", "--yes", "--allow-http-registry", "--key", "cosign.key"];
        cosigns.run(tool, &[&sign[..], &OFFLINE, &[&chart]].concat()).unwrap();
        for reader in [Tool::Wharf, Tool::Cosign3] {
            let named = format!("{place}/app:0.1.0");
            cosigns.verify(reader, Layout::Bundles, "verify", &["--key", "cosign.pub", &named]).unwrap();
        }
        cosigns.home.run(&[
            "helm",
            "pull",
            &format!("oci://{place}/app"),
            "--version",
            "0.1.0",
            "--plain-http",
        ]);
    }
}
