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
use crate::audit::SUCCESS;

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

/// What became of a name and its secret.
enum Verdict {
    Accepted {
        account: Account,
        /// Whether the secret was compared just now, not remembered.
        fresh: bool,
    },
    Refused {
        /// The account's name, where there is one.
        known: Option<String>,
    },
}

/// Verifies a name and its password or secret.
///
/// Unknown names, wrong secrets, disabled and expired accounts all get the same answer, in the same time, and wait alike
/// after failures. A password that was verified before, and a robot's secret, never wait: nobody who only knows a name
/// can lock its owner out of what runs already.
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
    let verdict = if name.starts_with("robot$") {
        robot(app, name, secret, &wait).await?
    } else {
        user(app, name, secret, &wait).await?
    };
    match verdict {
        Verdict::Accepted { account, fresh } => {
            if fresh {
                app.authenticator.attempts.succeeded(key);
            }
            note(app, &account, origin);
            Ok(account)
        }
        Verdict::Refused { known } => {
            app.authenticator.attempts.failed(key, Instant::now());
            match known {
                Some(name) => app.audit.login(
                    &name,
                    origin.address,
                    origin.user_agent.as_deref(),
                    "denied: wrong credentials",
                ),
                None => app.audit.login_of_unknown(origin.address),
            }
            Err(AuthError::Refused)
        }
    }
}

/// Notes a login, once an hour for each account and address.
pub(super) fn note(app: &App, account: &Account, origin: &Origin) {
    if app.authenticator.logins.is_due(&account.name, origin.address, Instant::now()) {
        app.audit.login(&account.name, origin.address, origin.user_agent.as_deref(), SUCCESS);
    }
}

/// Finds the account of a token whose signature was verified: it must still be there, enabled, and with the credential
/// that the token was bought with. A refusal is noted: this server signed the account's name.
pub(super) async fn with_claims(app: &App, claims: Claims, origin: &Origin) -> Result<Account, AuthError> {
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
        app.audit.login(
            &claims.name,
            origin.address,
            None,
            "denied: the token's account or secret has changed",
        );
        return Err(AuthError::Refused);
    }
    Ok(Account { principal: claims.principal, name: claims.name, stamp: claims.stamp })
}

/// Verifies a user's password.
async fn user(
    app: &App,
    name: &str,
    secret: &Secret,
    wait: &(impl Fn(Instant) -> Result<(), AuthError> + Sync),
) -> Result<Verdict, AuthError> {
    let authenticator = &app.authenticator;
    let found = app.catalog.user_credential(name).await?;
    let remembered = || {
        let found = found.as_ref().filter(|found| usable_user(&found.user))?;
        authenticator
            .verified
            .contains(secret, &found.password_hash)
            .then(|| Verdict::Accepted { account: user_account(app, found), fresh: false })
    };
    if let Some(accepted) = remembered() {
        return Ok(accepted);
    }
    wait(Instant::now())?;
    let turn = authenticator.passwords.turn().await.map_err(busy)?;
    // Whoever had the turn before may have verified the same password, or failed once too often.
    if let Some(accepted) = remembered() {
        return Ok(accepted);
    }
    wait(Instant::now())?;
    let stored = found.as_ref().map(|found| found.password_hash.clone());
    let matched = authenticator.passwords.verify(turn, secret.clone(), stored).await;
    match found {
        Some(found) if matched && usable_user(&found.user) => {
            let found = upgraded(app, found, secret).await?;
            authenticator.verified.insert(secret, &found.password_hash);
            Ok(Verdict::Accepted { account: user_account(app, &found), fresh: true })
        }
        found => Ok(Verdict::Refused { known: found.map(|found| found.user.name) }),
    }
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

/// Verifies a robot's secret. It is random, so one fast hash is enough and every failure takes as long as a success;
/// nor can it be guessed, so it is compared first and only what is wrong has to wait.
async fn robot(
    app: &App,
    name: &str,
    secret: &Secret,
    wait: &(impl Fn(Instant) -> Result<(), AuthError> + Sync),
) -> Result<Verdict, AuthError> {
    let found = app.catalog.robot_credential(name).await?;
    let presented = secret.sha256_hex();
    let now = unix_now();
    let Some(found) = found else {
        // The comparison that a known name would have had.
        secret::equal(&presented, "");
        wait(Instant::now())?;
        return Ok(Verdict::Refused { known: None });
    };
    let matched = accepted_hashes(&found, now).find(|hash| secret::equal(&presented, hash));
    let Some(hash) = matched.filter(|_| usable_robot(&found.robot, now)) else {
        wait(Instant::now())?;
        return Ok(Verdict::Refused { known: Some(found.robot.name) });
    };
    let fresh = !app.authenticator.verified.contains(secret, hash);
    if fresh {
        app.authenticator.verified.insert(secret, hash);
    }
    let account = Account {
        principal: Principal::Robot(found.robot.id),
        stamp: app.authenticator.tokens.stamp(hash),
        name: found.robot.name.clone(),
    };
    Ok(Verdict::Accepted { account, fresh })
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
