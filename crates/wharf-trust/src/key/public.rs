//! Public keys and the verification of signatures.

use std::fmt;

use aws_lc_rs::digest::Digest;
use aws_lc_rs::signature::UnparsedPublicKey;
use ed25519_dalek::{Signature, VerifyingKey};
use sha2::{Digest as _, Sha512};

use super::scheme::SignatureScheme;
use super::{blocks, oid, write_pem};
use crate::der::{self, Reader};
use crate::encoding::to_base64;
use crate::error::{Error, ErrorKind, Result};
use crate::hash::{HashAlgorithm, sha256};

/// The kinds of keys that sign software.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the names say it")]
pub enum KeyKind {
    EcdsaP256,
    EcdsaP384,
    EcdsaP521,
    Rsa,
    Ed25519,
}

/// A public key, checked to be of a supported kind.
#[derive(Clone, PartialEq, Eq)]
pub struct PublicKey {
    kind: KeyKind,
    /// `SubjectPublicKeyInfo`, RFC 5280 section 4.1.
    spki: Vec<u8>,
    /// Where the key itself lies in `spki`.
    key_at: usize,
}

impl PublicKey {
    /// Reads the first key of a PEM text: `PUBLIC KEY`, `RSA PUBLIC KEY`, or the key inside a `CERTIFICATE`.
    ///
    /// # Errors
    /// Not PEM, another label, or a kind of key that is not supported.
    pub fn from_pem(text: &[u8]) -> Result<Self> {
        let block = blocks(text)?.into_iter().next().expect("at least one block");
        match block.label.as_str() {
            "PUBLIC KEY" => Self::from_der(&block.bytes),
            "RSA PUBLIC KEY" => Self::from_pkcs1(&block.bytes),
            "CERTIFICATE" => Ok(crate::cert::Certificate::from_der(&block.bytes)?.public_key().clone()),
            other => Err(Error::unsupported(format!(
                "`{}` is not the PEM label of a public key",
                other.escape_default()
            ))),
        }
    }

    /// Reads a DER `SubjectPublicKeyInfo`.
    ///
    /// # Errors
    /// Not such a structure, or a kind of key that is not supported.
    pub fn from_der(spki: &[u8]) -> Result<Self> {
        let mut reader = der::only(spki, der::SEQUENCE).map_err(|error| error.within("public key"))?;
        let (algorithm, parameters) = reader.algorithm()?;
        let key = reader.bit_string()?;
        reader.finish()?;
        let curve = parameters.filter(|found| found.tag == der::OID).map(|found| found.contents);
        let (kind, length) = match (algorithm, curve) {
            (oid::EC, Some(oid::P256)) => (KeyKind::EcdsaP256, Some(65)),
            (oid::EC, Some(oid::P384)) => (KeyKind::EcdsaP384, Some(97)),
            (oid::EC, Some(oid::P521)) => (KeyKind::EcdsaP521, Some(133)),
            (oid::RSA, None) => (KeyKind::Rsa, None),
            (oid::ED25519, None) => (KeyKind::Ed25519, Some(32)),
            _ => {
                return Err(Error::unsupported(
                    "public key: neither ECDSA P-256, P-384 or P-521, nor RSA, nor Ed25519",
                ));
            }
        };
        if let Some(length) = length.filter(|length| *length != key.len()) {
            return Err(Error::malformed(format!(
                "public key: {kind:?} has {} bytes, not {length}",
                key.len()
            )));
        }
        if kind == KeyKind::Rsa {
            check_rsa(key)?;
        }
        Ok(Self { kind, spki: spki.to_vec(), key_at: spki.len() - key.len() })
    }

    /// Reads a DER `RSAPublicKey`, RFC 8017 section A.1.1.
    ///
    /// # Errors
    /// Not such a structure.
    pub fn from_pkcs1(key: &[u8]) -> Result<Self> {
        let algorithm =
            der::wrap(der::SEQUENCE, &[&der::write(der::OID, oid::RSA), &der::write(der::NULL, &[])]);
        Self::from_der(&der::wrap(der::SEQUENCE, &[&algorithm, &der::wrap(der::BIT_STRING, &[&[0], key])]))
    }

    /// Returns the key of that kind and these raw bytes: a curve point, an `RSAPublicKey`, or 32 bytes of Ed25519.
    pub(crate) fn from_raw(kind: KeyKind, key: &[u8]) -> Result<Self> {
        let (algorithm, curve) = match kind {
            KeyKind::EcdsaP256 => (oid::EC, Some(oid::P256)),
            KeyKind::EcdsaP384 => (oid::EC, Some(oid::P384)),
            KeyKind::EcdsaP521 => (oid::EC, Some(oid::P521)),
            KeyKind::Rsa => return Self::from_pkcs1(key),
            KeyKind::Ed25519 => (oid::ED25519, None),
        };
        let curve = curve.map(|curve| der::write(der::OID, curve)).unwrap_or_default();
        let algorithm = der::wrap(der::SEQUENCE, &[&der::write(der::OID, algorithm), &curve]);
        Self::from_der(&der::wrap(der::SEQUENCE, &[&algorithm, &der::wrap(der::BIT_STRING, &[&[0], key])]))
    }

    /// Returns the kind of key.
    #[must_use]
    pub fn kind(&self) -> KeyKind {
        self.kind
    }

    /// Returns the DER `SubjectPublicKeyInfo`.
    #[must_use]
    pub fn as_der(&self) -> &[u8] {
        &self.spki
    }

    pub(crate) fn raw(&self) -> &[u8] {
        &self.spki[self.key_at..]
    }

    /// Returns the PEM text, label `PUBLIC KEY`, ending with a line feed.
    #[must_use]
    pub fn to_pem(&self) -> String {
        write_pem("PUBLIC KEY", &self.spki).to_string()
    }

    /// Returns the SHA-256 digest of the DER: the id of a log, and what a bundle's hint is made from.
    #[must_use]
    pub fn fingerprint(&self) -> [u8; 32] {
        sha256(&self.spki)
    }

    /// Returns what a bundle names the key by: base64 of [`PublicKey::fingerprint`].
    #[must_use]
    pub fn hint(&self) -> String {
        to_base64(&self.fingerprint())
    }

    /// Returns how this key signs unless told otherwise: the digest that fits the curve, PKCS #1 v1.5 for RSA, and Ed25519 pure.
    #[must_use]
    pub fn default_scheme(&self) -> SignatureScheme {
        let hash = match self.kind {
            KeyKind::EcdsaP384 => HashAlgorithm::Sha384,
            KeyKind::EcdsaP521 => HashAlgorithm::Sha512,
            KeyKind::EcdsaP256 | KeyKind::Rsa | KeyKind::Ed25519 => HashAlgorithm::Sha256,
        };
        SignatureScheme::of(self.kind, hash)
    }

    /// Returns how this key signs what a transparency log of digests takes: as usual, and Ed25519 over the digest.
    #[must_use]
    pub fn logged_scheme(&self) -> SignatureScheme {
        match self.kind {
            KeyKind::Ed25519 => SignatureScheme::Ed25519ph,
            _ => self.default_scheme(),
        }
    }

    /// Returns what sigstore's protobuf names this key and the scheme by which it usually signs.
    pub(crate) fn details(&self) -> Result<&'static str> {
        Ok(match self.kind {
            KeyKind::EcdsaP256 => "PKIX_ECDSA_P256_SHA_256",
            KeyKind::EcdsaP384 => "PKIX_ECDSA_P384_SHA_384",
            KeyKind::EcdsaP521 => "PKIX_ECDSA_P521_SHA_512",
            KeyKind::Ed25519 => "PKIX_ED25519",
            KeyKind::Rsa => match self.rsa_bits().unwrap_or_default() {
                2048 => "PKIX_RSA_PKCS1V15_2048_SHA256",
                3072 => "PKIX_RSA_PKCS1V15_3072_SHA256",
                4096 => "PKIX_RSA_PKCS1V15_4096_SHA256",
                bits => {
                    return Err(Error::unsupported(format!(
                        "sigstore has no name for RSA keys of {bits} bits"
                    )));
                }
            },
        })
    }

    /// Returns the length of an RSA modulus in bits, counted in whole bytes; `None` for other kinds.
    pub(crate) fn rsa_bits(&self) -> Option<usize> {
        let mut reader = der::only(self.raw(), der::SEQUENCE).ok().filter(|_| self.kind == KeyKind::Rsa)?;
        let modulus = reader.contents(der::INTEGER).ok()?;
        Some(modulus.strip_prefix(&[0]).unwrap_or(modulus).len() * 8)
    }

    /// Returns every scheme in which a signature of this key is accepted, the usual one first.
    ///
    /// Older clients signed with SHA-256 whatever the curve, and with Ed25519 either over the bytes or over their digest.
    #[must_use]
    pub fn accepted_schemes(&self) -> &'static [SignatureScheme] {
        match self.kind {
            KeyKind::EcdsaP256 => &[SignatureScheme::EcdsaSha256],
            KeyKind::EcdsaP384 => &[SignatureScheme::EcdsaSha384, SignatureScheme::EcdsaSha256],
            KeyKind::EcdsaP521 => &[SignatureScheme::EcdsaSha512, SignatureScheme::EcdsaSha256],
            KeyKind::Rsa => &[SignatureScheme::RsaPkcs1Sha256],
            KeyKind::Ed25519 => &[SignatureScheme::Ed25519, SignatureScheme::Ed25519ph],
        }
    }

    /// Checks a signature over a message.
    ///
    /// # Errors
    /// The signature does not verify, or this kind of key has no such scheme.
    pub fn verify(&self, scheme: SignatureScheme, message: &[u8], signature: &[u8]) -> Result<()> {
        if scheme == SignatureScheme::Ed25519ph {
            return self.verify_prehashed(Sha512::new_with_prefix(message), signature);
        }
        let provider = scheme.provider(self.kind).ok_or_else(|| self.no_such(scheme))?;
        UnparsedPublicKey::new(provider, self.raw())
            .verify(message, signature)
            .map_err(|_| self.differs(scheme))
    }

    /// Checks a signature over a message of which the digest is known.
    ///
    /// # Errors
    /// The signature does not verify, the digest has the wrong length, or the scheme signs no digest.
    pub fn verify_digest(&self, scheme: SignatureScheme, digest: &[u8], signature: &[u8]) -> Result<()> {
        let Some(hash) = scheme.hash() else {
            return Err(Error::new(
                ErrorKind::Misuse,
                "an Ed25519 signature needs the bytes, a digest is not enough",
            ));
        };
        if scheme == SignatureScheme::Ed25519ph {
            let known: [u8; 64] = digest.try_into().map_err(|_| self.wrong_length(hash, digest))?;
            return self.verify_prehashed(Known(known), signature);
        }
        let provider = scheme.provider(self.kind).ok_or_else(|| self.no_such(scheme))?;
        let digest =
            Digest::import_less_safe(digest, hash.provider()).map_err(|_| self.wrong_length(hash, digest))?;
        UnparsedPublicKey::new(provider, self.raw())
            .verify_digest(&digest, signature)
            .map_err(|_| self.differs(scheme))
    }

    fn verify_prehashed<D>(&self, message: D, signature: &[u8]) -> Result<()>
    where
        D: ed25519_dalek::Digest<OutputSize = sha2::digest::consts::U64> + sha2::digest::Update,
    {
        let scheme = SignatureScheme::Ed25519ph;
        let key = self.raw().try_into().ok().filter(|_| self.kind == KeyKind::Ed25519);
        let key = VerifyingKey::from_bytes(key.ok_or_else(|| self.no_such(scheme))?)
            .map_err(|error| Error::malformed("public key: not a point of Ed25519").because(error))?;
        let signature = Signature::from_slice(signature).map_err(|_| self.differs(scheme))?;
        key.verify_prehashed_strict(message, None, &signature).map_err(|_| self.differs(scheme))
    }

    fn no_such(&self, scheme: SignatureScheme) -> Error {
        Error::unsupported(format!("a key of kind {:?} does not sign by {scheme:?}", self.kind))
    }

    fn wrong_length(&self, hash: HashAlgorithm, digest: &[u8]) -> Error {
        Error::malformed(format!("{} bytes are no digest by {}", digest.len(), hash.name()))
    }

    fn differs(&self, scheme: SignatureScheme) -> Error {
        Error::new(ErrorKind::Signature, format!("the signature is not by key {} ({scheme:?})", self.hint()))
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({:?} {})", self.kind, self.hint())
    }
}

/// A digest that is already there, in the clothes of a hasher.
#[derive(Clone)]
struct Known([u8; 64]);

impl Default for Known {
    fn default() -> Self {
        Self([0; 64])
    }
}

impl sha2::digest::HashMarker for Known {}

impl sha2::digest::OutputSizeUser for Known {
    type OutputSize = sha2::digest::consts::U64;
}

impl sha2::digest::Update for Known {
    fn update(&mut self, _data: &[u8]) {}
}

impl sha2::digest::FixedOutput for Known {
    fn finalize_into(self, out: &mut sha2::digest::Output<Self>) {
        out.copy_from_slice(&self.0);
    }
}

/// A modulus of 2048 to 8192 bits and an odd exponent above 65536: what certificate authorities demand, too.
fn check_rsa(key: &[u8]) -> Result<()> {
    let mut reader: Reader<'_> = der::only(key, der::SEQUENCE)?;
    let modulus = reader.contents(der::INTEGER)?;
    let exponent = reader.contents(der::INTEGER)?;
    reader.finish()?;
    let digits = modulus.strip_prefix(&[0]).unwrap_or(modulus);
    let bits = digits.len() * 8 - digits.first().map_or(0, |first| first.leading_zeros() as usize);
    if !(2048..=8192).contains(&bits) {
        return Err(Error::unsupported(format!("public key: RSA with {bits} bits, not 2048 to 8192")));
    }
    if exponent.len() < 3 || exponent.len() > 8 || exponent.last().is_none_or(|last| last % 2 == 0) {
        return Err(Error::unsupported("public key: RSA with an exponent below 65537, or even"));
    }
    Ok(())
}
