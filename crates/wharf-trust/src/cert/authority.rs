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

    /// Checks that the certificate of a signer of software leads to this authority at that time.
    ///
    /// # Errors
    /// It does not, or a certificate on the way, the root included, is not valid then.
    pub fn certifies(&self, leaf: &Certificate, at: Timestamp) -> Result<()> {
        self.verify(leaf, &[], at, CODE_SIGNING)
    }

    /// Checks that a certificate leads to this authority, perhaps by way of others that came `along`, and that every
    /// certificate on the way, the root included, was valid at that time (RFC 5280 section 6, with the time at which the
    /// signature was made in place of now).
    pub(crate) fn verify(
        &self,
        leaf: &Certificate,
        along: &[Certificate],
        at: Timestamp,
        usage: &'static [u8],
    ) -> Result<()> {
        // An authority's certificate may leave its uses open; the signer's own must name this one.
        if !leaf.is_for(usage)? {
            return Err(untrusted("the signing certificate is for another use".to_owned()));
        }
        self.check_path(leaf, along, at, usage)
    }

    /// The same for signers of software whose own certificate may leave its uses open, too.
    pub(crate) fn leads_from(&self, leaf: &Certificate, along: &[Certificate], at: Timestamp) -> Result<()> {
        self.check_path(leaf, along, at, CODE_SIGNING)
    }

    fn check_path(
        &self,
        leaf: &Certificate,
        along: &[Certificate],
        at: Timestamp,
        usage: &'static [u8],
    ) -> Result<()> {
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
        let between = intermediates.iter().chain(along);
        let between: Vec<_> = between.map(|each| CertificateDer::from(each.as_der())).collect();
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
                KeyUsage::required_if_present(usage),
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

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use rcgen::{
        BasicConstraints, CertificateParams, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, date_time_ymd,
    };

    use super::*;

    struct Chain {
        root: Certificate,
        intermediate: Certificate,
        leaf: Certificate,
    }

    fn params(name: &str, years: (i32, i32)) -> CertificateParams {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(rcgen::DnType::CommonName, name);
        params.not_before = date_time_ymd(years.0, 1, 1);
        params.not_after = date_time_ymd(years.1, 1, 1);
        params
    }

    fn chain(
        root: (i32, i32),
        intermediate: (i32, i32),
        leaf: (i32, i32),
        usage: ExtendedKeyUsagePurpose,
    ) -> Chain {
        let authority = |name, years| {
            let mut params = params(name, years);
            params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
            params
        };
        let (root_key, between_key, leaf_key) =
            (KeyPair::generate().unwrap(), KeyPair::generate().unwrap(), KeyPair::generate().unwrap());
        let (root, between) = (authority("root", root), authority("between", intermediate));
        let mut leaf = params("leaf", leaf);
        leaf.extended_key_usages = vec![usage];
        let read = |made: rcgen::Certificate| Certificate::from_der(made.der()).unwrap();
        Chain {
            root: read(root.self_signed(&root_key).unwrap()),
            intermediate: read(
                between.signed_by(&between_key, &Issuer::from_params(&root, &root_key)).unwrap(),
            ),
            leaf: read(leaf.signed_by(&leaf_key, &Issuer::from_params(&between, &between_key)).unwrap()),
        }
    }

    fn verify(chain: &Chain, at: &str) -> Result<()> {
        let authority = CertificateAuthority {
            uri: "https://ca.example".into(),
            chain: vec![chain.intermediate.clone(), chain.root.clone()],
            period: Period { start: None, end: None },
        };
        authority.certifies(&chain.leaf, at.parse().unwrap())
    }

    /// GHSA-wfqv-66vq-46rm: the leaf was valid at the signing time, an intermediate was not, and nobody looked.
    #[test]
    fn every_certificate_of_the_chain_must_be_valid_at_the_time() {
        let signing = || ExtendedKeyUsagePurpose::CodeSigning;
        let at = "2025-06-01T00:00:00Z";
        verify(&chain((2020, 2030), (2020, 2030), (2025, 2026), signing()), at).unwrap();
        for (root, intermediate, leaf) in [
            ((2020, 2025), (2020, 2030), (2025, 2026)),
            ((2020, 2030), (2020, 2025), (2025, 2026)),
            ((2020, 2030), (2026, 2030), (2025, 2026)),
            ((2020, 2030), (2020, 2030), (2024, 2025)),
        ] {
            assert!(
                verify(&chain(root, intermediate, leaf, signing()), at).is_err(),
                "{root:?} {intermediate:?} {leaf:?}"
            );
        }
    }

    #[test]
    fn a_certificate_for_another_use_signs_no_software() {
        let server = chain((2020, 2030), (2020, 2030), (2025, 2026), ExtendedKeyUsagePurpose::ServerAuth);
        assert!(verify(&server, "2025-06-01T00:00:00Z").is_err());
    }

    #[test]
    fn a_chain_of_somebody_else_leads_nowhere() {
        let signing = || ExtendedKeyUsagePurpose::CodeSigning;
        let (mine, other) = (
            chain((2020, 2030), (2020, 2030), (2025, 2026), signing()),
            chain((2020, 2030), (2020, 2030), (2025, 2026), signing()),
        );
        assert!(verify(&Chain { leaf: other.leaf, ..mine }, "2025-06-01T00:00:00Z").is_err());
    }
}
