//! How a signature is made, which the key decides (signature-specification.md, "Algorithm Selection").

use std::fmt;

use aws_lc_rs::signature::{self, UnparsedPublicKey, VerificationAlgorithm};

use crate::error::{Error, ErrorKind, Result};
use crate::key::{KeyKind, PublicKey};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Algorithm {
    Ps256,
    Ps384,
    Ps512,
    Es256,
    Es384,
    Es512,
}

impl Algorithm {
    /// Every algorithm with its name in JWS (RFC 7518 section 3.1) and its number in COSE (RFC 9053 section 2.1, RFC 8230
    /// section 2).
    const ALL: [(Self, &'static str, i64); 6] = [
        (Self::Ps256, "PS256", -37),
        (Self::Ps384, "PS384", -38),
        (Self::Ps512, "PS512", -39),
        (Self::Es256, "ES256", -7),
        (Self::Es384, "ES384", -35),
        (Self::Es512, "ES512", -36),
    ];

    pub(super) fn named(name: &str) -> Result<Self> {
        let found = Self::ALL.iter().find(|(_, each, _)| *each == name);
        found
            .map(|(found, ..)| *found)
            .ok_or_else(|| Error::unsupported(format!("algorithm `{}` is not one", name.escape_default())))
    }

    pub(super) fn numbered(number: i64) -> Result<Self> {
        let found = Self::ALL.iter().find(|(.., each)| *each == number);
        found
            .map(|(found, ..)| *found)
            .ok_or_else(|| Error::unsupported(format!("algorithm {number} is not one")))
    }

    /// Returns the one by which that key signs.
    pub(super) fn of(key: &PublicKey) -> Result<Self> {
        Ok(match (key.kind(), key.rsa_bits()) {
            (KeyKind::EcdsaP256, _) => Self::Es256,
            (KeyKind::EcdsaP384, _) => Self::Es384,
            (KeyKind::EcdsaP521, _) => Self::Es512,
            (KeyKind::Rsa, Some(2048)) => Self::Ps256,
            (KeyKind::Rsa, Some(3072)) => Self::Ps384,
            (KeyKind::Rsa, Some(4096)) => Self::Ps512,
            (KeyKind::Rsa, bits) => {
                let bits = bits.unwrap_or_default();
                return Err(Error::unsupported(format!(
                    "the signing key is RSA with {bits} bits, not 2048, 3072 or 4096"
                )));
            }
            (KeyKind::Ed25519, _) => {
                return Err(Error::unsupported("the signing key is Ed25519, neither RSA nor ECDSA"));
            }
        })
    }

    /// Checks a signature, which of ECDSA is both numbers one after the other (RFC 7518 section 3.4, RFC 9053 section 2.1).
    pub(super) fn verify(self, key: &PublicKey, message: &[u8], signature: &[u8]) -> Result<()> {
        let provider: &dyn VerificationAlgorithm = match self {
            Self::Ps256 => &signature::RSA_PSS_2048_8192_SHA256,
            Self::Ps384 => &signature::RSA_PSS_2048_8192_SHA384,
            Self::Ps512 => &signature::RSA_PSS_2048_8192_SHA512,
            Self::Es256 => &signature::ECDSA_P256_SHA256_FIXED,
            Self::Es384 => &signature::ECDSA_P384_SHA384_FIXED,
            Self::Es512 => &signature::ECDSA_P521_SHA512_FIXED,
        };
        UnparsedPublicKey::new(provider, key.raw()).verify(message, signature).map_err(|_| {
            let text = format!("the {self} signature is not by the key of its certificate");
            Error::new(ErrorKind::Signature, text)
        })
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(Self::ALL.iter().find(|(each, ..)| each == self).map_or("", |(_, name, _)| name))
    }
}
