//! What the server does by itself: collecting garbage, expiring uploads, writing and trimming the audit log.

mod collection;
mod housekeeping;

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::App;

pub use collection::CollectionRun;
pub(crate) use collection::Collections;

/// How long the end waits for jobs.
const PATIENCE: Duration = Duration::from_secs(10);

/// The jobs of one server.
#[derive(Debug)]
pub(crate) struct Jobs {
    app: Arc<App>,
    jobs: Vec<JoinHandle<()>>,
    /// Writes the audit log; it outlives the others and the last request.
    flush: JoinHandle<()>,
    stop_flush: watch::Sender<bool>,
}

impl Jobs {
    /// Starts every job; each but the audit log's ends when `stopping` says so.
    pub(crate) fn spawn(app: Arc<App>, stopping: &watch::Receiver<bool>) -> Self {
        let (stop_flush, flush_stopping) = watch::channel(false);
        let every = |interval: Duration, job: Job, stopping: &watch::Receiver<bool>| {
            tokio::spawn(run(Arc::clone(&app), interval, job, stopping.clone()))
        };
        let flush =
            every(Duration::from_secs(1), |app| Box::pin(housekeeping::flush_audit(app)), &flush_stopping);
        let mut jobs = vec![
            every(Duration::from_secs(5), |app| Box::pin(housekeeping::flush_pulls(app)), stopping),
            every(Duration::from_mins(10), |app| Box::pin(housekeeping::expire_uploads(app)), stopping),
            every(Duration::from_mins(10), |app| Box::pin(housekeeping::finish_removals(app)), stopping),
            every(Duration::from_hours(1), |app| Box::pin(housekeeping::trim_audit(app)), stopping),
        ];
        if !app.config.gc_interval.is_zero() {
            let interval = app.config.gc_interval;
            jobs.push(every(interval, |app| Box::pin(collection::scheduled(app)), stopping));
        }
        Self { app, jobs, flush, stop_flush }
    }

    /// Writes what waits in memory, waits a while for the jobs that were told to stop, and writes what came meanwhile.
    pub(crate) async fn finish(self) {
        flush(Arc::clone(&self.app)).await;
        // They end side by side; who panicked has said so.
        let jobs = async {
            for job in self.jobs {
                let _ = job.await;
            }
        };
        let _ = tokio::time::timeout(PATIENCE, jobs).await;
        self.stop_flush.send_replace(true);
        let _ = tokio::time::timeout(PATIENCE, self.flush).await;
        flush(self.app).await;
    }
}

async fn flush(app: Arc<App>) {
    housekeeping::flush_audit(Arc::clone(&app)).await;
    housekeeping::flush_pulls(app).await;
}

type Job = fn(Arc<App>) -> std::pin::Pin<Box<dyn Future<Output = ()> + Send>>;

/// Runs a job soon after the start and then in intervals. A step that has begun is finished before the job ends.
async fn run(app: Arc<App>, interval: Duration, job: Job, mut stopping: watch::Receiver<bool>) {
    let mut ticks = tokio::time::interval(interval);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            _ = stopping.wait_for(|stop| *stop) => return,
        }
        job(Arc::clone(&app)).await;
    }
}
