//! Verification: an unverified bundle, what is expected, and a trusted root in; a verified content with its proof out.

mod proof;
mod verifier;

pub use proof::{Proof, ProvenTime, Signer, TimeSource, Verified};
pub use verifier::{ExpectedSigner, Verifier};

pub(crate) use verifier::check_entry_content;
