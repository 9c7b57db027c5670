//! Any bytes are YAML or are refused; what is written reads back as what was meant.
#![no_main]

use libfuzzer_sys::fuzz_target;
use wharf_yaml::{from_json, from_yaml, split_documents, to_json, to_yaml};

fuzz_target!(|text: &[u8]| {
    let _ = from_json(text);
    let _ = split_documents(text);
    if let Ok(value) = from_yaml(text)
        && let Ok(written) = to_yaml(&value)
    {
        let again = from_yaml(written.as_bytes()).expect("what is written can be read");
        assert_eq!(to_json(&again).ok(), to_json(&value).ok());
    }
});
