//! Keys that a key-management plug-in keeps: what is done with plug-ins that fail or lie. One that works signs in the tests
//! with real cosign.

use std::os::unix::fs::PermissionsExt as _;

use crate::support::{Run, World};

const OFFLINE: [&str; 2] = ["--use-signing-config=false", "--tlog-upload=false"];

/// A world with a blob, a key pair in files, and a plug-in that runs these lines of shell.
fn with_plugin(lines: &str) -> World {
    with_plugin_in(World::without_registry(), lines)
}

fn with_plugin_in(world: World, lines: &str) -> World {
    std::fs::write(world.path("blob"), "hello").unwrap();
    cosign(&world, &["generate-key-pair"]).ok();
    let public = std::fs::read(world.path("cosign.pub")).unwrap();
    std::fs::write(world.path("public.base64"), wharf_trust::Base64(public).to_string()).unwrap();
    std::fs::create_dir(world.path("bin")).unwrap();
    let plugin = world.path("bin/sigstore-kms-test");
    std::fs::write(&plugin, format!("#!/bin/sh\n{lines}\n")).unwrap();
    std::fs::set_permissions(&plugin, std::fs::Permissions::from_mode(0o755)).unwrap();
    world
}

fn cosign(world: &World, arguments: &[&str]) -> Run {
    wharf(world, &[&["cosign"], arguments].concat())
}

fn wharf(world: &World, arguments: &[&str]) -> Run {
    let path = world.path("bin").display().to_string();
    let variables = [("COSIGN_PASSWORD", "pw"), ("PATH", path.as_str())];
    world.wharf_with(arguments, "", &variables)
}

fn sign(world: &World, key: &str) -> Run {
    let run = cosign(
        world,
        &[&["sign-blob", "--key", key, "--bundle", "b.json"], &OFFLINE[..], &["blob"]].concat(),
    );
    assert!(run.status == 0 || !world.path("b.json").exists(), "{run:?}");
    run
}

#[test]
fn a_plugin_that_fails_is_quoted_and_nothing_is_written() {
    for (lines, text) in [
        (
            r#"echo '{"errorMessage":"the token is locked"}'; exit 7"#,
            "plugin returned error: the token is locked",
        ),
        ("echo nonsense", "parsing plugin response"),
        ("exit 1", "parsing plugin response"),
        ("echo '{}'", "answered without the public key"),
        (r#"echo '{"publicKey":{"publicKeyPEM":"bm8="}}'"#, "no PEM block"),
        ("kill -9 $$", "error executing plugin program"),
        ("while :; do echo '                                        '; done", "longer than 1048576 bytes"),
    ] {
        let world = with_plugin(lines);
        sign(&world, "test://key").fails(1, text);
        cosign(&world, &["public-key", "--key", "test://key"]).fails(1, text);
        let verify =
            ["verify-blob", "--insecure-ignore-tlog", "--key", "test://key", "--bundle", "b.json", "blob"];
        cosign(&world, &verify).fails(1, text);
    }
}

#[test]
fn a_signature_that_is_not_by_the_plugins_key_is_not_used() {
    let world = with_plugin(
        r#"read -r key < public.base64
        case $2 in
        *publicKeyOptions*) echo "{\"publicKey\":{\"publicKeyPEM\":\"$key\"}}" ;;
        *) echo '{"signMessage":{"signature":"AAAA"}}' ;;
        esac"#,
    );
    let shown = cosign(&world, &["public-key", "--key", "test://key"]).ok().stdout;
    assert_eq!(shown, std::fs::read_to_string(world.path("cosign.pub")).unwrap());
    sign(&world, "test://key").fails(1, "the plug-in's signature is not one by its key");
    // By the same reference, what the key signed verifies.
    sign(&world, "cosign.key").ok();
    cosign(
        &world,
        &["verify-blob", "--insecure-ignore-tlog", "--key", "test://key", "--bundle", "b.json", "blob"],
    )
    .ok();
}

/// As CVE-2026-35204 and CVE-2026-24686: a name from outside became part of a path.
#[test]
fn a_plugin_is_found_by_the_name_of_the_scheme_and_nowhere_else() {
    let world = with_plugin("echo '{}'");
    sign(&world, "nosuch://key").fails(1, "sigstore-kms-nosuch is not on the PATH");
    sign(&world, "x/../../bin/sigstore-kms-test://key").fails(1, "is not a scheme");
    sign(&world, "://key").fails(1, "is not a scheme");
    cosign(&world, &["generate-key-pair", "--kms", "key"])
        .fails(1, "expected format: [plugin name]://[key ref], got: key");
}

#[test]
fn a_policy_believes_a_key_that_a_plugin_keeps() {
    let lines = r#"printf '{"publicKey":{"publicKeyPEM":"'; /bin/cat public.base64; echo '"}}'"#;
    let world = with_plugin_in(World::logged_in(), lines);
    world.publish(&[]).ok();
    let image = format!("{}/shop/storefront:1.4.0", world.host());
    let policy = |kms: &str| {
        let signers = format!("signers: {{ vault: {{ key: {{ {kms} }} }} }}");
        let rule = "{ name: all, match: { repositories: [\"**\"] }, signatures: { of: [vault] } }";
        std::fs::write(
            world.path("policy.yaml"),
            format!("version: 1\ndefault: deny\n{signers}\nrules: [{rule}]\n"),
        )
        .unwrap();
        wharf(&world, &["verify", &image, "--policy", "policy.yaml"])
    };
    policy("kms: \"test://key\"").fails(5, "");
    cosign(&world, &[&["sign", "--key", "cosign.key"], &OFFLINE[..], &[&image]].concat()).ok();
    policy("kms: \"test://key\"").ok();
    // The registry asks no plug-in: what a project's policy keeps is the public key.
    let host = world.host();
    let project =
        |words: &[&str]| wharf(&world, &[&["project", "policy"], words, &["--registry", &host]].concat());
    project(&["set", "shop", "policy.yaml"]).ok();
    let shown = project(&["show", "shop"]).ok().stdout;
    assert!(shown.contains("BEGIN PUBLIC KEY") && !shown.contains("test://"), "{shown}");

    policy("kms: \"nosuch://key\"").fails(1, "sigstore-kms-nosuch is not on the PATH");
    policy("kms: \"https://example.com/key\"").fails(1, "is no key of a key-management system");
    for wrong in ["kms: cosign.pub", "file: \"test://key\"", "kms: \"test://key\", file: cosign.pub"] {
        let run = policy(wrong);
        assert!(
            run.status != 0 && run.stderr.contains("a key is one of a file, a pem, and a kms"),
            "{run:?}"
        );
    }
}
