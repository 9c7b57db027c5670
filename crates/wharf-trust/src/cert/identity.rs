//! Who a certificate was issued to, as Fulcio writes it, and rules about that.
//!
//! The extensions below 1.3.6.1.4.1.57264.1 are those of Fulcio's `oid-info.md`.

use std::collections::BTreeMap;

use regex::Regex;

use super::certificate::Certificate;
use crate::der::{self, Reader};
use crate::error::{Error, ErrorKind, Result};

const SUBJECT_ALTERNATIVE_NAME: &[u8] = &[0x55, 0x1d, 0x11];
const FULCIO: &[u8] = &[0x2b, 0x06, 0x01, 0x04, 0x01, 0x83, 0xbf, 0x30, 0x01];

/// What the certificate authority learned from the identity provider, each an extension of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "the names are Fulcio's")]
pub enum Claim {
    GithubWorkflowTrigger,
    GithubWorkflowSha,
    GithubWorkflowName,
    GithubWorkflowRepository,
    GithubWorkflowRef,
    BuildSignerUri,
    BuildSignerDigest,
    RunnerEnvironment,
    SourceRepositoryUri,
    SourceRepositoryDigest,
    SourceRepositoryRef,
    SourceRepositoryIdentifier,
    SourceRepositoryOwnerUri,
    SourceRepositoryOwnerIdentifier,
    BuildConfigUri,
    BuildConfigDigest,
    BuildTrigger,
    RunInvocationUri,
    SourceRepositoryVisibility,
}

impl Claim {
    /// Every claim with the last part of its object identifier and its name.
    const ALL: [(u8, Self, &'static str); 19] = [
        (2, Self::GithubWorkflowTrigger, "githubWorkflowTrigger"),
        (3, Self::GithubWorkflowSha, "githubWorkflowSha"),
        (4, Self::GithubWorkflowName, "githubWorkflowName"),
        (5, Self::GithubWorkflowRepository, "githubWorkflowRepository"),
        (6, Self::GithubWorkflowRef, "githubWorkflowRef"),
        (9, Self::BuildSignerUri, "buildSignerUri"),
        (10, Self::BuildSignerDigest, "buildSignerDigest"),
        (11, Self::RunnerEnvironment, "runnerEnvironment"),
        (12, Self::SourceRepositoryUri, "sourceRepositoryUri"),
        (13, Self::SourceRepositoryDigest, "sourceRepositoryDigest"),
        (14, Self::SourceRepositoryRef, "sourceRepositoryRef"),
        (15, Self::SourceRepositoryIdentifier, "sourceRepositoryIdentifier"),
        (16, Self::SourceRepositoryOwnerUri, "sourceRepositoryOwnerUri"),
        (17, Self::SourceRepositoryOwnerIdentifier, "sourceRepositoryOwnerIdentifier"),
        (18, Self::BuildConfigUri, "buildConfigUri"),
        (19, Self::BuildConfigDigest, "buildConfigDigest"),
        (20, Self::BuildTrigger, "buildTrigger"),
        (21, Self::RunInvocationUri, "runInvocationUri"),
        (22, Self::SourceRepositoryVisibility, "sourceRepositoryVisibilityAtSigning"),
    ];

    /// Returns the claim of that name, for example `sourceRepositoryUri`.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().find(|(_, _, each)| *each == name).map(|(_, claim, _)| *claim)
    }

    /// Returns the claim's name.
    #[must_use]
    pub fn name(self) -> &'static str {
        Self::ALL.iter().find(|(_, claim, _)| *claim == self).map_or("", |(_, _, name)| name)
    }
}

/// Who a certificate was issued to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The subject: an e-mail address, a workflow's URI, or a user name.
    pub subject: String,
    /// The identity provider that vouched for the subject; empty when the certificate does not say.
    pub issuer: String,
    /// What else it said.
    pub claims: BTreeMap<Claim, String>,
}

impl Identity {
    /// Reads who a certificate was issued to.
    ///
    /// # Errors
    /// It has no subject alternative name, or an extension is not of its shape.
    pub fn of(certificate: &Certificate) -> Result<Self> {
        let names = certificate.extension(SUBJECT_ALTERNATIVE_NAME);
        let names = names.ok_or_else(|| Error::malformed("certificate: no subject alternative name"))?;
        let subject =
            subject(names).map_err(|error| error.within("certificate: subject alternative name"))?;
        let mut claims = BTreeMap::new();
        for (last, claim, _) in Claim::ALL {
            let Some(value) = fulcio(certificate, last) else { continue };
            // The first extensions were written without a type around the text.
            let text = if last < 7 { value } else { Reader::new(value).contents(der::UTF8_STRING)? };
            claims.insert(claim, utf8(text)?);
        }
        let issuer = match (fulcio(certificate, 8), fulcio(certificate, 1)) {
            (Some(value), _) => utf8(Reader::new(value).contents(der::UTF8_STRING)?)?,
            (None, Some(value)) => utf8(value)?,
            (None, None) => String::new(),
        };
        Ok(Self { subject, issuer, claims })
    }
}

fn fulcio(certificate: &Certificate, last: u8) -> Option<&[u8]> {
    certificate.extension(&[FULCIO, &[last]].concat())
}

/// The first URI, else the first e-mail address, else Fulcio's user name.
fn subject(names: &[u8]) -> Result<String> {
    let mut reader = der::only(names, der::SEQUENCE)?;
    let mut found: [Option<&[u8]>; 3] = [None; 3];
    while !reader.is_empty() {
        let element = reader.any()?;
        let (rank, text) = match element.tag {
            tag if tag == der::primitive(6) => (0, element.contents),
            tag if tag == der::primitive(1) => (1, element.contents),
            tag if tag == der::context(0) => {
                let mut other = Reader::new(element.contents);
                if other.contents(der::OID)? != [FULCIO, &[7]].concat() {
                    continue;
                }
                (2, other.nested(der::context(0))?.contents(der::UTF8_STRING)?)
            }
            _ => continue,
        };
        found[rank].get_or_insert(text);
    }
    let first = found.into_iter().flatten().next();
    utf8(first.ok_or_else(|| Error::malformed("neither a URI nor an e-mail address nor a user name"))?)
}

fn utf8(bytes: &[u8]) -> Result<String> {
    String::from_utf8(bytes.to_vec())
        .map_err(|error| Error::malformed("certificate: text that is not UTF-8").because(error))
}

/// What a text must be: exactly this, or what a pattern finds, or both.
#[derive(Debug, Clone, Default)]
pub struct TextRule {
    exact: Option<String>,
    pattern: Option<Regex>,
}

impl TextRule {
    /// The text must be this one.
    #[must_use]
    pub fn exact(text: impl Into<String>) -> Self {
        Self { exact: Some(text.into()), pattern: None }
    }

    /// The whole text must match the pattern: it is anchored at both ends, whether it says so or not.
    ///
    /// # Errors
    /// The pattern is not a regular expression.
    pub fn whole(pattern: &str) -> Result<Self> {
        Self::compiled(&format!(r"\A(?:{pattern})\z"), pattern)
    }

    /// The pattern must match somewhere in the text: what cosign's flags mean.
    ///
    /// # Errors
    /// The pattern is not a regular expression.
    pub fn anywhere(pattern: &str) -> Result<Self> {
        Self::compiled(pattern, pattern)
    }

    fn compiled(pattern: &str, shown: &str) -> Result<Self> {
        let compiled = Regex::new(pattern).map_err(|error| {
            Error::new(ErrorKind::Misuse, format!("`{shown}` is not a regular expression")).because(error)
        })?;
        Ok(Self { exact: None, pattern: Some(compiled) })
    }

    /// Returns the rule that wants both.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self { exact: self.exact.or(other.exact), pattern: self.pattern.or(other.pattern) }
    }

    /// Whether it accepts every text.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.exact.is_none() && self.pattern.is_none()
    }

    /// Whether the text satisfies the rule.
    #[must_use]
    pub fn accepts(&self, text: &str) -> bool {
        self.exact.as_ref().is_none_or(|exact| exact == text)
            && self.pattern.as_ref().is_none_or(|pattern| pattern.is_match(text))
    }

    fn check(&self, what: &str, text: &str) -> Result<()> {
        if let Some(exact) = self.exact.as_ref().filter(|exact| *exact != text) {
            return Err(Error::new(
                ErrorKind::Identity,
                format!("expected {what} value \"{exact}\", got \"{text}\""),
            ));
        }
        if let Some(pattern) = self.pattern.as_ref().filter(|pattern| !pattern.is_match(text)) {
            let text = format!("expected {what} value to match regex \"{pattern}\", got \"{text}\"");
            return Err(Error::new(ErrorKind::Identity, text));
        }
        Ok(())
    }
}

/// Who must have signed: a subject and the provider that vouches for it, and more if wanted.
#[derive(Debug, Clone)]
pub struct IdentityRule {
    subject: TextRule,
    issuer: TextRule,
    claims: Vec<(Claim, TextRule)>,
}

impl IdentityRule {
    /// Returns the rule; both are needed, because a bare issuer lets everybody in and a bare subject any provider.
    ///
    /// # Errors
    /// The subject or the issuer accepts everything.
    pub fn new(subject: TextRule, issuer: TextRule) -> Result<Self> {
        for (rule, name) in [(&subject, "subject"), (&issuer, "issuer")] {
            if rule.is_empty() {
                return Err(Error::new(
                    ErrorKind::Misuse,
                    format!("an identity needs a rule for its {name}"),
                ));
            }
        }
        Ok(Self { subject, issuer, claims: Vec::new() })
    }

    /// Returns the rule that wants the claim, too. A certificate without the claim does not satisfy it.
    #[must_use]
    pub fn with_claim(mut self, claim: Claim, rule: TextRule) -> Self {
        self.claims.push((claim, rule));
        self
    }

    /// Checks an identity.
    ///
    /// # Errors
    /// Names the first part that differs, with both values.
    pub fn check(&self, identity: &Identity) -> Result<()> {
        self.subject.check("SAN", &identity.subject)?;
        self.issuer.check("issuer", &identity.issuer)?;
        for (claim, rule) in &self.claims {
            rule.check(claim.name(), identity.claims.get(claim).map_or("", String::as_str))?;
        }
        Ok(())
    }
}
