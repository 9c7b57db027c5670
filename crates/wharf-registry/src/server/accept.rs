//! The accept loop.

use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use hyper::service::Service as _;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

use super::places::Places;
use super::service::{Peer, Registry};
use super::tls::Reloading;
use super::traffic::{Counted, Patience, Stall, Traffic};
use crate::App;

/// How often the TLS files are looked at.
const RELOAD_INTERVAL: Duration = Duration::from_secs(5);
/// The greatest buffer of an HTTP/1 connection in each direction; no head of a request may be longer.
const BUFFER_BYTES: usize = 64 * 1024;

pub(super) async fn run(
    app: Arc<App>,
    listener: TcpListener,
    tls: Option<Reloading>,
    mut stopping: watch::Receiver<bool>,
    shutdown_timeout: Duration,
) {
    let permits = Arc::new(Semaphore::new(app.config.connections));
    let places = Places::new(app.config.connections_per_address);
    let trusted = app.config.trusted_proxies.clone();
    let header_timeout = app.config.header_timeout;
    let builder = Arc::new(builder(header_timeout));
    let patience = Patience::of(&app.config);
    // Tells connections to end; each holds a receiver until it has.
    let (ending, _) = watch::channel(());
    let registry = Registry::new(app);
    let tls = tls.map(Arc::new);
    let mut reload = tokio::time::interval(RELOAD_INTERVAL);
    reload.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Skip);
    loop {
        let accepted = tokio::select! {
            accepted = accept(&listener, &permits) => accepted,
            _ = stopping.wait_for(|stop| *stop) => break,
            _ = reload.tick(), if tls.is_some() => {
                if let Some(tls) = &tls {
                    tls.reload();
                }
                continue;
            }
        };
        let Some((stream, address, permit)) = accepted else { continue };
        // A proxy brings everybody's connections.
        let place = if trusted.contain(address.ip()) { None } else { Some(places.take(address.ip())) };
        if matches!(place, Some(None)) {
            continue;
        }
        let (builder, ending, registry) = (Arc::clone(&builder), ending.subscribe(), registry.clone());
        let acceptor = tls.as_ref().map(|tls| tls.acceptor());
        tokio::spawn(async move {
            let peer = Peer { address, client: address.ip(), tls: acceptor.is_some() };
            let traffic = Traffic::new(patience);
            let stream = Counted::new(stream, Arc::clone(&traffic));
            let connection = Connection { builder, ending, registry, peer, traffic };
            match acceptor {
                None => connection.serve(stream).await,
                Some(acceptor) => match tokio::time::timeout(header_timeout, acceptor.accept(stream)).await {
                    Ok(Ok(stream)) => connection.serve(stream).await,
                    Ok(Err(error)) => tracing::debug!(%address, %error, "TLS handshake failed: {error}"),
                    Err(_) => tracing::debug!(%address, "TLS handshake took too long"),
                },
            }
            drop((permit, place));
        });
    }
    drop(listener);
    ending.send_replace(());
    if tokio::time::timeout(shutdown_timeout, ending.closed()).await.is_err() {
        tracing::warn!(
            timeout_seconds = shutdown_timeout.as_secs(),
            "some requests were still in flight at the end of the shutdown time"
        );
    }
}

async fn accept(
    listener: &TcpListener,
    permits: &Arc<Semaphore>,
) -> Option<(TcpStream, SocketAddr, OwnedSemaphorePermit)> {
    let permit = Arc::clone(permits).acquire_owned().await.ok()?;
    match listener.accept().await {
        Ok((stream, address)) => {
            // Answers are written whole; waiting to fill packets only adds latency. Failing is harmless.
            let _ = stream.set_nodelay(true);
            Some((stream, address, permit))
        }
        Err(error) => {
            // Out of file descriptors, most likely: wait for some connection to end instead of spinning.
            tracing::warn!(%error, "could not accept a connection: {error}");
            tokio::time::sleep(Duration::from_millis(50)).await;
            None
        }
    }
}

/// What serves one connection.
struct Connection {
    builder: Arc<Builder<TokioExecutor>>,
    ending: watch::Receiver<()>,
    registry: Registry,
    peer: Peer,
    traffic: Arc<Traffic>,
}

impl Connection {
    /// Serves requests until the peer leaves, the server ends, or nothing has happened for too long.
    async fn serve<S>(mut self, stream: S)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let Self { registry, peer, traffic, .. } = self;
        traffic.open();
        let service = hyper::service::service_fn(|mut request: http::Request<hyper::body::Incoming>| {
            let peer = registry.peer_of(peer, &request);
            request.extensions_mut().insert(peer);
            let handling = traffic.begin();
            let answer = registry.call(request);
            async move { answer.await.map(|response| response.map(|body| handling.answered(body))) }
        });
        let mut connection = pin!(self.builder.serve_connection(TokioIo::new(stream), service));
        let mut ending = false;
        loop {
            tokio::select! {
                ended = connection.as_mut() => {
                    if let Err(error) = ended {
                        // Clients that stop reading early are everyday business.
                        tracing::debug!(address = %peer.address, %error, "connection ended: {error}");
                    }
                    return;
                }
                _ = self.ending.changed(), if !ending => {}
                stall = traffic.stalled() => {
                    tracing::debug!(address = %peer.address, ?stall, "connection does nothing");
                    if stall != Stall::Idle {
                        return;
                    }
                }
            }
            // A request that is on its way is still served.
            ending = true;
            traffic.end();
            connection.as_mut().graceful_shutdown();
        }
    }
}

fn builder(header_timeout: Duration) -> Builder<TokioExecutor> {
    let mut builder = Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(header_timeout)
        .max_headers(100)
        .max_buf_size(BUFFER_BYTES);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_header_list_size(64 * 1024)
        .max_concurrent_streams(250)
        .initial_stream_window_size(1 << 20)
        .initial_connection_window_size(4 << 20)
        .keep_alive_interval(Duration::from_secs(30))
        .keep_alive_timeout(Duration::from_secs(20));
    builder
}
