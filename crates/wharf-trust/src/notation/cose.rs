//! The envelope in CBOR: `COSE_Sign1` with its tag (signature-envelope-cose.md; RFC 9052 section 4.2).

use jiff::Timestamp;

use super::algorithm::Algorithm;
use super::attributes::{EXPIRY, SCHEME, SIGNING_TIME, Stated, TIMESTAMP};
use super::cbor::{Value, write_bytes};
use super::signature::Parts;
use crate::error::{Error, Result};

pub(super) const MEDIA_TYPE: &str = "application/cose";

/// The tag of `COSE_Sign1`.
const SIGN1: u64 = 18;
/// That tag, encoded.
pub(super) const FIRST_BYTE: u8 = 0xd2;
/// The tag of a time in seconds, RFC 8949 section 3.4.2.
const SECONDS: u64 = 1;
/// Labels of RFC 9052 section 3.1, and of RFC 9360 section 2.
const ALGORITHM: Value<'_> = Value::Integer(1);
const CRITICAL: Value<'_> = Value::Integer(2);
const CONTENT_TYPE: Value<'_> = Value::Integer(3);
const X5_CHAIN: Value<'_> = Value::Integer(33);

pub(super) fn read(bytes: &[u8]) -> Result<Parts> {
    let Value::Tag(SIGN1, document) = Value::read(bytes)? else { return Err(bad("not tagged COSE_Sign1")) };
    let Value::Array(items) = *document else { return Err(bad("not an array")) };
    let [Value::Bytes(encoded), unprotected @ Value::Map(_), Value::Bytes(payload), Value::Bytes(signature)] =
        items.as_slice()
    else {
        return Err(bad("not the two headers, the payload and the signature"));
    };
    let protected = Value::read(encoded)?;
    let Some(Value::Integer(algorithm)) = protected.get(&ALGORITHM) else { return Err(bad("no algorithm")) };
    let text = |label: &Value<'_>| protected.get(label).and_then(Value::text).map(str::to_owned);
    let critical = match protected.get(&CRITICAL) {
        Some(Value::Array(labels)) => labels.iter().map(label).collect(),
        Some(_) => return Err(bad("the critical labels are no array")),
        None => Vec::new(),
    };
    let Some(Value::Array(chain)) = unprotected.get(&X5_CHAIN) else {
        return Err(bad("no chain of certificates"));
    };
    let certificate =
        |value: &Value<'_>| value.bytes().map(<[u8]>::to_vec).ok_or_else(|| bad("a certificate is no bytes"));
    // RFC 9052 section 4.4: an array of four, without further data.
    let mut signed = b"\x84\x6aSignature1".to_vec();
    for part in [encoded, &[][..], payload] {
        write_bytes(&mut signed, part);
    }
    Ok(Parts {
        algorithm: Algorithm::numbered(*algorithm)?,
        stated: Stated {
            content_type: text(&CONTENT_TYPE),
            scheme: text(&Value::Text(SCHEME)),
            signing_time: time(&protected, SIGNING_TIME)?,
            expiry: time(&protected, EXPIRY)?,
            critical,
        },
        payload: payload.to_vec(),
        signature: signature.to_vec(),
        signed,
        chain: chain.iter().map(certificate).collect::<Result<_>>()?,
        timestamp: unprotected.get(&Value::Text(TIMESTAMP)).and_then(Value::bytes).map(<[u8]>::to_vec),
    })
}

/// A label as text; none that is no text is understood as critical.
fn label(value: &Value<'_>) -> String {
    match value {
        Value::Text(text) => (*text).to_owned(),
        Value::Integer(number) => format!("label {number}"),
        _ => "a label that is no text".to_owned(),
    }
}

fn time(protected: &Value<'_>, name: &str) -> Result<Option<Timestamp>> {
    let Some(value) = protected.get(&Value::Text(name)) else { return Ok(None) };
    let seconds = match value {
        Value::Tag(SECONDS, inner) => match **inner {
            Value::Integer(seconds) => Timestamp::from_second(seconds).ok(),
            _ => None,
        },
        _ => None,
    };
    seconds.map(Some).ok_or_else(|| bad(&format!("`{name}` is no time in seconds")))
}

fn bad(what: &str) -> Error {
    Error::malformed(format!("COSE: {what}"))
}
