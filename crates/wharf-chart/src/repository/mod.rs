//! Chart repositories: the list of those a user has (`repositories.yaml`), what one offers (`index.yaml`), and the
//! addresses between them.

mod address;
mod file;
mod index;

pub use address::{join_url, resolve_url, same_url};
pub use file::{RepositoryEntry, RepositoryFile};
pub use index::{Found, Index, IndexEntry, MAX_INDEX_BYTES};
