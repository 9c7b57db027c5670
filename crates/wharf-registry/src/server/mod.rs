//! Connections: accepting, limits, TLS, and an end that loses nothing in flight.

mod accept;
mod client_address;
mod places;
mod service;
mod tls;
mod traffic;

use std::net::SocketAddr;
use std::sync::Arc;

use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::jobs::Jobs;
use crate::{App, StartError};

pub(crate) use service::Peer;

/// A registry that listens but does not serve yet.
#[derive(Debug)]
pub struct Server {
    app: Arc<App>,
    listener: TcpListener,
    address: SocketAddr,
    tls: Option<tls::Reloading>,
}

impl Server {
    /// Takes the address of the settings and reads the TLS files.
    ///
    /// # Errors
    /// [`StartError::Listen`] for an address that is taken or not this machine's, [`StartError::Tls`] for files that cannot be used.
    pub async fn bind(app: Arc<App>) -> Result<Self, StartError> {
        let tls = match (&app.config.tls_certificate, &app.config.tls_key) {
            (Some(certificate), Some(key)) => Some(tls::Reloading::read(certificate.clone(), key.clone())?),
            _ => None,
        };
        let address = app.config.listen;
        let listen = |source| StartError::Listen { address, source };
        let listener = TcpListener::bind(address).await.map_err(listen)?;
        let address = listener.local_addr().map_err(listen)?;
        Ok(Self { app, listener, address, tls })
    }

    /// Returns the address that is listened on, with the real port where 0 was asked for.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Starts to serve, and the jobs in the background.
    pub fn start(self) -> ServerHandle {
        let (stop, stopping) = watch::channel(false);
        let address = self.address;
        let shutdown_timeout = self.app.config.shutdown_timeout;
        let jobs = Jobs::spawn(Arc::clone(&self.app), &stopping);
        let app = Arc::clone(&self.app);
        let accept = tokio::spawn(accept::run(self.app, self.listener, self.tls, stopping, shutdown_timeout));
        ServerHandle { app, address, stop, accept, jobs }
    }
}

/// A registry that serves. Dropped, it stops accepting and finishes on its own.
#[derive(Debug)]
pub struct ServerHandle {
    app: Arc<App>,
    address: SocketAddr,
    stop: watch::Sender<bool>,
    accept: JoinHandle<()>,
    jobs: Jobs,
}

impl ServerHandle {
    /// Returns the address that is listened on.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Stops accepting, finishes the requests in flight within the settings' time, writes what waits in memory.
    pub async fn shutdown(self) {
        self.stop.send_replace(true);
        self.app.collections.stop();
        // A task that panicked has said so; there is nothing more to wait for.
        let _ = self.accept.await;
        self.jobs.finish().await;
    }
}
