//! Signing in at an identity provider from a machine without a browser (RFC 8628, with the proof key of RFC 7636).

use std::time::{Duration, Instant};

use anyhow::{Context as _, anyhow, bail, ensure};
use serde::Deserialize;
use wharf_client::{ServiceOptions, SigningService};
use wharf_trust::{Base64, HashAlgorithm, IdentityToken};

use super::identity::eprintln_note;

const GRANT: &str = "urn:ietf:params:oauth:grant-type:device_code";
const SCOPE: &str = "openid email";
/// The longest time that somebody is waited for, whatever the provider says, in seconds.
const MAX_WAIT: u64 = 900;

/// What of an identity provider's description is needed (OpenID Connect Discovery 1.0, section 3).
#[derive(Deserialize)]
struct Discovery {
    device_authorization_endpoint: Option<String>,
    token_endpoint: String,
}

#[derive(Deserialize)]
struct Started {
    device_code: String,
    user_code: String,
    verification_uri: String,
    verification_uri_complete: Option<String>,
    expires_in: u64,
    #[serde(default)]
    interval: u64,
}

#[derive(Deserialize)]
struct Answer {
    id_token: Option<String>,
    error: Option<String>,
    error_description: Option<String>,
}

/// Has somebody sign in on another device, and returns the token.
pub(super) async fn device(issuer: &str, client_id: &str) -> anyhow::Result<IdentityToken> {
    let options = ServiceOptions::default();
    let provider = SigningService::new(issuer, &options)?;
    let found = provider.document(".well-known/openid-configuration", None).await?;
    let found: Discovery = serde_json::from_slice(&found)
        .with_context(|| format!("{issuer} does not describe an identity provider"))?;
    let Some(start) = &found.device_authorization_endpoint else {
        bail!("{issuer} offers no device flow; get a token and give it by --identity-token");
    };
    // A provider reached by TLS does not send anybody elsewhere without it.
    for place in [start, &found.token_endpoint] {
        ensure!(
            place.starts_with("https://") || issuer.starts_with("http://"),
            "{issuer} leads to {place}, which is not protected by TLS"
        );
    }
    let (start, tokens) =
        (SigningService::new(start, &options)?, SigningService::new(&found.token_endpoint, &options)?);

    let verifier = url_safe(&random::<32>()?);
    let challenge = url_safe(&HashAlgorithm::Sha256.digest(verifier.as_bytes()));
    let fields = [
        ("client_id", client_id),
        ("scope", SCOPE),
        ("code_challenge_method", "S256"),
        ("code_challenge", &challenge),
    ];
    let (status, body) = start.form(&fields).await?;
    ensure!(status.is_success(), "{} answered {status} to the start of a device flow", start.origin());
    let started: Started = serde_json::from_slice(&body)
        .with_context(|| format!("{} answered with no device code", start.origin()))?;
    let place = started.verification_uri_complete.as_ref().unwrap_or(&started.verification_uri);
    eprintln_note(&format!(
        "Enter the verification code {} in your browser at: {}\nCode will be valid for {} seconds",
        shown(&started.user_code),
        shown(place),
        started.expires_in
    ));
    poll(&tokens, &started, client_id, &verifier).await
}

async fn poll(
    tokens: &SigningService,
    started: &Started,
    client_id: &str,
    verifier: &str,
) -> anyhow::Result<IdentityToken> {
    let until = Instant::now() + Duration::from_secs(started.expires_in.min(MAX_WAIT));
    let mut wait = Duration::from_secs(started.interval.clamp(1, 60));
    let fields = [
        ("grant_type", GRANT),
        ("client_id", client_id),
        ("device_code", &started.device_code),
        ("scope", SCOPE),
        ("code_verifier", verifier),
    ];
    while Instant::now() < until {
        tokio::time::sleep(wait).await;
        let (status, body) = tokens.form(&fields).await?;
        let answer: Answer = serde_json::from_slice(&body)
            .map_err(|_| anyhow!("{} answered {status} without saying why", tokens.origin()))?;
        match (answer.id_token, answer.error.as_deref()) {
            (Some(token), None) => return Ok(IdentityToken::parse(&token)?),
            (_, Some("authorization_pending")) => {}
            (_, Some("slow_down")) => wait += Duration::from_secs(5),
            (_, Some(error)) => {
                let more = answer.error_description.unwrap_or_default();
                bail!("{} refuses: {} {}", tokens.origin(), shown(error), shown(&more));
            }
            (None, None) => bail!("{} answered without an identity token", tokens.origin()),
        }
    }
    bail!("nobody signed in with code {} in time", shown(&started.user_code))
}

/// A provider's text goes to a terminal.
fn shown(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(500).collect()
}

fn url_safe(bytes: &[u8]) -> String {
    Base64::from(bytes).to_string().replace('+', "-").replace('/', "_").replace('=', "")
}

fn random<const N: usize>() -> anyhow::Result<[u8; N]> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|error| anyhow!("no randomness: {error}"))?;
    Ok(bytes)
}
