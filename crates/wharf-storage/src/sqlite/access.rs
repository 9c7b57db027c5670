//! Who may do what, read and decided inside the transaction that does it.

use std::collections::HashMap;

use rusqlite::params;
use wharf_access::{Caller, Denied, Permission, Principal, Request, RobotGrant, Role, Standing, decide};
use wharf_oci::RepositoryName;

use super::tx::{Tx, unsigned};
use crate::catalog::Gate;
use crate::{Error, Result};

/// A project as the decisions need it.
#[derive(Clone, Debug)]
pub(super) struct ProjectRow {
    pub(super) id: i64,
    pub(super) name: String,
    pub(super) public: bool,
    pub(super) quota_bytes: Option<u64>,
    pub(super) used_bytes: u64,
    /// Whether it has a trust policy.
    pub(super) gated: bool,
}

/// Returns a project by name, unless it is absent.
pub(super) fn project(tx: &Tx<'_>, name: &str) -> Result<Option<ProjectRow>> {
    tx.first(
        "SELECT id, name, public, quota_bytes, used_bytes, policy_digest IS NOT NULL
         FROM projects WHERE name = ?1",
        [name],
        project_row,
    )
}

/// Returns a project by number, unless it is absent.
pub(super) fn project_by_id(tx: &Tx<'_>, id: i64) -> Result<Option<ProjectRow>> {
    tx.first(
        "SELECT id, name, public, quota_bytes, used_bytes, policy_digest IS NOT NULL
         FROM projects WHERE id = ?1",
        [id],
        project_row,
    )
}

pub(super) fn project_row(row: &rusqlite::Row<'_>) -> rusqlite::Result<ProjectRow> {
    Ok(ProjectRow {
        id: row.get(0)?,
        name: row.get(1)?,
        public: row.get(2)?,
        quota_bytes: row.get::<_, Option<i64>>(3)?.map(|_| unsigned(row, 3)).transpose()?,
        used_bytes: unsigned(row, 4)?,
        gated: row.get(5)?,
    })
}

/// What the catalog says of the caller's account, whatever the project.
#[derive(Clone, Debug, Default)]
pub(super) struct Account {
    pub(super) active: bool,
    pub(super) system_admin: bool,
    pub(super) robot_grants: Vec<RobotGrant>,
}

/// Returns what the catalog says of the caller's account now.
pub(super) fn account(tx: &Tx<'_>, caller: &Caller) -> Result<Account> {
    Ok(match caller.principal {
        Principal::Anonymous => Account { active: true, ..Account::default() },
        Principal::System => Account { active: true, system_admin: true, ..Account::default() },
        Principal::User(id) => tx
            .first("SELECT disabled, admin FROM users WHERE id = ?1", [id], |row| {
                Ok(Account {
                    active: !row.get::<_, bool>(0)?,
                    system_admin: row.get(1)?,
                    ..Account::default()
                })
            })?
            .unwrap_or_default(),
        Principal::Robot(id) => {
            let found =
                tx.first("SELECT disabled, expires_at, grants FROM robots WHERE id = ?1", [id], |row| {
                    Ok((row.get::<_, bool>(0)?, row.get::<_, Option<i64>>(1)?, row.get::<_, String>(2)?))
                })?;
            let Some((disabled, expires_at, grants)) = found else { return Ok(Account::default()) };
            Account {
                active: !disabled && expires_at.is_none_or(|end| tx.now() < end),
                system_admin: false,
                robot_grants: serde_json::from_str(&grants)
                    .map_err(|error| Error::Damaged(format!("grants of robot {id}: {error}")))?,
            }
        }
    })
}

/// Returns the caller's standing in a project (`None`: one that does not exist, or the system level).
pub(super) fn standing(tx: &Tx<'_>, caller: &Caller, project: Option<&ProjectRow>) -> Result<Standing> {
    standing_of(tx, caller, account(tx, caller)?, project)
}

fn standing_of(
    tx: &Tx<'_>,
    caller: &Caller,
    account: Account,
    project: Option<&ProjectRow>,
) -> Result<Standing> {
    let role = match (caller.principal, project) {
        (Principal::User(user), Some(project)) => role(tx, user, project.id)?,
        _ => None,
    };
    Ok(Standing {
        active: account.active,
        system_admin: account.system_admin,
        project_exists: project.is_some(),
        project_public: project.is_some_and(|project| project.public),
        role,
        robot_grants: account.robot_grants,
    })
}

/// Returns the role of a user in a project.
pub(super) fn role(tx: &Tx<'_>, user_id: i64, project_id: i64) -> Result<Option<Role>> {
    let id: Option<u8> = tx.first(
        "SELECT role FROM members WHERE project_id = ?1 AND user_id = ?2",
        params![project_id, user_id],
        |row| row.get(0),
    )?;
    Ok(Role::ALL.into_iter().find(|role| Some(role.id()) == id))
}

/// Decides a request; returns the project concerned, which an administrator may learn to be absent (`None`).
pub(super) fn authorize(tx: &Tx<'_>, caller: &Caller, request: &Request<'_>) -> Result<Option<ProjectRow>> {
    let project = match request.project {
        Some(name) => project(tx, name)?,
        None => None,
    };
    decide(caller, &standing(tx, caller, project.as_ref())?, request)?;
    Ok(project)
}

/// Decides a request for `permission` in the project named `name`, and returns the project.
pub(super) fn authorize_in_project(
    tx: &Tx<'_>,
    caller: &Caller,
    permission: Permission,
    name: &str,
) -> Result<ProjectRow> {
    authorize(tx, caller, &Request::in_project(permission, name))?
        .ok_or_else(|| Error::not_found("project", name))
}

/// Decides a request for `permission` on a repository, and returns its project. Whether the repository exists is
/// another question.
pub(super) fn authorize_on_repository(
    tx: &Tx<'_>,
    caller: &Caller,
    permission: Permission,
    name: &RepositoryName,
) -> Result<ProjectRow> {
    authorize(tx, caller, &Request::on_repository(permission, name))?
        .ok_or_else(|| Error::not_found("project", name.project()))
}

/// Returns whether content of a repository is to be judged before the caller may have it.
pub(super) fn gate(
    tx: &Tx<'_>,
    caller: &Caller,
    project: &ProjectRow,
    repository: &RepositoryName,
) -> Result<Gate> {
    if !project.gated {
        return Ok(Gate::Open);
    }
    let account = Caller { token_scopes: None, ..caller.clone() };
    let standing = standing(tx, &account, Some(project))?;
    match decide(&account, &standing, &Request::on_repository(Permission::PUSH, repository)) {
        Ok(()) => Ok(Gate::Passed),
        Err(Denied::Hidden | Denied::Forbidden) => Ok(Gate::Shut),
    }
}

/// Decides many requests of one caller in one transaction, reading each account and project once.
pub(super) struct Decisions<'t, 'c> {
    tx: &'t Tx<'c>,
    caller: &'t Caller,
    account: Account,
    projects: HashMap<i64, Option<(ProjectRow, Standing)>>,
}

impl<'t, 'c> Decisions<'t, 'c> {
    pub(super) fn new(tx: &'t Tx<'c>, caller: &'t Caller) -> Result<Self> {
        Ok(Self { tx, caller, account: account(tx, caller)?, projects: HashMap::new() })
    }

    /// Returns whether the caller has `permission` on `repository`, or in the project where that is `None`.
    pub(super) fn permits(
        &mut self,
        permission: Permission,
        project_id: i64,
        repository: Option<&RepositoryName>,
    ) -> Result<bool> {
        if !self.projects.contains_key(&project_id) {
            let row = project_by_id(self.tx, project_id)?;
            let entry = match row {
                Some(row) => {
                    let standing = standing_of(self.tx, self.caller, self.account.clone(), Some(&row))?;
                    Some((row, standing))
                }
                None => None,
            };
            self.projects.insert(project_id, entry);
        }
        let Some(Some((project, standing))) = self.projects.get(&project_id) else { return Ok(false) };
        let request = match repository {
            Some(repository) => Request::on_repository(permission, repository),
            None => Request::in_project(permission, &project.name),
        };
        Ok(!matches!(decide(self.caller, standing, &request), Err(Denied::Hidden | Denied::Forbidden)))
    }

    /// Returns whether the caller may have any content of the repository, whatever a trust policy says of it.
    pub(super) fn permits_any_content(
        &mut self,
        project_id: i64,
        repository: &RepositoryName,
    ) -> Result<bool> {
        if !self.permits(Permission::PULL, project_id, Some(repository))? {
            return Ok(false);
        }
        let Some(Some((project, _))) = self.projects.get(&project_id) else { return Ok(false) };
        Ok(gate(self.tx, self.caller, project, repository)? != Gate::Shut)
    }
}
