//! Repositories.

use rusqlite::params;
use wharf_access::{Caller, Permission};
use wharf_oci::RepositoryName;

use super::super::access::{Decisions, ProjectRow};
use super::super::tx::{Tx, parsed};
use crate::catalog::Page;
use crate::{Error, Result};

/// A repository as the data plane needs it.
#[derive(Clone, Copy, Debug)]
pub(in crate::sqlite) struct RepositoryRow {
    pub(in crate::sqlite) id: i64,
    pub(in crate::sqlite) project_id: i64,
}

/// Returns a repository by name.
pub(in crate::sqlite) fn find(tx: &Tx<'_>, name: &RepositoryName) -> Result<Option<RepositoryRow>> {
    tx.first("SELECT id, project_id FROM repositories WHERE name = ?1", [name.as_str()], |row| {
        Ok(RepositoryRow { id: row.get(0)?, project_id: row.get(1)? })
    })
}

/// Returns a repository that must be there.
pub(in crate::sqlite) fn require(tx: &Tx<'_>, name: &RepositoryName) -> Result<RepositoryRow> {
    find(tx, name)?.ok_or_else(|| Error::not_found("repository", name))
}

/// Returns a repository that is about to receive something, making it when it is absent.
pub(in crate::sqlite) fn find_or_create(
    tx: &Tx<'_>,
    project: &ProjectRow,
    name: &RepositoryName,
) -> Result<RepositoryRow> {
    if let Some(row) = find(tx, name)? {
        return Ok(row);
    }
    let id = tx.insert(
        "INSERT INTO repositories (project_id, name, created_at, updated_at) VALUES (?1, ?2, ?3, ?3)",
        params![project.id, name.as_str(), tx.now()],
    )?;
    Ok(RepositoryRow { id, project_id: project.id })
}

/// Lists the repositories that the caller may pull from.
///
/// A token for the whole catalog (`registry:catalog:*`) says nothing of repositories, so the account's own rights
/// decide; any other token narrows them.
pub(super) fn list(tx: &Tx<'_>, caller: &Caller, page: &Page) -> Result<Vec<RepositoryName>> {
    let whole_catalog = caller
        .token_scopes
        .as_ref()
        .is_some_and(|scopes| scopes.iter().any(|scope| scope.kind == "registry" && scope.name == "catalog"));
    let unlimited;
    let caller = if whole_catalog {
        unlimited = Caller { token_scopes: None, ..caller.clone() };
        &unlimited
    } else {
        caller
    };
    let mut decisions = Decisions::new(tx, caller)?;
    let mut names = Vec::new();
    if page.limit == 0 {
        return Ok(names);
    }
    tx.scan(
        "SELECT name, project_id FROM repositories WHERE name > ?1 AND going_since IS NULL ORDER BY name",
        [page.after.as_deref().unwrap_or_default()],
        |row| {
            let name: RepositoryName = parsed(row, 0)?;
            if decisions.permits(Permission::PULL, row.get(1)?, Some(&name))? {
                names.push(name);
            }
            Ok(names.len() < page.limit)
        },
    )?;
    Ok(names)
}
