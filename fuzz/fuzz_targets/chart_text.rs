//! Any text is a version, a constraint, a `--set` expression, ignore rules, a lock file, a provenance text, a schema, or is refused.
#![no_main]

use libfuzzer_sys::fuzz_target;
use wharf_chart::semver::{Constraint, Version};
use wharf_chart::{IgnoreRules, Lock, Provenance, check_against, set_json, set_literal, set_strings, set_values};
use wharf_yaml::{Map, Value};

fuzz_target!(|text: &str| {
    if let Ok(version) = Version::parse(text) {
        assert!(Version::parse(&version.to_string()).is_ok());
        if let Ok(constraint) = Constraint::parse(text) {
            let _ = constraint.explain(&version);
        }
    }
    let _ = Version::parse_strict(text);
    let _ = Constraint::parse(text);
    for set in [set_values, set_strings, set_json, set_literal] {
        let mut values = Value::Map(Map::default().into());
        let _ = set(&mut values, text);
    }
    if let Ok(rules) = IgnoreRules::for_chart(Some(text.as_bytes())) {
        let _ = rules.ignores("templates/a.yaml", false);
    }
    let _ = Lock::from_yaml(text.as_bytes());
    let _ = Provenance::parse(text);
    let _ = check_against(text.as_bytes(), &Value::from([("a", Value::from(1.5))]));
});
