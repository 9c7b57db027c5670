//! Reads the JUnit reports of both conformance suites.
//!
//! Only what both write is read: `<testcase name=".." status="..">`, one per check.

/// One check of a suite.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Case {
    pub(crate) name: String,
    pub(crate) outcome: Outcome,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    Passed,
    Failed,
    Skipped,
}

/// Returns every check of the report, in its order. An outcome that is not known counts as failed.
pub(crate) fn cases(report: &str) -> Vec<Case> {
    let tags = report.split("<testcase ").skip(1);
    tags.map(|rest| {
        let tag = &rest[..end_of_tag(rest)];
        let outcome = match attribute(tag, "status").as_deref() {
            Some("passed") => Outcome::Passed,
            Some("skipped" | "pending") => Outcome::Skipped,
            _ => Outcome::Failed,
        };
        Case { name: attribute(tag, "name").unwrap_or_default(), outcome }
    })
    .collect()
}

/// Quotes protect a `>` in an attribute.
fn end_of_tag(text: &str) -> usize {
    let mut quoted = false;
    for (at, character) in text.char_indices() {
        match character {
            '"' => quoted = !quoted,
            '>' if !quoted => return at,
            _ => {}
        }
    }
    text.len()
}

fn attribute(tag: &str, name: &str) -> Option<String> {
    let start = tag.match_indices(name).find_map(|(at, _)| {
        let before = tag[..at].chars().next_back().is_none_or(char::is_whitespace);
        (before && tag[at + name.len()..].starts_with("=\"")).then_some(at + name.len() + 2)
    })?;
    let value = &tag[start..];
    let value = &value[..value.find('"')?];
    let plain = value.replace("&lt;", "<").replace("&gt;", ">").replace("&#34;", "\"").replace("&#39;", "'");
    Some(plain.replace("&quot;", "\"").replace("&amp;", "&"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_check_is_read_with_its_outcome() {
        let report = r#"<testsuite tests="3"><testcase name="a &amp; b > c" classname="x" status="passed"></testcase>
            <testcase name="late" classname="name" time="0.1" status="skipped"/><testcase name="bad" status="error">"#;
        let found = cases(report);
        let outcomes: Vec<Outcome> = found.iter().map(|case| case.outcome).collect();
        assert_eq!(outcomes, [Outcome::Passed, Outcome::Skipped, Outcome::Failed]);
        assert_eq!(found[0].name, "a & b > c");
        assert_eq!(found[1].name, "late");
    }
}
