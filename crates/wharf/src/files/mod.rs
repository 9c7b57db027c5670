//! Files and folders as layers of an artifact: packed here, and written back where they may be.
//!
//! The form is the one that ORAS gave the world: a file is its bytes, a folder a gzipped tar, told by the annotations below.

mod pack;
mod tar;
mod unpack;

pub(crate) use pack::{Packed, pack, pack_at};
pub(crate) use unpack::{Refused, place, unpack};

/// The name of a layer: where it came from, and where it is written to.
pub(crate) const TITLE: &str = "org.opencontainers.image.title";
/// Says `true` of a layer that is a folder.
pub(crate) const UNPACK: &str = "io.deis.oras.content.unpack";
/// The digest of a folder's tar before compression.
pub(crate) const CONTENT_DIGEST: &str = "io.deis.oras.content.digest";
