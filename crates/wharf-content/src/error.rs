//! What can go wrong with a target, by who must act.

use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;

use wharf_oci::{Descriptor, Digest, Reference};

/// The result of an operation on a target.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// An operation on a target that failed.
///
/// The text names the target and the thing; [`Error::kind`] says who must act; [`Error::side`] says, for a copy, at
/// which end it happened. Cheap to clone, so that it can pass through an HTTP body and come out whole.
#[derive(Clone)]
pub struct Error(Arc<Inner>);

struct Inner {
    kind: ErrorKind,
    message: String,
    side: Option<Side>,
    source: Option<Arc<dyn StdError + Send + Sync>>,
}

/// Who must act on an [`Error`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The caller: the request makes no sense for this target.
    Usage,
    /// The caller: what was asked for is not there.
    NotFound,
    /// The caller: credentials are missing or wrong.
    Unauthorized,
    /// The owner of the target: it knows the caller and refuses (access, quota, immutability).
    Denied,
    /// The owner of the content: its bytes are not what their digest, size or media type says.
    Content,
    /// The peer: it answered something that the protocol does not allow.
    Peer,
    /// The caller: a budget (size, depth, count) is exceeded.
    Limit,
    /// Nobody, later: the peer is overloaded or asks to come back.
    Busy,
    /// The owner of the destination: a copy was done, and not everything arrived.
    Incomplete,
    /// The surroundings: the network.
    Network,
    /// The surroundings: disk, memory, a helper program.
    Io,
}

impl ErrorKind {
    /// Returns whether the same request may succeed when sent again without any change.
    pub const fn is_retryable(self) -> bool {
        matches!(self, Self::Busy | Self::Network)
    }
}

/// The end of a copy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Side {
    /// Where the content comes from.
    Source,
    /// Where it goes.
    Destination,
}

impl fmt::Display for Side {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Source => "source",
            Self::Destination => "destination",
        })
    }
}

impl Error {
    /// Returns an error of that kind. The message names the target and the thing, in lower case without a full stop.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self(Arc::new(Inner { kind, message: message.into(), side: None, source: None }))
    }

    /// Returns an error of that kind with its cause.
    pub fn with_source(
        kind: ErrorKind,
        message: impl Into<String>,
        source: impl StdError + Send + Sync + 'static,
    ) -> Self {
        Self(Arc::new(Inner { kind, message: message.into(), side: None, source: Some(Arc::new(source)) }))
    }

    /// Returns the error for an operation on a file or folder that failed.
    pub fn io(action: impl fmt::Display, path: &std::path::Path, source: std::io::Error) -> Self {
        Self::with_source(ErrorKind::Io, format!("{action} {}", path.display()), source)
    }

    /// Returns the error for a manifest that is not in `target`.
    pub fn manifest_not_found(target: &str, reference: &Reference) -> Self {
        Self::new(ErrorKind::NotFound, format!("manifest {reference} is not in {target}"))
    }

    /// Returns the error for a blob that is not in `target`.
    pub fn blob_not_found(target: &str, digest: &Digest) -> Self {
        Self::new(ErrorKind::NotFound, format!("blob {digest} is not in {target}"))
    }

    /// Returns the error for content whose digest is another than announced.
    pub fn digest_differs(expected: &Digest, computed: &Digest) -> Self {
        Self::new(
            ErrorKind::Content,
            format!("content of {expected} is corrupt: its bytes have the digest {computed}"),
        )
    }

    /// Returns the error for content whose size is another than announced.
    pub fn size_differs(descriptor: &Descriptor, received: u64) -> Self {
        Self::new(
            ErrorKind::Content,
            format!(
                "content of {}: received {received} bytes, the descriptor says {}",
                descriptor.digest, descriptor.size
            ),
        )
    }

    /// Returns the same error, marked with the end of the copy where it happened. A mark that is there stays.
    #[must_use]
    pub fn on(self, side: Side) -> Self {
        if self.0.side.is_some() {
            return self;
        }
        Self(Arc::new(Inner {
            kind: self.0.kind,
            message: self.0.message.clone(),
            side: Some(side),
            source: self.0.source.clone(),
        }))
    }

    /// Returns the error that went into an HTTP or I/O error as its cause, if there is one.
    pub fn find_in<'a>(error: &'a (dyn StdError + 'static)) -> Option<&'a Self> {
        std::iter::successors(Some(error), |&error| error.source())
            .find_map(|error| error.downcast_ref::<Self>().or_else(|| Self::in_io(error)))
    }

    /// `std::io::Error` shows the source of what it wraps, not the wrapped error itself.
    fn in_io<'a>(error: &'a (dyn StdError + 'static)) -> Option<&'a Self> {
        error.downcast_ref::<std::io::Error>()?.get_ref()?.downcast_ref()
    }

    /// Returns who must act.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// Returns the end of the copy where it happened, if it happened in a copy.
    pub fn side(&self) -> Option<Side> {
        self.0.side
    }

    /// Returns whether the same request may succeed when sent again.
    pub fn is_retryable(&self) -> bool {
        self.kind().is_retryable()
    }

    /// Returns the cause, downcast.
    pub fn cause<T: StdError + 'static>(&self) -> Option<&T> {
        self.0.source.as_deref().and_then(|source| (source as &(dyn StdError + 'static)).downcast_ref())
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.side {
            Some(side) => write!(f, "{side}: {}", self.0.message),
            None => f.write_str(&self.0.message),
        }
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Error")
            .field("kind", &self.0.kind)
            .field("message", &self.0.message)
            .field("side", &self.0.side)
            .field("source", &self.0.source)
            .finish()
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source.as_deref().map(|source| source as _)
    }
}
