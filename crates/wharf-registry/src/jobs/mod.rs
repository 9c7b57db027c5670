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

/// Starts every job; each ends when `stopping` says so.
pub(crate) fn spawn(app: Arc<App>, stopping: watch::Receiver<bool>) -> Vec<JoinHandle<()>> {
    let every =
        |interval: Duration, job: Job| tokio::spawn(run(Arc::clone(&app), interval, job, stopping.clone()));
    let mut jobs = vec![
        every(Duration::from_secs(1), |app| Box::pin(housekeeping::flush_audit(app))),
        every(Duration::from_secs(5), |app| Box::pin(housekeeping::flush_pulls(app))),
        every(Duration::from_mins(10), |app| Box::pin(housekeeping::expire_uploads(app))),
        every(Duration::from_hours(1), |app| Box::pin(housekeeping::trim_audit(app))),
    ];
    if !app.config.gc_interval.is_zero() {
        jobs.push(every(app.config.gc_interval, |app| Box::pin(collection::scheduled(app))));
    }
    jobs
}

/// Writes what waits in memory.
pub(crate) async fn flush(app: Arc<App>) {
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
