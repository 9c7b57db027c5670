//! Repositories as the management API shows them, and what they use.

use rusqlite::{Row, params};
use wharf_access::{Action, Caller, Permission, Principal, Resource};
use wharf_oci::RepositoryName;

use super::super::access::{self, Decisions};
use super::super::accounts::check_text;
use super::super::content::removal;
use super::super::content::repositories::{self, RepositoryRow};
use super::super::journal::{self, Note};
use super::super::listing::{Columns, Query, order_by};
use super::super::tx::{Tx, parsed, unsigned};
use crate::catalog::{AuditOperation, Listed, RepositoryRecord, Slice, SortField, StorageUse, TextFilter};
use crate::{Error, Result};

const fn permission(action: Action) -> Permission {
    Permission::new(Resource::Repository, action)
}

const SORTED_BY: Columns = &[
    (SortField::Id, "r.id"),
    (SortField::Name, "r.name"),
    (SortField::Pulls, "r.pulls"),
    (SortField::CreatedAt, "r.created_at"),
    (SortField::UpdatedAt, "r.updated_at"),
];

pub(super) fn list(
    tx: &Tx<'_>,
    caller: &Caller,
    project: &str,
    name: Option<&TextFilter>,
    slice: &Slice,
) -> Result<Listed<RepositoryRecord>> {
    let project = access::authorize_in_project(tx, caller, permission(Action::List), project)?;
    let query = Query {
        columns: "r.id, r.project_id, r.name, r.description, r.pulls, r.created_at, r.updated_at,
            (SELECT coalesce(sum(u.manifests), 0) FROM artifact_use u WHERE u.repository_id = r.id)",
        from: "FROM repositories r WHERE r.project_id = ?1 AND r.going_since IS NULL
            AND (?2 IS NULL OR r.name = ?2) AND (?3 IS NULL OR instr(r.name, ?3) > 0)",
        params: &[&project.id, &TextFilter::exact(name), &TextFilter::part(name)],
    };
    let order = order_by(slice, SORTED_BY, "r.name")?;
    if !matches!(caller.principal, Principal::Robot(_)) && caller.token_scopes.is_none() {
        return query.list(tx, &order, slice, repository);
    }
    // Robots and tokens may be limited to some of the project's repositories: each is decided on, by its name alone.
    let names = Query { columns: "r.name", ..query };
    let mut decisions = Decisions::new(tx, caller)?;
    let (mut entries, mut total) = (Vec::new(), 0);
    for name in
        names.entries(tx, &order, &Slice { limit: usize::MAX, ..Slice::default() }, |row| parsed(row, 0))?
    {
        if !decisions.permits(permission(Action::List), project.id, Some(&name))? {
            continue;
        }
        if total >= slice.offset && entries.len() < slice.limit {
            entries.extend(by_name(tx, &name)?);
        }
        total += 1;
    }
    Ok(Listed { entries, total: total as u64 })
}

pub(super) fn find(tx: &Tx<'_>, caller: &Caller, name: &RepositoryName) -> Result<RepositoryRecord> {
    access::authorize_on_repository(tx, caller, permission(Action::Read), name)?;
    by_name(tx, name)?.ok_or_else(|| Error::not_found("repository", name))
}

fn by_name(tx: &Tx<'_>, name: &RepositoryName) -> Result<Option<RepositoryRecord>> {
    tx.first(
        "SELECT r.id, r.project_id, r.name, r.description, r.pulls, r.created_at, r.updated_at,
             (SELECT coalesce(sum(u.manifests), 0) FROM artifact_use u WHERE u.repository_id = r.id)
         FROM repositories r WHERE r.name = ?1",
        [name.as_str()],
        repository,
    )
}

pub(super) fn describe(tx: &Tx<'_>, caller: &Caller, name: &RepositoryName, description: &str) -> Result<()> {
    access::authorize_on_repository(tx, caller, permission(Action::Update), name)?;
    let row = repositories::require(tx, name)?;
    check_text("description", description, 100_000)?;
    tx.run("UPDATE repositories SET description = ?2 WHERE id = ?1", params![row.id, description])?;
    note(tx, caller, AuditOperation::UpdateRepository, name, Some("description".to_owned()))
}

/// Hides a repository that is to go, and returns it: what it holds goes in steps.
pub(super) fn delete(tx: &Tx<'_>, caller: &Caller, name: &RepositoryName) -> Result<RepositoryRow> {
    access::authorize_on_repository(tx, caller, permission(Action::Delete), name)?;
    let row = repositories::require(tx, name)?;
    let held = tx.first(
        "SELECT (SELECT count(*) FROM manifests WHERE repository_id = ?1),
             (SELECT count(*) FROM tags WHERE repository_id = ?1),
             (SELECT count(*) FROM blob_links WHERE repository_id = ?1)",
        [row.id],
        |row| {
            let (manifests, tags, blobs) = (unsigned(row, 0)?, unsigned(row, 1)?, unsigned(row, 2)?);
            Ok(format!("manifests: {manifests}, tags: {tags}, blobs: {blobs}"))
        },
    )?;
    removal::begin(tx, row)?;
    note(tx, caller, AuditOperation::DeleteRepository, name, held)?;
    Ok(row)
}

/// Reads counters that are kept as content comes and goes: costs a row for each repository and artifact type.
pub(super) fn storage_use(tx: &Tx<'_>) -> Result<StorageUse> {
    let used_bytes = tx.first("SELECT used_bytes FROM storage_use", [], |row| unsigned(row, 0))?.unwrap_or(0);
    let by_artifact_type = tx.all(
        "SELECT r.name, u.artifact_type, u.used_bytes
         FROM artifact_use u JOIN repositories r ON r.id = u.repository_id
         WHERE r.going_since IS NULL ORDER BY r.name, u.artifact_type",
        [],
        |row| Ok((parsed(row, 0)?, row.get(1)?, unsigned(row, 2)?)),
    )?;
    Ok(StorageUse { used_bytes, by_artifact_type })
}

fn repository(row: &Row<'_>) -> rusqlite::Result<RepositoryRecord> {
    Ok(RepositoryRecord {
        id: row.get(0)?,
        project_id: row.get(1)?,
        name: parsed(row, 2)?,
        description: row.get(3)?,
        pulls: unsigned(row, 4)?,
        created_at: row.get(5)?,
        updated_at: row.get(6)?,
        artifacts: unsigned(row, 7)?,
    })
}

fn note(
    tx: &Tx<'_>,
    caller: &Caller,
    operation: AuditOperation,
    name: &RepositoryName,
    detail: Option<String>,
) -> Result<()> {
    journal::note(
        tx,
        caller,
        Note { operation, project: Some(name.project()), resource: name.as_str(), digest: None, detail },
    )
}
