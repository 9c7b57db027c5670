//! What every request handler shares.

use std::sync::Arc;

use aws_lc_rs::hmac;
use wharf_storage::{BlobStore, Catalog};

use crate::config::Config;
use crate::distribution::Sessions;
use crate::error::StartError;
use crate::gate::Gate;
use crate::jobs::Collections;
use crate::metrics::Metrics;
use crate::pulls::Pulls;
use crate::{audit, auth};

/// A registry without its sockets: storage, settings, and what is kept in memory.
///
/// Nothing in memory decides access or holds the only copy of anything, so an `App` can be dropped at any moment and
/// made anew on the same storage.
pub struct App {
    pub(crate) catalog: Arc<dyn Catalog>,
    pub(crate) blobs: Arc<dyn BlobStore>,
    pub(crate) config: Config,
    pub(crate) metrics: Metrics,
    pub(crate) audit: audit::Buffer,
    pub(crate) pulls: Pulls,
    pub(crate) authenticator: auth::Authenticator,
    pub(crate) collections: Collections,
    pub(crate) gate: Gate,
    pub(crate) sessions: Arc<Sessions>,
    /// Signs upload ids; kept in the catalog so that uploads outlive the process.
    pub(crate) upload_key: hmac::Key,
}

impl App {
    /// Joins storage and settings. The server's keys are made in the catalog on first use.
    ///
    /// # Errors
    /// [`StartError`] when the catalog does not answer or the system has no randomness.
    pub async fn new(
        catalog: Arc<dyn Catalog>,
        blobs: Arc<dyn BlobStore>,
        config: Config,
    ) -> Result<Arc<Self>, StartError> {
        let key = catalog.setting_or_insert("upload-key", &random::<32>()?).await?;
        let authenticator = auth::Authenticator::new(&*catalog, &config).await?;
        let metrics = Metrics::new();
        let sessions = Arc::new(Sessions::new(&config));
        sessions.reconcile(blobs.uploads().await?.into_iter().collect());
        Ok(Arc::new(Self {
            audit: audit::Buffer::new(metrics.audit_lost.clone()),
            metrics,
            pulls: Pulls::default(),
            authenticator,
            collections: Collections::default(),
            gate: Gate::new(),
            sessions,
            upload_key: hmac::Key::new(hmac::HMAC_SHA256, &key),
            catalog,
            blobs,
            config,
        }))
    }
}

impl std::fmt::Debug for App {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("App")
            .field("blobs", &self.blobs)
            .field("config", &self.config)
            .finish_non_exhaustive()
    }
}

/// Returns fresh random bytes.
pub(crate) fn random<const N: usize>() -> Result<[u8; N], StartError> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(StartError::Randomness)?;
    Ok(bytes)
}
