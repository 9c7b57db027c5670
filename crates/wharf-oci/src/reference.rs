//! References to a manifest, inside a repository and across registries.

use std::fmt;
use std::str::FromStr;

use crate::{Digest, DigestError, NameError, RepositoryName, Tag};

/// What names a manifest inside a repository: a tag or a digest.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Reference {
    /// A movable name.
    Tag(Tag),
    /// The content itself.
    Digest(Digest),
}

impl Reference {
    /// Returns the digest, if it is one.
    pub const fn digest(&self) -> Option<&Digest> {
        match self {
            Self::Digest(digest) => Some(digest),
            Self::Tag(_) => None,
        }
    }

    /// Returns the tag, if it is one.
    pub const fn tag(&self) -> Option<&Tag> {
        match self {
            Self::Tag(tag) => Some(tag),
            Self::Digest(_) => None,
        }
    }
}

impl FromStr for Reference {
    type Err = ReferenceError;

    /// Reads a digest when the text has a colon (no tag has one), else a tag.
    fn from_str(text: &str) -> Result<Self, ReferenceError> {
        if text.contains(':') { Ok(Self::Digest(text.parse()?)) } else { Ok(Self::Tag(text.parse()?)) }
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tag(tag) => tag.fmt(f),
            Self::Digest(digest) => digest.fmt(f),
        }
    }
}

/// A reference across registries: `HOST[:PORT]/REPOSITORY[:TAG][@DIGEST]`.
///
/// The host is mandatory: no default registry is ever guessed. An `oci://` prefix is accepted and dropped.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ImageReference {
    /// Host and optional port, as the user wrote it, such as `registry.example.com:5000` or `[::1]:5000`.
    pub host: String,
    /// The repository.
    pub repository: RepositoryName,
    /// The tag, if one was written.
    pub tag: Option<Tag>,
    /// The digest, if one was written. Where both stand, the digest decides and the tag is a claim to be checked.
    pub digest: Option<Digest>,
}

impl ImageReference {
    /// Returns what to ask the repository for: the digest, else the tag, else `None`.
    pub fn reference(&self) -> Option<Reference> {
        match (&self.digest, &self.tag) {
            (Some(digest), _) => Some(Reference::Digest(digest.clone())),
            (None, Some(tag)) => Some(Reference::Tag(tag.clone())),
            (None, None) => None,
        }
    }

    /// Returns the same place with another tag or digest.
    #[must_use]
    pub fn with_reference(&self, reference: Reference) -> Self {
        let (tag, digest) = match reference {
            Reference::Tag(tag) => (Some(tag), None),
            Reference::Digest(digest) => (None, Some(digest)),
        };
        Self { host: self.host.clone(), repository: self.repository.clone(), tag, digest }
    }
}

impl FromStr for ImageReference {
    type Err = ReferenceError;

    fn from_str(text: &str) -> Result<Self, ReferenceError> {
        let rest = text.strip_prefix("oci://").unwrap_or(text);
        let malformed = |reason| ReferenceError::Malformed { text: text.to_owned(), reason };
        let (host, path) =
            rest.split_once('/').ok_or_else(|| malformed("it names no repository after a host"))?;
        if !is_host(host) {
            return Err(malformed("it does not start with a registry host"));
        }
        let (path, digest) = match path.split_once('@') {
            Some((path, digest)) => (path, Some(digest.parse()?)),
            None => (path, None),
        };
        // A colon after the last slash starts the tag; ports stand in the host only.
        let (repository, tag) = match path.rsplit_once(':') {
            Some((repository, tag)) if !tag.contains('/') => (repository, Some(tag.parse()?)),
            _ => (path, None),
        };
        Ok(Self { host: host.to_owned(), repository: repository.parse()?, tag, digest })
    }
}

impl fmt::Display for ImageReference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.host, self.repository)?;
        if let Some(tag) = &self.tag {
            write!(f, ":{tag}")?;
        }
        if let Some(digest) = &self.digest {
            write!(f, "@{digest}")?;
        }
        Ok(())
    }
}

/// Returns whether `text` can be `HOST[:PORT]`: a DNS name, an IPv4 address or a bracketed IPv6 address.
fn is_host(text: &str) -> bool {
    let (name, port) = match text.strip_prefix('[') {
        Some(rest) => match rest.split_once(']') {
            Some((address, port)) => {
                if address.parse::<std::net::Ipv6Addr>().is_err() {
                    return false;
                }
                ("v6", port.strip_prefix(':').or(if port.is_empty() { None } else { Some("x") }))
            }
            None => return false,
        },
        None => match text.split_once(':') {
            Some((name, port)) => (name, Some(port)),
            None => (text, None),
        },
    };
    let label = |label: &str| {
        !label.is_empty()
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    name.len() <= 253 && name.split('.').all(label) && port.is_none_or(|port| port.parse::<u16>().is_ok())
}

/// Why a text is not a reference. The caller must act.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ReferenceError {
    /// The repository name or tag breaks its grammar.
    #[error(transparent)]
    Name(#[from] NameError),
    /// The digest breaks its grammar.
    #[error(transparent)]
    Digest(#[from] DigestError),
    /// The text as a whole has the wrong shape.
    #[error("reference {text:?} is invalid: {reason}")]
    Malformed {
        /// The text as it came.
        text: String,
        /// What is wrong with it.
        reason: &'static str,
    },
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn a_reference_prints_as_it_was_read() {
        let digest = crate::Algorithm::Sha256.digest(b"x");
        for text in [
            "localhost:5000/shop/storefront:1.2.3".to_owned(),
            "registry.example.com/a".to_owned(),
            "[::1]:5000/a/b".to_owned(),
            format!("127.0.0.1/a/b:tag@{digest}"),
            format!("127.0.0.1/a/b@{digest}"),
        ] {
            assert_eq!(text.parse::<ImageReference>().unwrap().to_string(), text);
            assert_eq!(format!("oci://{text}").parse::<ImageReference>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn malformed_references_are_refused() {
        for bad in [
            "",
            "alpine",
            "a/B",
            "ho st/a",
            "host:port/a",
            "host/a:",
            "host/a@sha256:1",
            "[::1/a",
            "-a/b",
            "host/",
            "[::1]x/a",
        ] {
            assert!(bad.parse::<ImageReference>().is_err(), "{bad}");
        }
    }
}
