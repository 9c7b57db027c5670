//! Registries and targets for tests: good ones, lame ones and hostile ones.
//!
//! - [`TestServer`] is a small registry in this process that writes down every request, and whose answers a test can
//!   bend: what a hostile or broken peer does is a closure.
//! - [`LocalRegistry`] is Wharf's own registry in this process, with or without the referrers API.
//! - [`serve`] starts `wharf serve` as a process of its own.
//! - [`FaultyTarget`] is a content target in memory that refuses or forgets what it is told to.
//! - [`sigstore::FakeSigstore`] is a sigstore instance in this process, which lies when it is told to.
//! - [`builders`] makes blobs, manifests, indexes, and artifacts with every kind of paper.
//!
//! Only tests depend on this crate; it panics where something is not as a test expects.
#![expect(clippy::unwrap_used, reason = "for tests: what goes wrong here is a panic there")]

pub mod builders;
mod faulty;
mod process;
mod registry;
mod server;
pub mod sigstore;

pub use faulty::FaultyTarget;
pub use process::serve;
pub use registry::LocalRegistry;
pub use server::{Seen, TestServer, answer, broken, endless, url_query};
