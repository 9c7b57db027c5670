//! Projects.

use std::collections::HashMap;

use rusqlite::params;
use wharf_access::{Action, Caller, Denied, Permission, Principal, Request, Resource, Role, decide};
use wharf_oci::RepositoryName;

use super::super::access::{self, Decisions, ProjectRow};
use super::super::accounts;
use super::super::content::removal;
use super::super::content::repositories::RepositoryRow;
use super::super::journal::{self, Note};
use super::super::listing::{Columns, order_by};
use super::super::tx::{Tx, signed, unsigned};
use crate::catalog::{
    AuditOperation, Listed, NewProject, Project, ProjectFilter, ProjectUpdate, Slice, SortField, Statistics,
    TextFilter,
};
use crate::{Error, Result};

const READ: Permission = Permission::new(Resource::Project, Action::Read);

pub(super) fn create(tx: &Tx<'_>, caller: &Caller, new: &NewProject, allow_users: bool) -> Result<Project> {
    let account = access::account(tx, caller)?;
    let user = match caller.principal {
        Principal::User(id) => Some(id),
        _ => None,
    };
    let may_as_user = allow_users && user.is_some() && account.active && caller.token_scopes.is_none();
    if !may_as_user {
        let create = Permission::new(Resource::Project, Action::Create);
        access::authorize(tx, caller, &Request::on_system(create))?;
    }
    if new.quota_bytes.is_some() && !account.system_admin {
        return Err(Denied::Forbidden.into());
    }
    // One component of a repository name.
    if new.name.contains('/') || new.name.parse::<RepositoryName>().is_err() {
        return Err(Error::Invalid {
            what: "project name",
            problem: format!(
                "{:?} is not made of 1 to 255 lower-case letters and digits, joined by '.', '_', '__' or '-'",
                new.name.chars().take(255).collect::<String>()
            ),
        });
    }
    if access::project(tx, &new.name)?.is_some() {
        return Err(Error::Conflict {
            what: "project",
            name: new.name.clone(),
            problem: "exists already".to_owned(),
        });
    }
    let id = tx.insert(
        "INSERT INTO projects (name, owner, public, quota_bytes, created_at, updated_at, log_since, log_after)
         VALUES (?1, ?2, ?3, ?4, ?5, ?5, ?6, (SELECT coalesce(max(id), 0) FROM audit))",
        params![new.name, caller.name, new.public, new.quota_bytes.map(signed), tx.now(), tx.now_millis()],
    )?;
    if let Some(user) = user {
        tx.run(
            "INSERT INTO members (project_id, user_id, role, created_at) VALUES (?1, ?2, ?3, ?4)",
            params![id, user, Role::ProjectAdmin.id(), tx.now()],
        )?;
    }
    let detail = Some(if new.public { "public" } else { "private" }.to_owned());
    note(tx, caller, AuditOperation::CreateProject, &new.name, detail)?;
    record(tx, caller, id)
}

pub(super) fn find(tx: &Tx<'_>, caller: &Caller, name: &str) -> Result<Project> {
    let project = access::authorize_in_project(tx, caller, READ, name)?;
    record(tx, caller, project.id)
}

pub(super) fn name(tx: &Tx<'_>, caller: &Caller, id: i64) -> Result<String> {
    let project = access::project_by_id(tx, id)?;
    // An absent project and a hidden one get the same answer.
    let name = project.as_ref().map_or("", |project| project.name.as_str());
    let standing = access::standing(tx, caller, project.as_ref())?;
    decide(caller, &standing, &Request::in_project(READ, name))?;
    project.map(|project| project.name).ok_or_else(|| Error::not_found("project", id))
}

const SORTED_BY: Columns = &[
    (SortField::Id, "id"),
    (SortField::Name, "name"),
    (SortField::Owner, "owner"),
    (SortField::CreatedAt, "created_at"),
    (SortField::UpdatedAt, "updated_at"),
    (SortField::QuotaBytes, "quota_bytes"),
    (SortField::UsedBytes, "used_bytes"),
];

pub(super) fn list(
    tx: &Tx<'_>,
    caller: &Caller,
    filter: &ProjectFilter,
    slice: &Slice,
) -> Result<Listed<Project>> {
    let (mut ids, mut total) = (Vec::new(), 0);
    visible(tx, caller, filter, &order_by(slice, SORTED_BY, "name")?, |project| {
        if total >= slice.offset && ids.len() < slice.limit {
            ids.push(project.id);
        }
        total += 1;
    })?;
    let entries = ids.into_iter().map(|id| record(tx, caller, id)).collect::<Result<_>>()?;
    Ok(Listed { entries, total: total as u64 })
}

pub(super) fn update(tx: &Tx<'_>, caller: &Caller, name: &str, update: &ProjectUpdate) -> Result<Project> {
    let permission = Permission::new(Resource::Project, Action::Update);
    let project = access::authorize_in_project(tx, caller, permission, name)?;
    let mut changed = Vec::new();
    if let Some(public) = update.public {
        tx.run("UPDATE projects SET public = ?2 WHERE id = ?1", params![project.id, public])?;
        changed.push(if public { "made public" } else { "made private" }.to_owned());
    }
    if let Some(quota_bytes) = update.quota_bytes {
        if !access::account(tx, caller)?.system_admin {
            return Err(Denied::Forbidden.into());
        }
        tx.run(
            "UPDATE projects SET quota_bytes = ?2 WHERE id = ?1",
            params![project.id, quota_bytes.map(signed)],
        )?;
        changed.push(match quota_bytes {
            Some(bytes) => format!("quota of {bytes} bytes"),
            None => "no quota".to_owned(),
        });
    }
    if !changed.is_empty() {
        tx.run("UPDATE projects SET updated_at = ?2 WHERE id = ?1", params![project.id, tx.now()])?;
        note(tx, caller, AuditOperation::UpdateProject, name, Some(changed.join(", ")))?;
    }
    record(tx, caller, project.id)
}

/// Removes a project, unless a repository of it is still on its way out: then that is returned, and nothing done.
pub(super) fn delete(tx: &Tx<'_>, caller: &Caller, name: &str) -> Result<Option<RepositoryRow>> {
    let permission = Permission::new(Resource::Project, Action::Delete);
    let project = access::authorize_in_project(tx, caller, permission, name)?;
    let repositories = count_repositories(tx, project.id)?;
    if repositories > 0 {
        let plural = if repositories == 1 { "repository" } else { "repositories" };
        return Err(Error::Conflict {
            what: "project",
            name: name.to_owned(),
            problem: format!("still holds {repositories} {plural}"),
        });
    }
    if let Some(repository) = removal::under_way(tx, Some(project.id))? {
        return Ok(Some(repository));
    }
    // Its members and robots go with it.
    tx.run("DELETE FROM projects WHERE id = ?1", [project.id])?;
    accounts::forget_project(tx, caller, name)?;
    note(tx, caller, AuditOperation::DeleteProject, name, None)?;
    Ok(None)
}

pub(super) fn statistics(tx: &Tx<'_>, caller: &Caller) -> Result<Statistics> {
    let mut statistics = Statistics::default();
    let mut seen = Vec::new();
    visible(tx, caller, &ProjectFilter::default(), "id", |project| seen.push(project))?;
    for project in seen {
        let repositories = count_repositories(tx, project.id)?;
        if project.public {
            statistics.public_projects += 1;
            statistics.public_repositories += repositories;
        } else {
            statistics.private_projects += 1;
            statistics.private_repositories += repositories;
        }
        statistics.total_projects += 1;
        statistics.total_repositories += repositories;
        statistics.total_storage_bytes += project.used_bytes;
    }
    Ok(statistics)
}

/// Calls `visit` with the projects that the caller may read.
///
/// What decides is whether a project is public and which role a user has in it, so that each such class is decided on once;
/// for robots and tokens, which may name projects, each project is.
fn visible(
    tx: &Tx<'_>,
    caller: &Caller,
    filter: &ProjectFilter,
    order: &str,
    mut visit: impl FnMut(ProjectRow),
) -> Result<()> {
    let user = match caller.principal {
        Principal::User(id) => Some(id),
        _ => None,
    };
    let by_class = !matches!(caller.principal, Principal::Robot(_)) && caller.token_scopes.is_none();
    let mut classes: HashMap<(bool, Option<u8>), bool> = HashMap::new();
    let mut decisions = Decisions::new(tx, caller)?;
    let name = filter.name.as_ref();
    tx.scan(
        &format!(
            "SELECT id, name, public, quota_bytes, used_bytes, policy_digest IS NOT NULL,
                 (SELECT role FROM members m WHERE m.project_id = projects.id AND m.user_id = ?1)
             FROM projects WHERE (?2 IS NULL OR name = ?2) AND (?3 IS NULL OR instr(name, ?3) > 0)
             AND (?4 IS NULL OR public = ?4) AND (?5 IS NULL OR owner = ?5) ORDER BY {order}"
        ),
        params![user, TextFilter::exact(name), TextFilter::part(name), filter.public, filter.owner],
        |row| {
            let project = access::project_row(row)?;
            let class = (project.public, row.get::<_, Option<u8>>(6)?);
            let permitted = match classes.get(&class).filter(|_| by_class) {
                Some(permitted) => *permitted,
                None => decisions.permits(READ, project.id, None)?,
            };
            classes.insert(class, permitted);
            if permitted {
                visit(project);
            }
            Ok(true)
        },
    )
}

fn record(tx: &Tx<'_>, caller: &Caller, id: i64) -> Result<Project> {
    let caller_role = match caller.principal {
        Principal::User(user) => access::role(tx, user, id)?,
        _ => None,
    };
    let repositories = count_repositories(tx, id)?;
    tx.first(
        "SELECT id, name, public, quota_bytes, used_bytes, policy_digest IS NOT NULL, owner, created_at, updated_at
         FROM projects WHERE id = ?1",
        [id],
        |row| {
            let project = access::project_row(row)?;
            Ok(Project {
                id,
                name: project.name,
                owner: row.get(6)?,
                public: project.public,
                quota_bytes: project.quota_bytes,
                used_bytes: project.used_bytes,
                repositories,
                caller_role,
                created_at: row.get(7)?,
                updated_at: row.get(8)?,
            })
        },
    )?
    .ok_or_else(|| Error::not_found("project", id))
}

fn count_repositories(tx: &Tx<'_>, project_id: i64) -> Result<u64> {
    let count = tx.first(
        "SELECT count(*) FROM repositories WHERE project_id = ?1 AND going_since IS NULL",
        [project_id],
        |row| unsigned(row, 0),
    )?;
    Ok(count.unwrap_or(0))
}

fn note(
    tx: &Tx<'_>,
    caller: &Caller,
    operation: AuditOperation,
    name: &str,
    detail: Option<String>,
) -> Result<()> {
    journal::note(tx, caller, Note { operation, project: Some(name), resource: name, digest: None, detail })
}
