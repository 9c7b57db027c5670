//! The OCI distribution API (distribution-spec v1.1 and its main branch): one file per resource.

mod allowance;
mod blobs;
mod body;
mod catalog;
mod conditional;
mod manifests;
mod page;
mod path;
mod query;
mod referrers;
mod sessions;
mod tags;
mod upload_id;
mod uploads;

use axum::body::Body;
use http::header::{ALLOW, HeaderValue};
use http::request::Parts;
use http::{Method, Request, Response, StatusCode};
use wharf_access::Caller;
use wharf_oci::distribution::{API_VERSION, DOCKER_API_VERSION, ErrorCode, Scope};
use wharf_oci::{Reference, ReferenceError};

use crate::error::{Error, error_response};
use crate::server::Peer;
use crate::{App, auth};

pub(crate) use body::read_whole;
use path::Route;
use query::Query;
pub(crate) use sessions::Sessions;

type Answer = Result<Response<Body>, Error>;

/// What a handler works on.
struct Context<'a> {
    app: &'a App,
    caller: Caller,
    parts: &'a Parts,
    query: Query<'a>,
    /// A handler may leave it unread, or fail in the middle of it.
    body: &'a mut Body,
}

/// Serves a request under `/v2`; returns the kind of its resource, too, for the metrics.
pub(crate) async fn serve(app: &App, request: Request<Body>) -> (&'static str, Response<Body>) {
    let (parts, mut body) = request.into_parts();
    let path = path::decode(parts.uri.path());
    let route = Route::parse(&path);
    let address = parts.extensions.get::<Peer>().map(|peer| peer.client);
    let mut caller = Caller::anonymous();
    let answer = match auth::authenticate(app, &parts, address).await {
        Err(error) => Err(Error::Auth(error)),
        Ok(known) => {
            caller = known.clone();
            let query = Query::of(&parts.uri);
            dispatch(&route, Context { app, caller: known, parts: &parts, query, body: &mut body }).await
        }
    };
    let mut response = match answer {
        Ok(response) => response,
        Err(error) => {
            let scope = scope(&route, &parts.method);
            let error = auth::explain(app, error, &caller, scope.as_ref()).await;
            let mut scopes: Vec<Scope> =
                scope.into_iter().chain(mount_scope(&route, Query::of(&parts.uri))).collect();
            if let Error::TokenLacks(more) = &error
                && !scopes.contains(more)
            {
                scopes.push(more.clone());
            }
            error_response(&error, &caller, &auth::challenges(app, &parts, &scopes))
        }
    };
    if response.status().is_client_error() || response.status().is_server_error() {
        // A client that is still sending would see a broken connection in place of the answer.
        body::discard(&mut body).await;
    }
    response.headers_mut().insert(DOCKER_API_VERSION, HeaderValue::from_static(API_VERSION));
    (route.kind(), response)
}

async fn dispatch(route: &Route<'_>, context: Context<'_>) -> Answer {
    let method = context.parts.method.clone();
    match *route {
        Route::Ping => match method {
            Method::GET | Method::HEAD => ping(&context),
            _ => refuse_method("GET, HEAD"),
        },
        Route::Catalog => match method {
            Method::GET => catalog::list(context).await,
            _ => refuse_method("GET"),
        },
        Route::Tags { name } => match method {
            Method::GET => tags::list(context, &name.parse()?).await,
            _ => refuse_method("GET"),
        },
        Route::Referrers { name, digest } => match method {
            Method::GET => referrers::list(context, &name.parse()?, &digest.parse()?).await,
            _ => refuse_method("GET"),
        },
        Route::Manifest { name, reference } => match method {
            Method::GET | Method::HEAD => {
                manifests::fetch(context, &name.parse()?, &existing(reference)?).await
            }
            Method::PUT => manifests::put(context, &name.parse()?, &reference.parse()?).await,
            Method::DELETE => manifests::delete(context, &name.parse()?, &existing(reference)?).await,
            _ => refuse_method("GET, HEAD, PUT, DELETE"),
        },
        Route::Blob { name, digest } => match method {
            Method::GET | Method::HEAD => blobs::fetch(context, &name.parse()?, &digest.parse()?).await,
            Method::DELETE => blobs::delete(context, &name.parse()?, &digest.parse()?).await,
            _ => refuse_method("GET, HEAD, DELETE"),
        },
        Route::Uploads { name } => match method {
            Method::POST => uploads::begin(context, &name.parse()?).await,
            _ => refuse_method("POST"),
        },
        Route::Upload { name, id } => match method {
            Method::GET => uploads::status(context, &name.parse()?, id).await,
            Method::PATCH => uploads::append(context, &name.parse()?, id).await,
            Method::PUT => uploads::finish(context, &name.parse()?, id).await,
            Method::DELETE => uploads::cancel(context, &name.parse()?, id).await,
            _ => refuse_method("GET, PATCH, PUT, DELETE"),
        },
        Route::Unknown => {
            Err(Error::answer(StatusCode::NOT_FOUND, ErrorCode::Unsupported, "there is no such endpoint"))
        }
    }
}

/// Reads the reference of a manifest that is to be there: one under a malformed tag is not.
fn existing(reference: &str) -> Result<Reference, Error> {
    match reference.parse() {
        Err(ReferenceError::Name(_)) => Err(wharf_storage::Error::not_found("manifest", reference).into()),
        other => Ok(other?),
    }
}

/// Clients take the challenge from the ping, so it asks everyone for credentials.
fn ping(context: &Context<'_>) -> Answer {
    if context.caller.principal == wharf_access::Principal::Anonymous {
        return Err(wharf_storage::Error::Denied(wharf_access::Denied::Hidden).into());
    }
    let mut response = Response::new(Body::from("{}"));
    let json = HeaderValue::from_static("application/json");
    response.headers_mut().insert(http::header::CONTENT_TYPE, json);
    Ok(response)
}

fn refuse_method(allowed: &'static str) -> Answer {
    let message = format!("this endpoint takes {allowed}");
    Err(Error::answer(StatusCode::METHOD_NOT_ALLOWED, ErrorCode::Unsupported, message)
        .with_header(ALLOW, HeaderValue::from_static(allowed)))
}

/// Returns the scope of a token that would serve such a request, for the challenge.
fn scope(route: &Route<'_>, method: &Method) -> Option<Scope> {
    let name = match *route {
        Route::Catalog => {
            let actions = ["*".to_owned()].into();
            return Some(Scope { kind: "registry".to_owned(), name: "catalog".to_owned(), actions });
        }
        Route::Tags { name }
        | Route::Referrers { name, .. }
        | Route::Manifest { name, .. }
        | Route::Blob { name, .. }
        | Route::Uploads { name }
        | Route::Upload { name, .. } => name,
        Route::Ping | Route::Unknown => return None,
    };
    name.parse::<wharf_oci::RepositoryName>().ok()?;
    let actions: &[&str] = match (route, method) {
        (Route::Uploads { .. } | Route::Upload { .. }, _) => &["pull", "push"],
        (_, &Method::GET | &Method::HEAD) => &["pull"],
        (_, &Method::DELETE) => &["delete"],
        _ => &["pull", "push"],
    };
    Some(Scope::repository(name, actions.iter().copied()))
}

/// Returns the scope of the repository that a blob is to be mounted from: some clients ask for a token only once.
fn mount_scope(route: &Route<'_>, query: Query<'_>) -> Option<Scope> {
    let Route::Uploads { .. } = route else { return None };
    query.first("mount")?;
    let from = query.first("from")?.parse::<wharf_oci::RepositoryName>().ok()?;
    Some(Scope::repository(from.as_str(), ["pull"]))
}

/// Returns an answer without a body.
fn empty(status: StatusCode) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    response
}

/// Returns a header value of text that the grammar of its type keeps to visible ASCII.
fn header(text: &str) -> HeaderValue {
    HeaderValue::from_str(text).unwrap_or_else(|_| HeaderValue::from_static(""))
}
