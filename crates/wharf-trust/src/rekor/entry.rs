//! An entry as a bundle carries it (protobuf-specs, `sigstore_rekor.proto`).

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::logged::Logged;
use super::{checkpoint, merkle};
use crate::encoding::{Base64, int64, to_base64, to_hex};
use crate::error::{Error, ErrorKind, Result};
use crate::root::TransparencyLog;

/// One entry of a transparency log with what proves it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct LogEntry {
    /// The index over all shards of the log.
    #[serde(default, with = "int64", alias = "log_index")]
    pub log_index: i64,
    /// Which log.
    #[serde(alias = "log_id")]
    pub log_id: LogId,
    /// What the body is.
    #[serde(alias = "kind_version")]
    pub kind_version: KindVersion,
    /// When the log took it, in seconds since 1970; 0 where the log does not tell (Rekor 2).
    #[serde(default, with = "int64", alias = "integrated_time", skip_serializing_if = "is_zero")]
    pub integrated_time: i64,
    /// The log's promise to include it, signed at once.
    #[serde(default, alias = "inclusion_promise", skip_serializing_if = "Option::is_none")]
    pub inclusion_promise: Option<InclusionPromise>,
    /// The proof that the log includes it.
    #[serde(default, alias = "inclusion_proof", skip_serializing_if = "Option::is_none")]
    pub inclusion_proof: Option<InclusionProof>,
    /// The logged bytes.
    #[serde(alias = "canonicalized_body")]
    pub canonicalized_body: Base64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the shape that serde calls")]
fn is_zero(value: &i64) -> bool {
    *value == 0
}

/// Names a log by the digest of its key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct LogId {
    /// SHA-256 of the key's DER, or what the log's operator chose.
    #[serde(alias = "key_id")]
    pub key_id: Base64,
}

/// The kind and version of an entry's body, for example `hashedrekord` and `0.0.1`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "the type says it")]
pub struct KindVersion {
    pub kind: String,
    pub version: String,
}

/// A signed entry timestamp.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct InclusionPromise {
    /// The log's signature over body, time, index and log id.
    #[serde(alias = "signed_entry_timestamp")]
    pub signed_entry_timestamp: Base64,
}

/// A path in the log's Merkle tree, RFC 6962 section 2.1.1.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct InclusionProof {
    /// The index inside this tree.
    #[serde(default, with = "int64", alias = "log_index")]
    pub log_index: i64,
    /// The root that the path leads to.
    #[serde(alias = "root_hash")]
    pub root_hash: Base64,
    /// The number of entries under that root.
    #[serde(with = "int64", alias = "tree_size")]
    pub tree_size: i64,
    /// The hashes beside the path, the lowest first.
    #[serde(default)]
    pub hashes: Vec<Base64>,
    /// The log's signature over root and size. The format lets it be absent; a bundle is refused without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checkpoint: Option<Checkpoint>,
}

/// A signed note, C2SP `tlog-checkpoint`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Checkpoint {
    /// The note with its signatures.
    pub envelope: String,
}

impl LogEntry {
    /// Reads the body and checks that it is of the named kind.
    pub(crate) fn body(&self) -> Result<Logged> {
        if self.log_index < 0 {
            return Err(log(format!("entry with index {}", self.log_index)));
        }
        let body = Logged::from_json(&self.canonicalized_body)?;
        let KindVersion { kind, version } = &self.kind_version;
        if body.kind != *kind || body.version != *version {
            return Err(log(format!(
                "entry {}: the bundle says {}/{}, the body {}/{}",
                self.log_index,
                kind.escape_default(),
                version.escape_default(),
                body.kind,
                body.version
            )));
        }
        Ok(body)
    }

    /// Whether the log tells when it took the entry.
    #[must_use]
    pub fn integrated_at(&self) -> Option<Timestamp> {
        Some(self.integrated_time)
            .filter(|time| *time != 0)
            .and_then(|time| Timestamp::from_second(time).ok())
    }

    /// Checks the log's promise, which signs the time, too; the key must have been valid at it.
    pub(crate) fn verify_promise(
        &self,
        promise: &InclusionPromise,
        from: &TransparencyLog,
    ) -> Result<Timestamp> {
        let at = self
            .integrated_at()
            .ok_or_else(|| log(format!("entry {}: a promise without a time", self.log_index)))?;
        if !from.period.contains(at) {
            let text = format!(
                "entry {}: taken at {at}, the key of {} is trusted {}",
                self.log_index, from.base_url, from.period
            );
            return Err(log(text));
        }
        // Canonical JSON, RFC 8785: names in order, no space. Nothing in the values needs an escape.
        let signed = format!(
            r#"{{"body":"{}","integratedTime":{},"logID":"{}","logIndex":{}}}"#,
            to_base64(&self.canonicalized_body),
            self.integrated_time,
            to_hex(&self.log_id.key_id),
            self.log_index
        );
        let scheme = from.key.default_scheme();
        from.key.verify(scheme, signed.as_bytes(), &promise.signed_entry_timestamp).map_err(|error| {
            log(format!("entry {}: the signed entry timestamp is not by {}", self.log_index, from.base_url))
                .because(error)
        })?;
        Ok(at)
    }

    /// Checks that the log's tree holds the body.
    pub(crate) fn verify_proof(&self, proof: &InclusionProof, from: &TransparencyLog) -> Result<()> {
        let within = |error: Error| error.within(format!("entry {} of {}", self.log_index, from.base_url));
        let note = proof.checkpoint.as_ref().map_or("", |checkpoint| &checkpoint.envelope);
        let note = checkpoint::Note::parse(note).map_err(within)?;
        let (size, root) = note.verify(from).map_err(within)?;
        if u64::try_from(proof.tree_size).ok() != Some(size) || proof.root_hash.as_ref() != root {
            return Err(within(log(format!(
                "the checkpoint signs tree {size} with root {}, the proof leads to tree {} with root {}",
                to_hex(&root),
                proof.tree_size,
                to_hex(&proof.root_hash)
            ))));
        }
        let index =
            u64::try_from(proof.log_index).map_err(|_| within(log(format!("index {}", proof.log_index))))?;
        let hashes: Vec<&[u8]> = proof.hashes.iter().map(|hash| hash.0.as_slice()).collect();
        let led = merkle::root(&self.canonicalized_body, index, size, &hashes).map_err(within)?;
        if led != root[..] {
            let text =
                format!("the proof leads to root {}, the checkpoint signs {}", to_hex(&led), to_hex(&root));
            return Err(within(log(text)));
        }
        Ok(())
    }
}

pub(super) fn log(text: String) -> Error {
    Error::new(ErrorKind::Log, text)
}
