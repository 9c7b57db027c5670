//! Where the identity token comes from: the command line, the environment, or somebody who signs in.

use std::io::IsTerminal as _;

use anyhow::{Context as _, bail};
use jiff::Timestamp;
use wharf_trust::{IdentityToken, SigningConfig};

use super::{ambient, login};

/// Where the identity token comes from.
#[derive(Clone, Debug)]
pub(crate) struct IdentitySource {
    /// The token, or the path of a file that holds it.
    pub(crate) token: Option<String>,
    /// Look into the environment where no token is given.
    pub(crate) ambient: bool,
    /// The one place in the environment to look at.
    pub(crate) provider: Option<String>,
    /// How somebody signs in: `normal`, `device`, `token` or `client_credentials`.
    pub(crate) flow: Option<String>,
    /// By what name the provider knows this program.
    pub(crate) client_id: String,
}

impl Default for IdentitySource {
    fn default() -> Self {
        Self { token: None, ambient: true, provider: None, flow: None, client_id: "sigstore".to_owned() }
    }
}

impl IdentitySource {
    /// Returns the token.
    pub(crate) async fn token(&self, config: &SigningConfig) -> anyhow::Result<IdentityToken> {
        if let Some(given) = &self.token {
            return read(given).context("reading ID token: getting id token");
        }
        if self.ambient
            && let Some(found) = ambient::token(self.provider.as_deref())
                .await
                .context("reading ID token: fetching ambient OIDC credentials")?
        {
            return Ok(found);
        }
        self.sign_in(config).await
    }

    async fn sign_in(&self, config: &SigningConfig) -> anyhow::Result<IdentityToken> {
        let flow = match self.flow.as_deref() {
            Some(flow) => flow,
            None if std::io::stdin().is_terminal() => "normal",
            None => {
                eprintln_note("Non-interactive mode detected, using device flow.");
                "device"
            }
        };
        match flow {
            // A device flow needs no browser on this machine, and serves where there is one.
            "device" | "normal" => {
                let issuer =
                    &config.identity_provider(Timestamp::now()).context("selecting OIDC issuer")?.url;
                login::device(issuer, &self.client_id).await.context("authenticating caller")
            }
            "token" => bail!(
                "authenticating caller: the token flow needs a token: give --identity-token, or set SIGSTORE_ID_TOKEN"
            ),
            "client_credentials" => bail!(
                "authenticating caller: the client_credentials flow is not built in wharf; get a token and give it by --identity-token"
            ),
            other => bail!("authenticating caller: unsupported oauth flow: {other}"),
        }
    }
}

/// The text is a token, or the path of a file that holds one.
fn read(given: &str) -> anyhow::Result<IdentityToken> {
    if let Ok(token) = IdentityToken::parse(given) {
        return Ok(token);
    }
    // Three parts with dots are no path that anybody has; a token that is wrong is not looked for as a file.
    let looks_like_token = given.matches('.').count() == 2 && given.starts_with("ey");
    if looks_like_token {
        return Ok(IdentityToken::parse(given)?);
    }
    match std::fs::read_to_string(given) {
        Ok(text) => Ok(IdentityToken::parse(&text)?),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            bail!("open {given}: no such file or directory")
        }
        Err(error) => Err(error).with_context(|| format!("open {given}")),
    }
}

/// Writes a line to standard error. Nobody to tell is no failure.
pub(super) fn eprintln_note(text: &str) {
    use std::io::Write as _;
    let _ = writeln!(std::io::stderr(), "{text}");
}
