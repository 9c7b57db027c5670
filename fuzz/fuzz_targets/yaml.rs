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
        // As Helm's library, the writer loses the sign of zero, and the line breaks that YAML 1.1 knows besides the line feed.
        let lost = ["-0", "\u{85}", "\\u2028", "\\u2029"];
        let json = to_json(&value).ok();
        if !json.as_ref().is_some_and(|json| lost.iter().any(|lost| json.contains(lost))) {
            assert_eq!(to_json(&again).ok(), json);
        }
    }
});
