//! The certificates of a signature (signature-specification.md, "Certificate Requirements").

use jiff::Timestamp;

use super::name::Name;
use crate::cert::{CODE_SIGNING, Certificate, CertificateAuthority, KeyUsage, TIME_STAMPING};
use crate::error::{Error, ErrorKind, Result};
use crate::root::Period;

/// How many certificates a signature brings at most.
const MAX_CERTIFICATES: usize = 16;

/// Extended key usages that the certificate of a signer must not have: any, of servers, of clients, of mail, of answers about
/// revocation. That of timestamps is the sixth.
const FOREIGN_USES: [&[u8]; 5] = [
    &[0x55, 0x1d, 0x25, 0x00],
    &[0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x01],
    &[0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x02],
    &[0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x04],
    &[0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x09],
];

/// The signer's certificate, those that certify it, and the root, which certifies itself.
#[derive(Debug, Clone)]
pub(super) struct Chain(Vec<Certificate>);

impl Chain {
    pub(super) fn read(certificates: &[Vec<u8>]) -> Result<Self> {
        if certificates.is_empty() || certificates.len() > MAX_CERTIFICATES {
            return Err(Error::malformed(format!(
                "the chain has {} certificates, not 1 to {MAX_CERTIFICATES}",
                certificates.len()
            )));
        }
        Ok(Self(certificates.iter().map(|der| Certificate::from_der(der)).collect::<Result<_>>()?))
    }

    /// Returns the certificate of whoever signed.
    pub(super) fn leaf(&self) -> &Certificate {
        self.0.first().expect("read as not empty")
    }

    /// Checks what can be told without a time and without trusting anything: whole, in order, each for its use.
    pub(super) fn check(&self) -> Result<()> {
        for (at, certificate) in self.0.iter().enumerate() {
            let name = named(certificate)?;
            match self.0.get(at + 1) {
                Some(above) if certificate.issuer() != above.subject() => {
                    let (issuer, above) = (Name::read(certificate.issuer())?, named(above)?);
                    return Err(wrong(format!(
                        "certificate {name} is issued by {issuer}, and the next in the chain is {above}"
                    )));
                }
                Some(_) if certificate.is_self_issued() => {
                    return Err(wrong(format!(
                        "certificate {name} is a root, and the chain goes on after it"
                    )));
                }
                None if !certificate.is_self_issued() => {
                    let issuer = Name::read(certificate.issuer())?;
                    return Err(wrong(format!(
                        "the chain ends with {name}, which is issued by {issuer}: it is not complete"
                    )));
                }
                _ => {}
            }
            if at == 0 {
                check_leaf(certificate, &name)?;
            } else {
                check_authority(certificate, &name, at - 1)?;
            }
        }
        Ok(())
    }

    /// Returns which trusted certificate the chain leads to, when every one of it is valid at that time.
    pub(super) fn leads_to<'t>(&self, trusted: &'t [Certificate], at: Timestamp) -> Result<&'t Certificate> {
        for certificate in &self.0 {
            if !certificate.is_valid_at(at) {
                let (name, (from, to)) = (named(certificate)?, certificate.validity());
                return Err(wrong(format!("certificate {name} is valid from {from} to {to}, not at {at}")));
            }
        }
        let found = self.0.iter().enumerate().find_map(|(position, certificate)| {
            trusted.iter().find(|trusted| *trusted == certificate).map(|trusted| (position, trusted))
        });
        let root = self.0.last().expect("read as not empty");
        let Some((position, trusted)) = found else {
            let (leaf, root) = (named(self.leaf())?, named(root)?);
            return Err(wrong(format!("certificate {leaf} leads to {root}, which is not trusted")));
        };
        // Where the trusted certificate itself signed, there is no way to check.
        if position == 0 {
            return Ok(trusted);
        }
        self.check_path(position, at)?;
        // On to the root, so that the whole of it is genuine.
        if position + 1 < self.0.len() {
            self.check_path(self.0.len() - 1, at)?;
        }
        Ok(trusted)
    }

    fn check_path(&self, to: usize, at: Timestamp) -> Result<()> {
        let end = &self.0[to];
        let authority = CertificateAuthority {
            uri: named(end)?.to_string(),
            chain: vec![end.clone()],
            period: Period { start: None, end: None },
        };
        authority.leads_from(self.leaf(), &self.0[1..to], at)
    }
}

/// Returns the name of whoever a certificate is about.
pub(super) fn named(certificate: &Certificate) -> Result<Name> {
    Name::read(certificate.subject())
}

fn check_leaf(certificate: &Certificate, name: &Name) -> Result<()> {
    if certificate.is_authority() {
        return Err(wrong(format!("certificate {name} is of an authority, which signs certificates only")));
    }
    let usage = key_usage(certificate, name)?;
    if !usage.has(KeyUsage::DIGITAL_SIGNATURE) {
        return Err(wrong(format!("the key usage of certificate {name} is no digital signature")));
    }
    if !usage.is_within(&[KeyUsage::DIGITAL_SIGNATURE, KeyUsage::NON_REPUDIATION]) {
        return Err(wrong(format!("the key usage of certificate {name} is more than digital signatures")));
    }
    let Some(usages) = certificate.extended_key_usages()? else { return Ok(()) };
    let is_foreign = |usage: &&[u8]| *usage == TIME_STAMPING || FOREIGN_USES.contains(usage);
    if !usages.contains(&CODE_SIGNING) || usages.iter().any(is_foreign) {
        return Err(wrong(format!("certificate {name} is for something else than signing software")));
    }
    Ok(())
}

/// Checks the certificate of an authority, with so many others of authorities below it.
fn check_authority(certificate: &Certificate, name: &Name, below: usize) -> Result<()> {
    let constraints = certificate.basic_constraints()?;
    let Some(constraints) = constraints.filter(|found| found.is_authority && found.is_critical) else {
        return Err(wrong(format!(
            "certificate {name} is not marked as an authority's, or not in a critical extension"
        )));
    };
    if let Some(most) = constraints.path_length.filter(|most| *most < below) {
        return Err(wrong(format!("certificate {name} allows {most} authorities below it, not {below}")));
    }
    if !key_usage(certificate, name)?.has(KeyUsage::CERTIFICATE_SIGNATURE) {
        return Err(wrong(format!("the key usage of certificate {name} is no signature of certificates")));
    }
    Ok(())
}

fn key_usage(certificate: &Certificate, name: &Name) -> Result<KeyUsage> {
    let usage = certificate.key_usage()?.filter(|usage| usage.is_critical);
    usage.ok_or_else(|| wrong(format!("certificate {name} has no key usage, or not in a critical extension")))
}

fn wrong(text: String) -> Error {
    Error::new(ErrorKind::Certificate, text)
}
