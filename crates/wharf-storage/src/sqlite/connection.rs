//! Opening connections, and the pool of those that read.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};

use super::tx::{Clock, Tx};
use crate::{Error, Result, modes};

/// How long a statement waits for another process that is writing, such as `wharf doctor`.
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);

/// Opens the connection that writes, making the file (readable by its owner only) when it is absent.
pub(super) fn open_writer(path: &Path) -> Result<Connection> {
    create_private(path)?;
    let conn = Connection::open_with_flags(
        path,
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX,
    )?;
    conn.busy_timeout(BUSY_TIMEOUT)?;
    conn.execute_batch(
        "PRAGMA journal_mode = WAL;
         PRAGMA synchronous = FULL;
         PRAGMA fullfsync = ON;
         PRAGMA foreign_keys = ON;
         PRAGMA trusted_schema = OFF;
         PRAGMA cache_size = -16384;
         PRAGMA journal_size_limit = 67108864;
         PRAGMA wal_autocheckpoint = 2000;",
    )?;
    keep_prepared(&conn)?;
    Ok(conn)
}

fn open_reader(path: &Path) -> Result<Connection> {
    let conn = Connection::open_with_flags(
        path,
        OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX,
    )?;
    conn.busy_timeout(BUSY_TIMEOUT)?;
    conn.execute_batch("PRAGMA trusted_schema = OFF; PRAGMA cache_size = -4096;")?;
    keep_prepared(&conn)?;
    Ok(conn)
}

/// Opens a connection that reads, and checks what a reader's does not: of a file that is opened to read only, SQLite
/// forgets the CHECK constraints.
fn open_examiner(path: &Path) -> Result<Connection> {
    let conn = Connection::open_with_flags(
        path,
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX,
    )?;
    conn.busy_timeout(BUSY_TIMEOUT)?;
    conn.execute_batch("PRAGMA trusted_schema = OFF; PRAGMA query_only = ON;")?;
    Ok(conn)
}

/// Has each statement prepared once. Without the "query planner stability guarantee", SQLite prepares a statement anew
/// whenever its parameters change, in case they let it plan better; that was half the cost of a read.
fn keep_prepared(conn: &Connection) -> Result<()> {
    conn.set_prepared_statement_cache_capacity(256);
    conn.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    Ok(())
}

/// Makes an empty file that only its owner can read, since the catalog holds password hashes; SQLite gives its
/// side files the same mode.
fn create_private(path: &Path) -> Result<()> {
    let context = || format!("cannot open the catalog {}", path.display());
    let mut options = std::fs::OpenOptions::new();
    options.append(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    match options.open(path) {
        Ok(file) => {
            file.sync_all().map_err(|error| Error::io(context(), error))?;
            let folder = path
                .parent()
                .filter(|folder| !folder.as_os_str().is_empty())
                .unwrap_or_else(|| Path::new("."));
            std::fs::File::open(folder)
                .and_then(|folder| folder.sync_all())
                .map_err(|error| Error::io(context(), error))
        }
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
            for end in ["", "-wal", "-shm"] {
                let mut file = path.as_os_str().to_owned();
                file.push(end);
                modes::close(Path::new(&file));
            }
            Ok(())
        }
        Err(error) => Err(Error::io(context(), error)),
    }
}

/// Read-only connections, as many as threads have ever read at once.
///
/// A read runs on the calling thread: it takes microseconds, less than handing it to another thread would.
#[derive(Debug)]
pub(super) struct Readers {
    path: PathBuf,
    idle: Mutex<Vec<Connection>>,
    clock: Clock,
}

impl Readers {
    pub(super) fn new(path: PathBuf, clock: Clock) -> Self {
        Self { path, idle: Mutex::new(Vec::new()), clock }
    }

    /// Runs `work` on one snapshot of the catalog where `PRAGMA quick_check` sees broken constraints, too.
    pub(super) fn examine<T>(&self, work: impl FnOnce(&Tx<'_>) -> Result<T>) -> Result<T> {
        let conn = open_examiner(&self.path)?;
        conn.execute_batch("BEGIN")?;
        work(&Tx::new(&conn, self.clock.now_millis()))
    }

    /// Runs `work` on one snapshot of the catalog.
    pub(super) fn read<T>(&self, work: impl FnOnce(&Tx<'_>) -> Result<T>) -> Result<T> {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let conn = match idle {
            Some(conn) => conn,
            None => open_reader(&self.path)?,
        };
        conn.prepare_cached("BEGIN")?.execute([])?;
        let result = work(&Tx::new(&conn, self.clock.now_millis()));
        // A connection that cannot end its transaction is closed, not used again.
        if conn.prepare_cached("COMMIT").and_then(|mut commit| commit.execute([])).is_ok() {
            self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(conn);
        }
        result
    }
}
