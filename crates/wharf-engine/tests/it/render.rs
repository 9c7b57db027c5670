use wharf_chart::{Chart, File, load_folder};
use wharf_engine::{Error, ErrorKind, KubeVersion, RenderOptions, Rendered, render};
use wharf_yaml::from_yaml;

use crate::fixed;

fn chart(files: &[(&str, &str)]) -> Chart {
    let base = ("Chart.yaml", "apiVersion: v2\nname: app\nversion: 1.0.0\n");
    let has_base = files.iter().any(|(name, _)| *name == "Chart.yaml");
    let base = (!has_base).then_some(base);
    let files = files.iter().copied().chain(base).map(|(name, text)| File::new(name, text.as_bytes()));
    load_folder(files).unwrap()
}

fn render_with(files: &[(&str, &str)], values: &str, options: &RenderOptions) -> Result<Rendered, Error> {
    render(&chart(files), &from_yaml(values.as_bytes()).unwrap(), options, &fixed)
}

fn fails(files: &[(&str, &str)]) -> Error {
    render_with(files, "{}", &RenderOptions::default()).unwrap_err()
}

#[test]
fn documents_come_in_install_order_with_their_sources() {
    let files = [
        ("templates/b.yaml", "kind: Deployment\n---\nkind: Unknown\n"),
        ("templates/a.yaml", "kind: Service\n"),
        ("templates/c.yaml", "kind: Namespace\n"),
        ("templates/NOTES.txt", "hello {{ .Release.Name }}"),
        ("templates/_x.tpl", "never seen"),
    ];
    let rendered = render_with(&files, "{}", &RenderOptions::default()).unwrap();
    assert_eq!(rendered.notes, "hello release-name");
    assert_eq!(
        rendered.text(false, true, true),
        "---\n# Source: app/templates/c.yaml\nkind: Namespace\n\n---\n# Source: app/templates/a.yaml\nkind: Service\n\n\
         ---\n# Source: app/templates/b.yaml\nkind: Deployment\n\n---\n# Source: app/templates/b.yaml\nkind: Unknown\n"
    );
}

#[test]
fn hooks_are_kept_apart_and_unknown_events_drop_the_document() {
    let hook = |event: &str| {
        format!(
            "kind: Job\nmetadata:\n  name: j\n  annotations:\n    helm.sh/hook: {event}\n    helm.sh/hook-weight: 5\n"
        )
    };
    let (known, unknown, test) =
        (hook("pre-install, post-upgrade"), hook("pre-everything"), hook("test-success"));
    let files =
        [("templates/a.yaml", &*known), ("templates/b.yaml", &*unknown), ("templates/c.yaml", &*test)];
    let rendered = render_with(&files, "{}", &RenderOptions::default()).unwrap();
    assert!(rendered.manifests.is_empty());
    let events: Vec<_> = rendered.hooks.iter().map(|hook| (hook.events.join("+"), hook.weight)).collect();
    assert_eq!(events, [("pre-install+post-upgrade".to_owned(), 5), ("test".to_owned(), 5)]);
    assert!(rendered.text(false, true, false).contains("a.yaml"));
    assert!(!rendered.text(false, true, false).contains("c.yaml"));
}

/// As Helm 4.2.4 renders it: of two dependencies with one name the wanted one comes last, and its files count; the values
/// are those of both, and the other one's go first.
#[test]
fn of_two_dependencies_with_one_name_the_later_ones_files_count() {
    let template = "a: {{ .Chart.Version }} {{ .Values.from }} {{ template \"n\" . }}\n";
    for (wanted, other) in [("1.0.0", "2.0.0"), ("2.0.0", "1.0.0")] {
        let top = format!(
            "apiVersion: v2\nname: top\nversion: 1.0.0\ndependencies:\n- {{ name: db, version: {wanted} }}\n"
        );
        let metadata = |version: &str| format!("apiVersion: v2\nname: db\nversion: {version}\n");
        let values = |version: &str| format!("from: v{version}\n");
        let helper = |version: &str| format!("{{{{ define \"n\" }}}}n{version}{{{{ end }}}}");
        let files = ["db:2.0.0", "zz:1.0.0"].map(|place| {
            let (folder, version) = place.split_once(':').unwrap();
            [
                (format!("charts/{folder}/Chart.yaml"), metadata(version)),
                (format!("charts/{folder}/values.yaml"), values(version)),
                (format!("charts/{folder}/templates/_n.tpl"), helper(version)),
                (format!("charts/{folder}/templates/a.yaml"), template.to_owned()),
                (
                    format!("charts/{folder}/templates/{folder}.yaml"),
                    "kind: {{ .Chart.Version }}\n".to_owned(),
                ),
            ]
        });
        let mut files: Vec<(&str, &str)> =
            files.iter().flatten().map(|(name, text)| (name.as_str(), text.as_str())).collect();
        files.push(("Chart.yaml", &top));
        let rendered = render_with(&files, "{}", &RenderOptions::default()).unwrap();
        let mut found: Vec<&str> = rendered.manifests.iter().map(|each| each.content.trim()).collect();
        found.sort_unstable();
        assert_eq!(found, [&*format!("a: {wanted} v{other} n{wanted}"), "kind: 1.0.0", "kind: 2.0.0"]);
    }
}

#[test]
fn what_made_bad_yaml_is_found_in_a_long_output_with_values_missing() {
    let text = "{{ range $i, $j := until 30000 }}a{{ $i }}: {{ $.Values.none }}\n{{ end }}b: c: d\n";
    let error = fails(&[("templates/a.yaml", text)]);
    assert!(error.to_string().starts_with("YAML parse error on app/templates/a.yaml: "), "{error}");
    let made = error.spots().last().unwrap();
    assert_eq!((made.source.as_str(), made.line), ("app/templates/a.yaml", 2), "{made:?}");
}

#[test]
fn values_reach_subcharts_with_globals_and_null_deletes_a_default() {
    let files = [
        (
            "Chart.yaml",
            "apiVersion: v2\nname: app\nversion: 1.0.0\ndependencies: [{name: sub, version: '*', alias: one, condition: one.enabled}]\n",
        ),
        ("values.yaml", "keep: 1\ndrop: 2\nglobal: {g: parent}\none: {enabled: true, x: from-parent}\n"),
        ("charts/sub/Chart.yaml", "apiVersion: v2\nname: sub\nversion: 0.1.0\n"),
        ("charts/sub/values.yaml", "x: default\nw: default\nglobal: {g: child, h: child}\n"),
        ("charts/sub/templates/s.yaml", "kind: {{ .Chart.Name }}\nv: {{ .Values | toJson }}\n"),
        ("templates/a.yaml", "v: {{ omit .Values \"one\" | toJson }}\n"),
    ];
    let rendered = render_with(&files, "drop: null\n", &RenderOptions::default()).unwrap();
    let of = |path: &str| {
        rendered.manifests.iter().find(|manifest| manifest.path == path).unwrap().content.clone()
    };
    assert_eq!(of("app/templates/a.yaml"), "v: {\"global\":{\"g\":\"parent\"},\"keep\":1}\n");
    assert_eq!(
        of("app/charts/one/templates/s.yaml"),
        "kind: one\nv: {\"enabled\":true,\"global\":{\"g\":\"parent\",\"h\":\"child\"},\"w\":\"default\",\"x\":\"from-parent\"}\n"
    );
    let off = render_with(&files, "one: {enabled: false}\n", &RenderOptions::default()).unwrap();
    assert_eq!(off.manifests.len(), 1);
}

#[test]
fn errors_have_the_text_of_helm_and_the_place() {
    let error = fails(&[(
        "templates/a.yaml",
        "{{ include \"x\" . }}\n{{ define \"x\" }}{{ .Values.a.b }}{{ end }}\n",
    )]);
    assert_eq!(
        error.to_string(),
        "app/templates/a.yaml:1:3\n  executing \"app/templates/a.yaml\" at <include \"x\" .>:\n    error calling include:\n\
         app/templates/a.yaml:2:26\n  executing \"x\" at <.Values.a.b>:\n    nil pointer evaluating interface {}.b"
    );
    assert_eq!(error.kind(), ErrorKind::Execution);
    let place = error.template_error().unwrap().place().unwrap();
    assert_eq!((place.line, place.column), (1, 3));

    let error = fails(&[("templates/a.yaml", "x\n{{ fail \"a: b\" }}")]);
    assert_eq!(error.to_string(), "execution error at (app/templates/a.yaml:2:3): a: b");
    let error = fails(&[("templates/a.yaml", "{{ .x \n")]);
    assert_eq!(
        error.to_string(),
        "parse error at (app/templates/a.yaml:2): unclosed action started at app/templates/a.yaml:1"
    );
    let error = fails(&[("templates/a.yaml", "a: b: c\n")]);
    assert_eq!(
        error.to_string(),
        "YAML parse error on app/templates/a.yaml: error converting YAML to JSON: yaml: mapping values are not allowed in this context"
    );
}

#[test]
fn an_endless_include_ends_with_an_error() {
    let error = fails(&[(
        "templates/a.yaml",
        "{{ define \"r\" }}{{ include \"r\" . }}{{ end }}{{ include \"r\" . }}",
    )]);
    assert!(error.to_string().contains("rendering template has a nested reference name: r"), "{error}");
}

#[test]
fn a_chart_that_needs_another_kubernetes_is_refused() {
    let files = [("Chart.yaml", "apiVersion: v2\nname: app\nversion: 1.0.0\nkubeVersion: '<1.20'\n")];
    let options = RenderOptions {
        kube_version: KubeVersion::parse("1.33.4-gke.1").unwrap(),
        ..RenderOptions::default()
    };
    let error = render_with(&files, "{}", &options).unwrap_err();
    assert_eq!(
        error.to_string(),
        "chart requires kubeVersion: <1.20 which is incompatible with Kubernetes v1.33.4-gke.1"
    );
}

#[test]
fn a_render_that_makes_too_much_stops_at_its_limit() {
    let options = RenderOptions { max_bytes: 1000, ..RenderOptions::default() };
    let error = render_with(&[("templates/a.yaml", "{{ repeat 100 \"0123456789ab\" }}")], "{}", &options)
        .unwrap_err();
    assert!(error.to_string().contains("result of 1200 bytes is over the limit of 1000 bytes"), "{error}");
}

#[test]
fn lookups_find_nothing_and_names_are_not_resolved_without_a_cluster() {
    let files = [(
        "templates/a.yaml",
        "a: {{ lookup \"v1\" \"Secret\" \"\" \"\" | len }}{{ getHostByName \"example.com\" }}\n",
    )];
    let rendered = render_with(&files, "{}", &RenderOptions::default()).unwrap();
    assert_eq!(rendered.manifests[0].content, "a: 0\n");
}

/// As Helm 4.2.4 rendered it.
#[test]
fn a_set_below_global_is_seen_by_the_charts_that_share_the_value() {
    let change = "{{ $_ := set .Values.global.top.deep \"b\" 2 }}{{ $_ := set .Values.global.top \"c\" 3 }}{{ $_ := set \
                  (index .Values.global.list 0) \"d\" 4 }}{{ $_ := set .Values.own \"y\" 5 }}kind: A\n";
    let files = [
        ("values.yaml", "global: {top: {deep: {a: 1}}, list: [{a: 1}]}\nsub: {own: {x: 1}}\n"),
        ("templates/a.yaml", "a: {{ .Values | toJson }}\n"),
        ("charts/sub/Chart.yaml", "apiVersion: v2\nname: sub\nversion: 1.0.0\n"),
        ("charts/sub/templates/s.yaml", change),
    ];
    let rendered = render_with(&files, "{}", &RenderOptions::default()).unwrap();
    let expected = r#"a: {"global":{"list":[{"a":1,"d":4}],"top":{"deep":{"a":1,"b":2}}},"sub":{"global":{"list":[{"a":1,"d":4}],"top":{"c":3,"deep":{"a":1,"b":2}}},"own":{"x":1,"y":5}}}"#;
    assert!(rendered.manifests.iter().any(|manifest| manifest.content.trim() == expected), "{rendered:?}");
}

#[test]
fn annotations_that_are_no_texts_are_told_in_helms_words() {
    let files = [("templates/a.yaml", "kind: A\nmetadata: {annotations: 5}\n")];
    let error = render_with(&files, "{}", &RenderOptions::default()).unwrap_err();
    assert!(
        error.to_string().ends_with(
            "cannot unmarshal number into Go struct field .metadata.annotations of type map[string]string"
        ),
        "{error}"
    );
}

#[test]
fn values_that_a_schema_refuses_are_not_rendered() {
    let files = [
        ("values.schema.json", "{\"properties\": {\"port\": {\"type\": \"integer\"}}}"),
        ("templates/a.yaml", "kind: A\n"),
    ];
    let error = render_with(&files, "port: a", &RenderOptions::default()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Schema);
    assert!(error.to_string().ends_with(":\n- at '/port': got string, want integer\n"), "{error}");
    let unchecked = RenderOptions { skip_schema_validation: true, ..RenderOptions::default() };
    assert!(render_with(&files, "port: a", &unchecked).is_ok());
}
