//! Who asks: the credentials of a request in, a [`Caller`] out.
//!
//! Basic credentials and tokens are accepted side by side, always by the `Authorization` header: no cookie is ever set
//! or read, so no other site can make a browser act here (no CSRF). What a caller may do is decided in the catalog,
//! on each request anew; nothing remembered here ever grants a right.

mod attempts;
mod bounded;
mod challenge;
mod login;
mod logins;
mod password;
mod secret;
mod token;
mod token_service;
mod verified;

use std::net::IpAddr;

use data_encoding::BASE64;
use http::HeaderMap;
use http::header::{AUTHORIZATION, USER_AGENT};
use http::request::Parts;
use wharf_access::{Caller, Denied, Principal};
use wharf_oci::RepositoryName;
use wharf_oci::distribution::Scope;
use wharf_storage::Catalog;
use wharf_storage::catalog::{AuditOperation, Slice, UserUpdate};
use zeroize::Zeroizing;

use crate::app::random;
use crate::error::Error;
use crate::{App, Config, StartError, audit};

pub(crate) use attempts::network;
pub(crate) use challenge::challenges;
pub(crate) use password::{MAX_PASSWORD_BYTES, MIN_PASSWORD_CHARS, Passwords, is_importable};
pub(crate) use secret::Secret;
pub(crate) use token_service::router as token_router;

use attempts::Attempts;
use logins::Logins;
use token::{Kind, Tokens};
use verified::Verified;

/// What the server keeps to recognise credentials. All of it may be lost at any moment.
#[derive(Debug)]
pub(crate) struct Authenticator {
    pub(crate) passwords: Passwords,
    attempts: Attempts,
    verified: Verified,
    logins: Logins,
    tokens: Tokens,
}

impl Authenticator {
    /// Prepares. The key of tokens lies in the catalog, so that every server on it accepts the tokens of the others.
    pub(crate) async fn new(catalog: &dyn Catalog, config: &Config) -> Result<Self, StartError> {
        let key = Zeroizing::new(catalog.setting_or_insert("token-key", &random::<32>()?).await?);
        let lifetime = i64::try_from(config.token_lifetime.as_secs()).unwrap_or(i64::MAX / 2);
        Ok(Self {
            passwords: Passwords::new(),
            attempts: Attempts::new(),
            verified: Verified::new(&random::<32>()?),
            logins: Logins::new(),
            tokens: Tokens::new(&key, lifetime.max(60)),
        })
    }
}

/// Why credentials were not accepted.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AuthError {
    #[error("user name or password is wrong, or the token has ended")]
    Refused,
    #[error("the token does not cover this; ask for one that does")]
    NarrowToken,
    #[error("the Authorization header cannot be read")]
    Malformed,
    #[error("too many failed logins; try again in {retry_after_seconds} s")]
    TooManyAttempts { retry_after_seconds: u32 },
    #[error(transparent)]
    Storage(#[from] wharf_storage::Error),
}

/// Recognises who sends a request. No credentials make an anonymous caller; wrong ones an error.
pub(crate) async fn authenticate(
    app: &App,
    parts: &Parts,
    peer: Option<IpAddr>,
) -> Result<Caller, AuthError> {
    let origin = Origin::of(parts, peer);
    let mut caller = match credentials(&parts.headers)? {
        None => Caller::anonymous(),
        Some(Credentials::Basic(name, secret)) => {
            login::with_secret(app, &name, &secret, &origin).await?.into_caller(None)
        }
        Some(Credentials::Bearer(token)) => {
            let claims = app
                .authenticator
                .tokens
                .verify(Kind::Access, &token, unix_now())
                .ok_or(AuthError::Refused)?;
            let scopes = claims.scopes.clone();
            login::with_claims(app, claims, &origin).await?.into_caller(Some(scopes))
        }
    };
    caller.address = origin.address;
    caller.user_agent = origin.user_agent;
    Ok(caller)
}

/// Returns the error to answer with when a request to the distribution API failed with `error`, and notes a refusal.
///
/// A token that is too narrow for `wanted` is answered with a challenge, upon which clients fetch a wider one. Where no
/// token would help, because the account itself lacks the right, it stays a refusal, which clients show as such.
pub(crate) async fn explain(app: &App, error: Error, caller: &Caller, wanted: Option<&Scope>) -> Error {
    let (Error::Storage(wharf_storage::Error::Denied(denied)), Some(wanted)) = (&error, wanted) else {
        return error;
    };
    if *denied == Denied::Forbidden && caller.token_scopes.is_some() && account_has(app, caller, wanted).await
    {
        return AuthError::NarrowToken.into();
    }
    // Every client begins without credentials; that they are asked for some is no event.
    if caller.principal != Principal::Anonymous
        && let Ok(name) = wanted.name.parse::<RepositoryName>()
    {
        let operation = if wanted.actions.contains("delete") {
            AuditOperation::DeleteArtifact
        } else if wanted.actions.contains("push") {
            AuditOperation::CreateArtifact
        } else {
            AuditOperation::PullArtifact
        };
        note_refusal(app, caller, operation, &name, *denied).await;
    }
    error
}

/// Notes a refusal under what exists of the name: the repository, else its project, else nothing that the caller chose.
/// Invented names thus wait and stand in the log as one entry, and a project made later never shows them.
async fn note_refusal(
    app: &App,
    caller: &Caller,
    operation: AuditOperation,
    name: &RepositoryName,
    denied: Denied,
) {
    let system = Caller::system();
    if denied == Denied::Forbidden && app.catalog.repository(&system, name).await.is_ok() {
        app.audit.refused(caller, operation, Some(name.project()), name.as_str());
    } else if app.catalog.project(&system, name.project()).await.is_ok() {
        app.audit.refused(caller, operation, Some(name.project()), name.project());
    } else {
        app.audit.refused(caller, operation, None, audit::UNKNOWN);
    }
}

/// Returns whether the account behind a token has all that is wanted.
async fn account_has(app: &App, caller: &Caller, wanted: &Scope) -> bool {
    let account = Caller { token_scopes: None, ..caller.clone() };
    let granted = token_service::grant(app, &account, wanted).await;
    matches!(granted, Ok(Some(granted)) if granted.actions.contains("*") || granted.actions.is_superset(&wanted.actions))
}

/// Verifies that whoever sent a request knows the account's secret, before something that a stolen session must not do.
pub(crate) async fn verify_again(app: &App, caller: &Caller, secret: &Secret) -> Result<(), AuthError> {
    let origin = Origin { address: caller.address, user_agent: caller.user_agent.clone() };
    let account = login::with_secret(app, &caller.name, secret, &origin).await?;
    if account.principal == caller.principal { Ok(()) } else { Err(AuthError::Refused) }
}

/// Makes the first administrator, `admin`, unless there is a user already. With no `password` a random one is made,
/// handed to `show` and returned. That is the only time that it can be shown, as the catalog keeps its hash alone, so
/// the user is made after `show` has succeeded: a start that breaks off in between is followed by another first start.
///
/// # Errors
/// [`StartError`] when the catalog does not answer, the password is empty or too long, or `show` fails.
pub async fn bootstrap(
    catalog: &dyn Catalog,
    password: Option<&str>,
    show: impl FnOnce(&str) -> std::io::Result<()>,
) -> Result<Option<Zeroizing<String>>, StartError> {
    let any = Slice { limit: 1, ..Slice::default() };
    if catalog.users(&Caller::system(), None, &any).await?.total > 0 {
        return Ok(None);
    }
    let (secret, hash) = chosen_or_generated(password)?;
    let generated = password.is_none().then(|| Zeroizing::new(secret.expose().to_owned()));
    if let Some(generated) = &generated {
        show(generated).map_err(|error| {
            StartError::Invalid(format!("the first password cannot be shown, so no user was made: {error}"))
        })?;
    }
    let made = catalog.bootstrap_admin("admin", &hash).await?;
    Ok(generated.filter(|_| made))
}

/// Gives a user another password, for those who lost theirs and stand before the machine itself. With no `password` a
/// random one is made, handed to `show`, and stored after that. What was logged in with the old one is logged out.
///
/// # Errors
/// [`StartError`] when there is no such user, the catalog does not answer, the password is too short or too long, or
/// `show` fails.
pub async fn reset_password(
    catalog: &dyn Catalog,
    name: &str,
    password: Option<&str>,
    show: impl FnOnce(&str) -> std::io::Result<()>,
) -> Result<(), StartError> {
    let Some(found) = catalog.user_credential(name).await? else {
        return Err(StartError::Invalid(format!("there is no user {name:?}")));
    };
    if let Some(given) = password
        && given.chars().count() < MIN_PASSWORD_CHARS
    {
        return Err(StartError::Invalid(format!(
            "the password has {} characters, at least {MIN_PASSWORD_CHARS} are needed",
            given.chars().count()
        )));
    }
    let (secret, hash) = chosen_or_generated(password)?;
    if password.is_none() {
        show(secret.expose()).map_err(|error| {
            StartError::Invalid(format!("the new password cannot be shown, so the old one stays: {error}"))
        })?;
    }
    let update = UserUpdate { password_hash: Some(hash), ..UserUpdate::default() };
    catalog.update_user(&Caller::system(), found.user.id, update).await?;
    Ok(())
}

/// Returns the given password, or a random one, with its hash.
fn chosen_or_generated(password: Option<&str>) -> Result<(Secret, String), StartError> {
    let secret = match password {
        Some(given) if given.is_empty() || given.len() > MAX_PASSWORD_BYTES => {
            return Err(StartError::Invalid(format!(
                "the password has {} bytes, 1 to {MAX_PASSWORD_BYTES} are allowed",
                given.len()
            )));
        }
        Some(given) => Secret::from(given.to_owned()),
        None => Secret::generate().map_err(StartError::Randomness)?,
    };
    let hash = password::hash(&secret)
        .map_err(|error| StartError::Invalid(format!("the password cannot be used: {error}")))?;
    Ok((secret, hash))
}

/// Where a request comes from, for the audit log.
#[derive(Clone, Debug)]
struct Origin {
    address: Option<IpAddr>,
    user_agent: Option<String>,
}

impl Origin {
    fn of(parts: &Parts, peer: Option<IpAddr>) -> Self {
        let user_agent = parts.headers.get(USER_AGENT).and_then(|value| value.to_str().ok());
        Self {
            address: peer.map(|address| address.to_canonical()),
            // Header values that are text are ASCII, so any cut is between characters.
            user_agent: user_agent.map(|text| text.chars().take(256).collect()),
        }
    }
}

/// What an `Authorization` header holds.
enum Credentials {
    Basic(String, Secret),
    Bearer(Zeroizing<String>),
}

/// Reads the `Authorization` header (RFC 7617, RFC 6750).
fn credentials(headers: &HeaderMap) -> Result<Option<Credentials>, AuthError> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let Some(value) = values.next() else { return Ok(None) };
    if values.next().is_some() {
        return Err(AuthError::Malformed);
    }
    let text = value.to_str().map_err(|_| AuthError::Malformed)?;
    let (scheme, rest) = text.split_once(' ').ok_or(AuthError::Malformed)?;
    let rest = rest.trim();
    if scheme.eq_ignore_ascii_case("bearer") {
        return Ok(Some(Credentials::Bearer(Zeroizing::new(rest.to_owned()))));
    }
    if !scheme.eq_ignore_ascii_case("basic") {
        return Err(AuthError::Malformed);
    }
    let decoded = Zeroizing::new(BASE64.decode(rest.as_bytes()).map_err(|_| AuthError::Malformed)?);
    let decoded = std::str::from_utf8(&decoded).map_err(|_| AuthError::Malformed)?;
    let (name, secret) = decoded.split_once(':').ok_or(AuthError::Malformed)?;
    // skopeo and podman send both empty after a logout.
    if name.is_empty() && secret.is_empty() {
        return Ok(None);
    }
    Ok(Some(Credentials::Basic(name.to_owned(), Secret::from(secret.to_owned()))))
}

/// Returns the time in Unix seconds.
fn unix_now() -> i64 {
    jiff::Timestamp::now().as_second()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(values: &[&'static str]) -> Result<Option<Credentials>, AuthError> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(AUTHORIZATION, http::HeaderValue::from_static(value));
        }
        credentials(&headers)
    }

    #[test]
    fn the_authorization_header_is_read_as_sent() {
        assert!(matches!(read(&[]), Ok(None)));
        assert!(matches!(read(&["Basic Og=="]), Ok(None)));
        let Ok(Some(Credentials::Basic(name, secret))) = read(&["basic YW5uOmE6Yg=="]) else {
            panic!("not read")
        };
        // The password may hold colons.
        assert_eq!((name.as_str(), secret.expose()), ("ann", "a:b"));
        let Ok(Some(Credentials::Bearer(token))) = read(&["Bearer a.b.c"]) else { panic!("not read") };
        assert_eq!(token.as_str(), "a.b.c");
    }

    #[test]
    fn a_header_that_says_nothing_clear_is_refused_and_never_taken_for_anonymous() {
        for bad in [
            &[""][..],
            &["Basic"],
            &["Basic !"],
            &["Basic YW5u"],
            &["Basic /w=="],
            &["Digest x"],
            &["Bearer a", "Bearer b"],
            &["Basic YW5uOmI=", "Bearer b"],
        ] {
            assert!(matches!(read(bad), Err(AuthError::Malformed)), "{bad:?}");
        }
    }
}
