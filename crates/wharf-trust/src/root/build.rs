//! Writing a trusted root.

use super::file::{
    AuthorityFile, CertificateFile, ChainFile, File, IdFile, KeyFile, LogFile, PeriodFile, SubjectFile,
};
use super::{PUBLIC_GOOD, Period};
use crate::cert::Certificate;
use crate::der::Reader;
use crate::error::{Error, Result};
use crate::key::PublicKey;

/// What a log holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogKind {
    /// Signatures and statements.
    Signatures,
    /// Certificates.
    Certificates,
}

/// Puts a trusted root together and writes its JSON file.
///
/// Logs and authorities are written in the order in which their trust begins, as cosign writes them.
pub struct RootBuilder(File);

impl Default for RootBuilder {
    fn default() -> Self {
        Self(File {
            media_type: "application/vnd.dev.sigstore.trustedroot+json;version=0.1".to_owned(),
            tlogs: Vec::new(),
            certificate_authorities: Vec::new(),
            ctlogs: Vec::new(),
            timestamp_authorities: Vec::new(),
        })
    }
}

impl RootBuilder {
    /// Starts with the public good instance of sigstore as this version of Wharf knows it.
    #[must_use]
    pub fn public_good() -> Self {
        Self(serde_json::from_slice(PUBLIC_GOOD).expect("a test reads it"))
    }

    /// Takes the logs of signatures out.
    pub fn remove_logs(&mut self) {
        self.0.tlogs.clear();
    }

    /// Takes the certificate authorities out.
    pub fn remove_certificate_authorities(&mut self) {
        self.0.certificate_authorities.clear();
    }

    /// Takes the logs of certificates out.
    pub fn remove_certificate_logs(&mut self) {
        self.0.ctlogs.clear();
    }

    /// Takes the timestamp authorities out.
    pub fn remove_timestamp_authorities(&mut self) {
        self.0.timestamp_authorities.clear();
    }

    /// Adds an authority that issues signing certificates: intermediates first, the root last.
    ///
    /// # Errors
    /// There is no certificate.
    pub fn add_certificate_authority(
        &mut self,
        uri: &str,
        chain: &[Certificate],
        period: Period,
    ) -> Result<()> {
        self.0.certificate_authorities.push(authority(uri, chain, period)?);
        Ok(())
    }

    /// Adds a timestamp authority: its own certificate first, the root last.
    ///
    /// # Errors
    /// There is no certificate, or the first one is an authority's.
    pub fn add_timestamp_authority(
        &mut self,
        uri: &str,
        chain: &[Certificate],
        period: Period,
    ) -> Result<()> {
        let added = authority(uri, chain, period)?;
        if chain[0].is_authority() {
            return Err(Error::malformed("first certificate in chain must be a leaf certificate"));
        }
        self.0.timestamp_authorities.push(added);
        Ok(())
    }

    /// Adds a log. `origin` is what the log calls itself in its checkpoints, where it names its key by that, too (Rekor 2).
    ///
    /// # Errors
    /// sigstore has no name for this kind of key.
    pub fn add_log(
        &mut self,
        kind: LogKind,
        url: &str,
        key: &PublicKey,
        origin: Option<&str>,
        period: Period,
    ) -> Result<()> {
        let logs = match kind {
            LogKind::Signatures => &mut self.0.tlogs,
            LogKind::Certificates => &mut self.0.ctlogs,
        };
        logs.push(log(url, key, origin, period)?);
        Ok(())
    }

    /// Returns the JSON file.
    #[must_use]
    pub fn to_json(mut self) -> Vec<u8> {
        let start = |period: Option<PeriodFile>| period.and_then(|period| period.start);
        for logs in [&mut self.0.tlogs, &mut self.0.ctlogs] {
            logs.sort_by_key(|log| start(log.public_key.valid_for));
        }
        for authorities in [&mut self.0.certificate_authorities, &mut self.0.timestamp_authorities] {
            authorities.sort_by_key(|authority| start(authority.valid_for));
        }
        serde_json::to_vec(&self.0).expect("plain data always has a JSON form")
    }
}

fn authority(uri: &str, chain: &[Certificate], period: Period) -> Result<AuthorityFile> {
    let root = chain.last().ok_or_else(|| Error::malformed(format!("authority {uri}: no certificate")))?;
    let certificates = chain.iter().map(|each| CertificateFile { raw_bytes: each.as_der().into() });
    Ok(AuthorityFile {
        subject: Some(subject(root)?),
        uri: uri.to_owned(),
        cert_chain: ChainFile { certificates: certificates.collect() },
        valid_for: Some(period.into()),
        operator: None,
    })
}

fn log(url: &str, key: &PublicKey, origin: Option<&str>, period: Period) -> Result<LogFile> {
    let id = origin.map_or_else(|| key.fingerprint(), |origin| crate::rekor::key_hash(key, origin));
    Ok(LogFile {
        base_url: url.to_owned(),
        hash_algorithm: "SHA2_256".to_owned(),
        public_key: KeyFile {
            raw_bytes: key.as_der().into(),
            key_details: key.details()?.to_owned(),
            valid_for: Some(period.into()),
        },
        log_id: IdFile { key_id: id.as_slice().into() },
        checkpoint_key_id: None,
        operator: None,
    })
}

/// Organisation and common name of a certificate's subject, where it has them (RFC 5280 section 4.1.2.4).
fn subject(certificate: &Certificate) -> Result<SubjectFile> {
    /// 2.5.4.3 and 2.5.4.10
    const COMMON_NAME: &[u8] = &[0x55, 0x04, 0x03];
    const ORGANIZATION: &[u8] = &[0x55, 0x04, 0x0a];
    let mut found = SubjectFile::default();
    let mut names = Reader::new(certificate.subject()).sequence()?;
    while !names.is_empty() {
        let mut attribute = names.nested(crate::der::SET)?.sequence()?;
        let kind = attribute.contents(crate::der::OID)?;
        let text = String::from_utf8_lossy(attribute.any()?.contents).into_owned();
        match kind {
            COMMON_NAME => found.common_name = text,
            ORGANIZATION => found.organization = text,
            _ => {}
        }
    }
    Ok(found)
}
