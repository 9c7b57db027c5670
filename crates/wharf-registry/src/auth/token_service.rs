//! `/service/token`: credentials in, a token for what the account may do out.
//!
//! Docker's token protocol, both forms: GET with Basic credentials or none, and POST as OAuth 2.0 (RFC 6749) with
//! `grant_type` `password` or `refresh_token`. Asking for more than the account may do is no error: the token then
//! says less. It narrows only; every request that carries it is decided anew.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::routing::get;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use http::request::Parts;
use http::{Response, StatusCode};
use serde::Serialize;
use url::form_urlencoded;
use wharf_access::{Caller, Permission, Principal};
use wharf_oci::RepositoryName;
use wharf_oci::distribution::{ErrorCode, Scope};

use super::login::{self, Account};
use super::token::{Claims, Kind};
use super::{AuthError, Credentials, Origin, Secret, challenges, credentials, unix_now};
use crate::App;
use crate::distribution::read_whole;
use crate::error::{Error, error_response};
use crate::server::Peer;

/// Scopes in one token; a client that pushes or mounts asks for a handful.
const MAX_SCOPES: usize = 100;
/// The largest form.
const MAX_FORM_BYTES: u64 = 64 << 10;

/// Returns the route.
pub(crate) fn router(app: Arc<App>) -> Router {
    Router::new().route("/service/token", get(by_basic).post(by_form)).with_state(app)
}

#[derive(Serialize)]
struct Answer {
    token: String,
    access_token: String,
    expires_in: i64,
    issued_at: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    scope: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    refresh_token: Option<String>,
}

async fn by_basic(State(app): State<Arc<App>>, request: Request) -> Response<Body> {
    let (parts, _) = request.into_parts();
    let answer = async {
        let origin = origin(&parts);
        let query = parts.uri.query().unwrap_or_default().as_bytes();
        let mut scopes = Vec::new();
        let mut offline = false;
        for (name, value) in form_urlencoded::parse(query) {
            match &*name {
                "scope" => read_scopes(&value, &mut scopes)?,
                "offline_token" => offline = value == "true",
                _ => {}
            }
        }
        let account = match credentials(&parts.headers)? {
            None => anonymous(),
            Some(Credentials::Basic(name, secret)) => {
                login::with_secret(&app, &name, &secret, &origin).await?
            }
            Some(Credentials::Bearer(_)) => return Err(AuthError::Malformed.into()),
        };
        issue(&app, account, &origin, &scopes, offline, false).await
    };
    respond(&app, &parts, answer.await)
}

async fn by_form(State(app): State<Arc<App>>, request: Request) -> Response<Body> {
    let (parts, mut body) = request.into_parts();
    let answer = async {
        let origin = origin(&parts);
        let is_form = parts
            .headers
            .get(CONTENT_TYPE)
            .and_then(|value| value.to_str().ok())
            .is_some_and(|value| value.starts_with("application/x-www-form-urlencoded"));
        if !is_form {
            return Err(bad_request("expected a form: application/x-www-form-urlencoded"));
        }
        let pause = app.config.body_timeout;
        let body = read_whole(&mut body, &parts.headers, "a token request", MAX_FORM_BYTES, pause).await?;
        let mut grant_type = String::new();
        let (mut username, mut password, mut refresh_token) = (None, None, None);
        let mut scopes = Vec::new();
        let mut offline = false;
        for (name, value) in form_urlencoded::parse(&body) {
            match &*name {
                "grant_type" => grant_type = value.into_owned(),
                "username" => username = Some(value.into_owned()),
                "password" => password = Some(Secret::from(value.into_owned())),
                "refresh_token" => refresh_token = Some(Secret::from(value.into_owned())),
                "scope" => read_scopes(&value, &mut scopes)?,
                "access_type" => offline = value == "offline",
                _ => {}
            }
        }
        let account = match (grant_type.as_str(), username, password, refresh_token) {
            ("password", Some(username), Some(password), _) => {
                login::with_secret(&app, &username, &password, &origin).await?
            }
            ("refresh_token", _, _, Some(token)) => {
                let tokens = &app.authenticator.tokens;
                let claims = tokens.verify(Kind::Refresh, token.expose(), unix_now());
                let claims = claims.ok_or(AuthError::Refused)?;
                let account = login::with_claims(&app, claims, &origin).await?;
                login::note(&app, &account, &origin);
                account
            }
            _ => {
                return Err(bad_request(
                    "expected grant_type=password with username and password, or grant_type=refresh_token \
                     with refresh_token",
                ));
            }
        };
        issue(&app, account, &origin, &scopes, offline, true).await
    };
    respond(&app, &parts, answer.await)
}

/// Reads scopes, separated by blanks.
fn read_scopes(text: &str, scopes: &mut Vec<Scope>) -> Result<(), Error> {
    for text in text.split_ascii_whitespace() {
        if scopes.len() == MAX_SCOPES {
            return Err(bad_request(format!("more than {MAX_SCOPES} scopes were asked for")));
        }
        scopes.push(
            text.parse()
                .map_err(|error: wharf_oci::distribution::ScopeError| bad_request(error.to_string()))?,
        );
    }
    Ok(())
}

async fn issue(
    app: &App,
    account: Account,
    origin: &Origin,
    wanted: &[Scope],
    offline: bool,
    oauth: bool,
) -> Result<Answer, Error> {
    let mut caller = account.clone().into_caller(None);
    caller.address = origin.address;
    caller.user_agent.clone_from(&origin.user_agent);
    let mut granted = Vec::new();
    for scope in wanted {
        granted.extend(grant(app, &caller, scope).await?);
    }
    let now = unix_now();
    let tokens = &app.authenticator.tokens;
    let claims =
        Claims { principal: account.principal, name: account.name, stamp: account.stamp, scopes: granted };
    let sign = |kind, claims: &Claims| {
        tokens.issue(kind, claims, now).map_err(|_| {
            Error::answer(StatusCode::INTERNAL_SERVER_ERROR, ErrorCode::Unknown, "a token cannot be signed")
        })
    };
    let token = sign(Kind::Access, &claims)?;
    let refresh_token = if offline && claims.principal != Principal::Anonymous {
        Some(sign(Kind::Refresh, &Claims { scopes: Vec::new(), ..claims.clone() })?)
    } else {
        None
    };
    let texts: Vec<String> = claims.scopes.iter().map(ToString::to_string).collect();
    Ok(Answer {
        access_token: token.clone(),
        token,
        expires_in: tokens.lifetime_seconds(Kind::Access),
        issued_at: jiff::Timestamp::from_second(now).map(|time| time.to_string()).unwrap_or_default(),
        scope: oauth.then(|| texts.join(" ")),
        refresh_token,
    })
}

/// Returns the part of a scope that the caller may have, if any.
pub(super) async fn grant(app: &App, caller: &Caller, wanted: &Scope) -> Result<Option<Scope>, Error> {
    if wanted.kind == "registry" && wanted.name == "catalog" {
        // The list itself shows each caller what that caller may see.
        return Ok(Some(Scope { actions: ["*".to_owned()].into(), ..wanted.clone() }));
    }
    let (true, Ok(name)) = (wanted.kind == "repository", wanted.name.parse::<RepositoryName>()) else {
        return Ok(None);
    };
    let mut actions = Vec::new();
    for (action, permissions) in [
        ("pull", &[Permission::PULL][..]),
        ("push", &[Permission::PUSH]),
        ("delete", &[Permission::DELETE_ARTIFACT, Permission::DELETE_TAG]),
    ] {
        if !wanted.actions.contains(action) && !wanted.actions.contains("*") {
            continue;
        }
        for &permission in permissions {
            let request = wharf_access::Request::on_repository(permission, &name);
            match app.catalog.authorize(caller, &request).await {
                Ok(()) => {
                    actions.push(action);
                    break;
                }
                Err(wharf_storage::Error::Denied(_) | wharf_storage::Error::NotFound { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }
    Ok((!actions.is_empty()).then(|| Scope::repository(name.as_str(), actions)))
}

fn respond(app: &App, parts: &Parts, answer: Result<Answer, Error>) -> Response<Body> {
    let mut response = match answer.map(|answer| serde_json::to_vec(&answer).unwrap_or_default()) {
        Ok(json) => {
            let mut response = Response::new(Body::from(json));
            let json = HeaderValue::from_static("application/json");
            response.headers_mut().insert(CONTENT_TYPE, json);
            response
        }
        Err(error) => error_response(&error, &Caller::anonymous(), &challenges(app, parts, &[])),
    };
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

fn anonymous() -> Account {
    let Caller { principal, name, .. } = Caller::anonymous();
    Account { principal, name, stamp: String::new() }
}

fn origin(parts: &Parts) -> Origin {
    Origin::of(parts, parts.extensions.get::<Peer>().map(|peer| peer.client))
}

fn bad_request(message: impl Into<String>) -> Error {
    Error::answer(StatusCode::BAD_REQUEST, ErrorCode::Unsupported, message)
}
