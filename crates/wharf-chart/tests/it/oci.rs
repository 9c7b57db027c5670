//! The OCI form.

use std::path::Path;

use wharf_chart::{
    Metadata, PackOptions, config_json, load_archive, oci_annotations, pack, tag_for_version, version_for_tag,
};

use crate::support::{load, shared};

#[test]
fn the_config_is_gos_json_of_the_metadata() {
    let yaml = b"apiVersion: v2\nname: a\nversion: 1.0\nappVersion: 2.10\ndescription: <a> & b\nkubeVersion: '>=1.20'\n\
                 keywords: [x]\nmaintainers:\n- name: Nora\n  email: n@e.example\nannotations: {b: 2, a: yes}\n\
                 dependencies:\n- name: d\n  version: ~1\n  import-values: [x, {child: c, parent: p}]\ntype: library\n";
    let config = config_json(&Metadata::from_yaml(yaml).unwrap());
    let expected = concat!(
        r#"{"name":"a","version":"1","description":"\u003ca\u003e \u0026 b","keywords":["x"],"#,
        r#""maintainers":[{"name":"Nora","email":"n@e.example"}],"apiVersion":"v2","appVersion":"2.1","#,
        r#""annotations":{"a":"true","b":"2"},"kubeVersion":"\u003e=1.20","#,
        r#""dependencies":[{"name":"d","version":"~1","repository":"","#,
        r#""import-values":["x",{"child":"c","parent":"p"}]}],"type":"library"}"#
    );
    assert_eq!(String::from_utf8(config).unwrap(), expected);
}

#[test]
fn annotations_have_no_time_unless_given() {
    let chart = load(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/storefront")).unwrap();
    let annotations = oci_annotations(&chart.metadata, None);
    let shown: Vec<String> = annotations.iter().map(|(k, v)| format!("{k}={v}")).collect();
    assert_eq!(
        shown,
        [
            "category=Example",
            "org.opencontainers.image.authors=Storefront team (team@storefront.example)",
            "org.opencontainers.image.description=A web shop front end with its session cache",
            "org.opencontainers.image.source=https://git.storefront.example/storefront",
            "org.opencontainers.image.title=storefront",
            "org.opencontainers.image.url=https://storefront.example",
            "org.opencontainers.image.version=1.4.0",
        ]
    );
    let timed = oci_annotations(&chart.metadata, Some("2026-01-02T03:04:05Z"));
    assert_eq!(timed["org.opencontainers.image.created"], "2026-01-02T03:04:05Z");
}

#[test]
fn chart_annotations_never_replace_title_and_version() {
    let yaml = b"apiVersion: v2\nname: a\nversion: 1.0.0\nannotations:\n  org.opencontainers.image.title: evil\n\
                 \x20 org.opencontainers.image.version: evil\n  org.opencontainers.image.url: https://other.example\n";
    let annotations = oci_annotations(&Metadata::from_yaml(yaml).unwrap(), None);
    assert_eq!(annotations["org.opencontainers.image.title"], "a");
    assert_eq!(annotations["org.opencontainers.image.version"], "1.0.0");
    assert_eq!(annotations["org.opencontainers.image.url"], "https://other.example");
}

#[test]
fn plus_becomes_underscore_in_tags() {
    assert_eq!(tag_for_version("1.0.0-rc.1+build.5"), "1.0.0-rc.1_build.5");
    assert_eq!(version_for_tag("1.0.0-rc.1_build.5"), "1.0.0-rc.1+build.5");
}

#[derive(serde::Deserialize)]
struct Pushed {
    tag: String,
    config: String,
    annotations: std::collections::BTreeMap<String, String>,
}

#[test]
fn config_and_annotations_are_those_of_helm_push() {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let recorded = std::fs::read_to_string(here.join("tests/testdata/helm-push.json")).unwrap();
    let recorded: std::collections::BTreeMap<String, Pushed> = serde_json::from_str(&recorded).unwrap();
    let charts = shared("charts");
    for (name, pushed) in recorded {
        let folder = match (&charts, name.as_str()) {
            (_, "storefront") => here.join("../../examples/storefront"),
            (Some(charts), _) => charts.join(&name),
            (None, _) => continue,
        };
        let packed = pack(&load(&folder).unwrap(), &PackOptions::default()).unwrap();
        let metadata = load_archive(&packed.bytes).unwrap().metadata;
        assert_eq!(metadata, packed.metadata);
        assert_eq!(String::from_utf8(config_json(&metadata)).unwrap(), pushed.config, "{name}");
        let created = &pushed.annotations["org.opencontainers.image.created"];
        assert_eq!(oci_annotations(&metadata, Some(created)), pushed.annotations, "{name}");
        assert_eq!(tag_for_version(&metadata.version), pushed.tag);
    }
}
