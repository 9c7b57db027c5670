//! The policy file as it is written.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;

use super::approval::PromotionFile;
use super::decision::Verdict;
use super::demand::{ProvenanceFile, SbomFile, SummaryFile, VulnerabilitiesFile};
use super::facts::ArtifactKind;
use super::freshness::FreshnessFile;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct PolicyFile {
    pub(super) version: u32,
    pub(super) default: Verdict,
    #[serde(default)]
    pub(super) trust_root: Option<RootFile>,
    #[serde(default)]
    pub(super) signers: BTreeMap<String, SignerFile>,
    pub(super) rules: Vec<RuleFile>,
    #[serde(default)]
    pub(super) exceptions: Vec<ExceptionFile>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct RootFile {
    #[serde(default)]
    pub(super) file: Option<String>,
    #[serde(default)]
    pub(super) sha256: Option<String>,
    /// The trusted root itself, for a policy that stands alone.
    #[serde(default)]
    pub(super) inline: Option<Value>,
    /// Until when nobody needs to look whether there is a newer one.
    #[serde(default)]
    pub(super) good_until: Option<Timestamp>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct SignerFile {
    #[serde(default)]
    pub(super) key: Option<KeyFile>,
    #[serde(default)]
    pub(super) keyless: Option<KeylessFile>,
    #[serde(default)]
    pub(super) pgp: Option<PgpFile>,
    #[serde(default)]
    pub(super) notation: Option<NotationFile>,
    #[serde(default)]
    pub(super) not_before: Option<Timestamp>,
    #[serde(default)]
    pub(super) not_after: Option<Timestamp>,
    #[serde(default)]
    pub(super) revoked: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct KeyFile {
    #[serde(default)]
    pub(super) file: Option<String>,
    #[serde(default)]
    pub(super) pem: Option<String>,
    /// A key that a key-management system keeps: `SCHEME://KEY`.
    #[serde(default)]
    pub(super) kms: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct PgpFile {
    #[serde(default)]
    pub(super) keyring: Option<String>,
    /// The keyring itself, armoured, for a policy that stands alone.
    #[serde(default)]
    pub(super) armor: Option<String>,
    #[serde(default)]
    pub(super) fingerprint: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct NotationFile {
    /// What the signer's certificate must lead to.
    pub(super) certificates: Vec<CertificateFile>,
    pub(super) subjects: SubjectsFile,
    /// Who is believed about the time of a signature.
    #[serde(default)]
    pub(super) timestamp_certificates: Vec<CertificateFile>,
}

/// A file with one or more certificates, or, for a policy that stands alone, their PEM.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct CertificateFile {
    #[serde(default)]
    pub(super) file: Option<String>,
    #[serde(default)]
    pub(super) pem: Option<String>,
}

/// `"*"`, or names of which one must fit.
#[derive(Deserialize)]
#[serde(untagged)]
pub(super) enum SubjectsFile {
    Wildcard(String),
    Names(Vec<String>),
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct KeylessFile {
    pub(super) issuer: TextFile,
    pub(super) subject: TextFile,
    #[serde(default)]
    pub(super) claims: BTreeMap<String, TextFile>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct TextFile {
    #[serde(default)]
    pub(super) exact: Option<String>,
    #[serde(default)]
    pub(super) glob: Option<String>,
    #[serde(default)]
    pub(super) regex: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct RuleFile {
    pub(super) name: String,
    #[serde(rename = "match")]
    pub(super) matches: MatchFile,
    /// Why nothing that matches is ever allowed.
    #[serde(default)]
    pub(super) deny: Option<String>,
    #[serde(default)]
    pub(super) require_digest: Demanded,
    #[serde(default)]
    pub(super) signatures: Option<SignedFile>,
    #[serde(default)]
    pub(super) attestations: Vec<AttestationFile>,
    #[serde(default)]
    pub(super) freshness: Option<FreshnessFile>,
    #[serde(default)]
    pub(super) promotion: Option<PromotionFile>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct MatchFile {
    pub(super) repositories: Vec<String>,
    #[serde(default)]
    pub(super) kinds: Vec<ArtifactKind>,
    /// `OS/ARCHITECTURE[/VARIANT]`, as patterns; one that the artifact has is enough.
    #[serde(default)]
    pub(super) platforms: Vec<String>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct SignedFile {
    #[serde(default = "one")]
    pub(super) at_least: usize,
    pub(super) of: Vec<String>,
    #[serde(default)]
    pub(super) transparency: Transparency,
    #[serde(default)]
    pub(super) timestamp: bool,
    #[serde(default)]
    pub(super) max_age_days: Option<u32>,
    #[serde(default)]
    pub(super) level: Level,
}

fn one() -> usize {
    1
}

impl SignedFile {
    /// Returns the plain demand that so many of them signed.
    pub(super) fn of(at_least: usize, of: Vec<String>) -> Self {
        Self {
            at_least,
            of,
            transparency: Transparency::default(),
            timestamp: false,
            max_age_days: None,
            level: Level::Enforce,
        }
    }
}

/// `true` and `false`, or a level.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(untagged)]
pub(super) enum Demanded {
    Plainly(bool),
    At(Level),
}

impl Default for Demanded {
    fn default() -> Self {
        Self::Plainly(false)
    }
}

impl Demanded {
    pub(super) fn level(self) -> Level {
        match self {
            Self::Plainly(true) => Level::Enforce,
            Self::Plainly(false) => Level::Off,
            Self::At(level) => level,
        }
    }
}

impl Level {
    /// What follows a demand in words.
    pub(super) fn suffix(self) -> &'static str {
        match self {
            Self::Enforce => "",
            Self::Warn => " (only warned of)",
            Self::Off => " (switched off)",
        }
    }
}

/// Whether a log must hold the signature.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Transparency {
    Required,
    #[default]
    IfKeyless,
    None,
}

/// What comes of a demand that is not met.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Level {
    #[default]
    Enforce,
    Warn,
    Off,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct AttestationFile {
    /// One of these says what it is: a predicate type, or a kind whose content is understood.
    #[serde(rename = "type", default)]
    pub(super) kind: Option<String>,
    #[serde(default)]
    pub(super) provenance: Option<ProvenanceFile>,
    #[serde(default)]
    pub(super) sbom: Option<SbomFile>,
    #[serde(default)]
    pub(super) vulnerabilities: Option<VulnerabilitiesFile>,
    #[serde(default)]
    pub(super) summary: Option<SummaryFile>,
    pub(super) by: SignedFile,
    #[serde(default)]
    pub(super) values: Vec<ValueFile>,
}

/// A comparison of what a JSON pointer (RFC 6901) into the predicate finds.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct ValueFile {
    pub(super) pointer: String,
    #[serde(default)]
    pub(super) equals: Option<Value>,
    #[serde(default)]
    pub(super) one_of: Option<Vec<Value>>,
    #[serde(default)]
    pub(super) matches: Option<String>,
    #[serde(default)]
    pub(super) at_most: Option<f64>,
    #[serde(default)]
    pub(super) at_least: Option<f64>,
    #[serde(default)]
    pub(super) not_empty: bool,
    #[serde(default)]
    pub(super) max_age_days: Option<u32>,
    #[serde(default)]
    pub(super) not_expired: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct ExceptionFile {
    pub(super) digest: String,
    pub(super) reason: String,
    pub(super) owner: String,
    pub(super) expires: Timestamp,
}
