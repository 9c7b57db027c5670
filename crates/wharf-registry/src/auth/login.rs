//! Verifying credentials against the catalog.

use std::time::Instant;

use wharf_access::{Caller, Principal};
use wharf_oci::distribution::Scope;
use wharf_storage::catalog::{Robot, RobotCredential, User, UserCredential};

use super::password::{self, Busy, MAX_PASSWORD_BYTES};
use super::secret::{self, Secret};
use super::token::Claims;
use super::{AuthError, Origin, unix_now};
use crate::App;

/// The longest account name that is looked up, in bytes: project and robot name at their longest, with prefix.
const MAX_NAME_BYTES: usize = 600;

/// An account whose credential was verified just now.
#[derive(Clone, Debug)]
pub(super) struct Account {
    pub(super) principal: Principal,
    pub(super) name: String,
    /// The mark of the credential, for tokens.
    pub(super) stamp: String,
}

impl Account {
    pub(super) fn into_caller(self, scopes: Option<Vec<Scope>>) -> Caller {
        Caller { token_scopes: scopes, ..Caller::named(self.principal, self.name) }
    }
}

/// Verifies a name and its password or secret.
///
/// Unknown names, wrong secrets, disabled and expired accounts all get the same answer, in the same time.
pub(super) async fn with_secret(
    app: &App,
    name: &str,
    secret: &Secret,
    origin: &Origin,
) -> Result<Account, AuthError> {
    if name.is_empty() || name.len() > MAX_NAME_BYTES || secret.expose().len() > MAX_PASSWORD_BYTES {
        return Err(AuthError::Refused);
    }
    let key = app.authenticator.attempts.key(name, origin.address);
    let wait = |now| match app.authenticator.attempts.wait(key, now) {
        Some(wait) => {
            let seconds = u32::try_from(wait.as_secs()).unwrap_or(u32::MAX).saturating_add(1);
            Err(AuthError::TooManyAttempts { retry_after_seconds: seconds })
        }
        None => Ok(()),
    };
    wait(Instant::now())?;
    let verified = if name.starts_with("robot$") {
        robot(app, name, secret).await?
    } else {
        user(app, name, secret, &wait).await?
    };
    match verified {
        Some((account, first)) => {
            if first {
                app.authenticator.attempts.succeeded(key);
                app.audit.login(name, origin.address, origin.user_agent.as_deref(), "success");
            }
            Ok(account)
        }
        None => {
            app.authenticator.attempts.failed(key, Instant::now());
            app.audit.login(name, origin.address, origin.user_agent.as_deref(), "denied: wrong credentials");
            Err(AuthError::Refused)
        }
    }
}

/// Finds the account of a token whose signature was verified: it must still be there, enabled, and with the credential
/// that the token was bought with.
pub(super) async fn with_claims(app: &App, claims: Claims) -> Result<Account, AuthError> {
    let stamped = |hash: &str| secret::equal(&app.authenticator.tokens.stamp(hash), &claims.stamp);
    let valid = match claims.principal {
        Principal::Anonymous => true,
        Principal::System => false,
        Principal::User(id) => app.catalog.user_credential(&claims.name).await?.is_some_and(|found| {
            found.user.id == id && usable_user(&found.user) && stamped(&found.password_hash)
        }),
        Principal::Robot(id) => app.catalog.robot_credential(&claims.name).await?.is_some_and(|found| {
            let now = unix_now();
            found.robot.id == id
                && usable_robot(&found.robot, now)
                && accepted_hashes(&found, now).any(stamped)
        }),
    };
    if !valid {
        return Err(AuthError::Refused);
    }
    Ok(Account { principal: claims.principal, name: claims.name, stamp: claims.stamp })
}

/// Verifies a user's password; the flag tells whether it was the first time lately.
async fn user(
    app: &App,
    name: &str,
    secret: &Secret,
    wait: &(impl Fn(Instant) -> Result<(), AuthError> + Sync),
) -> Result<Option<(Account, bool)>, AuthError> {
    let authenticator = &app.authenticator;
    let found = app.catalog.user_credential(name).await?;
    if let Some(found) = &found
        && authenticator.verified.contains(secret, &found.password_hash)
    {
        return Ok(usable_user(&found.user).then(|| (user_account(app, found), false)));
    }
    let turn = authenticator.passwords.turn().await.map_err(busy)?;
    // Whoever had the turn before may have verified the same password, or failed once too often.
    if let Some(found) = &found
        && authenticator.verified.contains(secret, &found.password_hash)
    {
        return Ok(usable_user(&found.user).then(|| (user_account(app, found), false)));
    }
    wait(Instant::now())?;
    let stored = found.as_ref().map(|found| found.password_hash.clone());
    let matched = authenticator.passwords.verify(turn, secret.clone(), stored).await;
    let Some(found) = found.filter(|found| matched && usable_user(&found.user)) else { return Ok(None) };
    let found = upgraded(app, found, secret).await?;
    authenticator.verified.insert(secret, &found.password_hash);
    Ok(Some((user_account(app, &found), true)))
}

/// Replaces a hash of an older form, now that the password is known.
async fn upgraded(app: &App, found: UserCredential, secret: &Secret) -> Result<UserCredential, AuthError> {
    if !password::is_outdated(&found.password_hash) {
        return Ok(found);
    }
    let passwords = &app.authenticator.passwords;
    let turn = passwords.turn().await.map_err(busy)?;
    let Ok(hash) = passwords.hash(turn, secret.clone()).await else { return Ok(found) };
    app.catalog.rehash_password(found.user.id, &found.password_hash, &hash).await?;
    // Read again: another login may have been first, or an administrator with a new password.
    Ok(app.catalog.user_credential(&found.user.name).await?.unwrap_or(found))
}

/// Verifies a robot's secret. It is random, so one fast hash is enough and every failure takes as long as a success.
async fn robot(app: &App, name: &str, secret: &Secret) -> Result<Option<(Account, bool)>, AuthError> {
    let found = app.catalog.robot_credential(name).await?;
    let presented = secret.sha256_hex();
    let now = unix_now();
    let Some(found) = found else {
        // The comparison that a known name would have had.
        secret::equal(&presented, "");
        return Ok(None);
    };
    let matched = accepted_hashes(&found, now).find(|hash| secret::equal(&presented, hash));
    let Some(hash) = matched.filter(|_| usable_robot(&found.robot, now)) else { return Ok(None) };
    let first = !app.authenticator.verified.contains(secret, hash);
    if first {
        app.authenticator.verified.insert(secret, hash);
    }
    let account = Account {
        principal: Principal::Robot(found.robot.id),
        stamp: app.authenticator.tokens.stamp(hash),
        name: found.robot.name.clone(),
    };
    Ok(Some((account, first)))
}

fn user_account(app: &App, found: &UserCredential) -> Account {
    Account {
        principal: Principal::User(found.user.id),
        name: found.user.name.clone(),
        stamp: app.authenticator.tokens.stamp(&found.password_hash),
    }
}

const fn usable_user(user: &User) -> bool {
    !user.disabled
}

fn usable_robot(robot: &Robot, now: i64) -> bool {
    !robot.disabled && robot.expires_at.is_none_or(|end| now < end)
}

/// The stored hashes that open the door at `now`: the present one, and the one before while the overlap lasts.
fn accepted_hashes(found: &RobotCredential, now: i64) -> impl Iterator<Item = &str> {
    let previous = found.previous.as_ref().filter(|(_, until)| now < *until).map(|(hash, _)| hash.as_str());
    std::iter::once(found.secret_hash.as_str()).chain(previous)
}

const fn busy(_: Busy) -> AuthError {
    AuthError::TooManyAttempts { retry_after_seconds: 1 }
}
