//! Templates that are parsed while the rest of the chart is read.

use std::sync::Arc;

use wharf_chart::{Chart, File, load_folder};
use wharf_engine::{Ahead, Error, RenderOptions, Rendered, render, render_begun};
use wharf_yaml::Value;

use crate::fixed;

/// A chart with enough text for a second thread, whose template of that name has this text.
fn chart(name: &str, text: &str) -> Chart {
    let filler = "# {{ .Release.Name }} {{ include \"helper\" . }}\nkind: ConfigMap\n---\n".repeat(50);
    let mut files = vec![
        File::new("Chart.yaml", &b"apiVersion: v2\nname: app\nversion: 1.0.0\n"[..]),
        File::new("templates/_helper.tpl", &b"{{ define \"helper\" }}{{ .Chart.Name }}{{ end }}"[..]),
        File::new(name, text.as_bytes()),
    ];
    files.extend((0..60).map(|index| File::new(format!("templates/{index}.yaml"), filler.as_bytes())));
    load_folder(files).unwrap()
}

/// Renders it twice: with everything parsed ahead, and without a word ahead.
fn both(chart: &Chart) -> [Result<Rendered, Error>; 2] {
    let mut ahead = Ahead::default();
    chart.templates.iter().for_each(|file| ahead.parse(&file.data));
    // A text that no chart has, and one that is there twice.
    ahead.parse(&Arc::from(&b"{{ end }}"[..]));
    ahead.parse(&chart.templates[0].data);
    let options = RenderOptions::default();
    [
        render_begun(chart, ahead, &Value::Null, &options, &fixed),
        render(chart, &Value::Null, &options, &fixed),
    ]
}

#[test]
fn the_output_is_the_same() {
    let [ahead, plain] = both(&chart("templates/a.yaml", "kind: Service\n")).map(Result::unwrap);
    assert_eq!(ahead.manifests.len(), 60 * 50 + 1);
    assert_eq!(ahead.manifests, plain.manifests);
}

#[test]
fn errors_name_the_file_and_the_line() {
    for (text, expected) in [
        ("a\n{{ if }}", "parse error at (app/templates/a.yaml:2): missing value for if"),
        ("a\n{{ \"b", "parse error at (app/templates/a.yaml:2): unterminated quoted string"),
        (
            "{{ define \"app/templates/a.yaml\" }}b{{ end }}\na",
            "parse error at (app/templates/a.yaml:2): multiple definition of template \"app/templates/a.yaml\"",
        ),
        ("kind: [\n", "YAML parse error on app/templates/a.yaml: error converting YAML to JSON: "),
    ] {
        let [ahead, plain] =
            both(&chart("templates/a.yaml", text)).map(|result| result.unwrap_err().to_string());
        assert!(ahead.contains(expected), "{text}: {ahead}");
        assert_eq!(ahead, plain);
    }
}
