//! Transparency logs of signatures: Rekor 1 and 2. An entry in a bundle, and the proof that the log holds it.

mod checkpoint;
mod entry;
mod logged;
mod merkle;

pub use entry::{Checkpoint, InclusionPromise, InclusionProof, KindVersion, LogEntry, LogId};

pub(crate) use checkpoint::key_hash;
pub(crate) use logged::{Claimed, ClaimedContent};
