//! One error for the crate; its kind answers who must act.

use std::fmt;

/// What `wharf-trust` returns instead of a value.
///
/// The text names the thing and both values, and never holds a secret.
#[derive(Debug, thiserror::Error)]
#[error("{text}")]
pub struct Error {
    kind: ErrorKind,
    text: Box<str>,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

/// Who must act, and on what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The caller asked for something that cannot be: contradicting or missing requirements.
    Misuse,
    /// The bytes are not what they claim to be: not PEM, DER, JSON, or not of the named shape.
    Malformed,
    /// Well formed, but of a kind, version or algorithm that is not supported.
    Unsupported,
    /// The password does not open the key.
    Password,
    /// A signature does not verify.
    Signature,
    /// The signed content is about something else: another digest, subject or predicate type.
    Content,
    /// The certificate does not lead to a trusted authority, or was not valid at the time.
    Certificate,
    /// Signed by somebody else than expected.
    Identity,
    /// The transparency log does not prove the entry.
    Log,
    /// No trusted authority vouches for the time.
    Timestamp,
    /// Whoever keeps the key did not sign.
    KeyHolder,
}

impl Error {
    pub(crate) fn new(kind: ErrorKind, text: impl Into<Box<str>>) -> Self {
        Self { kind, text: text.into(), source: None }
    }

    /// Returns the error of a [`SigningKey`](crate::SigningKey) whose key lies elsewhere: whoever keeps it did not sign.
    #[must_use]
    pub fn key_holder(text: impl Into<Box<str>>) -> Self {
        Self::new(ErrorKind::KeyHolder, text)
    }

    pub(crate) fn malformed(text: impl Into<Box<str>>) -> Self {
        Self::new(ErrorKind::Malformed, text)
    }

    pub(crate) fn unsupported(text: impl Into<Box<str>>) -> Self {
        Self::new(ErrorKind::Unsupported, text)
    }

    pub(crate) fn because(
        mut self,
        source: impl Into<Box<dyn std::error::Error + Send + Sync + 'static>>,
    ) -> Self {
        self.source = Some(source.into());
        self
    }

    /// Returns the same error with the thing it happened to in front.
    pub(crate) fn within(mut self, thing: impl fmt::Display) -> Self {
        self.text = format!("{thing}: {}", self.text).into();
        self
    }

    /// Returns who must act.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }
}

/// The result of everything here that can fail.
pub type Result<T> = std::result::Result<T, Error>;
