//! How much an upload may bring: as much as the project's whole quota, and what the disk has beside its reserve. So
//! nobody fills the device with sessions that never become a blob.
//!
//! What the project uses already does not count here: the digest is known at the commit only, and content that the
//! project has costs nothing more. The commit decides exactly.

use std::io;
use std::path::PathBuf;

use wharf_access::Caller;
use wharf_oci::RepositoryName;
use wharf_storage::Error;

use crate::App;

/// After how many bytes the free space is looked at again.
const LOOK_BYTES: u64 = 16 << 20;

/// What one request may append.
#[derive(Debug)]
pub(super) struct Allowance {
    quota: Option<Quota>,
    folder: PathBuf,
    reserve_bytes: u64,
    next_look: u64,
}

#[derive(Debug)]
struct Quota {
    project: String,
    /// What the session holds already.
    held_bytes: u64,
    limit_bytes: u64,
}

impl Allowance {
    /// Returns what may come after the `offset` bytes that a session in the repository holds.
    pub(super) async fn of(app: &App, name: &RepositoryName, offset: u64) -> wharf_storage::Result<Self> {
        // The caller may push, which does not say that it may read what the project uses.
        let project = app.catalog.project(&Caller::system(), name.project()).await?;
        let quota = project.quota_bytes.map(|limit_bytes| Quota {
            project: project.name,
            held_bytes: offset,
            limit_bytes,
        });
        let folder = app.config.data.clone();
        Ok(Self { quota, folder, reserve_bytes: app.config.storage_reserve_bytes, next_look: LOOK_BYTES })
    }

    /// Decides on a body of which `bytes` are announced, before any of it is taken.
    pub(super) fn admit(&self, bytes: u64) -> wharf_storage::Result<()> {
        self.within_quota(bytes)?;
        self.leaves_reserve(bytes)
    }

    /// Decides on going on, now that `received` bytes have come.
    pub(super) fn take(&mut self, received: u64) -> wharf_storage::Result<()> {
        self.within_quota(received)?;
        if received < self.next_look {
            return Ok(());
        }
        self.next_look = received.saturating_add(LOOK_BYTES);
        self.leaves_reserve(0)
    }

    fn within_quota(&self, bytes: u64) -> wharf_storage::Result<()> {
        let Some(Quota { project, held_bytes, limit_bytes }) = &self.quota else { return Ok(()) };
        let wanted_bytes = held_bytes.saturating_add(bytes);
        if wanted_bytes <= *limit_bytes {
            return Ok(());
        }
        Err(Error::QuotaExceeded { project: project.clone(), wanted_bytes, limit_bytes: *limit_bytes })
    }

    fn leaves_reserve(&self, bytes: u64) -> wharf_storage::Result<()> {
        // Where the file system does not tell, writing will.
        let Ok(space) = rustix::fs::statvfs(&self.folder) else { return Ok(()) };
        let free = space.f_bavail.saturating_mul(space.f_frsize);
        if self.reserve_bytes == 0 || free >= self.reserve_bytes.saturating_add(bytes) {
            return Ok(());
        }
        let text = format!(
            "{free} bytes are free; {bytes} more would not leave the {} of storage.reserve",
            self.reserve_bytes
        );
        Err(Error::Full(io::Error::new(io::ErrorKind::StorageFull, text)))
    }
}
