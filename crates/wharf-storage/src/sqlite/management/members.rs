//! Members of a project.

use rusqlite::{Row, params};
use wharf_access::{Action, Caller, Permission, Resource, Role};

use super::super::access;
use super::super::journal::{self, Note};
use super::super::listing::{Columns, Query, order_by};
use super::super::tx::Tx;
use crate::catalog::{AuditOperation, Listed, MemberRecord, Slice, SortField, TextFilter};
use crate::{Error, Result};

const fn permission(action: Action) -> Permission {
    Permission::new(Resource::Member, action)
}

pub(super) fn add(
    tx: &Tx<'_>,
    caller: &Caller,
    project: &str,
    user: &str,
    role: Role,
) -> Result<MemberRecord> {
    let row = access::authorize_in_project(tx, caller, permission(Action::Create), project)?;
    let user_id: i64 = tx
        .first("SELECT id FROM users WHERE name = ?1", [user], |row| row.get(0))?
        .ok_or_else(|| Error::not_found("user", user))?;
    if access::role(tx, user_id, row.id)?.is_some() {
        return Err(Error::Conflict {
            what: "user",
            name: user.to_owned(),
            problem: format!("is a member of project {project:?} already"),
        });
    }
    let id = tx.insert(
        "INSERT INTO members (project_id, user_id, role, created_at) VALUES (?1, ?2, ?3, ?4)",
        params![row.id, user_id, role.id(), tx.now()],
    )?;
    note(tx, caller, AuditOperation::CreateMember, project, user, Some(role.name().to_owned()))?;
    require(tx, row.id, id)
}

pub(super) fn find(tx: &Tx<'_>, caller: &Caller, project: &str, id: i64) -> Result<MemberRecord> {
    let project = access::authorize_in_project(tx, caller, permission(Action::Read), project)?;
    require(tx, project.id, id)
}

const SORTED_BY: Columns =
    &[(SortField::Id, "m.id"), (SortField::Name, "u.name"), (SortField::Role, "m.role")];

pub(super) fn list(
    tx: &Tx<'_>,
    caller: &Caller,
    project: &str,
    name: Option<&TextFilter>,
    slice: &Slice,
) -> Result<Listed<MemberRecord>> {
    let project = access::authorize_in_project(tx, caller, permission(Action::List), project)?;
    let query = Query {
        columns: "m.id, m.project_id, m.user_id, u.name, m.role",
        from:
            "FROM members m JOIN users u ON u.id = m.user_id
            WHERE m.project_id = ?1 AND (?2 IS NULL OR u.name = ?2) AND (?3 IS NULL OR instr(u.name, ?3) > 0)",
        params: &[&project.id, &TextFilter::exact(name), &TextFilter::part(name)],
    };
    query.list(tx, &order_by(slice, SORTED_BY, "m.id")?, slice, member)
}

pub(super) fn update(
    tx: &Tx<'_>,
    caller: &Caller,
    project: &str,
    id: i64,
    role: Role,
) -> Result<MemberRecord> {
    let row = access::authorize_in_project(tx, caller, permission(Action::Update), project)?;
    let old = require(tx, row.id, id)?;
    if old.role != role {
        tx.run("UPDATE members SET role = ?2 WHERE id = ?1", params![id, role.id()])?;
        let detail = format!("{}, was {}", role.name(), old.role.name());
        note(tx, caller, AuditOperation::UpdateMember, project, &old.user_name, Some(detail))?;
    }
    Ok(MemberRecord { role, ..old })
}

pub(super) fn delete(tx: &Tx<'_>, caller: &Caller, project: &str, id: i64) -> Result<()> {
    let row = access::authorize_in_project(tx, caller, permission(Action::Delete), project)?;
    let member = require(tx, row.id, id)?;
    tx.run("DELETE FROM members WHERE id = ?1", [id])?;
    let detail = Some(format!("was {}", member.role.name()));
    note(tx, caller, AuditOperation::DeleteMember, project, &member.user_name, detail)
}

/// Returns the member with this number in this project; one of another project is absent.
fn require(tx: &Tx<'_>, project_id: i64, id: i64) -> Result<MemberRecord> {
    tx.first(
        "SELECT m.id, m.project_id, m.user_id, u.name, m.role FROM members m JOIN users u ON u.id = m.user_id
         WHERE m.project_id = ?1 AND m.id = ?2",
        [project_id, id],
        member,
    )?
    .ok_or_else(|| Error::not_found("member", id))
}

fn member(row: &Row<'_>) -> rusqlite::Result<MemberRecord> {
    let role: u8 = row.get(4)?;
    Ok(MemberRecord {
        id: row.get(0)?,
        project_id: row.get(1)?,
        user_id: row.get(2)?,
        user_name: row.get(3)?,
        role: Role::try_from(role).map_err(|error| {
            rusqlite::Error::FromSqlConversionFailure(4, rusqlite::types::Type::Integer, error.into())
        })?,
    })
}

fn note(
    tx: &Tx<'_>,
    caller: &Caller,
    operation: AuditOperation,
    project: &str,
    user: &str,
    detail: Option<String>,
) -> Result<()> {
    journal::note(
        tx,
        caller,
        Note { operation, project: Some(project), resource: user, digest: None, detail },
    )
}
