//! `testdata/go-template/cases.jsonl` holds templates with the output and error of Go 1.26.8's
//! `text/template`, made by a generator over paths, constants, functions, verbs, flags and widths;
//! the data is the one that `data` builds here.

use std::collections::BTreeMap;
use std::path::Path;
use std::rc::Rc;

use wharf_template::{FunctionTable, Limits, List, Map, MapType, MissingKey, Runtime, TemplateSet, Value};

fn data() -> Value {
    let map = |entries: Vec<(&str, Value)>| Value::Map(Map::of(entries));
    let list = Value::list;
    let mut strings = BTreeMap::new();
    strings.insert("k1".into(), "v1".into());
    strings.insert("k2".into(), "v2".into());
    map(vec![
        ("s", "hello".into()),
        ("uni", "h\u{e9}llo \u{4e16}\u{754c}".into()),
        ("q", "a\"b'c\n\t<&>=\u{1}\u{2028}".into()),
        ("empty", "".into()),
        ("num", "12".into()),
        ("n", Value::int(3)),
        ("neg", Value::int(-7)),
        ("zero", Value::int(0)),
        ("i64", Value::int64(42)),
        ("f", 3.5.into()),
        ("big", 1e6.into()),
        ("small", 0.00001.into()),
        ("whole", 2.0.into()),
        ("huge", 1.5e300.into()),
        ("negf", (-0.25).into()),
        ("t", true.into()),
        ("fa", false.into()),
        ("nil", Value::Nil),
        (
            "m",
            map(vec![
                ("b", Value::int(2)),
                ("a", "x".into()),
                (
                    "c",
                    map(vec![(
                        "d",
                        list(vec![Value::int(1), "two".into(), 3.0.into(), Value::Nil, true.into()]),
                    )]),
                ),
                ("nil", Value::Nil),
            ]),
        ),
        (
            "l",
            list(vec![
                Value::int(1),
                "two".into(),
                3.5.into(),
                Value::Nil,
                false.into(),
                map(vec![("k", "v".into())]),
            ]),
        ),
        ("ss", Value::List(List::strings(["x", "y", "z"]))),
        ("sm", Value::Map(Map::with_entries(MapType::STRING, strings))),
        ("el", list(vec![])),
        ("em", map(vec![])),
        (
            "ml",
            list(vec![
                map(vec![("name", "a".into()), ("v", Value::int(1))]),
                map(vec![("name", "b".into())]),
            ]),
        ),
    ])
}

fn render(text: &str, missing_key: MissingKey) -> Result<String, String> {
    let set = TemplateSet::new(Rc::new(FunctionTable::default()));
    set.parse("t.txt", text.as_bytes()).map_err(|error| error.to_string())?;
    let out = Runtime::new(missing_key, Limits::default()).execute(&set, "t.txt", &data());
    out.map(|out| String::from_utf8_lossy(&out).into_owned()).map_err(|error| error.to_string())
}

#[test]
fn output_and_errors_equal_those_of_go() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/go-template/cases.jsonl");
    let cases = std::fs::read_to_string(path).unwrap();
    let mut failures = Vec::new();
    let mut count = 0;
    for line in cases.lines() {
        let case: serde_json::Value = serde_json::from_str(line).unwrap();
        let template = case["template"].as_str().unwrap();
        let missing_key = match case["missingkey"].as_str() {
            Some("zero") => MissingKey::Zero,
            Some("error") => MissingKey::Error,
            _ => MissingKey::Invalid,
        };
        let expected = match case["error"].as_str() {
            Some(error) => Err(error.to_owned()),
            None => Ok(case["out"].as_str().unwrap().to_owned()),
        };
        let actual = render(template, missing_key);
        count += 1;
        if actual != expected {
            failures
                .push(format!("{template:?} ({missing_key:?})\n  Go:    {expected:?}\n  Wharf: {actual:?}"));
        }
    }
    assert!(count > 5000, "only {count} cases were read");
    assert!(failures.is_empty(), "{} of {count} differ:\n{}", failures.len(), failures.join("\n"));
}
