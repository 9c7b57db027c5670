//! Signatures as cosign 1 and 2 lay them on a registry, turned into bundles, so that one verifier reads both.
//!
//! A layer holds the payload, or for attestations the envelope; its annotations hold the rest
//! (cosign, `specs/SIGNATURE_SPEC.md`, with the names that its code writes).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::bundle::Bundle;
use crate::cert::Certificate;
use crate::dsse::Envelope;
use crate::encoding::{Base64, from_base64, from_hex, to_hex};
use crate::error::{Error, Result};
use crate::key::PublicKey;
use crate::rekor::{InclusionPromise, KindVersion, LogEntry, LogId};

/// Annotation of the signature over a payload, base64; empty where the layer is an envelope.
pub const SIGNATURE_ANNOTATION: &str = "dev.cosignproject.cosign/signature";
/// Annotation of the signer's certificate, PEM.
pub const CERTIFICATE_ANNOTATION: &str = "dev.sigstore.cosign/certificate";
/// Annotation of the certificates between the signer's and the root, and the root, PEM.
pub const CHAIN_ANNOTATION: &str = "dev.sigstore.cosign/chain";
/// Annotation of the log's promise, JSON.
pub const LOG_ANNOTATION: &str = "dev.sigstore.cosign/bundle";
/// Annotation of a signed timestamp, JSON.
pub const TIMESTAMP_ANNOTATION: &str = "dev.sigstore.cosign/rfc3161timestamp";

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Promise {
    signed_entry_timestamp: Base64,
    payload: PromisePayload,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct PromisePayload {
    body: Base64,
    integrated_time: i64,
    log_index: i64,
    #[serde(rename = "logID")]
    log_id: String,
}

#[derive(Serialize, Deserialize)]
struct Stamp {
    #[serde(rename = "SignedRFC3161Timestamp")]
    response: Base64,
}

/// What cosign 1 and 2 write beside a blob for `--bundle`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct LocalPayload {
    #[serde(default)]
    base64_signature: String,
    /// Base64 of PEM.
    #[serde(default)]
    cert: String,
    #[serde(default)]
    rekor_bundle: Option<serde_json::Value>,
}

/// What cosign 1 and 2 write to the file of `sign-blob --bundle`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct OldFile {
    base64_signature: Base64,
    /// Base64 of the PEM of a certificate or of a key.
    cert: Base64,
    #[serde(skip_serializing_if = "Option::is_none")]
    rekor_bundle: Option<Promise>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Head {
    api_version: String,
    kind: String,
}

impl Bundle {
    /// Returns the bundle of a signature whose payload is the layer and whose rest stands in its annotations.
    ///
    /// # Errors
    /// An annotation is missing or not of its shape.
    pub fn from_legacy_signature(annotations: &BTreeMap<String, String>) -> Result<Self> {
        let signature = annotations.get(SIGNATURE_ANNOTATION).filter(|text| !text.is_empty());
        let signature =
            signature.ok_or_else(|| Error::malformed(format!("layer without {SIGNATURE_ANNOTATION}")))?;
        let signature = from_base64(signature).map_err(|error| error.within(SIGNATURE_ANNOTATION))?;
        Self::legacy(Some(signature), None, annotations)
    }

    /// Returns the bundle of an attestation whose envelope is the layer and whose rest stands in its annotations.
    ///
    /// # Errors
    /// The layer is no envelope, or an annotation is not of its shape.
    pub fn from_legacy_attestation(layer: &[u8], annotations: &BTreeMap<String, String>) -> Result<Self> {
        Self::legacy(None, Some(Envelope::from_json(layer)?), annotations)
    }

    /// Returns the bundle of what cosign 1 and 2 wrote for a blob: a signature, or an envelope in its place.
    ///
    /// # Errors
    /// Not such a file, or a part of it is not of its shape.
    pub fn from_local_payload(text: &[u8]) -> Result<Self> {
        let read: LocalPayload = crate::json::read("bundle of the older form", text)?;
        if read.base64_signature.is_empty() {
            return Err(Error::malformed("bundle of the older form: no signature"));
        }
        let certificate = String::from_utf8(from_base64(&read.cert)?)
            .map_err(|_| Error::malformed("bundle of the older form: a certificate that is not PEM"))?;
        let log = read.rekor_bundle.filter(|found| !found.is_null());
        let annotations = BTreeMap::from([
            (CERTIFICATE_ANNOTATION.to_owned(), certificate),
            (LOG_ANNOTATION.to_owned(), log.map(|log| log.to_string()).unwrap_or_default()),
        ]);
        let signature = from_base64(&read.base64_signature)?;
        match Envelope::from_json(&signature) {
            Ok(envelope) => Self::legacy(None, Some(envelope), &annotations),
            Err(_) => Self::legacy(Some(signature), None, &annotations),
        }
    }

    /// Returns the annotations of a layer that holds the signed payload, or the envelope. `chain` is what the authority
    /// gave, the signer's own certificate first; empty for a key.
    ///
    /// # Errors
    /// The bundle holds an entry of a log that makes no promises, for which the old layout has no place.
    pub fn to_legacy_annotations(&self, chain: &[Certificate]) -> Result<BTreeMap<String, String>> {
        let signature = match self.unverified_envelope() {
            Some(_) => String::new(),
            None => Base64::from(self.signature()?).to_string(),
        };
        let mut found = BTreeMap::from([(SIGNATURE_ANNOTATION.to_owned(), signature)]);
        if let Some((leaf, above)) = chain.split_first() {
            found.insert(CERTIFICATE_ANNOTATION.to_owned(), leaf.to_pem());
            found.insert(CHAIN_ANNOTATION.to_owned(), above.iter().map(Certificate::to_pem).collect());
        }
        if let Some(promise) = self.promise()? {
            found.insert(LOG_ANNOTATION.to_owned(), json(&promise));
        }
        found.extend(self.legacy_timestamp().map(|stamp| (TIMESTAMP_ANNOTATION.to_owned(), stamp)));
        Ok(found)
    }

    /// Returns the first timestamp in the JSON form of old layouts.
    #[must_use]
    pub fn legacy_timestamp(&self) -> Option<String> {
        self.timestamps().next().map(|response| json(&Stamp { response: response.into() }))
    }

    /// Returns the file that cosign 1 and 2 write for `sign-blob --bundle`.
    ///
    /// # Errors
    /// See [`Bundle::to_legacy_annotations`].
    pub fn to_legacy_file(&self, key: &PublicKey) -> Result<Vec<u8>> {
        let verifier = self.unverified_certificate()?.map_or_else(|| key.to_pem(), |found| found.to_pem());
        let file = OldFile {
            base64_signature: self.signature()?.into(),
            cert: verifier.into_bytes().into(),
            rekor_bundle: self.promise()?,
        };
        Ok(json(&file).into_bytes())
    }

    fn promise(&self) -> Result<Option<Promise>> {
        let Some(entry) = self.log_entries().first() else { return Ok(None) };
        let Some(promise) = &entry.inclusion_promise else {
            return Err(Error::unsupported(
                "the old layout holds promises of a log; this log (Rekor 2) makes none",
            ));
        };
        Ok(Some(Promise {
            signed_entry_timestamp: promise.signed_entry_timestamp.clone(),
            payload: PromisePayload {
                body: entry.canonicalized_body.clone(),
                integrated_time: entry.integrated_time,
                log_index: entry.log_index,
                log_id: to_hex(&entry.log_id.key_id),
            },
        }))
    }

    fn legacy(
        signature: Option<Vec<u8>>,
        envelope: Option<Envelope>,
        annotations: &BTreeMap<String, String>,
    ) -> Result<Self> {
        let present = |name: &str| annotations.get(name).filter(|text| !text.is_empty());
        let certificate = match present(CERTIFICATE_ANNOTATION) {
            Some(pem) => Certificate::all_from_pem(pem.as_bytes())?.into_iter().next(),
            None => None,
        };
        let mut bundle = Self::old(signature, envelope, certificate.as_ref());
        if let Some(json) = present(LOG_ANNOTATION) {
            bundle.add_log_entry(entry(json)?);
        }
        if let Some(json) = present(TIMESTAMP_ANNOTATION) {
            let stamp: Stamp = crate::json::read(TIMESTAMP_ANNOTATION, json.as_bytes())?;
            bundle.add_timestamp(stamp.response.0);
        }
        Ok(bundle)
    }
}

fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("plain data always has a JSON form")
}

fn entry(json: &str) -> Result<LogEntry> {
    let promise: Promise = crate::json::read(LOG_ANNOTATION, json.as_bytes())?;
    let head: Head = crate::json::read("log entry", &promise.payload.body)?;
    Ok(LogEntry {
        log_index: promise.payload.log_index,
        log_id: LogId { key_id: from_hex(&promise.payload.log_id)?.into() },
        kind_version: KindVersion { kind: head.kind, version: head.api_version },
        integrated_time: promise.payload.integrated_time,
        inclusion_promise: Some(InclusionPromise { signed_entry_timestamp: promise.signed_entry_timestamp }),
        inclusion_proof: None,
        canonicalized_body: promise.payload.body,
    })
}
