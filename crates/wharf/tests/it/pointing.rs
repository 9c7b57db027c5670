//! Errors that point: excerpt, mark and calls, for `wharf` always, for `wharf helm` where somebody looks.

use std::fs;

use crate::support::World;

/// A chart in which something is wrong.
fn world(files: &[(&str, &str)]) -> World {
    let world = World::without_registry();
    let all = [("Chart.yaml", "apiVersion: v2\nname: shop\nversion: 1.0.0\n")];
    for (name, text) in all.iter().chain(files) {
        let path = world.path(&format!("shop/{name}"));
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    world
}

const HELPERS: &str = r#"{{- define "shop.labels" }}
app: {{ .Values.image.repo.name }}
{{- end }}
"#;
const CALLER: &str = r#"kind: ConfigMap
metadata:
  labels: {{- include "shop.labels" . | nindent 4 }}
"#;
const CALLED: &str = r#" --> shop/templates/_helpers.tpl:2:16
1 | {{- define "shop.labels" }}
2 | app: {{ .Values.image.repo.name }}
  |                ^^^^^^^^^^^^^^^^^^^ nil pointer evaluating interface {}.name
 --> shop/templates/a.yaml:3:15
1 | kind: ConfigMap
2 | metadata:
3 |   labels: {{- include "shop.labels" . | nindent 4 }}
  |               ^^^^^^^^^^^^^^^^^^^^^^^ called in "shop/templates/a.yaml"
"#;

#[test]
fn a_failed_template_is_shown_with_those_that_called_it() {
    let world = world(&[
        ("values.yaml", "image: {}\n"),
        ("templates/_helpers.tpl", HELPERS),
        ("templates/a.yaml", CALLER),
    ]);
    for line in [&["images", "shop"][..], &["diff", "shop", "shop"], &["publish", "shop", "--plan", "p"]] {
        world.wharf(line).fails(1, CALLED);
    }
}

#[test]
fn the_text_for_scripts_stays_as_helm_has_it() {
    let world = world(&[
        ("values.yaml", "image: {}\n"),
        ("templates/_helpers.tpl", HELPERS),
        ("templates/a.yaml", CALLER),
    ]);
    let silent = world.wharf(&["helm", "template", "shop"]);
    assert!(!silent.stderr.contains("-->"), "{silent:?}");
    let debug = world.wharf(&["helm", "template", "shop", "--debug"]).fails(1, CALLED);
    assert!(debug.stderr.starts_with("Error: shop/templates/a.yaml:3:14\n  executing"), "{debug:?}");
    let output =
        |setting| world.wharf_with(&["helm", "template", "shop"], "", &[("WHARF_EXCERPTS", setting)]).stderr;
    assert_eq!(output("always"), format!("{}{CALLED}", silent.stderr));
    assert_eq!(output("never"), silent.stderr);
}

#[test]
fn a_template_that_does_not_parse_is_shown_where_that_was_noticed() {
    let world = world(&[("templates/a.yaml", "a: 1\nb: {{ if }}\n")]);
    world.wharf(&["images", "shop"]).fails(
        1,
        " --> shop/templates/a.yaml:2:10\n1 | a: 1\n2 | b: {{ if }}\n  |          ^^ missing value for if\n",
    );
}

#[test]
fn text_given_to_tpl_is_shown_with_the_template_that_gave_it() {
    let template = "a: {{ tpl \"{{ fail \\\"no way\\\" }}\" . }}\n";
    let world = world(&[("templates/a.yaml", template)]);
    world.wharf(&["images", "shop"]).fails(
        1,
        " --> (text given to tpl):1:4\n1 | {{ fail \"no way\" }}\n  |    ^^^^^^^^^^^^^ no way\n --> shop/templates/a.yaml:1:7\n",
    );
}

#[test]
fn output_that_is_no_yaml_is_shown_with_the_action_that_made_it() {
    let world = world(&[
        ("values.yaml", "text: \"x: y: z\"\n"),
        ("templates/a.yaml", "kind: ConfigMap\ndata:\n  text: {{ .Values.text }}\n"),
    ]);
    let run = world.wharf(&["images", "shop"]);
    let expected = "2 | data:
3 |   text: x: y: z
  |          ^ mapping values are not allowed in this context
 --> shop/templates/a.yaml:3:12
1 | kind: ConfigMap
2 | data:
3 |   text: {{ .Values.text }}
  |            ^^^^^^^^^^^^ this made it
";
    run.fails(1, expected);
}

#[test]
fn values_that_a_schema_does_not_allow_are_shown_where_they_come_from() {
    let schema = r#"{"properties": {"replicas": {"type": "integer"}, "tag": {"type": "string"}, "host": {"type": "string"}}}"#;
    let world = world(&[
        ("values.yaml", "replicas: 1\ntag: 5\nhost: x\n"),
        ("values.schema.json", schema),
        ("templates/a.yaml", "a: 1\n"),
    ]);
    fs::write(world.path("own.yaml"), "# mine\nhost: 7\n").unwrap();
    let run = world.wharf(&["images", "shop", "-f", "own.yaml", "--set", "replicas=many"]);
    for expected in [
        " --> own.yaml:2:7\n1 | # mine\n2 | host: 7\n  |       ^ got number, want string\n",
        " --> --set:1:1\n1 | replicas=many\n  | ^^^^^^^^^^^^^ got string, want integer\n",
        " --> shop/values.yaml:2:6\n1 | replicas: 1\n2 | tag: 5\n  |      ^ got number, want string\n",
    ] {
        assert!(run.stderr.contains(expected), "{expected} is not in {}", run.stderr);
    }
}

#[test]
fn files_that_are_no_yaml_are_shown() {
    let world = world(&[("templates/a.yaml", "a: 1\n"), ("values.yaml", "a:\n  b: [1\nc: 2\n")]);
    let expected =
        " --> values.yaml:3:2\n1 | a:\n2 |   b: [1\n3 | c: 2\n  |  ^ did not find expected ',' or ']'\n";
    world.wharf(&["images", "shop"]).fails(1, expected);
    world.wharf(&["helm", "template", "shop", "--debug"]).fails(1, expected);
    fs::write(world.path("shop/values.yaml"), "").unwrap();
    fs::write(world.path("own.yaml"), "a: 1\n---\nb: \"x\n").unwrap();
    world.wharf(&["images", "shop", "-f", "own.yaml"]).fails(1, " --> own.yaml:");
    fs::write(world.path("shop/Chart.yaml"), "apiVersion: v2\nname: shop\nversion: [1]\n").unwrap();
    world.wharf(&["images", "shop"]).fails(1, " --> Chart.yaml:3:1\n");
}
