//! Any input gives a value or an error, never a panic; what is written reads back.

use proptest::prelude::*;
use wharf_yaml::{Reader, Value, from_json, from_yaml, split_documents, to_json, to_yaml};

/// Text rich in what YAML gives a meaning to.
fn yamlish() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just("- "),
        Just(": "),
        Just("? "),
        Just("\n"),
        Just("\n  "),
        Just("\n    "),
        Just("\t"),
        Just("#"),
        Just("["),
        Just("]"),
        Just("{"),
        Just("}"),
        Just(","),
        Just("&a "),
        Just("*a"),
        Just("!!int "),
        Just("!t "),
        Just("!<"),
        Just("|"),
        Just(">-"),
        Just("|2+"),
        Just("'"),
        Just("\""),
        Just("\\"),
        Just("\\u12"),
        Just("---"),
        Just("..."),
        Just("%YAML 1.1"),
        Just("%TAG ! x"),
        Just("<<: "),
        Just("a"),
        Just("1"),
        Just("é"),
        Just("\u{85}"),
        Just("\u{2028}"),
        Just("\r"),
        Just("\u{feff}"),
        Just("%41"),
        Just("~"),
    ];
    prop::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        prop::num::f64::NORMAL.prop_map(Value::from),
        any::<i32>().prop_map(|n| Value::from(f64::from(n))),
        "[ -~\\n\\u{e9}\\u{2028}\\u{1f600}]{0,40}".prop_map(Value::from),
        yamlish().prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 32, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::btree_map("[ -~\\n]{0,20}", inner, 0..5).prop_map(|map| map
                .into_iter()
                .map(|(k, v)| (k.into(), v))
                .collect::<wharf_yaml::Map>()
                .into()),
        ]
    })
}

/// Next-line characters do not survive go-yaml, and whole floats come back as such.
fn survives(value: &Value) -> bool {
    match value {
        Value::String(text) => !text.contains(['\u{85}', '\u{feff}']),
        Value::List(items) => items.iter().all(survives),
        Value::Map(map) => map.iter().all(|(key, value)| survives(&Value::from(&**key)) && survives(value)),
        // Go writes -0 as 0.
        Value::Float(number) => *number != 0.0 || number.is_sign_positive(),
        _ => true,
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = from_yaml(&bytes);
        let _ = from_json(&bytes);
        let _ = split_documents(&bytes);
    }

    #[test]
    fn arbitrary_yaml_never_panics_and_errors_have_a_place(text in yamlish()) {
        for strict in [false, true] {
            if let Err(error) = Reader::new().strict(strict).read(text.as_bytes()) {
                let lines = text.split(['\n', '\r', '\u{85}', '\u{2028}']).count();
                prop_assert!(error.line().is_some_and(|line| line <= lines + 1), "{error}: {:?}", error.line());
            }
        }
    }

    #[test]
    fn what_is_written_reads_back(value in value().prop_filter("go-yaml changes it", survives)) {
        let text = to_yaml(&value).unwrap();
        prop_assert_eq!(from_yaml(text.as_bytes()).unwrap(), value.clone(), "{}", text);
        prop_assert_eq!(from_json(to_json(&value).unwrap().as_bytes()).unwrap(), value);
    }
}
