//! `wharf helm registry|push|pull` and charts straight from a registry, in Helm's words.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use crate::support::{PASSWORD, Run, World};

const UNDERSCORE: &str = "\nOCI artifact references (e.g. tags) do not support the plus sign (+). To support\nstoring \
                          semantic versions, Helm adopts the convention of changing plus (+) to\nan underscore (_) in \
                          chart version tags when pushing to a registry and back to\na plus (+) when pulling from a \
                          registry.\n";

/// A registry with the project `shop`, Helm logged in, and the chart `c` as a folder.
fn world() -> World {
    let world = World::logged_in();
    world.wharf(&["project", "create", "shop", "--registry", &world.host()]).ok();
    helm_login(&world, &world.host(), PASSWORD).ok();
    let chart = world.path("c");
    fs::create_dir_all(chart.join("templates")).unwrap();
    fs::write(chart.join("Chart.yaml"), "apiVersion: v2\nname: c\nversion: 1.0.0\n").unwrap();
    fs::write(chart.join("values.yaml"), "a: 1\n").unwrap();
    fs::write(chart.join("templates/m.yaml"), "kind: ConfigMap\na: {{ .Values.a }}\n").unwrap();
    world
}

fn helm_login(world: &World, place: &str, password: &str) -> Run {
    world.wharf_with(&["helm", "registry", "login", place, "-u", "admin", "--password-stdin"], password, &[])
}

fn helm(world: &World, line: &str) -> Run {
    let words: Vec<&str> = std::iter::once("helm").chain(line.split_whitespace()).collect();
    world.wharf(&words)
}

fn push(world: &World, version: &str) -> String {
    helm(world, &format!("package c --version {version}")).ok();
    let run = helm(world, &format!("push c-{version}.tgz {}", world.oci("shop"))).ok();
    let digest = run.stdout.lines().find_map(|line| line.strip_prefix("Digest: ")).unwrap();
    digest.to_owned()
}

#[test]
fn a_login_is_kept_in_helms_file_and_logout_removes_it() {
    let world = World::logged_in();
    let host = world.host();
    let run = helm_login(&world, &format!("{host}/shop"), PASSWORD).ok();
    assert_eq!(run.stdout, "Login Succeeded\n");
    assert_eq!(
        run.stderr,
        format!(
            "level=WARN msg=\"registry login currently only supports registry hostname, not a repository path\" \
             host={host}/shop suggested={host}\n"
        )
    );
    let file = world.path(".config/helm/registry/config.json");
    assert!(fs::read_to_string(&file).unwrap().contains(&host));
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    helm_login(&world, &host, "wrong").fails(1, &format!("Error: authenticating to {host:?}: "));
    assert_eq!(
        helm(&world, &format!("registry logout {host}")).ok().stdout,
        format!("Removing login credentials for {host}\n")
    );
    assert!(!fs::read_to_string(&file).unwrap().contains(&host));
}

#[test]
fn a_pushed_chart_is_pulled_by_version_range_digest_and_default() {
    let world = world();
    let digest = push(&world, "1.0.0");
    push(&world, "1.1.0-rc.1");
    let place = format!("{}/shop/c", world.host());
    let archive = fs::read(world.path("c-1.0.0.tgz")).unwrap();
    for (arguments, reference) in [
        (format!("oci://{place}"), format!("{place}:1.0.0")),
        (format!("oci://{place}:1.0.0"), format!("{place}:1.0.0")),
        (format!("oci://{place} --version ^1"), format!("{place}:1.0.0")),
        (format!("oci://{place}@{digest}"), format!("{place}@{digest}")),
        (format!("oci://{place}:1.0.0@{digest}"), format!("{place}@{digest}")),
    ] {
        let run = helm(&world, &format!("pull {arguments} -d .")).ok();
        assert_eq!(run.stdout, format!("Pulled: {reference}\nDigest: {digest}\n"), "{arguments}");
    }
    assert_eq!(fs::read(world.path("c-1.0.0.tgz")).unwrap(), archive);
    let by_digest = world.path(&format!("c@{}.tgz", digest.replace(':', "-")));
    assert_eq!(fs::read(by_digest).unwrap(), archive);
    let run = helm(&world, &format!("pull oci://{place} --devel")).ok();
    assert!(run.stdout.starts_with(&format!("Pulled: {place}:1.1.0-rc.1\n")), "{run:?}");

    helm(&world, &format!("pull oci://{place} --version ^7"))
        .fails(1, "Error: could not locate a version matching provided version string ^7\n");
    helm(&world, &format!("pull oci://{place}:1.0.0 --version 1.0.1"))
        .fails(1, "Error: chart reference and version mismatch: 1.0.1 is not 1.0.0\n");
    helm(&world, &format!("pull oci://{place}:9.0.0")).fails(
        1,
        &format!("Error: failed to perform \"FetchReference\" on source: {place}:9.0.0: not found\n"),
    );
}

#[test]
fn a_plus_in_a_version_is_an_underscore_in_its_tag() {
    let world = world();
    let digest = push(&world, "1.0.0+b1");
    let name = format!("{}/shop/c:1.0.0_b1", world.host());
    for version in ["--version 1.0.0+b1", ""] {
        let run = helm(&world, &format!("pull {} -d . {version}", world.oci("shop/c"))).ok();
        assert_eq!(
            run.stdout,
            format!("Pulled: {name}\nDigest: {digest}\n{name} contains an underscore.\n{UNDERSCORE}")
        );
    }
}

#[test]
fn a_channel_is_pulled_by_its_name() {
    let world = world();
    let run = world.publish(&["--channel", "stable"]).ok();
    assert_eq!(run.status, 0);
    let run = helm(&world, &format!("pull {}:stable", world.oci("shop/storefront"))).ok();
    assert!(run.stdout.contains("storefront:stable"), "{run:?}");
    assert!(world.path("storefront-stable.tgz").is_file());
}

#[test]
fn a_chart_in_a_registry_is_rendered_and_shown() {
    let world = world();
    push(&world, "1.0.0");
    let pulled = helm(&world, &format!("show values {}", world.oci("shop/c"))).ok().stdout;
    assert!(pulled.starts_with("Pulled: "), "{pulled}");
    assert!(pulled.ends_with("\na: 1\n\n"), "{pulled}");
    let rendered =
        helm(&world, &format!("template r {} --version 1.0.0 --set a=7", world.oci("shop/c"))).ok();
    assert!(
        rendered.stdout.ends_with("# Source: c/templates/m.yaml\nkind: ConfigMap\na: 7\n"),
        "{rendered:?}"
    );
    // `--repo` takes a registry, too.
    let shown = helm(&world, &format!("show chart c --repo {}", world.oci("shop"))).ok();
    assert!(shown.stdout.ends_with("name: c\nversion: 1.0.0\n\n"), "{shown:?}");
}

#[test]
fn a_provenance_file_beside_the_archive_travels_with_it() {
    let world = world();
    helm(&world, "package c").ok();
    fs::write(world.path("c-1.0.0.tgz.prov"), "signed\n").unwrap();
    helm(&world, &format!("push c-1.0.0.tgz {}", world.oci("shop"))).ok();
    fs::create_dir(world.path("p")).unwrap();
    helm(&world, &format!("pull {} --prov -d p", world.oci("shop/c"))).ok();
    assert_eq!(fs::read_to_string(world.path("p/c-1.0.0.tgz.prov")).unwrap(), "signed\n");
}

#[test]
fn a_missing_provenance_file_is_a_warning() {
    let world = world();
    push(&world, "1.0.0");
    let run = helm(&world, &format!("pull {} --prov", world.oci("shop/c"))).ok();
    assert!(
        run.stdout.ends_with(&format!(
            "WARNING: Verification not found for {}: manifest does not contain a layer with mediatype \
             application/vnd.cncf.helm.chart.provenance.v1.prov\n",
            world.oci("shop/c")
        )),
        "{run:?}"
    );
}

#[test]
fn unpacking_makes_a_folder_and_never_writes_into_one() {
    let world = world();
    push(&world, "1.0.0");
    let remote = world.oci("shop/c");
    helm(&world, &format!("pull {remote} --untar --untardir u -d p")).ok();
    assert_eq!(fs::read_to_string(world.path("p/u/c/values.yaml")).unwrap(), "a: 1\n");
    fs::write(world.path("p/u/c/values.yaml"), "mine\n").unwrap();
    helm(&world, &format!("pull {remote} --untar --untardir u -d p"))
        .fails(1, "Error: failed to untar: a file or directory with the name p/u/c already exists\n");
    assert_eq!(fs::read_to_string(world.path("p/u/c/values.yaml")).unwrap(), "mine\n");
    // A link in its place is not followed either.
    std::os::unix::fs::symlink(world.path("c"), world.path("p/c")).unwrap();
    helm(&world, &format!("pull {remote} --untar -d p")).fails(1, "already exists");
}

#[test]
fn a_wrong_push_is_refused_in_the_words_of_helm() {
    let world = world();
    helm(&world, "package c").ok();
    let remote = world.oci("shop");
    for (line, text) in [
        (format!("push c {remote}"), "cannot push directory, must provide chart archive (.tgz)"),
        (format!("push no.tgz {remote}"), "no.tgz: no such file"),
        ("push c-1.0.0.tgz shop/x".to_owned(), "scheme prefix missing from remote (e.g. \"oci://\")"),
        ("push c-1.0.0.tgz http://x/y".to_owned(), "scheme \"http\" not supported"),
        (
            format!("push c-1.0.0.tgz {}", world.oci("Shop")),
            "invalid reference: invalid repository \"Shop/c\"",
        ),
        (
            format!("push c/Chart.yaml {remote}"),
            "file 'c/Chart.yaml' seems to be a YAML file, but expected a gzipped archive",
        ),
    ] {
        helm(&world, &line).fails(1, &format!("Error: {text}\n"));
    }
    helm(&world, &format!("push c-1.0.0.tgz {}", world.oci("nowhere")))
        .fails(1, "failed to perform \"Exists\" on destination: HEAD \"http://");
}

/// The texts were compared with those of Helm 3.6.1 (`HELM_EXPERIMENTAL_OCI=1 helm chart …`).
#[test]
fn the_chart_commands_of_early_helm_3_keep_push_and_pull() {
    let world = world();
    let host = world.host();
    let name = format!("{host}/shop/renamed");
    let saved = helm(&world, &format!("chart save c {name}:stable")).ok().stdout;
    let lines: Vec<&str> = saved.lines().collect();
    assert_eq!(lines[0], format!("ref:     {name}:stable"));
    assert_eq!(lines[3..], ["name:    c", "version: 1.0.0", "stable: saved"]);
    // Without a tag the version is the tag.
    assert!(helm(&world, &format!("chart save c {name}")).ok().stdout.ends_with("1.0.0: saved\n"));
    let listed = helm(&world, "chart list").ok().stdout;
    assert!(listed.starts_with("REF"), "{listed}");
    assert!(
        listed.contains(&format!("{name}:1.0.0")) && listed.contains(&format!("{name}:stable")),
        "{listed}"
    );

    let pushed = helm(&world, &format!("chart push {name}:stable")).ok().stdout;
    assert!(pushed.starts_with(&format!("The push refers to repository [{name}]\nref:     {name}:stable\n")));
    assert!(pushed.contains("stable: pushed to remote (1 layer, "), "{pushed}");
    assert_eq!(helm(&world, &format!("chart remove {name}:stable")).ok().stdout, "stable: removed\n");
    helm(&world, &format!("chart push {name}:stable"))
        .fails(1, &format!("Error: Chart not found: {name}:stable\n"));

    let pulled = helm(&world, &format!("chart pull {name}:stable")).ok().stdout;
    assert!(pulled.starts_with(&format!("stable: Pulling from {name}\n")), "{pulled}");
    assert!(pulled.ends_with(&format!("Status: Downloaded newer chart for {name}:stable\n")), "{pulled}");
    let again = helm(&world, &format!("chart pull {name}:stable")).ok().stdout;
    assert!(again.ends_with(&format!("Status: Chart is up to date for {name}:stable\n")), "{again}");
    let exported = helm(&world, &format!("chart export {name}:stable -d out")).ok().stdout;
    assert!(exported.ends_with("Exported chart to out/c/\n"), "{exported}");
    assert_eq!(fs::read_to_string(world.path("out/c/values.yaml")).unwrap(), "a: 1\n");
}

/// Helm 3.6 pushes manifests without annotations, and another media type for the archive.
#[test]
fn a_chart_that_early_helm_3_pushed_is_pulled_and_told_by_its_config() {
    let world = world();
    let name = format!("{}/shop/old", world.host());
    helm(&world, "package c").ok();
    fs::write(world.path("config.json"), r#"{"name":"c","version":"1.0.0","apiVersion":"v2"}"#).unwrap();
    let config = "config.json:application/vnd.cncf.helm.config.v1+json";
    let archive = "c-1.0.0.tgz:application/tar+gzip";
    world
        .wharf(&["oras", "push", "--plain-http", "--config", config, &format!("{name}:1.0.0"), archive])
        .ok();
    let pulled = helm(&world, &format!("chart pull {name}:1.0.0")).ok().stdout;
    assert!(pulled.contains("\nname:    c\nversion: 1.0.0\n"), "{pulled}");
    let listed = helm(&world, "chart list").ok().stdout;
    let line = listed.lines().find(|line| line.starts_with(&name)).unwrap();
    assert!(line.contains("\tc   \t1.0.0"), "{line:?}");
    helm(&world, &format!("chart export {name}:1.0.0 -d out")).ok();
    assert_eq!(fs::read_to_string(world.path("out/c/values.yaml")).unwrap(), "a: 1\n");
}

#[test]
fn the_chart_commands_of_early_helm_3_refuse_what_is_no_chart_or_no_name() {
    let world = world();
    let host = world.host();
    helm(&world, &format!("chart push {host}/shop/c")).fails(1, "Error: tag explicitly required\n");
    helm(&world, &format!("chart pull {host}/shop/none:1")).fails(1, "none:1: not found");
    helm(&world, "chart save c nowhere").fails(1, "missing registry or repository");
    helm(&world, &format!("chart save nosuch {host}/shop/c:1")).fails(1, "no such file or directory");
    fs::write(world.path("f"), "x").unwrap();
    world.wharf(&["oras", "push", "--plain-http", &format!("{host}/shop/file:1"), "f"]).ok();
    helm(&world, &format!("chart pull {host}/shop/file:1")).fails(1, "could not load config with mediatype");
    assert_eq!(helm(&world, "chart list").ok().stdout.lines().count(), 1);
}
