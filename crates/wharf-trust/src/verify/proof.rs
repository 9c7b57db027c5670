//! What a verification proved.

use jiff::Timestamp;

use crate::cert::Identity;
use crate::key::SignatureScheme;

/// A value whose signature was verified. Only this crate can make one.
#[derive(Debug, Clone, PartialEq)]
pub struct Verified<T> {
    value: T,
    proof: Proof,
}

impl<T> Verified<T> {
    pub(crate) fn new(value: T, proof: Proof) -> Self {
        Self { value, proof }
    }

    /// Returns the value.
    pub fn value(&self) -> &T {
        &self.value
    }

    /// Returns how it was verified.
    pub fn proof(&self) -> &Proof {
        &self.proof
    }

    /// Returns value and proof.
    pub fn into_parts(self) -> (T, Proof) {
        (self.value, self.proof)
    }
}

/// Who signed, when, and what vouches for it.
#[derive(Debug, Clone, PartialEq)]
pub struct Proof {
    /// Who signed.
    pub signer: Signer,
    /// How.
    pub scheme: SignatureScheme,
    /// Every time that a log or an authority vouches for; the certificate was valid at each.
    pub times: Vec<ProvenTime>,
    /// Entries that a trusted log proved: its base URL and the index.
    pub logged: Vec<(String, i64)>,
    /// What was passed over, and why: entries and timestamps of logs and authorities that the trusted root does not know.
    pub notes: Vec<String>,
}

/// Who signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Signer {
    /// The holder of the key with that hint.
    Key(String),
    /// The holder of a certificate.
    Certificate(Box<Identity>),
}

/// A moment at which the signature existed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProvenTime {
    /// The moment.
    pub at: Timestamp,
    /// Who vouches for it.
    pub by: TimeSource,
}

/// Who vouches for a time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TimeSource {
    /// The log with that base URL.
    Log(String),
    /// The timestamp authority at that address.
    Authority(String),
    /// Nobody: the caller's clock.
    Clock,
}
