//! Signed certificate timestamps inside a certificate, RFC 6962 sections 3.2 and 3.3.

use jiff::Timestamp;

use super::authority::CertificateAuthority;
use super::certificate::Certificate;
use crate::der::{self, Reader};
use crate::error::{Error, ErrorKind, Result};
use crate::hash::{HashAlgorithm, sha256};
use crate::key::{KeyKind, SignatureScheme};
use crate::root::TransparencyLog;

/// 1.3.6.1.4.1.11129.2.4.2
const SCT_LIST: &[u8] = &[0x2b, 0x06, 0x01, 0x04, 0x01, 0xd6, 0x79, 0x02, 0x04, 0x02];
/// No certificate carries more than a handful.
const MAX_TIMESTAMPS: usize = 32;

struct SignedTimestamp<'a> {
    log: &'a [u8],
    milliseconds: [u8; 8],
    extensions: &'a [u8],
    hash: u8,
    algorithm: u8,
    signature: &'a [u8],
}

/// Checks that a known log saw the certificate before it was issued.
pub(crate) fn verify_embedded(
    certificate: &Certificate,
    authority: &CertificateAuthority,
    logs: &[TransparencyLog],
) -> Result<()> {
    let list = certificate
        .extension(SCT_LIST)
        .ok_or_else(|| failed("the certificate holds no signed certificate timestamp"))?;
    let list = Reader::new(list).contents(der::OCTET_STRING)?;
    let tbs = certificate.tbs_without(SCT_LIST)?;
    let mut reasons = Vec::new();
    for timestamp in
        read_list(list).ok_or_else(|| Error::malformed("certificate: list of signed timestamps"))?
    {
        let Some(log) = logs.iter().find(|log| log.id == timestamp.log) else {
            reasons
                .push(format!("log {} is not in the trusted root", crate::encoding::to_hex(timestamp.log)));
            continue;
        };
        let issuers = authority.chain.iter().filter(|each| each.subject() == certificate.issuer());
        for issuer in issuers {
            match verify_one(&timestamp, log, issuer, &tbs) {
                Ok(()) => return Ok(()),
                Err(error) => reasons.push(format!("log {}: {error}", log.base_url)),
            }
        }
    }
    Err(failed(&format!("no signed certificate timestamp verifies: {}", reasons.join("; "))))
}

fn verify_one(
    timestamp: &SignedTimestamp<'_>,
    log: &TransparencyLog,
    issuer: &Certificate,
    tbs: &[u8],
) -> Result<()> {
    let at = i64::try_from(u64::from_be_bytes(timestamp.milliseconds)).ok();
    let at = at.and_then(|at| Timestamp::from_millisecond(at).ok());
    let at = at.ok_or_else(|| Error::malformed("a time beyond all calendars"))?;
    if !log.period.contains(at) {
        return Err(failed(&format!("its key is trusted {}, not at {at}", log.period)));
    }
    // HashAlgorithm sha256(4) and SignatureAlgorithm rsa(1), ecdsa(3), RFC 5246 section 7.4.1.4.1.
    let scheme = match (timestamp.hash, timestamp.algorithm, log.key.kind()) {
        (4, 1, KeyKind::Rsa) | (4, 3, KeyKind::EcdsaP256 | KeyKind::EcdsaP384 | KeyKind::EcdsaP521) => {
            SignatureScheme::of(log.key.kind(), HashAlgorithm::Sha256)
        }
        (hash, algorithm, kind) => {
            return Err(Error::unsupported(format!(
                "hash {hash} and algorithm {algorithm} with a key of {kind:?}"
            )));
        }
    };
    let length = u32::try_from(tbs.len()).ok().filter(|length| *length < 1 << 24);
    let length = length.ok_or_else(|| Error::malformed("certificate too long"))?;
    let extensions_length = u16::try_from(timestamp.extensions.len()).expect("read from two bytes");
    // Version 1, certificate_timestamp, then the entry of a precertificate.
    let signed = [
        &[0, 0][..],
        &timestamp.milliseconds,
        &[0, 1],
        &sha256(issuer.public_key().as_der()),
        &length.to_be_bytes()[1..],
        tbs,
        &extensions_length.to_be_bytes(),
        timestamp.extensions,
    ]
    .concat();
    log.key.verify(scheme, &signed, timestamp.signature)
}

fn read_list(bytes: &[u8]) -> Option<Vec<SignedTimestamp<'_>>> {
    let (list, rest) = sized(bytes)?;
    let mut found = Vec::new();
    let mut list = list;
    while !list.is_empty() && found.len() < MAX_TIMESTAMPS {
        let (item, after) = sized(list)?;
        list = after;
        let (version, item) = item.split_first()?;
        if *version != 0 {
            continue;
        }
        let (log, item) = item.split_at_checked(32)?;
        let (milliseconds, item) = item.split_first_chunk::<8>()?;
        let (extensions, item) = sized(item)?;
        let ([hash, algorithm], item) = item.split_first_chunk::<2>()?;
        let (signature, end) = sized(item)?;
        end.is_empty().then_some(())?;
        let (hash, algorithm) = (*hash, *algorithm);
        found.push(SignedTimestamp {
            log,
            milliseconds: *milliseconds,
            extensions,
            hash,
            algorithm,
            signature,
        });
    }
    rest.is_empty().then_some(found)
}

/// Splits off what follows a length of two bytes.
fn sized(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_first_chunk::<2>()?;
    rest.split_at_checked(usize::from(u16::from_be_bytes(*length)))
}

fn failed(text: &str) -> Error {
    Error::new(ErrorKind::Certificate, text)
}
