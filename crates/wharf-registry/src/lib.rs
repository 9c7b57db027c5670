//! The registry's HTTP server: distribution API, management API, access control and jobs.
//!
//! [`App`] joins a catalog, a blob store and the [`Config`]; [`Server`] puts it on a socket. Rooms:
//!
//! - `distribution`: the OCI distribution API, one file per resource.
//! - `management`: the management API under `/api/v2.0`.
//! - `auth`: who asks. What they may do is decided in the catalog.
//! - `gate`: what a project's trust policy lets be pulled.
//! - `server`: connections, limits, TLS, shutdown.
//! - `jobs`: collection, expiry, audit and storage figures, in the background.
//! - `error`: the one place that chooses HTTP status and error code.

mod apart;
mod app;
mod audit;
mod auth;
pub mod config;
mod distribution;
mod error;
mod gate;
mod jobs;
mod management;
mod metrics;
mod pulls;
mod server;

pub use app::App;
pub use auth::{bootstrap, reset_password};
pub use config::Config;
pub use error::StartError;
pub use jobs::CollectionRun;
pub use server::{Server, ServerHandle};
