//! Users.

use axum::body::Bytes;
use http::StatusCode;
use wharf_oci::distribution::ErrorCode;
use wharf_storage::Error as Storage;
use wharf_storage::catalog::{self, NewUser, SortField, UserUpdate};

use super::call::{Call, Reply, bad_request, created, done, json};
use super::query::{Sortable, listed, page};
use super::shape::{Time, shapes};
use crate::auth::{self, AuthError, MAX_PASSWORD_BYTES, MIN_PASSWORD_CHARS, Secret};
use crate::error::Error;

/// Names that the audit log uses for others than users.
const RESERVED: [&str; 4] = ["anonymous", "system", "schedule", "unknown"];

const SORTABLE: Sortable = &[
    ("user_id", SortField::Id),
    ("username", SortField::Name),
    ("email", SortField::Email),
    ("realname", SortField::RealName),
    ("creation_time", SortField::CreatedAt),
    ("update_time", SortField::UpdatedAt),
];

shapes! {
    /// A user to make. Nobody becomes an administrator this way.
    request UserCreationReq {
        username: String,
        /// 8 characters to 1024 bytes.
        password: Secret,
        email: Option<String>,
        realname: Option<String>,
    }

    /// What users may change of themselves.
    request UserProfile {
        email: Option<String>,
        realname: Option<String>,
    }

    /// A new password.
    request PasswordReq {
        /// The present one; needed to change one's own.
        old_password: Option<Secret>,
        /// 8 characters to 1024 bytes.
        new_password: Secret,
    }

    /// Whether a user administers the system.
    request UserSysAdminFlag {
        sysadmin_flag: bool,
    }

    /// Whether a user may not log in.
    request UserDisabledFlag {
        disabled: bool,
    }

    /// An htpasswd file, for clients that speak JSON only.
    request HtpasswdReq {
        /// Its text.
        htpasswd: String,
    }

    /// A user.
    answer UserResp {
        user_id: i64,
        username: String,
        email: String,
        realname: String,
        sysadmin_flag: bool,
        /// Whether they may not log in.
        disabled: bool,
        creation_time: Time,
        update_time: Time,
    }

    /// What became of the lines of an htpasswd file.
    answer ImportReport {
        /// The users that were made.
        created: Vec<String>,
        skipped: Vec<SkippedLine>,
    }

    /// A line of which no user was made.
    answer SkippedLine {
        /// Counted from 1.
        line: u64,
        /// The user name, where one could be read.
        username: Option<String>,
        reason: String,
    }
}

impl From<catalog::User> for UserResp {
    fn from(user: catalog::User) -> Self {
        Self {
            user_id: user.id,
            username: user.name,
            email: user.email,
            realname: user.real_name,
            sysadmin_flag: user.admin,
            disabled: user.disabled,
            creation_time: Time::seconds(user.created_at),
            update_time: Time::seconds(user.updated_at),
        }
    }
}

pub(super) async fn list(call: Call) -> Result<Reply, Error> {
    let name = call.query.text_filter("username")?;
    let slice = call.query.slice(SORTABLE)?;
    let users = listed(call.catalog().users(&call.caller, name.as_ref(), &slice)).await?;
    page(users, "/users", &call.query, UserResp::from)
}

pub(super) async fn create(call: Call) -> Result<Reply, Error> {
    let wanted: UserCreationReq = call.json()?;
    check_name(&wanted.username)?;
    let user = NewUser {
        name: wanted.username,
        email: wanted.email.unwrap_or_default(),
        real_name: wanted.realname.unwrap_or_default(),
        password_hash: hash(&call, wanted.password).await?,
        admin: false,
    };
    let user = call.catalog().create_user(&call.caller, user).await?;
    Ok(created(done(), &format!("/users/{}", user.id)))
}

/// Reads `name:bcrypt-hash` lines, as plain text or inside JSON; a line that cannot be used is reported and holds up no
/// other.
pub(super) async fn import(call: Call) -> Result<Reply, Error> {
    let wrapped: Option<HtpasswdReq> = if call.is_json() { Some(call.json()?) } else { None };
    let text = match &wrapped {
        Some(wrapped) => &wrapped.htpasswd,
        None => text(&call.body)?,
    };
    let mut report = ImportReport { created: Vec::new(), skipped: Vec::new() };
    for (line, number) in text.lines().map(str::trim).zip(1..) {
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let mut skip = |username: Option<&str>, reason: String| {
            report.skipped.push(SkippedLine { line: number, username: username.map(str::to_owned), reason });
        };
        let Some((name, hash)) = line.split_once(':') else {
            skip(None, "expected name:hash".to_owned());
            continue;
        };
        if !auth::is_importable(hash) {
            skip(Some(name), "the hash is not bcrypt; make it with htpasswd -B".to_owned());
            continue;
        }
        if let Err(error) = check_name(name) {
            skip(Some(name), error.to_string());
            continue;
        }
        let user = NewUser { name: name.to_owned(), password_hash: hash.to_owned(), ..NewUser::default() };
        match call.catalog().create_user(&call.caller, user).await {
            Ok(user) => report.created.push(user.name),
            Err(error @ (Storage::Conflict { .. } | Storage::Invalid { .. })) => {
                skip(Some(name), error.to_string());
            }
            Err(error) => return Err(error.into()),
        }
    }
    json(&report)
}

pub(super) async fn current(call: Call) -> Result<Reply, Error> {
    let id = call.own_user_id().ok_or_else(|| {
        Error::answer(StatusCode::FORBIDDEN, ErrorCode::Denied, "a robot account is no user")
    })?;
    json(&UserResp::from(call.catalog().user(&call.caller, id).await?))
}

pub(super) async fn show(call: Call) -> Result<Reply, Error> {
    json(&UserResp::from(call.catalog().user(&call.caller, call.id("user_id")?).await?))
}

pub(super) async fn update(call: Call) -> Result<Reply, Error> {
    let id = call.id("user_id")?;
    let wanted: UserProfile = call.json()?;
    let update = UserUpdate { email: wanted.email, real_name: wanted.realname, ..UserUpdate::default() };
    change(&call, id, update).await
}

pub(super) async fn delete(call: Call) -> Result<Reply, Error> {
    call.catalog().delete_user(&call.caller, call.id("user_id")?).await?;
    Ok(done())
}

pub(super) async fn change_password(call: Call) -> Result<Reply, Error> {
    let id = call.id("user_id")?;
    let wanted: PasswordReq = call.json()?;
    // Whether the caller may know this user at all comes before any work, and before any word on the password.
    call.catalog().user(&call.caller, id).await?;
    if call.own_user_id() == Some(id) {
        let old = wanted.old_password.ok_or_else(|| bad_request("old_password is missing"))?;
        match auth::verify_again(&call.app, &call.caller, &old).await {
            Ok(()) => {}
            Err(AuthError::Refused) => {
                return Err(Error::answer(StatusCode::FORBIDDEN, ErrorCode::Denied, "old_password is wrong"));
            }
            Err(error) => return Err(error.into()),
        }
    }
    let password_hash = Some(hash(&call, wanted.new_password).await?);
    change(&call, id, UserUpdate { password_hash, ..UserUpdate::default() }).await
}

pub(super) async fn set_admin(call: Call) -> Result<Reply, Error> {
    let wanted: UserSysAdminFlag = call.json()?;
    let update = UserUpdate { admin: Some(wanted.sysadmin_flag), ..UserUpdate::default() };
    change(&call, call.id("user_id")?, update).await
}

pub(super) async fn set_disabled(call: Call) -> Result<Reply, Error> {
    let wanted: UserDisabledFlag = call.json()?;
    let update = UserUpdate { disabled: Some(wanted.disabled), ..UserUpdate::default() };
    change(&call, call.id("user_id")?, update).await
}

async fn change(call: &Call, id: i64, update: UserUpdate) -> Result<Reply, Error> {
    call.catalog().update_user(&call.caller, id, update).await?;
    Ok(done())
}

/// Checks a new password and hashes it.
async fn hash(call: &Call, password: Secret) -> Result<String, Error> {
    let (chars, bytes) = (password.expose().chars().count(), password.expose().len());
    if chars < MIN_PASSWORD_CHARS || bytes > MAX_PASSWORD_BYTES {
        return Err(bad_request(format!(
            "password has {chars} characters in {bytes} bytes; expected at least {MIN_PASSWORD_CHARS} characters and \
             at most {MAX_PASSWORD_BYTES} bytes"
        )));
    }
    let passwords = &call.app.authenticator.passwords;
    let turn = passwords.turn().await.map_err(|_| AuthError::TooManyAttempts { retry_after_seconds: 1 })?;
    passwords.hash(turn, password).await.map_err(|error| bad_request(format!("password: {error}")))
}

fn check_name(name: &str) -> Result<(), Error> {
    if RESERVED.iter().any(|reserved| reserved.eq_ignore_ascii_case(name)) {
        return Err(bad_request(format!("username {name:?} is reserved")));
    }
    Ok(())
}

fn text(body: &Bytes) -> Result<&str, Error> {
    std::str::from_utf8(body).map_err(|_| bad_request("body: expected UTF-8 text"))
}
