//! What a scanner found: cosign's `vuln` predicate around Trivy's or Grype's report, and in-toto's own. What somebody
//! looked at may not count, by the policy's own list or by a VEX statement.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;

use super::vex::{VexStatement, lifted};
use super::{check_age, misuse, text, unmet};
use crate::error::Result;
use crate::policy::file::{Level, SignedFile};
use crate::policy::rule::{Signed, Signer, read_stating};

pub(super) const TYPES: [&str; 2] =
    ["https://cosign.sigstore.dev/attestation/vuln/v1", "https://in-toto.io/attestation/vulns"];
/// How many findings are named in a reason.
const MAX_NAMED: usize = 5;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Severity {
    None,
    Negligible,
    Low,
    Medium,
    High,
    Critical,
    /// A scanner that does not know how bad it is: worse than any that may be let through.
    #[serde(skip)]
    Unknown,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(in crate::policy) struct VulnerabilitiesFile {
    #[serde(default)]
    max_severity: Option<Severity>,
    #[serde(default)]
    max_score: Option<f64>,
    /// Findings without a fix do not count.
    #[serde(default)]
    fixable_only: bool,
    #[serde(default)]
    max_age_days: Option<u32>,
    #[serde(default)]
    max_database_age_days: Option<u32>,
    #[serde(default)]
    ignore: Vec<IgnoredFile>,
    /// Who says of findings that they do not count.
    #[serde(default)]
    vex: Option<SignedFile>,
}

/// A finding that somebody looked at, until it must be looked at again.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct IgnoredFile {
    id: String,
    reason: String,
    expires: Timestamp,
}

#[derive(Debug, Clone)]
pub(in crate::policy) struct Vulnerabilities {
    said: VulnerabilitiesFile,
    pub(super) vex: Option<Signed>,
}

struct Finding<'v> {
    /// Its names, of which the first is the scanner's.
    names: Vec<&'v str>,
    /// The package URL of what it was found in.
    package: Option<&'v str>,
    severity: Severity,
    score: Option<f64>,
    is_fixable: bool,
}

impl Severity {
    fn named(text: &str) -> Self {
        match text.to_ascii_lowercase().as_str() {
            "none" => Self::None,
            "negligible" => Self::Negligible,
            "low" => Self::Low,
            "medium" | "moderate" => Self::Medium,
            "high" | "important" => Self::High,
            "critical" => Self::Critical,
            _ => Self::Unknown,
        }
    }

    /// CVSS 3.1, section 5: the qualitative rating of a score.
    fn of_score(score: f64) -> Self {
        match score {
            score if score < 0.1 => Self::None,
            score if score < 4.0 => Self::Low,
            score if score < 7.0 => Self::Medium,
            score if score < 9.0 => Self::High,
            _ => Self::Critical,
        }
    }

    /// The highest score that is rated so: what has no score is held against this.
    fn worst(self) -> f64 {
        match self {
            Self::None => 0.0,
            Self::Negligible | Self::Low => 3.9,
            Self::Medium => 6.9,
            Self::High => 8.9,
            Self::Critical | Self::Unknown => 10.0,
        }
    }
}

impl Finding<'_> {
    fn name(&self) -> &str {
        self.names.first().copied().unwrap_or_default()
    }
}

impl Vulnerabilities {
    pub(in crate::policy) fn read(
        mut said: VulnerabilitiesFile,
        signers: &BTreeMap<String, Signer>,
    ) -> Result<Self> {
        if said.max_severity.is_none() && said.max_score.is_none() {
            return Err(misuse("vulnerabilities need maxSeverity or maxScore".to_owned()));
        }
        if let Some(ignored) = said.ignore.iter().find(|each| each.reason.trim().is_empty()) {
            return Err(misuse(format!("ignoring {} needs a reason", ignored.id)));
        }
        let vex = said.vex.take().map(|file| read_stating(file, signers)).transpose()?;
        if vex.as_ref().is_some_and(|vex| vex.at_least != 1 || vex.level != Level::Enforce) {
            return Err(misuse("each VEX statement counts for itself, without atLeast and level".to_owned()));
        }
        Ok(Self { said, vex })
    }

    pub(super) fn check(
        &self,
        predicate: &Value,
        vex: &[VexStatement],
        now: Timestamp,
    ) -> Result<Vec<String>> {
        let said = &self.said;
        if let Some(days) = said.max_age_days {
            let at = text(predicate, "/metadata/scanFinishedOn");
            check_age(
                "scanFinishedOn",
                at.or_else(|| text(predicate, "/metadata/scanStartedOn")),
                days,
                now,
            )?;
        }
        if let Some(days) = said.max_database_age_days {
            check_age("the scanner's database", text(predicate, "/scanner/db/lastUpdate"), days, now)?;
        }
        let result = predicate.pointer("/scanner/result").filter(|result| !result.is_null());
        let result = result.ok_or_else(|| unmet("the scan holds no result".to_owned()))?;
        let found = findings(result).ok_or_else(|| {
            unmet("the scanner's result is in no form that is known (Trivy, Grype, in-toto)".to_owned())
        })?;
        let counts = |finding: &&Finding<'_>| {
            let is_ignored = said.ignore.iter().any(|each| each.id == finding.name() && now <= each.expires);
            !is_ignored && (finding.is_fixable || !said.fixable_only) && self.is_over(finding)
        };
        let (mut over, mut notes) = (Vec::new(), Vec::new());
        for finding in found.iter().filter(counts) {
            match lifted(vex, &finding.names, finding.package, now) {
                Some(why) => notes.push(format!("{} does not count: {why}", finding.name().escape_default())),
                None => over.push(finding),
            }
        }
        if over.is_empty() {
            return Ok(notes);
        }
        let name =
            |finding: &&Finding<'_>| format!("{} ({:?})", finding.name().escape_default(), finding.severity);
        let mut names: Vec<String> = over.iter().take(MAX_NAMED).map(name).collect();
        names.extend((over.len() > MAX_NAMED).then(|| format!("{} more", over.len() - MAX_NAMED)));
        Err(unmet(format!("{} findings beyond the limit: {}", over.len(), names.join(", "))))
    }

    fn is_over(&self, finding: &Finding<'_>) -> bool {
        let by_severity = self.said.max_severity.is_some_and(|limit| finding.severity > limit);
        let score = finding.score.unwrap_or_else(|| finding.severity.worst());
        let by_score = self.said.max_score.is_some_and(|limit| score > limit);
        by_severity || by_score
    }

    pub(super) fn goes_by_the_clock(&self) -> bool {
        let VulnerabilitiesFile { max_age_days, max_database_age_days, ignore, .. } = &self.said;
        // What a VEX statement says of the future does not hold yet.
        let by_vex = self.vex.is_some();
        max_age_days.is_some() || max_database_age_days.is_some() || !ignore.is_empty() || by_vex
    }

    pub(super) fn describe(&self) -> Vec<String> {
        let said = &self.said;
        let fixable = if said.fixable_only { " that has a fix" } else { "" };
        let mut lines = Vec::new();
        lines.extend(
            said.max_severity.map(|limit| format!("nothing worse than {limit:?}{fixable}").to_lowercase()),
        );
        lines.extend(said.max_score.map(|limit| format!("no score above {limit}{fixable}")));
        lines.extend(said.max_age_days.map(|days| format!("scanned not more than {days} days ago")));
        lines.extend(said.max_database_age_days.map(|days| format!("with data not older than {days} days")));
        let ignored = |each: &IgnoredFile| {
            format!("{} is let through until {}: {}", each.id, each.expires, each.reason)
        };
        lines.extend(said.ignore.iter().map(ignored));
        lines.extend(
            self.vex.as_ref().map(|vex| format!("but what a VEX statement by {} lifts", vex.describe())),
        );
        lines
    }
}

/// Reads a scanner's report. `None`: in no known form, which must not pass for one without findings.
fn findings(result: &Value) -> Option<Vec<Finding<'_>>> {
    if let Value::Array(list) = result {
        return list.iter().map(in_toto).collect();
    }
    if let Some(matches) = result.get("matches").and_then(Value::as_array) {
        return matches.iter().map(grype).collect();
    }
    // Trivy leaves out `Results` where it found nothing to look at, and `Vulnerabilities` where it found none.
    result.get("SchemaVersion").filter(|_| result.get("ArtifactName").is_some())?;
    let results = result.get("Results").and_then(Value::as_array).into_iter().flatten();
    let found = results.filter_map(|each| each.get("Vulnerabilities")?.as_array()).flatten();
    found.map(trivy).collect()
}

fn trivy(finding: &Value) -> Option<Finding<'_>> {
    let scores = finding.get("CVSS").and_then(Value::as_object).into_iter().flat_map(|all| all.values());
    let scores = scores.filter_map(|each| each.get("V3Score").or_else(|| each.get("V2Score"))?.as_f64());
    Some(Finding {
        names: vec![text(finding, "/VulnerabilityID")?],
        package: text(finding, "/PkgIdentifier/PURL"),
        severity: Severity::named(text(finding, "/Severity").unwrap_or_default()),
        score: scores.reduce(f64::max),
        is_fixable: text(finding, "/FixedVersion").is_some(),
    })
}

fn grype(finding: &Value) -> Option<Finding<'_>> {
    let scores = finding.pointer("/vulnerability/cvss").and_then(Value::as_array).into_iter().flatten();
    let scores = scores.filter_map(|each| each.pointer("/metrics/baseScore")?.as_f64());
    let related = finding.get("relatedVulnerabilities").and_then(Value::as_array).into_iter().flatten();
    let mut names = vec![text(finding, "/vulnerability/id")?];
    names.extend(related.filter_map(|each| text(each, "/id")));
    Some(Finding {
        names,
        package: text(finding, "/artifact/purl"),
        severity: Severity::named(text(finding, "/vulnerability/severity").unwrap_or_default()),
        score: scores.reduce(f64::max),
        is_fixable: text(finding, "/vulnerability/fix/state") == Some("fixed"),
    })
}

/// in-toto says nothing about fixes: such a finding counts as one that has a fix.
fn in_toto(finding: &Value) -> Option<Finding<'_>> {
    let said = finding.get("severity").and_then(Value::as_array).into_iter().flatten();
    let (mut severity, mut score) = (None, None);
    for each in said {
        let stated = each.get("score")?;
        let number = stated.as_f64().or_else(|| stated.as_str()?.parse().ok());
        match number {
            Some(number) => score = Some(score.map_or(number, |known: f64| known.max(number))),
            // A vector says how a score came about; the score stands beside it, or nobody rated the finding.
            None if stated.as_str().is_some_and(|text| text.starts_with("CVSS:")) => {}
            None => {
                let named = Severity::named(stated.as_str()?);
                severity = Some(severity.map_or(named, |known: Severity| known.max(named)));
            }
        }
    }
    let severity = severity.or_else(|| score.map(Severity::of_score)).unwrap_or(Severity::Unknown);
    Some(Finding { names: vec![text(finding, "/id")?], package: None, severity, score, is_fixable: true })
}
