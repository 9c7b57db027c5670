//! The small jobs.

use std::sync::Arc;

use jiff::Timestamp;

use crate::App;

pub(super) async fn flush_audit(app: Arc<App>) {
    if let Err(error) = app.audit.flush(&*app.catalog).await {
        tracing::error!(%error, "audit entries were not written: {error}");
    }
}

pub(super) async fn flush_pulls(app: Arc<App>) {
    if let Err(error) = app.pulls.flush(&*app.catalog).await {
        tracing::error!(%error, "pulls were not counted: {error}");
    }
}

pub(super) async fn trim_audit(app: Arc<App>) {
    let retention = i64::try_from(app.config.audit_retention.as_millis()).unwrap_or(i64::MAX);
    let before = Timestamp::now().as_millisecond().saturating_sub(retention);
    match app.catalog.trim_audit(before, app.config.audit_entries).await {
        Ok(0) => {}
        Ok(count) => tracing::info!(count, "removed {count} audit entries beyond their retention"),
        Err(error) => tracing::error!(%error, "the audit log was not trimmed: {error}"),
    }
}

pub(super) async fn expire_uploads(app: Arc<App>) {
    match app.blobs.expire_uploads(app.config.upload_expiry).await {
        Ok(0) => {}
        Ok(count) => tracing::info!(count, "removed {count} unfinished uploads that nobody continued"),
        Err(error) => tracing::error!(%error, "unfinished uploads were not removed: {error}"),
    }
    match app.blobs.uploads().await {
        Ok(present) => app.sessions.reconcile(present.into_iter().collect()),
        Err(error) => tracing::error!(%error, "unfinished uploads were not counted: {error}"),
    }
}

/// Goes on with removals of repositories that a process ended in the middle of.
pub(super) async fn finish_removals(app: Arc<App>) {
    let mut steps = 0u64;
    loop {
        match app.catalog.removal_step().await {
            Ok(true) => steps += 1,
            Ok(false) => break,
            Err(error) => {
                tracing::error!(%error, "a removal that was begun is not finished: {error}");
                return;
            }
        }
    }
    if steps > 0 {
        tracing::info!(steps, "finished the removal of repositories that was begun before");
    }
}
