//! What is noted of things that change nothing: pulls, logins, refusals. Changes are noted by the catalog itself.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Mutex;

use prometheus_client::metrics::counter::Counter;
use wharf_access::{Caller, Principal};
use wharf_oci::{Digest, Reference, RepositoryName};
use wharf_storage::catalog::{AuditOperation, NewAuditEntry};
use wharf_storage::{Catalog, Result};

use crate::gate::Refusal;

/// Entries that may wait; with resources and agents of usual length, about 4 MiB.
const CAPACITY: usize = 8192;
/// Entries written in one transaction.
const BATCH: usize = 1000;
/// Failures among the waiting entries: however many are provoked, half of the room stays for what was done.
const FAILURES: usize = CAPACITY / 2;
/// The outcome of what was done.
pub(crate) const SUCCESS: &str = "success";
/// What is noted in place of a name that is no account's or project's. Names as sent are not kept: anybody could write
/// into the log with them, and a password typed as a user name would stand there.
pub(crate) const UNKNOWN: &str = "unknown";

/// Entries that wait to be written, at most one flush interval long.
///
/// Noting never waits for the disk and never fails a request. Events that agree in everything but time wait as one
/// entry with a count. What finds no room is counted, and the loss is logged with the next flush.
#[derive(Debug, Default)]
pub(crate) struct Buffer {
    waiting: Mutex<Waiting>,
    /// Events lost since the start; a metric.
    lost: Counter,
}

#[derive(Debug, Default)]
struct Waiting {
    /// Each event without its time and count, with the time of the first and the number of all.
    events: HashMap<NewAuditEntry, (i64, u32)>,
    /// How many of the events are failures.
    failures: usize,
    lost_since_flush: u64,
}

impl Buffer {
    /// Returns an empty buffer that counts losses in `lost`.
    pub(crate) fn new(lost: Counter) -> Self {
        Self { waiting: Mutex::default(), lost }
    }

    /// Notes that a manifest was pulled.
    pub(crate) fn pulled(
        &self,
        caller: &Caller,
        repository: &RepositoryName,
        reference: &Reference,
        digest: &Digest,
        gate: Option<String>,
    ) {
        let separator = if reference.digest().is_some() { '@' } else { ':' };
        let entry = entry(caller, AuditOperation::PullArtifact, SUCCESS);
        let detail = match (gate, &entry.detail) {
            (Some(gate), Some(agent)) => Some(format!("{gate}; {agent}")),
            (gate, agent) => gate.or_else(|| agent.clone()),
        };
        self.push(NewAuditEntry {
            project: Some(repository.project().to_owned()),
            resource: format!("{repository}{separator}{reference}"),
            digest: Some(digest.to_string()),
            detail,
            ..entry
        });
    }

    /// Notes that a project's trust policy kept content from a caller.
    pub(crate) fn refused_by_policy(&self, caller: &Caller, repository: &RepositoryName, refusal: &Refusal) {
        self.push(NewAuditEntry {
            project: Some(repository.project().to_owned()),
            resource: refusal.what.clone(),
            digest: Some(refusal.digest.to_string()),
            detail: Some(refusal.note().chars().take(512).collect()),
            ..entry(caller, AuditOperation::PullArtifact, "denied: trust policy")
        });
    }

    /// Notes a login of an account: `outcome` is [`SUCCESS`], or `denied` with a reason.
    pub(crate) fn login(&self, name: &str, address: Option<IpAddr>, user_agent: Option<&str>, outcome: &str) {
        self.push(NewAuditEntry {
            at_millis: 0,
            actor: name.to_owned(),
            address: address.map(|address| address.to_string()),
            operation: AuditOperation::LoginUser,
            project: None,
            resource: name.to_owned(),
            digest: None,
            outcome: outcome.to_owned(),
            detail: user_agent.map(str::to_owned),
            count: 1,
        });
    }

    /// Notes a failed login under a name that is no account's: one entry for each address, whatever else was sent.
    pub(crate) fn login_of_unknown(&self, address: Option<IpAddr>) {
        self.login(UNKNOWN, address, None, "denied: no such account");
    }

    /// Notes something that the catalog cannot note by itself.
    pub(crate) fn noted(&self, caller: &Caller, operation: AuditOperation, resource: &str) {
        self.push(NewAuditEntry { resource: resource.to_owned(), ..entry(caller, operation, SUCCESS) });
    }

    /// Notes that a caller was refused. The user agent is left out: the caller chooses it, and each one would be an
    /// entry of its own.
    pub(crate) fn refused(
        &self,
        caller: &Caller,
        operation: AuditOperation,
        project: Option<&str>,
        resource: &str,
    ) {
        self.push(NewAuditEntry {
            project: project.map(str::to_owned),
            resource: resource.chars().take(512).collect(),
            detail: None,
            ..entry(caller, operation, "denied: no permission")
        });
    }

    /// Writes what waits. When the catalog fails, the entries wait on, as far as there is room.
    pub(crate) async fn flush(&self, catalog: &dyn Catalog) -> Result<()> {
        let (events, lost) = {
            let mut waiting = self.waiting.lock().expect("no holder panics");
            waiting.failures = 0;
            (std::mem::take(&mut waiting.events), std::mem::take(&mut waiting.lost_since_flush))
        };
        if lost > 0 {
            tracing::warn!(lost, "{lost} audit entries found no room and are lost");
        }
        let mut entries: Vec<NewAuditEntry> = events
            .into_iter()
            .map(|(event, (at_millis, count))| NewAuditEntry { at_millis, count, ..event })
            .collect();
        entries.sort_by_key(|entry| entry.at_millis);
        while !entries.is_empty() {
            let rest = entries.split_off(entries.len().min(BATCH));
            let batch = std::mem::replace(&mut entries, rest);
            if let Err(error) = catalog.record(batch.clone()).await {
                for entry in batch.into_iter().chain(entries) {
                    self.push(entry);
                }
                return Err(error);
            }
        }
        Ok(())
    }

    fn push(&self, mut event: NewAuditEntry) {
        let count = std::mem::take(&mut event.count);
        let at_millis = match std::mem::take(&mut event.at_millis) {
            0 => jiff::Timestamp::now().as_millisecond(),
            at_millis => at_millis,
        };
        let failure = event.outcome != SUCCESS;
        let mut waiting = self.waiting.lock().expect("no holder panics");
        if let Some((_, counted)) = waiting.events.get_mut(&event) {
            *counted = counted.saturating_add(count);
        } else if waiting.events.len() < CAPACITY && !(failure && waiting.failures >= FAILURES) {
            waiting.failures += usize::from(failure);
            waiting.events.insert(event, (at_millis, count));
        } else {
            self.lost.inc_by(u64::from(count));
            waiting.lost_since_flush += u64::from(count);
        }
    }
}

fn entry(caller: &Caller, operation: AuditOperation, outcome: &str) -> NewAuditEntry {
    NewAuditEntry {
        at_millis: 0,
        actor: caller.name.clone(),
        address: caller.address.map(|address| address.to_string()),
        operation,
        project: None,
        resource: String::new(),
        digest: None,
        outcome: outcome.to_owned(),
        // Without an account the sender could choose as many entries as user agents.
        detail: caller.user_agent.clone().filter(|_| caller.principal != Principal::Anonymous),
        count: 1,
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn pull(buffer: &Buffer, tag: &str) {
        let digest = wharf_oci::Algorithm::Sha256.digest(b"x");
        buffer.pulled(
            &Caller::anonymous(),
            &"shop/web".parse().unwrap(),
            &tag.parse().unwrap(),
            &digest,
            None,
        );
    }

    fn waiting(buffer: &Buffer) -> Vec<(String, u32)> {
        let waiting = buffer.waiting.lock().unwrap();
        let mut found: Vec<_> =
            waiting.events.iter().map(|(event, (_, count))| (event.resource.clone(), *count)).collect();
        found.sort();
        found
    }

    #[test]
    fn equal_pulls_wait_as_one_entry_with_a_count() {
        let buffer = Buffer::default();
        for _ in 0..3 {
            pull(&buffer, "1.0");
        }
        pull(&buffer, "2.0");
        assert_eq!(waiting(&buffer), [("shop/web:1.0".to_owned(), 3), ("shop/web:2.0".to_owned(), 1)]);
    }

    #[test]
    fn failures_never_take_the_last_half() {
        let buffer = Buffer::default();
        for name in 0..CAPACITY {
            buffer.login(&format!("u{name}"), None, None, "denied: wrong credentials");
        }
        assert_eq!(waiting(&buffer).len(), CAPACITY / 2);
        for tag in 0..CAPACITY / 2 {
            pull(&buffer, &format!("t{tag}"));
        }
        assert_eq!(waiting(&buffer).len(), CAPACITY);
        assert_eq!(buffer.lost.get(), CAPACITY as u64 / 2);
    }

    #[test]
    fn failures_of_unknown_names_wait_as_one_entry_for_each_address() {
        let buffer = Buffer::default();
        for last in [1, 1, 2] {
            buffer.login_of_unknown(Some(IpAddr::from([192, 0, 2, last])));
        }
        assert_eq!(waiting(&buffer), [(UNKNOWN.to_owned(), 1), (UNKNOWN.to_owned(), 2)]);
    }

    #[test]
    fn what_finds_no_room_is_counted_and_what_waits_is_kept() {
        let buffer = Buffer::default();
        for tag in 0..CAPACITY + 5 {
            pull(&buffer, &format!("t{tag}"));
        }
        // An event that waits already still counts up.
        pull(&buffer, "t0");
        assert_eq!(buffer.lost.get(), 5);
        assert_eq!(waiting(&buffer).len(), CAPACITY);
        assert!(waiting(&buffer).contains(&("shop/web:t0".to_owned(), 2)));
    }
}
