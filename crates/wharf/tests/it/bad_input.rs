//! What can be wrong with a copy: one sentence each that names the side, the thing, and who must act; and nothing is left behind
//! that looks whole.

use std::collections::HashMap;
use std::fs;
use std::sync::Mutex;

use reqwest::Method;
use wharf_content::contract::{blob, manifest, push_image};
use wharf_oci::{Algorithm, Descriptor, media_type};
use wharf_testkit::{TestServer, answer};

use crate::support::{Run, World};

/// A home and a registry that a test can bend, with an image under `v1`.
struct Bent {
    world: World,
    server: TestServer,
    /// The server runs on it.
    _runtime: tokio::runtime::Runtime,
}

impl Bent {
    fn new() -> Self {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let server = runtime.block_on(async {
            let server = TestServer::start().await;
            push_image(&server.repository(), "image", &["v1"]).await;
            server
        });
        Self { world: World::without_registry(), server, _runtime: runtime }
    }

    fn place(&self) -> String {
        format!("{}/shop/web:v1", self.server.host())
    }

    fn from(&self) -> Run {
        self.world.wharf(&["cp", &self.place(), "layout:out"])
    }

    /// Serves this manifest under `v1`.
    fn serve(&self, json: Vec<u8>) {
        self.server.bend(move |seen, _| {
            let wanted = seen.method == Method::GET && seen.uri.path().ends_with("/manifests/v1");
            wanted.then(|| answer(200, &[("content-type", media_type::OCI_MANIFEST)], json.clone()))
        });
    }
}

/// The whole of what is said is one sentence, perhaps with causes and a hint.
#[track_caller]
fn says(run: Run, status: i32, words: &[&str]) {
    assert_eq!(run.status, status, "{run:?}");
    let lines: Vec<&str> = run.stderr.lines().filter(|line| !line.trim().is_empty()).collect();
    assert!(lines.len() <= 4, "more than a sentence, its causes and a hint: {run:?}");
    for word in words {
        assert!(run.stderr.contains(word), "{word:?} is not in {run:?}");
    }
    assert!(!run.stderr.contains("panicked"), "{run:?}");
}

#[test]
fn a_host_that_nobody_answers_for_is_named_with_its_side() {
    let world = World::without_registry();
    let host = world.host();
    says(
        world.wharf(&["cp", &format!("{host}/a:v1"), "layout:x"]),
        8,
        &["source", "cannot connect", &host, "check the host"],
    );
    let bent = Bent::new();
    let there = format!("{host}/a:v1");
    says(bent.world.wharf(&["cp", &bent.place(), &there]), 8, &["destination", "cannot connect", &host]);
}

#[test]
fn a_reference_that_is_none_is_quoted() {
    let world = World::without_registry();
    for bad in ["UPPER.example/Case:v1", "localhost:5000/a:bad tag", "localhost:5000/a@sha256:abc"] {
        let run = world.wharf(&["cp", bad, "layout:x"]);
        says(run, 2, &[bad]);
    }
    assert!(!world.path("x").exists());
}

#[test]
fn a_tag_that_vanished_is_named_with_side_and_repository() {
    let bent = Bent::new();
    let gone = bent.place().replace("v1", "gone");
    says(
        bent.world.wharf(&["cp", &gone, "layout:x"]),
        6,
        &["source", "gone", "shop/web", &bent.server.host()],
    );
}

#[test]
fn a_token_that_expired_leads_to_the_login() {
    let bent = Bent::new();
    bent.server.bend(|_, _| {
        let body = r#"{"errors":[{"code":"UNAUTHORIZED","message":"the token has expired"}]}"#;
        Some(answer(401, &[("www-authenticate", "Basic realm=x")], body))
    });
    says(bent.from(), 7, &["source", "asks for a login", "the token has expired", "wharf login"]);
}

#[test]
fn a_helper_that_is_missing_is_named() {
    let bent = Bent::new();
    fs::create_dir_all(bent.world.path(".docker")).unwrap();
    fs::write(bent.world.path(".docker/config.json"), r#"{"credsStore":"nowhere-to-be-found"}"#).unwrap();
    let run = bent.from();
    assert_ne!(run.status, 0, "{run:?}");
    let place = bent.place();
    let (place, _) = place.rsplit_once(':').unwrap();
    says(run, 1, &["the login for", place, "docker-credential-nowhere-to-be-found", "install it"]);
    assert!(bent.server.seen().iter().all(|seen| seen.authorization().is_none()));
}

#[test]
fn a_digest_that_lies_is_found_out_and_nothing_is_tagged() {
    let bent = Bent::new();
    let digest = Algorithm::Sha256.digest(b"image").to_string();
    bent.server.bend(move |seen, _| {
        let wanted = seen.method == Method::GET && seen.uri.path().ends_with(&digest);
        wanted.then(|| answer(200, &[], "imagE"))
    });
    let run = bent.from();
    assert!(run.stderr.contains("source"), "{run:?}");
    says(run, 1, &["sha256:", "is corrupt", "restore it there"]);
    assert_eq!(bent.world.wharf(&["ls", "layout:out"]).ok().stdout, "");
}

#[test]
fn a_graph_without_an_end_is_given_up_with_the_bound() {
    let bent = Bent::new();
    let made = Mutex::new(HashMap::new());
    bent.server.bend(move |seen, _| {
        let path = seen.uri.path();
        if let Some(subject) = path.strip_prefix("/v2/shop/web/referrers/") {
            let of = Descriptor::new(media_type::OCI_MANIFEST, subject.parse().unwrap(), 100);
            let next = manifest(&blob(media_type::OCI_EMPTY, "{}").0, &[], Some(&of));
            let entry = serde_json::to_string(&next.descriptor()).unwrap();
            made.lock().unwrap().insert(next.digest.to_string(), next.bytes);
            let body = format!(r#"{{"schemaVersion":2,"manifests":[{entry}]}}"#);
            return Some(answer(200, &[("content-type", media_type::OCI_INDEX)], body));
        }
        let known = made.lock().unwrap().get(path.strip_prefix("/v2/shop/web/manifests/")?)?.clone();
        Some(answer(200, &[("content-type", media_type::OCI_MANIFEST)], known))
    });
    says(bent.from(), 1, &["source", "goes beyond 32 depth"]);
}

#[test]
fn a_manifest_without_an_end_is_not_read() {
    let bent = Bent::new();
    bent.serve(vec![b' '; 5 << 20]);
    says(bent.from(), 1, &["source", "manifest v1", "4194304"]);
}

#[test]
fn a_destination_that_takes_everything_and_keeps_nothing_fails_the_copy() {
    let (bent, there) = (Bent::new(), Bent::new());
    there.server.bend(|seen, _| match (&seen.method, seen.uri.path()) {
        (&Method::POST, _) => Some(answer(202, &[("location", "/v2/shop/web/blobs/uploads/1")], "")),
        (&Method::PUT, _) => Some(answer(201, &[], "")),
        (&Method::GET, path) if path.contains("/referrers/") => None,
        _ => Some(answer(404, &[], "")),
    });
    let place = format!("{}/shop/web:v2", there.server.host());
    let run = bent.world.wharf(&["cp", &bent.place(), &place]);
    says(run, 9, &["destination", &there.server.host(), "does not have it"]);
    // No tag was set on what is not there.
    let tagged = there.server.seen().iter().any(|seen| seen.uri.path().ends_with("/manifests/v2"));
    assert!(!tagged);
}

#[test]
fn a_certificate_that_is_not_trusted_is_told_with_the_flag() {
    let folder = tempfile::TempDir::new().unwrap();
    let made = |name: &str, common_name: &str, until: i32| {
        let mut parameters = rcgen::CertificateParams::new(["127.0.0.1".to_owned()]).unwrap();
        parameters.distinguished_name.push(rcgen::DnType::CommonName, common_name);
        parameters.not_after = rcgen::date_time_ymd(until, 1, 1);
        let key = rcgen::KeyPair::generate().unwrap();
        let files = [folder.path().join(name), folder.path().join(format!("{name}.key"))];
        fs::write(&files[0], parameters.self_signed(&key).unwrap().pem()).unwrap();
        fs::write(&files[1], key.serialize_pem()).unwrap();
        files.map(|file| file.to_str().unwrap().to_owned())
    };
    let [own, key] = made("own", "a", 2100);
    let world = World::with_settings(&[("WHARF_TLS_CERTIFICATE", &own), ("WHARF_TLS_KEY", &key)]);
    let place = format!("{}/shop/web:v1", world.host());
    // Another authority, and another one of the same name.
    for (name, common_name) in [("other", "b"), ("twin", "a")] {
        let [other, _] = made(name, common_name, 2100);
        let run = world.wharf(&["cp", &place, "layout:x", "--ca-file", &other]);
        says(run, 8, &["source", &world.host(), "certificate", "--ca-file"]);
    }
    // The right one is believed: what is missing then is a login.
    says(world.wharf(&["cp", &place, "layout:x", "--ca-file", &own]), 7, &["source", "wharf login"]);
    let [old, key] = made("old", "a", 2020);
    let world = World::with_settings(&[("WHARF_TLS_CERTIFICATE", &old), ("WHARF_TLS_KEY", &key)]);
    let place = format!("{}/shop/web:v1", world.host());
    let run = world.wharf(&["cp", &place, "layout:x", "--ca-file", &old]);
    says(run, 8, &["source", &world.host(), "expired", "must renew"]);
}

#[test]
fn a_layer_that_leads_out_of_the_folder_is_named_and_not_written() {
    let bent = Bent::new();
    for name in ["../owned", "/tmp/wharf-owned", "a/../../owned"] {
        let mut layer = bent.server.put_blob(b"owned");
        layer.annotations.insert("org.opencontainers.image.title".into(), name.into());
        let config = bent.server.put_blob(b"{}");
        bent.serve(manifest(&config, &[&layer], None).bytes.to_vec());
        says(bent.world.wharf(&["pull", &bent.place(), "--to", "out"]), 1, &[name]);
        assert!(!bent.world.path("owned").exists());
        assert!(!std::path::Path::new("/tmp/wharf-owned").exists());
    }
}

#[test]
fn referrers_that_lead_in_a_circle_are_carried_once() {
    let bent = Bent::new();
    let image = bent.world.wharf(&["inspect", &bent.place(), "-o", "json"]).ok().json();
    let digest = image["digest"].as_str().unwrap().to_owned();
    let paper = manifest(
        &bent.server.put_blob(b"{}"),
        &[],
        Some(&Descriptor::new(media_type::OCI_MANIFEST, digest.parse().unwrap(), 100)),
    );
    let (own, bytes) = (paper.digest.to_string(), paper.bytes.clone());
    let entry = serde_json::to_string(&paper.descriptor()).unwrap();
    bent.server.bend(move |seen, _| {
        let path = seen.uri.path();
        if path.starts_with("/v2/shop/web/referrers/") {
            // The paper is said to be of the image, and of itself.
            let body = format!(r#"{{"schemaVersion":2,"manifests":[{entry}]}}"#);
            return Some(answer(200, &[("content-type", media_type::OCI_INDEX)], body));
        }
        let wanted = seen.method == Method::GET && path.ends_with(&own);
        wanted.then(|| answer(200, &[("content-type", media_type::OCI_MANIFEST)], bytes.clone()))
    });
    let report = bent.world.wharf(&["cp", &bent.place(), "layout:out", "-o", "json"]).ok().json();
    let items = report["artifacts"][0]["items"].as_array().unwrap();
    let times = items.iter().filter(|item| item["digest"] == paper.digest.to_string()).count();
    assert_eq!(times, 1, "{report}");
}

/// A limit of the size of files stands for the disk: writing fails in the middle of a blob.
#[test]
fn a_full_disk_is_told_with_the_file_and_leaves_nothing_that_looks_whole() {
    let bent = Bent::new();
    let world = &bent.world;
    let large: Vec<u8> = (0..1_u32 << 18).flat_map(u32::to_le_bytes).collect();
    fs::write(world.path("large.bin"), large).unwrap();
    let place = bent.place().replace("v1", "large");
    world.wharf(&["push", "large.bin", &place]).ok();
    for there in ["layout:out", "tar:out.tar"] {
        let script = r#"trap '' XFSZ; ulimit -f 256; exec "$0" cp "$1" "$2""#;
        let output = std::process::Command::new("sh")
            .args(["-c", script, env!("CARGO_BIN_EXE_wharf"), &place, there])
            .current_dir(world.home.path())
            .env_clear()
            .env("HOME", world.home.path())
            .output()
            .unwrap();
        let run = Run {
            status: output.status.code().unwrap(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        };
        says(run, 1, &["destination", "out", "cannot write", "make room"]);
        let listed = world.wharf(&["ls", there]);
        assert!(!listed.stdout.contains("large"), "{listed:?}");
        // With room again the same copy finishes, and what arrived is whole.
        world.wharf(&["cp", &place, there]).ok();
        world.wharf(&["pull", &format!("{there}:large"), "--to", "back"]).ok();
        let whole = fs::read(world.path("large.bin")).unwrap();
        assert!(fs::read(world.path("back/large.bin")).unwrap() == whole, "{there}");
        fs::remove_dir_all(world.path("back")).unwrap();
    }
}
