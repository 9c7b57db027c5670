//! Blobs and the catalog of a registry on durable storage.
//!
//! Two traits, each with one contract suite that every implementation passes:
//!
//! - [`BlobStore`] holds bytes that have no meaning of their own: uploads that grow, and finished blobs.
//! - [`Catalog`] is the single source of truth: projects, accounts, repositories, which blob is linked where,
//!   manifests (whole, they are small), tags, the audit log.
//!
//! A blob is acknowledged in this order: its bytes are on disk under a key of their own (unique to that upload, never
//! reused), then the catalog's transaction that names the key is committed. Deleting goes the other way: the
//! transaction that forgets the key commits first, then the bytes go. So neither side ever waits for the other, no lock
//! spans both, and a crash in between leaves at most bytes that nobody names, which [`Doctor`] finds and removes.

pub mod blobs;
pub mod catalog;
mod collector;
pub mod contract;
mod doctor;
mod error;
mod faults;
mod modes;
mod sqlite;

pub use blobs::{BlobKey, BlobStore, DiskStore, UploadId};
pub use catalog::Catalog;
pub use collector::{CollectionReport, Collector};
pub use doctor::{Doctor, DoctorOptions, DoctorReport, Finding};
pub use error::{Error, Result};
#[cfg(feature = "testing")]
pub use faults::on_reached;
pub use sqlite::{SqliteCatalog, SqliteOptions};
