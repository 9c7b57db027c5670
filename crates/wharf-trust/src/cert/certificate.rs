//! One certificate, RFC 5280 section 4.1.

use std::fmt;

use jiff::Timestamp;

use crate::der::{self, Element, Reader};
use crate::encoding::to_hex;
use crate::error::{Error, Result};
use crate::hash::sha256;
use crate::key::{PublicKey, blocks, write_pem};

/// A certificate that was read but not yet trusted.
#[derive(Clone, PartialEq, Eq)]
pub struct Certificate {
    der: Vec<u8>,
    tbs: Vec<u8>,
    serial: Vec<u8>,
    issuer: Vec<u8>,
    subject: Vec<u8>,
    not_before: Timestamp,
    not_after: Timestamp,
    key: PublicKey,
    extensions: Vec<Extension>,
}

#[derive(Clone, PartialEq, Eq)]
struct Extension {
    oid: Vec<u8>,
    is_critical: bool,
    value: Vec<u8>,
}

/// Whether a certificate is of an authority, RFC 5280 section 4.2.1.9.
#[derive(Debug, Clone, Copy)]
pub(crate) struct BasicConstraints {
    pub(crate) is_critical: bool,
    pub(crate) is_authority: bool,
    /// How many other authorities may stand below this one.
    pub(crate) path_length: Option<usize>,
}

/// What a key is for, RFC 5280 section 4.2.1.3.
#[derive(Debug, Clone, Copy)]
pub(crate) struct KeyUsage {
    pub(crate) is_critical: bool,
    /// The first use is the highest bit.
    bits: u16,
}

impl KeyUsage {
    pub(crate) const DIGITAL_SIGNATURE: u8 = 0;
    pub(crate) const NON_REPUDIATION: u8 = 1;
    pub(crate) const CERTIFICATE_SIGNATURE: u8 = 5;

    pub(crate) fn has(self, usage: u8) -> bool {
        self.bits & mask(usage) != 0
    }

    /// Whether there is no use besides those.
    pub(crate) fn is_within(self, usages: &[u8]) -> bool {
        let allowed = usages.iter().fold(0, |sum, usage| sum | mask(*usage));
        self.bits & !allowed == 0
    }
}

const fn mask(usage: u8) -> u16 {
    0x8000 >> usage
}

const BASIC_CONSTRAINTS: &[u8] = &[0x55, 0x1d, 0x13];
const KEY_USAGE: &[u8] = &[0x55, 0x1d, 0x0f];
const EXTENDED_KEY_USAGE: &[u8] = &[0x55, 0x1d, 0x25];
const SUBJECT_KEY_ID: &[u8] = &[0x55, 0x1d, 0x0e];

impl Certificate {
    /// Reads DER.
    ///
    /// # Errors
    /// Not a certificate of version 3, an extension that comes twice, or a kind of key that is not supported.
    pub fn from_der(der: &[u8]) -> Result<Self> {
        Self::read(der).map_err(|error| error.within("certificate"))
    }

    fn read(der: &[u8]) -> Result<Self> {
        let mut outer = der::only(der, der::SEQUENCE)?;
        let tbs = outer.element(der::SEQUENCE)?;
        outer.algorithm()?;
        outer.bit_string()?;
        outer.finish()?;

        let mut reader = Reader::new(tbs.contents);
        if reader.optional(der::context(0))? != Some(&[der::INTEGER, 1, 2]) {
            return Err(Error::unsupported("not of version 3"));
        }
        let serial = reader.contents(der::INTEGER)?;
        reader.algorithm()?;
        let issuer = reader.element(der::SEQUENCE)?;
        let mut validity = reader.sequence()?;
        let (not_before, not_after) = (der::time(validity.any()?)?, der::time(validity.any()?)?);
        let subject = reader.element(der::SEQUENCE)?;
        let key = PublicKey::from_der(reader.element(der::SEQUENCE)?.whole)?;
        reader.optional(der::primitive(1))?;
        reader.optional(der::primitive(2))?;
        let extensions =
            reader.optional(der::context(3))?.map(read_extensions).transpose()?.unwrap_or_default();
        reader.finish()?;
        Ok(Self {
            der: der.to_vec(),
            tbs: tbs.contents.to_vec(),
            serial: serial.to_vec(),
            issuer: issuer.whole.to_vec(),
            subject: subject.whole.to_vec(),
            not_before,
            not_after,
            key,
            extensions,
        })
    }

    /// Reads every certificate of a PEM text, in its order.
    ///
    /// # Errors
    /// A block is no certificate.
    pub fn all_from_pem(text: &[u8]) -> Result<Vec<Self>> {
        let read = |block: &crate::key::Block| match block.label.as_str() {
            "CERTIFICATE" => Self::from_der(&block.bytes),
            other => Err(Error::unsupported(format!(
                "`{}` is not the PEM label of a certificate",
                other.escape_default()
            ))),
        };
        blocks(text)?.iter().map(read).collect()
    }

    /// Returns the DER bytes as they came.
    #[must_use]
    pub fn as_der(&self) -> &[u8] {
        &self.der
    }

    /// Returns the PEM text, label `CERTIFICATE`.
    #[must_use]
    pub fn to_pem(&self) -> String {
        write_pem("CERTIFICATE", &self.der).to_string()
    }

    /// Returns the key that the certificate is about.
    #[must_use]
    pub fn public_key(&self) -> &PublicKey {
        &self.key
    }

    /// Returns the first and the last moment at which it is valid.
    #[must_use]
    pub fn validity(&self) -> (Timestamp, Timestamp) {
        (self.not_before, self.not_after)
    }

    /// Whether it is valid at that moment, the bounds included.
    #[must_use]
    pub fn is_valid_at(&self, at: Timestamp) -> bool {
        self.not_before <= at && at <= self.not_after
    }

    /// Whether issuer and subject are the same name.
    #[must_use]
    pub fn is_self_issued(&self) -> bool {
        self.issuer == self.subject
    }

    pub(crate) fn is_authority(&self) -> bool {
        self.basic_constraints().is_ok_and(|found| found.is_some_and(|found| found.is_authority))
    }

    pub(crate) fn basic_constraints(&self) -> Result<Option<BasicConstraints>> {
        let Some(Extension { is_critical, value, .. }) = self.whole_extension(BASIC_CONSTRAINTS) else {
            return Ok(None);
        };
        let mut reader = der::only(value, der::SEQUENCE)?;
        let is_authority = reader.optional(der::BOOLEAN)? == Some(&[0xff]);
        let path_length = match reader.optional(der::INTEGER)? {
            None => None,
            Some([length]) if *length < 0x80 => Some(usize::from(*length)),
            Some(_) => return Err(Error::unsupported("a path length beyond 127")),
        };
        reader.finish()?;
        Ok(Some(BasicConstraints { is_critical: *is_critical, is_authority, path_length }))
    }

    pub(crate) fn key_usage(&self) -> Result<Option<KeyUsage>> {
        let Some(Extension { is_critical, value, .. }) = self.whole_extension(KEY_USAGE) else {
            return Ok(None);
        };
        let mut reader = Reader::new(value);
        let bits = match reader.contents(der::BIT_STRING)? {
            [0..=7, first] => u16::from(*first) << 8,
            [0..=7, first, second] => u16::from_be_bytes([*first, *second]),
            _ => return Err(Error::malformed("a key usage of another length")),
        };
        reader.finish()?;
        Ok(Some(KeyUsage { is_critical: *is_critical, bits }))
    }

    /// Whether the certificate names that extended key usage.
    pub(crate) fn is_for(&self, usage: &[u8]) -> Result<bool> {
        Ok(self.extended_key_usages()?.is_some_and(|usages| usages.contains(&usage)))
    }

    /// Returns the extended key usages where the certificate names them, RFC 5280 section 4.2.1.12.
    pub(crate) fn extended_key_usages(&self) -> Result<Option<Vec<&[u8]>>> {
        let Some(value) = self.extension(EXTENDED_KEY_USAGE) else { return Ok(None) };
        let mut list = der::only(value, der::SEQUENCE)?;
        let mut found = Vec::new();
        while !list.is_empty() {
            found.push(list.contents(der::OID)?);
        }
        Ok(Some(found))
    }

    pub(crate) fn serial(&self) -> &[u8] {
        &self.serial
    }

    /// The issuer's name, as the whole DER element.
    pub(crate) fn issuer(&self) -> &[u8] {
        &self.issuer
    }

    pub(crate) fn subject(&self) -> &[u8] {
        &self.subject
    }

    pub(crate) fn subject_key_id(&self) -> Option<&[u8]> {
        Reader::new(self.extension(SUBJECT_KEY_ID)?).contents(der::OCTET_STRING).ok()
    }

    /// The value inside the extension's octet string.
    pub(crate) fn extension(&self, oid: &[u8]) -> Option<&[u8]> {
        self.whole_extension(oid).map(|each| each.value.as_slice())
    }

    fn whole_extension(&self, oid: &[u8]) -> Option<&Extension> {
        self.extensions.iter().find(|each| each.oid == oid)
    }

    /// The signed part without one extension: what a certificate transparency log signed before the
    /// certificate was issued, RFC 6962 section 3.2.
    pub(crate) fn tbs_without(&self, oid: &[u8]) -> Result<Vec<u8>> {
        let mut reader = Reader::new(&self.tbs);
        let mut out = Vec::with_capacity(self.tbs.len());
        while !reader.is_empty() {
            let element = reader.any()?;
            if element.tag != der::context(3) {
                out.extend_from_slice(element.whole);
                continue;
            }
            let mut kept = Vec::new();
            let mut list = der::only(element.contents, der::SEQUENCE)?;
            while !list.is_empty() {
                let extension = list.element(der::SEQUENCE)?;
                if Reader::new(extension.contents).contents(der::OID)? != oid {
                    kept.extend_from_slice(extension.whole);
                }
            }
            out.extend(der::write(der::context(3), &der::write(der::SEQUENCE, &kept)));
        }
        Ok(der::write(der::SEQUENCE, &out))
    }
}

fn read_extensions(contents: &[u8]) -> Result<Vec<Extension>> {
    let mut list = der::only(contents, der::SEQUENCE)?;
    let mut found: Vec<Extension> = Vec::new();
    while !list.is_empty() {
        let Element { contents, .. } = list.element(der::SEQUENCE)?;
        let mut reader = Reader::new(contents);
        let oid = reader.contents(der::OID)?;
        let is_critical = reader.optional(der::BOOLEAN)? == Some(&[0xff]);
        let value = reader.contents(der::OCTET_STRING)?;
        reader.finish()?;
        if found.iter().any(|each| each.oid == oid) {
            return Err(Error::malformed("an extension comes twice"));
        }
        found.push(Extension { oid: oid.to_vec(), is_critical, value: value.to_vec() });
    }
    Ok(found)
}

impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Certificate(sha256:{})", to_hex(&sha256(&self.der)))
    }
}
