//! `.helmignore`.

use proptest::prelude::*;
use wharf_chart::{IgnoreRules, glob_matches};

fn ignored(rules: &str, path: &str) -> bool {
    IgnoreRules::parse(rules.as_bytes()).unwrap().ignores(path.trim_end_matches('/'), path.ends_with('/'))
}

#[test]
fn rules_match_names_paths_and_folders() {
    for (rules, path, expected) in [
        ("helm.txt", "helm.txt", true),
        ("helm.*", "a/helm.txt", true),
        ("helm.*", "templates/tiller.txt", false),
        ("templates/*.txt", "templates/x.txt", true),
        ("templates/*.txt", "a/templates/x.txt", false),
        ("*/x.txt", "templates/x.txt", true),
        ("/*.txt", "x.txt", true),
        ("/*.txt", "a/x.txt", false),
        ("cargo/", "cargo/", true),
        ("cargo/", "a/cargo/", true),
        ("cargo/", "cargo", false),
        ("  # a comment", "# a comment", false),
        ("", "x", false),
        ("a[a-c]?", "abz", true),
        ("a[^a-c]", "ab", false),
        ("\\*", "*", true),
        ("\u{feff}x", "x", true),
        ("*", ".", false),
    ] {
        assert_eq!(ignored(rules, path), expected, "{rules:?} {path:?}");
    }
}

#[test]
fn negation_ignores_everything_that_does_not_match() {
    assert!(!ignored("!helm.txt", "helm.txt"));
    assert!(ignored("!helm.txt", "tiller.txt"));
    assert!(ignored("!helm.txt\nhelm.txt", "helm.txt"));
    assert!(ignored("!*.txt/", "a.txt"));
}

#[test]
fn hidden_templates_are_always_left_out() {
    let rules = IgnoreRules::for_chart(None).unwrap();
    assert!(rules.ignores("templates/.swp", false));
    assert!(!rules.ignores("templates/.", false));
    assert!(!rules.ignores(".hidden", false));
}

#[test]
fn bad_patterns_are_named() {
    let error = |rules: &str| IgnoreRules::parse(rules.as_bytes()).unwrap_err().to_string();
    assert_eq!(error("a/**/b"), "double-star (**) syntax is not supported");
    for pattern in ["[", "[]a]", "[a-]", "[-x]", "a\\", "[^"] {
        assert_eq!(error(pattern), "syntax error in pattern", "{pattern}");
    }
}

proptest! {
    #[test]
    fn any_pattern_gives_an_answer(pattern in "[a*?\\[\\]^\\\\/é-]{0,12}", name in "[a/é-]{0,12}") {
        let _ = glob_matches(&pattern, &name);
    }
}
