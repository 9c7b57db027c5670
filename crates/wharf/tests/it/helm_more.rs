//! `wharf helm create|completion|verify` and signing.

use std::fs;

use crate::support::{Run, World};

fn helm(world: &World, line: &str) -> Run {
    let words: Vec<&str> = std::iter::once("helm").chain(line.split_whitespace()).collect();
    world.wharf(&words)
}

#[test]
fn a_new_chart_lints_renders_and_has_its_name() {
    let world = World::without_registry();
    assert_eq!(helm(&world, "create below/app").status, 1, "the folder must be there");
    assert_eq!(helm(&world, "create app").ok().stdout, "Creating app\n");
    assert!(fs::read_to_string(world.path("app/Chart.yaml")).unwrap().contains("name: app\n"));
    assert!(world.path("app/charts").is_dir() && world.path("app/.helmignore").is_file());
    assert!(helm(&world, "lint app").ok().stdout.contains("0 chart(s) failed"));
    assert!(helm(&world, "template app").ok().stdout.contains("kind: Deployment"));
    let again = helm(&world, "create app").ok().stdout;
    assert_eq!(again.matches("already exists. Overwriting.").count(), 12, "{again}");
}

#[test]
fn a_name_that_is_no_name_of_a_chart_is_refused() {
    let world = World::without_registry();
    for name in [".", "..", "a\u{301}"] {
        assert_eq!(helm(&world, &format!("create {name}")).status, 1, "{name}");
    }
    helm(&world, "create a:b")
        .fails(1, "Error: chart name must match the regular expression \"^[a-zA-Z0-9._-]+$\"\n");
    assert!(!world.path("Chart.yaml").exists());
}

#[test]
fn a_starter_gets_the_charts_name() {
    let world = World::without_registry();
    let starter = world.path(".local/share/helm/starters/web");
    fs::create_dir_all(starter.join("templates")).unwrap();
    fs::write(starter.join("Chart.yaml"), "apiVersion: v2\nname: web\nversion: 9.0.0\n").unwrap();
    fs::write(starter.join("values.yaml"), "# kept\nname: <CHARTNAME>\n").unwrap();
    fs::write(starter.join("templates/t.yaml"), "name: <CHARTNAME>\n").unwrap();
    helm(&world, "create shop -p web").ok();
    assert_eq!(fs::read_to_string(world.path("shop/values.yaml")).unwrap(), "# kept\nname: shop\n");
    assert_eq!(fs::read_to_string(world.path("shop/templates/t.yaml")).unwrap(), "name: shop\n");
    assert!(fs::read_to_string(world.path("shop/Chart.yaml")).unwrap().contains("version: 0.1.0\n"));
    helm(&world, "create x -p nosuch").fails(1, "Error: could not load ");
}

#[test]
fn scripts_for_shells_ask_the_program_which_answers() {
    let world = World::without_registry();
    for shell in ["bash", "zsh", "fish", "powershell"] {
        let script = helm(&world, &format!("completion {shell}")).ok().stdout;
        assert!(script.contains("__complete") && script.contains("helm"), "{shell}: {script}");
        assert!(!script.contains("NAME") && !script.contains("QUESTION"), "{shell}: {script}");
    }
    let ask = |words: &[&str]| {
        let line: Vec<&str> = ["helm", "__completeNoDesc"].into_iter().chain(words.iter().copied()).collect();
        world.wharf(&line).ok().stdout
    };
    assert_eq!(ask(&["pu"]), "pull\npush\n:4\n");
    assert_eq!(ask(&["repo", "re"]), "remove\n:4\n");
    assert_eq!(ask(&["dep", "b"]), "build\n:4\n");
    assert_eq!(ask(&["pull", "--unt"]), "--untar\n--untardir\n:4\n");
    assert_eq!(ask(&["lint", ""]), ":0\n");
    let described = world.wharf(&["helm", "__complete", "verif"]).ok().stdout;
    assert!(described.starts_with("verify\t"), "{described}");
}

/// In the words of Helm 4.2.4, which shows and lints charts of any format.
#[test]
fn charts_of_an_unknown_format_are_neither_packed_nor_rendered() {
    let world = World::without_registry();
    helm(&world, "create app").ok();
    for (version, refusal) in [
        ("v3", "invalid chart apiVersion"),
        ("v4", "unsupported chart version"),
        ("V2", "unsupported chart version"),
    ] {
        let description = format!("apiVersion: {version}\nname: app\nversion: 1.0.0\ndeprecated: true\n");
        fs::write(world.path("app/Chart.yaml"), description).unwrap();
        let refusal = format!("Error: {refusal}\n");
        for line in ["template X_ app", "package app --version x"] {
            assert_eq!(helm(&world, line).fails(1, "").stderr, refusal, "{version}: {line}");
        }
        assert!(helm(&world, "show chart app").ok().stdout.contains(version));
        assert_eq!(
            helm(&world, "dependency list ./app/").ok().stdout,
            "WARNING: no dependencies at app/charts\n"
        );
    }
}

/// As Helm 4.2.4 has it, the digest included.
#[test]
fn an_empty_list_of_dependencies_is_a_list() {
    let world = World::without_registry();
    helm(&world, "create app").ok();
    let description = "apiVersion: v2\nname: app\nversion: 1.0.0\ndependencies: []\n";
    fs::write(world.path("app/Chart.yaml"), description).unwrap();
    assert_eq!(helm(&world, "dependency list app").ok().stdout, "NAME\tVERSION\tREPOSITORY\tSTATUS\n\n");
    let told = "Saving 0 charts\nDeleting outdated charts\n";
    assert_eq!(helm(&world, "dependency update app").ok().stdout, told);
    let lock = fs::read_to_string(world.path("app/Chart.lock")).unwrap();
    let digest = "sha256:643d5437104296e21d906ecb15b2c96ad278f20cfc4af53b12bb6069bd853726";
    assert!(lock.starts_with(&format!("dependencies: []\ndigest: {digest}\ngenerated: ")), "{lock}");
    assert_eq!(helm(&world, "dependency build app").ok().stdout, told);
}

#[test]
fn dependencies_of_an_old_chart_are_shown_with_it() {
    let world = World::without_registry();
    helm(&world, "create app").ok();
    fs::write(world.path("app/Chart.yaml"), "apiVersion: v1\nname: app\nversion: 1.0.0\n").unwrap();
    let wanted = "dependencies:\n- name: db\n  version: ^1\n  repository: \"@shop\"\n";
    fs::write(world.path("app/requirements.yaml"), wanted).unwrap();
    assert_eq!(
        helm(&world, "show chart app").ok().stdout,
        "apiVersion: v1\ndependencies:\n- name: db\n  repository: '@shop'\n  version: ^1\nname: app\nversion: 1.0.0\n\n"
    );
}

#[test]
fn a_chart_without_a_good_signature_is_refused() {
    let world = World::without_registry();
    helm(&world, "create app").ok();
    helm(&world, "package app").ok();
    helm(&world, "verify app").fails(1, "Error: unpacked charts cannot be verified\n");
    helm(&world, "verify nosuch.tgz").fails(1, "Error: stat nosuch.tgz: no such file or directory\n");
    helm(&world, "verify app/Chart.yaml").fails(1, "Error: chart must be a tgz file\n");
    helm(&world, "verify app-0.1.0.tgz").fails(
        1,
        "Error: could not load provenance file app-0.1.0.tgz.prov: stat app-0.1.0.tgz.prov: no such file or directory\n",
    );
    fs::write(world.path("app-0.1.0.tgz.prov"), "nothing signed\n").unwrap();
    fs::write(world.path("ring"), "").unwrap();
    helm(&world, "verify app-0.1.0.tgz --keyring nosuch")
        .fails(1, "Error: failed to load keyring: open nosuch: no such file or directory\n");
    helm(&world, "verify app-0.1.0.tgz --keyring ring").fails(1, "Error: signature block not found\n");
    helm(&world, "template app-0.1.0.tgz --verify --keyring ring").fails(1, "signature block not found");
    helm(&world, "package app --sign").fails(1, "Error: --key is required for signing a package\n");
    helm(&world, "package app --sign --key x --keyring ring -d out")
        .fails(1, "Error: private key not found\n");
    assert!(!world.path("out").exists(), "nothing is written before it is signed");
}

/// The texts are those of Helm v4.2.4.
#[test]
fn mistakes_about_versions_and_hubs_are_told_as_by_helm() {
    let world = World::without_registry();
    world.wharf(&["helm", "version", "--template", "{{.Nope}}"]).fails(
        1,
        "Error: template: _:1:2: executing \"_\" at <.Nope>: can't evaluate field Nope in type version.BuildInfo\n",
    );
    let run = world.wharf(&["helm", "version", "--template", "{{.Version}} {{.KubeClientVersion}}"]).ok();
    assert_eq!(run.stdout, "v4.2.4 v1.36");
    for (address, problem) in [
        ("x", "no hostname provided"),
        ("http://", "no hostname provided"),
        ("::bad", "parse \"::bad\": missing protocol scheme"),
    ] {
        world
            .wharf(&["helm", "search", "hub", "--endpoint", address, "web"])
            .fails(1, &format!("Error: unable to create connection to {address:?}: {problem}\n"));
    }
}
