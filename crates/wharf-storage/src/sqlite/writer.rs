//! The one thread that writes.
//!
//! Writes come as closures through a bounded channel. As many as are waiting run in one transaction, each in a
//! savepoint of its own, so that one that fails takes back only itself; then one commit makes all of them durable with
//! one flush of the disk, and only then is anybody answered.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rusqlite::Connection;
use tokio::sync::{mpsc, oneshot};

use super::tx::{Clock, Tx};
use crate::faults;
use crate::{Error, Result};

/// How many writes may wait before callers have to.
const QUEUE: usize = 1024;
/// How many writes share a commit at most, so that nobody waits for an endless group.
const GROUP: usize = 256;
/// How long a check waits for its turn before it looks at whether the thread gets on.
pub(super) const CHECK_WAIT: Duration = Duration::from_secs(1);
/// After how long without finishing anything the thread counts as stuck: longer than it waits for another process.
pub(super) const STUCK_AFTER: Duration = Duration::from_secs(30);

/// The handle of the thread.
#[derive(Debug)]
pub(super) struct Writer {
    queue: Option<mpsc::Sender<Job>>,
    thread: Option<std::thread::JoinHandle<()>>,
    progress: Progress,
}

/// When the thread last finished a write or a commit.
#[derive(Clone, Debug)]
struct Progress(Arc<Mutex<Instant>>);

impl Progress {
    fn made(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }

    fn age(&self) -> Duration {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).elapsed()
    }
}

impl Writer {
    pub(super) fn start(conn: Connection, clock: Clock) -> Result<Self> {
        let (queue, jobs) = mpsc::channel(QUEUE);
        let progress = Progress(Arc::new(Mutex::new(Instant::now())));
        let made = progress.clone();
        let thread = std::thread::Builder::new()
            .name("catalog-writer".to_owned())
            .spawn(move || work(&conn, &clock, jobs, &made))
            .map_err(|error| Error::io("cannot start the catalog's writer", error))?;
        Ok(Self { queue: Some(queue), thread: Some(thread), progress })
    }

    /// Runs `write` and returns its result once it is on disk.
    ///
    /// When the caller goes away meanwhile, the write is done all the same.
    pub(super) async fn write<T: Send + 'static>(
        &self,
        write: impl FnOnce(&Tx<'_>) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let stopped = || Error::Io {
            context: "the catalog's writer has stopped".to_owned(),
            source: "see the log for the reason".into(),
        };
        let (answer, result) = oneshot::channel();
        let queue = self.queue.as_ref().ok_or_else(stopped)?;
        let job = Job(Box::new(Task { write: Some(write), result: None, answer }));
        queue.send(job).await.map_err(|_| stopped())?;
        result.await.map_err(|_| stopped())?
    }

    /// Returns whether writes get done. One that has not had its turn after `wait` is no failure: the thread may have
    /// much to do, as long as it finished something within `stuck_after`.
    pub(super) async fn check(&self, wait: Duration, stuck_after: Duration) -> Result<()> {
        // An empty write: the thread is alive and nobody else holds the file. It costs no flush.
        let turn = self.write(|tx| tx.exists("SELECT 1 FROM settings", []).map(drop));
        if let Ok(result) = tokio::time::timeout(wait, turn).await {
            return result;
        }
        let age = self.progress.age();
        if age < stuck_after {
            return Ok(());
        }
        Err(Error::Io {
            context: "the catalog's writer is stuck".to_owned(),
            source: format!("it has finished nothing for {} s", age.as_secs()).into(),
        })
    }
}

impl Drop for Writer {
    /// Lets the thread finish what is queued, so that the file is closed when the catalog is gone.
    fn drop(&mut self) {
        self.queue = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// A queued write, whatever it returns.
struct Job(Box<dyn Pending>);

trait Pending: Send {
    /// Does the work and returns whether it succeeded.
    fn run(&mut self, tx: &Tx<'_>) -> bool;
    /// Returns why [`Pending::run`] failed.
    fn error(&self) -> Option<&Error>;
    /// Answers the caller: with the result of [`Pending::run`], or that the group's commit failed.
    fn answer(self: Box<Self>, commit: Result<()>);
}

struct Task<T, W> {
    write: Option<W>,
    result: Option<Result<T>>,
    answer: oneshot::Sender<Result<T>>,
}

impl<T, W> Pending for Task<T, W>
where
    T: Send,
    W: FnOnce(&Tx<'_>) -> Result<T> + Send,
{
    fn run(&mut self, tx: &Tx<'_>) -> bool {
        let Some(write) = self.write.take() else { return false };
        // The savepoint takes back whatever a panicking write has done; the thread serves everyone and must go on.
        let result = catch_unwind(AssertUnwindSafe(|| write(tx))).unwrap_or_else(|_| {
            Err(Error::Damaged("a write to the catalog met a state that it did not expect".to_owned()))
        });
        let succeeded = result.is_ok();
        self.result = Some(result);
        succeeded
    }

    fn error(&self) -> Option<&Error> {
        self.result.as_ref()?.as_ref().err()
    }

    fn answer(self: Box<Self>, commit: Result<()>) {
        let result = match (self.result, commit) {
            (Some(Ok(value)), Ok(())) => Ok(value),
            (Some(Err(error)), _) | (_, Err(error)) => Err(error),
            (None, Ok(())) => Err(Error::Damaged("a write to the catalog did not run".to_owned())),
        };
        // The caller may be gone.
        let _ = self.answer.send(result);
    }
}

fn work(conn: &Connection, clock: &Clock, mut jobs: mpsc::Receiver<Job>, progress: &Progress) {
    while let Some(first) = jobs.blocking_recv() {
        // It was waiting for work until now.
        progress.made();
        let mut group = Vec::new();
        let outcome = run_group(conn, clock, first, &mut jobs, &mut group, progress);
        if let Err(error) = &outcome {
            tracing::error!(%error, writes = group.len(), "a group of catalog writes failed");
            if !conn.is_autocommit() {
                let _ = conn.execute_batch("ROLLBACK");
            }
        }
        for Job(job) in group {
            job.answer(outcome.as_ref().map_or_else(|error| Err(again(error)), |()| Ok(())));
        }
    }
}

/// Runs `first` and what else is waiting in one transaction. Every job that was taken is in `group` afterwards.
fn run_group(
    conn: &Connection,
    clock: &Clock,
    first: Job,
    jobs: &mut mpsc::Receiver<Job>,
    group: &mut Vec<Job>,
    progress: &Progress,
) -> Result<()> {
    group.push(first);
    conn.prepare_cached("BEGIN IMMEDIATE")?.execute([])?;
    faults::reached("writer: begun");
    loop {
        if let Some(Job(job)) = group.last_mut() {
            conn.prepare_cached("SAVEPOINT job")?.execute([])?;
            let tx = Tx::new(conn, clock.now_millis());
            if job.run(&tx) {
                conn.prepare_cached("RELEASE job")?.execute([])?;
            } else if conn.is_autocommit() {
                // A full disk or a failed device makes SQLite take back the whole transaction, so everyone is told.
                return Err(job.error().map_or_else(
                    || Error::Damaged("the catalog took back a transaction for no known reason".to_owned()),
                    again,
                ));
            } else {
                conn.prepare_cached("ROLLBACK TO job")?.execute([])?;
                conn.prepare_cached("RELEASE job")?.execute([])?;
            }
            progress.made();
            faults::reached("writer: ran a job");
        }
        if group.len() == GROUP {
            break;
        }
        match jobs.try_recv() {
            Ok(job) => group.push(job),
            Err(_) => break,
        }
    }
    faults::reached("writer: about to commit");
    conn.prepare_cached("COMMIT")?.execute([])?;
    faults::reached("writer: committed");
    Ok(())
}

/// Returns the error once more: everyone in the group is told the same.
fn again(error: &Error) -> Error {
    match error {
        Error::Full(source) => Error::Full(std::io::Error::new(source.kind(), source.to_string())),
        Error::Damaged(text) => Error::Damaged(text.clone()),
        other => Error::Io { context: "the catalog".to_owned(), source: other.to_string().into() },
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use std::sync::Arc;

    use futures_util::FutureExt;

    use super::super::{SqliteCatalog, SqliteOptions};
    use super::*;

    fn open(folder: &tempfile::TempDir) -> Arc<SqliteCatalog> {
        Arc::new(SqliteCatalog::open(SqliteOptions::new(folder.path().join("catalog.db"))).unwrap())
    }

    fn insert(tx: &Tx<'_>, name: &str) -> Result<()> {
        tx.run("INSERT INTO settings (name, value) VALUES (?1, x'00')", [name]).map(drop)
    }

    fn names(catalog: &SqliteCatalog) -> Vec<String> {
        catalog.read(|tx| tx.all("SELECT name FROM settings ORDER BY name", [], |row| row.get(0))).unwrap()
    }

    type Write<T> = Box<dyn FnOnce(&Tx<'_>) -> Result<T> + Send>;

    /// Lets writes gather behind one that waits, so that they share a transaction.
    async fn gathered<T: Send + 'static>(
        catalog: &Arc<SqliteCatalog>,
        writes: Vec<Write<T>>,
    ) -> Vec<Result<T>> {
        let (release, gate) = std::sync::mpsc::channel::<()>();
        let (entered, inside) = oneshot::channel();
        let holder = Arc::clone(catalog);
        let held = tokio::spawn(async move {
            holder
                .write(move |_| {
                    entered.send(()).unwrap();
                    gate.recv().unwrap();
                    Ok(())
                })
                .await
        });
        inside.await.unwrap();
        let mut pending: Vec<_> = writes.into_iter().map(|write| Box::pin(catalog.write(write))).collect();
        // Polled once, each is in the queue.
        for write in &mut pending {
            assert!(write.as_mut().now_or_never().is_none());
        }
        release.send(()).unwrap();
        // It shares the fate of the transaction.
        let _ = held.await.unwrap();
        futures_util::future::join_all(pending).await
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_failing_write_takes_back_only_itself() {
        let folder = tempfile::tempdir().unwrap();
        let catalog = open(&folder);
        let results = gathered(
            &catalog,
            vec![
                Box::new(|tx| insert(tx, "first")),
                Box::new(|tx| {
                    insert(tx, "taken back")?;
                    Err(Error::not_found("thing", "x"))
                }),
                Box::new(|tx| {
                    insert(tx, "taken back too")?;
                    panic!("a write that panics")
                }),
                Box::new(|tx| insert(tx, "last")),
            ],
        )
        .await;
        assert!(results[0].is_ok() && results[3].is_ok());
        assert!(matches!(results[1], Err(Error::NotFound { .. })));
        assert!(matches!(results[2], Err(Error::Damaged(_))));
        assert_eq!(names(&catalog), ["first", "last"]);
        drop(catalog);
        assert_eq!(names(&open(&folder)), ["first", "last"]);
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_full_device_is_told_as_such_and_leaves_what_was_there() {
        let folder = tempfile::tempdir().unwrap();
        let catalog = open(&folder);
        catalog.write(|tx| insert(tx, "before")).await.unwrap();
        let limit = |pages: i64| {
            catalog.write(move |tx| {
                let sql = format!("PRAGMA max_page_count = {pages}");
                tx.first(&sql, [], |row| row.get::<_, i64>(0)).map(Option::unwrap)
            })
        };
        let pages = limit(1).await.unwrap();
        let fill = |tx: &Tx<'_>| {
            tx.run("INSERT INTO settings (name, value) VALUES ('large', zeroblob(10000000))", []).map(drop)
        };
        let results = gathered(&catalog, vec![Box::new(|tx| insert(tx, "small")), Box::new(fill)]).await;
        // Whether SQLite takes back the statement or everything, no write is told done that is not.
        assert!(matches!(results[1], Err(Error::Full(_))), "{results:?}");
        assert_eq!(results[0].is_ok(), names(&catalog).contains(&"small".to_owned()), "{results:?}");
        assert!(matches!(results[0], Ok(()) | Err(Error::Full(_))), "{results:?}");
        assert!(names(&catalog).contains(&"before".to_owned()));
        limit(pages + 100_000).await.unwrap();
        catalog.write(fill).await.unwrap();
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_check_does_not_wait_for_a_long_write() {
        let folder = tempfile::tempdir().unwrap();
        let catalog = open(&folder);
        catalog.writer.check(CHECK_WAIT, STUCK_AFTER).await.unwrap();
        let (release, gate) = std::sync::mpsc::channel::<()>();
        let (entered, inside) = oneshot::channel();
        let holder = Arc::clone(&catalog);
        let held = tokio::spawn(async move {
            holder
                .write(move |_| {
                    entered.send(()).unwrap();
                    gate.recv().unwrap();
                    Ok(())
                })
                .await
        });
        inside.await.unwrap();
        let soon = Duration::from_millis(1);
        catalog.writer.check(soon, STUCK_AFTER).await.unwrap();
        let error = catalog.writer.check(soon, Duration::ZERO).await.unwrap_err();
        assert!(error.to_string().contains("stuck"), "{error}");
        release.send(()).unwrap();
        held.await.unwrap().unwrap();
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_dry_run_of_collection_waits_for_no_write_and_lets_none_wait() {
        use crate::catalog::{Collected, Collection as _, CollectionPolicy};
        let folder = tempfile::tempdir().unwrap();
        let catalog = open(&folder);
        let (release, gate) = std::sync::mpsc::channel::<()>();
        let (entered, inside) = oneshot::channel();
        let holder = Arc::clone(&catalog);
        let held = tokio::spawn(async move {
            holder
                .write(move |_| {
                    entered.send(()).unwrap();
                    gate.recv().unwrap();
                    Ok(())
                })
                .await
        });
        inside.await.unwrap();
        // While the writer is in somebody else's hands.
        let policy = CollectionPolicy { grace_seconds: 0, untagged_manifests: true, dry_run: true };
        assert_eq!(catalog.collect_step(0, &policy, 1).await.unwrap(), Collected::default());
        release.send(()).unwrap();
        held.await.unwrap().unwrap();
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_write_goes_on_when_its_caller_is_gone() {
        let folder = tempfile::tempdir().unwrap();
        let catalog = open(&folder);
        let mut write = Box::pin(catalog.write(|tx| insert(tx, "kept")));
        assert!(write.as_mut().now_or_never().is_none());
        drop(write);
        // Closing waits for what is queued.
        drop(catalog);
        assert_eq!(names(&open(&folder)), ["kept"]);
    }
}
