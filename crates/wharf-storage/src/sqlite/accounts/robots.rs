//! Robot accounts.

use rusqlite::{Row, params};
use wharf_access::{
    Action, Caller, Denied, Permission, Principal, Request, Resource, RobotGrant, Role, decide,
};

use super::super::access::{self, ProjectRow};
use super::super::journal::{self, Note};
use super::super::listing::{Columns, Query, order_by};
use super::super::tx::Tx;
use super::check_text;
use crate::catalog::{
    AuditOperation, Listed, NewRobot, Robot, RobotCredential, RobotUpdate, Slice, SortField, TextFilter,
};
use crate::{Error, Result};

/// How many grants a robot may have.
const MAX_GRANTS: usize = 1000;

pub(super) fn credential(tx: &Tx<'_>, name: &str) -> Result<Option<RobotCredential>> {
    let now = tx.now();
    let found = tx.first(
        "SELECT r.id, r.name, p.name, r.description, r.grants, r.expires_at, r.disabled, r.created_at, r.updated_at,
             r.secret_hash, r.previous_secret_hash, r.previous_valid_until
         FROM robots r LEFT JOIN projects p ON p.id = r.project_id WHERE r.name = ?1",
        [name],
        |row| {
            let previous: Option<String> = row.get(10)?;
            let until: Option<i64> = row.get(11)?;
            Ok(RobotCredential {
                robot: robot(row)?,
                secret_hash: row.get(9)?,
                previous: previous.zip(until).filter(|(_, until)| now < *until),
            })
        },
    )?;
    Ok(found)
}

pub(super) fn create(tx: &Tx<'_>, caller: &Caller, new: &NewRobot) -> Result<Robot> {
    let project = authorize(tx, caller, new.project.as_deref(), Action::Create)?;
    administrators_only(tx, caller, project.as_ref())?;
    check_name(&new.name)?;
    check_text("description", &new.description, 10_000)?;
    check_secret_hash(&new.secret_hash)?;
    check_grants(tx, caller, project.as_ref(), &new.grants)?;
    if let Some(end) = new.expires_at.filter(|end| *end <= tx.now()) {
        return Err(Error::Invalid {
            what: "expiry",
            problem: format!("it ends at {end}, and now is {} (Unix seconds)", tx.now()),
        });
    }
    let name = match &project {
        Some(project) => format!("robot${}+{}", project.name, new.name),
        None => format!("robot${}", new.name),
    };
    if tx.exists("SELECT 1 FROM robots WHERE name = ?1", [&name])? {
        return Err(Error::Conflict { what: "robot", name, problem: "exists already".to_owned() });
    }
    let id = tx.insert(
        "INSERT INTO robots (name, project_id, description, grants, expires_at, secret_hash, created_at, updated_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?7)",
        params![
            name,
            project.as_ref().map(|project| project.id),
            new.description,
            to_json(&new.grants)?,
            new.expires_at,
            new.secret_hash,
            tx.now()
        ],
    )?;
    note(tx, caller, AuditOperation::CreateRobot, project.as_ref(), &name, None)?;
    require(tx, project.as_ref(), id)
}

pub(super) fn find(tx: &Tx<'_>, caller: &Caller, project: Option<&str>, id: i64) -> Result<Robot> {
    let project = authorize_on(tx, caller, project, id, Action::Read)?;
    require(tx, project.as_ref(), id)
}

const SORTED_BY: Columns = &[
    (SortField::Id, "r.id"),
    (SortField::Name, "r.name"),
    (SortField::ExpiresAt, "r.expires_at"),
    (SortField::CreatedAt, "r.created_at"),
    (SortField::UpdatedAt, "r.updated_at"),
];

pub(super) fn list(
    tx: &Tx<'_>,
    caller: &Caller,
    project: Option<&str>,
    name: Option<&TextFilter>,
    slice: &Slice,
) -> Result<Listed<Robot>> {
    let project = authorize(tx, caller, project, Action::List)?;
    let query = Query {
        columns: "r.id, r.name, p.name, r.description, r.grants, r.expires_at, r.disabled, r.created_at, r.updated_at",
        from: "FROM robots r LEFT JOIN projects p ON p.id = r.project_id
            WHERE r.project_id IS ?1 AND (?2 IS NULL OR r.name = ?2) AND (?3 IS NULL OR instr(r.name, ?3) > 0)",
        params: &[&project.map(|project| project.id), &TextFilter::exact(name), &TextFilter::part(name)],
    };
    query.list(tx, &order_by(slice, SORTED_BY, "r.id")?, slice, robot)
}

pub(super) fn update(
    tx: &Tx<'_>,
    caller: &Caller,
    project: Option<&str>,
    id: i64,
    update: &RobotUpdate,
) -> Result<Robot> {
    let project = authorize_on(tx, caller, project, id, Action::Update)?;
    administrators_only(tx, caller, project.as_ref())?;
    let old = require(tx, project.as_ref(), id)?;
    // Also where the grants stay: a new secret for a robot that may do more is the right to do more.
    check_grants(tx, caller, project.as_ref(), update.grants.as_ref().unwrap_or(&old.grants))?;
    let mut changed = Vec::new();
    if let Some(description) = &update.description {
        check_text("description", description, 10_000)?;
        tx.run("UPDATE robots SET description = ?2 WHERE id = ?1", params![id, description])?;
        changed.push("description".to_owned());
    }
    if let Some(grants) = &update.grants {
        tx.run("UPDATE robots SET grants = ?2 WHERE id = ?1", params![id, to_json(grants)?])?;
        changed.push("grants".to_owned());
    }
    if let Some(expires_at) = update.expires_at {
        tx.run("UPDATE robots SET expires_at = ?2 WHERE id = ?1", params![id, expires_at])?;
        changed.push("expiry".to_owned());
    }
    if let Some(disabled) = update.disabled {
        tx.run("UPDATE robots SET disabled = ?2 WHERE id = ?1", params![id, disabled])?;
        changed.push(format!("disabled: {disabled}"));
    }
    if let Some((hash, old_valid_until)) = &update.rotate {
        check_secret_hash(hash)?;
        tx.run(
            "UPDATE robots SET secret_hash = ?2,
                 previous_secret_hash = CASE WHEN ?3 > ?4 THEN secret_hash END,
                 previous_valid_until = CASE WHEN ?3 > ?4 THEN ?3 END WHERE id = ?1",
            params![id, hash, old_valid_until, tx.now()],
        )?;
        changed.push("secret".to_owned());
    }
    if !changed.is_empty() {
        tx.run("UPDATE robots SET updated_at = ?2 WHERE id = ?1", params![id, tx.now()])?;
        let detail = Some(changed.join(", "));
        note(tx, caller, AuditOperation::UpdateRobot, project.as_ref(), &old.name, detail)?;
    }
    require(tx, project.as_ref(), id)
}

pub(super) fn delete(tx: &Tx<'_>, caller: &Caller, project: Option<&str>, id: i64) -> Result<()> {
    let project = authorize_on(tx, caller, project, id, Action::Delete)?;
    administrators_only(tx, caller, project.as_ref())?;
    let robot = require(tx, project.as_ref(), id)?;
    tx.run("DELETE FROM robots WHERE id = ?1", [id])?;
    note(tx, caller, AuditOperation::DeleteRobot, project.as_ref(), &robot.name, None)
}

/// Takes a project that is about to go out of the grants of system robots: a later project of the same name is another one.
pub(in crate::sqlite) fn forget_project(tx: &Tx<'_>, caller: &Caller, project: &str) -> Result<()> {
    let robots = tx.all("SELECT id, grants, name FROM robots WHERE project_id IS NULL", [], |row| {
        Ok((row.get::<_, i64>(0)?, grants(row, 1)?, row.get::<_, String>(2)?))
    })?;
    for (id, mut grants, name) in robots {
        let before = grants.len();
        grants.retain(|grant| grant.project != project);
        if grants.len() < before {
            tx.run(
                "UPDATE robots SET grants = ?2, updated_at = ?3 WHERE id = ?1",
                params![id, to_json(&grants)?, tx.now()],
            )?;
            let detail = Some(format!("its grants for project {project} went with the project"));
            note(tx, caller, AuditOperation::UpdateRobot, None, &name, detail)?;
        }
    }
    Ok(())
}

fn authorize(
    tx: &Tx<'_>,
    caller: &Caller,
    project: Option<&str>,
    action: Action,
) -> Result<Option<ProjectRow>> {
    let permission = Permission::new(Resource::Robot, action);
    match project {
        Some(name) => access::authorize_in_project(tx, caller, permission, name).map(Some),
        None => {
            access::authorize(tx, caller, &Request::on_system(permission))?;
            Ok(None)
        }
    }
}

/// Decides an action on one robot, and returns the project that it is to belong to. Where none is named, that is the
/// robot's own, if the caller may know of that project. Otherwise the right at the system level decides, as it does of
/// numbers that no robot has: so nobody learns which numbers are those of hidden robots.
fn authorize_on(
    tx: &Tx<'_>,
    caller: &Caller,
    project: Option<&str>,
    id: i64,
    action: Action,
) -> Result<Option<ProjectRow>> {
    let home: Option<String> = match project {
        Some(_) => None,
        None => tx.first(
            "SELECT p.name FROM robots r JOIN projects p ON p.id = r.project_id WHERE r.id = ?1",
            [id],
            |row| row.get(0),
        )?,
    };
    match authorize(tx, caller, home.as_deref().or(project), action) {
        Err(Error::Denied(Denied::Hidden)) if home.is_some() => authorize(tx, caller, None, action),
        decided => decided,
    }
}

/// Robots of the system are changed by administrators only, as they may reach every project.
fn administrators_only(tx: &Tx<'_>, caller: &Caller, project: Option<&ProjectRow>) -> Result<()> {
    if project.is_none() && !access::account(tx, caller)?.system_admin {
        return Err(Denied::Forbidden.into());
    }
    Ok(())
}

/// Refuses grants that reach beyond where the robot lives, that nobody can have there, or that exceed what the caller
/// may do (the class of CVE-2019-16919).
fn check_grants(
    tx: &Tx<'_>,
    caller: &Caller,
    project: Option<&ProjectRow>,
    grants: &[RobotGrant],
) -> Result<()> {
    let invalid = |problem| Err(Error::Invalid { what: "robot grants", problem });
    if grants.len() > MAX_GRANTS {
        return invalid(format!("there are {}, at most {MAX_GRANTS} are kept", grants.len()));
    }
    for grant in grants {
        if let Some(problem) = grant.problem() {
            return invalid(problem);
        }
        match project {
            Some(project) if grant.project != project.name => {
                return invalid(format!(
                    "one is for project {:?}, the robot belongs to {:?}",
                    grant.project, project.name
                ));
            }
            Some(_) => {}
            None if grant.project == "*" || grant.project == "/" => {}
            None if access::project(tx, &grant.project)?.is_none() => {
                return invalid(format!("project {:?} does not exist", grant.project));
            }
            None => {}
        }
        // In a project a robot can be given what its administrator has; `/` is the system level.
        for &(resource, action) in &grant.access {
            let permission = Permission::new(resource, action);
            if grant.project != "/" && !Role::ProjectAdmin.permits(permission) {
                return invalid(format!("{permission} cannot be granted in a project"));
            }
        }
    }
    let Some(project) = project else { return Ok(()) };
    let standing = access::standing(tx, caller, Some(project))?;
    for grant in grants {
        for &(resource, action) in &grant.access {
            let permission = Permission::new(resource, action);
            let held = match caller.principal {
                // Not more than its own patterns either; whether one pattern lies within another is told only where
                // that is plain.
                Principal::Robot(_) => standing.robot_grants.iter().any(|own| {
                    own.permits(permission, Some(&project.name), None)
                        && (own.repositories.as_str() == "**" || own.repositories == grant.repositories)
                }),
                _ => decide(caller, &standing, &Request::in_project(permission, &project.name)).is_ok(),
            };
            if !held {
                return Err(Denied::Forbidden.into());
            }
        }
    }
    Ok(())
}

fn check_name(name: &str) -> Result<()> {
    let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'.' | b'_' | b'-');
    if (1..=255).contains(&name.len()) && name.bytes().all(allowed) {
        return Ok(());
    }
    Err(Error::Invalid {
        what: "robot name",
        problem: format!(
            "{:?} is not made of 1 to 255 lower-case letters, digits, '.', '_' and '-'",
            name.chars().take(255).collect::<String>()
        ),
    })
}

fn check_secret_hash(hash: &str) -> Result<()> {
    if hash.len() == 64 && hash.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b)) {
        return Ok(());
    }
    // What came is not repeated: it may be the secret itself.
    Err(Error::Invalid {
        what: "robot secret hash",
        problem: format!("it has {} bytes, SHA-256 in hexadecimal has 64 digits", hash.len()),
    })
}

/// Returns the robot with this number that lives here; one that lives elsewhere is absent.
fn require(tx: &Tx<'_>, project: Option<&ProjectRow>, id: i64) -> Result<Robot> {
    tx.first(
        "SELECT r.id, r.name, p.name, r.description, r.grants, r.expires_at, r.disabled, r.created_at, r.updated_at
         FROM robots r LEFT JOIN projects p ON p.id = r.project_id WHERE r.id = ?1 AND r.project_id IS ?2",
        params![id, project.map(|project| project.id)],
        robot,
    )?
    .ok_or_else(|| Error::not_found("robot", id))
}

fn note(
    tx: &Tx<'_>,
    caller: &Caller,
    operation: AuditOperation,
    project: Option<&ProjectRow>,
    name: &str,
    detail: Option<String>,
) -> Result<()> {
    let project = project.map(|project| project.name.as_str());
    journal::note(tx, caller, Note { operation, project, resource: name, digest: None, detail })
}

fn to_json(grants: &[RobotGrant]) -> Result<String> {
    serde_json::to_string(grants).map_err(|error| Error::Invalid {
        what: "robot grants",
        problem: format!("they cannot be stored: {error}"),
    })
}

fn grants(row: &Row<'_>, column: usize) -> rusqlite::Result<Vec<RobotGrant>> {
    let text: String = row.get(column)?;
    serde_json::from_str(&text).map_err(|error| {
        rusqlite::Error::FromSqlConversionFailure(column, rusqlite::types::Type::Text, Box::new(error))
    })
}

fn robot(row: &Row<'_>) -> rusqlite::Result<Robot> {
    Ok(Robot {
        id: row.get(0)?,
        name: row.get(1)?,
        project: row.get(2)?,
        description: row.get(3)?,
        grants: grants(row, 4)?,
        expires_at: row.get(5)?,
        disabled: row.get(6)?,
        created_at: row.get(7)?,
        updated_at: row.get(8)?,
    })
}
