//! Private keys.

use std::fmt;

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    self, EcdsaKeyPair, EcdsaSigningAlgorithm, Ed25519KeyPair, KeyPair as _, RsaEncoding, RsaKeyPair,
};
use ed25519_dalek::SigningKey;
use sha2::{Digest as _, Sha512};
use zeroize::Zeroizing;

use super::encrypted::{self, Password, Salt};
use super::public::{KeyKind, PublicKey};
use super::scheme::SignatureScheme;
use super::{blocks, oid, write_pem};
use crate::der;
use crate::error::{Error, ErrorKind, Result};

/// The keys that can be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the names say it")]
pub enum KeyAlgorithm {
    EcdsaP256,
    EcdsaP384,
    EcdsaP521,
    Rsa2048,
    Rsa3072,
    Rsa4096,
    Ed25519,
}

/// A private key that signs. It is wiped when dropped, and does not print.
pub struct PrivateKey {
    /// `PrivateKeyInfo`, RFC 5208 section 5.
    pkcs8: Zeroizing<Vec<u8>>,
    signer: Signer,
    public: PublicKey,
}

enum Signer {
    Ecdsa(EcdsaKeyPair),
    Rsa(RsaKeyPair),
    Ed25519 { pure: Ed25519KeyPair, prehashed: Box<SigningKey> },
}

impl PrivateKey {
    /// Makes a new key with the provider's randomness.
    ///
    /// # Errors
    /// The provider fails.
    pub fn generate(algorithm: KeyAlgorithm) -> Result<Self> {
        let failed = |_| Error::new(ErrorKind::Misuse, format!("no key of kind {algorithm:?} could be made"));
        let ecdsa = |curve| {
            EcdsaKeyPair::generate(curve).and_then(|pair| pair.to_pkcs8v1()).map(|der| der.as_ref().to_vec())
        };
        let rsa = |size| {
            let pair = RsaKeyPair::generate(size)?;
            AsDer::<Pkcs8V1Der<'_>>::as_der(&pair).map(|der| der.as_ref().to_vec())
        };
        let pkcs8 = match algorithm {
            KeyAlgorithm::EcdsaP256 => ecdsa(&signature::ECDSA_P256_SHA256_ASN1_SIGNING),
            KeyAlgorithm::EcdsaP384 => ecdsa(&signature::ECDSA_P384_SHA384_ASN1_SIGNING),
            KeyAlgorithm::EcdsaP521 => ecdsa(&signature::ECDSA_P521_SHA512_ASN1_SIGNING),
            KeyAlgorithm::Rsa2048 => rsa(KeySize::Rsa2048),
            KeyAlgorithm::Rsa3072 => rsa(KeySize::Rsa3072),
            KeyAlgorithm::Rsa4096 => rsa(KeySize::Rsa4096),
            KeyAlgorithm::Ed25519 => {
                Ed25519KeyPair::generate().and_then(|pair| pair.to_pkcs8v1()).map(|der| der.as_ref().to_vec())
            }
        };
        Self::from_pkcs8(&Zeroizing::new(pkcs8.map_err(failed)?))
    }

    /// Reads a plain PEM key: `PRIVATE KEY` (PKCS #8), `RSA PRIVATE KEY` (PKCS #1) or `EC PRIVATE KEY` (SEC 1).
    ///
    /// # Errors
    /// Not PEM, another label, or a kind of key that is not supported.
    pub fn from_pem(text: &[u8]) -> Result<Self> {
        let found = blocks(text)?;
        let known = |label: &str| matches!(label, "PRIVATE KEY" | "RSA PRIVATE KEY" | "EC PRIVATE KEY");
        // OpenSSL writes `EC PARAMETERS` in front of the key.
        let Some(block) = found.iter().find(|block| known(&block.label)) else {
            let label =
                found.first().map(|block| block.label.escape_default().to_string()).unwrap_or_default();
            return Err(Error::unsupported(format!("`{label}` is not the PEM label of a plain private key")));
        };
        match block.label.as_str() {
            "RSA PRIVATE KEY" => {
                Self::from_pkcs8(&pkcs8(oid::RSA, &der::write(der::NULL, &[]), &block.bytes))
            }
            "EC PRIVATE KEY" => {
                let mut reader = der::only(&block.bytes, der::SEQUENCE)?;
                reader.contents(der::INTEGER)?;
                reader.contents(der::OCTET_STRING)?;
                let curve = reader.optional(der::context(0))?;
                let curve =
                    curve.ok_or_else(|| Error::malformed("private key: SEC 1 that names no curve"))?;
                Self::from_pkcs8(&pkcs8(oid::EC, curve, &block.bytes))
            }
            _ => Self::from_pkcs8(&block.bytes),
        }
    }

    /// Reads a key file that cosign or Wharf encrypted.
    ///
    /// # Errors
    /// The password is wrong, the file is not such a key, or it asks for more memory than a key should.
    pub fn from_encrypted_pem(text: &[u8], password: &Password) -> Result<Self> {
        Self::from_pkcs8(&encrypted::open(text, password)?)
    }

    /// Whether the text is an encrypted key of cosign or Wharf.
    #[must_use]
    pub fn is_encrypted_pem(text: &[u8]) -> bool {
        blocks(text).is_ok_and(|found| encrypted::is_label(&found[0].label))
    }

    /// Reads a DER `PrivateKeyInfo`.
    ///
    /// # Errors
    /// Not such a structure, or a kind of key that is not supported.
    pub fn from_pkcs8(pkcs8: &[u8]) -> Result<Self> {
        let mut reader = der::only(pkcs8, der::SEQUENCE).map_err(|error| error.within("private key"))?;
        reader.contents(der::INTEGER)?;
        let (algorithm, parameters) = reader.algorithm()?;
        let curve = parameters.filter(|found| found.tag == der::OID).map(|found| found.contents);
        let rejected = |error: aws_lc_rs::error::KeyRejected| {
            Error::malformed("private key is not consistent").because(error)
        };
        let ecdsa = |kind, curve: &'static EcdsaSigningAlgorithm| {
            let pair = EcdsaKeyPair::from_pkcs8(curve, pkcs8).map_err(rejected)?;
            let public = PublicKey::from_raw(kind, pair.public_key().as_ref())?;
            Ok::<_, Error>((Signer::Ecdsa(pair), public))
        };
        let (signer, public) = match (algorithm, curve) {
            (oid::EC, Some(oid::P256)) => {
                ecdsa(KeyKind::EcdsaP256, &signature::ECDSA_P256_SHA256_ASN1_SIGNING)?
            }
            (oid::EC, Some(oid::P384)) => {
                ecdsa(KeyKind::EcdsaP384, &signature::ECDSA_P384_SHA384_ASN1_SIGNING)?
            }
            (oid::EC, Some(oid::P521)) => {
                ecdsa(KeyKind::EcdsaP521, &signature::ECDSA_P521_SHA512_ASN1_SIGNING)?
            }
            (oid::RSA, _) => {
                let pair = RsaKeyPair::from_pkcs8(pkcs8).map_err(rejected)?;
                let public = PublicKey::from_raw(KeyKind::Rsa, pair.public_key().as_ref())?;
                (Signer::Rsa(pair), public)
            }
            (oid::ED25519, _) => {
                let pure = Ed25519KeyPair::from_pkcs8(pkcs8).map_err(rejected)?;
                let public = PublicKey::from_raw(KeyKind::Ed25519, pure.public_key().as_ref())?;
                let seed = ed25519_seed(reader)?;
                (Signer::Ed25519 { pure, prehashed: Box::new(SigningKey::from_bytes(&seed)) }, public)
            }
            _ => {
                return Err(Error::unsupported(
                    "private key: neither ECDSA P-256, P-384 or P-521, nor RSA, nor Ed25519",
                ));
            }
        };
        Ok(Self { pkcs8: Zeroizing::new(pkcs8.to_vec()), signer, public })
    }

    /// Returns the DER `PrivateKeyInfo`.
    #[must_use]
    pub fn to_pkcs8(&self) -> &Zeroizing<Vec<u8>> {
        &self.pkcs8
    }

    /// Returns the plain PEM text, label `PRIVATE KEY`.
    #[must_use]
    pub fn to_pem(&self) -> Zeroizing<String> {
        write_pem("PRIVATE KEY", &self.pkcs8)
    }

    /// Returns the PEM text encrypted with a password, as cosign writes and reads it.
    #[must_use]
    pub fn to_encrypted_pem(&self, password: &Password, salt: &Salt) -> String {
        encrypted::seal(&self.pkcs8, password, salt)
    }

    /// Returns the public half.
    #[must_use]
    pub fn public(&self) -> &PublicKey {
        &self.public
    }

    /// Signs a message. ECDSA signatures are DER `ECDSA-Sig-Value`, RFC 3279 section 2.2.3.
    ///
    /// # Errors
    /// This key does not sign by that scheme.
    pub fn sign(&self, scheme: SignatureScheme, message: &[u8]) -> Result<Vec<u8>> {
        let no_such =
            || Error::new(ErrorKind::Misuse, format!("{:?} does not sign by {scheme:?}", self.public));
        match &self.signer {
            Signer::Ecdsa(pair) if scheme == self.public.default_scheme() => pair
                .sign(&SystemRandom::new(), message)
                .map(|signed| signed.as_ref().to_vec())
                .map_err(|_| no_such()),
            Signer::Rsa(pair) => {
                let encoding: &'static dyn RsaEncoding = match scheme {
                    SignatureScheme::RsaPkcs1Sha256 => &signature::RSA_PKCS1_SHA256,
                    SignatureScheme::RsaPkcs1Sha384 => &signature::RSA_PKCS1_SHA384,
                    SignatureScheme::RsaPkcs1Sha512 => &signature::RSA_PKCS1_SHA512,
                    SignatureScheme::RsaPssSha256 => &signature::RSA_PSS_SHA256,
                    SignatureScheme::RsaPssSha384 => &signature::RSA_PSS_SHA384,
                    SignatureScheme::RsaPssSha512 => &signature::RSA_PSS_SHA512,
                    _ => return Err(no_such()),
                };
                let mut signed = vec![0; pair.public_modulus_len()];
                pair.sign(encoding, &SystemRandom::new(), message, &mut signed).map_err(|_| no_such())?;
                Ok(signed)
            }
            Signer::Ed25519 { pure, .. } if scheme == SignatureScheme::Ed25519 => {
                Ok(pure.sign(message).as_ref().to_vec())
            }
            Signer::Ed25519 { prehashed, .. } if scheme == SignatureScheme::Ed25519ph => prehashed
                .sign_prehashed(Sha512::new_with_prefix(message), None)
                .map(|signed| signed.to_bytes().to_vec())
                .map_err(|_| no_such()),
            _ => Err(no_such()),
        }
    }
}

impl fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PrivateKey({:?} of {:?})", self.public.kind(), self.public.hint())
    }
}

/// Wraps a key of an older form in a `PrivateKeyInfo`.
fn pkcs8(algorithm: &[u8], parameters: &[u8], key: &[u8]) -> Zeroizing<Vec<u8>> {
    let algorithm = der::wrap(der::SEQUENCE, &[&der::write(der::OID, algorithm), parameters]);
    let key = Zeroizing::new(der::write(der::OCTET_STRING, key));
    Zeroizing::new(der::wrap(der::SEQUENCE, &[&der::write(der::INTEGER, &[0]), &algorithm, &key]))
}

/// Reads the rest of a `PrivateKeyInfo` of Ed25519, RFC 8410 section 7: an octet string inside the octet string.
fn ed25519_seed(mut reader: der::Reader<'_>) -> Result<Zeroizing<[u8; 32]>> {
    let seed = reader.nested(der::OCTET_STRING)?.contents(der::OCTET_STRING)?;
    let seed: [u8; 32] = seed
        .try_into()
        .map_err(|_| Error::malformed(format!("private key: Ed25519 of {} bytes, not 32", seed.len())))?;
    Ok(Zeroizing::new(seed))
}
