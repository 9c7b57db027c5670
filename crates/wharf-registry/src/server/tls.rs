//! TLS with certificate and key files that are read again when they change.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::SystemTime;

use rustls::ServerConfig;
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::TlsAcceptor;

use crate::StartError;

/// The present certificate. Connections that are open keep the one they began with.
#[derive(Debug)]
pub(crate) struct Reloading {
    certificate: PathBuf,
    key: PathBuf,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    config: Arc<ServerConfig>,
    changed: [Option<SystemTime>; 2],
}

impl Reloading {
    /// Reads both files.
    pub(crate) fn read(certificate: PathBuf, key: PathBuf) -> Result<Self, StartError> {
        let changed = [modified(&certificate), modified(&key)];
        let config = load(&certificate, &key)?;
        Ok(Self { certificate, key, state: Mutex::new(State { config, changed }) })
    }

    /// Returns the acceptor for the next connection.
    pub(crate) fn acceptor(&self) -> TlsAcceptor {
        TlsAcceptor::from(Arc::clone(&self.state.lock().expect("no holder panics").config))
    }

    /// Reads the files again if one of them changed. Files that cannot be used leave what was there: they may be half
    /// written, and are looked at again next time.
    pub(crate) fn reload(&self) {
        let changed = [modified(&self.certificate), modified(&self.key)];
        if self.state.lock().expect("no holder panics").changed == changed {
            return;
        }
        match load(&self.certificate, &self.key) {
            Ok(config) => {
                *self.state.lock().expect("no holder panics") = State { config, changed };
                tracing::info!("read the changed TLS certificate {}", self.certificate.display());
            }
            Err(error) => tracing::warn!(%error, "kept the TLS certificate as it was: {error}"),
        }
    }
}

fn modified(path: &Path) -> Option<SystemTime> {
    std::fs::metadata(path).and_then(|metadata| metadata.modified()).ok()
}

fn load(certificate: &Path, key: &Path) -> Result<Arc<ServerConfig>, StartError> {
    let error = |path: &Path, problem: String| StartError::Tls { path: path.to_owned(), problem };
    let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_file_iter(certificate)
        .and_then(Iterator::collect)
        .map_err(|problem| error(certificate, problem.to_string()))?;
    if chain.is_empty() {
        return Err(error(certificate, "it holds no certificate".to_owned()));
    }
    let private = PrivateKeyDer::from_pem_file(key).map_err(|problem| error(key, problem.to_string()))?;
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|problem| error(certificate, problem.to_string()))?
        .with_no_client_auth()
        .with_single_cert(chain, private)
        .map_err(|problem| error(key, problem.to_string()))?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}
