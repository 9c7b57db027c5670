//! Certificate authorities of a trusted root, and the path from a certificate to one.

use std::time::Duration;

use jiff::Timestamp;
use rustls_pki_types::{CertificateDer, UnixTime};
use webpki::{ALL_VERIFICATION_ALGS, EndEntityCert, KeyUsage, anchor_from_trusted_cert};

use super::certificate::Certificate;
use crate::error::{Error, ErrorKind, Result};
use crate::root::Period;

/// Extended key usage of signers of software, 1.3.6.1.5.5.7.3.3.
pub(crate) const CODE_SIGNING: &[u8] = &[0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x03];
/// Extended key usage of timestamp authorities, 1.3.6.1.5.5.7.3.8.
pub(crate) const TIME_STAMPING: &[u8] = &[0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x08];

/// An authority that a trusted root names: intermediates first, the root last.
#[derive(Debug, Clone)]
pub struct CertificateAuthority {
    pub(crate) uri: String,
    pub(crate) chain: Vec<Certificate>,
    pub(crate) period: Period,
}

impl CertificateAuthority {
    /// Returns where the authority answers, as the trusted root tells; may be empty.
    #[must_use]
    pub fn uri(&self) -> &str {
        &self.uri
    }

    /// Returns the certificates, the root last; never empty.
    #[must_use]
    pub fn chain(&self) -> &[Certificate] {
        &self.chain
    }

    /// Checks that a certificate leads to this authority and that every certificate on the way, the root included, was
    /// valid at that time (RFC 5280 section 6, with the time at which the signature was made in place of now).
    pub(crate) fn verify(&self, leaf: &Certificate, at: Timestamp, usage: &'static [u8]) -> Result<()> {
        if !self.period.contains(at) {
            return Err(untrusted(format!("authority {} is trusted {}, not at {at}", self.uri, self.period)));
        }
        let (root, intermediates) = self.chain.split_last().expect("read as not empty");
        if !root.is_valid_at(at) {
            let (from, to) = root.validity();
            return Err(untrusted(format!(
                "the root of {} is valid from {from} to {to}, not at {at}",
                self.uri
            )));
        }
        let anchor_der = CertificateDer::from(root.as_der());
        let anchor = anchor_from_trusted_cert(&anchor_der).map_err(|error| {
            untrusted(format!("the root of {} is no trust anchor", self.uri)).because(error)
        })?;
        let between: Vec<_> = intermediates.iter().map(|each| CertificateDer::from(each.as_der())).collect();
        let leaf_der = CertificateDer::from(leaf.as_der());
        let entity = EndEntityCert::try_from(&leaf_der)
            .map_err(|error| untrusted("the signing certificate cannot be used".to_owned()).because(error))?;
        let seconds = u64::try_from(at.as_second()).unwrap_or_default();
        let time = UnixTime::since_unix_epoch(Duration::from_secs(seconds));
        entity
            .verify_for_usage(
                ALL_VERIFICATION_ALGS,
                &[anchor],
                &between,
                time,
                KeyUsage::required(usage),
                None,
                None,
            )
            .map(drop)
            .map_err(|error| {
                let (from, to) = leaf.validity();
                untrusted(format!(
                    "the certificate, valid from {from} to {to}, does not lead to {} at {at}",
                    if self.uri.is_empty() { "the authority" } else { &self.uri }
                ))
                .because(error)
            })
    }
}

fn untrusted(text: String) -> Error {
    Error::new(ErrorKind::Certificate, text)
}
