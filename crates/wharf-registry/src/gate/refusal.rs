//! What a caller is told whom the gate stops.

use std::fmt;
use std::sync::Arc;

use wharf_oci::{Digest, Reference, RepositoryName};
use wharf_trust::policy::{CheckOutcome, Decision, Verdict};

use super::judge::Judged;

/// The longest text of a warning in a header, in bytes (distribution-spec v1.1, "Warnings": 4,096 in all).
const MAX_WARNING: usize = 2000;

/// Why something is not handed out.
#[derive(Debug)]
pub(crate) struct Refusal {
    /// What was asked for: `REPOSITORY:TAG` or `REPOSITORY@DIGEST`.
    pub(crate) what: String,
    pub(crate) digest: Digest,
    project: String,
    judged: Option<Arc<Judged>>,
}

impl Refusal {
    pub(super) fn of_manifest(
        repository: &RepositoryName,
        reference: &Reference,
        digest: &Digest,
        judged: Arc<Judged>,
    ) -> Self {
        let separator = if reference.digest().is_some() { '@' } else { ':' };
        Self {
            what: format!("{repository}{separator}{reference}"),
            digest: digest.clone(),
            project: repository.project().to_owned(),
            judged: Some(judged),
        }
    }

    pub(super) fn of_blob(repository: &RepositoryName, digest: &Digest, judged: Option<Arc<Judged>>) -> Self {
        Self {
            what: format!("{repository}@{digest}"),
            digest: digest.clone(),
            project: repository.project().to_owned(),
            judged,
        }
    }

    /// Returns the decision for programs, as `wharf verify --output json` prints it, with the policy's digest.
    pub(crate) fn detail(&self) -> serde_json::Value {
        let judged = self.judged.as_deref();
        serde_json::json!({
            "policy": judged.map(|judged| judged.policy.as_str()),
            "decision": judged.map(|judged| &judged.decision),
        })
    }

    /// Returns what the audit log says.
    pub(crate) fn note(&self) -> String {
        match &self.judged {
            Some(judged) => format!("{} by policy {}", unmet(&judged.decision), judged.policy),
            None => "no artifact that the policy allows uses it".to_owned(),
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { what, digest, project, judged } = self;
        write!(f, "the trust policy of project {project} refuses {what}")?;
        if !what.ends_with(digest.as_str()) {
            write!(f, " ({digest})")?;
        }
        match judged {
            Some(judged) => write!(f, ": {}", unmet(&judged.decision))?,
            None => f.write_str(": no artifact that the policy allows uses this blob")?,
        }
        write!(
            f,
            "; whoever may push there can read and sign it, and `wharf project policy show {project}` tells what is demanded"
        )
    }
}

/// Says which demands are not met, and why.
fn unmet(decision: &Decision) -> String {
    let checks = decision.checks.iter().filter(|check| check.outcome != CheckOutcome::Met);
    let lines = checks.map(|check| match check.reasons.first() {
        Some(first) if check.reasons.len() == 1 => format!("not {}: {first}", check.demand),
        Some(first) => {
            format!("not {}: {first}; and {} more reasons", check.demand, check.reasons.len() - 1)
        }
        None => format!("not {}", check.demand),
    });
    lines.collect::<Vec<_>>().join("; ")
}

/// Returns the text of a warning about something that was let through, if there is one.
pub(crate) fn warning(judged: Option<&Judged>) -> Option<String> {
    let judged = judged.filter(|judged| judged.decision.verdict == Verdict::Warn)?;
    Some(header(&format!("the project's trust policy warns: {}", unmet(&judged.decision))))
}

/// Returns a text as the value of a `Warning` header (RFC 7234, section 5.5, as distribution-spec v1.1 has it).
pub(crate) fn header(text: &str) -> String {
    let mut quoted = String::from("299 - \"");
    for c in text.chars() {
        if quoted.len() >= MAX_WARNING {
            quoted.push_str("...");
            break;
        }
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            ' '..='~' => quoted.push(c),
            _ => quoted.push('?'),
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_warning_is_a_quoted_string_of_bounded_length() {
        assert_eq!(header("not \"a\\b\"\n\u{e9}"), r#"299 - "not \"a\\b\"??""#);
        let long = header(&"x".repeat(10_000));
        assert!(long.len() < 4096 && long.ends_with("...\""), "{}", long.len());
    }
}
