//! Who may have signed, and whose time is believed.

use std::fmt;

use super::chain::named;
use super::name::{Name, Subject};
use crate::cert::{Certificate, CertificateAuthority};
use crate::error::{Error, ErrorKind, Result};
use crate::root::Period;

/// Signers whose certificates lead to one that is trusted.
#[derive(Debug, Clone)]
pub(crate) struct NotationSigners {
    /// What a certificate must lead to: a trust store of the kind `ca`.
    pub(super) certificates: Vec<Certificate>,
    /// One of these must fit the signer; anybody whom the certificates certify where there is none.
    subjects: Vec<Subject>,
    /// Authorities whose countersignature proves the time: a trust store of the kind `tsa`.
    pub(super) timestamps: Vec<CertificateAuthority>,
}

impl NotationSigners {
    /// Takes what a policy trusts; no subject: anybody whom the certificates certify.
    pub(crate) fn new(
        certificates: Vec<Certificate>,
        subjects: Vec<Subject>,
        timestamps: Vec<Certificate>,
    ) -> Result<Self> {
        let misuse = |text: String| Error::new(ErrorKind::Misuse, text);
        if certificates.is_empty() {
            return Err(misuse("no certificate is trusted".to_owned()));
        }
        // As in a trust store ("Trust Store"): somebody else's certificate would vouch for nobody.
        for certificate in &certificates {
            if !certificate.is_authority() && !certificate.is_self_issued() {
                let text =
                    format!("certificate {} is neither an authority's nor self-signed", named(certificate)?);
                return Err(misuse(text));
            }
        }
        let authority = |certificate: Certificate| {
            let uri = named(&certificate)?.to_string();
            if !certificate.is_authority() {
                return Err(misuse(format!("timestamp certificate {uri} is not an authority's")));
            }
            let period = Period { start: None, end: None };
            Ok(CertificateAuthority { uri, chain: vec![certificate], period })
        };
        let timestamps = timestamps.into_iter().map(authority).collect::<Result<_>>()?;
        Ok(Self { certificates, subjects, timestamps })
    }

    pub(super) fn check_subject(&self, name: &Name) -> Result<()> {
        if self.subjects.is_empty() || self.subjects.iter().any(|subject| subject.accepts(name)) {
            return Ok(());
        }
        let text = format!("signed by {name}, not by {}", self.described_subjects());
        Err(Error::new(ErrorKind::Identity, text))
    }

    fn described_subjects(&self) -> String {
        let all: Vec<String> = self.subjects.iter().map(|subject| format!("`{subject}`")).collect();
        all.join(" or ")
    }
}

/// In the words of a policy's explanation.
impl fmt::Display for NotationSigners {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = |certificates: &mut dyn Iterator<Item = &Certificate>| {
            let all =
                certificates.map(|each| named(each).map_or_else(|_| "?".to_owned(), |name| name.to_string()));
            all.collect::<Vec<_>>().join(" or ")
        };
        match self.subjects.is_empty() {
            true => f.write_str("anybody")?,
            false => f.write_str(&self.described_subjects())?,
        }
        write!(f, ", certified by {}", names(&mut self.certificates.iter()))?;
        if !self.timestamps.is_empty() {
            let authorities = self.timestamps.iter().filter_map(|authority| authority.chain.first());
            write!(f, ", with the time of {}", names(&mut authorities.into_iter()))?;
        }
        f.write_str("; revocation is not checked")
    }
}
