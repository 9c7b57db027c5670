//! Advisories about `index.yaml`, which comes from a repository that may mean harm.

use wharf_chart::Index;

fn read(text: &str) -> Result<(Index, Vec<String>), String> {
    Index::read(text.as_bytes(), "https://charts.example").map_err(|error| error.to_string())
}

#[test]
fn cve_2020_15185_no_field_of_an_index_stands_twice() {
    let entry = "- name: a\n    version: 1.0.0\n    urls: [https://good.example/a.tgz]\n    urls: [https://bad.example/a.tgz]\n";
    let error = read(&format!("apiVersion: v1\nentries:\n  a:\n  {entry}")).unwrap_err();
    assert!(error.contains("key \"urls\" already set in map"), "{error}");
}

#[test]
fn cve_2022_23525_and_cve_2024_26147_missing_entries_are_passed_over() {
    let (index, warnings) =
        read("apiVersion: v1\nentries:\n  a: [null, {name: a, version: 1.0.0}]\n  b: null\n").unwrap();
    assert_eq!(index.entries["a"].len(), 1);
    assert!(warnings[0].contains("empty entry"), "{warnings:?}");
    for nothing in ["", " ", "---\n", "null", "[]", "entries: 5", "entries: {a: 5}", "{}"] {
        assert!(read(nothing).is_err(), "{nothing:?}");
    }
}

#[test]
fn cve_2021_21303_names_and_versions_that_break_the_rules_are_passed_over() {
    let (index, warnings) = read(
        "apiVersion: v1\nentries:\n  a:\n  - {name: a, version: not-a-version}\n  - {name: ../a, version: 1.0.0}\n  \
         - {name: a, version: 1.0.0, description: \"x\\e[31m\"}\n",
    )
    .unwrap();
    let kept = &index.entries["a"];
    assert_eq!((kept.len(), warnings.len()), (1, 2), "{warnings:?}");
    assert!(!kept[0].metadata.description.contains('\u{1b}'), "{:?}", kept[0].metadata.description);
}
