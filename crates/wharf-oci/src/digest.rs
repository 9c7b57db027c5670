//! Content digests and the state that computes them.

use std::borrow::Borrow;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use data_encoding::HEXLOWER;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::Digest as _;

/// A digest algorithm that Wharf computes and verifies.
///
/// Other algorithms parse (image-spec v1.1, Digests: "implementations MAY support other algorithms") but cannot be
/// verified here; see [`Digest::algorithm`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Algorithm {
    /// SHA-256: 64 lower-case hexadecimal digits.
    #[default]
    Sha256,
    /// SHA-512: 128 lower-case hexadecimal digits.
    Sha512,
}

impl Algorithm {
    /// Returns the registered name, as it stands before the colon of a digest.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sha256 => "sha256",
            Self::Sha512 => "sha512",
        }
    }

    /// Returns the number of hexadecimal digits of an encoded digest.
    pub const fn encoded_len(self) -> usize {
        match self {
            Self::Sha256 => 64,
            Self::Sha512 => 128,
        }
    }

    /// Returns the digest of `bytes`.
    pub fn digest(self, bytes: &[u8]) -> Digest {
        let mut digester = Digester::new(self);
        digester.update(bytes);
        digester.finish()
    }
}

impl FromStr for Algorithm {
    type Err = DigestError;

    fn from_str(name: &str) -> Result<Self, DigestError> {
        match name {
            "sha256" => Ok(Self::Sha256),
            "sha512" => Ok(Self::Sha512),
            _ => Err(DigestError::Unsupported(name.to_owned())),
        }
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A content digest, `algorithm:encoded`.
///
/// The grammar of image-spec v1.1 (descriptor.md, Digests) is checked when it is made; for SHA-256 and SHA-512 the
/// encoded part is checked to be lower-case hexadecimal of the exact length, so it is safe as a file name.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Digest {
    text: Arc<str>,
}

impl Digest {
    /// The longest digest text that is accepted, in bytes.
    pub const MAX_LEN: usize = 256;

    /// Returns the algorithm, or `None` for one that parses but that Wharf cannot compute.
    pub fn algorithm(&self) -> Option<Algorithm> {
        self.algorithm_name().parse().ok()
    }

    /// Returns the text before the colon.
    pub fn algorithm_name(&self) -> &str {
        self.text.split_once(':').map_or("", |(algorithm, _)| algorithm)
    }

    /// Returns the text after the colon.
    pub fn encoded(&self) -> &str {
        self.text.split_once(':').map_or("", |(_, encoded)| encoded)
    }

    /// Returns the whole text.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    fn from_hash(algorithm: Algorithm, hash: &[u8]) -> Self {
        let mut text = String::with_capacity(algorithm.name().len() + 1 + algorithm.encoded_len());
        text.push_str(algorithm.name());
        text.push(':');
        HEXLOWER.encode_append(hash, &mut text);
        Self { text: text.into() }
    }
}

impl FromStr for Digest {
    type Err = DigestError;

    fn from_str(text: &str) -> Result<Self, DigestError> {
        let invalid =
            |reason| DigestError::Invalid { text: text.chars().take(Self::MAX_LEN).collect(), reason };
        if text.len() > Self::MAX_LEN {
            return Err(invalid("it is longer than 256 bytes"));
        }
        let (algorithm, encoded) = text.split_once(':').ok_or_else(|| invalid("it has no colon"))?;
        let component = |part: &str| {
            !part.is_empty() && part.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
        };
        if !algorithm.split(['+', '.', '_', '-']).all(component) {
            return Err(invalid("the algorithm name is malformed"));
        }
        if encoded.is_empty()
            || !encoded.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'=' | b'_' | b'-'))
        {
            return Err(invalid("the encoded part is malformed"));
        }
        if let Ok(known) = algorithm.parse::<Algorithm>() {
            if encoded.len() != known.encoded_len() {
                return Err(invalid("the encoded part has the wrong length for its algorithm"));
            }
            if !encoded.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b)) {
                return Err(invalid("the encoded part is not lower-case hexadecimal"));
            }
        }
        Ok(Self { text: text.into() })
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Borrow<str> for Digest {
    fn borrow(&self) -> &str {
        &self.text
    }
}

impl Serialize for Digest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}

impl<'de> Deserialize<'de> for Digest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        std::borrow::Cow::<str>::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// The running state of a digest computation.
#[derive(Clone, Debug)]
pub struct Digester {
    state: State,
}

#[derive(Clone, Debug)]
enum State {
    Sha256(sha2::Sha256),
    Sha512(Box<sha2::Sha512>),
}

impl Digester {
    /// Returns the state before any byte.
    pub fn new(algorithm: Algorithm) -> Self {
        let state = match algorithm {
            Algorithm::Sha256 => State::Sha256(sha2::Sha256::new()),
            Algorithm::Sha512 => State::Sha512(Box::default()),
        };
        Self { state }
    }

    /// Takes in the next bytes of the content.
    pub fn update(&mut self, bytes: &[u8]) {
        match &mut self.state {
            State::Sha256(hash) => hash.update(bytes),
            State::Sha512(hash) => hash.update(bytes),
        }
    }

    /// Returns the digest of everything taken in.
    pub fn finish(self) -> Digest {
        match self.state {
            State::Sha256(hash) => Digest::from_hash(Algorithm::Sha256, &hash.finalize()),
            State::Sha512(hash) => Digest::from_hash(Algorithm::Sha512, &hash.finalize()),
        }
    }

    /// Returns the algorithm being computed.
    pub const fn algorithm(&self) -> Algorithm {
        match self.state {
            State::Sha256(_) => Algorithm::Sha256,
            State::Sha512(_) => Algorithm::Sha512,
        }
    }
}

/// Why a text is not a usable digest. The caller must act.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DigestError {
    /// The text breaks the grammar.
    #[error("digest {text:?} is invalid: {reason}")]
    Invalid {
        /// The text as it came, cut at [`Digest::MAX_LEN`] characters.
        text: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// The algorithm is none that Wharf computes.
    #[error("digest algorithm {0:?} is not supported; sha256 and sha512 are")]
    Unsupported(String),
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn known_algorithms_need_lower_case_hex_of_the_exact_length() {
        let good = Algorithm::Sha256.digest(b"");
        assert_eq!(good.to_string().parse::<Digest>().unwrap(), good);
        for bad in [
            "sha256:44136FA355B3678A1146AD16F7E8649E94FB4FC21FE77E8310C060F61CAAFF8A",
            "sha256:44136f",
            "sha512:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a",
            "sha256",
            "sha256:",
            ":abc",
            "sha256:../../../../etc/passwd",
        ] {
            assert!(bad.parse::<Digest>().is_err(), "{bad}");
        }
    }

    #[test]
    fn an_unknown_algorithm_parses_but_cannot_be_computed() {
        let digest: Digest =
            "multihash+base58:QmRZxt2b1FVZPNqd8hsiykDL3TdBDeTSPX9Kv46HmX4Gx8".parse().unwrap();
        assert_eq!(digest.algorithm(), None);
        assert_eq!(digest.algorithm_name(), "multihash+base58");
    }

    #[test]
    fn sha512_of_nothing_is_the_published_value() {
        assert!(
            Algorithm::Sha512
                .digest(b"")
                .encoded()
                .starts_with("cf83e1357eefb8bdf1542850d66d8007d620e4050b5715dc")
        );
    }
}
