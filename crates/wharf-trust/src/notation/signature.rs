//! A signature, and what it proves.

use jiff::Timestamp;
use serde::Deserialize;
use wharf_oci::Digest;

use super::algorithm::Algorithm;
use super::attributes::Stated;
use super::chain::{Chain, named};
use super::signers::NotationSigners;
use super::{cose, jws};
use crate::encoding::to_hex;
use crate::error::{Error, ErrorKind, Result};
use crate::hash::sha256;
use crate::{json, timestamp};

/// A signature of the Notary Project that was read but not yet believed.
#[derive(Debug, Clone)]
pub struct NotationSignature {
    parts: Parts,
    chain: Chain,
}

/// The parts of an envelope, in whichever form.
#[derive(Debug, Clone)]
pub(super) struct Parts {
    pub(super) algorithm: Algorithm,
    pub(super) stated: Stated,
    pub(super) payload: Vec<u8>,
    pub(super) signature: Vec<u8>,
    /// The bytes that the signature is over.
    pub(super) signed: Vec<u8>,
    /// Certificates in DER, the signer's first.
    pub(super) chain: Vec<Vec<u8>>,
    /// An RFC 3161 token over the signature.
    pub(super) timestamp: Option<Vec<u8>>,
}

/// What a signature must be about.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Target<'a> {
    pub(crate) digest: &'a Digest,
    pub(crate) media_type: &'a str,
    pub(crate) size: u64,
}

/// What a signature proved.
#[derive(Debug)]
pub(crate) struct Notarized {
    /// Who signed.
    pub(crate) subject: String,
    /// The signer's key, as bundles name it.
    pub(crate) key: String,
    /// The trusted certificate that vouches for the signer, with its SHA-256.
    pub(crate) certified_by: String,
    /// When, and the authority that vouches for it; none does unless its certificate is trusted.
    pub(crate) time: Option<(Timestamp, String)>,
}

impl NotationSignature {
    /// What the manifest is that attaches a signature: its artifact type, or of older ones the media type of its config.
    pub const ARTIFACT_TYPE: &'static str = "application/vnd.cncf.notary.signature";
    /// The longest envelope, in bytes; those that `notation` makes have about five thousand.
    pub const MAX_BYTES: u64 = 1 << 20;

    /// Reads an envelope of that media type: `application/jose+json` or `application/cose`.
    ///
    /// # Errors
    /// Another media type, or not such an envelope.
    pub fn read(media_type: &str, bytes: &[u8]) -> Result<Self> {
        Self::read_parts(media_type, bytes).map_err(|error| error.within("Notation signature"))
    }

    /// Returns the media type of the envelope that the bytes look like, for a file of which nobody says it.
    #[must_use]
    pub fn media_type_of(bytes: &[u8]) -> Option<&'static str> {
        #[derive(Deserialize)]
        struct Signed {
            #[serde(rename = "protected")]
            _protected: serde::de::IgnoredAny,
        }
        if bytes.first() == Some(&cose::FIRST_BYTE) {
            return Some(cose::MEDIA_TYPE);
        }
        serde_json::from_slice::<Signed>(bytes).is_ok().then_some(jws::MEDIA_TYPE)
    }

    fn read_parts(media_type: &str, bytes: &[u8]) -> Result<Self> {
        if bytes.len() as u64 > Self::MAX_BYTES {
            return Err(Error::malformed(format!("{} bytes, more than {}", bytes.len(), Self::MAX_BYTES)));
        }
        let parts = match media_type {
            jws::MEDIA_TYPE => jws::read(bytes)?,
            cose::MEDIA_TYPE => cose::read(bytes)?,
            other => {
                return Err(Error::unsupported(format!(
                    "`{}` is the media type of no envelope that is known",
                    other.escape_default()
                )));
            }
        };
        let chain = Chain::read(&parts.chain)?;
        Ok(Self { parts, chain })
    }

    /// Checks that one of these signed exactly that artifact (trust-store-trust-policy.md, "Steps"; all of them are enforced,
    /// but for revocation, which is not looked at).
    pub(crate) fn verify(
        &self,
        signers: &NotationSigners,
        target: &Target<'_>,
        now: Timestamp,
    ) -> Result<Notarized> {
        let (parts, leaf) = (&self.parts, self.chain.leaf());
        let algorithm = Algorithm::of(leaf.public_key())?;
        if parts.algorithm != algorithm {
            let text =
                format!("signed by {}, which the key is not for: it signs by {algorithm}", parts.algorithm);
            return Err(Error::new(ErrorKind::Signature, text));
        }
        algorithm.verify(leaf.public_key(), &parts.signed, &parts.signature)?;
        let expiry = parts.stated.check()?;
        self.chain.check()?;
        let time = self.time(signers)?;
        let at = time.as_ref().map_or(now, |(at, _)| *at);
        let trusted = self.chain.leads_to(&signers.certificates, at)?;
        let name = named(leaf)?;
        signers.check_subject(&name)?;
        check_payload(&parts.payload, target)?;
        if let Some(expiry) = expiry.filter(|expiry| *expiry <= now) {
            return Err(Error::new(
                ErrorKind::Content,
                format!("the signature expired {expiry}, it is {now}"),
            ));
        }
        Ok(Notarized {
            subject: name.to_string(),
            key: leaf.public_key().hint(),
            certified_by: format!("{} (sha256:{})", named(trusted)?, to_hex(&sha256(trusted.as_der()))),
            time,
        })
    }

    /// Returns the time that a trusted authority vouches for. A countersignature is not looked at where none is trusted; one
    /// that is by no trusted authority is refused where there are some.
    fn time(&self, signers: &NotationSigners) -> Result<Option<(Timestamp, String)>> {
        let Some(token) = self.parts.timestamp.as_ref().filter(|_| !signers.timestamps.is_empty()) else {
            return Ok(None);
        };
        let mut refused = None;
        for authority in &signers.timestamps {
            match timestamp::verify_token(token, &self.parts.signature, authority) {
                Ok(at) => return Ok(Some((at, authority.uri().to_owned()))),
                Err(error) => refused = Some(error),
            }
        }
        refused.map_or(Ok(None), Err)
    }
}

/// Checks that the payload describes the artifact (signature-specification.md, "Payload").
fn check_payload(payload: &[u8], target: &Target<'_>) -> Result<()> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Payload {
        target_artifact: Described,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Described {
        media_type: String,
        digest: String,
        size: u64,
    }
    let Payload { target_artifact: about } = json::read("payload", payload)?;
    let differs = |what: &str, found: &str, wanted: &str| {
        let text = format!("the signature is about {what} {}, not {wanted}", found.escape_default());
        Err(Error::new(ErrorKind::Content, text))
    };
    let digest = target.digest.to_string();
    if about.digest != digest {
        return differs("digest", &about.digest, &digest);
    }
    if about.media_type != target.media_type {
        return differs("media type", &about.media_type, target.media_type);
    }
    if about.size != target.size {
        return differs("size", &about.size.to_string(), &target.size.to_string());
    }
    Ok(())
}
