//! What a log entry says: a digest, a signature over it, and who made it.
//!
//! Kinds: `hashedrekord` and `dsse` 0.0.1 and `intoto` 0.0.2 of Rekor 1, `hashedrekord` and `dsse` 0.0.2 of Rekor 2.

use serde::Deserialize;

use super::entry::log;
use crate::dsse::Envelope;
use crate::encoding::{Base64, from_base64, from_hex, to_hex};
use crate::error::{Error, Result};
use crate::hash::HashAlgorithm;
use crate::key::blocks;

/// The body of an entry.
#[derive(Debug)]
pub(crate) struct Logged {
    pub(crate) kind: &'static str,
    pub(crate) version: &'static str,
    covers: Covers,
    algorithm: HashAlgorithm,
    digest: Vec<u8>,
    signature: Vec<u8>,
    /// DER of a certificate or of a public key.
    verifier: Vec<u8>,
}

/// What the digest is taken over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Covers {
    /// The signed bytes: the artifact, or the pre-authentication encoding of an envelope.
    Signed,
    /// The payload of an envelope.
    Payload,
}

/// What the bundle says, to hold against the entry.
pub(crate) struct Claimed<'a> {
    pub(crate) signature: &'a [u8],
    /// DER of the certificate, or of the key where there is none.
    pub(crate) verifier: &'a [u8],
    pub(crate) content: ClaimedContent<'a>,
}

pub(crate) enum ClaimedContent<'a> {
    /// A digest of the artifact, by the asked algorithm.
    Message(&'a dyn Fn(HashAlgorithm) -> Result<Vec<u8>>),
    Envelope(&'a Envelope),
}

impl Logged {
    pub(crate) fn from_json(body: &[u8]) -> Result<Self> {
        Self::read(body).map_err(|error| error.within("log entry"))
    }

    fn read(body: &[u8]) -> Result<Self> {
        let head: Head = crate::json::read("body", body)?;
        let spec = |error: serde_json::Error| {
            Error::malformed(format!("{} {}: {error}", head.kind, head.api_version))
        };
        match (head.kind.as_str(), head.api_version.as_str()) {
            ("hashedrekord", "0.0.1") => {
                let read: HashedRekord1 = serde_json::from_value(head.spec).map_err(spec)?;
                Ok(Self {
                    kind: "hashedrekord",
                    version: "0.0.1",
                    covers: Covers::Signed,
                    algorithm: HashAlgorithm::named(&read.data.hash.algorithm)?,
                    digest: from_hex(&read.data.hash.value)?,
                    signature: read.signature.content.0,
                    verifier: only_block(&read.signature.public_key.content)?,
                })
            }
            ("dsse", "0.0.1") => {
                let read: Dsse1 = serde_json::from_value(head.spec).map_err(spec)?;
                let one = only(read.signatures)?;
                Ok(Self {
                    kind: "dsse",
                    version: "0.0.1",
                    covers: Covers::Payload,
                    algorithm: HashAlgorithm::named(&read.payload_hash.algorithm)?,
                    digest: from_hex(&read.payload_hash.value)?,
                    signature: one.signature.0,
                    verifier: only_block(&one.verifier)?,
                })
            }
            ("intoto", "0.0.2") => {
                let read: Intoto2 = serde_json::from_value(head.spec).map_err(spec)?;
                let one = only(read.content.envelope.signatures)?;
                let text = std::str::from_utf8(&one.sig)
                    .map_err(|_| Error::malformed("signature that is not text"))?;
                Ok(Self {
                    kind: "intoto",
                    version: "0.0.2",
                    covers: Covers::Payload,
                    algorithm: HashAlgorithm::named(&read.content.payload_hash.algorithm)?,
                    digest: from_hex(&read.content.payload_hash.value)?,
                    signature: from_base64(text)?,
                    verifier: only_block(&one.public_key)?,
                })
            }
            ("hashedrekord", "0.0.2") => {
                let read: Spec2 = serde_json::from_value(head.spec).map_err(spec)?;
                let read = read.hashed_rekord.ok_or_else(|| Error::malformed("no hashedRekordV002"))?;
                Ok(Self {
                    kind: "hashedrekord",
                    version: "0.0.2",
                    covers: Covers::Signed,
                    algorithm: HashAlgorithm::named(&read.data.algorithm)?,
                    digest: read.data.digest.0,
                    signature: read.signature.content.0,
                    verifier: read.signature.verifier.der()?,
                })
            }
            ("dsse", "0.0.2") => {
                let read: Spec2 = serde_json::from_value(head.spec).map_err(spec)?;
                let read = read.dsse.ok_or_else(|| Error::malformed("no dsseV002"))?;
                let one = only(read.signatures)?;
                Ok(Self {
                    kind: "dsse",
                    version: "0.0.2",
                    covers: Covers::Payload,
                    algorithm: HashAlgorithm::named(&read.payload_hash.algorithm)?,
                    digest: read.payload_hash.digest.0,
                    signature: one.content.0,
                    verifier: one.verifier.der()?,
                })
            }
            (kind, version) => Err(Error::unsupported(format!(
                "kind {} {} is not known",
                kind.escape_default(),
                version.escape_default()
            ))),
        }
    }

    /// Checks that the entry is about this signature, by this signer, over this content.
    pub(crate) fn check(&self, claimed: &Claimed<'_>) -> Result<()> {
        if self.signature != claimed.signature {
            return Err(log("the log entry holds another signature than the bundle".to_owned()));
        }
        if self.verifier != claimed.verifier {
            return Err(log("the log entry names another signer than the bundle".to_owned()));
        }
        let digest = match (&claimed.content, self.covers) {
            (ClaimedContent::Message(digest), Covers::Signed) => digest(self.algorithm)?,
            (ClaimedContent::Envelope(envelope), Covers::Signed) if self.version == "0.0.2" => {
                self.algorithm.digest(&envelope.signed_bytes())
            }
            (ClaimedContent::Envelope(envelope), Covers::Payload) => self.algorithm.digest(&envelope.payload),
            _ => return Err(log(format!("a log entry of kind {} does not fit what is signed", self.kind))),
        };
        if self.digest != digest {
            let name = self.algorithm.name();
            return Err(log(format!(
                "the log entry is about {name}:{}, not {name}:{}",
                to_hex(&self.digest),
                to_hex(&digest)
            )));
        }
        Ok(())
    }
}

fn only<T>(all: Vec<T>) -> Result<T> {
    let count = all.len();
    let mut all = all.into_iter();
    match (all.next(), all.next()) {
        (Some(one), None) => Ok(one),
        _ => Err(Error::malformed(format!("{count} signatures, not exactly one"))),
    }
}

/// The bytes of the one PEM block, whatever its label.
fn only_block(pem: &[u8]) -> Result<Vec<u8>> {
    only(blocks(pem)?).map(|block| block.bytes.to_vec())
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Head {
    api_version: String,
    kind: String,
    spec: serde_json::Value,
}

#[derive(Deserialize)]
struct HexHash {
    algorithm: String,
    value: String,
}

#[derive(Deserialize)]
struct HashedRekord1 {
    data: Data1,
    signature: Signature1,
}

#[derive(Deserialize)]
struct Data1 {
    hash: HexHash,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Signature1 {
    content: Base64,
    public_key: Content,
}

#[derive(Deserialize)]
struct Content {
    content: Base64,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Dsse1 {
    payload_hash: HexHash,
    signatures: Vec<DsseSignature1>,
}

#[derive(Deserialize)]
struct DsseSignature1 {
    signature: Base64,
    verifier: Base64,
}

#[derive(Deserialize)]
struct Intoto2 {
    content: IntotoContent2,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct IntotoContent2 {
    envelope: IntotoEnvelope2,
    payload_hash: HexHash,
}

#[derive(Deserialize)]
struct IntotoEnvelope2 {
    signatures: Vec<IntotoSignature2>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct IntotoSignature2 {
    /// Base64 of base64.
    sig: Base64,
    public_key: Base64,
}

#[derive(Deserialize)]
struct Spec2 {
    #[serde(rename = "hashedRekordV002")]
    hashed_rekord: Option<HashedRekord2>,
    #[serde(rename = "dsseV002")]
    dsse: Option<Dsse2>,
}

#[derive(Deserialize)]
struct HashedRekord2 {
    data: Hash2,
    signature: Signature2,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Dsse2 {
    payload_hash: Hash2,
    signatures: Vec<Signature2>,
}

#[derive(Deserialize)]
struct Hash2 {
    algorithm: String,
    digest: Base64,
}

#[derive(Deserialize)]
struct Signature2 {
    content: Base64,
    verifier: Verifier2,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Verifier2 {
    public_key: Option<RawBytes>,
    #[serde(rename = "x509Certificate")]
    certificate: Option<RawBytes>,
}

impl Verifier2 {
    fn der(self) -> Result<Vec<u8>> {
        match (self.public_key, self.certificate) {
            (Some(one), None) | (None, Some(one)) => Ok(one.raw_bytes.0),
            _ => Err(Error::malformed("a verifier that is neither a key nor a certificate")),
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawBytes {
    raw_bytes: Base64,
}
