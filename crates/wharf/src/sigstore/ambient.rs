//! Identity tokens that a build finds in its environment, in the places where cosign looks for them.

use anyhow::{Context as _, bail};
use serde::Deserialize;
use wharf_client::{Secret, ServiceOptions, SigningService};
use wharf_trust::IdentityToken;

/// For whom the tokens are.
const AUDIENCE: &str = "sigstore";
/// Where a mounted token lies.
const FILE: &str = "/var/run/sigstore/cosign/oidc-token";
/// The longest token that is read from a file, in bytes.
const MAX_FILE_BYTES: u64 = 64 << 10;

/// What a hosted build's token service answers.
#[derive(Deserialize)]
struct Answer {
    value: String,
}

/// Returns the token that the environment offers, if it offers any.
pub(super) async fn token(provider: Option<&str>) -> anyhow::Result<Option<IdentityToken>> {
    match provider {
        None => {
            if let Some(token) = variable()? {
                return Ok(Some(token));
            }
            if let Some(token) = file()? {
                return Ok(Some(token));
            }
            github_actions().await
        }
        Some("envvar") => Ok(Some(variable()?.context("SIGSTORE_ID_TOKEN is not set")?)),
        Some("filesystem") => Ok(Some(file()?.with_context(|| format!("{FILE} is not there"))?)),
        Some("github-actions") => {
            let found = github_actions().await?;
            Ok(Some(found.context(
                "ACTIONS_ID_TOKEN_REQUEST_URL is not set: the job needs the permission `id-token: write`",
            )?))
        }
        Some(known @ ("spiffe" | "google" | "buildkite-agent")) => bail!(
            "identity provider {known} is not built in wharf; get a token from it and set SIGSTORE_ID_TOKEN"
        ),
        Some(other) => bail!("{other} is not a valid provider"),
    }
}

fn variable() -> anyhow::Result<Option<IdentityToken>> {
    match std::env::var("SIGSTORE_ID_TOKEN") {
        Ok(text) if !text.is_empty() => Ok(Some(IdentityToken::parse(&text).context("SIGSTORE_ID_TOKEN")?)),
        _ => Ok(None),
    }
}

fn file() -> anyhow::Result<Option<IdentityToken>> {
    use std::io::Read as _;
    let Ok(file) = std::fs::File::open(FILE) else { return Ok(None) };
    let mut text = String::new();
    file.take(MAX_FILE_BYTES).read_to_string(&mut text).context(FILE)?;
    Ok(Some(IdentityToken::parse(&text).context(FILE)?))
}

/// Asks the service that a GitHub Actions job is given, as its documentation on OpenID Connect says.
async fn github_actions() -> anyhow::Result<Option<IdentityToken>> {
    let set = |name| std::env::var(name).ok().filter(|value| !value.is_empty());
    let (Some(url), Some(secret)) =
        (set("ACTIONS_ID_TOKEN_REQUEST_URL"), set("ACTIONS_ID_TOKEN_REQUEST_TOKEN"))
    else {
        return Ok(None);
    };
    let joint = if url.contains('?') { '&' } else { '?' };
    let service =
        SigningService::new(&format!("{url}{joint}audience={AUDIENCE}"), &ServiceOptions::default())?;
    let answer = service.document("", Some(&Secret::new(secret))).await?;
    let answer: Answer = serde_json::from_slice(&answer)
        .map_err(|_| anyhow::anyhow!("{} answered with no token", service.origin()))?;
    Ok(Some(IdentityToken::parse(&answer.value)?))
}
