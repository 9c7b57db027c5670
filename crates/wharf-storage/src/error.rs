//! What can go wrong in storage, sorted by who must act.

use wharf_access::Denied;
use wharf_oci::{Digest, Tag};

/// The result of a storage operation.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a storage operation failed. Nothing was changed; only after `Io` and `Damaged` that is not certain.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The caller may not do this.
    #[error(transparent)]
    Denied(#[from] Denied),
    /// The thing asked for does not exist (or the caller has no right to know).
    #[error("{what} {name:?} does not exist")]
    NotFound {
        /// What kind of thing, such as `manifest`.
        what: &'static str,
        /// Its name, digest or number.
        name: String,
    },
    /// A thing with that name exists, or the thing is in use.
    #[error("{what} {name:?} {problem}")]
    Conflict {
        /// What kind of thing.
        what: &'static str,
        /// Its name.
        name: String,
        /// Such as `exists already` or `still holds 3 repositories`.
        problem: String,
    },
    /// A value that the caller sent cannot be stored.
    #[error("{what}: {problem}")]
    Invalid {
        /// What was sent, such as `password`.
        what: &'static str,
        /// What is wrong with it, with both values.
        problem: String,
    },
    /// A manifest refers to blobs that its repository does not link.
    #[error("manifest refers to {} blob(s) that the repository does not have, first {}", .0.len(), .0[0])]
    MissingBlobs(Vec<Digest>),
    /// A tag does not point to what the push was made to depend on.
    #[error("tag {tag} points to {}, which the condition excludes", .current.as_ref().map_or("nothing", Digest::as_str))]
    PreconditionFailed {
        /// The tag.
        tag: Tag,
        /// What it points to.
        current: Option<Digest>,
    },
    /// The project would exceed its storage quota.
    #[error("project {project:?} would use {wanted_bytes} bytes, its quota is {limit_bytes}")]
    QuotaExceeded {
        /// The project.
        project: String,
        /// What it would use.
        wanted_bytes: u64,
        /// What it may use.
        limit_bytes: u64,
    },
    /// Received bytes differ from what was announced. The peer must act.
    #[error("content has digest {actual}, announced as {expected}")]
    DigestMismatch {
        /// What was announced.
        expected: Digest,
        /// What arrived.
        actual: Digest,
    },
    /// The device is full.
    #[error("no space left on the storage device")]
    Full(#[source] std::io::Error),
    /// The device, the file system or the database failed; someone should look.
    #[error("storage failed: {context}")]
    Io {
        /// What was being done.
        context: String,
        /// What the system said.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// Stored data contradict themselves; `wharf doctor` can say more.
    #[error("stored data are damaged: {0}")]
    Damaged(String),
}

impl Error {
    /// Returns the error for a thing that is not there.
    pub fn not_found(what: &'static str, name: impl ToString) -> Self {
        Self::NotFound { what, name: name.to_string() }
    }

    /// Returns whether the operation certainly did nothing. Otherwise it may have been done, or come to light after a
    /// restart: a commit whose flush failed can still be on the device.
    pub fn is_refusal(&self) -> bool {
        match self {
            // SQLite writes the mark of a commit last, so what found no room has none.
            Self::Full(_) => true,
            Self::Io { .. } | Self::Damaged(_) => false,
            Self::Denied(_)
            | Self::NotFound { .. }
            | Self::Conflict { .. }
            | Self::Invalid { .. }
            | Self::MissingBlobs(_)
            | Self::PreconditionFailed { .. }
            | Self::QuotaExceeded { .. }
            | Self::DigestMismatch { .. } => true,
        }
    }

    /// Returns the error for a failed system call, telling a full device apart.
    pub fn io(context: impl Into<String>, source: std::io::Error) -> Self {
        if source.kind() == std::io::ErrorKind::StorageFull {
            Self::Full(source)
        } else {
            Self::Io { context: context.into(), source: Box::new(source) }
        }
    }
}
