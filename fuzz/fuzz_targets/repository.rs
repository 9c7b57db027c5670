//! Any bytes are an index.yaml or a repositories.yaml, or are refused; what was read can be written and read again.
#![no_main]

use libfuzzer_sys::fuzz_target;
use wharf_chart::{Index, RepositoryFile, join_url, resolve_url, same_url};

fuzz_target!(|bytes: &[u8]| {
    if let Ok((index, _)) = Index::read(bytes, "index.yaml") {
        for name in index.entries.keys() {
            for version in ["", "1", "^1.0.0"] {
                let _ = index.find(name, version);
            }
        }
        let json = index.to_pretty_json();
        assert!(Index::read(json.as_bytes(), "again").is_ok(), "{json}");
    }
    if let Ok(file) = RepositoryFile::from_yaml(bytes) {
        let _ = file.to_yaml();
    }
    if let Ok(text) = std::str::from_utf8(bytes) {
        let (a, b) = text.split_once('\n').unwrap_or((text, "a.tgz"));
        let _ = (resolve_url(a, b), join_url(a, b), same_url(a, b));
    }
});
