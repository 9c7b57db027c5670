//! What an attestation must say, beyond being there: one file per kind.

mod provenance;
mod sbom;
mod summary;
mod times;
pub(super) mod vex;
mod vulnerabilities;

use jiff::Timestamp;
use serde_json::Value;

use super::glob::glob;
use super::rule::Signed;
use crate::cert::TextRule;
use crate::error::{Error, ErrorKind, Result};
use crate::statement::Statement;

pub(super) use provenance::{Provenance, ProvenanceFile};
pub(super) use sbom::{Sbom, SbomFile};
pub(super) use summary::{Summary, SummaryFile};
pub(super) use times::{check_age, check_not_expired};
pub(super) use vex::VexStatement;
pub(super) use vulnerabilities::{Vulnerabilities, VulnerabilitiesFile};

/// What an attestation is about, and what it must say.
#[derive(Debug, Clone)]
pub(super) enum Demand {
    /// Any statement of this predicate type.
    Type(String),
    Provenance(Provenance),
    Sbom(Sbom),
    Vulnerabilities(Vulnerabilities),
    Summary(Summary),
}

impl Demand {
    /// Fails unless the verified statement is of the kind and says what it must. Returns what is to be told of it besides:
    /// findings that do not count by what is `said` of them.
    pub(super) fn check(
        &self,
        statement: &Statement,
        said: &[VexStatement],
        now: Timestamp,
    ) -> Result<Vec<String>> {
        let predicate = &statement.predicate;
        match self {
            Self::Type(wanted) => statement.check_predicate_type(wanted)?,
            Self::Provenance(wanted) => {
                one_of(statement, &provenance::TYPES)?;
                wanted.check(predicate)?;
            }
            Self::Sbom(wanted) => wanted.check(statement)?,
            Self::Vulnerabilities(wanted) => {
                one_of(statement, &vulnerabilities::TYPES)?;
                return wanted.check(predicate, said, now);
            }
            Self::Summary(wanted) => {
                one_of(statement, &summary::TYPES)?;
                wanted.check(predicate, now)?;
            }
        }
        Ok(Vec::new())
    }

    /// Who says of findings that they do not count, where somebody may.
    pub(super) fn vex(&self) -> Option<&Signed> {
        match self {
            Self::Vulnerabilities(wanted) => wanted.vex.as_ref(),
            _ => None,
        }
    }

    /// Whether what comes of it depends on the present time.
    pub(super) fn goes_by_the_clock(&self) -> bool {
        match self {
            Self::Type(_) | Self::Provenance(_) | Self::Sbom(_) => false,
            Self::Vulnerabilities(wanted) => wanted.goes_by_the_clock(),
            Self::Summary(wanted) => wanted.goes_by_the_clock(),
        }
    }

    /// What is demanded, for the name of the check.
    pub(super) fn name(&self) -> &str {
        match self {
            Self::Type(wanted) => wanted,
            Self::Provenance(_) => "provenance",
            Self::Sbom(_) => "an SBOM",
            Self::Vulnerabilities(_) => "a vulnerability scan",
            Self::Summary(_) => "a verification summary",
        }
    }

    /// What it must say, one line each.
    pub(super) fn describe(&self) -> Vec<String> {
        match self {
            Self::Type(_) => Vec::new(),
            Self::Provenance(wanted) => wanted.describe(),
            Self::Sbom(wanted) => wanted.describe(),
            Self::Vulnerabilities(wanted) => wanted.describe(),
            Self::Summary(wanted) => wanted.describe(),
        }
    }
}

/// Fails unless the predicate is of one of the types, or of a version below one (`https://spdx.dev/Document/v2.3`).
fn one_of(statement: &Statement, types: &[&str]) -> Result<()> {
    let is = |wanted: &&str| {
        statement
            .predicate_type
            .strip_prefix(*wanted)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    if types.iter().any(is) {
        return Ok(());
    }
    let found = statement.predicate_type.escape_default();
    Err(unmet(format!("the predicate is of type `{found}`, not `{}`", types.join("` or `"))))
}

fn unmet(text: String) -> Error {
    Error::new(ErrorKind::Content, text)
}

fn misuse(text: String) -> Error {
    Error::new(ErrorKind::Misuse, text)
}

/// Reads patterns; one that fits everything says nothing and is refused, and so is an empty list where one is needed.
fn patterns(what: &str, written: &[String]) -> Result<Vec<TextRule>> {
    written
        .iter()
        .map(|pattern| match pattern.chars().any(|c| c != '*') {
            true => glob(pattern),
            false => Err(misuse(format!("{what} `{pattern}` is everything"))),
        })
        .collect()
}

/// The text at a pointer, if there is one.
fn text<'v>(value: &'v Value, pointer: &str) -> Option<&'v str> {
    value.pointer(pointer).and_then(Value::as_str).filter(|text| !text.is_empty())
}
