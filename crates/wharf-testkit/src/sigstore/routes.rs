//! The instance's paths. Logs and authority share an address, as their paths differ.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use data_encoding::BASE64;
use serde_json::{Value, json};
use wharf_trust::PublicKey;

use super::{Answering, Fault, Inner, provider};

type Instance = State<Arc<Inner>>;

pub(super) fn router(inner: Arc<Inner>) -> Router {
    let note = axum::middleware::from_fn_with_state(Arc::clone(&inner), note);
    Router::new()
        .route("/api/v2/signingCert", post(certificate))
        .route("/api/v1/log/entries", post(first_log))
        .route("/api/v2/log/entries", post(second_log))
        .route("/api/v1/timestamp", post(timestamp))
        .route("/oidc/.well-known/openid-configuration", get(discovery))
        .route("/oidc/keys", get(keys))
        .route("/oidc/device/code", post(device_code))
        .route("/oidc/token", post(token))
        .route("/actions/token", get(ambient))
        .layer(note)
        .with_state(inner)
}

async fn note(State(inner): Instance, request: Request, next: axum::middleware::Next) -> Response {
    let line = format!("{} {}", request.method(), request.uri().path());
    inner.seen.lock().unwrap().push(line);
    next.run(request).await
}

fn fault(inner: &Inner) -> Option<Fault> {
    *inner.fault.lock().unwrap()
}

/// Returns what a service that does not answer as it should answers instead.
async fn instead(inner: &Inner, service: Answering) -> Option<Response> {
    match fault(inner)? {
        Fault::Garbage(of) if of == service => Some((StatusCode::CREATED, "garbage\u{7}").into_response()),
        Fault::Huge(of) if of == service => {
            Some((StatusCode::CREATED, Body::from(vec![b' '; 5 << 20])).into_response())
        }
        Fault::Silent(of) if of == service => {
            tokio::time::sleep(Duration::from_secs(600)).await;
            None
        }
        Fault::Broken(of) if of == service => {
            Some(answer(500, &json!({ "code": 500, "message": "the service is broken" })))
        }
        _ => None,
    }
}

fn answer(status: u16, body: &Value) -> Response {
    let status = StatusCode::from_u16(status).unwrap();
    (status, [(header::CONTENT_TYPE, "application/json")], body.to_string()).into_response()
}

fn refuse(status: u16, why: &str) -> Response {
    answer(status, &json!({ "code": status, "message": why }))
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(header::AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(token)
}

async fn certificate(State(inner): Instance, headers: HeaderMap, body: Bytes) -> Response {
    if let Some(instead) = instead(&inner, Answering::Certificates).await {
        return instead;
    }
    let claims = match inner.provider.claims(bearer(&headers).unwrap_or_default()) {
        Ok(claims) => claims,
        Err(why) => {
            return refuse(401, &format!("There was an error processing the identity token: {why}"));
        }
    };
    let Ok(request) = serde_json::from_slice::<Value>(&body) else { return refuse(400, "no JSON") };
    let asked = &request["publicKeyRequest"];
    let pem = asked["publicKey"]["content"].as_str().unwrap_or_default();
    let Ok(key) = PublicKey::from_pem(pem.as_bytes()) else { return refuse(400, "no public key") };
    let proof = BASE64.decode(asked["proofOfPossession"].as_str().unwrap_or_default().as_bytes());
    let subject = claims["email"].as_str().or_else(|| claims["sub"].as_str()).unwrap_or_default();
    let proved =
        proof.is_ok_and(|proof| key.verify(key.default_scheme(), subject.as_bytes(), &proof).is_ok());
    if !proved {
        return refuse(400, "The signature supplied in the request could not be verified");
    }
    let leaf = inner.authority.issue(&key, &claims, fault(&inner));
    let chain: Vec<String> =
        std::iter::once(&leaf).chain(&inner.authority.chain).map(|each| each.to_pem()).collect();
    answer(200, &json!({ "signedCertificateEmbeddedSct": { "chain": { "certificates": chain } } }))
}

async fn first_log(State(inner): Instance, body: Bytes) -> Response {
    if let Some(instead) = instead(&inner, Answering::Log).await {
        return instead;
    }
    let Ok(request) = serde_json::from_slice::<Value>(&body) else { return refuse(400, "no JSON") };
    let (status, id, body) = inner.first_log.lock().unwrap().take_first(&request, fault(&inner));
    let mut response = answer(status, &body);
    if !id.is_empty() {
        let place = format!("/api/v1/log/entries/{id}");
        response.headers_mut().insert(header::LOCATION, place.parse().unwrap());
        response.headers_mut().insert(header::ETAG, id.parse().unwrap());
    }
    response
}

async fn second_log(State(inner): Instance, body: Bytes) -> Response {
    if let Some(instead) = instead(&inner, Answering::Log).await {
        return instead;
    }
    let Ok(request) = serde_json::from_slice::<Value>(&body) else { return refuse(400, "no JSON") };
    let (status, body) = inner.second_log.lock().unwrap().take_second(&request, fault(&inner));
    answer(status, &body)
}

async fn timestamp(State(inner): Instance, body: Bytes) -> Response {
    if let Some(instead) = instead(&inner, Answering::Timestamps).await {
        return instead;
    }
    match inner.stamper.stamp(&body, fault(&inner)) {
        Some(stamp) => {
            let kind = [(header::CONTENT_TYPE, "application/timestamp-reply")];
            (StatusCode::CREATED, kind, stamp).into_response()
        }
        None => refuse(400, "no request for a timestamp"),
    }
}

async fn discovery(State(inner): Instance) -> Response {
    answer(200, &inner.provider.discovery())
}

async fn keys(State(inner): Instance) -> Response {
    answer(200, &inner.provider.keys())
}

/// The start of a device flow (RFC 8628 section 3.2), which somebody elsewhere agrees to between two questions.
async fn device_code(State(inner): Instance) -> Response {
    answer(
        200,
        &json!({
            "device_code": "device",
            "user_code": "ABCD-EFGH",
            "verification_uri": format!("{}/device", inner.provider.issuer),
            "verification_uri_complete": format!("{}/device?user_code=ABCD-EFGH", inner.provider.issuer),
            "expires_in": 60,
            "interval": 1,
        }),
    )
}

async fn token(State(inner): Instance, body: String) -> Response {
    let asked = inner.seen.lock().unwrap().iter().filter(|line| *line == "POST /oidc/token").count();
    if !body.contains("device_code=device") {
        return answer(400, &json!({ "error": "invalid_grant" }));
    }
    if asked < 2 {
        return answer(400, &json!({ "error": "authorization_pending" }));
    }
    let token =
        inner.provider.token(&json!({ "sub": "1", "email": "device@example.com", "email_verified": true }));
    answer(200, &json!({ "access_token": "a", "token_type": "bearer", "id_token": token }))
}

/// Where a hosted build gets its token: whoever shows what the build was given.
async fn ambient(State(inner): Instance, headers: HeaderMap, request: Request) -> Response {
    if bearer(&headers) != Some(provider::AMBIENT) {
        return refuse(401, "who are you?");
    }
    if !request.uri().query().unwrap_or_default().contains("audience=sigstore") {
        return refuse(400, "for whom?");
    }
    answer(200, &json!({ "count": 1, "value": inner.provider.token(&provider::workflow()) }))
}
