//! Envelopes: DSSE 1.0, a payload with its type and signatures over both.

use serde::{Deserialize, Serialize};

use crate::encoding::Base64;
use crate::error::{Error, ErrorKind, Result};
use crate::key::{PublicKey, SignatureScheme, SigningKey};

/// Payload type of an in-toto statement.
pub const IN_TOTO_PAYLOAD: &str = "application/vnd.in-toto+json";

/// A payload, its type, and the signatures over both.
///
/// The JSON form is DSSE's own and the one inside a sigstore bundle, which are the same.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Envelope {
    /// The signed bytes.
    pub payload: Base64,
    /// What the bytes are, signed with them.
    #[serde(alias = "payload_type")]
    pub payload_type: String,
    /// The signatures; a sigstore bundle holds exactly one.
    pub signatures: Vec<EnvelopeSignature>,
}

/// One signature of an envelope.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EnvelopeSignature {
    /// The signature bytes.
    pub sig: Base64,
    /// An unsigned hint at the key; never relied on.
    #[serde(default, skip_serializing_if = "String::is_empty", deserialize_with = "text_or_null")]
    pub keyid: String,
}

fn text_or_null<'de, D: serde::Deserializer<'de>>(deserializer: D) -> std::result::Result<String, D::Error> {
    Option::<String>::deserialize(deserializer).map(Option::unwrap_or_default)
}

impl Envelope {
    /// Signs a payload.
    ///
    /// # Errors
    /// The key cannot sign.
    pub fn sign(payload_type: &str, payload: &[u8], key: &dyn SigningKey) -> Result<Self> {
        Self::sign_by(payload_type, payload, key, key.public().default_scheme())
    }

    /// Signs a payload by that scheme.
    ///
    /// # Errors
    /// The key cannot sign so.
    pub fn sign_by(
        payload_type: &str,
        payload: &[u8],
        key: &dyn SigningKey,
        scheme: SignatureScheme,
    ) -> Result<Self> {
        let sig = key.sign(scheme, &pre_authentication(payload_type, payload))?;
        Ok(Self {
            payload: payload.into(),
            payload_type: payload_type.to_owned(),
            signatures: vec![EnvelopeSignature { sig: sig.into(), keyid: String::new() }],
        })
    }

    /// Reads the JSON form.
    ///
    /// # Errors
    /// Not such a document.
    pub fn from_json(text: &[u8]) -> Result<Self> {
        crate::json::read("envelope", text)
    }

    /// Returns the bytes that are signed: DSSE's pre-authentication encoding of the type and the payload.
    #[must_use]
    pub fn signed_bytes(&self) -> Vec<u8> {
        pre_authentication(&self.payload_type, &self.payload)
    }

    /// Checks that the one signature is by that key and returns how it was made.
    ///
    /// # Errors
    /// There is not exactly one signature, or it is not by that key.
    pub fn verify(&self, key: &PublicKey) -> Result<SignatureScheme> {
        let signature = self.only_signature()?;
        let message = self.signed_bytes();
        let schemes = key.accepted_schemes();
        let good = schemes.iter().find(|scheme| key.verify(**scheme, &message, signature).is_ok());
        good.copied().ok_or_else(|| {
            Error::new(ErrorKind::Signature, format!("the envelope is not signed by key {}", key.hint()))
        })
    }

    pub(crate) fn only_signature(&self) -> Result<&[u8]> {
        match self.signatures.as_slice() {
            [one] => Ok(&one.sig),
            all => {
                Err(Error::malformed(format!("the envelope has {} signatures, not exactly one", all.len())))
            }
        }
    }
}

/// DSSE's pre-authentication encoding (protocol.md, section "Signature Definition").
pub(crate) fn pre_authentication(payload_type: &str, payload: &[u8]) -> Vec<u8> {
    let head = format!("DSSEv1 {} {payload_type} {} ", payload_type.len(), payload.len());
    [head.as_bytes(), payload].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_encoding_is_that_of_the_specification() {
        let encoded = pre_authentication("http://example.com/HelloWorld", b"hello world");
        assert_eq!(encoded, b"DSSEv1 29 http://example.com/HelloWorld 11 hello world");
    }
}
