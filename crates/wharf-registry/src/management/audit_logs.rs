//! The audit log: pages, and all of it as JSON lines.

use axum::body::{Body, Bytes};
use futures_util::stream;
use http::Response;
use http::header::{CONTENT_TYPE, HeaderValue};
use wharf_storage::catalog::{AuditEntry, AuditFilter, AuditOperation, Page, SortField};

use super::call::{BASE, Call, Reply, bad_request, json};
use super::query::{Filter, Sortable, listed, page};
use super::shape::{Time, shapes};
use crate::apart::apart;
use crate::error::Error;

/// The query parameters of these routes.
pub(super) const QUERY: &[&str] =
    &["q", "username", "operation", "resource", "project", "since", "until", "after"];
/// The fields that `q` may name: those of the log, and nothing of the tables behind it.
const FIELDS: &[&str] = &["username", "operation", "resource", "project", "op_time"];
/// Entries read at a time for an export.
const STEP: usize = 1000;
/// The furthest that numbered pages reach back; beyond, lists go on with `after`.
const MAX_OFFSET: usize = 10_000;

const SORTABLE: Sortable = &[("id", SortField::Id), ("op_time", SortField::CreatedAt)];

shapes! {
    /// An entry of the audit log.
    answer AuditLog {
        /// Greater is newer.
        id: i64,
        op_time: Time,
        username: String,
        /// The address that the request came from.
        client_address: Option<String>,
        /// The event, such as "create_artifact".
        event: &'static str,
        /// The first word of the event, as Harbor has it.
        operation: &'static str,
        /// The second word of the event.
        resource_type: &'static str,
        project: Option<String>,
        resource: String,
        digest: Option<String>,
        /// Whether it was done.
        operation_result: bool,
        /// "success", or "denied" or "failed" with a reason.
        outcome: String,
        detail: Option<String>,
        /// How many equal events this entry stands for.
        count: u32,
    }
}

impl From<AuditEntry> for AuditLog {
    fn from(AuditEntry { id, entry }: AuditEntry) -> Self {
        let event = entry.operation.as_str();
        let (operation, resource_type) = event.split_once('_').unwrap_or((event, ""));
        Self {
            id,
            op_time: Time::millis(entry.at_millis),
            username: entry.actor,
            client_address: entry.address,
            event,
            operation,
            resource_type,
            project: entry.project,
            resource: entry.resource,
            digest: entry.digest,
            operation_result: entry.outcome == "success",
            outcome: entry.outcome,
            detail: entry.detail,
            count: entry.count,
        }
    }
}

/// Answers a page: by number as in Harbor, with the total; or after the entry with the number `after`, which costs the same
/// however far back it is, and counts nothing.
pub(super) async fn list(call: Call) -> Result<Reply, Error> {
    let filter = filter(&call).await?;
    let slice = call.query.slice(SORTABLE)?;
    let Some(after) = call.query.value("after") else {
        if slice.offset > MAX_OFFSET {
            return Err(bad_request(format!(
                "page: numbered pages reach back {MAX_OFFSET} entries; go on with after=ID or narrow the search"
            )));
        }
        // What just happened is to be seen: what waits in memory is written first.
        call.app.audit.flush(call.catalog()).await?;
        let newest_first = slice.sort.first().is_none_or(|sort| sort.descending);
        let found = listed(call.catalog().audit_page(&call.caller, &filter, &slice)).await?;
        let more = found.total > (slice.offset + found.entries.len()) as u64;
        let next = found.entries.last().map(|entry| entry.id).filter(|_| more && newest_first);
        let path = call.parts.uri.path().strip_prefix(BASE).unwrap_or_default();
        let mut reply = page(found, path, &call.query, AuditLog::from)?;
        // The furthest page that a number reaches is not the end.
        if let Some(last) = next {
            link_next(&mut reply, &call, last);
        }
        return Ok(reply);
    };
    let page = Page { after: Some(after.to_owned()), limit: slice.limit + 1 };
    let mut entries = read(&call, &filter, page).await?;
    let more = entries.len() > slice.limit;
    entries.truncate(slice.limit);
    let shown: Vec<AuditLog> = entries.into_iter().map(AuditLog::from).collect();
    let mut reply = json(&shown)?;
    if let Some(last) = shown.last().filter(|_| more) {
        link_next(&mut reply, &call, last.id);
    }
    Ok(reply)
}

/// Points to what comes after an entry.
fn link_next(reply: &mut Reply, call: &Call, last: i64) {
    let link = format!("<{}?{}>; rel=\"next\"", call.parts.uri.path(), call.query.after(last));
    if let Ok(link) = HeaderValue::from_str(&link) {
        reply.headers_mut().insert(http::header::LINK, link);
    }
}

/// Streams the whole of what the filter takes, one JSON object a line.
pub(super) async fn export(call: Call) -> Result<Reply, Error> {
    let filter = filter(&call).await?;
    // The first step comes before the answer, so that a refusal is one.
    let first = read(&call, &filter, Page { after: None, limit: STEP }).await?;
    let lines = stream::unfold(Some((call, filter, first)), |state| async {
        let (call, filter, entries) = state?;
        let last = entries.last()?.id;
        let next = if entries.len() < STEP {
            None
        } else {
            match read(&call, &filter, Page { after: Some(last.to_string()), limit: STEP }).await {
                Ok(next) => Some((call, filter, next)),
                // The client notices by the body's end without its last chunk.
                Err(error) => return Some((Err(std::io::Error::other(error.to_string())), None)),
            }
        };
        let mut text = Vec::new();
        for entry in entries {
            if serde_json::to_writer(&mut text, &AuditLog::from(entry)).is_ok() {
                text.push(b'\n');
            }
        }
        Some((Ok(Bytes::from(text)), next))
    });
    let mut reply = Response::new(Body::from_stream(lines));
    reply.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/x-ndjson"));
    Ok(reply)
}

async fn read(call: &Call, filter: &AuditFilter, page: Page) -> Result<Vec<AuditEntry>, Error> {
    // What just happened is to be seen: what waits in memory is written first.
    if page.after.is_none() {
        call.app.audit.flush(call.catalog()).await?;
    }
    Ok(apart(call.catalog().audit_entries(&call.caller, filter, page)).await?)
}

/// Reads the filter from the path, plain parameters and `q`.
async fn filter(call: &Call) -> Result<AuditFilter, Error> {
    let query = &call.query;
    let mut filter = AuditFilter {
        actor: query.value("username").map(str::to_owned),
        resource: query.value("resource").map(str::to_owned),
        project: query.value("project").map(str::to_owned),
        operation: query.value("operation").map(operation).transpose()?,
        since: query.value("since").map(|text| moment("since", text)).transpose()?,
        until: query.value("until").map(|text| moment("until", text)).transpose()?,
    };
    for (field, condition) in query.filters(FIELDS)? {
        match (field, condition) {
            ("username", Filter::Exact(name)) => filter.actor = Some(name),
            ("operation", Filter::Exact(word)) => filter.operation = Some(operation(&word)?),
            ("resource", Filter::Exact(name)) => filter.resource = Some(name),
            ("project", Filter::Exact(name)) => filter.project = Some(name),
            ("op_time", Filter::Range(from, to)) => {
                filter.since = from.map(|text| moment("op_time", &text)).transpose()?;
                filter.until = to.map(|text| moment("op_time", &text)).transpose()?;
            }
            (field, other) => return Err(bad_request(format!("q: {field} cannot be filtered by {other:?}"))),
        }
    }
    if !call.parameter("project_name_or_id").is_empty() {
        filter.project = Some(call.project().await?);
    }
    Ok(filter)
}

fn operation(word: &str) -> Result<AuditOperation, Error> {
    serde_json::from_value(word.into()).map_err(|_| bad_request(format!("operation {word:?} is unknown")))
}

/// Reads Unix seconds, RFC 3339, or `2026-11-21 10:00:00` in UTC as Harbor's clients write it.
fn moment(what: &str, text: &str) -> Result<i64, Error> {
    if let Ok(seconds) = text.parse::<i64>() {
        return Ok(seconds.saturating_mul(1000));
    }
    let utc = || {
        let civil: jiff::civil::DateTime = text.parse().ok()?;
        civil.to_zoned(jiff::tz::TimeZone::UTC).ok().map(|zoned| zoned.timestamp())
    };
    text.parse::<jiff::Timestamp>().ok().or_else(utc).map(jiff::Timestamp::as_millisecond).ok_or_else(|| {
        bad_request(format!("{what} {text:?}: expected a time such as 2026-11-21T10:00:00Z, or Unix seconds"))
    })
}
