//! How a key signs.

use aws_lc_rs::signature::{self, VerificationAlgorithm};

use super::public::KeyKind;
use crate::hash::HashAlgorithm;

/// A way to sign: the kind of key, the padding where there is one, and the digest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the names say it")]
pub enum SignatureScheme {
    EcdsaSha256,
    EcdsaSha384,
    EcdsaSha512,
    RsaPkcs1Sha256,
    RsaPkcs1Sha384,
    RsaPkcs1Sha512,
    RsaPssSha256,
    RsaPssSha384,
    RsaPssSha512,
    /// Over the bytes themselves, RFC 8032 section 5.1.
    Ed25519,
    /// Over their SHA-512 digest, RFC 8032 section 5.1 with prehash: what a log of digests can check.
    Ed25519ph,
}

impl SignatureScheme {
    /// Returns the digest that is signed, or none where the bytes themselves are.
    #[must_use]
    pub fn hash(self) -> Option<HashAlgorithm> {
        match self {
            Self::EcdsaSha256 | Self::RsaPkcs1Sha256 | Self::RsaPssSha256 => Some(HashAlgorithm::Sha256),
            Self::EcdsaSha384 | Self::RsaPkcs1Sha384 | Self::RsaPssSha384 => Some(HashAlgorithm::Sha384),
            Self::EcdsaSha512 | Self::RsaPkcs1Sha512 | Self::RsaPssSha512 | Self::Ed25519ph => {
                Some(HashAlgorithm::Sha512)
            }
            Self::Ed25519 => None,
        }
    }

    /// Returns how a key of that kind signs with that digest.
    pub(crate) fn of(kind: KeyKind, hash: HashAlgorithm) -> Self {
        match (kind, hash) {
            (KeyKind::EcdsaP256 | KeyKind::EcdsaP384 | KeyKind::EcdsaP521, HashAlgorithm::Sha256) => {
                Self::EcdsaSha256
            }
            (KeyKind::EcdsaP256 | KeyKind::EcdsaP384 | KeyKind::EcdsaP521, HashAlgorithm::Sha384) => {
                Self::EcdsaSha384
            }
            (KeyKind::EcdsaP256 | KeyKind::EcdsaP384 | KeyKind::EcdsaP521, HashAlgorithm::Sha512) => {
                Self::EcdsaSha512
            }
            (KeyKind::Rsa, HashAlgorithm::Sha256) => Self::RsaPkcs1Sha256,
            (KeyKind::Rsa, HashAlgorithm::Sha384) => Self::RsaPkcs1Sha384,
            (KeyKind::Rsa, HashAlgorithm::Sha512) => Self::RsaPkcs1Sha512,
            (KeyKind::Ed25519, _) => Self::Ed25519,
        }
    }

    /// Returns the provider's algorithm, when a key of that kind can sign so.
    pub(crate) fn provider(self, kind: KeyKind) -> Option<&'static dyn VerificationAlgorithm> {
        Some(match (kind, self) {
            (KeyKind::EcdsaP256, Self::EcdsaSha256) => &signature::ECDSA_P256_SHA256_ASN1,
            (KeyKind::EcdsaP256, Self::EcdsaSha384) => &signature::ECDSA_P256_SHA384_ASN1,
            (KeyKind::EcdsaP256, Self::EcdsaSha512) => &signature::ECDSA_P256_SHA512_ASN1,
            (KeyKind::EcdsaP384, Self::EcdsaSha256) => &signature::ECDSA_P384_SHA256_ASN1,
            (KeyKind::EcdsaP384, Self::EcdsaSha384) => &signature::ECDSA_P384_SHA384_ASN1,
            (KeyKind::EcdsaP384, Self::EcdsaSha512) => &signature::ECDSA_P384_SHA512_ASN1,
            (KeyKind::EcdsaP521, Self::EcdsaSha256) => &signature::ECDSA_P521_SHA256_ASN1,
            (KeyKind::EcdsaP521, Self::EcdsaSha384) => &signature::ECDSA_P521_SHA384_ASN1,
            (KeyKind::EcdsaP521, Self::EcdsaSha512) => &signature::ECDSA_P521_SHA512_ASN1,
            (KeyKind::Rsa, Self::RsaPkcs1Sha256) => &signature::RSA_PKCS1_2048_8192_SHA256,
            (KeyKind::Rsa, Self::RsaPkcs1Sha384) => &signature::RSA_PKCS1_2048_8192_SHA384,
            (KeyKind::Rsa, Self::RsaPkcs1Sha512) => &signature::RSA_PKCS1_2048_8192_SHA512,
            (KeyKind::Rsa, Self::RsaPssSha256) => &signature::RSA_PSS_2048_8192_SHA256,
            (KeyKind::Rsa, Self::RsaPssSha384) => &signature::RSA_PSS_2048_8192_SHA384,
            (KeyKind::Rsa, Self::RsaPssSha512) => &signature::RSA_PSS_2048_8192_SHA512,
            (KeyKind::Ed25519, Self::Ed25519) => &signature::ED25519,
            _ => return None,
        })
    }
}
