//! Trusted roots: which authorities and logs are believed, and when.
//!
//! The file is sigstore's `TrustedRoot` in protobuf's JSON form (protobuf-specs, `sigstore_trustroot.proto`), media type
//! `application/vnd.dev.sigstore.trustedroot+json;version=0.1`, or `…trustedroot.v0.1+json`, or `.v0.2+json`.

mod build;
mod file;

use std::fmt;

use jiff::Timestamp;

use crate::cert::{Certificate, CertificateAuthority};
use crate::encoding::to_hex;
use crate::error::{Error, Result};
use crate::key::PublicKey;
use file::{AuthorityFile, File, LogFile};

pub use build::{LogKind, RootBuilder};
pub(crate) use file::PeriodFile;

/// The public good instance of sigstore, as its root-signing repository published it on 2026-08-21
/// (`targets/trusted_root.json`, commit 60cf2ce8b2e4).
const PUBLIC_GOOD: &[u8] = include_bytes!("../../data/sigstore-public-good.json");

/// A span of time, both ends included; without an end it lasts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Period {
    /// The first moment; none: always before.
    pub start: Option<Timestamp>,
    /// The last moment; none: always after.
    pub end: Option<Timestamp>,
}

impl Period {
    /// Whether the moment lies inside.
    #[must_use]
    pub fn contains(&self, at: Timestamp) -> bool {
        self.start.is_none_or(|start| start <= at) && self.end.is_none_or(|end| at <= end)
    }
}

impl fmt::Display for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.start, self.end) {
            (Some(start), Some(end)) => write!(f, "from {start} to {end}"),
            (Some(start), None) => write!(f, "from {start}"),
            (None, Some(end)) => write!(f, "until {end}"),
            (None, None) => f.write_str("always"),
        }
    }
}

/// A transparency log: of signatures (Rekor) or of certificates.
#[derive(Debug, Clone)]
pub struct TransparencyLog {
    pub(crate) base_url: String,
    pub(crate) id: Vec<u8>,
    pub(crate) key: PublicKey,
    pub(crate) period: Period,
}

impl TransparencyLog {
    /// Returns where the log answers, for example `https://rekor.sigstore.dev`.
    #[must_use]
    pub fn base_url(&self) -> &str {
        &self.base_url
    }

    /// Returns the log's key.
    #[must_use]
    pub fn key(&self) -> &PublicKey {
        &self.key
    }
}

/// Which authorities and logs are believed, and when.
#[derive(Debug, Clone, Default)]
pub struct TrustedRoot {
    pub(crate) logs: Vec<TransparencyLog>,
    pub(crate) certificate_authorities: Vec<CertificateAuthority>,
    pub(crate) certificate_logs: Vec<TransparencyLog>,
    pub(crate) timestamp_authorities: Vec<CertificateAuthority>,
}

impl TrustedRoot {
    /// Reads the JSON file.
    ///
    /// # Errors
    /// Not such a file, or a part of it cannot be used: a root that is only partly understood is not trusted.
    pub fn from_json(text: &[u8]) -> Result<Self> {
        let file: File = serde_json::from_slice(text)
            .map_err(|error| Error::malformed(format!("trusted root: {error}")))?;
        let known = [
            "application/vnd.dev.sigstore.trustedroot+json;version=0.1",
            "application/vnd.dev.sigstore.trustedroot.v0.1+json",
            "application/vnd.dev.sigstore.trustedroot.v0.2+json",
        ];
        if !known.contains(&file.media_type.as_str()) {
            return Err(Error::unsupported(format!(
                "trusted root: media type `{}` is not known",
                file.media_type.escape_default()
            )));
        }
        let inside = |error: Error| error.within("trusted root");
        let logs =
            |all: Vec<LogFile>| all.into_iter().map(read_log).collect::<Result<Vec<_>>>().map_err(inside);
        let authorities = |all: Vec<AuthorityFile>| {
            all.into_iter().map(read_authority).collect::<Result<Vec<_>>>().map_err(inside)
        };
        Ok(Self {
            logs: logs(file.tlogs)?,
            certificate_authorities: authorities(file.certificate_authorities)?,
            certificate_logs: logs(file.ctlogs)?,
            timestamp_authorities: authorities(file.timestamp_authorities)?,
        })
    }

    /// Returns the public good instance of sigstore as this version of Wharf knows it. It ages: instances replace their
    /// logs, and a signature logged after that needs a newer file.
    #[must_use]
    pub fn public_good() -> Self {
        Self::from_json(PUBLIC_GOOD).expect("a test reads it")
    }

    /// Returns the same root with these authorities for signing certificates instead of its own: of each the
    /// intermediates, then the root.
    #[must_use]
    pub fn with_certificate_authorities(mut self, chains: Vec<Vec<Certificate>>) -> Self {
        self.certificate_authorities = authorities(chains);
        self
    }

    /// Returns the same root with these authorities for timestamps instead of its own.
    #[must_use]
    pub fn with_timestamp_authorities(mut self, chains: Vec<Vec<Certificate>>) -> Self {
        self.timestamp_authorities = authorities(chains);
        self
    }

    /// Returns the logs of signatures.
    #[must_use]
    pub fn logs(&self) -> &[TransparencyLog] {
        &self.logs
    }

    /// Returns the authorities that issue signing certificates.
    #[must_use]
    pub fn certificate_authorities(&self) -> &[CertificateAuthority] {
        &self.certificate_authorities
    }

    /// Returns the authorities that vouch for times.
    #[must_use]
    pub fn timestamp_authorities(&self) -> &[CertificateAuthority] {
        &self.timestamp_authorities
    }

    pub(crate) fn log(&self, id: &[u8]) -> Option<&TransparencyLog> {
        self.logs.iter().find(|log| log.id == id)
    }
}

/// Authorities without an address, believed as long as their certificates are valid. An empty chain is none.
fn authorities(chains: Vec<Vec<Certificate>>) -> Vec<CertificateAuthority> {
    let period = Period { start: None, end: None };
    let authority = |chain| CertificateAuthority { uri: String::new(), chain, period };
    chains.into_iter().filter(|chain| !chain.is_empty()).map(authority).collect()
}

fn read_log(file: LogFile) -> Result<TransparencyLog> {
    let name = format!("log {}", file.base_url);
    if file.hash_algorithm != "SHA2_256" {
        return Err(Error::unsupported(format!(
            "{name}: hash algorithm `{}`, not SHA2_256",
            file.hash_algorithm
        )));
    }
    let key = match file.public_key.key_details.as_str() {
        "PKCS1_RSA_PKCS1V5" => PublicKey::from_pkcs1(&file.public_key.raw_bytes),
        _ => PublicKey::from_der(&file.public_key.raw_bytes),
    };
    let period = file.public_key.valid_for.map(|found| Period { start: found.start, end: found.end });
    // A log's key without a first moment would be believed for all the past.
    let period = period.filter(|period| period.start.is_some());
    let period = period.ok_or_else(|| Error::malformed(format!("{name}: no start of the key's validity")))?;
    if file.log_id.key_id.is_empty() {
        return Err(Error::malformed(format!("{name}: no log id")));
    }
    let key = key.map_err(|error| error.within(format!("{name} ({})", to_hex(&file.log_id.key_id))))?;
    Ok(TransparencyLog { base_url: file.base_url, id: file.log_id.key_id.0, key, period })
}

fn read_authority(file: AuthorityFile) -> Result<CertificateAuthority> {
    let chain = file.cert_chain.certificates.iter().map(|each| Certificate::from_der(&each.raw_bytes));
    let chain =
        chain.collect::<Result<Vec<_>>>().map_err(|error| error.within(format!("authority {}", file.uri)))?;
    if chain.is_empty() {
        return Err(Error::malformed(format!("authority {}: no certificate", file.uri)));
    }
    let period = file.valid_for.map(|found| Period { start: found.start, end: found.end });
    let period = period.unwrap_or(Period { start: None, end: None });
    Ok(CertificateAuthority { uri: file.uri, chain, period })
}
