//! What is noted of things that change nothing: pulls, logins, refusals. Changes are noted by the catalog itself.

use std::sync::Mutex;

use wharf_access::Caller;
use wharf_oci::{Digest, Reference, RepositoryName};
use wharf_storage::catalog::{AuditOperation, NewAuditEntry};
use wharf_storage::{Catalog, Result};

/// Entries that wait to be written in one batch.
#[derive(Debug, Default)]
pub(crate) struct Buffer {
    waiting: Mutex<Vec<NewAuditEntry>>,
}

impl Buffer {
    /// Notes that a manifest was pulled.
    pub(crate) fn pulled(
        &self,
        caller: &Caller,
        repository: &RepositoryName,
        reference: &Reference,
        digest: &Digest,
    ) {
        self.push(NewAuditEntry {
            at_millis: jiff::Timestamp::now().as_millisecond(),
            actor: caller.name.clone(),
            address: caller.address.map(|address| address.to_string()),
            operation: AuditOperation::PullArtifact,
            project: Some(repository.project().to_owned()),
            resource: format!("{repository}:{reference}"),
            digest: Some(digest.to_string()),
            outcome: "success".to_owned(),
            detail: caller.user_agent.clone(),
            count: 1,
        });
    }

    /// Writes what waits.
    pub(crate) async fn flush(&self, catalog: &dyn Catalog) -> Result<()> {
        let entries = std::mem::take(&mut *self.waiting.lock().expect("no holder panics"));
        if entries.is_empty() { Ok(()) } else { catalog.record(entries).await }
    }

    fn push(&self, entry: NewAuditEntry) {
        self.waiting.lock().expect("no holder panics").push(entry);
    }
}
