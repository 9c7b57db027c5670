//! The value type and the choices of the reader.

use wharf_yaml::{Numbers, Reader, Value, from_yaml};

#[test]
fn numbers_are_floats_unless_wanted_as_written() {
    let text = b"[1, 9223372036854775808, 1.5]";
    let floats = from_yaml(text).unwrap();
    assert_eq!(floats, Value::from(vec![1.0.into(), 9_223_372_036_854_775_808.0.into(), 1.5.into()]));
    let written = Reader::new().numbers(Numbers::AsWritten).read(text).unwrap();
    assert_eq!(written, Value::from(vec![1i64.into(), Value::Uint(9_223_372_036_854_775_808), 1.5.into()]));
}

#[test]
fn repeated_keys_replace_or_are_refused() {
    assert_eq!(from_yaml(b"a: 1\na: 2\n").unwrap(), Value::from([("a", 2.0.into())]));
    let error = Reader::new().strict(true).read(b"a: 1\nb: 2\na: 2\n").unwrap_err();
    assert_eq!(error.to_string(), "yaml: unmarshal errors:\n  line 3: key \"a\" already set in map");
    assert_eq!(error.line(), Some(3));
}

#[test]
fn a_changed_clone_leaves_the_original_alone() {
    let original = from_yaml(b"a: {b: 1}\n").unwrap();
    let mut clone = original.clone();
    clone.as_map_mut().unwrap().insert("a".into(), Value::Null);
    assert_eq!(original.at("a").and_then(|a| a.at("b")), Some(&1.0.into()));
    assert_eq!(clone.at("a"), Some(&Value::Null));
}

#[test]
fn errors_name_line_and_column() {
    let error = from_yaml(b"good: 1\nbad: [1, 2\nmore: x\n").unwrap_err();
    // go-yaml counts this line from zero.
    assert_eq!(error.to_string(), "yaml: line 2: did not find expected ',' or ']'");
    assert_eq!((error.line(), error.column()), (Some(3), Some(5)));
    let error = from_yaml("a: 'x'\nb: \"caf\u{e9} \\q\"\n".as_bytes()).unwrap_err();
    assert_eq!((error.line(), error.column()), (Some(2), Some(11)));
}

#[test]
fn an_empty_collection_where_a_key_must_stand_is_told_as_go_yaml_tells_it() {
    // The error named the end of the text and a missing colon; go-yaml stops at the collection.
    let error = from_yaml(b"a:\n- b: c\n  {}").unwrap_err();
    assert_eq!(error.to_string(), "yaml: line 2: did not find expected key");
}

#[test]
fn a_key_without_text_form_is_told_with_its_value() {
    let error = from_yaml(b"a: {~: [1, {b: x}]}").unwrap_err();
    assert_eq!(
        error.to_string(),
        "unsupported map key of type: %!s(<nil>), key: <nil>, value: []interface {}{1, map[interface {}]interface {}{\"b\":\"x\"}}"
    );
}
