//! Asking a transparency log to take an entry (Rekor 1, `POST /api/v1/log/entries`; Rekor 2, `POST /api/v2/log/entries`).
//!
//! Rekor 1 takes `hashedrekord` for a signature over an artifact and `dsse` for an envelope. Rekor 2 takes `hashedrekord`
//! for both; the digest of an envelope is then that of its pre-authentication encoding.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::json;

use crate::bundle::{Bundle, Content};
use crate::cert::Certificate;
use crate::encoding::{Base64, from_hex, to_base64, to_hex};
use crate::error::{Error, Result};
use crate::hash::HashAlgorithm;
use crate::key::{KeyKind, PublicKey};
use crate::rekor::{Checkpoint, InclusionPromise, InclusionProof, KindVersion, LogEntry, LogId};

/// Which interface a log has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogApi {
    /// Rekor 1.
    V1,
    /// Rekor 2, the one built on tiles.
    V2,
}

/// An entry as Rekor 1 tells it, under its id.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Entry1 {
    body: Base64,
    #[serde(default)]
    integrated_time: i64,
    #[serde(rename = "logID")]
    log_id: String,
    log_index: i64,
    verification: Verification1,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Verification1 {
    inclusion_proof: Option<Proof1>,
    signed_entry_timestamp: Option<Base64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Proof1 {
    log_index: i64,
    tree_size: i64,
    root_hash: String,
    hashes: Vec<String>,
    checkpoint: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Head {
    api_version: String,
    kind: String,
}

impl LogApi {
    /// Returns the interface of that major version, as a signing config numbers it.
    ///
    /// # Errors
    /// The version is not known.
    pub fn of_version(version: u32) -> Result<Self> {
        match version {
            1 => Ok(Self::V1),
            2 => Ok(Self::V2),
            other => Err(Error::unsupported(format!(
                "transparency log with major version {other} of the API; 1 and 2 are known"
            ))),
        }
    }

    /// Returns the JSON that asks to log a bundle's signature. `key` is the signer's, which a bundle by key does not hold.
    ///
    /// # Errors
    /// The bundle does not hold exactly one signature, or its certificate cannot be read.
    pub fn request(self, bundle: &Bundle, key: &PublicKey) -> Result<Vec<u8>> {
        let certificate = bundle.unverified_certificate()?;
        let body = match self {
            Self::V1 => request_1(bundle, key, certificate.as_ref())?,
            Self::V2 => request_2(bundle, key, certificate.as_ref())?,
        };
        Ok(serde_json::to_vec(&body).expect("plain data always has a JSON form"))
    }

    /// Reads the log's answer.
    ///
    /// # Errors
    /// Not such an answer.
    pub fn read(self, answer: &[u8]) -> Result<LogEntry> {
        let what = "answer of the transparency log";
        match self {
            Self::V1 => {
                let entries: BTreeMap<String, Entry1> = crate::json::read(what, answer)?;
                let count = entries.len();
                let one = entries.into_values().next().filter(|_| count == 1);
                entry_1(one.ok_or_else(|| Error::malformed(format!("{what}: {count} entries, not one")))?)
                    .map_err(|error| error.within(what))
            }
            Self::V2 => crate::json::read(what, answer),
        }
    }
}

fn request_1(
    bundle: &Bundle,
    key: &PublicKey,
    certificate: Option<&Certificate>,
) -> Result<serde_json::Value> {
    let verifier = to_base64(certificate.map_or_else(|| key.to_pem(), Certificate::to_pem).as_bytes());
    Ok(match bundle.content()? {
        Content::Message(message) => {
            let algorithm = HashAlgorithm::named(&message.message_digest.algorithm)?;
            json!({
                "apiVersion": "0.0.1",
                "kind": "hashedrekord",
                "spec": {
                    "data": { "hash": {
                        "algorithm": algorithm.name(),
                        "value": to_hex(&message.message_digest.digest),
                    }},
                    "signature": {
                        "content": message.signature.to_string(),
                        "publicKey": { "content": verifier },
                    },
                },
            })
        }
        Content::Envelope(envelope) => {
            let envelope = serde_json::to_string(envelope).expect("plain data always has a JSON form");
            json!({
                "apiVersion": "0.0.1",
                "kind": "dsse",
                "spec": { "proposedContent": { "envelope": envelope, "verifiers": [verifier] } },
            })
        }
    })
}

fn request_2(
    bundle: &Bundle,
    key: &PublicKey,
    certificate: Option<&Certificate>,
) -> Result<serde_json::Value> {
    let (digest, signature) = match bundle.content()? {
        Content::Message(message) => (message.message_digest.digest.clone(), &*message.signature),
        Content::Envelope(envelope) => {
            let scheme = key.logged_scheme();
            let hash = scheme.hash().expect("what is logged is a digest");
            (hash.digest(&envelope.signed_bytes()).into(), envelope.only_signature()?)
        }
    };
    let mut verifier = match certificate {
        Some(certificate) => json!({ "x509Certificate": { "rawBytes": to_base64(certificate.as_der()) } }),
        None => json!({ "publicKey": { "rawBytes": to_base64(key.as_der()) } }),
    };
    verifier["keyDetails"] = key_details(key)?.into();
    Ok(json!({ "hashedRekordRequestV002": {
        "digest": digest.to_string(),
        "signature": { "content": to_base64(signature), "verifier": verifier },
    }}))
}

/// How sigstore's protobuf names a key with the scheme by which it signs for a log.
fn key_details(key: &PublicKey) -> Result<&'static str> {
    Ok(match key.kind() {
        KeyKind::Ed25519 => "PKIX_ED25519_PH",
        _ => key.details()?,
    })
}

fn entry_1(entry: Entry1) -> Result<LogEntry> {
    let head: Head = crate::json::read("body", &entry.body)?;
    let proof = entry.verification.inclusion_proof.map(|proof| {
        let hashes = proof.hashes.iter().map(|hash| from_hex(hash).map(Base64));
        Ok::<_, Error>(InclusionProof {
            log_index: proof.log_index,
            root_hash: from_hex(&proof.root_hash)?.into(),
            tree_size: proof.tree_size,
            hashes: hashes.collect::<Result<_>>()?,
            checkpoint: Some(Checkpoint { envelope: proof.checkpoint }),
        })
    });
    Ok(LogEntry {
        log_index: entry.log_index,
        log_id: LogId { key_id: from_hex(&entry.log_id)?.into() },
        kind_version: KindVersion { kind: head.kind, version: head.api_version },
        integrated_time: entry.integrated_time,
        inclusion_promise: entry
            .verification
            .signed_entry_timestamp
            .map(|signed_entry_timestamp| InclusionPromise { signed_entry_timestamp }),
        inclusion_proof: proof.transpose()?,
        canonicalized_body: entry.body,
    })
}
