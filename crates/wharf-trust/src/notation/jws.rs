//! The envelope in JSON: a JWS in the flattened form (signature-envelope-jws.md; RFC 7515 section 7.2.2).

use data_encoding::BASE64URL_NOPAD;
use jiff::Timestamp;
use serde::Deserialize;

use super::algorithm::Algorithm;
use super::attributes::Stated;
use super::signature::Parts;
use crate::encoding::Base64;
use crate::error::{Error, Result};
use crate::json;

pub(super) const MEDIA_TYPE: &str = "application/jose+json";

#[derive(Deserialize)]
struct Document {
    payload: String,
    protected: String,
    header: Header,
    signature: String,
}

/// What is not signed.
#[derive(Deserialize)]
struct Header {
    x5c: Vec<Base64>,
    #[serde(rename = "io.cncf.notary.timestampSignature", default)]
    timestamp: Option<Base64>,
}

/// What is signed; attributes that are neither known nor critical say nothing that counts here.
#[derive(Deserialize)]
struct Protected {
    alg: String,
    cty: Option<String>,
    #[serde(default)]
    crit: Vec<String>,
    #[serde(rename = "io.cncf.notary.signingScheme")]
    scheme: Option<String>,
    #[serde(rename = "io.cncf.notary.signingTime")]
    signing_time: Option<Timestamp>,
    #[serde(rename = "io.cncf.notary.expiry")]
    expiry: Option<Timestamp>,
}

pub(super) fn read(bytes: &[u8]) -> Result<Parts> {
    let document: Document = json::read("JWS", bytes)?;
    let protected: Protected =
        json::read("protected header", &decoded("protected header", &document.protected)?)?;
    Ok(Parts {
        algorithm: Algorithm::named(&protected.alg)?,
        stated: Stated {
            content_type: protected.cty,
            scheme: protected.scheme,
            signing_time: protected.signing_time,
            expiry: protected.expiry,
            critical: protected.crit,
        },
        payload: decoded("payload", &document.payload)?,
        signature: decoded("signature", &document.signature)?,
        // RFC 7515 section 5.1: the signature is over the encoded parts.
        signed: [document.protected.as_bytes(), b".", document.payload.as_bytes()].concat(),
        chain: document.header.x5c.into_iter().map(|der| der.0).collect(),
        timestamp: document.header.timestamp.map(|token| token.0),
    })
}

fn decoded(what: &str, text: &str) -> Result<Vec<u8>> {
    BASE64URL_NOPAD.decode(text.as_bytes()).map_err(|error| {
        Error::malformed(format!("JWS: the {what} is not base64 for URLs without padding")).because(error)
    })
}
