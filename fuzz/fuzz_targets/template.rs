//! Any text is a template that ends within its limits, or is refused.
#![no_main]

use std::rc::Rc;

use libfuzzer_sys::fuzz_target;
use wharf_template::{FunctionTable, Limits, Map, MissingKey, Runtime, TemplateSet, Value};

fuzz_target!(|text: &[u8]| {
    let set = TemplateSet::new(Rc::new(FunctionTable::default()));
    if set.parse("fuzz", text).is_err() {
        return;
    }
    let limits = Limits { max_steps: 10_000, max_depth: 100, max_bytes: 1 << 16, max_stack_bytes: 1 << 20 };
    let data = Value::Map(Map::of([("a", Value::from("text")), ("b", Value::list(vec!["x".into(), "y".into()]))]));
    let _ = Runtime::new(MissingKey::Error, limits).execute(&set, "fuzz", &data);
});
