//! The one HTTP layer that every request to a registry passes: authorisation, redirects, retries, bounds.

mod clients;
mod error;
mod gate;
mod progress;
mod retry;
mod wire;

use std::sync::Arc;
use std::time::Duration;

use ::http::header::{AUTHORIZATION, CONTENT_LENGTH, LOCATION};
use ::http::{HeaderMap, HeaderValue, Method, StatusCode};
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt;
use reqwest::{Body, Response};
use url::Url;
use wharf_content::{BlobSource, BlobStream, Error, ErrorKind, Result};
use wharf_oci::distribution::{Challenge, Scope};

pub(crate) use clients::Clients;
pub use error::RegistryError;
pub(crate) use error::{failed, network};
pub(crate) use gate::Gate;
pub use gate::Limits;
pub use retry::RetryPolicy;
pub(crate) use wire::Told;
pub use wire::{Warnings, WireLog};

use crate::auth::Authenticator;
use crate::origin;
use progress::Progress;

const MAX_REDIRECTS: usize = 5;

/// The HTTP client of one registry.
pub(crate) struct Http {
    pub(crate) client: Clients,
    pub(crate) base: Url,
    pub(crate) auth: Authenticator,
    pub(crate) retry: RetryPolicy,
    pub(crate) allow_private: bool,
    /// How long a peer may stay silent, when an answer or the next bytes are due.
    pub(crate) idle: Duration,
    pub(crate) gate: Gate,
    /// Those that every request to the registry has.
    pub(crate) headers: HeaderMap,
    pub(crate) wire_log: Option<Arc<dyn WireLog>>,
    pub(crate) warnings: Told,
}

/// One request, which can be sent as often as needed.
pub(crate) struct Call<'a> {
    pub(crate) method: Method,
    pub(crate) url: Url,
    pub(crate) headers: HeaderMap,
    pub(crate) body: CallBody<'a>,
    /// What the token for this request must allow.
    pub(crate) scopes: Vec<Scope>,
    /// Whether it may be sent again when it is not known what became of it.
    pub(crate) repeatable: bool,
}

/// The body of a request.
#[derive(Clone)]
pub(crate) enum CallBody<'a> {
    None,
    Bytes(Bytes),
    /// `len` bytes of the source from `offset` on.
    Stream {
        source: &'a dyn BlobSource,
        offset: u64,
        len: u64,
    },
}

impl<'a> Call<'a> {
    pub(crate) fn new(method: Method, url: Url, scopes: Vec<Scope>) -> Self {
        Self { method, url, headers: HeaderMap::new(), body: CallBody::None, scopes, repeatable: true }
    }

    pub(crate) fn header(mut self, name: &'static str, value: &str) -> Self {
        // A value that is no header value stems from outside, and is left out rather than sent in pieces.
        if let Ok(value) = HeaderValue::from_str(value) {
            self.headers.insert(name, value);
        }
        self
    }

    pub(crate) fn body(mut self, body: CallBody<'a>) -> Self {
        self.body = body;
        self
    }

    pub(crate) fn once(mut self) -> Self {
        self.repeatable = false;
        self
    }
}

impl Http {
    /// Sends a request until there is an answer that is worth returning, whatever its status.
    pub(crate) async fn send(&self, call: &Call<'_>) -> Result<Response> {
        let mut attempt = 0;
        loop {
            let result = self.send_authorised(call).await;
            let Some(wait) = self.retry.wait(&result, attempt, call.repeatable) else { return result };
            attempt += 1;
            match &result {
                Ok(response) => tracing::debug!(
                    status = response.status().as_u16(),
                    "sending again in {wait:?}: {} {}",
                    call.method,
                    call.url.path()
                ),
                Err(error) => tracing::debug!(
                    %error, "sending again in {wait:?}: {} {}", call.method, call.url.path()
                ),
            }
            tokio::time::sleep(wait).await;
        }
    }

    /// Sends a request, and once more with what a challenge asks for. One that is authorised already stays as it is.
    async fn send_authorised(&self, call: &Call<'_>) -> Result<Response> {
        if call.headers.contains_key(AUTHORIZATION) {
            return self.follow(call, None).await;
        }
        let authorization = self.auth.header(&self.client, &call.scopes).await?;
        let response = self.follow(call, authorization.clone()).await?;
        if response.status() != StatusCode::UNAUTHORIZED {
            return Ok(response);
        }
        match self.answer(&response, call, authorization.as_ref()).await? {
            Some(authorization) => self.follow(call, Some(authorization)).await,
            None => Ok(response),
        }
    }

    /// Takes the challenges of an answer on; says whether there is something to answer them with.
    pub(crate) async fn is_challenged(&self, response: &Response, call: &Call<'_>) -> Result<bool> {
        let tried = self.auth.basic()?;
        Ok(self.answer(response, call, tried.as_ref()).await?.is_some())
    }

    async fn answer(
        &self,
        response: &Response,
        call: &Call<'_>,
        tried: Option<&HeaderValue>,
    ) -> Result<Option<HeaderValue>> {
        let challenges: Vec<Challenge> = response
            .headers()
            .get_all(::http::header::WWW_AUTHENTICATE)
            .iter()
            .filter_map(|value| value.to_str().ok())
            .flat_map(Challenge::parse_all)
            .collect();
        self.auth.answer(&self.client, &challenges, &call.scopes, tried).await
    }

    /// Sends a request and follows the redirects of downloads.
    pub(crate) async fn follow(
        &self,
        call: &Call<'_>,
        authorization: Option<HeaderValue>,
    ) -> Result<Response> {
        let mut url = call.url.clone();
        let mut authorization = authorization;
        let mut headers = call.headers.clone();
        for _ in 0..=MAX_REDIRECTS {
            let response = self.send_once(call, &url, headers.clone(), authorization.clone()).await?;
            let location = response.headers().get(LOCATION).and_then(|value| value.to_str().ok());
            let (true, Some(location)) = (response.status().is_redirection(), location) else {
                return Ok(response);
            };
            if !matches!(call.method, Method::GET | Method::HEAD) {
                // What is sent goes where it was meant to go, and nowhere else.
                return Ok(response);
            }
            let redirect = origin::check_redirect(&self.base, &url, location, self.allow_private)?;
            if !redirect.same_origin {
                // Once gone, they do not come back, even if the way leads back.
                authorization = None;
                let keep = [::http::header::ACCEPT, ::http::header::RANGE];
                headers = headers
                    .into_iter()
                    .filter_map(|(name, value)| Some((name.filter(|name| keep.contains(name))?, value)))
                    .collect();
            }
            url = redirect.url;
        }
        Err(Error::new(
            ErrorKind::Peer,
            format!("{} redirects more than {MAX_REDIRECTS} times", origin::origin_of(&self.base)),
        ))
    }

    async fn send_once(
        &self,
        call: &Call<'_>,
        url: &Url,
        headers: HeaderMap,
        authorization: Option<HeaderValue>,
    ) -> Result<Response> {
        let _pass = self.gate.pass().await;
        let mut headers = headers;
        if origin::same_origin(url, &self.base) {
            headers.extend(self.headers.clone());
        }
        let mut request = self.client.of(url)?.request(call.method.clone(), url.clone()).headers(headers);
        if let Some(authorization) = authorization {
            request = request.header(AUTHORIZATION, authorization);
        }
        let mut progress = None;
        request = match &call.body {
            CallBody::None if call.method == Method::GET || call.method == Method::HEAD => request,
            CallBody::None => request.header(CONTENT_LENGTH, 0),
            CallBody::Bytes(bytes) => request.body(bytes.clone()),
            CallBody::Stream { source, offset, len } => {
                let (watched, bytes) = Progress::watch(source.open(*offset).await?);
                progress = Some(watched);
                request.header(CONTENT_LENGTH, *len).body(Body::wrap_stream(bytes))
            }
        };
        let answer = self.in_time(self.sent(request), progress.as_deref()).await?;
        let answer = answer.map_err(|error| network(&self.base, error))?;
        if origin::same_origin(url, &self.base) {
            self.warnings.hear(&self.base, answer.headers());
        }
        Ok(answer)
    }

    /// Sends a request once, without authorisation, and without making sense of a failure.
    pub(crate) async fn bare(&self, call: &Call<'_>) -> Result<reqwest::Result<Response>> {
        let request = self.client.of(&call.url)?.request(call.method.clone(), call.url.clone());
        self.in_time(self.sent(request.headers(self.headers.clone())), None).await
    }

    /// Sends a request; who wants to see it sees it and the answer.
    async fn sent(&self, request: reqwest::RequestBuilder) -> reqwest::Result<Response> {
        let Some(log) = &self.wire_log else { return request.send().await };
        let (client, request) = request.build_split();
        let request = request?;
        let number = log.request(request.method(), request.url(), request.headers());
        let answer = client.execute(request).await;
        match &answer {
            Ok(response) => log.response(number, response.status(), response.headers()),
            Err(error) => log.failure(number, &error.to_string()),
        }
        answer
    }

    /// Waits for an answer as long as the peer is not silent. While a body goes up, taking the next bytes of it is a
    /// sign of life: how long an upload takes is not for us to say.
    pub(crate) async fn in_time<T>(
        &self,
        answer: impl Future<Output = T>,
        progress: Option<&Progress>,
    ) -> Result<T> {
        let mut answer = std::pin::pin!(answer);
        let mut wait = self.idle;
        loop {
            match tokio::time::timeout(wait, &mut answer).await {
                Ok(answer) => return Ok(answer),
                Err(_) => {
                    let silence = progress.map_or(self.idle, Progress::silence);
                    wait = self.idle.saturating_sub(silence);
                    if wait.is_zero() {
                        return Err(silent(&self.base, self.idle));
                    }
                }
            }
        }
    }

    /// Returns the whole body, of which no more than `max_bytes` are read.
    pub(crate) async fn read(&self, response: Response, max_bytes: u64, what: &str) -> Result<Bytes> {
        let too_long = |found: u64| {
            Error::new(
                ErrorKind::Limit,
                format!(
                    "{what} from {} has at least {found} bytes, at most {max_bytes} are accepted",
                    origin::origin_of(&self.base)
                ),
            )
        };
        if let Some(announced) = response.content_length().filter(|announced| *announced > max_bytes) {
            return Err(too_long(announced));
        }
        let mut stream = self.stream(response);
        let mut all = BytesMut::new();
        while let Some(bytes) = stream.next().await {
            let bytes = bytes?;
            let len = (all.len() + bytes.len()) as u64;
            if len > max_bytes {
                return Err(too_long(len));
            }
            all.extend_from_slice(&bytes);
        }
        Ok(all.freeze())
    }

    /// Returns the body as it arrives; silence is an error in the end.
    pub(crate) fn stream(&self, response: Response) -> BlobStream {
        let (base, idle) = (self.base.clone(), self.idle);
        let body = Box::pin(response.bytes_stream());
        Box::pin(futures_util::stream::try_unfold((body, base), move |(mut body, base)| async move {
            match tokio::time::timeout(idle, body.next()).await {
                Err(_) => Err(silent(&base, idle)),
                Ok(None) => Ok(None),
                Ok(Some(Ok(bytes))) => Ok(Some((bytes, (body, base)))),
                Ok(Some(Err(error))) => Err(network(&base, error)),
            }
        }))
    }

    /// Returns the error for an answer that is not what was asked for.
    pub(crate) async fn refused(&self, call: &Call<'_>, response: Response, what: &str) -> Error {
        failed(&self.base, call, response, what, self.idle).await
    }
}

fn silent(base: &Url, idle: Duration) -> Error {
    Error::new(
        ErrorKind::Network,
        format!("{} stayed silent for {} seconds", origin::origin_of(base), idle.as_secs()),
    )
}
