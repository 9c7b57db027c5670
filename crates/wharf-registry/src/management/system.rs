//! The registry itself: health, what it is, counts.

use axum::body::Body;
use http::header::{CONTENT_TYPE, HeaderValue};
use http::{Response, StatusCode};
use wharf_access::Principal;

use super::call::{Call, Reply, json, with_status};
use super::shape::{Time, shapes};
use crate::apart::apart;
use crate::error::Error;

shapes! {
    /// Whether the registry works.
    answer OverallHealthStatus {
        /// "healthy" or "unhealthy".
        status: &'static str,
        components: Vec<ComponentHealthStatus>,
    }

    /// Whether a part works.
    answer ComponentHealthStatus {
        name: &'static str,
        /// "healthy" or "unhealthy".
        status: &'static str,
        /// What is wrong, if anything.
        error: Option<&'static str>,
    }

    /// What this registry is.
    answer GeneralInfo {
        /// Always "wharf".
        product: &'static str,
        /// Always "db_auth": accounts are kept here.
        auth_mode: &'static str,
        /// "everyone" or "adminonly".
        project_creation_restriction: &'static str,
        self_registration: bool,
        /// The URL that clients use, where one is configured.
        external_url: Option<String>,
        /// The version, shown to those who are logged in.
        wharf_version: Option<&'static str>,
        current_time: Time,
    }

    /// Counts of what the caller may see.
    answer Statistic {
        private_project_count: u64,
        private_repo_count: u64,
        public_project_count: u64,
        public_repo_count: u64,
        total_project_count: u64,
        total_repo_count: u64,
        /// In bytes.
        total_storage_consumption: u64,
    }
}

pub(super) async fn ping(_call: Call) -> Result<Reply, Error> {
    let mut reply = Response::new(Body::from("Pong"));
    reply.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    Ok(reply)
}

pub(super) async fn health(call: Call) -> Result<Reply, Error> {
    let component = |name, outcome: wharf_storage::Result<()>| match outcome {
        Ok(()) => ComponentHealthStatus { name, status: "healthy", error: None },
        Err(error) => {
            tracing::error!(%error, "{name} does not answer: {error}");
            ComponentHealthStatus { name, status: "unhealthy", error: Some("does not answer") }
        }
    };
    let components = vec![
        component("catalog", call.catalog().check().await),
        component("storage", call.app.blobs.check().await),
    ];
    let healthy = components.iter().all(|component| component.error.is_none());
    let (status, word) =
        if healthy { (StatusCode::OK, "healthy") } else { (StatusCode::SERVICE_UNAVAILABLE, "unhealthy") };
    with_status(status, &OverallHealthStatus { status: word, components })
}

pub(super) async fn info(call: Call) -> Result<Reply, Error> {
    let config = &call.app.config;
    let known = call.caller.principal != Principal::Anonymous;
    json(&GeneralInfo {
        product: "wharf",
        auth_mode: "db_auth",
        project_creation_restriction: if config.anyone_creates_projects { "everyone" } else { "adminonly" },
        self_registration: false,
        external_url: config.external_url.clone(),
        wharf_version: known.then_some(env!("CARGO_PKG_VERSION")),
        current_time: Time::millis(jiff::Timestamp::now().as_millisecond()),
    })
}

pub(super) async fn statistics(call: Call) -> Result<Reply, Error> {
    let counts = apart(call.catalog().statistics(&call.caller)).await?;
    json(&Statistic {
        private_project_count: counts.private_projects,
        private_repo_count: counts.private_repositories,
        public_project_count: counts.public_projects,
        public_repo_count: counts.public_repositories,
        total_project_count: counts.total_projects,
        total_repo_count: counts.total_repositories,
        total_storage_consumption: counts.total_storage_bytes,
    })
}
