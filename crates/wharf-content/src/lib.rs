//! Content targets, and the graph copy between any two of them.
//!
//! A content target holds manifests, blobs and tags: a remote repository, an OCI layout in a folder or a tar, memory.
//! Reading is [`ReadTarget`], writing [`Target`]; [`copy`] carries an artifact with everything it refers to and all its
//! papers from one target to another, byte for byte, tag last. Nothing is ever re-serialised on the way.
//!
//! ```
//! use bytes::Bytes;
//! use wharf_content::{CopyOptions, MemoryTarget, RawManifest, Target, copy};
//! use wharf_oci::media_type;
//!
//! # tokio::runtime::Builder::new_current_thread().build().expect("a runtime").block_on(async {
//! let (here, there) = (MemoryTarget::new(), MemoryTarget::new());
//! let json = br#"{"schemaVersion":2,"manifests":[]}"#;
//! let manifest = RawManifest::new(media_type::OCI_INDEX, Bytes::from_static(json));
//! here.push_manifest(&manifest, &["v1".parse()?]).await?;
//!
//! let report = copy(&here, &"v1".parse()?, &there, &CopyOptions::default()).await?;
//! assert_eq!(report.root.digest, manifest.digest);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # }).expect("the copy succeeds");
//! ```

mod cached;
#[cfg(any(test, feature = "contract"))]
pub mod contract;
mod copy;
mod error;
mod layout;
mod memory;
mod papers;
mod platform;
mod stream;
mod tar;
mod target;

pub use cached::CachedTarget;
pub use copy::{
    Budget, Common, CopyItem, CopyOptions, CopyReport, IgnoredReferrer, Incomplete, NoProgress, Outcome,
    Progress, Role, copy,
};
pub use error::{Error, ErrorKind, Result, Side};
pub use layout::LayoutTarget;
pub use memory::MemoryTarget;
pub use papers::{Paper, PaperKind, PaperOptions, fallback_referrers, papers, referrers_tag, sibling_tag};
pub use platform::{PlatformFilter, resolve_platform};
pub use stream::{BlobSource, BlobStream, BytesSource, FileSource, collect, once, verified};
pub use tar::TarTarget;
pub use target::{
    Arrival, Cursor, DEFAULT_MAX_MANIFEST_BYTES, MountOrigin, RawManifest, ReadTarget, TagPage, Target,
    all_tags, media_type_of,
};
