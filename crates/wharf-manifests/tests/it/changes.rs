use wharf_manifests::{Change, FieldChange, changes};
use wharf_yaml::Value;

use crate::{chart, rendered};

const TEMPLATE: &str = "\
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: shop}
spec:
  replicas: {{ .Values.replicas }}
  template:
    spec:
      containers:
      {{- if .Values.proxy }}
      - {name: proxy, image: 'quay.io/shop/proxy:1'}
      {{- end }}
      - {name: app, image: 'quay.io/shop/web:{{ .Values.tag }}'}
---
{{- if .Values.proxy }}
apiVersion: v1
kind: Service
metadata: {name: proxy}
{{- else }}
apiVersion: v1
kind: ConfigMap
metadata: {name: direct}
{{- end }}
---
apiVersion: v1
kind: Secret
metadata: {name: key}
stringData: {key: {{ .Values.tag | quote }}}
";

fn between(old: &str, new: &str, show_secrets: bool) -> Vec<(String, Change)> {
    let chart = chart(&[
        ("Chart.yaml", "apiVersion: v2\nname: shop\nversion: 1.0.0\n"),
        ("values.yaml", "replicas: 1\nproxy: false\ntag: a\n"),
        ("templates/all.yaml", TEMPLATE),
    ]);
    let found = changes(&rendered(&chart, old), &rendered(&chart, new), show_secrets);
    found.into_iter().map(|(resource, change)| (resource.to_string(), change)).collect()
}

fn field(path: &str, old: Option<Value>, new: Option<Value>) -> FieldChange {
    FieldChange { path: path.to_owned(), old, new, is_hidden: false }
}

#[test]
fn equal_renders_have_no_changes() {
    assert_eq!(between("", "", false), []);
}

#[test]
fn resources_come_and_go_and_an_item_in_front_changes_nothing_behind_it() {
    let found = between("", "{proxy: true, replicas: 3}", false);
    let names: Vec<(&str, bool)> =
        found.iter().map(|(name, change)| (name.as_str(), matches!(change, Change::Changed(_)))).collect();
    assert_eq!(names, [("ConfigMap direct", false), ("Deployment shop/web", true), ("Service proxy", false)]);
    assert_eq!((&found[0].1, &found[2].1), (&Change::Removed, &Change::Added));
    let Change::Changed(fields) = &found[1].1 else { panic!("{found:?}") };
    assert_eq!(fields[0], field("spec.replicas", Some(Value::Float(1.0)), Some(Value::Float(3.0))));
    assert_eq!(fields[1].path, "spec.template.spec.containers[proxy]");
    assert_eq!((fields[1].old.is_none(), fields.len()), (true, 2));
}

#[test]
fn secrets_are_shown_only_when_asked_for() {
    let secret = |show| {
        let found = between("", "tag: b", show);
        let Some((_, Change::Changed(fields))) = found.iter().find(|(name, _)| name == "Secret key") else {
            panic!("{found:?}")
        };
        fields.clone()
    };
    let hidden = secret(false);
    assert_eq!((hidden[0].path.as_str(), hidden[0].is_hidden), ("stringData.key", true));
    assert_eq!(hidden[0].new, Some("(secret)".into()));
    assert_eq!(secret(true), [field("stringData.key", Some("a".into()), Some("b".into()))]);
}
