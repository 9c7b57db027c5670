//! What a policy says about an artifact, and why.

use std::fmt;

use serde::Serialize;

use super::approval::Approvals;

/// The answer: a verdict with every check that led to it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Decision {
    /// Whether the artifact may be used.
    pub verdict: Verdict,
    /// The rule that decided; none where the default or an exception did.
    pub rule: Option<String>,
    /// The digest that was decided on.
    pub digest: String,
    /// Every check, in the order of the rule.
    pub checks: Vec<Check>,
    /// Who asked for a promotion and who agreed, where the rule demands that.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub approvals: Option<Approvals>,
}

/// Whether an artifact may be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// Yes.
    Allow,
    /// Yes, but somebody should look.
    Warn,
    /// No.
    Deny,
}

/// One check of a rule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Check {
    /// What was demanded.
    pub demand: String,
    /// Whether it was met; a demand that only warns can be unmet without denying.
    pub outcome: CheckOutcome,
    /// What met it: papers and their signers.
    pub by: Vec<String>,
    /// Why others did not.
    pub reasons: Vec<String>,
}

/// How a check ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum CheckOutcome {
    /// Met.
    Met,
    /// Not met, and the rule only warns of that.
    Warned,
    /// Not met.
    Failed,
}

impl Decision {
    /// Whether the artifact may be used.
    #[must_use]
    pub fn is_allowed(&self) -> bool {
        self.verdict != Verdict::Deny
    }

    /// Whether every demand is met: more papers could add nothing.
    #[must_use]
    pub fn is_met(&self) -> bool {
        self.verdict == Verdict::Allow && self.checks.iter().all(|check| check.outcome == CheckOutcome::Met)
    }

    /// Whether nothing is missing but that somebody asks or agrees.
    #[must_use]
    pub fn waits_for_approval(&self) -> bool {
        let failed = self.checks.iter().filter(|check| check.outcome == CheckOutcome::Failed).count();
        failed == 1 && self.approvals.as_ref().is_some_and(|approvals| !approvals.are_enough())
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Allow => "allow",
            Self::Warn => "warn",
            Self::Deny => "deny",
        })
    }
}
