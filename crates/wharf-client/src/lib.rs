//! A remote OCI registry as a content target.
//!
//! [`Registry`] is one host; [`Registry::repository`] gives a [`RemoteRepository`], which is a content target like any
//! other. All requests pass one HTTP layer with one origin policy: credentials go only to the host that they are for;
//! token realms, upload locations, page links and redirects are chosen by the server and therefore checked; every body
//! that is held in memory is bounded. [`SigningService`] asks the services of a sigstore instance through the same layer. [`CredentialStore`] reads and writes the credential files that Docker, Podman
//! and Helm share.
//!
//! ```no_run
//! use wharf_client::{Registry, RegistryOptions};
//! use wharf_content::{CopyOptions, LayoutTarget, copy};
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let registry = Registry::new("localhost:5000", RegistryOptions::default())?;
//! let destination = registry.repository("shop/storefront".parse()?);
//! let layout = LayoutTarget::open("./out").await?;
//! copy(&layout, &"1.4.0".parse()?, &destination, &CopyOptions::default()).await?;
//! # Ok(())
//! # }
//! ```

mod auth;
mod credential;
mod dns;
mod download;
mod http;
mod origin;
mod registry;
mod repository;
mod secret;
mod service;

pub use credential::{Credential, CredentialPaths, CredentialStore, Found, Stored};
pub use download::{DownloadOptions, DownloadRefused, Site};
pub use http::{Limits, RegistryError, RetryPolicy, Warnings, WireLog};
pub use registry::{ApiAnswer, DownloadPolicy, Ping, ReferrersApi, Registry, RegistryOptions, UploadPolicy};
pub use repository::RemoteRepository;
pub use secret::Secret;
pub use service::{ServiceOptions, ServiceRefused, SigningService};
