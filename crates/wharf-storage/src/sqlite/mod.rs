//! The catalog in one SQLite file.
//!
//! One thread writes and groups commits ([`writer`]); reads run on the calling thread, each on a snapshot of its own
//! ([`connection`]). Queries are written once, as functions of a [`tx::Tx`], so that what one change needs of another
//! is a call in the same transaction.

mod access;
mod accounts;
mod audit;
mod cache;
mod collection;
mod connection;
mod content;
mod journal;
mod listing;
mod management;
mod schema;
mod tx;
mod writer;

use std::path::PathBuf;
use std::sync::Arc;

use wharf_access::{Caller, Request};

use self::tx::{Clock, Tx};
use crate::{Catalog, Error, Result};

/// The catalog in one SQLite file: WAL, every commit flushed to disk before it is answered.
#[derive(Debug)]
pub struct SqliteCatalog {
    readers: connection::Readers,
    manifests: cache::ManifestCache,
    writer: writer::Writer,
}

/// How to open a [`SqliteCatalog`].
#[derive(Clone)]
pub struct SqliteOptions {
    /// The file; it is made when absent. `-wal` and `-shm` lie beside it.
    pub path: PathBuf,
    /// The greatest memory that manifests pulled lately may take, in bytes; 32 MiB by default.
    pub manifest_cache_bytes: u64,
    /// Where the time comes from, Unix milliseconds.
    pub clock: Arc<dyn Fn() -> i64 + Send + Sync>,
}

impl SqliteOptions {
    /// Returns the options for the file at `path` with the system's clock.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self {
            path: path.into(),
            manifest_cache_bytes: 32 << 20,
            clock: Arc::new(|| jiff::Timestamp::now().as_millisecond()),
        }
    }
}

impl SqliteCatalog {
    /// Opens the catalog, making it or bringing its schema up to date.
    ///
    /// # Errors
    /// [`Error::Invalid`](crate::Error::Invalid) when the file is another program's or a newer Wharf's; [`Error::Io`](crate::Error::Io) when it cannot be read or written.
    pub fn open(options: SqliteOptions) -> Result<Self> {
        let clock = Clock(options.clock);
        let mut conn = connection::open_writer(&options.path)?;
        schema::migrate(&mut conn)?;
        Ok(Self {
            readers: connection::Readers::new(options.path, clock.clone()),
            manifests: cache::manifest_cache(options.manifest_cache_bytes),
            writer: writer::Writer::start(conn, clock)?,
        })
    }

    /// Runs `read` on a snapshot, on this thread.
    fn read<T>(&self, read: impl FnOnce(&Tx<'_>) -> Result<T>) -> Result<T> {
        self.readers.read(read)
    }

    /// Runs `write` on the writing thread and returns its result once it is durable. What it does is taken back when
    /// it returns an error.
    async fn write<T: Send + 'static>(
        &self,
        write: impl FnOnce(&Tx<'_>) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        self.writer.write(write).await
    }
}

#[async_trait::async_trait]
impl Catalog for SqliteCatalog {
    async fn authorize(&self, caller: &Caller, request: &Request<'_>) -> Result<()> {
        self.read(|tx| match (request.project, access::authorize(tx, caller, request)?) {
            (Some(name), None) => Err(Error::not_found("project", name)),
            _ => Ok(()),
        })
    }

    async fn setting(&self, name: &str) -> Result<Option<Vec<u8>>> {
        self.read(|tx| tx.first("SELECT value FROM settings WHERE name = ?1", [name], |row| row.get(0)))
    }

    async fn setting_or_insert(&self, name: &str, value: &[u8]) -> Result<Vec<u8>> {
        let (name, value) = (name.to_owned(), value.to_vec());
        self.write(move |tx| {
            let stored = tx.first("SELECT value FROM settings WHERE name = ?1", [&name], |row| row.get(0))?;
            if let Some(stored) = stored {
                return Ok(stored);
            }
            tx.run("INSERT INTO settings (name, value) VALUES (?1, ?2)", rusqlite::params![name, value])?;
            Ok(value)
        })
        .await
    }

    async fn check(&self) -> Result<()> {
        self.writer.check(writer::CHECK_WAIT, writer::STUCK_AFTER).await
    }
}
