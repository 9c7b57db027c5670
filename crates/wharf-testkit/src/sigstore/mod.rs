//! A sigstore instance in this process: certificate authority, both kinds of transparency log, timestamp authority and
//! identity provider, with the trusted root and the signing config that go with them.
//!
//! It answers as the real services do, and checks what it is asked as they do: a request that Fulcio or Rekor would refuse
//! is refused here. [`Fault`] makes it lie.

mod authority;
mod der;
mod log;
mod provider;
mod routes;
mod stamp;

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use jiff::Timestamp;
use serde_json::{Value, json};
use wharf_trust::{Certificate, KeyAlgorithm, LogKind, Period, PrivateKey, RootBuilder};

use authority::Authority;
use log::Tree;
use provider::Provider;
use stamp::Stamper;

/// A service that a fault is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Answering {
    Certificates,
    Log,
    Timestamps,
}

/// How the instance misbehaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The log promises with another key than its own.
    WrongPromise,
    /// The log proves with a hash that is not the tree's.
    WrongProof,
    /// The log answers with an entry of its own, well proved, about other content.
    OtherEntry,
    /// The certificate was seen by no certificate log.
    NoSct,
    /// The certificate log signed something else.
    WrongSct,
    /// The certificate is for a key of the authority's choice.
    OtherKey,
    /// The certificate ran out an hour ago.
    ExpiredCertificate,
    /// All clocks are an hour behind: what is issued ran out before anybody saw it, as if it were found an hour later.
    HourBehind,
    /// The timestamp is of other bytes.
    OtherStamp,
    /// The answer is no answer.
    Garbage(Answering),
    /// The answer has no end that anybody should wait for.
    Huge(Answering),
    /// The answer does not come.
    Silent(Answering),
    /// The answer is that the service is broken.
    Broken(Answering),
}

pub(super) struct Inner {
    address: SocketAddr,
    fault: Mutex<Option<Fault>>,
    seen: Mutex<Vec<String>>,
    authority: Authority,
    first_log: Mutex<Tree>,
    second_log: Mutex<Tree>,
    stamper: Stamper,
    provider: Provider,
}

/// A running instance. It ends with the value.
pub struct FakeSigstore {
    inner: Arc<Inner>,
    stop: Option<tokio::sync::oneshot::Sender<()>>,
}

/// Which services a signing config names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Services {
    /// The major version of the log's interface, if any log is named.
    pub log: Option<u32>,
    /// Whether the timestamp authority is named.
    pub timestamps: bool,
}

impl FakeSigstore {
    /// Starts an instance, in a thread of its own.
    ///
    /// # Panics
    /// When there is no free port.
    #[must_use]
    pub fn start() -> Self {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap();
        let host = address.ip().to_string();
        let key = |algorithm| PrivateKey::generate(algorithm).unwrap();
        let inner = Arc::new(Inner {
            address,
            fault: Mutex::new(None),
            seen: Mutex::default(),
            authority: Authority::new(),
            first_log: Mutex::new(Tree::first(key(KeyAlgorithm::EcdsaP256), &host)),
            second_log: Mutex::new(Tree::second(key(KeyAlgorithm::Ed25519), &host)),
            stamper: Stamper::new(),
            provider: Provider::new(format!("http://{address}/oidc")),
        });
        let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
        let router = routes::router(Arc::clone(&inner));
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let listener = tokio::net::TcpListener::from_std(listener).unwrap();
                let serving = IntoFuture::into_future(axum::serve(listener, router));
                tokio::select! {
                    _ = serving => {}
                    _ = stopped => {}
                }
            });
        });
        Self { inner, stop: Some(stop) }
    }

    /// Makes it misbehave from now on, or behave again.
    ///
    /// # Panics
    /// Never.
    pub fn misbehave(&self, fault: impl Into<Option<Fault>>) {
        *self.inner.fault.lock().unwrap() = fault.into();
    }

    /// Returns `http://HOST:PORT`: the address of authority and logs.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.inner.address)
    }

    /// Returns the address of the timestamp authority.
    #[must_use]
    pub fn timestamp_url(&self) -> String {
        format!("{}/api/v1/timestamp", self.url())
    }

    /// Returns the address of the identity provider, which is the issuer of its tokens.
    #[must_use]
    pub fn issuer(&self) -> String {
        self.inner.provider.issuer.clone()
    }

    /// Returns every request until now: method and path.
    ///
    /// # Panics
    /// Never.
    #[must_use]
    pub fn seen(&self) -> Vec<String> {
        self.inner.seen.lock().unwrap().clone()
    }

    /// Returns an identity token with those claims beside the usual ones, which they may replace.
    #[must_use]
    pub fn token(&self, claims: &Value) -> String {
        self.inner.provider.token(claims)
    }

    /// Returns the token of somebody with that e-mail address.
    #[must_use]
    pub fn token_of(&self, email: &str) -> String {
        self.token(&json!({ "sub": "1", "email": email, "email_verified": true }))
    }

    /// Returns the token of a workflow, with the claims that a hosted build has. The certificate is for
    /// [`FakeSigstore::WORKFLOW`].
    #[must_use]
    pub fn token_of_workflow(&self) -> String {
        self.token(&provider::workflow())
    }

    /// Who a certificate for [`FakeSigstore::token_of_workflow`] is for.
    pub const WORKFLOW: &str = "https://github.com/octo/shop/.github/workflows/release.yml@refs/heads/main";

    /// Returns the trusted root.
    #[must_use]
    pub fn trusted_root(&self) -> Vec<u8> {
        self.root(&self.inner.authority.chain)
    }

    /// Returns a trusted root in which the authority's intermediate certificate ran out years ago.
    #[must_use]
    pub fn trusted_root_with_expired_intermediate(&self) -> Vec<u8> {
        self.root(&self.inner.authority.expired_chain)
    }

    fn root(&self, chain: &[Certificate]) -> Vec<u8> {
        let (inner, url) = (&self.inner, self.url());
        let period = always();
        let mut root = RootBuilder::default();
        root.add_certificate_authority(&url, chain, period).unwrap();
        root.add_log(LogKind::Certificates, &format!("{url}/ct"), inner.authority.log.public(), None, period)
            .unwrap();
        root.add_timestamp_authority(&self.timestamp_url(), &inner.stamper.chain, period).unwrap();
        root.add_log(LogKind::Signatures, &url, inner.first_log.lock().unwrap().key.public(), None, period)
            .unwrap();
        let host = inner.address.ip().to_string();
        root.add_log(
            LogKind::Signatures,
            &url,
            inner.second_log.lock().unwrap().key.public(),
            Some(&host),
            period,
        )
        .unwrap();
        root.to_json()
    }

    /// Returns a signing config, version 0.2.
    #[must_use]
    pub fn signing_config(&self, services: Services) -> Vec<u8> {
        let service = |url: String, version: u32| {
            json!([{
                "url": url,
                "majorApiVersion": version,
                "validFor": { "start": "2024-01-01T00:00:00Z" },
                "operator": "fake.example",
            }])
        };
        let mut config = json!({
            "mediaType": "application/vnd.dev.sigstore.signingconfig.v0.2+json",
            "caUrls": service(self.url(), 1),
            "oidcUrls": service(self.issuer(), 1),
            "rekorTlogConfig": {},
            "tsaConfig": {},
        });
        if let Some(version) = services.log {
            config["rekorTlogUrls"] = service(self.url(), version);
            config["rekorTlogConfig"] = json!({ "selector": "ANY" });
        }
        if services.timestamps {
            config["tsaUrls"] = service(self.timestamp_url(), 1);
            config["tsaConfig"] = json!({ "selector": "EXACT", "count": 1 });
        }
        config.to_string().into_bytes()
    }

    /// Returns where a build asks for its token, and with what, as hosted builds find it in their environment.
    #[must_use]
    pub fn ambient(&self) -> (String, String) {
        (format!("{}/actions/token?api-version=2.0", self.url()), provider::AMBIENT.to_owned())
    }

    /// Returns what a trusted root is made from: PEM chains of the authorities and PEM keys of the logs.
    ///
    /// # Panics
    /// Never.
    #[must_use]
    pub fn parts(&self) -> Parts {
        let pem = |chain: &[Certificate]| chain.iter().map(Certificate::to_pem).collect();
        let inner = &self.inner;
        Parts {
            authority: pem(&inner.authority.chain),
            certificate_log: inner.authority.log.public().to_pem(),
            first_log: inner.first_log.lock().unwrap().key.public().to_pem(),
            second_log: inner.second_log.lock().unwrap().key.public().to_pem(),
            timestamps: pem(&inner.stamper.chain),
        }
    }
}

/// What a trusted root is made from, as PEM.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Parts {
    pub authority: String,
    pub certificate_log: String,
    pub first_log: String,
    pub second_log: String,
    pub timestamps: String,
}

impl Drop for FakeSigstore {
    fn drop(&mut self) {
        if let Some(stop) = self.stop.take() {
            // A thread that ended already needs no telling.
            let _ = stop.send(());
        }
    }
}

/// Trusted since long.
fn always() -> Period {
    Period { start: Some("2024-01-01T00:00:00Z".parse().unwrap()), end: None }
}

fn now_seconds() -> i64 {
    Timestamp::now().as_second()
}

/// What the clock of an authority, a log or a timestamp service shows.
fn clock(fault: Option<Fault>) -> i64 {
    now_seconds() - if fault == Some(Fault::HourBehind) { 3600 } else { 0 }
}
