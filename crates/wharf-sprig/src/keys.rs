//! Keys, certificates and password hashes by the aws-lc and rcgen libraries.

use std::time::{Duration, SystemTime};

use aws_lc_rs::cipher::{AES_256, DecryptionContext, PaddedBlockDecryptingKey};
use aws_lc_rs::cipher::{PaddedBlockEncryptingKey, UnboundCipherKey};
use aws_lc_rs::encoding::{AsDer as _, EcPrivateKeyRfc5915Der};
use aws_lc_rs::iv::FixedLength;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, Ed25519KeyPair};
use data_encoding::BASE64;
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer,
    KeyPair, KeyUsagePurpose, PKCS_RSA_SHA256, RsaKeySize, SanType,
};
use wharf_template::FuncError;

use crate::surroundings::{Certificate, CertificateRequest, Keys};

/// The size of the initial vector in front of the text.
const INITIAL_VECTOR_BYTES: usize = 16;

/// [`Keys`] by libraries, with their own randomness and the system's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct LibraryKeys;

impl Keys for LibraryKeys {
    fn private_key(&self, kind: &str) -> Result<String, FuncError> {
        match kind {
            "rsa" => {
                let pair = aws_lc_rs::rsa::KeyPair::generate(KeySize::Rsa4096).map_err(failed)?;
                let pkcs8 = pair.as_der().map_err(failed)?;
                Ok(pem("RSA PRIVATE KEY", pkcs1(pkcs8.as_ref())?))
            }
            "ecdsa" => {
                let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).map_err(failed)?;
                let der: EcPrivateKeyRfc5915Der<'_> = pair.private_key().as_der().map_err(failed)?;
                Ok(pem("EC PRIVATE KEY", der.as_ref()))
            }
            "ed25519" => {
                let pair = Ed25519KeyPair::generate().map_err(failed)?;
                Ok(pem("PRIVATE KEY", pair.to_pkcs8v1().map_err(failed)?.as_ref()))
            }
            other => Err(FuncError::Message(format!("keys of type {other} cannot be made"))),
        }
    }

    fn certificate(
        &self,
        request: &CertificateRequest,
        signer: Option<&Certificate>,
    ) -> Result<Certificate, FuncError> {
        let pair = match &request.key_pem {
            Some(pem) => KeyPair::from_pem(pem).map_err(failed)?,
            None => KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, RsaKeySize::_2048).map_err(failed)?,
        };
        let mut params = CertificateParams::default();
        params.distinguished_name = DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, request.common_name.as_str());
        let mut serial = [0; 16];
        aws_lc_rs::rand::fill(&mut serial).map_err(failed)?;
        params.serial_number = Some(rcgen::SerialNumber::from_slice(&serial));
        let now = SystemTime::now();
        params.not_before = now.into();
        let days = Duration::from_secs(request.days.unsigned_abs().saturating_mul(86_400));
        params.not_after = if request.days < 0 { now - days } else { now + days }.into();
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature, KeyUsagePurpose::KeyEncipherment];
        params.extended_key_usages =
            vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
        params.is_ca = IsCa::ExplicitNoCa;
        if request.is_authority {
            params.key_usages.push(KeyUsagePurpose::KeyCertSign);
            params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        }
        for name in &request.dns_names {
            params.subject_alt_names.push(SanType::DnsName(name.as_str().try_into().map_err(failed)?));
        }
        params.subject_alt_names.extend(request.ips.iter().map(|ip| SanType::IpAddress(*ip)));
        let made = match signer {
            None => params.self_signed(&pair),
            Some(signer) => {
                let signer_pair = KeyPair::from_pem(&signer.key).map_err(failed)?;
                let mut issuer_params = CertificateParams::default();
                issuer_params.distinguished_name = subject(&signer.cert)?;
                let issuer = Issuer::new(issuer_params, signer_pair);
                params.use_authority_key_identifier_extension = true;
                params.signed_by(&pair, &issuer)
            }
        };
        let cert = pem("CERTIFICATE", made.map_err(failed)?.der());
        let key = match &request.key_pem {
            Some(pem) => pem.clone(),
            None => pem("RSA PRIVATE KEY", pkcs1(pair.serialized_der())?),
        };
        Ok(Certificate { cert, key })
    }

    fn bcrypt(&self, password: &[u8]) -> Result<String, FuncError> {
        if password.len() > 72 {
            return Err("bcrypt: password length exceeds 72 bytes".into());
        }
        let parts = bcrypt::hash_with_result(password, 10).map_err(failed)?;
        Ok(parts.format_for_version(bcrypt::Version::TwoA))
    }

    fn encrypt(&self, key: &[u8; 32], text: &[u8]) -> Result<Vec<u8>, FuncError> {
        let key = UnboundCipherKey::new(&AES_256, key).map_err(failed)?;
        let key = PaddedBlockEncryptingKey::cbc_pkcs7(key).map_err(failed)?;
        let mut sealed = text.to_vec();
        let DecryptionContext::Iv128(vector) = key.encrypt(&mut sealed).map_err(failed)? else {
            return Err("the cipher gave no initial vector".into());
        };
        let mut out = vector.as_ref().to_vec();
        out.append(&mut sealed);
        Ok(out)
    }

    fn decrypt(&self, key: &[u8; 32], text: &[u8]) -> Result<Vec<u8>, FuncError> {
        let key = UnboundCipherKey::new(&AES_256, key).map_err(failed)?;
        let key = PaddedBlockDecryptingKey::cbc_pkcs7(key).map_err(failed)?;
        let (vector, sealed) = text
            .split_at_checked(INITIAL_VECTOR_BYTES)
            .ok_or("the text is shorter than its initial vector")?;
        let vector: [u8; INITIAL_VECTOR_BYTES] = vector.try_into().map_err(failed)?;
        let mut sealed = sealed.to_vec();
        let context = DecryptionContext::Iv128(FixedLength::from(vector));
        Ok(key.decrypt(&mut sealed, context).map_err(failed)?.to_vec())
    }
}

fn failed(error: impl std::fmt::Display) -> FuncError {
    FuncError::Message(error.to_string())
}

/// Writes PEM as Go does: lines of 64 characters.
fn pem(label: &str, der: &[u8]) -> String {
    let body = BASE64.encode(der);
    let mut out = format!("-----BEGIN {label}-----\n");
    for line in body.as_bytes().chunks(64) {
        out.push_str(&String::from_utf8_lossy(line));
        out.push('\n');
    }
    out + &format!("-----END {label}-----\n")
}

/// Takes the RSA key out of its PKCS 8 wrapping: the last, largest octet string.
fn pkcs1(pkcs8: &[u8]) -> Result<&[u8], FuncError> {
    // SEQUENCE { INTEGER 0, SEQUENCE { OID rsaEncryption, NULL }, OCTET STRING }
    let unexpected = || FuncError::new("unexpected form of a private key");
    let (_, body) = der_value(pkcs8).ok_or_else(unexpected)?;
    let (version, _) = der_value(body).ok_or_else(unexpected)?;
    let rest = body.get(version..).ok_or_else(unexpected)?;
    let (algorithm, _) = der_value(rest).ok_or_else(unexpected)?;
    let (_, key) = rest.get(algorithm..).and_then(der_value).ok_or_else(unexpected)?;
    Ok(key)
}

/// Reads the subject of a certificate, which names it as an issuer.
fn subject(cert_pem: &str) -> Result<DistinguishedName, FuncError> {
    let body: String = cert_pem
        .lines()
        .skip_while(|line| !line.starts_with("-----BEGIN "))
        .skip(1)
        .take_while(|line| !line.starts_with("-----END "))
        .collect();
    let der = BASE64.decode(body.trim().as_bytes()).map_err(|_| "unable to decode certificate")?;
    read_subject(&der)
        .ok_or_else(|| "error parsing certificate: decodedCert.Bytes: x509: malformed certificate".into())
}

/// RFC 5280, section 4.1: the subject is the fifth field of the signed part after the optional version.
fn read_subject(der: &[u8]) -> Option<DistinguishedName> {
    let (_, certificate) = der_value(der)?;
    let (_, mut fields) = der_value(certificate)?;
    const VERSION_TAG: u8 = 0xa0;
    let skipped = if fields.first() == Some(&VERSION_TAG) { 5 } else { 4 };
    for _ in 0..skipped {
        fields = fields.get(der_value(fields)?.0..)?;
    }
    let (_, mut names) = der_value(fields)?;
    let mut out = DistinguishedName::new();
    while !names.is_empty() {
        let (length, set) = der_value(names)?;
        let (_, pair) = der_value(set)?;
        let (oid_length, oid) = der_value(pair)?;
        let (_, text) = der_value(pair.get(oid_length..)?)?;
        let kind = match oid {
            [0x55, 4, 3] => DnType::CommonName,
            [0x55, 4, 6] => DnType::CountryName,
            [0x55, 4, 7] => DnType::LocalityName,
            [0x55, 4, 8] => DnType::StateOrProvinceName,
            [0x55, 4, 10] => DnType::OrganizationName,
            [0x55, 4, 11] => DnType::OrganizationalUnitName,
            _ => return None,
        };
        out.push(kind, std::str::from_utf8(text).ok()?);
        names = names.get(length..)?;
    }
    Some(out)
}

/// Returns the whole length of the DER value at the front, and its content.
fn der_value(der: &[u8]) -> Option<(usize, &[u8])> {
    let first = usize::from(*der.get(1)?);
    let (header, length) = if first < 0x80 {
        (2, first)
    } else {
        let count = first & 0x7f;
        let length =
            der.get(2..2 + count)?.iter().fold(0_usize, |length, byte| length << 8 | usize::from(*byte));
        (2 + count, length)
    };
    Some((header + length, der.get(header..header + length)?))
}
