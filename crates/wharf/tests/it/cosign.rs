//! `wharf cosign` on files: what scripts written for cosign rely on.

use std::path::{Path, PathBuf};

use crate::support::{Run, World};

const OFFLINE: [&str; 2] = ["--use-signing-config=false", "--tlog-upload=false"];
const IDENTITY: &str = "https://github.com/sigstore-conformance/extremely-dangerous-public-oidc-beacon/.github/workflows/extremely-dangerous-oidc-beacon.yml@refs/heads/main";
const ISSUER: &str = "https://token.actions.githubusercontent.com";

fn cosign(world: &World, arguments: &[&str]) -> Run {
    with_password(world, "pw", arguments)
}

fn with_password(world: &World, password: &str, arguments: &[&str]) -> Run {
    world.wharf_with(&[&["cosign"], arguments].concat(), "", &[("COSIGN_PASSWORD", password)])
}

fn with_key() -> World {
    let world = World::without_registry();
    std::fs::write(world.path("blob"), "hello").unwrap();
    let made = cosign(&world, &["generate-key-pair"]).ok();
    assert_eq!(made.stderr, "Private key written to cosign.key\nPublic key written to cosign.pub\n");
    world
}

fn sign(world: &World) -> Run {
    cosign(
        world,
        &[&["sign-blob", "--key", "cosign.key", "--bundle", "bundle.json"], &OFFLINE[..], &["blob"]].concat(),
    )
}

fn verify(world: &World, key: &str, blob: &str) -> Run {
    cosign(world, &["verify-blob", "--key", key, "--insecure-ignore-tlog", "--bundle", "bundle.json", blob])
}

/// Where the vectors lie: beside the workspace, which can be built without them.
fn vectors() -> Option<PathBuf> {
    let beside = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared");
    let shared = std::env::var_os("WHARF_SHARED").map_or_else(beside, PathBuf::from);
    let folder = shared.join("vectors/sigstore-bundle-verify");
    if !folder.is_dir() {
        println!("skipped: no vectors at {}", folder.display());
        return None;
    }
    Some(folder)
}

#[test]
fn every_vector_has_the_expected_verdict() {
    let Some(folder) = vectors() else { return };
    let world = World::without_registry();
    let mut cases: Vec<_> = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    cases.retain(|case| case.join("bundle.sigstore.json").is_file());
    assert_eq!(cases.len(), 70);
    for case in cases {
        let file = |name: &str| {
            Some(case.join(name)).filter(|path| path.is_file()).map(|path| path.display().to_string())
        };
        let text = |name: &str, otherwise: &str| {
            file(name).map_or_else(
                || otherwise.to_owned(),
                |path| std::fs::read_to_string(path).unwrap().trim().to_owned(),
            )
        };
        let (bundle, key, root) =
            (file("bundle.sigstore.json").unwrap(), file("key.pub"), file("trusted_root.json"));
        let (identity, issuer) = (text("identity", IDENTITY), text("issuer", ISSUER));
        let artifact = file("artifact").unwrap_or_else(|| folder.join("a.txt").display().to_string());
        let mut line = vec!["cosign", "verify-blob", "--bundle", &bundle];
        match &key {
            Some(key) => line.extend(["--key", key]),
            None => line.extend(["--certificate-identity", &identity, "--certificate-oidc-issuer", &issuer]),
        }
        if let Some(root) = &root {
            line.extend(["--trusted-root", root]);
        }
        line.push(&artifact);
        let run = world.wharf(&line);
        let name = case.file_name().unwrap().to_string_lossy().into_owned();
        let expected = i32::from(name.ends_with("_fail"));
        assert_eq!(run.status, expected, "{name}: {run:?}");
        assert_eq!(run.stderr.ends_with("Verified OK\n"), expected == 0, "{name}: {run:?}");
    }
}

#[test]
fn a_signed_blob_verifies_and_a_changed_one_does_not() {
    let world = with_key();
    sign(&world).ok();
    assert!(verify(&world, "cosign.pub", "blob").ok().stderr.ends_with("Verified OK\n"));
    let digest = "sha256:2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";
    verify(&world, "cosign.pub", digest).ok();
    std::fs::write(world.path("other"), "hallo").unwrap();
    verify(&world, "cosign.pub", "other").fails(1, "failed to verify signature");
    verify(&world, "cosign.pub", "nosuch").fails(1, "open nosuch: no such file or directory");
    cosign(&world, &["generate-key-pair", "--output-key-prefix", "second"]).ok();
    verify(&world, "second.pub", "blob").fails(1, "failed to verify signature");
}

#[test]
fn a_log_is_demanded_unless_said_otherwise() {
    let world = with_key();
    sign(&world).ok();
    cosign(&world, &["verify-blob", "--key", "cosign.pub", "--bundle", "bundle.json", "blob"])
        .fails(1, "transparency log");
    cosign(&world, &["sign-blob", "--key", "cosign.key", "--bundle", "b", "--tlog-upload=false", "blob"])
        .fails(1, "--tlog-upload=false is not supported with");
    std::fs::write(
        world.path("none.json"),
        r#"{"mediaType":"application/vnd.dev.sigstore.signingconfig.v0.2+json"}"#,
    )
    .unwrap();
    cosign(
        &world,
        &["sign-blob", "--key", "cosign.key", "--bundle", "b", "--signing-config", "none.json", "blob"],
    )
    .ok();
}

#[test]
fn a_wrong_password_opens_nothing_and_an_existing_key_is_kept() {
    let world = with_key();
    let line = [&["sign-blob", "--key", "cosign.key", "--bundle", "b"], &OFFLINE[..], &["blob"]].concat();
    with_password(&world, "wrong", &line).fails(1, "password");
    assert!(!world.path("b").exists());
    let before = std::fs::read(world.path("cosign.key")).unwrap();
    cosign(&world, &["generate-key-pair"]).fails(1, "user declined the prompt");
    assert_eq!(std::fs::read(world.path("cosign.key")).unwrap(), before);
    use std::os::unix::fs::PermissionsExt as _;
    let mode = |name: &str| std::fs::metadata(world.path(name)).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode("cosign.key"), mode("cosign.pub")), (0o600, 0o644));
}

#[test]
fn the_public_half_is_shown_from_either_half() {
    let world = with_key();
    let written = std::fs::read_to_string(world.path("cosign.pub")).unwrap();
    assert_eq!(cosign(&world, &["public-key", "--key", "cosign.key"]).ok().stdout, written);
    assert_eq!(cosign(&world, &["public-key", "--key", "cosign.pub"]).ok().stdout, written);
    cosign(&world, &["public-key"])
        .fails(1, "exactly one of: key reference (--key), or hardware token (--sk) must be provided");
}

#[test]
fn an_attestation_verifies_for_its_type_and_its_blob_only() {
    let world = with_key();
    std::fs::write(world.path("predicate.json"), r#"{"built":"here"}"#).unwrap();
    let attest =
        ["attest-blob", "--key", "cosign.key", "--bundle", "att.json", "--predicate", "predicate.json"];
    cosign(&world, &[&attest, &OFFLINE[..], &["--type", "spdxjson", "blob"]].concat()).ok();
    let verify =
        ["verify-blob-attestation", "--key", "cosign.pub", "--insecure-ignore-tlog", "--bundle", "att.json"];
    let run = |more: &[&str]| cosign(&world, &[&verify, more].concat());
    assert!(run(&["--type", "spdxjson", "blob"]).ok().stderr.ends_with("Verified OK\n"));
    run(&["blob"]).fails(1, "invalid predicate type, expected custom got https://spdx.dev/Document");
    run(&["--type", "spdxjson", "predicate.json"]).fails(1, "the statement is about");
    run(&["--type", "spdxjson", "--check-claims=false"]).ok();
    cosign(&world, &[&attest[..5], &OFFLINE[..], &["blob"]].concat())
        .fails(1, "at least one of the flags in the group [predicate statement] is required");
}

#[test]
fn a_wrong_command_line_is_answered_as_cosign_does() {
    let world = with_key();
    let both = |text: &str| format!("Error: {text}\nerror during command execution: {text}\n");
    for (line, text) in [
        (&["verify-blob", "--nosuch"][..], "unknown flag: --nosuch"),
        (&["verify-blob", "--key", "cosign.pub"], "accepts 1 arg(s), received 0"),
        (
            &["verify-blob", "blob"],
            "provide a key with --key or --sk, a certificate to verify against with --certificate, or a bundle with --bundle",
        ),
        (&["sign-blob", "blob"], "must specify --bundle with --new-bundle-format"),
        (
            &["verify-blob", "--bundle", "b", "blob"],
            "--certificate-identity or --certificate-identity-regexp is required for verification in keyless mode",
        ),
    ] {
        let run = cosign(&world, line);
        assert_eq!((run.status, run.stderr), (1, both(text)), "{line:?}");
    }
}

#[test]
fn a_password_in_the_environment_is_not_shown() {
    let world = with_key();
    let shown = with_password(&world, "secret", &["env"]).ok().stdout;
    assert!(shown.contains("COSIGN_PASSWORD=******") && !shown.contains("secret"));
    let shown = with_password(&world, "secret", &["env", "--show-sensitive-values"]).ok().stdout;
    assert!(shown.contains("COSIGN_PASSWORD=secret"));
    assert!(
        cosign(&world, &["version", "--json"]).ok().json()["gitVersion"]
            .as_str()
            .unwrap()
            .starts_with("v3.1")
    );
}
