//! Patterns of names: `*` stands for anything but a slash, `**` for anything.

use crate::cert::TextRule;
use crate::error::Result;

/// Returns the rule that the whole text must fit the pattern.
pub(super) fn glob(pattern: &str) -> Result<TextRule> {
    let mut regex = String::new();
    let mut rest = pattern;
    while let Some(at) = rest.find('*') {
        regex.push_str(&regex::escape(&rest[..at]));
        rest = &rest[at + 1..];
        match rest.strip_prefix('*') {
            Some(after) => {
                regex.push_str(".*");
                rest = after;
            }
            None => regex.push_str("[^/]*"),
        }
    }
    regex.push_str(&regex::escape(rest));
    TextRule::whole(&regex)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn a_star_stops_at_a_slash_and_two_do_not() {
        for (pattern, text, fits) in [
            ("r.example/prod/*", "r.example/prod/app", true),
            ("r.example/prod/*", "r.example/prod/team/app", false),
            ("r.example/prod/**", "r.example/prod/team/app", true),
            ("r.example/*/app", "r.example/prod/app", true),
            ("r.example/prod", "r.example/prod/app", false),
            ("r.example/prod", "rxexample/prod", false),
            ("*/app", "evil/r.example/app", false),
            ("**", "anything/at/all", true),
            ("a[b]*", "a[b]c", true),
        ] {
            assert_eq!(glob(pattern).unwrap().accepts(text), fits, "{pattern} {text}");
        }
    }
}
