//! Digests of signed content.

use std::collections::BTreeMap;

use aws_lc_rs::digest;

use crate::encoding::to_hex;
use crate::error::{Error, Result};

/// The digest algorithms that signatures here are made over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum HashAlgorithm {
    /// SHA-256, 32 bytes.
    Sha256,
    /// SHA-384, 48 bytes.
    Sha384,
    /// SHA-512, 64 bytes.
    Sha512,
}

impl HashAlgorithm {
    /// Every algorithm.
    pub const ALL: [Self; 3] = [Self::Sha256, Self::Sha384, Self::Sha512];

    /// Returns the name that in-toto subjects and OCI digests use: `sha256`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Sha256 => "sha256",
            Self::Sha384 => "sha384",
            Self::Sha512 => "sha512",
        }
    }

    /// Returns the algorithm of that name: `sha256`, or as sigstore's protobuf writes it, `SHA2_256`.
    ///
    /// # Errors
    /// The name is not one of those here.
    pub fn named(name: &str) -> Result<Self> {
        match name {
            "sha256" | "SHA2_256" => Ok(Self::Sha256),
            "sha384" | "SHA2_384" => Ok(Self::Sha384),
            "sha512" | "SHA2_512" => Ok(Self::Sha512),
            _ => Err(Error::unsupported(format!(
                "digest algorithm `{}` is not supported",
                name.escape_default()
            ))),
        }
    }

    pub(crate) fn protobuf(self) -> &'static str {
        match self {
            Self::Sha256 => "SHA2_256",
            Self::Sha384 => "SHA2_384",
            Self::Sha512 => "SHA2_512",
        }
    }

    pub(crate) fn provider(self) -> &'static digest::Algorithm {
        match self {
            Self::Sha256 => &digest::SHA256,
            Self::Sha384 => &digest::SHA384,
            Self::Sha512 => &digest::SHA512,
        }
    }

    /// Returns the digest of the bytes.
    #[must_use]
    pub fn digest(self, bytes: &[u8]) -> Vec<u8> {
        digest::digest(self.provider(), bytes).as_ref().to_vec()
    }
}

pub(crate) fn sha256(bytes: &[u8]) -> [u8; 32] {
    digest::digest(&digest::SHA256, bytes).as_ref().try_into().expect("SHA-256 has 32 bytes")
}

/// Hashes an artifact while it is read, by one or more algorithms.
pub struct ArtifactHasher(Vec<(HashAlgorithm, digest::Context)>);

impl ArtifactHasher {
    /// Starts with nothing read.
    #[must_use]
    pub fn new(algorithms: &[HashAlgorithm]) -> Self {
        Self(algorithms.iter().map(|each| (*each, digest::Context::new(each.provider()))).collect())
    }

    /// Takes the next bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        for (_, context) in &mut self.0 {
            context.update(bytes);
        }
    }

    /// Returns the digests of everything read.
    #[must_use]
    pub fn finish(self) -> Artifact {
        let digests = self.0.into_iter().map(|(each, context)| (each, context.finish().as_ref().to_vec()));
        Artifact { digests: digests.collect(), bytes: None }
    }
}

/// What a signature is about: the digests of an artifact and, where they are at hand, its bytes.
///
/// Digests are enough for everything except a signature by Ed25519 over the bytes themselves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Artifact {
    digests: BTreeMap<HashAlgorithm, Vec<u8>>,
    bytes: Option<Vec<u8>>,
}

impl Artifact {
    /// Returns the artifact that these bytes are.
    #[must_use]
    pub fn from_bytes(bytes: Vec<u8>) -> Self {
        let digests = HashAlgorithm::ALL.iter().map(|each| (*each, each.digest(&bytes))).collect();
        Self { digests, bytes: Some(bytes) }
    }

    /// Returns the artifact of which only a digest is known.
    ///
    /// # Errors
    /// The digest has not the length of its algorithm.
    pub fn from_digest(algorithm: HashAlgorithm, digest: &[u8]) -> Result<Self> {
        if digest.len() != algorithm.provider().output_len() {
            return Err(Error::malformed(format!(
                "{} digest has {} bytes, not {}",
                algorithm.name(),
                digest.len(),
                algorithm.provider().output_len()
            )));
        }
        Ok(Self { digests: BTreeMap::from([(algorithm, digest.to_vec())]), bytes: None })
    }

    /// Returns the artifact with that OCI digest.
    ///
    /// # Errors
    /// The digest's algorithm is not one of [`HashAlgorithm`].
    pub fn from_oci(digest: &wharf_oci::Digest) -> Result<Self> {
        let text = digest.to_string();
        let (algorithm, hex) = text.split_once(':').unwrap_or_default();
        Self::from_digest(HashAlgorithm::named(algorithm)?, &crate::encoding::from_hex(hex)?)
    }

    /// Returns the digest by that algorithm, when it is known.
    #[must_use]
    pub fn digest(&self, algorithm: HashAlgorithm) -> Option<&[u8]> {
        self.digests.get(&algorithm).map(Vec::as_slice)
    }

    /// Returns the bytes, when they are at hand.
    #[must_use]
    pub fn bytes(&self) -> Option<&[u8]> {
        self.bytes.as_deref()
    }

    pub(crate) fn wanted(&self, algorithm: HashAlgorithm) -> Result<&[u8]> {
        self.digest(algorithm).ok_or_else(|| {
            Error::new(
                crate::ErrorKind::Content,
                format!(
                    "the artifact is known by {self}, the signature needs its {} digest",
                    algorithm.name()
                ),
            )
        })
    }
}

impl std::fmt::Display for Artifact {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.digests.iter().next() {
            Some((algorithm, digest)) => write!(f, "{}:{}", algorithm.name(), to_hex(digest)),
            None => f.write_str("no digest"),
        }
    }
}
