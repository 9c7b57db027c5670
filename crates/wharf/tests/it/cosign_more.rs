//! `wharf cosign` beyond signing and verifying: folders, attaching what was made elsewhere, bundles, and where flags come from.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener};

use rcgen::{
    BasicConstraints, CertificateParams, CustomExtension, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    SanType,
};

use crate::support::{Run, World};

const OFFLINE: [&str; 2] = ["--use-signing-config=false", "--tlog-upload=false"];
const OLD: &str = "--new-bundle-format=false";
const UNLOGGED: &str = "--insecure-ignore-tlog";

fn cosign(world: &World, arguments: &[&str]) -> Run {
    with(world, &[], arguments)
}

fn with(world: &World, variables: &[(&str, &str)], arguments: &[&str]) -> Run {
    let variables = [&[("COSIGN_PASSWORD", "pw")], variables].concat();
    world.wharf_with(&[&["cosign"], arguments].concat(), "", &variables)
}

/// A key pair and some files, without a registry.
fn files() -> World {
    let world = World::without_registry();
    prepare(&world);
    world
}

/// The same with an artifact in a registry.
fn registry() -> (World, String) {
    let world = World::logged_in();
    prepare(&world);
    let host = world.host();
    world.wharf(&["project", "create", "shop", "--registry", &host]).ok();
    let reference = format!("{host}/shop/app:1");
    world.wharf(&["oras", "push", &reference, "--plain-http", "blob"]).ok();
    (world, reference)
}

fn prepare(world: &World) {
    fs::write(world.path("blob"), "hello").unwrap();
    fs::write(world.path("predicate.json"), r#"{"made":"here"}"#).unwrap();
    cosign(world, &["generate-key-pair"]).ok();
}

fn sign(world: &World, more: &[&str], reference: &str) {
    cosign(world, &[&["sign", "--key", "cosign.key"], &OFFLINE[..], more, &[reference]].concat()).ok();
}

fn attest(world: &World, more: &[&str], reference: &str) {
    let what = ["attest", "--key", "cosign.key", "--predicate", "predicate.json", "--type", "spdxjson"];
    cosign(world, &[&what, &OFFLINE[..], more, &[reference]].concat()).ok();
}

fn verify(world: &World, more: &[&str]) -> Run {
    cosign(world, &[&["verify", "--key", "cosign.pub", UNLOGGED], more].concat())
}

#[test]
fn a_saved_image_is_verified_where_it_lies_and_loaded_with_every_paper() {
    let (world, reference) = registry();
    cosign(&world, &["save", "--dir", "bare", &reference]).ok();
    verify(&world, &["--local-image", "bare"])
        .fails(1, "no signatures associated with the image saved in bare");
    for layout in [&[][..], &[OLD]] {
        sign(&world, layout, &reference);
        attest(&world, layout, &reference);
    }
    cosign(&world, &["save", &reference]).fails(1, "required flag(s) \"dir\" not set");
    cosign(&world, &["save", "--dir", "saved", &reference]).ok();
    // The registry is not needed any more.
    verify(&world, &["--local-image", "saved"]).ok();
    let attested = [
        "verify-attestation",
        "--key",
        "cosign.pub",
        UNLOGGED,
        "--type",
        "spdxjson",
        "--local-image",
        "saved",
    ];
    assert_eq!(cosign(&world, &attested).ok().stdout.lines().count(), 1);
    cosign(&world, &["generate-key-pair", "--output-key-prefix", "other"]).ok();
    cosign(&world, &["verify", "--key", "other.pub", UNLOGGED, "--local-image", "saved"])
        .fails(1, "no matching signatures");
    let elsewhere = format!("{}/shop/loaded:2", world.host());
    cosign(&world, &["load", "--dir", "saved", &elsewhere]).ok();
    verify(&world, &[&elsewhere]).ok();
    let tree = cosign(&world, &["tree", &elsewhere]).ok().stdout;
    assert_eq!(tree.matches("🍒").count(), 4, "{tree}");
    // Another image does not go into the same folder, and none is loaded under a digest that it does not have.
    fs::write(world.path("blob"), "other").unwrap();
    let other = format!("{}/shop/other:1", world.host());
    world.wharf(&["oras", "push", &other, "--plain-http", "blob"]).ok();
    cosign(&world, &["save", "--dir", "saved", &other]).fails(1, "saved holds another image already");
    let wrong = format!("{}/shop/wrong@sha256:{}", world.host(), "0".repeat(64));
    cosign(&world, &["load", "--dir", "saved", &wrong]).fails(1, "not sha256:000");
}

#[test]
fn many_artifacts_are_shown_in_the_order_of_the_arguments_up_to_the_first_failure() {
    let (world, first) = registry();
    let host = world.host();
    let mut pinned = Vec::new();
    for number in 0..11 {
        fs::write(world.path("blob"), format!("artifact {number}")).unwrap();
        let reference = format!("{host}/shop/app:many-{number}");
        world.wharf(&["oras", "push", &reference, "--plain-http", "blob"]).ok();
        let digest = world.wharf(&["oras", "resolve", "--plain-http", &reference]).ok();
        pinned.push(format!("{host}/shop/app@{}", digest.stdout.trim()));
    }
    let all: Vec<&str> = pinned.iter().map(String::as_str).collect();
    cosign(&world, &[&["sign", "--key", "cosign.key"], &OFFLINE[..], &all].concat()).ok();
    let shown = verify(&world, &all).ok();
    let named: Vec<&str> =
        shown.stderr.lines().filter_map(|line| line.strip_prefix("Verification for ")).collect();
    assert_eq!(named, all.iter().map(|one| format!("{one} --")).collect::<Vec<_>>());
    assert_eq!(shown.stdout.lines().filter(|line| line.starts_with('[')).count(), all.len());

    let absent = format!("{host}/shop/app@sha256:{}", "0".repeat(64));
    let broken = [&all[..3], &[&first, &absent], &all[3..]].concat();
    let run = verify(&world, &broken).fails(10, "no signatures found");
    assert_eq!(run.stderr.matches("Verification for ").count(), 3);
    verify(&world, &[&absent]).fails(1, "is not at");
}

#[test]
fn papers_in_a_repository_of_their_own_are_saved_and_loaded() {
    let (world, reference) = registry();
    let place = format!("{}/shop/papers", world.host());
    let apart = [("COSIGN_REPOSITORY", place.as_str())];
    let what = ["sign", "--key", "cosign.key"];
    with(&world, &apart, &[&what, &OFFLINE[..], &[&reference]].concat()).ok();
    with(&world, &apart, &[&what, &OFFLINE[..], &[OLD, &reference]].concat()).ok();
    verify(&world, &[&reference]).fails(10, "no signatures found");
    with(&world, &apart, &["save", "--dir", "saved", &reference]).ok();
    verify(&world, &["--local-image", "saved"]).ok();
    let elsewhere = format!("{}/shop/loaded:1", world.host());
    let other = format!("{}/shop/papers2", world.host());
    with(&world, &[("COSIGN_REPOSITORY", &other)], &["load", "--dir", "saved", &elsewhere]).ok();
    verify(&world, &[&elsewhere]).fails(10, "no signatures found");
    with(&world, &[("COSIGN_REPOSITORY", &other)], &["verify", "--key", "cosign.pub", UNLOGGED, &elsewhere])
        .ok();
}

#[test]
fn what_was_signed_elsewhere_is_attached() {
    let (world, reference) = registry();
    let digest = cosign(&world, &["triangulate", "--type", "digest", &reference]).ok().stdout;
    let digest = digest.trim().split('@').nth(1).unwrap().to_owned();
    let payload = format!(
        r#"{{"critical":{{"identity":{{"docker-reference":""}},"image":{{"docker-manifest-digest":"{digest}"}},"type":"cosign container image signature"}},"optional":null}}"#
    );
    fs::write(world.path("payload.json"), payload).unwrap();
    let detached =
        ["sign-blob", "--key", "cosign.key", OLD, "--output-signature", "signature", "payload.json"];
    cosign(&world, &[&detached, &OFFLINE[..]].concat()).ok();
    let by_files = ["--signature", "signature", "--payload", "payload.json", &reference];
    verify(&world, &by_files).ok();
    let attach = ["attach", "signature", "--payload", "payload.json"];
    cosign(&world, &[&attach[..], &[&reference]].concat()).fails(1, "empty signature");
    verify(&world, &[&reference]).fails(10, "no signatures found");
    cosign(&world, &[&attach[..], &["--signature", "signature", &reference]].concat()).ok();
    verify(&world, &[&reference]).ok();

    // An attestation as a bundle, and as a plain envelope.
    attest(&world, &["--no-upload", "--bundle", "bundle.json"], &reference);
    cosign(&world, &["attach", "attestation", "--attestation", "blob", &reference])
        .fails(1, "attaching payload from blob");
    let what = ["verify-attestation", "--key", "cosign.pub", UNLOGGED, "--type", "spdxjson", &reference];
    cosign(&world, &what).fails(1, "no matching attestations");
    let bundle: serde_json::Value =
        serde_json::from_slice(&fs::read(world.path("bundle.json")).unwrap()).unwrap();
    fs::write(world.path("envelope.json"), bundle["dsseEnvelope"].to_string()).unwrap();
    cosign(&world, &["attach", "attestation", "--attestation", "envelope.json", &reference]).ok();
    cosign(&world, &what).ok();
    cosign(&world, &["attach", "attestation", "--attestation", "bundle.json", &reference]).ok();
    cosign(&world, &what).ok();
    let tree = cosign(&world, &["tree", &reference]).ok().stdout;
    assert_eq!(tree.matches("🍒").count(), 3, "{tree}");

    fs::write(world.path("sbom.json"), r#"{"spdxVersion":"SPDX-2.3"}"#).unwrap();
    cosign(&world, &["download", "sbom", &reference]).fails(1, "no sbom attached to reference");
    let attached = cosign(&world, &["attach", "sbom", "--sbom", "sbom.json", &reference]).ok().stderr;
    assert!(attached.contains("with mediaType [text/spdx+json]"), "{attached}");
    let shown = cosign(&world, &["download", "sbom", &reference]).ok();
    assert_eq!(shown.stdout, r#"{"spdxVersion":"SPDX-2.3"}"#);
    assert!(shown.stderr.contains("Found SBOM of media type: text/spdx+json"), "{}", shown.stderr);
}

#[test]
fn flags_come_from_variables_and_have_older_names() {
    let world = files();
    let variables = [
        ("COSIGN_KEY", "cosign.key"),
        ("COSIGN_USE_SIGNING_CONFIG", "false"),
        ("COSIGN_TLOG_UPLOAD", "false"),
        ("COSIGN_BUNDLE", "b.json"),
    ];
    with(&world, &variables, &["sign-blob", "blob"]).ok();
    let trust = [("COSIGN_KEY", "nosuch.pub"), ("COSIGN_INSECURE_IGNORE_TLOG", "true")];
    with(&world, &trust, &["verify-blob", "--key", "cosign.pub", "--bundle", "b.json", "blob"]).ok();
    with(&world, &trust, &["verify-blob", "--bundle", "b.json", "blob"]).fails(1, "open nosuch.pub");
    // The password of keys is not that of registries.
    cosign(&world, &["login", "r.example", "-u", "me"]).fails(1, "username and password required");
    cosign(&world, &["verify-blob", "--cert-identity", "a@b", "--bundle", "b.json", "blob"])
        .fails(1, "--certificate-oidc-issuer or --certificate-oidc-issuer-regexp is required");
}

#[test]
fn output_goes_to_a_file_and_time_is_bounded() {
    let world = files();
    let shown = cosign(&world, &["--output-file", "out.txt", "public-key", "--key", "cosign.key"]).ok();
    assert_eq!(shown.stdout, "");
    assert_eq!(fs::read(world.path("out.txt")).unwrap(), fs::read(world.path("cosign.pub")).unwrap());
    verify(&world, &["-t", "soon", "r.example/app"])
        .fails(1, "invalid argument \"soon\" for \"-t, --timeout\" flag");
    // Somebody listens and never answers.
    let silent = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let reference = format!("{}/shop/app:1", silent.local_addr().unwrap());
    verify(&world, &["--timeout", "300ms", &reference]).fails(1, "context deadline exceeded");
}

#[test]
fn a_login_is_kept_for_the_other_tools() {
    let world = World::new();
    let run = world.wharf_with(
        &["cosign", "login", &world.host(), "-u", "admin", "--password-stdin"],
        &format!("{}\n", crate::support::PASSWORD),
        &[],
    );
    assert!(run.ok().stderr.starts_with("logged in via "));
    prepare(&world);
    world.wharf(&["project", "create", "shop", "--registry", &world.host()]).ok();
    let reference = format!("{}/shop/app:1", world.host());
    world.wharf(&["oras", "push", &reference, "--plain-http", "blob"]).ok();
    sign(&world, &[], &reference);
    verify(&world, &[&reference]).ok();
}

#[test]
fn keys_are_read_from_addresses() {
    let world = files();
    cosign(
        &world,
        &[&["sign-blob", "--key", "cosign.key", "--bundle", "b.json"], &OFFLINE[..], &["blob"]].concat(),
    )
    .ok();
    let key = fs::read_to_string(world.path("cosign.pub")).unwrap();
    let server = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = server.local_addr().unwrap();
    std::thread::spawn(move || {
        for client in server.incoming() {
            let mut client = client.unwrap();
            let mut request = [0; 4096];
            let read = client.read(&mut request).unwrap();
            let (status, body) = match request[..read].starts_with(b"GET /cosign.pub ") {
                true => ("200 OK", key.as_str()),
                false => ("404 Not Found", ""),
            };
            let length = body.len();
            let _ = write!(
                client,
                "HTTP/1.1 {status}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}"
            );
        }
    });
    let by = |name: &str| {
        let key = format!("http://{address}/{name}");
        cosign(&world, &["verify-blob", "--key", &key, UNLOGGED, "--bundle", "b.json", "blob"])
    };
    by("cosign.pub").ok();
    by("nosuch.pub").fails(1, "404");
}

#[test]
fn bundles_are_made_of_their_parts_upgraded_and_shown() {
    let world = files();
    let detached = ["sign-blob", "--key", "cosign.key", OLD, "--output-signature", "signature", "blob"];
    cosign(&world, &[&detached, &OFFLINE[..]].concat()).ok();
    let create = ["bundle", "create", "--artifact", "blob", "--key", "cosign.pub"];
    cosign(&world, &create).fails(1, "must at least supply signature via --bundle or --signature");
    let create = [&create[..], &["--signature", "signature"]].concat();
    cosign(&world, &create).fails(1, "--ignore-tlog");
    cosign(&world, &[&create[..], &["--ignore-tlog", "--out", "made.json"]].concat()).ok();
    let check = |bundle: &str, blob: &str| {
        cosign(&world, &["verify-blob", "--key", "cosign.pub", UNLOGGED, "--bundle", bundle, blob])
    };
    check("made.json", "blob").ok();
    check("made.json", "predicate.json").fails(1, "failed to verify signature");

    // What cosign 1 and 2 wrote, read as it is and as a part.
    let signature = fs::read_to_string(world.path("signature")).unwrap();
    fs::write(world.path("old.json"), format!(r#"{{"base64Signature":"{}"}}"#, signature.trim())).unwrap();
    check("old.json", "blob").ok();
    check("old.json", "predicate.json").fails(1, "failed to verify signature");
    let create = ["bundle", "create", "--artifact", "blob", "--key", "cosign.pub", "--bundle", "old.json"];
    let made = cosign(&world, &[&create[..], &["--ignore-tlog"]].concat()).ok().stdout;
    fs::write(world.path("remade.json"), made).unwrap();
    check("remade.json", "blob").ok();

    let text = fs::read_to_string(world.path("made.json")).unwrap();
    let older = text.replace(".v0.3+json", "+json;version=0.2");
    fs::write(world.path("v2.json"), older).unwrap();
    let upgraded = cosign(&world, &["bundle", "upgrade", "v2.json", "--out", "v3.json"]).ok().stderr;
    assert!(upgraded.contains("Upgrading from v0.2 to v0.3..."), "{upgraded}");
    assert_eq!(fs::read_to_string(world.path("v3.json")).unwrap(), text);
    let shown = cosign(&world, &["bundle", "inspect", "v3.json"]).ok().stdout;
    assert!(shown.contains("  - Type: Message Signature\n"), "{shown}");
    let odd = cosign(&world, &["bundle", "inspect", "predicate.json"]).ok().stdout;
    assert!(odd.contains("[!] WARNING: Missing Verification Material"), "{odd}");
}

/// A leaf for `a@example.com` by a root of one's own, both PEM, with the leaf's key.
fn issued(usage: ExtendedKeyUsagePurpose) -> (String, String, String) {
    let (root_key, leaf_key) = (KeyPair::generate().unwrap(), KeyPair::generate().unwrap());
    let mut root = CertificateParams::default();
    root.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let mut leaf = CertificateParams::default();
    leaf.subject_alt_names = vec![SanType::Rfc822Name("a@example.com".try_into().unwrap())];
    leaf.extended_key_usages = vec![usage];
    let issuer =
        CustomExtension::from_oid_content(&[1, 3, 6, 1, 4, 1, 57264, 1, 1], b"https://id.example".to_vec());
    leaf.custom_extensions = vec![issuer];
    let signed = leaf.signed_by(&leaf_key, &Issuer::from_params(&root, &root_key)).unwrap();
    (root.self_signed(&root_key).unwrap().pem(), signed.pem(), leaf_key.serialize_pem())
}

#[test]
fn a_certificate_by_an_authority_of_ones_own_is_followed_to_its_root() {
    let world = files();
    let write = |prefix: &str, usage| {
        let (root, leaf, key) = issued(usage);
        fs::write(world.path(&format!("{prefix}root.pem")), root).unwrap();
        fs::write(world.path(&format!("{prefix}leaf.pem")), leaf).unwrap();
        fs::write(world.path(&format!("{prefix}leaf.key")), key).unwrap();
        let import = [
            "import-key-pair",
            "--key",
            &format!("{prefix}leaf.key"),
            "--output-key-prefix",
            &format!("{prefix}own"),
        ];
        cosign(&world, &import).ok();
        let (key, signature) = (format!("{prefix}own.key"), format!("{prefix}signature"));
        let sign = ["sign-blob", "--key", &key, OLD, "--output-signature", &signature, "blob"];
        cosign(&world, &[&sign, &OFFLINE[..]].concat()).ok();
    };
    write("", ExtendedKeyUsagePurpose::CodeSigning);
    write("server-", ExtendedKeyUsagePurpose::ServerAuth);
    write("other-", ExtendedKeyUsagePurpose::CodeSigning);
    let verify = |prefix: &str, authority: &[&str], who: &str, blob: &str| {
        let (signature, certificate) = (format!("{prefix}signature"), format!("{prefix}leaf.pem"));
        let line = [
            "verify-blob",
            "--signature",
            &signature,
            "--certificate",
            &certificate,
            UNLOGGED,
            "--insecure-ignore-sct",
        ];
        let who = ["--certificate-identity", who, "--certificate-oidc-issuer", "https://id.example"];
        cosign(&world, &[&line[..], authority, &who, &[blob]].concat())
    };
    let good = "a@example.com";
    for authority in [["--ca-roots", "root.pem"], ["--certificate-chain", "root.pem"]] {
        verify("", &authority, good, "blob").ok();
        verify("", &authority, good, "predicate.json").fails(1, "failed to verify signature");
        verify("", &authority, "b@example.com", "blob").fails(1, "b@example.com");
        verify("other-", &authority, good, "blob").fails(1, "does not lead to");
    }
    verify("server-", &["--ca-roots", "server-root.pem"], good, "blob").fails(1, "for another use");
    verify("", &["--ca-roots", "root.pem", "--certificate-chain", "root.pem"], good, "blob")
        .fails(1, "in the group");
    // Bundles hold these themselves.
    cosign(
        &world,
        &[&["sign-blob", "--key", "cosign.key", "--bundle", "b.json"], &OFFLINE[..], &["blob"]].concat(),
    )
    .ok();
    cosign(&world, &["verify-blob", "--key", "cosign.pub", UNLOGGED, "--ca-roots", "root.pem", "--bundle", "b.json", "blob"])
        .fails(1, "unsupported: CA roots/intermediates must be provided using --trusted-root when using --new-bundle-format");
}

/// CVE-2023-46737 and CVE-2024-29903: any number of signatures of one image was read.
#[test]
fn too_many_signatures_are_refused_by_their_number() {
    let (world, reference) = registry();
    sign(&world, &[OLD], &reference);
    let tag = cosign(&world, &["triangulate", &reference]).ok().stdout.trim().to_owned();
    let fetched = world.wharf(&["oras", "manifest", "fetch", "--plain-http", &tag]).ok().stdout;
    let mut manifest: serde_json::Value = serde_json::from_str(&fetched).unwrap();
    let layer = manifest["layers"][0].clone();
    manifest["layers"] = vec![layer; 1001].into();
    fs::write(world.path("many.json"), manifest.to_string()).unwrap();
    world.wharf(&["oras", "manifest", "push", "--plain-http", &tag, "many.json"]).ok();
    verify(&world, &[&reference]).fails(1, "1001; at most 1000 are read");
}

/// CVE-2022-47633: the tag was resolved twice, and what was used was not what had been verified.
#[test]
fn a_tag_that_moves_while_its_signature_is_read_changes_nothing() {
    let (world, reference) = registry();
    let digest = cosign(&world, &["triangulate", "--type", "digest", &reference]).ok().stdout;
    let digest = digest.trim().split('@').nth(1).unwrap().to_owned();
    sign(&world, &[], &reference);
    fs::write(world.path("evil"), "evil").unwrap();
    let evil = format!("{}/shop/app:evil", world.host());
    world.wharf(&["oras", "push", &evil, "--plain-http", "evil"]).ok();
    let program = env!("CARGO_BIN_EXE_wharf");
    let (home, name) = (world.home.path().to_owned(), reference.clone());
    let moved = world.interrupted("GET /v2/shop/app/referrers/", move || {
        let mut tag = std::process::Command::new(program);
        tag.args(["tag", &name.replace(":1", ":evil"), "1"])
            .env_clear()
            .env("HOME", &home)
            .current_dir(&home);
        let output = tag.output().unwrap();
        assert!(output.status.success(), "{output:?}");
    });
    let through = format!("{moved}/shop/app:1");
    let said = verify(&world, &[&through]).ok().stdout;
    assert!(said.contains(&digest), "{said}");
    verify(&world, &[&through]).fails(10, "no signatures found");
}

/// CVE-2024-29902: papers were read whatever their size.
#[test]
fn a_paper_beyond_the_bound_is_not_read() {
    let (world, reference) = registry();
    sign(&world, &[], &reference);
    let bounded = |size| {
        let line = ["verify", "--key", "cosign.pub", UNLOGGED, &reference];
        with(&world, &[("COSIGN_MAX_ATTACHMENT_SIZE", size)], &line)
    };
    bounded("100").fails(12, "bytes; 100 more are read");
    bounded("1MB").ok();
}

#[test]
fn scripts_for_shells_complete_commands() {
    let world = World::without_registry();
    for shell in ["bash", "zsh", "fish", "powershell"] {
        let script = cosign(&world, &["completion", shell]).ok().stdout;
        assert!(script.contains("__complete") && script.contains("cosign"), "{shell}: {script}");
    }
    let answer = world.wharf(&["cosign", "__completeNoDesc", "attach", "s"]).ok().stdout;
    assert_eq!(answer, "sbom\nsignature\n:4\n");
}
