//! What somebody else verified already: SLSA's verification summary.

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;

use super::{check_age, misuse, patterns, text, unmet};
use crate::cert::TextRule;
use crate::error::Result;

pub(super) const TYPES: [&str; 1] = ["https://slsa.dev/verification_summary/v1"];
/// How levels of the build track are written, before the number.
const LEVEL: &str = "SLSA_BUILD_LEVEL_";

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(in crate::policy) struct SummaryFile {
    verifiers: Vec<String>,
    #[serde(default)]
    resources: Vec<String>,
    #[serde(default)]
    min_level: u8,
    #[serde(default)]
    max_age_days: Option<u32>,
}

#[derive(Debug, Clone)]
pub(in crate::policy) struct Summary {
    verifiers: Vec<TextRule>,
    resources: Vec<TextRule>,
    said: SummaryFile,
}

impl Summary {
    pub(in crate::policy) fn read(said: SummaryFile) -> Result<Self> {
        if said.verifiers.is_empty() {
            return Err(misuse("a summary names no verifier that is believed".to_owned()));
        }
        let verifiers = patterns("verifier", &said.verifiers)?;
        Ok(Self { verifiers, resources: patterns("resource", &said.resources)?, said })
    }

    pub(super) fn check(&self, predicate: &Value, now: Timestamp) -> Result<()> {
        let is_in = |what: &str, pointer: &str, patterns: &[TextRule]| {
            let found = text(predicate, pointer).unwrap_or_default();
            match patterns.iter().any(|pattern| pattern.accepts(found)) {
                true => Ok(()),
                false => {
                    Err(unmet(format!("{what} `{}` is not one that is believed", found.escape_default())))
                }
            }
        };
        is_in("verifier", "/verifier/id", &self.verifiers)?;
        if !self.resources.is_empty() {
            is_in("resource", "/resourceUri", &self.resources)?;
        }
        let result = text(predicate, "/verificationResult").unwrap_or("nothing");
        if result != "PASSED" {
            return Err(unmet(format!(
                "the verification ended with `{}`, not PASSED",
                result.escape_default()
            )));
        }
        let levels = predicate.get("verifiedLevels").and_then(Value::as_array);
        let reached = levels.into_iter().flatten().filter_map(Value::as_str);
        let reached = reached.filter_map(|level| level.strip_prefix(LEVEL)?.parse::<u8>().ok()).max();
        if reached.unwrap_or_default() < self.said.min_level {
            let reached = reached.unwrap_or_default();
            return Err(unmet(format!("verified is build level {reached}, not {}", self.said.min_level)));
        }
        match self.said.max_age_days {
            Some(days) => check_age("timeVerified", text(predicate, "/timeVerified"), days, now),
            None => Ok(()),
        }
    }

    pub(super) fn goes_by_the_clock(&self) -> bool {
        self.said.max_age_days.is_some()
    }

    pub(super) fn describe(&self) -> Vec<String> {
        let mut lines = vec![format!("passed at {}", self.said.verifiers.join(" or "))];
        if self.said.min_level > 0 {
            lines.push(format!("at SLSA build level {} or higher", self.said.min_level));
        }
        lines.extend(self.said.max_age_days.map(|days| format!("not more than {days} days ago")));
        lines
    }
}
