//! One registry, by its host.

use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use ::http::{HeaderMap, Method, StatusCode};
use bytes::Bytes;
use url::Url;
use wharf_content::{Cursor, Error, ErrorKind, Result};
use wharf_oci::RepositoryName;
use wharf_oci::distribution::{Challenge, Scope};

use crate::auth::Authenticator;
use crate::credential::Credential;
use crate::http::{Call, CallBody, Clients, Gate, Http, Limits, RetryPolicy, Told, Warnings, WireLog};
use crate::origin;
use crate::repository::{KnownReferrers, KnownUploads, RemoteRepository, next_page};

/// The longest answer of the management API that is read, in bytes.
const MAX_API_BYTES: u64 = 64 * 1024 * 1024;

/// How a registry is spoken to.
#[derive(Clone, Debug)]
pub struct RegistryOptions {
    /// Who the client is.
    pub credential: Credential,
    /// Speak plain HTTP. Otherwise HTTPS is spoken, except to this machine's own addresses without `insecure` and
    /// without `ca_file`.
    pub plain_http: bool,
    /// Accept any certificate.
    pub insecure: bool,
    /// Certificates, PEM, that are trusted beside the system's.
    pub ca_file: Option<PathBuf>,
    /// The client's own certificate and key, both PEM.
    pub client_certificate: Option<(PathBuf, PathBuf)>,
    /// Follow redirects and token realms to private addresses other than the registry's own host.
    pub allow_private_addresses: bool,
    /// How long a peer may stay silent, when an answer or the next bytes are due: 120 seconds unless set.
    pub idle_timeout: Duration,
    /// When requests are sent again.
    pub retry: RetryPolicy,
    /// How blobs are uploaded.
    pub upload: UploadPolicy,
    /// The folder in which the places of upload sessions are kept, so that an upload goes on after the process was
    /// killed. `None`: they are not kept.
    pub upload_state: Option<PathBuf>,
    /// How blobs are downloaded.
    pub download: DownloadPolicy,
    /// How much is asked of the registry.
    pub limits: Limits,
    /// Speak HTTPS to this machine's own addresses as to all others.
    pub always_tls: bool,
    /// Headers that every request to the registry has, and no other request.
    pub headers: HeaderMap,
    /// The addresses of hosts, in place of the name service. The port counts where the URL has none.
    pub addresses: Vec<(String, SocketAddr)>,
    /// How referrers are listed and entered.
    pub referrers: ReferrersApi,
    /// Who is shown every request.
    pub wire_log: Option<Arc<dyn WireLog>>,
    /// Who is told what the registry wants its users to read.
    pub warnings: Option<Arc<dyn Warnings>>,
}

/// How referrers are listed and entered (distribution-spec v1.1, "Listing Referrers", "Referrers Tag Schema").
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ReferrersApi {
    /// By the API where the registry has it, else by the fallback tag.
    #[default]
    Detect,
    /// By the API only.
    Api,
    /// By the fallback tag only.
    Tag,
}

impl Default for RegistryOptions {
    fn default() -> Self {
        Self {
            credential: Credential::Anonymous,
            plain_http: false,
            insecure: false,
            ca_file: None,
            client_certificate: None,
            allow_private_addresses: false,
            idle_timeout: Duration::from_secs(120),
            retry: RetryPolicy::default(),
            upload: UploadPolicy::default(),
            upload_state: None,
            download: DownloadPolicy::default(),
            limits: Limits::default(),
            always_tls: false,
            headers: HeaderMap::new(),
            addresses: Vec::new(),
            referrers: ReferrersApi::Detect,
            wire_log: None,
            warnings: None,
        }
    }
}

/// How blobs are uploaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UploadPolicy {
    /// Blobs of up to this many bytes go in a single request; larger ones in chunks that can be resumed.
    pub single_up_to_bytes: u64,
    /// The size of a chunk in bytes; a registry may ask for more.
    pub chunk_bytes: u64,
    /// How many failures in a row are recovered from before the upload fails.
    pub max_recoveries: u32,
}

impl Default for UploadPolicy {
    fn default() -> Self {
        Self { single_up_to_bytes: 32 * 1024 * 1024, chunk_bytes: 32 * 1024 * 1024, max_recoveries: 5 }
    }
}

/// How blobs are downloaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DownloadPolicy {
    /// Blobs of at least this many bytes come in pieces, of which several are asked for at once.
    pub parallel_from_bytes: u64,
    /// The size of a piece in bytes.
    pub piece_bytes: u64,
    /// How many pieces are asked for at once, and so held in memory. `None`: three, and of this machine's own
    /// addresses one, since there is nothing to wait for.
    pub pieces_at_once: Option<NonZeroUsize>,
}

impl Default for DownloadPolicy {
    fn default() -> Self {
        Self { parallel_from_bytes: 32 * 1024 * 1024, piece_bytes: 4 * 1024 * 1024, pieces_at_once: None }
    }
}

/// One registry. Cheap to clone; clones share connections and tokens.
#[derive(Clone)]
pub struct Registry {
    host: String,
    pub(crate) http: Arc<Http>,
    pub(crate) upload: UploadPolicy,
    pub(crate) upload_state: Option<PathBuf>,
    pub(crate) download: DownloadPolicy,
    pub(crate) referrers: ReferrersApi,
    pub(crate) known_referrers: Arc<KnownReferrers>,
    pub(crate) known_uploads: Arc<KnownUploads>,
}

/// What a registry answered to the first question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ping {
    /// It let the caller in without asking for credentials.
    Open,
    /// It asked for credentials and accepted them, or a token that anybody gets.
    Authenticated,
}

/// An answer of the management API.
#[derive(Clone, Debug)]
pub struct ApiAnswer {
    /// The status, whatever it is.
    pub status: StatusCode,
    /// The headers.
    pub headers: ::http::HeaderMap,
    /// The body.
    pub body: Bytes,
}

impl Registry {
    /// Returns the registry at `HOST[:PORT]`. Nothing is sent yet.
    ///
    /// # Errors
    /// The host is malformed, or the certificates cannot be read.
    pub fn new(host: &str, options: RegistryOptions) -> Result<Self> {
        let with_tls = options.insecure
            || options.always_tls
            || options.ca_file.is_some()
            || options.client_certificate.is_some();
        let plain = options.plain_http || (origin::is_loopback(host) && !with_tls);
        // The one registry whose API is at another name than people write.
        let name = if host == "docker.io" { "registry-1.docker.io" } else { host };
        let base = Url::parse(&format!("{}://{name}/", if plain { "http" } else { "https" }))
            .ok()
            .filter(|url| url.path() == "/" && url.username().is_empty() && url.query().is_none())
            .ok_or_else(|| Error::new(ErrorKind::Usage, format!("{host:?} is not a registry host")))?;
        let client = Clients::new(host, &base, &options)?;
        let auth =
            Authenticator::new(base.clone(), options.credential.clone(), options.allow_private_addresses);
        let http = Http {
            client,
            base,
            auth,
            retry: options.retry,
            allow_private: options.allow_private_addresses,
            idle: options.idle_timeout,
            gate: Gate::new(options.limits),
            headers: options.headers,
            wire_log: options.wire_log,
            warnings: Told::new(options.warnings),
        };
        Ok(Self {
            host: host.to_owned(),
            http: Arc::new(http),
            upload: options.upload,
            upload_state: options.upload_state,
            download: options.download,
            referrers: options.referrers,
            known_referrers: Arc::default(),
            known_uploads: Arc::default(),
        })
    }

    /// Returns a repository of this registry. Nothing is sent.
    pub fn repository(&self, name: RepositoryName) -> RemoteRepository {
        RemoteRepository::new(self.clone(), name)
    }

    /// Returns the host as it was given.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Returns `scheme://host[:port]` of the registry.
    pub fn origin(&self) -> String {
        origin::origin_of(&self.http.base)
    }

    /// Returns how many pieces of a blob are asked for at once.
    pub(crate) fn pieces_at_once(&self) -> usize {
        let usual = if origin::is_loopback(&self.host) { 1 } else { 3 };
        self.download.pieces_at_once.map_or(usual, NonZeroUsize::get)
    }

    /// Returns the credential that is used.
    pub fn credential(&self) -> &Credential {
        self.http.auth.credential()
    }

    /// Asks for `/v2/`, and has the credentials checked where there are any.
    ///
    /// # Errors
    /// [`ErrorKind::Unauthorized`] when they are refused; [`ErrorKind::Peer`] when the host is no registry.
    pub async fn ping(&self) -> Result<Ping> {
        let call = Call::new(Method::GET, self.url("v2/")?, Vec::new());
        // Without authorisation first: the answer tells whether any is asked for.
        let bare = self.http.bare(&call).await?;
        let asked = match bare {
            Ok(response) => {
                response.status() == StatusCode::UNAUTHORIZED
                    && response
                        .headers()
                        .get_all(::http::header::WWW_AUTHENTICATE)
                        .iter()
                        .filter_map(|value| value.to_str().ok())
                        .any(|value| !Challenge::parse_all(value).is_empty())
            }
            // The retries of the ordinary way are worth having.
            Err(_) => true,
        };
        let response = if asked {
            self.http.send(&call).await?
        } else {
            // A registry that lets anybody in looks at a login all the same, if it gets one.
            let mut call = call;
            if let Some(basic) = self.http.auth.basic()? {
                call.headers.insert(::http::header::AUTHORIZATION, basic);
            }
            self.http.send(&call).await?
        };
        match response.status() {
            StatusCode::OK if asked => Ok(Ping::Authenticated),
            StatusCode::OK => Ok(Ping::Open),
            StatusCode::UNAUTHORIZED => Err(match self.credential().username() {
                Some(username) => Error::new(
                    ErrorKind::Unauthorized,
                    format!("{} refused the login of {username:?}", self.origin()),
                ),
                None => Error::new(ErrorKind::Unauthorized, format!("{} asks for a login", self.origin())),
            }),
            StatusCode::NOT_FOUND => Err(Error::new(
                ErrorKind::Peer,
                format!("{} is no OCI registry: it has no /v2/", self.origin()),
            )),
            _ => Err(self.http.refused(&call_of_ping(self)?, response, "the first question, /v2/,").await),
        }
    }

    /// Returns a page of the repositories that the registry lists, after `last`, with the place where the next begins.
    /// Not every registry has such a list (Docker Registry HTTP API V2, "Catalog").
    ///
    /// # Errors
    /// The registry has no list, or does not show it.
    pub async fn repositories(
        &self,
        from: Option<&Cursor>,
        last: Option<&str>,
    ) -> Result<(Vec<String>, Option<Cursor>)> {
        let scope = Scope {
            kind: "registry".to_owned(),
            name: "catalog".to_owned(),
            actions: std::iter::once("*".to_owned()).collect(),
        };
        let mut call = Call::new(Method::GET, self.url("v2/_catalog")?, vec![scope]);
        match (from, last) {
            (Some(Cursor(next)), _) => call.url = origin::resolve_same_origin(&call.url, "Link", next)?,
            (None, Some(last)) => {
                call.url.query_pairs_mut().append_pair("last", last);
            }
            (None, None) => {}
        }
        let what = "the list of repositories";
        // Where anybody gets a list, it is the list for anybody: a login is sent unasked.
        let basic = self.http.auth.basic()?;
        let response = match basic {
            Some(basic) => {
                let mut as_somebody = Call::new(Method::GET, call.url.clone(), Vec::new());
                as_somebody.headers.insert(::http::header::AUTHORIZATION, basic);
                let response = self.http.send(&as_somebody).await?;
                match response.status() {
                    // Without any, the next request would be anybody's.
                    StatusCode::UNAUTHORIZED if self.http.is_challenged(&response, &call).await? => {
                        self.http.send(&call).await?
                    }
                    _ => response,
                }
            }
            None => self.http.send(&call).await?,
        };
        if !response.status().is_success() {
            return Err(self.http.refused(&call, response, what).await);
        }
        let next = next_page(&call.url, response.headers())?;
        let body = self.http.read(response, MAX_API_BYTES, what).await?;
        let list: RepositoryList = serde_json::from_slice(&body).map_err(|error| {
            let message = format!("{} answered with no list of repositories", self.origin());
            Error::with_source(ErrorKind::Peer, message, error)
        })?;
        Ok((list.repositories.unwrap_or_default(), next.map(|url| Cursor(url.to_string()))))
    }

    /// Sends a request to the management API, `path` being relative to the host, such as `api/v2.0/projects`. User name
    /// and password go along where there are any.
    ///
    /// # Errors
    /// Only when there was no answer; the status is for the caller to judge.
    pub async fn api(
        &self,
        method: Method,
        path: &str,
        json: Option<&serde_json::Value>,
    ) -> Result<ApiAnswer> {
        let mut call =
            Call::new(method.clone(), self.url(path)?, Vec::new()).header("accept", "application/json");
        if let Some(basic) = self.http.auth.basic()? {
            call.headers.insert(::http::header::AUTHORIZATION, basic);
        }
        if let Some(json) = json {
            let body = Bytes::from(json.to_string());
            call = call.header("content-type", "application/json").body(CallBody::Bytes(body));
        }
        if method == Method::POST || method == Method::PATCH {
            call = call.once();
        }
        let response = self.http.send(&call).await?;
        let (status, headers) = (response.status(), response.headers().clone());
        let body = self.http.read(response, MAX_API_BYTES, "the answer").await?;
        Ok(ApiAnswer { status, headers, body })
    }

    /// Returns the URL of a path at this registry.
    pub(crate) fn url(&self, path: &str) -> Result<Url> {
        let url = self.http.base.join(path).ok();
        url.filter(|url| origin::same_origin(url, &self.http.base)).ok_or_else(|| {
            Error::new(ErrorKind::Usage, format!("{path:?} is not a path at {}", self.origin()))
        })
    }
}

#[derive(serde::Deserialize)]
struct RepositoryList {
    /// Go writes an empty list as `null`.
    repositories: Option<Vec<String>>,
}

fn call_of_ping(registry: &Registry) -> Result<Call<'static>> {
    Ok(Call::new(Method::GET, registry.url("v2/")?, Vec::new()))
}
