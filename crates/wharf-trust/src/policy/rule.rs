//! The policy in memory, checked.

use std::collections::BTreeMap;
use std::fmt;

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use super::approval::Promotion;
use super::decision::Verdict;
use super::demand::{Demand, Provenance, Sbom, Summary, Vulnerabilities};
use super::facts::ArtifactKind;
use super::file::{
    AttestationFile, CertificateFile, ExceptionFile, KeylessFile, Level, NotationFile, PgpFile, PolicyFile,
    RootFile, RuleFile, SignedFile, SignerFile, SubjectsFile, TextFile, Transparency, ValueFile,
};
use super::freshness::Freshness;
use super::glob::glob;
use crate::cert::{Certificate, Claim, IdentityRule, TextRule};
use crate::der;
use crate::encoding::to_hex;
use crate::error::{Error, ErrorKind, Result};
use crate::hash::sha256;
use crate::key::PublicKey;
use crate::notation::{NotationSigners, Subject};
use crate::root::{Period, TrustedRoot};
use crate::statement::predicate_type;
use crate::verify::Signer as Proven;

/// Which artifacts are believed. See the module for the file.
#[derive(Debug, Clone)]
pub struct Policy {
    pub(super) default: Verdict,
    pub(super) root: TrustedRoot,
    pub(super) root_good_until: Option<Timestamp>,
    pub(super) signers: BTreeMap<String, Signer>,
    pub(super) rules: Vec<Rule>,
    pub(super) exceptions: Vec<Exception>,
}

#[derive(Debug, Clone)]
pub(super) struct Signer {
    pub(super) who: Who,
    pub(super) period: Period,
    pub(super) revoked: bool,
}

#[derive(Debug, Clone)]
pub(super) enum Who {
    Key(PublicKey),
    Keyless(Box<IdentityRule>),
    Pgp(PgpKeys),
    Notation(Box<NotationSigners>),
}

/// Keys of OpenPGP, which somebody else reads.
#[derive(Debug, Clone)]
pub(super) struct PgpKeys {
    /// The name of the file.
    pub(super) name: String,
    pub(super) keyring: Vec<u8>,
    /// The one key of it, in upper-case hexadecimal; any where it is none.
    pub(super) fingerprint: Option<String>,
}

#[derive(Debug, Clone)]
pub(super) struct Rule {
    pub(super) name: String,
    pub(super) repositories: Vec<TextRule>,
    pub(super) kinds: Vec<ArtifactKind>,
    pub(super) platforms: Vec<TextRule>,
    pub(super) deny: Option<String>,
    pub(super) require_digest: Level,
    pub(super) signatures: Option<Signed>,
    pub(super) attestations: Vec<Attestation>,
    pub(super) freshness: Option<Freshness>,
    pub(super) promotion: Option<Promotion>,
}

/// Who signed: the holder of a key, or of an identity that was proved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Principal {
    /// A key.
    Key {
        /// The SHA-256 of the public key (SPKI), in base64, as bundles name it.
        key: String,
    },
    /// An identity.
    Identity {
        /// Who.
        subject: String,
        /// Who vouches for that.
        issuer: String,
    },
    /// An OpenPGP key.
    OpenPgp {
        /// Its fingerprint, in hexadecimal.
        fingerprint: String,
    },
    /// Whoever holds a certificate of an authority that the policy trusts.
    Certified {
        /// The name in the certificate.
        subject: String,
        /// Its key, as of [`Principal::Key`].
        key: String,
    },
}

impl Principal {
    pub(super) fn of(signer: &Proven) -> Self {
        match signer {
            Proven::Key(hint) => Self::Key { key: hint.clone() },
            Proven::Certificate(identity) => {
                Self::Identity { subject: identity.subject.clone(), issuer: identity.issuer.clone() }
            }
        }
    }

    /// Whether both may be the same person: the same key, or the same subject, whoever vouches for it.
    #[must_use]
    pub fn may_be(&self, other: &Self) -> bool {
        match (self, other) {
            (
                Self::Key { key: one } | Self::Certified { key: one, .. },
                Self::Key { key: other } | Self::Certified { key: other, .. },
            ) if one == other => true,
            (Self::Certified { subject: one, .. }, Self::Certified { subject: other, .. }) => one == other,
            (Self::OpenPgp { fingerprint: one }, Self::OpenPgp { fingerprint: other }) => one == other,
            (Self::Identity { subject: one, .. }, Self::Identity { subject: other, .. }) => {
                one.eq_ignore_ascii_case(other)
            }
            _ => false,
        }
    }
}

impl fmt::Display for Principal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Key { key } => write!(f, "key {key}"),
            Self::Identity { subject, issuer } => write!(f, "{subject} by {issuer}"),
            Self::OpenPgp { fingerprint } => write!(f, "OpenPGP key {fingerprint}"),
            Self::Certified { subject, .. } => f.write_str(subject),
        }
    }
}

/// How many of whom must have signed, and what must vouch for it.
#[derive(Debug, Clone)]
pub(super) struct Signed {
    pub(super) at_least: usize,
    pub(super) of: Vec<String>,
    pub(super) transparency: Transparency,
    pub(super) timestamp: bool,
    pub(super) max_age: Option<SignedDuration>,
    pub(super) level: Level,
}

#[derive(Debug, Clone)]
pub(super) struct Attestation {
    pub(super) demand: Demand,
    pub(super) by: Signed,
    pub(super) values: Vec<Comparison>,
}

#[derive(Debug, Clone)]
pub(super) struct Comparison {
    pub(super) said: ValueFile,
    pub(super) pattern: Option<TextRule>,
}

#[derive(Debug, Clone)]
pub(super) struct Exception {
    pub(super) digest: String,
    pub(super) reason: String,
    pub(super) owner: String,
    pub(super) expires: Timestamp,
}

impl Policy {
    /// Reads a policy. `load` returns the bytes of a file that the policy names, and for `SCHEME://KEY` the public key, as PEM,
    /// that a key-management system keeps.
    ///
    /// # Errors
    /// Names the rule, signer or demand that cannot be meant.
    pub fn from_json(text: &[u8], load: &mut dyn FnMut(&str) -> Result<Vec<u8>>) -> Result<Self> {
        let file: PolicyFile = crate::json::read("policy", text)?;
        Self::read(file, load).map_err(|error| error.within("policy"))
    }

    fn read(file: PolicyFile, load: &mut dyn FnMut(&str) -> Result<Vec<u8>>) -> Result<Self> {
        if file.version != 1 {
            return Err(Error::unsupported(format!("version {}, not 1", file.version)));
        }
        let root_good_until = file.trust_root.as_ref().and_then(|root| root.good_until);
        let root = match file.trust_root {
            None => TrustedRoot::public_good(),
            Some(RootFile { file: Some(name), sha256: wanted, inline: None, .. }) => {
                let bytes = load(&name)?;
                let is = to_hex(&sha256(&bytes));
                if let Some(wanted) = wanted.filter(|wanted| !wanted.eq_ignore_ascii_case(&is)) {
                    return Err(wrong(format!("trust root {name} has sha256 {is}, not {wanted}")));
                }
                TrustedRoot::from_json(&bytes)?
            }
            Some(RootFile { file: None, sha256: None, inline: Some(root), .. }) => {
                TrustedRoot::from_json(root.to_string().as_bytes())?
            }
            Some(_) => return Err(wrong("a trust root is either a file or inline".to_owned())),
        };
        let mut signers = BTreeMap::new();
        for (name, signer) in file.signers {
            let read = read_signer(signer, load).map_err(|error| error.within(format!("signer {name}")))?;
            signers.insert(name, read);
        }
        let mut rules = Vec::new();
        for rule in file.rules {
            let name = rule.name.clone();
            rules.push(read_rule(rule, &signers).map_err(|error| error.within(format!("rule {name}")))?);
        }
        let exceptions = file.exceptions.into_iter().map(read_exception).collect::<Result<_>>()?;
        Ok(Self { default: file.default, root, root_good_until, signers, rules, exceptions })
    }

    /// Returns the OpenPGP keyrings of the signers, by the names of their files; whether they can be read is for others to say.
    pub fn keyrings(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.signers.values().filter_map(|signer| match &signer.who {
            Who::Pgp(keys) => Some((keys.name.as_str(), keys.keyring.as_slice())),
            Who::Key(_) | Who::Keyless(_) | Who::Notation(_) => None,
        })
    }

    /// Says in words what the policy demands, one line each.
    #[must_use]
    pub fn explain(&self) -> Vec<String> {
        let mut lines = Vec::new();
        for exception in &self.exceptions {
            let Exception { digest, reason, owner, expires } = exception;
            lines.push(format!("{digest} is allowed until {expires}: {reason} ({owner})"));
        }
        for (name, signer) in &self.signers {
            match &signer.who {
                Who::Pgp(keys) => {
                    lines.push(format!("signer {name}: a chart's provenance file by {}", keys.describe()));
                }
                Who::Notation(signers) => {
                    lines.push(format!("signer {name}: a Notation signature by {signers}"));
                }
                Who::Key(_) | Who::Keyless(_) => {}
            }
        }
        for rule in &self.rules {
            lines.push(format!("rule {}:", rule.name));
            rule.explain(&mut lines);
        }
        lines.push(format!("anything else: {}", self.default));
        lines
    }
}

impl PgpKeys {
    pub(super) fn describe(&self) -> String {
        match &self.fingerprint {
            Some(fingerprint) => format!("OpenPGP key {fingerprint} of keyring {}", self.name),
            None => format!("any OpenPGP key of keyring {}", self.name),
        }
    }
}

impl Rule {
    fn explain(&self, lines: &mut Vec<String>) {
        let before = lines.len();
        if let Some(reason) = &self.deny {
            lines.push(format!("  never: {reason}"));
            return;
        }
        if self.require_digest != Level::Off {
            lines.push(format!("  must be named by digest{}", self.require_digest.suffix()));
        }
        if let Some(freshness) = &self.freshness {
            lines.push(format!("  must be {}", freshness.describe()));
        }
        if let Some(signed) = &self.signatures {
            lines.push(format!("  must be signed by {}", signed.describe()));
        }
        for attestation in &self.attestations {
            lines.push(format!("  must have {} by {}", attestation.demand.name(), attestation.by.describe()));
            lines.extend(attestation.demand.describe().into_iter().map(|line| format!("    {line}")));
            for comparison in &attestation.values {
                lines.push(format!("    where {}", comparison.describe()));
            }
        }
        if lines.len() == before {
            lines.push("  nothing else is demanded".to_owned());
        }
        if let Some(promotion) = &self.promotion {
            lines.push(format!("  a promotion needs {}", promotion.describe()));
        }
    }
}

impl Signed {
    pub(super) fn describe(&self) -> String {
        let mut text = format!("{} of {}", self.at_least, self.of.join(", "));
        match self.transparency {
            Transparency::Required => text.push_str(", in a transparency log"),
            Transparency::IfKeyless => text.push_str(", in a transparency log if keyless"),
            Transparency::None => {}
        }
        if self.timestamp {
            text.push_str(", with a signed timestamp");
        }
        if let Some(age) = self.max_age {
            text.push_str(&format!(", not older than {} days", age.as_hours() / 24));
        }
        text + self.level.suffix()
    }
}

impl Comparison {
    /// Whether what comes of it depends on the present time.
    pub(super) fn goes_by_the_clock(&self) -> bool {
        self.said.max_age_days.is_some() || self.said.not_expired
    }

    pub(super) fn describe(&self) -> String {
        let ValueFile {
            pointer,
            equals,
            one_of,
            matches,
            at_most,
            at_least,
            not_empty,
            max_age_days,
            not_expired,
        } = &self.said;
        let mut parts = Vec::new();
        if let Some(value) = equals {
            parts.push(format!("is {value}"));
        }
        if let Some(values) = one_of {
            let all: Vec<String> = values.iter().map(ToString::to_string).collect();
            parts.push(format!("is one of {}", all.join(", ")));
        }
        parts.extend(matches.iter().map(|pattern| format!("matches {pattern}")));
        parts.extend(at_most.iter().map(|limit| format!("is at most {limit}")));
        parts.extend(at_least.iter().map(|limit| format!("is at least {limit}")));
        if *not_empty {
            parts.push("is not empty".to_owned());
        }
        parts.extend(max_age_days.map(|days| format!("is not more than {days} days ago")));
        if *not_expired {
            parts.push("is yet to come".to_owned());
        }
        format!("{pointer} {}", parts.join(" and "))
    }
}

fn read_signer(file: SignerFile, load: &mut dyn FnMut(&str) -> Result<Vec<u8>>) -> Result<Signer> {
    let period = Period { start: file.not_before, end: file.not_after };
    let who = match (file.key, file.keyless, file.pgp, file.notation) {
        (Some(key), None, None, None) => {
            let pem = match (key.file, key.pem, key.kms) {
                (Some(path), None, None) if !path.contains("://") => load(&path)?,
                (None, Some(pem), None) => pem.into_bytes(),
                (None, None, Some(reference)) if reference.contains("://") => load(&reference)?,
                _ => {
                    let text = "a key is one of a file, a pem, and a kms of the form SCHEME://KEY";
                    return Err(wrong(text.to_owned()));
                }
            };
            Who::Key(PublicKey::from_pem(&pem)?)
        }
        (None, Some(keyless), None, None) => Who::Keyless(Box::new(read_keyless(keyless)?)),
        (None, None, Some(pgp), None) => Who::Pgp(read_pgp(pgp, load)?),
        (None, None, None, Some(notation)) => Who::Notation(Box::new(read_notation(notation, load)?)),
        _ => return Err(wrong("a signer is one of key, keyless, pgp and notation".to_owned())),
    };
    Ok(Signer { who, period, revoked: file.revoked })
}

fn read_pgp(file: PgpFile, load: &mut dyn FnMut(&str) -> Result<Vec<u8>>) -> Result<PgpKeys> {
    let fingerprint = file.fingerprint.map(|text| text.replace([' ', ':'], "").to_uppercase());
    // 40 digits are version 4, 64 are version 6; a shorter id can be forged.
    if let Some(short) = fingerprint.as_ref().filter(|text| {
        ![40, 64].contains(&text.len()) || !text.bytes().all(|digit| digit.is_ascii_hexdigit())
    }) {
        return Err(wrong(format!("`{short}` is no fingerprint of 40 or 64 hexadecimal digits")));
    }
    match (file.keyring, file.armor) {
        (Some(name), None) => Ok(PgpKeys { keyring: load(&name)?, name, fingerprint }),
        (None, Some(armor)) => {
            Ok(PgpKeys { keyring: armor.into_bytes(), name: "in the policy".to_owned(), fingerprint })
        }
        _ => Err(wrong("an OpenPGP keyring is either a file or an armor".to_owned())),
    }
}

fn read_notation(
    file: NotationFile,
    load: &mut dyn FnMut(&str) -> Result<Vec<u8>>,
) -> Result<NotationSigners> {
    let subjects = match file.subjects {
        SubjectsFile::Wildcard(text) if text == "*" => Vec::new(),
        SubjectsFile::Names(names) if !names.is_empty() => {
            names.iter().map(|name| Subject::parse(name)).collect::<Result<_>>()?
        }
        _ => return Err(wrong("subjects are a list of names, or `*` for anybody".to_owned())),
    };
    let certificates = read_certificates(file.certificates, load)?;
    let timestamps = read_certificates(file.timestamp_certificates, load)?;
    NotationSigners::new(certificates, subjects, timestamps)
}

/// Reads certificates as PEM, any number in one place, or one as DER: what a trust store of `notation` holds.
fn read_certificates(
    files: Vec<CertificateFile>,
    load: &mut dyn FnMut(&str) -> Result<Vec<u8>>,
) -> Result<Vec<Certificate>> {
    let mut found = Vec::new();
    for file in files {
        let (name, bytes) = match (file.file, file.pem) {
            (Some(name), None) => (name.clone(), load(&name)?),
            (None, Some(pem)) => ("in the policy".to_owned(), pem.into_bytes()),
            _ => return Err(wrong("a certificate is either a file or a pem".to_owned())),
        };
        let read = if bytes.first() == Some(&der::SEQUENCE) {
            Certificate::from_der(&bytes).map(|certificate| vec![certificate])
        } else {
            Certificate::all_from_pem(&bytes)
        };
        found.extend(read.map_err(|error| error.within(format!("certificates {name}")))?);
    }
    Ok(found)
}

fn read_keyless(file: KeylessFile) -> Result<IdentityRule> {
    let mut rule = IdentityRule::new(read_text(file.subject)?, read_text(file.issuer)?)?;
    for (name, text) in file.claims {
        let claim = Claim::named(&name).ok_or_else(|| wrong(format!("claim `{name}` is not known")))?;
        rule = rule.with_claim(claim, read_text(text)?);
    }
    Ok(rule)
}

/// Whether a text of a policy can be read, as an import writes it.
pub(super) fn read_only_text(said: &serde_json::Value) -> Result<()> {
    let file: TextFile =
        serde_json::from_value(said.clone()).map_err(|error| wrong("no text".to_owned()).because(error))?;
    read_text(file).map(|_| ())
}

fn read_text(file: TextFile) -> Result<TextRule> {
    let everything = "a text is exactly one of exact, glob and regex, and not everything";
    let rule = match (file.exact, file.glob, file.regex) {
        (Some(exact), None, None) if !exact.is_empty() => TextRule::exact(exact),
        (None, Some(pattern), None) if pattern.chars().any(|c| c != '*') => glob(&pattern)?,
        (None, None, Some(pattern)) if !pattern.is_empty() => TextRule::whole(&pattern)?,
        _ => return Err(wrong(everything.to_owned())),
    };
    // What accepts this accepts anybody: nobody is called so.
    if rule.accepts("\u{1}") || rule.accepts("\u{1}\u{2}@\u{3}") {
        return Err(wrong(everything.to_owned()));
    }
    Ok(rule)
}

fn read_rule(file: RuleFile, signers: &BTreeMap<String, Signer>) -> Result<Rule> {
    if file.matches.repositories.is_empty() {
        return Err(wrong("matches no repository".to_owned()));
    }
    let demands = file.signatures.is_some() || !file.attestations.is_empty();
    if file.deny.is_some() && (demands || file.freshness.is_some() || file.promotion.is_some()) {
        return Err(wrong("denies everything, so it can demand nothing".to_owned()));
    }
    let signed = |signed| read_signed(signed, signers);
    Ok(Rule {
        name: file.name,
        repositories: file.matches.repositories.iter().map(|pattern| glob(pattern)).collect::<Result<_>>()?,
        kinds: file.matches.kinds,
        platforms: file.matches.platforms.iter().map(|pattern| glob(pattern)).collect::<Result<_>>()?,
        deny: file.deny,
        require_digest: file.require_digest.level(),
        signatures: file.signatures.map(signed).transpose()?,
        attestations: file
            .attestations
            .into_iter()
            .map(|each| read_attestation(each, signers))
            .collect::<Result<_>>()?,
        freshness: file.freshness.map(Freshness::read).transpose()?,
        promotion: file.promotion.map(|promotion| Promotion::read(promotion, signers)).transpose()?,
    })
}

fn read_attestation(file: AttestationFile, signers: &BTreeMap<String, Signer>) -> Result<Attestation> {
    let AttestationFile { kind, provenance, sbom, vulnerabilities, summary, .. } = file;
    let mut demands = Vec::new();
    demands.extend(kind.map(|kind| Ok(Demand::Type(predicate_type(&kind)?.to_owned()))));
    demands.extend(provenance.map(|said| Provenance::read(said).map(Demand::Provenance)));
    demands.extend(sbom.map(|said| Sbom::read(said).map(Demand::Sbom)));
    demands.extend(
        vulnerabilities.map(|said| Vulnerabilities::read(said, signers).map(Demand::Vulnerabilities)),
    );
    demands.extend(summary.map(|said| Summary::read(said).map(Demand::Summary)));
    let one_of = "an attestation is exactly one of type, provenance, sbom, vulnerabilities and summary";
    let (Some(demand), true) = (demands.pop(), demands.is_empty()) else {
        return Err(wrong(one_of.to_owned()));
    };
    let values = file.values.into_iter().map(read_comparison).collect::<Result<_>>()?;
    Ok(Attestation { demand: demand?, by: read_stating(file.by, signers)?, values })
}

/// Reads who must have made a statement. OpenPGP keys sign provenance files, which state nothing but the archive, and
/// Notation signs artifacts.
pub(super) fn read_stating(file: SignedFile, signers: &BTreeMap<String, Signer>) -> Result<Signed> {
    for name in &file.of {
        let what = match signers.get(name).map(|signer| &signer.who) {
            Some(Who::Pgp(_)) => "is an OpenPGP key",
            Some(Who::Notation(_)) => "signs with Notation",
            Some(Who::Key(_) | Who::Keyless(_)) | None => continue,
        };
        return Err(wrong(format!("signer `{name}` {what}, which makes no statements")));
    }
    read_signed(file, signers)
}

fn read_comparison(said: ValueFile) -> Result<Comparison> {
    if !said.pointer.is_empty() && !said.pointer.starts_with('/') {
        return Err(wrong(format!("`{}` is no JSON pointer", said.pointer)));
    }
    let ValueFile { equals, one_of, matches, at_most, at_least, .. } = &said;
    let numbers = at_most.is_some() || at_least.is_some();
    let times = said.max_age_days.is_some() || said.not_expired;
    if equals.is_none() && one_of.is_none() && matches.is_none() && !numbers && !times && !said.not_empty {
        return Err(wrong(format!("`{}` is compared with nothing", said.pointer)));
    }
    let pattern = said.matches.as_deref().map(TextRule::whole).transpose()?;
    Ok(Comparison { said, pattern })
}

fn read_signed(file: SignedFile, signers: &BTreeMap<String, Signer>) -> Result<Signed> {
    for (at, name) in file.of.iter().enumerate() {
        if !signers.contains_key(name) {
            return Err(wrong(format!("signer `{name}` is not defined")));
        }
        if file.of[..at].contains(name) {
            return Err(wrong(format!("signer `{name}` comes twice")));
        }
    }
    if file.at_least == 0 || file.at_least > file.of.len() {
        return Err(wrong(format!("{} of {} signers can never be meant", file.at_least, file.of.len())));
    }
    Ok(Signed {
        at_least: file.at_least,
        of: file.of,
        transparency: file.transparency,
        timestamp: file.timestamp,
        max_age: file.max_age_days.map(|days| SignedDuration::from_hours(i64::from(days) * 24)),
        level: file.level,
    })
}

fn read_exception(file: ExceptionFile) -> Result<Exception> {
    let ExceptionFile { digest, reason, owner, expires } = file;
    if reason.trim().is_empty() || owner.trim().is_empty() {
        return Err(wrong(format!("the exception for {digest} needs a reason and an owner")));
    }
    digest
        .parse::<wharf_oci::Digest>()
        .map_err(|error| wrong(format!("the exception for `{digest}` names no digest")).because(error))?;
    Ok(Exception { digest, reason, owner, expires })
}

fn wrong(text: String) -> Error {
    Error::new(ErrorKind::Misuse, text)
}
