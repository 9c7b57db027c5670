//! Signed timestamps: RFC 3161 responses, the signed data of RFC 5652 inside them, and RFC 5816's binding of the signer.

use jiff::Timestamp;

use crate::cert::{Certificate, CertificateAuthority, TIME_STAMPING};
use crate::der::{self, Reader};
use crate::error::{Error, ErrorKind, Result};
use crate::hash::HashAlgorithm;
use crate::key::SignatureScheme;

/// Object identifiers, as their encoded contents.
mod oid {
    pub(super) const SIGNED_DATA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x02];
    pub(super) const TST_INFO: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x10, 0x01, 0x04];
    pub(super) const CONTENT_TYPE: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x03];
    pub(super) const MESSAGE_DIGEST: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x04];
    pub(super) const SIGNING_CERTIFICATE: &[u8] =
        &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x10, 0x02, 0x0c];
    pub(super) const SIGNING_CERTIFICATE_V2: &[u8] =
        &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x10, 0x02, 0x2f];
    pub(super) const SHA256: &[u8] = &[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01];
    pub(super) const SHA384: &[u8] = &[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x02];
    pub(super) const SHA512: &[u8] = &[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x03];
    pub(super) const RSA_PSS: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0a];
    /// `ecdsa-with-SHA256`, and with the last byte 3 and 4 those of SHA-384 and SHA-512.
    pub(super) const ECDSA_SHA256: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02];
    pub(super) const ECDSA_SHA384: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x03];
    pub(super) const ECDSA_SHA512: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x04];
}

/// A response that was read but not yet believed.
struct Token<'a> {
    /// The whole `TSTInfo`, which the signature covers by its digest.
    info: &'a [u8],
    imprint_algorithm: HashAlgorithm,
    imprint: &'a [u8],
    time: Timestamp,
    certificates: Vec<&'a [u8]>,
    signer: SignerInfo<'a>,
}

struct SignerInfo<'a> {
    /// `issuerAndSerialNumber` as issuer and serial, or a key identifier.
    id: SignerId<'a>,
    digest: HashAlgorithm,
    /// The attributes with their implicit tag.
    attributes: &'a [u8],
    algorithm: &'a [u8],
    signature: &'a [u8],
}

enum SignerId<'a> {
    Issued { issuer: &'a [u8], serial: &'a [u8] },
    Key(&'a [u8]),
}

/// Checks that an authority vouches that the signature existed, and returns when.
pub(crate) fn verify(
    response: &[u8],
    signature: &[u8],
    authority: &CertificateAuthority,
) -> Result<Timestamp> {
    let token = Token::of_response(response).map_err(|error| error.within("signed timestamp"))?;
    token.verify(&[], signature, authority)
}

/// The same for the token alone, without the response around it; certificates that came with it may lead to the authority.
pub(crate) fn verify_token(
    token: &[u8],
    signature: &[u8],
    authority: &CertificateAuthority,
) -> Result<Timestamp> {
    let read = || {
        let token = Token::parse(der::only(token, der::SEQUENCE)?)?;
        // What is not a certificate that is understood leads nowhere.
        let along = token.certificates.iter().filter_map(|der| Certificate::from_der(der).ok()).collect();
        Ok((token, along))
    };
    let (token, along): (Token<'_>, Vec<Certificate>) =
        read().map_err(|error: Error| error.within("signed timestamp"))?;
    token.verify(&along, signature, authority)
}

impl<'a> Token<'a> {
    fn of_response(response: &'a [u8]) -> Result<Self> {
        let mut response = der::only(response, der::SEQUENCE)?;
        let status = response.sequence()?.contents(der::INTEGER)?;
        // granted and grantedWithMods, RFC 3161 section 2.4.2.
        if !matches!(status, [0 | 1]) {
            return Err(Error::malformed("the authority refused"));
        }
        let content = response.sequence()?;
        response.finish()?;
        Self::parse(content)
    }

    /// Reads the `ContentInfo` that the token is.
    fn parse(mut content: Reader<'a>) -> Result<Self> {
        if content.contents(der::OID)? != oid::SIGNED_DATA {
            return Err(Error::malformed("not signed data"));
        }
        let mut data = content.nested(der::context(0))?.sequence()?;
        data.contents(der::INTEGER)?;
        data.contents(der::SET)?;
        let mut encapsulated = data.sequence()?;
        if encapsulated.contents(der::OID)? != oid::TST_INFO {
            return Err(Error::malformed("not a timestamp inside"));
        }
        let info = encapsulated.nested(der::context(0))?.contents(der::OCTET_STRING)?;
        let certificates = data.optional(der::context(0))?.map(certificates).transpose()?.unwrap_or_default();
        data.optional(der::context(1))?;
        let mut signers = data.nested(der::SET)?;
        let signer = SignerInfo::parse(signers.sequence()?)?;
        signers.finish()?;
        data.finish()?;

        let mut reader = der::only(info, der::SEQUENCE)?;
        reader.contents(der::INTEGER)?;
        reader.contents(der::OID)?;
        let mut imprint = reader.sequence()?;
        let imprint_algorithm = hash(imprint.algorithm()?.0)?;
        let digest = imprint.contents(der::OCTET_STRING)?;
        reader.contents(der::INTEGER)?;
        let time = der::time(reader.element(der::GENERALIZED_TIME)?)?;
        Ok(Self { info, imprint_algorithm, imprint: digest, time, certificates, signer })
    }

    /// Checks that the authority made it for that signature, perhaps by way of certificates that came `along`.
    fn verify(
        &self,
        along: &[Certificate],
        signature: &[u8],
        authority: &CertificateAuthority,
    ) -> Result<Timestamp> {
        let failed = |text: String| Error::new(ErrorKind::Timestamp, text);
        if self.imprint_algorithm.digest(signature) != self.imprint {
            return Err(failed("the timestamp is of another signature".to_owned()));
        }
        let at = self.time;
        let (signer, path) = self.signer_certificate(authority)?;
        self.check_signature(&signer)?;
        let path = CertificateAuthority { uri: authority.uri.clone(), chain: path, period: authority.period };
        path.verify(&signer, along, at, TIME_STAMPING).map_err(|error| {
            failed(format!("the timestamp of {at} is not by {}", authority.uri)).because(error)
        })?;
        Ok(at)
    }

    /// Returns the authority's certificate that signed, and the chain above it.
    ///
    /// Where the trusted root names the signing certificate itself, it must be that one; else an embedded one is taken.
    fn signer_certificate(
        &self,
        authority: &CertificateAuthority,
    ) -> Result<(Certificate, Vec<Certificate>)> {
        let (first, rest) = authority.chain.split_first().expect("read as not empty");
        let unknown =
            || Error::new(ErrorKind::Timestamp, format!("the timestamp is not signed by {}", authority.uri));
        if !first.is_authority() && !rest.is_empty() {
            return if self.signer.is(first) { Ok((first.clone(), rest.to_vec())) } else { Err(unknown()) };
        }
        for der in &self.certificates {
            let Ok(certificate) = Certificate::from_der(der) else { continue };
            if self.signer.is(&certificate) {
                return Ok((certificate, authority.chain.clone()));
            }
        }
        Err(unknown())
    }

    fn check_signature(&self, certificate: &Certificate) -> Result<()> {
        let failed = |text: &str| Error::new(ErrorKind::Timestamp, text);
        let mut attributes = Reader::new(self.signer.attributes);
        let mut list = attributes.nested(der::context(0))?;
        let (mut content_type, mut message_digest, mut names_signer) = (None, None, false);
        while !list.is_empty() {
            let mut attribute = list.sequence()?;
            let kind = attribute.contents(der::OID)?;
            let mut values = attribute.nested(der::SET)?;
            match kind {
                oid::CONTENT_TYPE => content_type = Some(values.contents(der::OID)?),
                oid::MESSAGE_DIGEST => message_digest = Some(values.contents(der::OCTET_STRING)?),
                oid::SIGNING_CERTIFICATE_V2 => names_signer |= names(values, certificate, true)?,
                oid::SIGNING_CERTIFICATE => names_signer |= names(values, certificate, false)?,
                _ => {}
            }
        }
        if content_type != Some(oid::TST_INFO) {
            return Err(failed("the signed attributes are of other content"));
        }
        if message_digest != Some(self.signer.digest.digest(self.info).as_slice()) {
            return Err(failed("the signed attributes hold another digest"));
        }
        if !names_signer {
            return Err(failed("the signed attributes name another signing certificate"));
        }
        // The signature is over the attributes as a set, whatever tag they have here (RFC 5652 section 5.4).
        let mut signed = self.signer.attributes.to_vec();
        signed[0] = der::SET;
        let key = certificate.public_key();
        let scheme = match self.signer.algorithm {
            oid::ECDSA_SHA256 => SignatureScheme::EcdsaSha256,
            oid::ECDSA_SHA384 => SignatureScheme::EcdsaSha384,
            oid::ECDSA_SHA512 => SignatureScheme::EcdsaSha512,
            oid::RSA_PSS => match self.signer.digest {
                HashAlgorithm::Sha256 => SignatureScheme::RsaPssSha256,
                HashAlgorithm::Sha384 => SignatureScheme::RsaPssSha384,
                HashAlgorithm::Sha512 => SignatureScheme::RsaPssSha512,
            },
            _ => SignatureScheme::of(key.kind(), self.signer.digest),
        };
        key.verify(scheme, &signed, self.signer.signature)
            .map_err(|error| failed("the timestamp's signature does not verify").because(error))
    }
}

impl<'a> SignerInfo<'a> {
    fn parse(mut reader: Reader<'a>) -> Result<Self> {
        reader.contents(der::INTEGER)?;
        let id = if let Some(key) = reader.optional(der::primitive(0))? {
            SignerId::Key(key)
        } else {
            let mut issued = reader.sequence()?;
            SignerId::Issued {
                issuer: issued.element(der::SEQUENCE)?.whole,
                serial: issued.contents(der::INTEGER)?,
            }
        };
        let digest = hash(reader.algorithm()?.0)?;
        let attributes = reader.element(der::context(0))?.whole;
        let algorithm = reader.algorithm()?.0;
        let signature = reader.contents(der::OCTET_STRING)?;
        reader.optional(der::context(1))?;
        reader.finish()?;
        Ok(Self { id, digest, attributes, algorithm, signature })
    }

    fn is(&self, certificate: &Certificate) -> bool {
        match self.id {
            SignerId::Issued { issuer, serial } => {
                certificate.issuer() == issuer && certificate.serial() == serial
            }
            SignerId::Key(key) => certificate.subject_key_id() == Some(key),
        }
    }
}

/// Whether the first certificate of the attribute, which is the signer's, is this one (RFC 2634 section 5.4, RFC 5035).
fn names(mut values: Reader<'_>, certificate: &Certificate, second: bool) -> Result<bool> {
    let mut first = values.sequence()?.sequence()?.sequence()?;
    let algorithm = if second && first.peek() == Some(der::SEQUENCE) {
        Some(hash(first.algorithm()?.0)?)
    } else {
        second.then_some(HashAlgorithm::Sha256)
    };
    let named = first.contents(der::OCTET_STRING)?;
    Ok(match algorithm {
        Some(algorithm) => algorithm.digest(certificate.as_der()) == named,
        None => {
            let sha1 = &aws_lc_rs::digest::SHA1_FOR_LEGACY_USE_ONLY;
            aws_lc_rs::digest::digest(sha1, certificate.as_der()).as_ref() == named
        }
    })
}

fn certificates(list: &[u8]) -> Result<Vec<&[u8]>> {
    let mut reader = Reader::new(list);
    let mut found = Vec::new();
    while !reader.is_empty() {
        found.push(reader.any()?.whole);
    }
    Ok(found)
}

fn hash(oid: &[u8]) -> Result<HashAlgorithm> {
    match oid {
        oid::SHA256 => Ok(HashAlgorithm::Sha256),
        oid::SHA384 => Ok(HashAlgorithm::Sha384),
        oid::SHA512 => Ok(HashAlgorithm::Sha512),
        _ => Err(Error::unsupported("a digest other than SHA-256, SHA-384 and SHA-512")),
    }
}
