//! Text forms of bytes as the formats here write them: base64 and hexadecimal.

use data_encoding::{BASE64, BASE64_NOPAD, BASE64URL, BASE64URL_NOPAD, HEXLOWER, HEXLOWER_PERMISSIVE};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::error::{Error, Result};

/// Bytes that JSON holds as base64. Reads what protobuf's JSON form permits: both alphabets, with or without padding.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Base64(pub Vec<u8>);

impl std::ops::Deref for Base64 {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}

impl From<Vec<u8>> for Base64 {
    fn from(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }
}

impl From<&[u8]> for Base64 {
    fn from(bytes: &[u8]) -> Self {
        Self(bytes.to_vec())
    }
}

/// Standard base64 with padding.
impl std::fmt::Display for Base64 {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&to_base64(&self.0))
    }
}

impl std::str::FromStr for Base64 {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        from_base64(text).map(Self)
    }
}

impl Serialize for Base64 {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        serializer.serialize_str(&BASE64.encode(&self.0))
    }
}

impl<'de> Deserialize<'de> for Base64 {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        from_base64(&text).map(Self).map_err(serde::de::Error::custom)
    }
}

/// Line feeds inside are passed over, because Go's readers do and people paste what `base64` wraps.
pub(crate) fn from_base64(text: &str) -> Result<Vec<u8>> {
    let wrapped = text.contains(['\n', '\r']);
    let text = if wrapped { text.replace(['\n', '\r'], "").into() } else { std::borrow::Cow::Borrowed(text) };
    let bytes = text.as_bytes();
    let url = bytes.iter().any(|byte| matches!(byte, b'-' | b'_'));
    let padded = bytes.last() == Some(&b'=');
    let encoding = match (url, padded) {
        (false, true) => &BASE64,
        (false, false) => &BASE64_NOPAD,
        (true, true) => &BASE64URL,
        (true, false) => &BASE64URL_NOPAD,
    };
    encoding.decode(bytes).map_err(|error| Error::malformed("not base64").because(error))
}

pub(crate) fn to_base64(bytes: &[u8]) -> String {
    BASE64.encode(bytes)
}

pub(crate) fn from_hex(text: &str) -> Result<Vec<u8>> {
    HEXLOWER_PERMISSIVE
        .decode(text.as_bytes())
        .map_err(|error| Error::malformed("not hexadecimal").because(error))
}

pub(crate) fn to_hex(bytes: &[u8]) -> String {
    HEXLOWER.encode(bytes)
}

/// A 64-bit number that protobuf's JSON form writes as text and reads as either.
pub(crate) mod int64 {
    use serde::{Deserialize, Deserializer, Serializer};

    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Either {
        Number(i64),
        Text(String),
    }

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "the shape that serde calls")]
    pub(crate) fn serialize<S: Serializer>(value: &i64, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(value)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<i64, D::Error> {
        match Option::<Either>::deserialize(deserializer)? {
            None => Ok(0),
            Some(Either::Number(number)) => Ok(number),
            Some(Either::Text(text)) => text.parse().map_err(serde::de::Error::custom),
        }
    }
}
