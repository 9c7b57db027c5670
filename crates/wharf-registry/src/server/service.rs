//! The first fork of the road: which API a request is for.

use std::convert::Infallible;
use std::future::Future;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Instant;

use axum::body::Body;
use http::header::{ALLOW, CONTENT_TYPE, HeaderValue};
use http::{Method, Request, Response, StatusCode};
use hyper::body::Incoming;
use hyper::service::Service;
use hyper_util::service::TowerToHyperService;
use wharf_access::{Action, Permission, Resource};

use super::client_address::client_address;
use crate::apart::apart;
use crate::error::{Error, error_response};
use crate::{App, auth, distribution, management};

/// Where a request comes from; an extension of every request.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Peer {
    /// The peer's address and port: those of the last proxy, where there is one.
    pub(crate) address: SocketAddr,
    /// The client's address: the peer's, or what a trusted proxy says.
    pub(crate) client: IpAddr,
    /// Whether the connection itself is TLS.
    pub(crate) tls: bool,
}

/// The registry as a service for one connection.
#[derive(Clone)]
pub(crate) struct Registry {
    app: Arc<App>,
    management: TowerToHyperService<axum::Router>,
}

impl Registry {
    pub(crate) fn new(app: Arc<App>) -> Self {
        let management = TowerToHyperService::new(management::router(Arc::clone(&app)));
        Self { app, management }
    }

    /// Returns where a request comes from.
    pub(super) fn peer_of(&self, peer: Peer, request: &Request<Incoming>) -> Peer {
        let trusted = &self.app.config.trusted_proxies;
        Peer { client: client_address(peer.address.ip(), request.headers(), trusted), ..peer }
    }

    async fn answer(self, request: Request<Incoming>) -> Response<Body> {
        let started = Instant::now();
        let in_flight = self.app.metrics.http.begin();
        let method = request.method().clone();
        let path = request.uri().path();
        let (handler, response) = if path == "/v2" || path.starts_with("/v2/") {
            distribution::serve(&self.app, request.map(Body::new)).await
        } else if matches!(path, "/healthz" | "/readyz" | "/metrics") {
            ("operations", operations(&self.app, request).await)
        } else {
            let response = match self.management.call(request.map(Body::new)).await {
                Ok(response) => response,
                Err(never) => match never {},
            };
            ("management", response)
        };
        drop(in_flight);
        self.app.metrics.http.end(handler, &method, response.status(), started.elapsed());
        response
    }
}

impl Service<Request<Incoming>> for Registry {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn call(&self, request: Request<Incoming>) -> Self::Future {
        let registry = self.clone();
        Box::pin(async move { Ok(registry.answer(request).await) })
    }
}

/// `/healthz`: the process answers. `/readyz`: catalog and blob store do, too. `/metrics`: for Prometheus.
async fn operations(app: &App, request: Request<Incoming>) -> Response<Body> {
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        let mut response =
            text(StatusCode::METHOD_NOT_ALLOWED, "text/plain", "only GET is served here\n".to_owned());
        response.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
        return response;
    }
    let (parts, _) = request.into_parts();
    match parts.uri.path() {
        "/healthz" => text(StatusCode::OK, "text/plain", "ok\n".to_owned()),
        "/readyz" => match ready(app).await {
            Ok(()) => text(StatusCode::OK, "text/plain", "ok\n".to_owned()),
            Err(error) => {
                tracing::error!(%error, "not ready: {error}");
                text(StatusCode::SERVICE_UNAVAILABLE, "text/plain", "storage does not answer\n".to_owned())
            }
        },
        _ => metrics(app, &parts).await,
    }
}

async fn ready(app: &App) -> wharf_storage::Result<()> {
    app.catalog.check().await?;
    app.blobs.check().await
}

async fn metrics(app: &App, parts: &http::request::Parts) -> Response<Body> {
    if !app.config.metrics_anonymous {
        let address = parts.extensions.get::<Peer>().map(|peer| peer.client);
        let caller = match auth::authenticate(app, parts, address).await {
            Ok(caller) => caller,
            Err(error) => {
                let challenges = auth::challenges(app, parts, &[]);
                return error_response(&Error::Auth(error), &wharf_access::Caller::anonymous(), &challenges);
            }
        };
        let read = Permission::new(Resource::SystemInfo, Action::Read);
        if let Err(error) = app.catalog.authorize(&caller, &wharf_access::Request::on_system(read)).await {
            return error_response(&Error::Storage(error), &caller, &auth::challenges(app, parts, &[]));
        }
    }
    count_storage(app).await;
    let content_type = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    text(StatusCode::OK, content_type, app.metrics.encode())
}

/// Brings the storage figures up to date, at most every few seconds however often they are read.
async fn count_storage(app: &App) {
    if !app.metrics.storage.is_due() {
        return;
    }
    match apart(app.catalog.storage_use()).await {
        Ok(storage_use) => {
            let limit = app.config.storage_limit_bytes.or_else(|| room(app, storage_use.used_bytes));
            app.metrics.storage.update(storage_use, limit);
        }
        Err(error) => tracing::error!(%error, "storage use was not counted: {error}"),
    }
}

/// Returns what is used and what is free on the file system of the data folder.
fn room(app: &App, used_bytes: u64) -> Option<u64> {
    let space = rustix::fs::statvfs(&app.config.data).ok()?;
    Some(used_bytes.saturating_add(space.f_bavail.saturating_mul(space.f_frsize)))
}

fn text(status: StatusCode, content_type: &'static str, body: String) -> Response<Body> {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}
