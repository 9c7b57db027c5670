//! Garbage collection on demand.

use std::sync::Arc;

use wharf_storage::catalog::{AuditOperation, Listed, SortField};

use super::call::{Call, Reply, bad_request, created, done, json};
use super::query::{Sortable, page};
use super::shape::{Time, shapes};
use crate::CollectionRun;
use crate::error::Error;

const SORTABLE: Sortable = &[("id", SortField::Id), ("creation_time", SortField::CreatedAt)];

shapes! {
    /// A collection to run.
    request GCRequest {
        /// Only count.
        dry_run: Option<bool>,
    }

    /// Harbor's form of a collection to run.
    request Schedule {
        schedule: Option<ScheduleObj>,
        parameters: Option<GCRequest>,
    }

    /// When to run.
    request ScheduleObj {
        /// "Manual"; the schedule itself is a setting of the server.
        r#type: Option<String>,
    }

    /// A collection.
    answer GCHistory {
        id: u64,
        /// Always "GARBAGE_COLLECTION".
        job_name: &'static str,
        /// "Manual" or "Schedule".
        job_kind: &'static str,
        /// "Running", "Success" or "Error".
        job_status: &'static str,
        /// Who asked for it.
        operator: String,
        creation_time: Time,
        /// When it ended.
        update_time: Option<Time>,
        /// Whether it only counted.
        dry_run: bool,
        /// Manifests that went, or would go.
        manifests: u64,
        /// Links of blobs that went, or would go.
        links: u64,
        /// Blobs that went, or would go.
        blobs: u64,
        /// The size of those blobs.
        freed_bytes: u64,
        /// Why it failed.
        error: Option<String>,
    }
}

impl From<CollectionRun> for GCHistory {
    fn from(run: CollectionRun) -> Self {
        Self {
            id: run.id,
            job_name: "GARBAGE_COLLECTION",
            job_kind: if run.trigger == "schedule" { "Schedule" } else { "Manual" },
            job_status: match (run.ended_at, &run.error) {
                (None, _) => "Running",
                (Some(_), None) => "Success",
                (Some(_), Some(_)) => "Error",
            },
            operator: run.trigger,
            creation_time: Time::seconds(run.started_at),
            update_time: run.ended_at.map(Time::seconds),
            dry_run: run.dry_run,
            manifests: run.collected.manifests,
            links: run.collected.links,
            blobs: run.collected.blobs,
            freed_bytes: run.collected.bytes,
            error: run.error,
        }
    }
}

/// Runs to the end, also when the client goes away meanwhile.
pub(super) async fn run(call: Call) -> Result<Reply, Error> {
    let dry_run = call.json::<GCRequest>()?.dry_run.unwrap_or(false);
    let run = spawn(&call, dry_run).await;
    let run = run.map_err(|error| {
        tracing::error!(%error, "the collection did not end: {error}");
        bad_request("the collection did not end; the log says more")
    })??;
    json(&GCHistory::from(run))
}

pub(super) async fn start(call: Call) -> Result<Reply, Error> {
    let wanted: Schedule = call.json()?;
    match wanted.schedule.and_then(|schedule| schedule.r#type).as_deref() {
        Some("Manual") => {}
        other => {
            return Err(bad_request(format!(
                "schedule type {:?}: only \"Manual\" can be asked for; the interval is the setting gc.interval",
                other.unwrap_or_default()
            )));
        }
    }
    let dry_run = wanted.parameters.and_then(|parameters| parameters.dry_run).unwrap_or(false);
    drop(spawn(&call, dry_run));
    Ok(created(done(), "/system/gc"))
}

pub(super) async fn list(call: Call) -> Result<Reply, Error> {
    call.query.filters(&[])?;
    let slice = call.query.slice(SORTABLE)?;
    let mut runs = call.app.collections.runs();
    // Newest first, unless the most important order says otherwise; numbers and times go alike.
    if slice.sort.first().is_some_and(|sort| !sort.descending) {
        runs.reverse();
    }
    let total = runs.len() as u64;
    let entries = runs.into_iter().skip(slice.offset).take(slice.limit).collect();
    page(Listed { entries, total }, "/system/gc", &call.query, GCHistory::from)
}

pub(super) async fn show(call: Call) -> Result<Reply, Error> {
    let id = call.id("gc_id")?;
    let run = call.app.collections.runs().into_iter().find(|run| i64::try_from(run.id) == Ok(id));
    let run = run.ok_or_else(|| wharf_storage::Error::not_found("collection", id))?;
    json(&GCHistory::from(run))
}

fn spawn(call: &Call, dry_run: bool) -> tokio::task::JoinHandle<wharf_storage::Result<CollectionRun>> {
    let what = if dry_run { "dry run" } else { "run" };
    call.app.audit.noted(&call.caller, AuditOperation::CollectGarbage, what);
    let (app, trigger) = (Arc::clone(&call.app), call.caller.name.clone());
    tokio::spawn(async move { app.collect_garbage(&trigger, dry_run).await })
}
