//! `wharf helm template` and `show` with values from addresses, post-renderers, JSONPath, and what is told on the way.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::PermissionsExt;

use crate::support::{Run, World};

fn helm(world: &World, line: &[&str]) -> Run {
    let words: Vec<&str> = std::iter::once("helm").chain(line.iter().copied()).collect();
    world.wharf(&words)
}

/// A chart with the given template.
fn world(template: &str) -> World {
    let world = World::without_registry();
    fs::create_dir_all(world.path("c/templates")).unwrap();
    fs::write(world.path("c/Chart.yaml"), "apiVersion: v2\nname: c\nversion: 1.0.0\n").unwrap();
    fs::write(world.path("c/values.yaml"), "a: 1\nimage: {tag: v1}\nb: {c: {d: 1}}\n").unwrap();
    fs::write(world.path("c/templates/a.yaml"), template).unwrap();
    world
}

/// Answers one request with values, and says what was asked.
fn site(status: &'static str, body: &'static str) -> (String, std::thread::JoinHandle<String>) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = format!("http://{}/values.yaml", listener.local_addr().unwrap());
    let server = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut request = Vec::new();
        let mut buffer = [0; 1024];
        while !request.ends_with(b"\r\n\r\n") {
            let count = stream.read(&mut buffer).unwrap();
            request.extend_from_slice(&buffer[..count]);
        }
        let length = body.len();
        write!(stream, "HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}")
            .unwrap();
        String::from_utf8(request).unwrap()
    });
    (address, server)
}

#[test]
fn values_come_from_an_address_and_logins_do_not_go_there() {
    let world = world("a: {{ .Values.a }}\n");
    let (address, server) = site("200 OK", "a: from afar\n");
    let run =
        helm(&world, &["template", "c", "-f", &address, "--username", "me", "--password", "secret"]).ok();
    assert!(run.stdout.ends_with("a: from afar\n"), "{run:?}");
    assert!(!server.join().unwrap().to_lowercase().contains("authorization"));
}

/// The text is that of Helm v4.2.4.
#[test]
fn an_address_without_values_is_told_as_helm_tells_it() {
    let world = world("a: {{ .Values.a }}\n");
    let (address, server) = site("404 Not Found", "");
    helm(&world, &["template", "c", "-f", &address])
        .fails(1, &format!("Error: failed to fetch {address} : 404 Not Found\n"));
    server.join().unwrap();
    helm(&world, &["template", "c", "-f", "oci://localhost/x"]).fails(1, "a registry has none");
}

#[test]
fn a_part_of_the_values_is_shown_by_jsonpath() {
    let world = world("");
    assert_eq!(helm(&world, &["show", "values", "c", "--jsonpath", "{.image.tag}"]).ok().stdout, "v1");
    helm(&world, &["show", "values", "c", "--jsonpath", "{.a"])
        .fails(1, "Error: error parsing jsonpath {.a: unclosed action\n");
}

fn script(world: &World, name: &str, text: &str) {
    let path = world.path(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(&path, format!("#!/bin/sh\n{text}\n")).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
}

#[test]
fn manifests_pass_through_a_program_and_hooks_do_not() {
    let world =
        world("a: 1\n---\nkind: Job\nmetadata:\n  name: j\n  annotations: {helm.sh/hook: test}\na: 1\n");
    script(&world, "render.sh", "/bin/sed \"s/^a: 1/a: $1$2/\"");
    let line = ["template", "c", "--post-renderer", "./render.sh", "--post-renderer-args", "x"];
    let run = helm(&world, &[&line[..], &["--post-renderer-args", "y"]].concat()).ok();
    assert!(run.stdout.contains("# Source: c/templates/a.yaml\na: xy\n---\n"), "{run:?}");
    assert!(run.stdout.trim_end().ends_with("a: 1"), "{run:?}");
    script(&world, "fail.sh", "echo no >&2; exit 3");
    helm(&world, &["template", "c", "--post-renderer", "./fail.sh"]).fails(1, "error output:\nno\n");
    script(&world, "empty.sh", "/bin/cat >/dev/null");
    helm(&world, &["template", "c", "--post-renderer", "./empty.sh"]).fails(1, "produced empty output");
    helm(&world, &["template", "c", "--post-renderer", "nosuch"])
        .fails(1, "plugin: {Name:nosuch Type:postrenderer/v1} not found");
}

#[test]
fn a_plug_in_is_a_post_renderer_by_its_name() {
    let world = world("a: 1\n");
    let folder = ".local/share/helm/plugins/shout";
    script(&world, &format!("{folder}/run.sh"), "/usr/bin/tr a-z A-Z");
    let description = "apiVersion: v1\ntype: postrenderer/v1\nname: shout\nversion: 1.0.0\nruntime: subprocess\n\
                       runtimeConfig:\n  platformCommand:\n  - command: ${HELM_PLUGIN_DIR}/run.sh\n";
    fs::write(world.path(&format!("{folder}/plugin.yaml")), description).unwrap();
    let run = helm(&world, &["template", "c", "--post-renderer", "shout"]).ok();
    assert!(run.stdout.contains("A: 1\n"), "{run:?}");
}

/// The lines are those of Helm v4.2.4, made by `helm template c --set b.c=2 --dry-run` and so on.
#[test]
fn what_is_passed_over_is_told_in_the_lines_of_helms_log() {
    let world = world("kind: Job\nmetadata:\n  name: j\n  annotations: {helm.sh/hook: nosuch}\n");
    let run = helm(&world, &["template", "c", "--set", "b.c=2", "--dry-run"]).ok();
    assert_eq!(
        run.stderr,
        "level=WARN msg=\"--dry-run is deprecated and should be replaced with '--dry-run=client'\"\n\
         level=INFO msg=\"warning: cannot overwrite table with non table for c.b.c (map[d:1])\"\n\
         level=INFO msg=\"skipping unknown hooks\" hookTypes=nosuch\n"
    );
    helm(&world, &["template", "c", "--dry-run=none"])
        .fails(1, "Error: invalid dry-run value (\"none\"). Must be \"server\" or \"client\"\n");
}

/// CVE-2023-25165: names of hosts must not tell others what a chart's values are, unless somebody wants that.
#[test]
fn hosts_are_looked_up_only_with_enable_dns() {
    let world = world("a: {{ getHostByName \"localhost\" | quote }}\n");
    assert!(helm(&world, &["template", "c"]).ok().stdout.ends_with("a: \"\"\n"));
    let asked = helm(&world, &["template", "c", "--enable-dns"]).ok();
    assert!(asked.stdout.contains("127.0.0.1") || asked.stdout.contains("::1"), "{asked:?}");
}
