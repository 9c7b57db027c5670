//! Chart archives: gzipped tar files.

mod pack;
mod read;
mod tar_writer;

pub use pack::{DEFAULT_PACK_TIME, PackOptions, Packed, pack};
pub use read::unpack_archive;
pub(crate) use read::{Budget, read_archive};
