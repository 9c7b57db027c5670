//! Values against schemas, with the texts recorded from Helm's library.

use std::fs;
use std::path::Path;

use wharf_chart::{check_against, read_values};
use wharf_yaml::from_json;

#[test]
fn faults_are_told_in_helms_words() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/testdata/schema.jsonl");
    let text = fs::read_to_string(path).unwrap();
    let (mut wrong, mut count) = (Vec::new(), 0);
    for line in text.lines() {
        let case = from_json(line.as_bytes()).unwrap();
        let part = |name: &str| case.at(name).unwrap().as_str().unwrap();
        let values = read_values(part("values").as_bytes()).unwrap();
        let ours = check_against(part("schema").as_bytes(), &values).err().unwrap_or_default();
        count += 1;
        // Where Go's order of properties is random, every order that was seen is recorded.
        let theirs: Vec<&str> =
            case.at("errors").unwrap().as_list().unwrap().iter().flat_map(|e| e.as_str()).collect();
        if !theirs.contains(&ours.as_str()) {
            wrong.push(format!(
                "{}\n{}\n--- helm\n{}\n--- ours\n{ours}",
                part("schema"),
                part("values"),
                theirs[0]
            ));
        }
    }
    assert!(
        wrong.is_empty(),
        "{} of {count}:\n{}",
        wrong.len(),
        wrong.iter().take(12).cloned().collect::<Vec<_>>().join("\n\n")
    );
}

fn check(schema: &str, values: &str) -> Result<(), String> {
    check_against(schema.as_bytes(), &read_values(values.as_bytes()).unwrap())
}

#[test]
fn nothing_is_fetched_and_no_file_is_read_for_a_schema() {
    // CVE-2025-55199: `$ref` to /dev/zero, or to any address, made Helm read without end.
    for (reference, words) in [
        ("https://schemas.example/a.json", "schemas are not fetched from the network"),
        ("file:///dev/zero", "a chart's schema may not read files of this machine"),
        ("../../etc/passwd", "a chart's schema may not read files of this machine"),
    ] {
        let error = check(&format!("{{\"$ref\": \"{reference}\"}}"), "{}").unwrap_err();
        assert!(error.starts_with("failing loading \"") && error.contains(words), "{error}");
    }
    assert_eq!(check("{\"$ref\": \"urn:example:unknown\"}", "a: 1"), Ok(()));
}

#[test]
fn deep_schemas_and_values_end_with_an_error() {
    // CVE-2025-32387: chains of references overflowed Helm's stack.
    let chain: Vec<String> =
        (0..3000).map(|at| format!("\"d{at}\": {{\"$ref\": \"#/$defs/d{}\"}}", at + 1)).collect();
    let schema = format!("{{\"$ref\": \"#/$defs/d0\", \"$defs\": {{{}, \"d3000\": {{}}}}}}", chain.join(","));
    assert_eq!(check(&schema, "{}").unwrap_err(), "the schema is applied more than 400 levels deep");
    let nested = format!("{}{{}}{}", "{\"not\":".repeat(450), "}".repeat(450));
    assert_eq!(check(&nested, "{}").unwrap_err(), "the schema is applied more than 400 levels deep");
    let recursive = r##"{"additionalProperties": {"$ref": "#"}, "items": {"$ref": "#"}}"##;
    let values = format!("{}1{}", "{a: ".repeat(450), "}".repeat(450));
    assert_eq!(check(recursive, &values).unwrap_err(), "the schema is applied more than 400 levels deep");
    assert!(check(&"[".repeat(100_000), "{}").unwrap_err().contains("exceeded max depth"));
}

#[test]
fn a_schema_that_multiplies_itself_is_given_up() {
    let levels: Vec<String> = (0..40)
        .map(|at| {
            format!(
                "\"d{at}\": {{\"allOf\": [{{\"$ref\": \"#/$defs/d{0}\"}}, {{\"$ref\": \"#/$defs/d{0}\"}}]}}",
                at + 1
            )
        })
        .collect();
    let schema = format!("{{\"$ref\": \"#/$defs/d0\", \"$defs\": {{{}, \"d40\": {{}}}}}}", levels.join(","));
    let error = check(&schema, "{}").unwrap_err();
    assert!(error.contains("more than 5000000 steps"), "{error}");
}

#[test]
fn what_is_no_schema_is_an_error_and_never_a_panic() {
    // CVE-2022-23526: a malformed schema ended Helm.
    for schema in [
        "",
        "null",
        "[]",
        "{\"type\": 5}",
        "{\"$id\": \"%\"}",
        "{\"pattern\": \"(\"}",
        "{\"$ref\": \"#/%\"}",
        "\u{0}",
    ] {
        assert!(check(schema, "{}").is_err(), "{schema:?}");
    }
}
