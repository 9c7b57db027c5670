//! The first line is an expression in Go's syntax, the rest what it is matched with.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let (pattern, text) = text.split_once('\n').unwrap_or((text, "abc"));
    if let Ok(regex) = wharf_regexp::compile(pattern) {
        let _ = regex.find_iter(text).count();
        let _ = regex.captures(text);
    }
});
