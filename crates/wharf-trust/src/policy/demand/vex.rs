//! What somebody who looked at a finding says about it: OpenVEX documents, versions 0.0.1 and 0.2.0
//! (<https://github.com/openvex/spec>, OPENVEX-SPEC.md).

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;
use wharf_oci::Digest;

use super::{one_of, unmet};
use crate::error::{Error, ErrorKind, Result};
use crate::statement::Statement;

/// The predicate type, whatever version follows.
pub(in crate::policy) const TYPE: &str = "https://openvex.dev/ns";

/// One statement, by somebody who is believed, about the artifact that is judged.
#[derive(Debug, Clone)]
pub(in crate::policy) struct VexStatement {
    /// The names of the vulnerability.
    names: Vec<String>,
    /// The packages, as package URLs, in which it stands; in all of them where there is none here.
    packages: Vec<String>,
    at: Timestamp,
    /// Why a finding does not count; none where it does.
    lifts: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Status {
    NotAffected,
    Affected,
    Fixed,
    UnderInvestigation,
}

/// A document; further members say nothing that counts here.
#[derive(Deserialize)]
struct Document {
    timestamp: Option<Timestamp>,
    last_updated: Option<Timestamp>,
    statements: Vec<Entry>,
}

#[derive(Deserialize)]
struct Entry {
    vulnerability: Vulnerability,
    products: Option<Vec<Component>>,
    #[serde(default)]
    subcomponents: Vec<Component>,
    status: Status,
    justification: Option<String>,
    impact_statement: Option<String>,
    timestamp: Option<Timestamp>,
    last_updated: Option<Timestamp>,
}

/// A name, as version 0.0.1 has it, or an object.
#[derive(Deserialize)]
#[serde(untagged)]
enum Vulnerability {
    Name(String),
    Object {
        name: String,
        #[serde(default)]
        aliases: Vec<String>,
    },
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Component {
    Name(String),
    Object {
        #[serde(rename = "@id")]
        id: Option<String>,
        #[serde(default)]
        identifiers: BTreeMap<String, String>,
        #[serde(default)]
        hashes: BTreeMap<String, String>,
        #[serde(default)]
        subcomponents: Vec<Self>,
    },
}

/// Reads what a verified statement about the artifact says. Entries about other products are left out.
pub(in crate::policy) fn read(statement: &Statement, artifact: &Digest) -> Result<Vec<VexStatement>> {
    one_of(statement, &[TYPE])?;
    // Some signers wrap the document as text.
    let parsed = match &statement.predicate {
        Value::String(text) => serde_json::from_str(text),
        predicate => Document::deserialize(predicate),
    };
    let document =
        parsed.map_err(|error| Error::new(ErrorKind::Content, "it is no OpenVEX document").because(error))?;
    let entries = document.statements.iter();
    let said = entries.map(|entry| entry.about(artifact, document.last_updated.or(document.timestamp)));
    said.filter_map(Result::transpose).collect()
}

impl Entry {
    fn about(&self, artifact: &Digest, otherwise: Option<Timestamp>) -> Result<Option<VexStatement>> {
        let mut packages: Vec<String> = self.subcomponents.iter().flat_map(Component::names).collect();
        // Without products the statement is about the subject of the attestation.
        if let Some(products) = &self.products {
            let meant: Vec<&Component> = products.iter().filter(|product| product.is(artifact)).collect();
            if meant.is_empty() {
                return Ok(None);
            }
            if meant.iter().all(|product| !product.parts().is_empty()) {
                packages.extend(meant.iter().flat_map(|product| product.parts()).flat_map(Component::names));
            }
        }
        let names = match &self.vulnerability {
            Vulnerability::Name(name) => vec![name.clone()],
            Vulnerability::Object { name, aliases } => {
                std::iter::once(name).chain(aliases).cloned().collect()
            }
        };
        let at = self.last_updated.or(self.timestamp).or(otherwise);
        let at = at.ok_or_else(|| unmet(format!("what it says of {} has no time", shown(&names))))?;
        let reason = [&self.justification, &self.impact_statement].into_iter().flatten();
        let reason = reason.map(|text| text.trim()).find(|text| !text.is_empty());
        let lifts = match (self.status, reason) {
            (Status::Fixed, _) => Some("fixed".to_owned()),
            // Not affected, and nobody says why: the specification wants a reason.
            (Status::NotAffected, Some(reason)) => Some(format!("not affected, {}", reason.escape_default())),
            _ => None,
        };
        Ok(Some(VexStatement { names, packages, at, lifts }))
    }
}

impl Component {
    /// Whether it is the artifact, by its digest.
    fn is(&self, artifact: &Digest) -> bool {
        let ends = |name: &String| {
            let name = bare(name);
            name.strip_suffix(artifact.as_str()).is_some_and(|rest| rest.is_empty() || rest.ends_with('@'))
        };
        let hashed = match self {
            Self::Name(_) => false,
            Self::Object { hashes, .. } => hashes.iter().any(|(algorithm, hex)| {
                algorithm.replace('-', "") == artifact.algorithm_name()
                    && hex.eq_ignore_ascii_case(artifact.encoded())
            }),
        };
        hashed || self.names().iter().any(ends)
    }

    fn names(&self) -> Vec<String> {
        match self {
            Self::Name(name) => vec![name.clone()],
            Self::Object { id, identifiers, .. } => id.iter().chain(identifiers.values()).cloned().collect(),
        }
    }

    fn parts(&self) -> &[Self] {
        match self {
            Self::Name(_) => &[],
            Self::Object { subcomponents, .. } => subcomponents,
        }
    }
}

/// Returns why a finding does not count, if the newest statement about it says so.
pub(super) fn lifted(
    said: &[VexStatement],
    names: &[&str],
    package: Option<&str>,
    now: Timestamp,
) -> Option<String> {
    let about = |each: &&VexStatement| {
        let is_named = names.iter().any(|name| each.names.iter().any(|known| known == name));
        is_named && (each.packages.is_empty() || each.packages.iter().any(|known| is_package(known, package)))
    };
    let about: Vec<&VexStatement> = said.iter().filter(about).collect();
    let newest = about.iter().map(|each| each.at).max().filter(|at| *at <= now)?;
    // Of two that contradict each other at the same moment, neither is believed.
    let mut last = about.iter().filter(|each| each.at == newest);
    last.clone().all(|each| each.lifts.is_some()).then(|| last.next()?.lifts.clone()).flatten()
}

/// Whether a package URL is that of a statement, which may leave the version open.
fn is_package(said: &str, found: Option<&str>) -> bool {
    let (said, Some(found)) = (bare(said), found.map(bare)) else { return false };
    match found.strip_prefix(&said) {
        Some("") => true,
        Some(rest) => rest.starts_with('@') && !said.ends_with('/'),
        None => false,
    }
}

/// A package URL without qualifiers and subpath, and with what is escaped in it as it is.
fn bare(url: &str) -> String {
    let url = url.split(['?', '#']).next().unwrap_or_default().as_bytes();
    let mut bytes = Vec::with_capacity(url.len());
    let mut at = 0;
    while at < url.len() {
        let escaped = (url[at] == b'%')
            .then(|| url.get(at + 1..at + 3))
            .flatten()
            .and_then(|hex| u8::from_str_radix(std::str::from_utf8(hex).ok()?, 16).ok());
        bytes.push(escaped.unwrap_or(url[at]));
        at += if escaped.is_some() { 3 } else { 1 };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn shown(names: &[String]) -> String {
    names.first().map(|name| name.escape_default().to_string()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packages_are_compared_without_qualifiers_and_a_statement_may_leave_the_version_open() {
        let found = "pkg:npm/%40acme/web@1.2.3?arch=amd64";
        for (said, is) in [
            ("pkg:npm/%40acme/web@1.2.3", true),
            ("pkg:npm/@acme/web", true),
            ("pkg:npm/@acme/web@1.2", false),
            ("pkg:npm/@acme/we", false),
            ("pkg:npm/", false),
            ("", false),
        ] {
            assert_eq!(is_package(said, Some(found)), is, "{said}");
        }
        assert!(!is_package("pkg:npm/@acme/web", None));
        assert_eq!(bare("a%2Fb%zz%4"), "a/b%zz%4");
    }
}
