//! A registry in this process, whose answers a test can bend.

use std::collections::{BTreeMap, HashMap};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, Method, Uri, header};
use axum::response::Response;
use futures_util::StreamExt;
use wharf_client::{
    Credential, Registry, RegistryOptions, RemoteRepository, RetryPolicy, Secret, UploadPolicy,
};
use wharf_oci::{Algorithm, Descriptor, Digest, Manifest};

/// A request as the server saw it.
#[derive(Clone, Debug)]
pub struct Seen {
    /// The method.
    pub method: Method,
    /// Path and query.
    pub uri: Uri,
    /// The headers.
    pub headers: HeaderMap,
    /// The body, as far as it came.
    pub body: Bytes,
}

impl Seen {
    /// Returns the `Authorization` header.
    ///
    /// # Panics
    /// When it is no text.
    pub fn authorization(&self) -> Option<&str> {
        self.headers.get(header::AUTHORIZATION).map(|value| value.to_str().unwrap())
    }

    /// Returns method, path and query.
    pub fn line(&self) -> String {
        format!("{} {}", self.method, self.uri)
    }
}

type Bend = Box<dyn Fn(&Seen, &TestServer) -> Option<Response> + Send + Sync>;

#[derive(Default)]
struct Content {
    blobs: HashMap<String, Bytes>,
    manifests: HashMap<String, (String, Bytes)>,
    tags: BTreeMap<String, String>,
    uploads: HashMap<String, Vec<u8>>,
    next_upload: u64,
}

#[derive(Default)]
struct Inner {
    content: Mutex<Content>,
    seen: Mutex<Vec<Seen>>,
    bend: Mutex<Option<Bend>>,
    no_referrers: Mutex<bool>,
    takes_blobs_at_once: Mutex<bool>,
}

/// A running registry with one repository, whatever it is called.
#[derive(Clone)]
pub struct TestServer {
    /// Where it listens.
    pub address: SocketAddr,
    inner: Arc<Inner>,
}

impl TestServer {
    /// Starts it.
    ///
    /// # Panics
    /// When there is no free port.
    pub async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let server = Self { address: listener.local_addr().unwrap(), inner: Arc::default() };
        let router = Router::new().fallback(serve).with_state(server.clone());
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        server
    }

    /// Lets `bend` answer what it wants to; the rest is answered as a registry should.
    pub fn bend(&self, bend: impl Fn(&Seen, &Self) -> Option<Response> + Send + Sync + 'static) {
        *self.inner.bend.lock().unwrap() = Some(Box::new(bend));
    }

    /// Takes the referrers API away.
    pub fn without_referrers(self) -> Self {
        *self.inner.no_referrers.lock().unwrap() = true;
        self
    }

    /// Takes blobs with the request that begins their upload; without this it answers with a session, as it may.
    pub fn takes_blobs_at_once(self) -> Self {
        *self.inner.takes_blobs_at_once.lock().unwrap() = true;
        self
    }

    /// Returns `HOST:PORT`.
    pub fn host(&self) -> String {
        self.address.to_string()
    }

    /// Returns the address of a path.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Returns all requests until now.
    pub fn seen(&self) -> Vec<Seen> {
        self.inner.seen.lock().unwrap().clone()
    }

    /// The requests whose line contains `text`.
    pub fn count(&self, text: &str) -> usize {
        self.seen().iter().filter(|seen| seen.line().contains(text)).count()
    }

    /// Puts a blob in its store.
    pub fn put_blob(&self, content: &[u8]) -> Descriptor {
        let digest = Algorithm::Sha256.digest(content);
        let blob = Bytes::copy_from_slice(content);
        self.inner.content.lock().unwrap().blobs.insert(digest.to_string(), blob);
        Descriptor::new("application/octet-stream", digest, content.len() as u64)
    }

    /// Returns a blob of its store.
    pub fn blob(&self, digest: &Digest) -> Option<Bytes> {
        self.inner.content.lock().unwrap().blobs.get(digest.as_str()).cloned()
    }

    /// Forgets all upload sessions, as a restart would that keeps none.
    pub fn forget_uploads(&self) {
        self.inner.content.lock().unwrap().uploads.clear();
    }

    /// Keeps the first half of a body that was sent to an upload session, as a broken connection would.
    pub fn keep_half(&self, seen: &Seen) {
        let id = seen.uri.path().rsplit('/').next().unwrap().to_owned();
        let half = &seen.body[..seen.body.len() / 2];
        self.inner.content.lock().unwrap().uploads.get_mut(&id).unwrap().extend_from_slice(half);
    }

    /// Returns how to speak to it: as anybody, with short waits.
    pub fn options(&self) -> RegistryOptions {
        RegistryOptions {
            retry: RetryPolicy {
                first_wait: Duration::from_millis(1),
                max_wait: Duration::from_millis(5),
                ..RetryPolicy::default()
            },
            ..RegistryOptions::default()
        }
    }

    /// Returns it as a client sees it.
    pub fn registry(&self) -> Registry {
        Registry::new(&self.host(), self.options()).unwrap()
    }

    /// Returns its repository `shop/web`.
    pub fn repository(&self) -> RemoteRepository {
        self.registry().repository("shop/web".parse().unwrap())
    }

    /// The repository with small chunks.
    pub fn chunked(&self, chunk_bytes: u64) -> RemoteRepository {
        let upload = UploadPolicy { single_up_to_bytes: 4, chunk_bytes, ..UploadPolicy::default() };
        let options = RegistryOptions { upload, ..self.options() };
        Registry::new(&self.host(), options).unwrap().repository("shop/web".parse().unwrap())
    }

    /// Returns its repository, as somebody.
    pub fn repository_as(&self, username: &str, password: &str) -> RemoteRepository {
        let credential = Credential::Basic { username: username.to_owned(), password: Secret::new(password) };
        let options = RegistryOptions { credential, ..self.options() };
        Registry::new(&self.host(), options).unwrap().repository("shop/web".parse().unwrap())
    }
}

/// Returns an answer.
///
/// # Panics
/// When a header is none.
pub fn answer(status: u16, headers: &[(&str, &str)], body: impl Into<Body>) -> Response {
    let mut response = Response::builder().status(status);
    for (name, value) in headers {
        response = response.header(*name, *value);
    }
    response.body(body.into()).unwrap()
}

/// A body that breaks off after these bytes.
pub fn broken(bytes: &[u8]) -> Body {
    let good = futures_util::stream::iter([Ok(Bytes::copy_from_slice(bytes))]);
    let bad = futures_util::stream::once(async {
        // The good bytes should be on their way before the connection is cut.
        tokio::time::sleep(Duration::from_millis(20)).await;
        Err(std::io::Error::other("cut"))
    });
    Body::from_stream(good.chain(bad))
}

/// A body without an end.
pub fn endless() -> Body {
    let zeros = Bytes::from_static(&[b'0'; 16 * 1024]);
    Body::from_stream(futures_util::stream::repeat_with(move || Ok::<_, std::io::Error>(zeros.clone())))
}

async fn serve(State(server): State<TestServer>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    // A body that breaks off is seen as far as it came.
    let mut bytes = Vec::new();
    let mut stream = body.into_data_stream();
    let mut whole = true;
    while let Some(piece) = stream.next().await {
        match piece {
            Ok(piece) => bytes.extend_from_slice(&piece),
            Err(_) => whole = false,
        }
    }
    let seen = Seen { method: parts.method, uri: parts.uri, headers: parts.headers, body: bytes.into() };
    server.inner.seen.lock().unwrap().push(seen.clone());
    let bent = server.inner.bend.lock().unwrap().as_ref().and_then(|bend| bend(&seen, &server));
    if let Some(response) = bent {
        return response;
    }
    if !whole {
        return answer(400, &[], "");
    }
    server.regular(&seen)
}

impl TestServer {
    /// Answers as a registry should.
    pub fn regular(&self, seen: &Seen) -> Response {
        let path = seen.uri.path();
        let query: HashMap<String, String> = url_query(seen.uri.query().unwrap_or_default());
        if path == "/v2/" {
            return answer(200, &[], "{}");
        }
        let Some(rest) = path.strip_prefix("/v2/shop/web/").or_else(|| path.strip_prefix("/v2/shop/other/"))
        else {
            return answer(404, &[], "");
        };
        let mut content = self.inner.content.lock().unwrap();
        if let Some(id) = rest.strip_prefix("blobs/uploads/") {
            let digest = query.get("digest").filter(|_| seen.method == Method::POST);
            if let Some(digest) = digest.filter(|_| *self.inner.takes_blobs_at_once.lock().unwrap()) {
                let session = content.next_upload.to_string();
                content.uploads.insert(session.clone(), Vec::new());
                let query = HashMap::from([("digest", digest.as_str()), ("state", "a/b")]);
                let query = query.into_iter().map(|(name, value)| (name.into(), value.into())).collect();
                let closing = Seen { method: Method::PUT, ..seen.clone() };
                return content.upload(&closing, path, &session, &query);
            }
            return content.upload(seen, path, id, &query);
        }
        match rest.split_once('/') {
            Some(("blobs", digest)) => content.blob(seen, digest),
            Some(("manifests", reference)) => {
                content.manifest(seen, reference, !*self.inner.no_referrers.lock().unwrap())
            }
            Some(("tags", "list")) => content.tags(path, &query),
            Some(("referrers", _)) if *self.inner.no_referrers.lock().unwrap() => answer(404, &[], ""),
            Some(("referrers", subject)) => content.referrers(subject, query.get("artifactType")),
            _ => answer(404, &[], ""),
        }
    }
}

impl Content {
    fn upload(&mut self, seen: &Seen, path: &str, id: &str, query: &HashMap<String, String>) -> Response {
        if seen.method == Method::POST {
            if let Some(digest) = query.get("mount") {
                let known = self.blobs.contains_key(digest);
                if known {
                    return answer(201, &[("location", &format!("/v2/shop/web/blobs/{digest}"))], "");
                }
            }
            self.next_upload += 1;
            let id = self.next_upload.to_string();
            self.uploads.insert(id.clone(), Vec::new());
            return answer(202, &[("location", &format!("{path}{id}?state=a%2Fb"))], "");
        }
        let Some(upload) = self.uploads.get_mut(id) else {
            return answer(404, &[], r#"{"errors":[{"code":"BLOB_UPLOAD_UNKNOWN","message":"gone"}]}"#);
        };
        assert_eq!(query.get("state").map(String::as_str), Some("a/b"), "the query of the Location is kept");
        let location = format!("{path}?state=a%2Fb");
        match seen.method {
            Method::PATCH => {
                let range = seen.headers.get("content-range").map(|value| value.to_str().unwrap());
                if let Some(range) = range {
                    let first: usize = range.split('-').next().unwrap().parse().unwrap();
                    if first != upload.len() {
                        let range = wharf_oci::distribution::received_range(upload.len() as u64);
                        return answer(416, &[("location", &location), ("range", &range)], "");
                    }
                }
                upload.extend_from_slice(&seen.body);
                let range = wharf_oci::distribution::received_range(upload.len() as u64);
                answer(202, &[("location", &location), ("range", &range)], "")
            }
            Method::GET => {
                let range = wharf_oci::distribution::received_range(upload.len() as u64);
                answer(204, &[("location", &location), ("range", &range)], "")
            }
            Method::DELETE => {
                self.uploads.remove(id);
                answer(204, &[], "")
            }
            Method::PUT => {
                let mut bytes = self.uploads.remove(id).unwrap();
                bytes.extend_from_slice(&seen.body);
                let digest: Digest = query["digest"].parse().unwrap();
                if digest.algorithm().unwrap().digest(&bytes) != digest {
                    let body = r#"{"errors":[{"code":"DIGEST_INVALID","message":"other digest"}]}"#;
                    return answer(400, &[], body);
                }
                self.blobs.insert(digest.to_string(), bytes.into());
                answer(201, &[("location", "/"), ("docker-content-digest", digest.as_str())], "")
            }
            _ => answer(405, &[], ""),
        }
    }

    fn blob(&mut self, seen: &Seen, digest: &str) -> Response {
        if seen.method == Method::DELETE {
            return answer(if self.blobs.remove(digest).is_some() { 202 } else { 404 }, &[], "");
        }
        let Some(blob) = self.blobs.get(digest).cloned() else { return answer(404, &[], "") };
        let range = seen.headers.get(header::RANGE).map(|value| value.to_str().unwrap());
        match range {
            Some(range) => {
                let (first, last) = range.strip_prefix("bytes=").unwrap().split_once('-').unwrap();
                let first: usize = first.parse().unwrap();
                let last = last.parse().unwrap_or(blob.len() - 1).min(blob.len() - 1);
                let range = format!("bytes {first}-{last}/{}", blob.len());
                answer(206, &[("content-range", &range)], blob.slice(first..=last))
            }
            None => answer(200, &[("docker-content-digest", digest)], blob),
        }
    }

    fn manifest(&mut self, seen: &Seen, reference: &str, referrers: bool) -> Response {
        let digest = self.tags.get(reference).cloned().unwrap_or_else(|| reference.to_owned());
        match seen.method {
            Method::PUT => {
                let computed = match reference.parse::<Digest>() {
                    Ok(asked) => {
                        let computed = asked.algorithm().unwrap().digest(&seen.body);
                        if computed != asked {
                            return answer(400, &[], r#"{"errors":[{"code":"DIGEST_INVALID"}]}"#);
                        }
                        computed
                    }
                    Err(_) => {
                        let computed = Algorithm::Sha256.digest(&seen.body);
                        self.tags.insert(reference.to_owned(), computed.to_string());
                        computed
                    }
                };
                let media_type = seen.headers[header::CONTENT_TYPE].to_str().unwrap().to_owned();
                let manifest = Manifest::parse(&seen.body, Some(&media_type)).unwrap();
                self.manifests.insert(computed.to_string(), (media_type, seen.body.clone()));
                let mut headers = vec![("docker-content-digest", computed.as_str())];
                if let Some(subject) = manifest.subject.as_ref().filter(|_| referrers) {
                    headers.push(("oci-subject", subject.digest.as_str()));
                }
                answer(201, &headers, "")
            }
            Method::DELETE if self.tags.remove(reference).is_some() => answer(202, &[], ""),
            Method::DELETE if self.manifests.remove(&digest).is_some() => {
                self.tags.retain(|_, tagged| *tagged != digest);
                answer(202, &[], "")
            }
            Method::GET | Method::HEAD => match self.manifests.get(&digest) {
                Some((media_type, bytes)) => answer(
                    200,
                    &[("docker-content-digest", &digest), ("content-type", media_type)],
                    bytes.clone(),
                ),
                None => answer(404, &[], r#"{"errors":[{"code":"MANIFEST_UNKNOWN","message":"no such"}]}"#),
            },
            _ => answer(404, &[], ""),
        }
    }

    fn tags(&self, path: &str, query: &HashMap<String, String>) -> Response {
        let limit: usize = query.get("n").map_or(1000, |n| n.parse().unwrap());
        let last = query.get("last").cloned().unwrap_or_default();
        let rest: Vec<&String> = self.tags.keys().filter(|tag| **tag > last).collect();
        let page = &rest[..rest.len().min(limit)];
        let body = serde_json::json!({"name": "shop/web", "tags": page}).to_string();
        match page.last() {
            Some(last) if rest.len() > limit => {
                let link = format!("<{path}?n={limit}&last={last}>; rel=\"next\"");
                answer(200, &[("link", &link)], body)
            }
            _ => answer(200, &[], body),
        }
    }

    fn referrers(&self, subject: &str, artifact_type: Option<&String>) -> Response {
        let mut found = Vec::new();
        for (digest, (media_type, bytes)) in &self.manifests {
            let manifest = Manifest::parse(bytes, Some(media_type)).unwrap();
            let kind = manifest.effective_artifact_type().map(str::to_owned);
            let wanted = artifact_type.is_none_or(|wanted| Some(wanted) == kind.as_ref());
            if manifest.subject.is_some_and(|of| of.digest.as_str() == subject) && wanted {
                found.push(serde_json::json!({
                    "mediaType": media_type, "digest": digest, "size": bytes.len(),
                    "artifactType": kind, "annotations": manifest.annotations,
                }));
            }
        }
        let body = serde_json::json!({"schemaVersion": 2, "manifests": found}).to_string();
        answer(200, &[("content-type", "application/vnd.oci.image.index.v1+json")], body)
    }
}

/// Returns the fields of a query or form.
///
/// # Panics
/// When it is none.
pub fn url_query(query: &str) -> HashMap<String, String> {
    let url = url::Url::parse(&format!("http://x/?{query}")).unwrap();
    url.query_pairs().into_owned().collect()
}
