//! The management API under `/api/v2.0`, in the shapes of Harbor's for what exists here.
//!
//! [`table`] is the one list of routes. The router, the OpenAPI document and the default answer ("denied") are all made
//! from it: a path that is not in the table does not exist, and a route without a word on access does not compile.

mod artifacts;
mod audit_logs;
mod call;
mod collection;
mod members;
mod openapi;
mod policies;
mod projects;
mod query;
mod quotas;
mod repositories;
mod robots;
mod shape;
mod system;
mod table;
mod users;

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{FromRequestParts as _, RawPathParams, Request};
use axum::routing::{MethodFilter, MethodRouter};
use http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER,
    WWW_AUTHENTICATE, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use http::request::Parts;
use http::{Method, Response, StatusCode};
use wharf_access::{Caller, Denied, Principal};
use wharf_oci::distribution::ErrorCode;

use self::call::{BASE, Call, Reply};
use self::table::{Access, ROUTES, Route};
use crate::App;
use crate::auth::{self, AuthError};
use crate::distribution::read_whole;
use crate::error::{Error, status_and_code};
use crate::server::Peer;

/// The largest body: an htpasswd file of ten thousand users.
const MAX_BODY_BYTES: u64 = 1 << 20;

/// Returns everything beside the distribution API and the operations pages: the management API and the token service.
/// Requests carry [`Peer`] as an extension.
pub(crate) fn router(app: Arc<App>) -> Router {
    let mut by_path: BTreeMap<&str, MethodRouter<()>> = BTreeMap::new();
    for route in ROUTES.iter() {
        let app = Arc::clone(&app);
        let handler = move |request: Request| answer(Arc::clone(&app), route, request);
        let methods = by_path.remove(route.path).unwrap_or_default();
        by_path.insert(route.path, methods.on(filter(&route.method), handler));
    }
    let mut router = Router::new();
    for (path, methods) in by_path {
        let methods = methods.fallback(|| async {
            secured(plain_error(
                StatusCode::METHOD_NOT_ALLOWED,
                "METHOD_NOT_ALLOWED",
                "the method is not allowed here",
            ))
        });
        router = router.route(&format!("{BASE}{path}"), methods);
    }
    router.merge(auth::token_router(app)).fallback(|| async {
        secured(plain_error(StatusCode::NOT_FOUND, "NOT_FOUND", "there is nothing under this path"))
    })
}

/// Identifies the sender, decides what the table says of the route, reads the request and calls the handler.
async fn answer(app: Arc<App>, route: &'static Route, request: Request) -> Response<Body> {
    let (mut parts, body) = request.into_parts();
    let address = parts.extensions.get::<Peer>().map(|peer| peer.client);
    let reply = match auth::authenticate(&app, &parts, address).await {
        Err(error) => Err((Caller::anonymous(), Error::Auth(error))),
        Ok(caller) => {
            let known = caller.clone();
            serve(Arc::clone(&app), route, caller, &mut parts, body).await.map_err(|error| (known, error))
        }
    };
    let mut response = match reply {
        Ok(reply) => reply,
        Err((caller, error)) => {
            note_refusal(&app, route, &caller, &mut parts, &error).await;
            let mut response = error_reply(&error, &caller);
            if response.status() == StatusCode::UNAUTHORIZED {
                for challenge in auth::challenges(&app, &parts, &[]) {
                    response.headers_mut().append(WWW_AUTHENTICATE, challenge);
                }
            }
            response
        }
    };
    if route.method == Method::HEAD {
        *response.body_mut() = Body::empty();
    }
    secured(response)
}

async fn serve(
    app: Arc<App>,
    route: &Route,
    caller: Caller,
    parts: &mut Parts,
    mut body: Body,
) -> Result<Reply, Error> {
    let parameters = parameters(parts).await?;
    let query = query::Query::parse(parts.uri.query().unwrap_or_default());
    let mut call =
        Call { app, caller, parts: parts.clone(), parameters, query, body: axum::body::Bytes::new() };
    permit(&call, &route.access).await?;
    // Only now: whoever may not do this does not get to send a body.
    let pause = call.app.config.body_timeout;
    call.body = read_whole(&mut body, &parts.headers, "a management request", MAX_BODY_BYTES, pause).await?;
    (route.handler)(call).await
}

/// Decides what the table says of the route. The catalog decides again in the transaction that does the work; this
/// comes first so that no route can be reached whose access nobody thought about.
async fn permit(call: &Call, access: &Access) -> Result<(), Error> {
    let request = match access {
        Access::Everyone => return Ok(()),
        Access::Account => {
            return match (&call.caller.principal, &call.caller.token_scopes) {
                (Principal::Anonymous, _) => Err(wharf_storage::Error::Denied(Denied::Hidden).into()),
                // A token speaks of repositories; here stands nothing that it could cover.
                (_, Some(_)) => Err(wharf_storage::Error::Denied(Denied::Forbidden).into()),
                _ => Ok(()),
            };
        }
        Access::System(permission) => {
            let request = wharf_access::Request::on_system(*permission);
            return Ok(call.catalog().authorize(&call.caller, &request).await?);
        }
        Access::Project(permission) => {
            let project = call.project().await?;
            let request = wharf_access::Request::in_project(*permission, &project);
            return Ok(call.catalog().authorize(&call.caller, &request).await?);
        }
        Access::Repository(permission) => (*permission, call.repository().await?),
    };
    let request = wharf_access::Request::on_repository(request.0, &request.1);
    Ok(call.catalog().authorize(&call.caller, &request).await?)
}

/// Notes refused changes in the audit log, with their project. Where the caller may not see what the path names, only
/// what exists of it is noted: invented names stand in the log as one entry, under the form of the route.
async fn note_refusal(app: &Arc<App>, route: &Route, caller: &Caller, parts: &mut Parts, error: &Error) {
    let (Some(operation), Error::Storage(wharf_storage::Error::Denied(denied))) = (route.audit, error) else {
        return;
    };
    let call = Call {
        app: Arc::clone(app),
        caller: Caller::system(),
        parameters: parameters(parts).await.unwrap_or_default(),
        parts: parts.clone(),
        query: query::Query::parse(""),
        body: axum::body::Bytes::new(),
    };
    let project = match call.project().await {
        Ok(name) if app.catalog.project(&call.caller, &name).await.is_ok() => Some(name),
        _ => None,
    };
    let resource = match (denied, &project) {
        (Denied::Forbidden, _) => parts.uri.path().strip_prefix(BASE).unwrap_or_default().to_owned(),
        (Denied::Hidden, Some(name)) => format!("/projects/{name}"),
        (Denied::Hidden, None) => route.path.to_owned(),
    };
    app.audit.refused(caller, operation, project.as_deref(), &resource);
}

/// Returns the path's parameters, percent-decoded.
async fn parameters(parts: &mut Parts) -> Result<Vec<(String, String)>, Error> {
    match RawPathParams::from_request_parts(parts, &()).await {
        Ok(parameters) => {
            Ok(parameters.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect())
        }
        Err(error) => Err(call::bad_request(format!("path: {error}"))),
    }
}

/// Returns the answer to a request that failed, in Harbor's form: `{"errors":[{"code","message"}]}`.
fn error_reply(error: &Error, caller: &Caller) -> Response<Body> {
    use wharf_storage::Error as Storage;
    let (status, _) = status_and_code(error, caller);
    let code = match status {
        StatusCode::UNAUTHORIZED => "UNAUTHORIZED",
        StatusCode::FORBIDDEN => "FORBIDDEN",
        StatusCode::NOT_FOUND => "NOT_FOUND",
        StatusCode::CONFLICT => "CONFLICT",
        StatusCode::PRECONDITION_FAILED => "PRECONDITION",
        StatusCode::TOO_MANY_REQUESTS => "TOO_MANY_REQUESTS",
        status if status.is_client_error() => "BAD_REQUEST",
        _ => "UNKNOWN",
    };
    let message = match error {
        Error::Storage(Storage::Denied(_)) if status == StatusCode::UNAUTHORIZED => {
            "authentication required".to_owned()
        }
        Error::Storage(Storage::Denied(Denied::Forbidden)) => {
            "this account has no permission for it".to_owned()
        }
        // The same words for what is absent and for what is not to be seen.
        Error::Storage(Storage::Denied(Denied::Hidden) | Storage::NotFound { .. }) => {
            "not found, or not visible to this account".to_owned()
        }
        _ if status.is_server_error() => {
            tracing::error!(%error, "management request failed: {error}");
            "the registry has an internal error; its log says more".to_owned()
        }
        _ => error.to_string(),
    };
    let mut response = plain_error(status, code, &message);
    match error {
        Error::Answer { headers, .. } => response.headers_mut().extend(headers.clone()),
        Error::Auth(AuthError::TooManyAttempts { retry_after_seconds }) => {
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(*retry_after_seconds));
        }
        _ => {}
    }
    response
}

fn plain_error(status: StatusCode, code: &str, message: &str) -> Response<Body> {
    let body = serde_json::json!({ "errors": [{ "code": code, "message": message }] });
    let mut response = Response::new(Body::from(body.to_string()));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

/// Adds the headers that keep a browser from doing anything with an answer but show it to its own page.
fn secured(mut response: Response<Body>) -> Response<Body> {
    let headers: &mut HeaderMap = response.headers_mut();
    for (name, value) in [
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (X_FRAME_OPTIONS, "DENY"),
        (CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'"),
        (HeaderName::from_static("referrer-policy"), "no-referrer"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
        (CACHE_CONTROL, "no-store"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}

fn filter(method: &Method) -> MethodFilter {
    MethodFilter::try_from(method.clone()).expect("the table has standard methods only")
}

/// Returns the error for a precondition of the thing itself, such as a project that is not empty.
fn precondition(message: impl Into<String>) -> Error {
    Error::answer(StatusCode::PRECONDITION_FAILED, ErrorCode::Denied, message)
}
