//! What a client without credentials is told.

use http::HeaderValue;
use http::header::HOST;
use http::request::Parts;
use wharf_oci::distribution::{Challenge, Scope};

use super::token::SERVICE;
use crate::App;
use crate::server::Peer;

/// Returns the challenges to send with a 401; `scopes` are what the request needs.
///
/// The distribution API asks for a token and for nothing else, though Basic credentials are accepted there as well:
/// Docker's classic client applies every scheme that is offered, and with a Basic challenge beside the Bearer one it
/// gives up with "no basic auth credentials" when it is anonymous or holds a refresh token only. Every client in use
/// speaks Bearer; those that send Basic on their own accord are served. Everywhere else Basic is asked for.
pub(crate) fn challenges(app: &App, parts: &Parts, scopes: &[Scope]) -> Vec<HeaderValue> {
    let bearer = || {
        let realm = format!("{}/service/token", base_url(app, parts)?);
        let scope = scopes.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ");
        let scope = (!scope.is_empty()).then_some(scope);
        Some(Challenge::Bearer { realm, service: Some(SERVICE.to_owned()), scope })
    };
    let path = parts.uri.path();
    let distribution = path == "/v2" || path.starts_with("/v2/");
    let challenge = if distribution { bearer() } else { None };
    let challenge = challenge.unwrap_or_else(|| Challenge::Basic { realm: SERVICE.to_owned() });
    HeaderValue::from_str(&challenge.to_string()).into_iter().collect()
}

/// Returns the URL under which the client reached this server: the configured one, else by the Host that it asked for.
/// `None` when it named no usable host.
fn base_url(app: &App, parts: &Parts) -> Option<String> {
    if let Some(url) = &app.config.external_url {
        return Some(url.clone());
    }
    let host = match parts.uri.authority() {
        Some(authority) => authority.as_str(),
        None => parts.headers.get(HOST)?.to_str().ok()?,
    };
    let plain = !host.is_empty()
        && host.len() <= 262
        && host.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b':' | b'[' | b']'));
    let tls = parts.extensions.get::<Peer>().is_some_and(|peer| peer.tls);
    plain.then(|| format!("{}://{host}", if tls { "https" } else { "http" }))
}
