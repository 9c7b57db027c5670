//! Where bytes live: uploads that grow, and finished blobs.

mod disk;

use std::fmt;
use std::str::FromStr;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::stream::BoxStream;
use serde::{Deserialize, Serialize};
use wharf_oci::{Algorithm, Digest};

use crate::Result;

pub use disk::DiskStore;

/// A store of bytes.
///
/// An upload belongs to whoever knows its [`UploadId`]; who that may be is decided above. A finished blob is immutable.
#[async_trait]
pub trait BlobStore: Send + Sync + fmt::Debug + 'static {
    /// Makes an empty upload under this fresh id.
    async fn create_upload(&self, id: &UploadId) -> Result<()>;

    /// Returns how many bytes the upload holds: never more than can be read back after the process is killed.
    ///
    /// # Errors
    /// [`Error::NotFound`](crate::Error::NotFound) when it was never made, is finished, cancelled or expired.
    async fn upload_offset(&self, id: &UploadId) -> Result<u64>;

    /// Appends `body` at `offset` and returns the new offset. `body` is hashed as it is written.
    ///
    /// When `body` fails midway, what had arrived is kept and the next offset tells how much. `algorithm` is what the
    /// client announced; it only decides which hash is kept while writing.
    ///
    /// # Errors
    /// [`Error::Conflict`](crate::Error::Conflict) when `offset` is not where the upload ends or another request is writing to it;
    /// `Full` when the device is.
    async fn append(
        &self,
        id: &UploadId,
        offset: u64,
        algorithm: Option<Algorithm>,
        body: BoxStream<'_, std::io::Result<Bytes>>,
    ) -> Result<u64>;

    /// Ends the upload: verifies that its content has `digest`, makes it durable (file and folder) under a key that no
    /// other upload ever has, and returns key and size. After that the upload is gone.
    ///
    /// The hash taken while writing is used; the content is read again only when no hash of that algorithm was kept
    /// (the server restarted in between, or the client announced the algorithm with its last request only).
    ///
    /// # Errors
    /// [`Error::DigestMismatch`](crate::Error::DigestMismatch): the upload is removed, as its content is useless.
    async fn finish(&self, id: &UploadId, digest: &Digest) -> Result<(BlobKey, u64)>;

    /// Removes the upload and what it holds.
    async fn cancel(&self, id: &UploadId) -> Result<()>;

    /// Returns the ids of the unfinished uploads, in no order.
    async fn uploads(&self) -> Result<Vec<UploadId>>;

    /// Removes uploads that nobody has written to for `idle`, and returns how many.
    async fn expire_uploads(&self, idle: std::time::Duration) -> Result<u64>;

    /// Streams `length` bytes of a blob from `offset`, in chunks of at most 256 KiB.
    ///
    /// # Errors
    /// [`Error::NotFound`](crate::Error::NotFound) when the store has no such key.
    async fn read(
        &self,
        key: &BlobKey,
        offset: u64,
        length: u64,
    ) -> Result<BoxStream<'static, std::io::Result<Bytes>>>;

    /// Returns the size of a blob in bytes, or `None` when the store has no such key.
    async fn size(&self, key: &BlobKey) -> Result<Option<u64>>;

    /// Returns when a blob was finished, Unix seconds, or `None` when the store has no such key. `doctor` leaves young
    /// orphans alone: the catalog's transaction that names them may be under way.
    async fn finished_at(&self, key: &BlobKey) -> Result<Option<i64>>;

    /// Removes a blob. Removing one that is not there is no error.
    async fn remove(&self, key: &BlobKey) -> Result<()>;

    /// Returns every key in the store, in no order. Keys made or removed meanwhile may or may not be among them.
    async fn keys(&self) -> Result<BoxStream<'static, Result<BlobKey>>>;

    /// Returns whether the store can be written to, for `/readyz`.
    async fn check(&self) -> Result<()>;
}

/// The name of an upload in the store: 1 to 120 characters of `[0-9a-z-]`, chosen above, unguessable there.
///
/// So the name of a blob with the longest digest fits a file name of 255 bytes.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct UploadId(String);

impl UploadId {
    /// Returns the text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for UploadId {
    type Err = crate::Error;

    fn from_str(text: &str) -> Result<Self> {
        let valid = (1..=120).contains(&text.len())
            && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
        if valid { Ok(Self(text.to_owned())) } else { Err(crate::Error::not_found("upload", text)) }
    }
}

/// Where a finished blob is: `<algorithm>/<encoded digest>.<upload>`.
///
/// The digest in it serves people and `doctor`; the upload's part makes it unique, so that removing one copy of a
/// content can never hit another copy that arrived meanwhile.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct BlobKey(String);

impl BlobKey {
    /// Returns the key for content of `digest` that arrived as upload `id`.
    pub fn new(digest: &Digest, id: &UploadId) -> Self {
        Self(format!("{}/{}.{}", digest.algorithm_name(), digest.encoded(), id.0))
    }

    /// Returns the key with this text, if it has the shape of one.
    pub fn from_text(text: &str) -> Option<Self> {
        let key = Self(text.to_owned());
        key.digest().map(|_| key)
    }

    /// Returns the text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the digest that the content is to have.
    pub fn digest(&self) -> Option<Digest> {
        let (algorithm, rest) = self.0.split_once('/')?;
        let (encoded, upload) = rest.split_once('.')?;
        upload.parse::<UploadId>().ok()?;
        format!("{algorithm}:{encoded}").parse().ok()
    }
}
