//! Sigstore bundles, versions 0.1 to 0.3, in protobuf's JSON form (protobuf-specs, `sigstore_bundle.proto`).

use serde::{Deserialize, Serialize};

use crate::cert::Certificate;
use crate::dsse::Envelope;
use crate::encoding::Base64;
use crate::error::{Error, ErrorKind, Result};
use crate::hash::{Artifact, HashAlgorithm};
use crate::key::{PublicKey, SignatureScheme, SigningKey};
use crate::rekor::LogEntry;

/// Media type of a bundle of version 0.3, which is the one that is written.
pub const BUNDLE_V03: &str = "application/vnd.dev.sigstore.bundle.v0.3+json";

/// What every bundle's media type starts with.
const FAMILY: &str = "application/vnd.dev.sigstore.bundle";
const MAX_ENTRIES: usize = 32;
const MAX_TIMESTAMPS: usize = 32;
const MAX_CHAIN: usize = 16;

/// A signature with all that is needed to verify it. Reading one checks its shape and nothing else: see
/// [`Verifier`](crate::Verifier).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Bundle {
    #[serde(alias = "media_type")]
    media_type: String,
    #[serde(alias = "verification_material")]
    verification_material: Material,
    #[serde(default, alias = "message_signature", skip_serializing_if = "Option::is_none")]
    message_signature: Option<MessageSignature>,
    #[serde(default, alias = "dsse_envelope", skip_serializing_if = "Option::is_none")]
    dsse_envelope: Option<Envelope>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Material {
    #[serde(default, alias = "public_key", skip_serializing_if = "Option::is_none")]
    public_key: Option<KeyHint>,
    #[serde(default, alias = "x509_certificate_chain", skip_serializing_if = "Option::is_none")]
    x509_certificate_chain: Option<Chain>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    certificate: Option<RawBytes>,
    #[serde(
        default,
        alias = "tlog_entries",
        skip_serializing_if = "Vec::is_empty",
        deserialize_with = "list_or_null"
    )]
    tlog_entries: Vec<LogEntry>,
    #[serde(default, alias = "timestamp_verification_data", skip_serializing_if = "Option::is_none")]
    timestamp_verification_data: Option<Timestamps>,
}

fn list_or_null<'de, D: serde::Deserializer<'de>, T: Deserialize<'de>>(
    deserializer: D,
) -> std::result::Result<Vec<T>, D::Error> {
    Option::deserialize(deserializer).map(Option::unwrap_or_default)
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct KeyHint {
    #[serde(default, skip_serializing_if = "String::is_empty")]
    hint: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Chain {
    #[serde(default)]
    certificates: Vec<RawBytes>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct RawBytes {
    #[serde(alias = "raw_bytes")]
    raw_bytes: Base64,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Timestamps {
    #[serde(
        default,
        alias = "rfc3161_timestamps",
        skip_serializing_if = "Vec::is_empty",
        deserialize_with = "list_or_null"
    )]
    rfc3161_timestamps: Vec<SignedTimestamp>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct SignedTimestamp {
    #[serde(alias = "signed_timestamp")]
    signed_timestamp: Base64,
}

/// A signature over an artifact, beside its digest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct MessageSignature {
    /// A hint that is not signed.
    #[serde(default, alias = "message_digest")]
    pub(crate) message_digest: MessageDigest,
    pub(crate) signature: Base64,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct MessageDigest {
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub(crate) algorithm: String,
    #[serde(default, skip_serializing_if = "is_empty")]
    pub(crate) digest: Base64,
}

fn is_empty(bytes: &Base64) -> bool {
    bytes.is_empty()
}

/// What is signed.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Content<'a> {
    Message(&'a MessageSignature),
    Envelope(&'a Envelope),
}

/// The version of a bundle, which decides what it must hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Version {
    V01,
    V02,
    V03,
}

impl Bundle {
    /// Signs an artifact, offline: nothing is logged.
    ///
    /// The message digest is that of the scheme; Ed25519 signs the bytes, and SHA-256 stands beside it as a hint.
    ///
    /// # Errors
    /// The key cannot sign.
    pub fn sign_artifact(bytes: &[u8], key: &dyn SigningKey) -> Result<Self> {
        Self::sign_artifact_by(bytes, key, key.public().default_scheme())
    }

    /// Signs an artifact by that scheme.
    ///
    /// # Errors
    /// The key cannot sign so.
    pub fn sign_artifact_by(bytes: &[u8], key: &dyn SigningKey, scheme: SignatureScheme) -> Result<Self> {
        let hash = scheme.hash().unwrap_or(HashAlgorithm::Sha256);
        let message = MessageSignature {
            message_digest: MessageDigest {
                algorithm: hash.protobuf().to_owned(),
                digest: hash.digest(bytes).into(),
            },
            signature: key.sign(scheme, bytes)?.into(),
        };
        Ok(Self::by_key(key.public(), Some(message), None))
    }

    /// Returns the bundle of an envelope that the key signed.
    #[must_use]
    pub fn of_envelope(envelope: Envelope, key: &PublicKey) -> Self {
        Self::by_key(key, None, Some(envelope))
    }

    fn by_key(key: &PublicKey, message: Option<MessageSignature>, envelope: Option<Envelope>) -> Self {
        Self {
            media_type: BUNDLE_V03.to_owned(),
            verification_material: Material {
                public_key: Some(KeyHint { hint: key.hint() }),
                ..Material::default()
            },
            message_signature: message,
            dsse_envelope: envelope,
        }
    }

    /// Returns the bundle of a signature from before there were bundles. It has no hint at the digest.
    pub(crate) fn old(
        signature: Option<Vec<u8>>,
        envelope: Option<Envelope>,
        certificate: Option<&Certificate>,
    ) -> Self {
        let key = certificate.is_none().then(|| KeyHint { hint: String::new() });
        let certificate = certificate.map(|each| RawBytes { raw_bytes: each.as_der().into() });
        Self {
            media_type: format!("{FAMILY}+json;version=0.1"),
            verification_material: Material { public_key: key, certificate, ..Material::default() },
            message_signature: signature.map(|signature| MessageSignature {
                message_digest: MessageDigest::default(),
                signature: signature.into(),
            }),
            dsse_envelope: envelope,
        }
    }

    /// Reads the JSON form and checks that the bundle holds what its version demands.
    ///
    /// # Errors
    /// Names what is missing, too much, or not known.
    pub fn from_json(text: &[u8]) -> Result<Self> {
        let bundle: Self = crate::json::read("bundle", text)?;
        bundle.check().map_err(|error| error.within("bundle"))?;
        Ok(bundle)
    }

    /// Returns the JSON form.
    #[must_use]
    pub fn to_json(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("plain data always has a JSON form")
    }

    /// Whether a media type is that of a bundle, of whatever version.
    #[must_use]
    pub fn is_media_type(media_type: &str) -> bool {
        media_type.starts_with(FAMILY)
    }

    /// Returns the bundle's media type, as it was written.
    #[must_use]
    pub fn media_type(&self) -> &str {
        &self.media_type
    }

    /// Returns the envelope, where the bundle holds one; nothing in it is verified.
    #[must_use]
    pub fn unverified_envelope(&self) -> Option<&Envelope> {
        self.dsse_envelope.as_ref()
    }

    /// Returns the certificate that the bundle carries; nothing in it is verified.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn unverified_certificate(&self) -> Result<Option<Certificate>> {
        self.certificate_der().map(Certificate::from_der).transpose()
    }

    /// Returns the log entries.
    #[must_use]
    pub fn log_entries(&self) -> &[LogEntry] {
        &self.verification_material.tlog_entries
    }

    /// Adds a log entry.
    pub fn add_log_entry(&mut self, entry: LogEntry) {
        self.verification_material.tlog_entries.push(entry);
    }

    /// Adds a signed timestamp, a DER `TimeStampResp`.
    pub fn add_timestamp(&mut self, response: Vec<u8>) {
        let data = self.verification_material.timestamp_verification_data.get_or_insert_default();
        data.rfc3161_timestamps.push(SignedTimestamp { signed_timestamp: response.into() });
    }

    /// Returns the one signature that the bundle is about: what a timestamp authority vouches for.
    ///
    /// # Errors
    /// There is not exactly one.
    pub fn signature(&self) -> Result<&[u8]> {
        match self.content()? {
            Content::Message(message) => Ok(&message.signature),
            Content::Envelope(envelope) => envelope.only_signature(),
        }
    }

    /// The same signature named by its key alone, without what others said about it.
    pub(crate) fn by_key_of(self, key: &PublicKey) -> Self {
        Self::by_key(key, self.message_signature, self.dsse_envelope)
    }

    /// Names the signer by its certificate instead of a key.
    #[must_use]
    pub fn with_certificate(mut self, certificate: &Certificate) -> Self {
        self.verification_material.public_key = None;
        self.verification_material.certificate = Some(RawBytes { raw_bytes: certificate.as_der().into() });
        self
    }

    /// Names the signer by its certificate, and takes the authority's along that lead from it to a root; roots themselves
    /// do not go along. Version 0.3 has no place for that: verifiers want to be told to take it
    /// ([`Verifier::allow_chain`](crate::Verifier::allow_chain)).
    #[must_use]
    pub fn with_certificate_chain(mut self, chain: &[Certificate]) -> Self {
        let brought = chain.iter().filter(|certificate| !certificate.is_self_issued());
        let certificates = brought.map(|each| RawBytes { raw_bytes: each.as_der().into() }).collect();
        self.verification_material.public_key = None;
        self.verification_material.certificate = None;
        self.verification_material.x509_certificate_chain = Some(Chain { certificates });
        self
    }

    /// Names the signer by a key.
    #[must_use]
    pub fn with_key(mut self, key: &PublicKey) -> Self {
        self.verification_material.public_key = Some(KeyHint { hint: key.hint() });
        self.verification_material.certificate = None;
        self.verification_material.x509_certificate_chain = None;
        self
    }

    /// Puts an envelope in the place of the signature.
    #[must_use]
    pub fn with_envelope(mut self, envelope: Envelope) -> Self {
        self.message_signature = None;
        self.dsse_envelope = Some(envelope);
        self
    }

    /// Returns a bundle of a signature over bytes, whose digest stands beside it; the signer is still to be named.
    #[must_use]
    pub fn of_signature(bytes: &[u8], signature: Vec<u8>) -> Self {
        let hash = HashAlgorithm::Sha256;
        let mut bundle = Self::old(Some(signature), None, None);
        if let Some(message) = &mut bundle.message_signature {
            message.message_digest =
                MessageDigest { algorithm: hash.protobuf().to_owned(), digest: hash.digest(bytes).into() };
        }
        bundle
    }

    /// Returns the same in version 0.3: of a chain the signer's certificate only.
    ///
    /// # Errors
    /// A log entry has no inclusion proof, which only the log could give, or something else is missing.
    pub fn into_v03(mut self) -> Result<Self> {
        BUNDLE_V03.clone_into(&mut self.media_type);
        if let Some(chain) = self.verification_material.x509_certificate_chain.take() {
            self.verification_material.certificate = chain.certificates.into_iter().next();
        }
        self.check().map_err(|error| error.within("bundle"))?;
        Ok(self)
    }

    /// Returns the digest algorithms by which the artifact must be known to verify this bundle. A signature by Ed25519 needs
    /// its bytes instead, unless it was made over the digest.
    #[must_use]
    pub fn wanted_hashes(&self) -> Vec<HashAlgorithm> {
        match &self.message_signature {
            // Older bundles do not tell.
            Some(message) if !message.message_digest.algorithm.is_empty() => {
                HashAlgorithm::named(&message.message_digest.algorithm).into_iter().collect()
            }
            _ => HashAlgorithm::ALL.to_vec(),
        }
    }

    pub(crate) fn content(&self) -> Result<Content<'_>> {
        match (&self.message_signature, &self.dsse_envelope) {
            (Some(message), None) => Ok(Content::Message(message)),
            (None, Some(envelope)) => Ok(Content::Envelope(envelope)),
            _ => Err(Error::malformed("not exactly one of a message signature and an envelope")),
        }
    }

    pub(crate) fn certificate_der(&self) -> Option<&[u8]> {
        let material = &self.verification_material;
        let chain = material.x509_certificate_chain.as_ref().and_then(|chain| chain.certificates.first());
        material.certificate.as_ref().or(chain).map(|raw| raw.raw_bytes.0.as_slice())
    }

    /// Whether there is a certificate chain although the bundle's version has no place for one.
    pub(crate) fn has_unforeseen_chain(&self) -> bool {
        let has_chain = self.verification_material.x509_certificate_chain.is_some();
        has_chain && self.version().is_ok_and(|version| version == Version::V03)
    }

    /// Certificates that came behind the signer's own; they are never trusted, and needed only where the trusted root leaves
    /// them out.
    pub(crate) fn further_certificates(&self) -> impl Iterator<Item = &[u8]> {
        let chain = self.verification_material.x509_certificate_chain.iter();
        chain.flat_map(|chain| &chain.certificates).skip(1).map(|raw| raw.raw_bytes.0.as_slice())
    }

    pub(crate) fn timestamps(&self) -> impl Iterator<Item = &[u8]> {
        let data = self.verification_material.timestamp_verification_data.iter();
        data.flat_map(|data| &data.rfc3161_timestamps).map(|each| each.signed_timestamp.0.as_slice())
    }

    fn version(&self) -> Result<Version> {
        match self.media_type.strip_prefix(FAMILY) {
            Some("+json;version=0.1") => Ok(Version::V01),
            Some("+json;version=0.2") => Ok(Version::V02),
            Some("+json;version=0.3" | ".v0.3+json") => Ok(Version::V03),
            _ => Err(Error::unsupported(format!(
                "media type `{}` is not that of version 0.1, 0.2 or 0.3",
                self.media_type.escape_default()
            ))),
        }
    }

    fn check(&self) -> Result<()> {
        let version = self.version()?;
        let material = &self.verification_material;
        let signers = [
            material.public_key.is_some(),
            material.certificate.is_some(),
            material.x509_certificate_chain.is_some(),
        ];
        if signers.iter().filter(|present| **present).count() != 1 {
            return Err(Error::malformed("not exactly one of a key, a certificate and a certificate chain"));
        }
        let content = self.content()?;
        let chain = material.x509_certificate_chain.as_ref().map(|chain| chain.certificates.len());
        if let Some(count) = chain.filter(|count| !(1..=MAX_CHAIN).contains(count)) {
            return Err(Error::malformed(format!("{count} certificates, not 1 to {MAX_CHAIN}")));
        }
        let (entries, timestamps) = (material.tlog_entries.len(), self.timestamps().count());
        if entries > MAX_ENTRIES || timestamps > MAX_TIMESTAMPS {
            return Err(Error::new(
                ErrorKind::Unsupported,
                format!(
                    "{entries} log entries and {timestamps} timestamps; at most {MAX_ENTRIES} and {MAX_TIMESTAMPS} are read"
                ),
            ));
        }
        for entry in &material.tlog_entries {
            if entry.log_index < 0 {
                return Err(Error::malformed(format!("a log entry with index {}", entry.log_index)));
            }
            let (what, missing) = match version {
                Version::V01 => ("promise", entry.inclusion_promise.is_none()),
                Version::V02 | Version::V03 => ("proof", entry.inclusion_proof.is_none()),
            };
            if entry.inclusion_proof.as_ref().is_some_and(|proof| proof.checkpoint.is_none()) {
                return Err(Error::malformed(format!(
                    "log entry {}: an inclusion proof without checkpoint",
                    entry.log_index
                )));
            }
            if missing {
                return Err(Error::malformed(format!(
                    "log entry {} has no inclusion {what}",
                    entry.log_index
                )));
            }
        }
        if let Content::Envelope(envelope) = content {
            envelope.only_signature()?;
        }
        Ok(())
    }
}

/// Compares the unsigned digest beside a message signature with the artifact.
pub(crate) fn check_hint(hint: &MessageDigest, artifact: &Artifact) -> Result<()> {
    if hint.digest.is_empty() && hint.algorithm.is_empty() {
        return Ok(());
    }
    let algorithm = HashAlgorithm::named(&hint.algorithm)?;
    let known = artifact.wanted(algorithm)?;
    if known == hint.digest.as_ref() {
        return Ok(());
    }
    let name = algorithm.name();
    let (said, is) = (crate::encoding::to_hex(&hint.digest), crate::encoding::to_hex(known));
    Err(Error::new(
        ErrorKind::Content,
        format!("the bundle is about {name}:{said}, the artifact is {name}:{is}"),
    ))
}
