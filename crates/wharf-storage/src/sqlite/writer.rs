//! The one thread that writes.
//!
//! Writes come as closures through a bounded channel. As many as are waiting run in one transaction, each in a
//! savepoint of its own, so that one that fails takes back only itself; then one commit makes all of them durable with
//! one flush of the disk, and only then is anybody answered.

use std::panic::{AssertUnwindSafe, catch_unwind};

use rusqlite::Connection;
use tokio::sync::{mpsc, oneshot};

use super::tx::{Clock, Tx};
use crate::faults;
use crate::{Error, Result};

/// How many writes may wait before callers have to.
const QUEUE: usize = 1024;
/// How many writes share a commit at most, so that nobody waits for an endless group.
const GROUP: usize = 256;

/// The handle of the thread.
#[derive(Debug)]
pub(super) struct Writer {
    queue: Option<mpsc::Sender<Job>>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Writer {
    pub(super) fn start(conn: Connection, clock: Clock) -> Result<Self> {
        let (queue, jobs) = mpsc::channel(QUEUE);
        let thread = std::thread::Builder::new()
            .name("catalog-writer".to_owned())
            .spawn(move || work(&conn, &clock, jobs))
            .map_err(|error| Error::io("cannot start the catalog's writer", error))?;
        Ok(Self { queue: Some(queue), thread: Some(thread) })
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

fn work(conn: &Connection, clock: &Clock, mut jobs: mpsc::Receiver<Job>) {
    while let Some(first) = jobs.blocking_recv() {
        let mut group = Vec::new();
        let outcome = run_group(conn, clock, first, &mut jobs, &mut group);
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
                // A full disk or a failed device makes SQLite take back the whole transaction.
                return Err(Error::Io {
                    context: "the catalog".to_owned(),
                    source: "the transaction was taken back as a write in it failed".into(),
                });
            } else {
                conn.prepare_cached("ROLLBACK TO job")?.execute([])?;
                conn.prepare_cached("RELEASE job")?.execute([])?;
            }
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
