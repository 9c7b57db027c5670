//! Signatures of the Notary Project, which `notation` makes: an envelope (JWS or COSE) over the descriptor of an artifact, with
//! the certificates of whoever signed.
//!
//! After the specifications of the Notary Project (<https://github.com/notaryproject/specifications>):
//! `signature-specification.md`, `signature-envelope-jws.md`, `signature-envelope-cose.md`, and for trusted certificates and
//! subjects `trust-store-trust-policy.md`.

mod algorithm;
mod attributes;
mod cbor;
mod chain;
mod cose;
mod jws;
mod name;
mod signature;
mod signers;

pub use signature::NotationSignature;

pub(crate) use name::Subject;
pub(crate) use signature::Target;
pub(crate) use signers::NotationSigners;
