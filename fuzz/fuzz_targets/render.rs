//! A chart of one template is rendered with every function there is, then searched for images and compared with itself. The
//! input is the template and, after a zero byte, the values.
#![no_main]

use std::rc::Rc;

use libfuzzer_sys::fuzz_target;
use wharf_chart::{File, load_folder};
use wharf_engine::{RenderOptions, Surroundings, render};
use wharf_manifests::{ImageSearch, changes};
use wharf_yaml::Value;

const CHART: &[u8] = b"apiVersion: v2\nname: fuzz\nversion: 1.2.3\nappVersion: \"4\"\n";
const HELPERS: &[u8] = br#"{{ define "fuzz.name" }}{{ .Chart.Name }}{{ end }}{{ define "twice" }}{{ . }}{{ . }}{{ end }}"#;
const VALUES: &[u8] = b"a: text\nb: [x, y]\nc: {d: 1, e: 2.5, f: null}\nn: -1\nt: true\nimage: {repository: r.example/a/b, tag: \"1\"}\n";

/// No clock, no randomness worth the name, no keys.
struct Fixed;

impl Surroundings for Fixed {
    fn now_nanoseconds(&self) -> i128 {
        1_700_000_000_000_000_000
    }

    fn fill_random(&self, buffer: &mut [u8]) {
        buffer.fill(4);
    }
}

fuzz_target!(|bytes: &[u8]| {
    let middle = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
    let (template, values) = bytes.split_at(middle);
    // Hashing passwords takes a second each, by intention.
    if [&b"htpasswd"[..], b"bcrypt", b"derivePassword"].iter().any(|slow| template.windows(slow.len()).any(|part| part == *slow)) {
        return;
    }
    let values = values.get(1..).unwrap_or(VALUES);
    let files = [
        ("Chart.yaml", CHART),
        ("values.yaml", values),
        ("templates/_helpers.tpl", HELPERS),
        ("templates/a.yaml", template),
    ];
    let Ok(chart) = load_folder(files.map(|(name, data)| File::new(name, data.to_vec())).to_vec()) else { return };
    let options = RenderOptions { max_steps: 10_000, max_bytes: 1 << 16, ..RenderOptions::default() };
    let Ok(rendered) = render(&chart, &Value::Null, &options, &|| Rc::new(Fixed)) else { return };
    let _ = rendered.text(true, true, true);
    let mut search = ImageSearch::new(&chart);
    search.add("defaults", &rendered);
    let _ = search.report();
    assert!(changes(&rendered, &rendered, false).is_empty());
});
