//! `wharf oras`: stored bytes, texts and statuses as ORAS 1.3.3 has them (recorded from it), on layouts and on a registry of
//! this build.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};

use serde_json::{Value, json};

use crate::support::{PASSWORD, Run, World};

/// Makes packing reproducible, so that digests can be compared with recorded ones.
const CREATED: &str = "--annotation=org.opencontainers.image.created=2026-01-01T00:00:00Z";

fn oras(world: &World, words: &[&str]) -> Run {
    let mut line = vec!["oras"];
    line.extend(words);
    world.wharf(&line)
}

fn with_file() -> World {
    let world = World::without_registry();
    fs::write(world.path("hi.txt"), "hello\n").unwrap();
    world
}

/// The registry by the name for which ORAS speaks plain HTTP unasked.
fn local(world: &World, rest: &str) -> String {
    format!("{}{rest}", world.host().replace("127.0.0.1", "localhost"))
}

fn logged_in() -> World {
    let world = World::new();
    fs::write(world.path("hi.txt"), "hello\n").unwrap();
    let words = ["oras", "login", &local(&world, ""), "-u", "admin", "--password-stdin"];
    let run = world.wharf_with(&words, PASSWORD, &[]).ok();
    assert_eq!(run.stdout, "Login Succeeded\n");
    world.wharf(&["project", "create", "shop", "--registry", &local(&world, "")]).ok();
    world
}

#[test]
fn a_packed_file_has_the_digest_that_oras_gives_it() {
    let world = with_file();
    let run = oras(&world, &["push", CREATED, "--oci-layout", "l:v1", "hi.txt"]).ok();
    assert!(run.stdout.starts_with("Preparing hi.txt\n"), "{run:?}");
    let end = "Pushed [oci-layout] l:v1\nArtifactType: application/vnd.unknown.artifact.v1\nDigest: \
               sha256:02bcd8e880acf3508eab51e4ca9037251496ceca8c19b40761dc9c4c09bc9e73\n";
    assert!(run.stdout.ends_with(end), "{run:?}");
    let attached = ["attach", CREATED, "--artifact-type", "a/b", "--oci-layout", "l:v1", "hi.txt"];
    let run = oras(&world, &[&attached[..], &["--format", "json"]].concat()).ok();
    let digest = "sha256:fe7ce6a19fa791c3b23ce702fe36df691b4f8db8cb4cefaa7dfad8fd6e54d9e4";
    assert_eq!(run.json()["digest"], digest);
    let tree = oras(&world, &["discover", "--oci-layout", "l:v1"]).ok().stdout;
    assert_eq!(
        tree,
        format!(
            "l@sha256:02bcd8e880acf3508eab51e4ca9037251496ceca8c19b40761dc9c4c09bc9e73\n└── a/b\n    └── {digest}\n        \
             └── [annotations]\n            └── org.opencontainers.image.created: \"2026-01-01T00:00:00Z\"\n"
        )
    );
}

#[test]
fn a_folder_comes_back_with_its_modes_and_links() {
    let world = World::without_registry();
    fs::create_dir_all(world.path("d/sub")).unwrap();
    fs::write(world.path("d/a.txt"), "a").unwrap();
    fs::write(world.path("d/sub/run.sh"), "b").unwrap();
    fs::set_permissions(world.path("d/sub/run.sh"), fs::Permissions::from_mode(0o755)).unwrap();
    symlink("a.txt", world.path("d/link")).unwrap();
    let pushed = oras(&world, &["push", "--oci-layout", "l:d", "d", "--format", "json"]).ok().json();
    let manifest = oras(&world, &["manifest", "fetch", "--oci-layout", "l:d"]).ok().json();
    let annotations = &manifest["layers"][0]["annotations"];
    assert_eq!(annotations["io.deis.oras.content.unpack"], "true");
    assert!(annotations["io.deis.oras.content.digest"].as_str().unwrap().starts_with("sha256:"));
    let pulled = oras(&world, &["pull", "--oci-layout", "l:d", "-o", "out", "--format", "json"]).ok().json();
    assert_eq!(pulled["reference"], pushed["reference"]);
    assert!(pulled["files"][0]["path"].as_str().unwrap().ends_with("/out/d/"));
    assert_eq!(fs::read_to_string(world.path("out/d/a.txt")).unwrap(), "a");
    assert_eq!(fs::read_link(world.path("out/d/link")).unwrap().to_str(), Some("a.txt"));
    let mode = fs::metadata(world.path("out/d/sub/run.sh")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o755);
}

#[test]
fn a_layer_that_leads_out_of_the_output_folder_is_refused() {
    let world = with_file();
    fs::write(world.path("names.json"), r#"{"hi.txt":{"org.opencontainers.image.title":"../out.txt"}}"#)
        .unwrap();
    oras(&world, &["push", "--oci-layout", "l:v1", "--annotation-file", "names.json", "hi.txt"]).ok();
    oras(&world, &["pull", "--oci-layout", "l:v1", "-o", "in"]).fails(1, "path traversal disallowed");
    assert!(!world.path("out.txt").exists());
    oras(&world, &["pull", "--oci-layout", "l:v1", "-o", "in", "-T"]).ok();
    assert_eq!(fs::read_to_string(world.path("out.txt")).unwrap(), "hello\n");
    oras(&world, &["pull", "--oci-layout", "l:v1", "-o", "in", "-T", "-k"]).fails(1, "overwrite disallowed");
}

/// GHSA-fxhp-mv3v-67qp, and GHSA-g5v4-5x39-vwhx (CVE-2021-21272) before it: a hard link to a file outside of the archive.
#[test]
fn an_archive_cannot_link_to_a_file_outside_of_it() {
    let world = World::without_registry();
    fs::write(world.path("secret.txt"), "secret").unwrap();
    let script = "mkdir -p sub/evil && cd sub && ln ../secret.txt evil/hard && tar -P -cf ../evil.tar ../secret.txt evil/hard \
                  && tar -P --delete -f ../evil.tar ../secret.txt && gzip ../evil.tar";
    let made = std::process::Command::new("sh").args(["-c", script]).current_dir(world.home.path()).status();
    assert!(made.unwrap().success());
    fs::write(
        world.path("names.json"),
        r#"{"evil.tar.gz":{"org.opencontainers.image.title":"evil","io.deis.oras.content.unpack":"true"}}"#,
    )
    .unwrap();
    oras(&world, &["push", "--oci-layout", "l:v1", "--annotation-file", "names.json", "evil.tar.gz"]).ok();
    oras(&world, &["pull", "--oci-layout", "l:v1", "-o", "in"]).fails(1, "outside of");
    assert!(!world.path("in/evil/hard").exists());
}

#[test]
// GHSA-m37j-52j7-pjw7, GHSA-j6hm-v3x2-qv6j, GHSA-8xwf-rjm4-xvhv: a chain of links, and a folder that is one.
fn an_archive_cannot_write_through_its_own_link() {
    let world = World::without_registry();
    // A link out of the folder, then a file behind it.
    fs::create_dir(world.path("evil")).unwrap();
    let script = "ln -s .. evil/up && tar cf evil.tar evil && rm evil/up && mkdir evil/up && echo x > evil/up/owned && tar rf \
                  evil.tar evil/up/owned && gzip evil.tar";
    let made = std::process::Command::new("sh").args(["-c", script]).current_dir(world.home.path()).status();
    assert!(made.unwrap().success());
    fs::write(
        world.path("names.json"),
        r#"{"evil.tar.gz":{"org.opencontainers.image.title":"evil","io.deis.oras.content.unpack":"true"}}"#,
    )
    .unwrap();
    oras(&world, &["push", "--oci-layout", "l:v1", "--annotation-file", "names.json", "evil.tar.gz"]).ok();
    oras(&world, &["pull", "--oci-layout", "l:v1", "-o", "in"]).fails(1, "outside of");
    assert!(!world.path("in/owned").exists());
}

#[test]
fn wrong_arguments_are_answered_as_oras_answers_them() {
    let world = World::without_registry();
    let text = "Error: \"oras push\" requires at least 1 argument but got 0\nUsage: oras push [flags] \
                <name>[:<tag>[,<tag>][...]] <file>[:<type>] [...]\nPlease specify at least 1 argument as the destination for \
                pushing. Run \"oras push -h\" for more options and examples\n";
    assert_eq!(oras(&world, &["push"]).fails(1, "").stderr, text);
    let text = "Error: \"/oras\": invalid reference: invalid registry \"\"\nPlease make sure the provided reference is in the \
                form of <registry>/<repo>[:tag|@digest]\n";
    assert_eq!(oras(&world, &["push", "/oras"]).fails(1, "").stderr, text);
    oras(&world, &["push", "--nosuch"]).fails(1, "Error: unknown flag: --nosuch");
    oras(&world, &["pull", "--oci-layout", "none:v1"])
        .fails(1, "Error: invalid argument \"none:v1\": failed to find path \"none\"");
    oras(&world, &["tag", "list"]).fails(1, "there is no \"list\" sub-command");
    oras(&world, &["resolve", "--oci-layout", "l:v1", "--verbose"])
        .fails(1, "Flag --verbose has been deprecated");
}

#[test]
fn an_artifact_goes_to_a_registry_and_back_with_what_is_attached() {
    let world = logged_in();
    let (first, second) = (local(&world, "/shop/a:v1"), local(&world, "/shop/b:v1,latest"));
    let pushed = oras(&world, &["push", CREATED, &first, "hi.txt", "--format", "json"]).ok().json();
    assert_eq!(pushed["referenceAsTags"], json!([first]));
    oras(&world, &["attach", CREATED, "--artifact-type", "a/b", &first, "hi.txt"]).ok();
    let run = oras(&world, &["cp", "-r", &first, &second]).ok();
    assert!(run.stdout.contains("\nTagged latest\n"), "{run:?}");
    let found = oras(&world, &["discover", "--format", "json", &local(&world, "/shop/b:latest")]).ok().json();
    assert_eq!(found["digest"], pushed["digest"]);
    assert_eq!(found["referrers"][0]["artifactType"], "a/b");
    let tags = oras(&world, &["repo", "tags", &local(&world, "/shop/b")]).ok().stdout;
    assert_eq!(tags, "latest\nv1\n");
    let names = oras(&world, &["repo", "ls", &local(&world, "/shop"), "--format", "json"]).ok().json();
    assert_eq!(names["repositories"], json!(["shop/a", "shop/b"]));
    oras(&world, &["pull", &local(&world, "/shop/b:v1"), "-o", "out"]).ok();
    assert_eq!(fs::read_to_string(world.path("out/hi.txt")).unwrap(), "hello\n");
    let missing = oras(&world, &["resolve", &local(&world, "/shop/b:v2")]);
    let text = format!(
        "Error response from registry: failed to resolve digest: {}: not found",
        local(&world, "/shop/b:v2")
    );
    missing.fails(1, &text);
}

#[test]
fn a_repository_is_backed_up_into_a_tar_and_restored() {
    let world = logged_in();
    let (from, to) = (local(&world, "/shop/a"), local(&world, "/shop/restored"));
    for tag in ["v1", "v2"] {
        oras(&world, &["push", CREATED, "-a", &format!("tag={tag}"), &format!("{from}:{tag}"), "hi.txt"])
            .ok();
    }
    oras(&world, &["attach", "--artifact-type", "a/b", "-a", "k=v", &format!("{from}:v1")]).ok();
    let run = oras(&world, &["backup", "--include-referrers", "-o", "all.tar", &from]).ok();
    assert!(run.stdout.contains("Pulled tag v1 with 1 referrer(s)\n"), "{run:?}");
    let run = oras(&world, &["restore", "--input", "all.tar", "--dry-run", &to]).ok();
    assert!(run.stdout.contains("Dry run: would push tag v1 with 1 referrer(s)\n"), "{run:?}");
    oras(&world, &["restore", "--input", "all.tar", &to]).ok();
    for tag in ["v1", "v2"] {
        let digest = |place: &str| oras(&world, &["resolve", &format!("{place}:{tag}")]).ok().stdout;
        assert_eq!(digest(&from), digest(&to));
    }
    let found = oras(&world, &["discover", "--format", "json", &format!("{to}:v1")]).ok().json();
    assert_eq!(found["referrers"].as_array().map(Vec::len), Some(1));
}

#[test]
fn an_index_is_made_changed_and_deleted() {
    let world = with_file();
    for tag in ["a", "b"] {
        oras(&world, &["push", "-a", &format!("k={tag}"), "--oci-layout", &format!("l:{tag}"), "hi.txt"])
            .ok();
    }
    oras(&world, &["manifest", "index", "create", "--oci-layout", "l:all", "a"]).ok();
    oras(&world, &["manifest", "index", "update", "--oci-layout", "l:all", "--add", "b"]).ok();
    let index: Value = oras(&world, &["manifest", "fetch", "--oci-layout", "l:all"]).ok().json();
    assert_eq!(index["manifests"].as_array().map(Vec::len), Some(2));
    oras(&world, &["manifest", "delete", "--oci-layout", "l:all", "--force"]).ok();
    let tags = oras(&world, &["repo", "tags", "--oci-layout", "l", "--format", "go-template={{len .tags}}"]);
    assert_eq!(tags.ok().stdout, "2");
}

#[test]
// GHSA-5jhf-2qmf-m8c5: tokens, cookies and signed addresses in the log.
fn the_debug_log_shows_requests_and_no_secret() {
    let world = logged_in();
    let target = local(&world, "/shop/a:v1");
    let run = oras(&world, &["push", "--debug", "-H", "X-Test:yes", &target, "hi.txt"]).ok();
    assert!(run.stderr.contains("--> Request #0\n> Request URL: "), "{run:?}");
    assert!(run.stderr.contains("   \"X-Test\": \"yes\""), "{run:?}");
    assert!(run.stderr.contains("\"Authorization\": \"*****\""), "{run:?}");
    assert!(!run.stderr.contains("Bearer ey"), "{run:?}");
}
