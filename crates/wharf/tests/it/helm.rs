//! `wharf helm`: standard output, error texts and statuses as Helm 4.2.4 has them (recorded from it).

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use tempfile::TempDir;

fn chart() -> TempDir {
    let folder = TempDir::new().unwrap();
    let files = [
        ("c/Chart.yaml", "apiVersion: v2\nname: c\nversion: 1.0.0\n"),
        ("c/values.yaml", "a: 1\n"),
        ("c/README.md", "# readme\n"),
        (
            "c/templates/a.yaml",
            "kind: ConfigMap\nmetadata: {name: \"{{ .Release.Name }}-{{ .Release.Namespace }}\"}\n---\nkind: Secret\nx: {{ \
             .Values.a }}\n",
        ),
        (
            "c/templates/tests/t.yaml",
            "kind: Pod\nmetadata:\n  name: t\n  annotations: {helm.sh/hook: test}\n",
        ),
        ("c/templates/NOTES.txt", "notes\n"),
        ("c/crds/x.yaml", "kind: CRD\n"),
    ];
    for (name, text) in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    folder
}

fn run(folder: &Path, line: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_wharf"));
    command.arg("helm").args(line).current_dir(folder).env_clear().env("HOME", folder);
    command.output().unwrap()
}

fn stdout(folder: &Path, line: &[&str]) -> String {
    let output = run(folder, line);
    assert!(output.status.success(), "{line:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn error(folder: &Path, line: &[&str]) -> String {
    let output = run(folder, line);
    assert_eq!(output.status.code(), Some(1), "{line:?}");
    String::from_utf8(output.stderr).unwrap()
}

const SECRET: &str = "---\n# Source: c/templates/a.yaml\nkind: Secret\nx: 1\n\n";
const MAP: &str =
    "---\n# Source: c/templates/a.yaml\nkind: ConfigMap\nmetadata: {name: \"release-name-default\"}\n";
const TEST: &str = "---\n# Source: c/templates/tests/t.yaml\nkind: Pod\nmetadata:\n  name: t\n  annotations: \
                    {helm.sh/hook: test}\n\n";

#[test]
fn a_chart_is_rendered_in_install_order_with_its_hooks_last() {
    let folder = chart();
    assert_eq!(stdout(folder.path(), &["template", "c"]), format!("{SECRET}{MAP}{TEST}"));
    assert_eq!(stdout(folder.path(), &["template", "c", "--skip-tests"]), format!("{SECRET}{MAP}"));
    let named = stdout(folder.path(), &["-n", "shop", "template", "r", "c", "--no-hooks", "--set", "a=7"]);
    assert_eq!(
        named,
        format!("{SECRET}{MAP}").replace("release-name-default", "r-shop").replace("x: 1", "x: 7")
    );
    let with_crds = stdout(folder.path(), &["template", "c", "--include-crds"]);
    assert!(with_crds.starts_with("---\n# Source: c/crds/x.yaml\nkind: CRD\n\n---\n"), "{with_crds}");
}

#[test]
fn chosen_templates_are_shown_in_the_order_of_the_flags() {
    let folder = chart();
    let shown =
        stdout(folder.path(), &["template", "c", "-s", "templates/*/t.yaml", "-s", "templates/a.yaml"]);
    assert_eq!(shown, format!("{TEST}\n{SECRET}\n{MAP}\n"));
    assert_eq!(
        error(folder.path(), &["template", "c", "-s", "templates/no.yaml"]),
        "Error: could not find template templates/no.yaml in chart\n"
    );
}

#[test]
fn an_output_folder_gets_a_file_per_template() {
    let folder = chart();
    let told =
        stdout(folder.path(), &["template", "c", "--include-crds", "--release-name", "--output-dir", "out"]);
    let map = "wrote out/release-name/c/templates/a.yaml\n";
    assert_eq!(
        told,
        format!("wrote out/c/crds/x.yaml\n{map}{map}wrote out/release-name/c/templates/tests/t.yaml\n\n")
    );
    let written = fs::read_to_string(folder.path().join("out/release-name/c/templates/a.yaml")).unwrap();
    assert_eq!(written, format!("{SECRET}{MAP}\n"));
}

#[test]
fn what_is_wrong_is_said_in_the_words_of_helm() {
    let folder = chart();
    let cases: [(&[&str], &str); 12] = [
        (
            &["template"],
            "\"helm template\" requires at least 1 argument\n\nUsage:  helm template [NAME] [CHART] [flags]",
        ),
        (&["template", "--nosuch"], "unknown flag: --nosuch"),
        (&["template", "c", "-f"], "flag needs an argument: 'f' in -f"),
        (&["template", "c", "-f", "no.yaml"], "open no.yaml: no such file or directory"),
        (&["template", "c", "--set", "a"], "failed parsing --set data: key \"a\" has no value"),
        (&["template", "c", "--set-json", "a={"], "failed parsing --set-json data a={"),
        (&["template", "a", "b", "c"], "expected at most two arguments, unexpected arguments: c"),
        (&["template", "x", "-g", "c"], "cannot set --generate-name and also specify a name"),
        (
            &["template", "nochart"],
            "non-absolute URLs should be in form of repo_name/path_to_chart, got: nochart",
        ),
        (&["template", "./nochart"], "path \"./nochart\" not found"),
        (
            &["show", "chart"],
            "\"helm show chart\" requires 1 argument\n\nUsage:  helm show chart [CHART] [flags]",
        ),
        (&["nosuch"], "unknown command \"nosuch\" for \"helm\"\nRun 'helm --help' for usage."),
    ];
    for (line, expected) in cases {
        assert_eq!(error(folder.path(), line), format!("Error: {expected}\n"), "{line:?}");
    }
    let bad = error(folder.path(), &["template", "X_y", "c"]);
    assert!(
        bad.starts_with("level=ERROR msg=\"release name check failed\" error=")
            && bad.contains("\nError: release name check failed: release name \"X_y\": invalid release name"),
        "{bad}"
    );
}

#[test]
fn a_template_that_fails_points_to_debug_and_debug_shows_what_was_made() {
    let folder = chart();
    fs::write(folder.path().join("c/templates/b.yaml"), "a: b: c\n").unwrap();
    let text = "YAML parse error on c/templates/b.yaml: error converting YAML to JSON: yaml: mapping values are not \
                allowed in this context";
    let plain = run(folder.path(), &["template", "c"]);
    assert_eq!(
        String::from_utf8(plain.stderr).unwrap(),
        format!("Error: {text}\n\nUse --debug flag to render out invalid YAML\n")
    );
    assert!(plain.stdout.is_empty());
    let debug = run(folder.path(), &["template", "c", "--debug"]);
    assert_eq!(debug.status.code(), Some(1));
    assert!(String::from_utf8(debug.stdout).unwrap().contains("# Source: c/templates/b.yaml\na: b: c\n"));
}

#[test]
fn what_is_not_built_fails_and_says_so() {
    let folder = chart();
    for line in [
        &["install", "x", "c"][..],
        &["plugin", "list"],
        &["template", "c", "--dry-run=server"],
        &["template", "c", "--validate"],
    ] {
        let text = error(folder.path(), line);
        assert!(text.contains("not built in wharf yet"), "{line:?}: {text}");
    }
}

#[test]
fn lint_renders_the_templates_and_lets_required_values_be_missing() {
    let folder = chart();
    fs::remove_dir_all(folder.path().join("c/crds")).unwrap();
    fs::write(folder.path().join("c/templates/a.yaml"), "kind: ConfigMap\nmetadata: {name: a}\n").unwrap();
    let required =
        "kind: ConfigMap\nmetadata: {name: b}\na: {{ required \"no\" .Values.b }}\n{{ fail \"x\" }}\n";
    fs::write(folder.path().join("c/templates/b.yaml"), required).unwrap();
    assert_eq!(
        stdout(folder.path(), &["lint", "c"]),
        "==> Linting c\n[INFO] Chart.yaml: icon is recommended\n\n1 chart(s) linted, 0 chart(s) failed\n"
    );
    fs::write(folder.path().join("c/templates/b.yaml"), "a: {{ .Values.x.y }}\n").unwrap();
    let output = run(folder.path(), &["lint", "c"]);
    assert_eq!(
        String::from_utf8(output.stdout).unwrap(),
        "==> Linting c\n[INFO] Chart.yaml: icon is recommended\n[ERROR] templates/: c/templates/b.yaml:1:13\n  executing \
         \"c/templates/b.yaml\" at <.Values.x.y>:\n    nil pointer evaluating interface {}.y\n\n"
    );
    assert_eq!(String::from_utf8(output.stderr).unwrap(), "Error: 1 chart(s) linted, 1 chart(s) failed\n");
}

#[test]
fn a_packed_chart_renders_as_its_folder_and_the_same_content_gives_the_same_bytes() {
    let folder = chart();
    let told = stdout(folder.path(), &["package", "c", "-d", "out"]);
    assert_eq!(told, "Successfully packaged chart and saved it to: out/c-1.0.0.tgz\n");
    let first = fs::read(folder.path().join("out/c-1.0.0.tgz")).unwrap();
    stdout(folder.path(), &["package", "c", "-d", "out"]);
    assert_eq!(fs::read(folder.path().join("out/c-1.0.0.tgz")).unwrap(), first);
    assert_eq!(
        stdout(folder.path(), &["template", "out/c-1.0.0.tgz"]),
        stdout(folder.path(), &["template", "c"])
    );
}

#[test]
fn the_parts_of_a_chart_are_shown() {
    let folder = chart();
    assert_eq!(
        stdout(folder.path(), &["show", "all", "c"]),
        "apiVersion: v2\nname: c\nversion: 1.0.0\n\n---\na: 1\n\n---\n# readme\n\n---\nkind: CRD\n\n"
    );
    assert_eq!(stdout(folder.path(), &["show", "values", "c"]), "a: 1\n\n");
}

#[test]
fn the_name_helm_is_enough() {
    let folder = chart();
    let link = folder.path().join("helm");
    std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_wharf"), &link).unwrap();
    let output = Command::new(&link).args(["version", "--short"]).output().unwrap();
    assert_eq!(String::from_utf8(output.stdout).unwrap(), "v4.2.4\n");
    let output =
        Command::new(&link).args(["env", "HELM_NAMESPACE"]).env("HELM_NAMESPACE", "shop").output().unwrap();
    assert_eq!(String::from_utf8(output.stdout).unwrap(), "shop\n");
}
