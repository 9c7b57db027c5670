use std::rc::Rc;

use wharf_template::{FunctionTable, Limits, Map, MissingKey, Runtime, TemplateSet, Value};

fn fails_with(text: &str, limits: Limits) -> String {
    let set = TemplateSet::new(Rc::new(FunctionTable::default()));
    set.parse("t", text.as_bytes()).unwrap();
    let data = Value::Map(Map::of([("s", Value::from("x"))]));
    Runtime::new(MissingKey::Zero, limits).execute(&set, "t", &data).unwrap_err().to_string()
}

#[test]
fn an_endless_loop_stops_at_the_step_limit() {
    let limits = Limits { max_steps: 1000, ..Limits::default() };
    let error = fails_with("{{ range 1000000000 }}{{ end }}", limits);
    assert!(error.ends_with("exceeded maximum of 1000 template steps"), "{error}");
}

#[test]
fn a_template_that_calls_itself_stops_before_the_stack_ends() {
    let error =
        fails_with("{{ define \"a\" }}{{ template \"a\" }}{{ end }}{{ template \"a\" }}", Limits::default());
    assert!(error.contains("executing \"a\" at <{{template \"a\"}}>"), "{error}");
}

#[test]
fn the_depth_limit_is_named() {
    let limits = Limits { max_depth: 10, ..Limits::default() };
    let error = fails_with("{{ define \"a\" }}{{ template \"a\" }}{{ end }}{{ template \"a\" }}", limits);
    assert!(error.ends_with("exceeded maximum template depth (10)"), "{error}");
}

#[test]
fn output_and_strings_stop_at_the_byte_limit() {
    let limits = Limits { max_bytes: 100, ..Limits::default() };
    let error = fails_with("{{ range 1000 }}abc{{ end }}", limits);
    assert!(error.ends_with("output is over the limit of 100 bytes"), "{error}");
    let error = fails_with("{{ $x := .s }}{{ range 1000 }}{{ $x = print $x $x }}{{ end }}", limits);
    assert!(error.ends_with("result of 128 bytes is over the limit of 100 bytes"), "{error}");
}

#[test]
fn deep_nesting_in_the_text_is_an_error() {
    let set = TemplateSet::new(Rc::new(FunctionTable::default()));
    let text = format!("{{{{ {} 1 }}}}", "(".repeat(100_000));
    let error = set.parse("t", text.as_bytes()).unwrap_err().to_string();
    assert_eq!(error, "template: t:1: max expression depth exceeded");
}

#[test]
fn a_value_that_contains_itself_prints_and_drops() {
    let map = Map::of([("a", Value::int(1))]);
    map.insert("self".into(), Value::Map(map.clone()));
    let text = Value::Map(map.clone()).to_string();
    assert!(text.starts_with("map[a:1 self:map[a:1 self:"));
    map.remove(b"self");

    let mut deep = Value::list(Vec::new());
    for _ in 0..1_000_000 {
        deep = Value::list(vec![deep]);
    }
    drop(deep);
}
