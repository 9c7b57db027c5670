//! OpenPGP keyrings and clear-signed text in, who signed what out; and the reverse.
//!
//! Helm's provenance files are text in the cleartext signature framework of OpenPGP (RFC 9580, section 7). This crate
//! knows nothing of charts: [`verify`] gives the text that was signed, [`sign`] signs one. No files, no clock: the time
//! is an argument.
//!
//! ```
//! use wharf_provenance::{Keyring, verify};
//!
//! let keyring = Keyring::read(b"")?;
//! assert!(verify(b"no signature", &keyring, 1_700_000_000).is_err());
//! # Ok::<(), wharf_provenance::Error>(())
//! ```

mod cleartext;
mod keybox;
mod keyring;
mod packets;
mod sign;
mod verify;

pub use keyring::{Key, Keyring, MAX_KEYRING_BYTES};
pub use sign::sign;
pub use verify::{Signed, verify};

/// What is wrong with a keyring, a key or a signature. The text is Helm's where Helm has one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text}")]
pub struct Error {
    kind: ErrorKind,
    text: String,
}

/// Who must act.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The keyring cannot be read, or lacks the key that is asked for.
    Keyring,
    /// The signed text is malformed.
    Malformed,
    /// No key of the keyring made the signature, or it does not fit the text, or the key must not be used.
    Signature,
}

impl Error {
    pub(crate) fn new(kind: ErrorKind, text: impl Into<String>) -> Self {
        Self { kind, text: text.into() }
    }

    /// Returns who must act.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }
}
