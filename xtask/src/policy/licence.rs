//! SPDX licence expressions: does at least one permitted choice exist?

/// Licences under which code may be part of Wharf's binary.
const PERMITTED: &[&str] = &[
    "0BSD",
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "BSL-1.0",
    "CC0-1.0",
    "CDLA-Permissive-2.0",
    "ISC",
    "MIT",
    "MIT-0",
    "OpenSSL",
    "Unicode-3.0",
    "Unlicense",
    "Zlib",
];

/// Whether the expression can be satisfied with permitted licences alone. `/` is an old way to write `OR`.
pub(super) fn is_permitted(expression: &str) -> bool {
    let spaced = expression.replace('/', " OR ").replace('(', " ( ").replace(')', " ) ");
    let words: Vec<&str> = spaced.split_whitespace().collect();
    let mut at = 0;
    alternatives(&words, &mut at) && at == words.len()
}

fn alternatives(words: &[&str], at: &mut usize) -> bool {
    let mut good = all_of(words, at);
    while words.get(*at) == Some(&"OR") {
        *at += 1;
        good |= all_of(words, at);
    }
    good
}

fn all_of(words: &[&str], at: &mut usize) -> bool {
    let mut good = one(words, at);
    while words.get(*at) == Some(&"AND") {
        *at += 1;
        good &= one(words, at);
    }
    good
}

fn one(words: &[&str], at: &mut usize) -> bool {
    let Some(word) = words.get(*at) else { return false };
    *at += 1;
    if *word == "(" {
        let good = alternatives(words, at);
        *at += 1;
        return good;
    }
    if words.get(*at) == Some(&"WITH") {
        let exception = words.get(*at + 1).copied().unwrap_or_default();
        *at += 2;
        return PERMITTED.contains(&format!("{word} WITH {exception}").as_str());
    }
    PERMITTED.contains(word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_choice_needs_one_permitted_licence_and_a_conjunction_needs_all() {
        assert!(is_permitted("MIT OR GPL-3.0-only"));
        assert!(is_permitted("Unlicense/MIT"));
        assert!(is_permitted("(MIT OR GPL-2.0) AND Unicode-3.0"));
        assert!(is_permitted("Apache-2.0 WITH LLVM-exception OR Apache-2.0 OR MIT"));
        assert!(!is_permitted("MIT AND GPL-3.0-only"));
        assert!(!is_permitted("MPL-2.0"));
        assert!(!is_permitted("GPL-2.0 WITH Classpath-exception-2.0"));
        assert!(!is_permitted(""));
    }
}
