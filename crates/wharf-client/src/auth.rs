//! What a request is authorised with: Basic, or tokens fetched by Docker's token protocol.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use ::http::{HeaderValue, StatusCode};
use data_encoding::BASE64;
use futures_util::StreamExt;
use serde::Deserialize;
use tokio::sync::Mutex;
use url::Url;
use wharf_content::{Error, ErrorKind, Result};
use wharf_oci::distribution::{Challenge, Scope};

use crate::credential::Credential;
use crate::http::{Clients, network};
use crate::{Secret, origin};

/// The longest answer of a token server that is read, in bytes.
const MAX_TOKEN_BYTES: usize = 128 * 1024;
/// How long a token server may take.
const TIMEOUT: Duration = Duration::from_secs(30);
/// A token without a stated life lives this long (Docker token protocol).
const DEFAULT_LIFE: Duration = Duration::from_secs(60);
/// A token is not used in the last moments of its life.
const MARGIN: Duration = Duration::from_secs(5);

/// Finds the `Authorization` header for requests to one registry, and to that registry only.
pub(crate) struct Authenticator {
    registry: Url,
    credential: Credential,
    allow_private: bool,
    /// Held while a token is fetched, so that parallel requests fetch one token and not one each.
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    learned: Option<Learned>,
    tokens: Vec<Token>,
}

/// What earlier challenges have told.
#[derive(Clone)]
enum Learned {
    Basic,
    Bearer { realm: Url, service: Option<String> },
}

/// Actions by kind and name of the resource.
type Grants = BTreeMap<(String, String), BTreeSet<String>>;

struct Token {
    grants: Grants,
    header: HeaderValue,
    expires: Instant,
}

impl Authenticator {
    pub(crate) fn new(registry: Url, credential: Credential, allow_private: bool) -> Self {
        Self { registry, credential, allow_private, state: Mutex::default() }
    }

    pub(crate) fn credential(&self) -> &Credential {
        &self.credential
    }

    /// Returns the `Authorization` header to begin with: none until the registry has asked for one.
    pub(crate) async fn header(&self, client: &Clients, scopes: &[Scope]) -> Result<Option<HeaderValue>> {
        if let Credential::RegistryToken(token) = &self.credential {
            return bearer(token.expose()).map(Some);
        }
        let mut state = self.state.lock().await;
        match state.learned.clone() {
            None => Ok(None),
            Some(Learned::Basic) => self.basic(),
            Some(Learned::Bearer { realm, service }) => {
                let grants = grants(scopes);
                if let Some(token) = state.find(&grants) {
                    return Ok(Some(token));
                }
                let token = self.fetch(client, &realm, service.as_deref(), grants).await?;
                Ok(Some(state.keep(token)))
            }
        }
    }

    /// Returns the `Authorization` header that answers the challenges, or `None` when there is nothing to answer with
    /// that has not been `tried`.
    pub(crate) async fn answer(
        &self,
        client: &Clients,
        challenges: &[Challenge],
        scopes: &[Scope],
        tried: Option<&HeaderValue>,
    ) -> Result<Option<HeaderValue>> {
        let bearer = challenges.iter().find_map(|challenge| match challenge {
            Challenge::Bearer { realm, service, scope } => Some((realm, service, scope)),
            Challenge::Basic { .. } => None,
        });
        if matches!(self.credential, Credential::RegistryToken(_)) {
            return Ok(None);
        }
        if let Some((realm, service, scope)) = bearer {
            let realm = origin::check_realm(&self.registry, realm, self.allow_private)?;
            let mut wanted = scopes.to_vec();
            wanted.extend(
                scope
                    .iter()
                    .flat_map(|text| text.split_ascii_whitespace())
                    .filter_map(|text| text.parse().ok()),
            );
            let mut state = self.state.lock().await;
            state.learned = Some(Learned::Bearer { realm: realm.clone(), service: service.clone() });
            let grants = grants(&wanted);
            // Another request may have fetched it while this one waited for the lock.
            if let Some(token) = state.find(&grants).filter(|token| Some(token) != tried) {
                return Ok(Some(token));
            }
            state.tokens.retain(|token| Some(&token.header) != tried);
            let token = self.fetch(client, &realm, service.as_deref(), grants).await?;
            return Ok(Some(state.keep(token)));
        }
        if challenges.iter().any(|challenge| matches!(challenge, Challenge::Basic { .. })) {
            self.state.lock().await.learned = Some(Learned::Basic);
            return Ok(self.basic()?.filter(|header| Some(header) != tried));
        }
        Ok(None)
    }

    /// Returns the header of Basic authentication, if there are user name and password.
    pub(crate) fn basic(&self) -> Result<Option<HeaderValue>> {
        match &self.credential {
            Credential::Basic { username, password } => basic(username, password).map(Some),
            _ => Ok(None),
        }
    }

    /// Fetches a token: by GET, with user name and password where there are any, or by POST for an identity token
    /// (OAuth 2, RFC 6749 section 6).
    async fn fetch(
        &self,
        client: &Clients,
        realm: &Url,
        service: Option<&str>,
        grants: Grants,
    ) -> Result<Token> {
        let scopes: Vec<String> = grants
            .iter()
            .map(|((kind, name), actions)| {
                Scope { kind: kind.clone(), name: name.clone(), actions: actions.clone() }.to_string()
            })
            .collect();
        let request = match &self.credential {
            Credential::IdentityToken(token) => {
                let mut form = vec![
                    ("grant_type", "refresh_token".to_owned()),
                    ("client_id", "wharf".to_owned()),
                    ("refresh_token", token.expose().to_owned()),
                ];
                form.extend(service.map(|service| ("service", service.to_owned())));
                form.push(("scope", scopes.join(" ")));
                client.of(realm)?.post(realm.clone()).form(&form)
            }
            credential => {
                let mut url = realm.clone();
                {
                    let mut query = url.query_pairs_mut();
                    if let Some(service) = service {
                        query.append_pair("service", service);
                    }
                    for scope in &scopes {
                        query.append_pair("scope", scope);
                    }
                    query.append_pair("client_id", "wharf");
                }
                let request = client.of(&url)?.get(url);
                match credential {
                    Credential::Basic { username, password } => {
                        request.header(::http::header::AUTHORIZATION, basic(username, password)?)
                    }
                    _ => request,
                }
            }
        };
        let request = request.timeout(TIMEOUT);
        let retryable =
            |status: StatusCode| status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS;
        let mut response = None;
        for attempt in 0..3 {
            let Some(request) = request.try_clone() else { break };
            let result = request.send().await;
            let again = result.as_ref().map_or(true, |answer| retryable(answer.status()));
            response = Some(result);
            if !again {
                break;
            }
            tokio::time::sleep(Duration::from_millis(100 << attempt)).await;
        }
        let host = origin::origin_of(realm);
        let response = match response {
            Some(Ok(response)) => response,
            Some(Err(error)) => return Err(network(realm, error)),
            None => return Err(Error::new(ErrorKind::Peer, format!("no request could be made for {host}"))),
        };
        match response.status() {
            status if status.is_success() => {}
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN | StatusCode::BAD_REQUEST => {
                return Err(Error::new(ErrorKind::Unauthorized, self.refusal(&host)));
            }
            // A redirect is not followed either: the request carries credentials.
            status if retryable(status) => {
                return Err(Error::new(ErrorKind::Busy, format!("token server {host} answered {status}")));
            }
            status => {
                return Err(Error::new(ErrorKind::Peer, format!("token server {host} answered {status}")));
            }
        }
        let mut body = Vec::new();
        let mut stream = Box::pin(response.bytes_stream());
        while let Some(bytes) = stream.next().await {
            body.extend_from_slice(&bytes.map_err(|error| network(realm, error))?);
            if body.len() > MAX_TOKEN_BYTES {
                return Err(Error::new(
                    ErrorKind::Limit,
                    format!("token server {host} answered with more than {MAX_TOKEN_BYTES} bytes"),
                ));
            }
        }
        let answer: TokenAnswer = serde_json::from_slice(&body).map_err(|_| {
            // The parser's message might quote the token.
            Error::new(
                ErrorKind::Peer,
                format!("token server {host} answered with something else than a token"),
            )
        })?;
        let text = answer.token.filter(|text| !text.is_empty()).or(answer.access_token).unwrap_or_default();
        if text.is_empty() {
            return Err(Error::new(ErrorKind::Peer, format!("token server {host} answered without a token")));
        }
        let life = answer.expires_in.map_or(DEFAULT_LIFE, Duration::from_secs).max(DEFAULT_LIFE);
        // A day is enough, and nothing that could overflow the clock.
        let life = life.min(Duration::from_secs(24 * 60 * 60));
        Ok(Token { grants, header: bearer(&text)?, expires: Instant::now() + life - MARGIN })
    }

    fn refusal(&self, host: &str) -> String {
        match &self.credential {
            Credential::Anonymous => format!("{host} gives no token without a login"),
            Credential::Basic { username, .. } => format!("{host} refused the login of {username:?}"),
            _ => format!("{host} refused the stored token"),
        }
    }
}

impl State {
    fn find(&self, wanted: &Grants) -> Option<HeaderValue> {
        let now = Instant::now();
        let covers = |token: &&Token| {
            token.expires > now
                && wanted.iter().all(|(resource, actions)| {
                    token.grants.get(resource).is_some_and(|granted| actions.is_subset(granted))
                })
        };
        self.tokens.iter().find(covers).map(|token| token.header.clone())
    }

    fn keep(&mut self, token: Token) -> HeaderValue {
        let now = Instant::now();
        self.tokens.retain(|old| old.expires > now);
        let header = token.header.clone();
        self.tokens.push(token);
        header
    }
}

/// The answer of a token server. Both names of the token are in use.
#[derive(Deserialize)]
struct TokenAnswer {
    token: Option<String>,
    access_token: Option<String>,
    expires_in: Option<u64>,
}

fn grants(scopes: &[Scope]) -> Grants {
    let mut grants = Grants::new();
    for scope in scopes {
        let resource = (scope.kind.clone(), scope.name.clone());
        grants.entry(resource).or_default().extend(scope.actions.iter().cloned());
    }
    grants
}

fn bearer(token: &str) -> Result<HeaderValue> {
    sensitive(format!("Bearer {token}"))
}

pub(crate) fn basic(username: &str, password: &Secret) -> Result<HeaderValue> {
    let pair = format!("{username}:{}", password.expose());
    sensitive(format!("Basic {}", BASE64.encode(pair.as_bytes())))
}

fn sensitive(text: String) -> Result<HeaderValue> {
    let mut header = HeaderValue::try_from(text).map_err(|_| {
        Error::new(ErrorKind::Usage, "a token or password has characters that cannot be sent")
    })?;
    header.set_sensitive(true);
    Ok(header)
}
