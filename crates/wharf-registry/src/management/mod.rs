//! The management API under `/api/v2.0`.

use std::sync::Arc;

use crate::App;

/// Returns the routes. Requests carry [`Peer`](crate::server::Peer) as an extension.
pub(crate) fn router(_app: Arc<App>) -> axum::Router {
    axum::Router::new()
}
