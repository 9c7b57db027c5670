//! Who asks: credentials of a request in, a [`Caller`] out.

use std::net::IpAddr;

use argon2::password_hash::{PasswordHasher as _, PasswordVerifier as _, phc::PasswordHash};
use data_encoding::{BASE64, BASE64URL_NOPAD, HEXLOWER};
use http::HeaderValue;
use http::header::{AUTHORIZATION, USER_AGENT};
use http::request::Parts;
use wharf_access::{Caller, Principal};
use wharf_oci::distribution::{Challenge, Scope};
use wharf_storage::Catalog;
use zeroize::Zeroizing;

use crate::app::random;
use crate::{App, Config, StartError};

/// What the server keeps to recognise credentials.
#[derive(Debug)]
pub(crate) struct Authenticator {}

impl Authenticator {
    pub(crate) async fn new(_catalog: &dyn Catalog, _config: &Config) -> Result<Self, StartError> {
        Ok(Self {})
    }
}

/// Why credentials were not accepted.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AuthError {
    #[error("user name or password is wrong")]
    Refused,
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
    let mut caller = match parts.headers.get(AUTHORIZATION) {
        None => Caller::anonymous(),
        Some(header) => basic(app, header).await?,
    };
    caller.address = peer;
    caller.user_agent = parts
        .headers
        .get(USER_AGENT)
        .and_then(|value| value.to_str().ok())
        .map(|text| text.chars().take(256).collect());
    Ok(caller)
}

/// Returns the challenges to send with a 401; `scope` is what the request needs.
pub(crate) fn challenges(_app: &App, _parts: &Parts, _scope: Option<&Scope>) -> Vec<HeaderValue> {
    let basic = Challenge::Basic { realm: "wharf".to_owned() };
    HeaderValue::from_str(&basic.to_string()).into_iter().collect()
}

async fn basic(app: &App, header: &HeaderValue) -> Result<Caller, AuthError> {
    let text = header.to_str().map_err(|_| AuthError::Malformed)?;
    let (scheme, encoded) = text.split_once(' ').ok_or(AuthError::Malformed)?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return Err(AuthError::Malformed);
    }
    let decoded = BASE64.decode(encoded.trim().as_bytes()).map_err(|_| AuthError::Malformed)?;
    let decoded = Zeroizing::new(String::from_utf8(decoded).map_err(|_| AuthError::Malformed)?);
    let (name, secret) = decoded.split_once(':').ok_or(AuthError::Malformed)?;
    if name.starts_with("robot$") {
        let found = app.catalog.robot_credential(name).await?.ok_or(AuthError::Refused)?;
        let hash = HEXLOWER
            .encode(aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, secret.as_bytes()).as_ref());
        aws_lc_rs::constant_time::verify_slices_are_equal(hash.as_bytes(), found.secret_hash.as_bytes())
            .map_err(|_| AuthError::Refused)?;
        return Ok(Caller::named(Principal::Robot(found.robot.id), found.robot.name));
    }
    let found = app.catalog.user_credential(name).await?.ok_or(AuthError::Refused)?;
    let secret = Zeroizing::new(secret.to_owned());
    let verified = tokio::task::spawn_blocking(move || {
        PasswordHash::new(&found.password_hash)
            .is_ok_and(|hash| argon2::Argon2::default().verify_password(secret.as_bytes(), &hash).is_ok())
    })
    .await
    .unwrap_or(false);
    if verified {
        Ok(Caller::named(Principal::User(found.user.id), found.user.name))
    } else {
        Err(AuthError::Refused)
    }
}

/// Makes the first administrator, `admin`, unless there is a user already. With no `password` a random one is made and returned: the only
/// time that it can be shown, as the catalog keeps its hash alone.
///
/// # Errors
/// [`StartError`] when the catalog does not answer, or the password is unusable.
pub async fn bootstrap(
    catalog: &dyn Catalog,
    password: Option<&str>,
) -> Result<Option<Zeroizing<String>>, StartError> {
    if catalog.user_credential("admin").await?.is_some() {
        return Ok(None);
    }
    let generated = match password {
        Some(_) => None,
        None => Some(Zeroizing::new(BASE64URL_NOPAD.encode(&random::<24>()?))),
    };
    let secret = password.or_else(|| generated.as_deref().map(String::as_str)).unwrap_or_default();
    let hash = argon2::Argon2::default()
        .hash_password(secret.as_bytes())
        .map_err(|error| StartError::Invalid(format!("the first password cannot be used: {error}")))?
        .to_string();
    let made = catalog.bootstrap_admin("admin", &hash).await?;
    Ok(generated.filter(|_| made))
}
