//! Users.

use rusqlite::{Row, params};
use wharf_access::{Action, Caller, Denied, Permission, Principal, Request, Resource};

use super::super::access;
use super::super::journal::{self, Note};
use super::super::listing::{Columns, Query, order_by};
use super::super::tx::Tx;
use super::check_text;
use crate::catalog::{
    AuditOperation, Listed, NewUser, Slice, SortField, TextFilter, User, UserCredential, UserUpdate,
};
use crate::{Error, Result};

/// Characters that no login name has: they separate things elsewhere.
const FORBIDDEN: &str = ",\"~#%$\\/:";
/// Names that the audit log gives to callers who are no users.
const RESERVED: [&str; 2] = ["anonymous", "system"];

fn permission(action: Action) -> Request<'static> {
    Request::on_system(Permission::new(Resource::User, action))
}

pub(super) fn credential(tx: &Tx<'_>, name: &str) -> Result<Option<UserCredential>> {
    tx.first(
        "SELECT id, name, email, real_name, admin, disabled, created_at, updated_at, password_hash
         FROM users WHERE name = ?1",
        [name],
        |row| Ok(UserCredential { user: user(row)?, password_hash: row.get(8)? }),
    )
}

pub(super) fn bootstrap(tx: &Tx<'_>, new: &NewUser) -> Result<bool> {
    if tx.exists("SELECT 1 FROM users", [])? {
        return Ok(false);
    }
    insert(tx, &Caller::system(), new)?;
    Ok(true)
}

pub(super) fn rehash(tx: &Tx<'_>, id: i64, old_hash: &str, new_hash: &str) -> Result<()> {
    // A password that was changed in between stays.
    tx.run(
        "UPDATE users SET password_hash = ?3 WHERE id = ?1 AND password_hash = ?2",
        params![id, old_hash, new_hash],
    )?;
    Ok(())
}

pub(super) fn create(tx: &Tx<'_>, caller: &Caller, new: &NewUser) -> Result<User> {
    access::authorize(tx, caller, &permission(Action::Create))?;
    if new.admin {
        require_admin(tx, caller)?;
    }
    insert(tx, caller, new)
}

fn insert(tx: &Tx<'_>, caller: &Caller, new: &NewUser) -> Result<User> {
    check_name(&new.name)?;
    check_text("e-mail address", &new.email, 255)?;
    check_text("real name", &new.real_name, 255)?;
    if tx.exists("SELECT 1 FROM users WHERE name = ?1", [&new.name])? {
        return Err(Error::Conflict {
            what: "user",
            name: new.name.clone(),
            problem: "exists already".to_owned(),
        });
    }
    let id = tx.insert(
        "INSERT INTO users (name, email, real_name, password_hash, admin, created_at, updated_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?6)",
        params![new.name, new.email, new.real_name, new.password_hash, new.admin, tx.now()],
    )?;
    note(tx, caller, AuditOperation::CreateUser, &new.name, new.admin.then(|| "administrator".to_owned()))?;
    require(tx, id)
}

pub(super) fn find(tx: &Tx<'_>, caller: &Caller, id: i64) -> Result<User> {
    match access::authorize(tx, caller, &permission(Action::Read)) {
        Err(Error::Denied(_)) if is_self(tx, caller, id)? => {}
        other => drop(other?),
    }
    require(tx, id)
}

const SORTED_BY: Columns = &[
    (SortField::Id, "id"),
    (SortField::Name, "name"),
    (SortField::Email, "email"),
    (SortField::RealName, "real_name"),
    (SortField::CreatedAt, "created_at"),
    (SortField::UpdatedAt, "updated_at"),
];

pub(super) fn list(
    tx: &Tx<'_>,
    caller: &Caller,
    name: Option<&TextFilter>,
    slice: &Slice,
) -> Result<Listed<User>> {
    access::authorize(tx, caller, &permission(Action::List))?;
    let query = Query {
        columns: "id, name, email, real_name, admin, disabled, created_at, updated_at",
        from: "FROM users WHERE (?1 IS NULL OR name = ?1) AND (?2 IS NULL OR instr(name, ?2) > 0)",
        params: &[&TextFilter::exact(name), &TextFilter::part(name)],
    };
    query.list(tx, &order_by(slice, SORTED_BY, "id")?, slice, user)
}

pub(super) fn update(tx: &Tx<'_>, caller: &Caller, id: i64, update: &UserUpdate) -> Result<User> {
    match access::authorize(tx, caller, &permission(Action::Update)) {
        // What makes an account mighty or useless is for others to decide.
        Err(Error::Denied(_))
            if update.admin.is_none() && update.disabled.is_none() && is_self(tx, caller, id)? => {}
        other => drop(other?),
    }
    let old = require(tx, id)?;
    if (old.admin || update.admin.is_some()) && !is_self(tx, caller, id)? {
        require_admin(tx, caller)?;
    }
    if let Some(email) = &update.email {
        check_text("e-mail address", email, 255)?;
    }
    if let Some(real_name) = &update.real_name {
        check_text("real name", real_name, 255)?;
    }
    let loses = update.admin == Some(false) || update.disabled == Some(true);
    if loses {
        keep_an_administrator(tx, &old)?;
    }
    tx.run(
        "UPDATE users SET email = coalesce(?2, email), real_name = coalesce(?3, real_name),
             password_hash = coalesce(?4, password_hash), admin = coalesce(?5, admin),
             disabled = coalesce(?6, disabled), updated_at = ?7 WHERE id = ?1",
        params![
            id,
            update.email,
            update.real_name,
            update.password_hash,
            update.admin,
            update.disabled,
            tx.now()
        ],
    )?;
    let mut changed = Vec::new();
    changed.extend(update.email.as_ref().map(|_| "e-mail".to_owned()));
    changed.extend(update.real_name.as_ref().map(|_| "real name".to_owned()));
    changed.extend(update.password_hash.as_ref().map(|_| "password".to_owned()));
    changed.extend(update.admin.map(|admin| format!("administrator: {admin}")));
    changed.extend(update.disabled.map(|disabled| format!("disabled: {disabled}")));
    if !changed.is_empty() {
        note(tx, caller, AuditOperation::UpdateUser, &old.name, Some(changed.join(", ")))?;
    }
    require(tx, id)
}

pub(super) fn delete(tx: &Tx<'_>, caller: &Caller, id: i64) -> Result<()> {
    access::authorize(tx, caller, &permission(Action::Delete))?;
    let user = require(tx, id)?;
    if user.admin {
        require_admin(tx, caller)?;
    }
    keep_an_administrator(tx, &user)?;
    // Memberships go with the user.
    tx.run("DELETE FROM users WHERE id = ?1", [id])?;
    note(tx, caller, AuditOperation::DeleteUser, &user.name, None)
}

/// Returns a user that must be there.
fn require(tx: &Tx<'_>, id: i64) -> Result<User> {
    tx.first(
        "SELECT id, name, email, real_name, admin, disabled, created_at, updated_at FROM users WHERE id = ?1",
        [id],
        user,
    )?
    .ok_or_else(|| Error::not_found("user", id))
}

/// Returns whether the caller is this user, with all rights of the account and allowed to log in.
fn is_self(tx: &Tx<'_>, caller: &Caller, id: i64) -> Result<bool> {
    Ok(caller.principal == Principal::User(id)
        && caller.token_scopes.is_none()
        && access::account(tx, caller)?.active)
}

/// Refuses whoever does not administer the whole system, whatever they are granted: else the right to manage users
/// would be the right to become anyone.
fn require_admin(tx: &Tx<'_>, caller: &Caller) -> Result<()> {
    let account = access::account(tx, caller)?;
    if account.active && account.system_admin { Ok(()) } else { Err(Denied::Forbidden.into()) }
}

/// Refuses to take away the last user who can administer the system.
fn keep_an_administrator(tx: &Tx<'_>, user: &User) -> Result<()> {
    let is_one = user.admin && !user.disabled;
    if is_one && !tx.exists("SELECT 1 FROM users WHERE admin = 1 AND disabled = 0 AND id <> ?1", [user.id])? {
        return Err(Error::Conflict {
            what: "user",
            name: user.name.clone(),
            problem: "is the last administrator".to_owned(),
        });
    }
    Ok(())
}

fn check_name(name: &str) -> Result<()> {
    let invalid = |problem| Err(Error::Invalid { what: "user name", problem });
    let length = name.chars().count();
    if !(1..=255).contains(&length) {
        return invalid(format!("it has {length} characters, 1 to 255 are allowed"));
    }
    if let Some(bad) = name.chars().find(|c| c.is_control() || FORBIDDEN.contains(*c)) {
        return invalid(format!(
            "{name:?} holds {bad:?}; none of {FORBIDDEN} and no control character is allowed"
        ));
    }
    if RESERVED.contains(&name) {
        return invalid(format!("{name:?} is reserved"));
    }
    Ok(())
}

fn note(
    tx: &Tx<'_>,
    caller: &Caller,
    operation: AuditOperation,
    name: &str,
    detail: Option<String>,
) -> Result<()> {
    journal::note(tx, caller, Note { operation, project: None, resource: name, digest: None, detail })
}

fn user(row: &Row<'_>) -> rusqlite::Result<User> {
    Ok(User {
        id: row.get(0)?,
        name: row.get(1)?,
        email: row.get(2)?,
        real_name: row.get(3)?,
        admin: row.get(4)?,
        disabled: row.get(5)?,
        created_at: row.get(6)?,
        updated_at: row.get(7)?,
    })
}
