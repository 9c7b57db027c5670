//! Advisories about Helm that concern commands, each by its id; those about charts and archives stand with their crates.

use std::fs;
use std::io::Write as _;
use std::net::{Ipv4Addr, TcpListener};

use crate::support::{Run, World};

fn helm(world: &World, line: &[&str]) -> Run {
    let words: Vec<&str> = std::iter::once("helm").chain(line.iter().copied()).collect();
    world.wharf(&words)
}

fn chart(world: &World, template: &str) {
    fs::create_dir_all(world.path("c/templates")).unwrap();
    fs::write(world.path("c/Chart.yaml"), "apiVersion: v2\nname: c\nversion: 1.0.0\n").unwrap();
    fs::write(world.path("c/templates/a.yaml"), template).unwrap();
}

/// Who cannot show a certificate that somebody vouches for is not talked to.
#[test]
fn cve_2019_1010275_a_server_without_a_good_certificate_is_refused() {
    let world = World::without_registry();
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = listener.local_addr().unwrap();
    let server = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        // Not TLS at all: the plainest way to have no certificate.
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    });
    let run = helm(&world, &["repo", "add", "x", &format!("https://{address}")]);
    assert_eq!(run.status, 1, "{run:?}");
    assert!(!world.path(".config/helm/repositories.yaml").exists());
    server.join().unwrap();
}

/// Helm 3.1 asked the cluster for `lookup` even where nothing was to be installed.
#[test]
fn cve_2020_11013_lookup_asks_no_cluster() {
    let world = World::without_registry();
    chart(&world, "a: {{ lookup \"v1\" \"Secret\" \"\" \"\" | toJson }}\n");
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    listener.set_nonblocking(true).unwrap();
    let cluster = format!("http://{}", listener.local_addr().unwrap());
    let config = format!(
        "apiVersion: v1\nkind: Config\ncurrent-context: x\ncontexts: [{{name: x, context: {{cluster: x}}}}]\n\
         clusters: [{{name: x, cluster: {{server: \"{cluster}\"}}}}]\n"
    );
    fs::write(world.path("kubeconfig"), config).unwrap();
    let run = helm(&world, &["template", "c", "--kubeconfig", "kubeconfig", "--dry-run=client"]).ok();
    assert!(run.stdout.ends_with("a: {}\n"), "{run:?}");
    assert!(listener.accept().is_err(), "the cluster was asked");
}

/// What is shown for people to compare holds no secrets.
#[test]
fn cve_2019_25210_a_comparison_hides_what_secrets_hold() {
    let world = World::without_registry();
    chart(
        &world,
        "apiVersion: v1\nkind: Secret\nmetadata: {name: s}\nstringData: {password: {{ .Values.p }}}\n",
    );
    fs::write(world.path("new.yaml"), "p: correct-horse\n").unwrap();
    fs::write(world.path("old.yaml"), "p: battery-staple\n").unwrap();
    let line = ["diff", "c", "--old-values", "old.yaml", "--new-values", "new.yaml"];
    let run = world.wharf(&line).ok();
    assert!(run.stdout.contains("stringData.password") && !run.stdout.contains("horse"), "{run:?}");
    assert!(world.wharf(&[&line[..], &["--show-secrets"]].concat()).ok().stdout.contains("correct-horse"));
}

/// Plug-ins are neither installed nor updated, so their names, versions and archives lead nowhere.
#[test]
fn cve_2020_4053_cve_2020_15186_cve_2026_35204_cve_2026_35205_plug_ins_are_not_installed() {
    let world = World::without_registry();
    for line in [&["plugin", "install", "./x.tgz"][..], &["plugin", "update", "x"], &["plugin", "list"]] {
        helm(&world, line).fails(1, "Error: helm plugin is not built in wharf yet");
    }
    assert!(!world.path(".local").exists());
}

/// The description of a plug-in that says a thing twice is none; a name that is a path is compared, not followed.
#[test]
fn cve_2020_15187_a_description_of_a_plug_in_says_nothing_twice() {
    let world = World::without_registry();
    chart(&world, "a: 1\n");
    let folder = world.path(".local/share/helm/plugins/p");
    fs::create_dir_all(&folder).unwrap();
    let text = "name: good\nname: p\ntype: postrenderer/v1\nruntime: subprocess\nruntimeConfig:\n  platformCommand:\n  \
                - command: /bin/cat\n";
    fs::write(folder.join("plugin.yaml"), text).unwrap();
    for name in ["p", "good", "../plugins/p"] {
        helm(&world, &["template", "c", "--post-renderer", name]).fails(1, "not found");
    }
}
