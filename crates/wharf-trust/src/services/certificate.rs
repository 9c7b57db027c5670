//! Asking for a signing certificate (Fulcio's API, version 2, `signingCert`).

use serde::{Deserialize, Serialize};

use super::token::IdentityToken;
use crate::cert::Certificate;
use crate::encoding::Base64;
use crate::error::{Error, ErrorKind, Result};
use crate::key::{KeyKind, PublicKey};

/// How many certificates an answer may hold.
const MAX_CHAIN: usize = 16;

/// A request for a certificate: the key, and a signature that its holder wants it for the token's subject.
#[derive(Debug)]
pub struct CertificateRequest<'a> {
    key: &'a PublicKey,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Body {
    public_key_request: KeyRequest,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct KeyRequest {
    public_key: KeyBody,
    proof_of_possession: Base64,
}

#[derive(Serialize)]
struct KeyBody {
    algorithm: &'static str,
    content: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Answer {
    signed_certificate_embedded_sct: Option<Signed>,
    signed_certificate_detached_sct: Option<Signed>,
}

#[derive(Deserialize)]
struct Signed {
    chain: Chain,
}

#[derive(Deserialize)]
struct Chain {
    certificates: Vec<String>,
}

impl<'a> CertificateRequest<'a> {
    /// Returns the request for that key.
    #[must_use]
    pub fn new(key: &'a PublicKey) -> Self {
        Self { key }
    }

    /// Returns what the key must sign, by its default scheme, to prove that its holder asks.
    #[must_use]
    pub fn to_sign<'t>(&self, token: &'t IdentityToken) -> &'t [u8] {
        token.subject().as_bytes()
    }

    /// Returns the JSON that is sent.
    #[must_use]
    pub fn body(&self, proof_of_possession: Vec<u8>) -> Vec<u8> {
        let algorithm = match self.key.kind() {
            KeyKind::EcdsaP256 | KeyKind::EcdsaP384 | KeyKind::EcdsaP521 => "ECDSA",
            KeyKind::Rsa => "RSA",
            KeyKind::Ed25519 => "ED25519",
        };
        let body = Body {
            public_key_request: KeyRequest {
                public_key: KeyBody { algorithm, content: self.key.to_pem() },
                proof_of_possession: proof_of_possession.into(),
            },
        };
        serde_json::to_vec(&body).expect("plain data always has a JSON form")
    }

    /// Reads the answer: the certificate, and the authority's own behind it.
    ///
    /// # Errors
    /// Not such an answer, or the certificate is for another key.
    pub fn read(&self, answer: &[u8]) -> Result<Vec<Certificate>> {
        let answer: Answer = crate::json::read("answer of the certificate authority", answer)?;
        let signed = answer.signed_certificate_embedded_sct.or(answer.signed_certificate_detached_sct);
        let bad = |what: &str| Error::malformed(format!("answer of the certificate authority: {what}"));
        let pems = signed.map(|signed| signed.chain.certificates).unwrap_or_default();
        if pems.len() > MAX_CHAIN {
            return Err(bad(&format!("{} certificates, at most {MAX_CHAIN} are read", pems.len())));
        }
        let mut chain = Vec::new();
        for pem in &pems {
            chain.extend(Certificate::all_from_pem(pem.as_bytes())?);
        }
        let leaf = chain.first().ok_or_else(|| bad("no certificate"))?;
        if leaf.public_key() != self.key {
            return Err(Error::new(
                ErrorKind::Certificate,
                format!(
                    "the certificate authority certified key {}, not {}",
                    leaf.public_key().hint(),
                    self.key.hint()
                ),
            ));
        }
        Ok(chain)
    }
}
