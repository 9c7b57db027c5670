use wharf_engine::SetValues;
use wharf_yaml::{Value, to_json};

fn set(text: &str) -> Result<String, String> {
    let mut values = SetValues::new(&Value::Null);
    values.set(text)?;
    Ok(to_json(&values.into_value()).unwrap())
}

#[test]
fn names_lists_and_types_are_recognised() {
    let cases = [
        ("a=1,b=x", r#"{"a":1,"b":"x"}"#),
        ("a.b.c=true", r#"{"a":{"b":{"c":true}}}"#),
        ("a={1,two,null}", r#"{"a":[1,"two",null]}"#),
        ("a[2]=x", r#"{"a":[null,null,"x"]}"#),
        ("a[0].b=1,a[0].c=2", r#"{"a":[{"b":1,"c":2}]}"#),
        ("a=007,b=0,c=-5,d=1.5", r#"{"a":"007","b":0,"c":-5,"d":"1.5"}"#),
        (r"a\.b=1\,2", r#"{"a.b":"1,2"}"#),
        ("a=", r#"{"a":""}"#),
        ("a=null", r#"{"a":null}"#),
    ];
    for (text, expected) in cases {
        assert_eq!(set(text).as_deref(), Ok(expected), "{text}");
    }
}

#[test]
fn huge_indexes_and_deep_names_are_refused() {
    assert_eq!(
        set("a[65537]=1").unwrap_err(),
        "index of 65537 is greater than maximum supported index of 65536"
    );
    assert_eq!(set("a[-1]=1").unwrap_err(), "negative -1 index not allowed");
    let deep = format!("{}a=1", "a.".repeat(40));
    assert_eq!(
        set(&deep).unwrap_err(),
        "value name nested level is greater than maximum supported nested level of 30"
    );
    assert_eq!(set("a").unwrap_err(), "key \"a\" has no value");
    assert_eq!(set("a={1,2").unwrap_err(), "list must terminate with '}'");
}

#[test]
fn the_other_flags_read_values_their_way() {
    let mut values = SetValues::new(&Value::Null);
    values.set_string("a=1").unwrap();
    values.set_json("b={\"c\":[1,2]},d=null").unwrap();
    values.set_literal("e=x,y={z}").unwrap();
    values.set_file("f=name", &mut |path| Ok(Value::String(format!("content of {path}").into()))).unwrap();
    let json = to_json(&values.into_value()).unwrap();
    assert_eq!(json, r#"{"a":"1","b":{"c":[1,2]},"d":null,"e":"x,y={z}","f":"content of name"}"#);
}

/// `testdata/set-values/cases.jsonl` was made by running the strvals package of Helm v4.2.4 over generated texts, starting
/// from the values below: flag, text, the values as JSON afterwards, the error.
#[test]
fn generated_texts_give_what_helm_gives() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/set-values/cases.jsonl");
    let mut start = SetValues::new(&Value::Null);
    start.set("pre.l[0]=1,pre.l[1].a=b,pre.s=x").unwrap();
    let start = start.into_value();
    let mut failures = Vec::new();
    let mut count = 0;
    for line in std::fs::read_to_string(path).unwrap().lines() {
        let [flag, text, expected, error]: [String; 4] = serde_json::from_str(line).unwrap();
        let mut values = SetValues::new(&start);
        let result = match flag.as_str() {
            "set" => values.set(&text),
            "string" => values.set_string(&text),
            "json" => values.set_json(&text),
            _ => values.set_literal(&text),
        };
        let actual = to_json(&values.into_value()).unwrap();
        count += 1;
        if result.is_err() == error.is_empty()
            || actual != expected
            || flag != "json" && result.clone().err().unwrap_or_default() != error
        {
            failures
                .push(format!("{flag} {text}\n  Helm:  {expected} {error}\n  Wharf: {actual} {result:?}"));
        }
    }
    assert!(count > 1000, "only {count} cases were read");
    assert!(failures.is_empty(), "{} of {count} differ:\n{}", failures.len(), failures.join("\n"));
}
