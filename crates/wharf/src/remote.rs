//! The arguments by which commands reach a registry, and the way there.

use std::fmt;
use std::io::Read;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Context;
use wharf_client::{
    Credential, CredentialPaths, CredentialStore, Limits, Registry, RegistryOptions, Secret, Warnings,
};

use crate::exit::Usage;
use crate::terminal;

/// The longest password that is read from standard input, in bytes.
const MAX_PASSWORD: u64 = 64 * 1024;

/// How to reach a registry.
#[derive(Clone, Debug, Default, clap::Args)]
#[command(next_help_heading = "Connection")]
pub(crate) struct Connection {
    /// Speak plain HTTP (for localhost that is so without saying).
    #[arg(long)]
    pub(crate) plain_http: bool,

    /// Accept any TLS certificate.
    #[arg(long, conflicts_with = "plain_http")]
    pub(crate) insecure: bool,

    /// Trust the certificates in this PEM file beside the system's.
    #[arg(long, value_name = "FILE", conflicts_with = "plain_http")]
    pub(crate) ca_file: Option<PathBuf>,

    /// How much is asked of each registry; commands that have such flags set it.
    #[arg(skip)]
    pub(crate) limits: Limits,

    /// Logins by host that this process made itself; they go before what is stored.
    #[arg(skip)]
    pub(crate) logins: Vec<(String, Credential)>,

    /// The registries that were opened with these settings.
    #[arg(skip)]
    pub(crate) opened: Opened,
}

/// Registries by how they are spoken to: many places at one registry share connections, tokens and limits. Clones share them, too.
#[derive(Clone, Default)]
pub(crate) struct Opened(Arc<Mutex<Vec<(Manner, Registry)>>>);

/// Tells what registries have to say on standard error.
#[derive(Debug)]
struct ToTerminal;

impl Warnings for ToTerminal {
    fn warning(&self, origin: &str, text: &str) {
        terminal::warning(format_args!("{origin} says: {text}"));
    }
}

/// What must be equal for a registry to be the same.
#[derive(PartialEq)]
struct Manner {
    host: String,
    credential: Credential,
    plain_http: bool,
    insecure: bool,
    ca_file: Option<PathBuf>,
    limits: Limits,
}

impl fmt::Debug for Opened {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Opened").finish_non_exhaustive()
    }
}

/// Who to be, other than what is stored.
#[derive(Clone, Debug, Default, clap::Args)]
#[command(next_help_heading = "Connection")]
pub(crate) struct Identity {
    /// User name; what is stored for the host is then not used.
    #[arg(short, long, value_name = "USER")]
    pub(crate) username: Option<String>,

    /// Password. Others may see it in the list of processes: prefer --password-stdin.
    #[arg(short, long, value_name = "PASSWORD", requires = "username", conflicts_with = "password_stdin")]
    pub(crate) password: Option<String>,

    /// Read the password from standard input.
    #[arg(long, requires = "username")]
    pub(crate) password_stdin: bool,
}

impl Connection {
    fn options(&self, credential: Credential) -> RegistryOptions {
        RegistryOptions {
            credential,
            plain_http: self.plain_http,
            insecure: self.insecure,
            ca_file: self.ca_file.clone(),
            limits: self.limits,
            upload_state: upload_state(),
            warnings: Some(Arc::new(ToTerminal)),
            ..RegistryOptions::default()
        }
    }

    /// Returns the registry at `host`, as somebody given.
    pub(crate) fn registry_as(&self, host: &str, credential: Credential) -> anyhow::Result<Registry> {
        let manner = Manner {
            host: host.to_owned(),
            credential: credential.clone(),
            plain_http: self.plain_http,
            insecure: self.insecure,
            ca_file: self.ca_file.clone(),
            limits: self.limits,
        };
        let mut opened = self.opened.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, registry)) = opened.iter().find(|(known, _)| *known == manner) {
            return Ok(registry.clone());
        }
        let registry = Registry::new(host, self.options(credential))?;
        opened.push((manner, registry.clone()));
        Ok(registry)
    }

    /// Returns the registry of `place`, `HOST[/PATH]`, as who is given or stored for it.
    pub(crate) async fn registry(&self, place: &str, identity: &Identity) -> anyhow::Result<Registry> {
        let host = place.split('/').next().unwrap_or(place);
        let known = self.logins.iter().find(|(known, _)| known == host).map(|(_, login)| login.clone());
        let credential = match identity.given()?.or(known) {
            Some(given) => given,
            None => {
                let found = credential_store().find(place).await;
                let found = found.with_context(|| format!("cannot look up the login for {place}"))?;
                if let Some(found) = &found {
                    tracing::debug!("using the login for {host} from {}", found.origin);
                }
                found.map(|found| found.credential).unwrap_or_default()
            }
        };
        self.registry_as(host, credential)
    }
}

impl Identity {
    /// Returns the credential that the arguments give.
    fn given(&self) -> anyhow::Result<Option<Credential>> {
        let Some(username) = &self.username else { return Ok(None) };
        let password = match self.stated_password()? {
            Some(password) => password,
            None => Err(Usage("--username needs --password or --password-stdin here".to_owned()))?,
        };
        Ok(Some(Credential::Basic { username: username.clone(), password }))
    }

    /// Returns the password of the arguments or of standard input, if either is asked for.
    pub(crate) fn stated_password(&self) -> anyhow::Result<Option<Secret>> {
        if !self.password_stdin {
            return Ok(self.password.as_ref().map(Secret::new));
        }
        let mut text = zeroize::Zeroizing::new(String::new());
        std::io::stdin()
            .take(MAX_PASSWORD)
            .read_to_string(&mut text)
            .context("cannot read the password from standard input")?;
        Ok(Some(Secret::new(text.trim_end_matches(['\r', '\n']))))
    }
}

/// Returns the folder in which the places of upload sessions are kept, by the XDG base directory specification.
fn upload_state() -> Option<PathBuf> {
    let variable = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let state = variable("XDG_STATE_HOME").or_else(|| Some(variable("HOME")?.join(".local/state")))?;
    Some(state.join("wharf/uploads"))
}

/// Returns the credential files of this user.
pub(crate) fn credential_store() -> CredentialStore {
    CredentialStore::new(CredentialPaths::from_environment(|name| std::env::var(name).ok()))
}

/// Reads `HOST[:PORT]`, with or without `oci://`, as `login` and `logout` take it.
pub(crate) fn host(text: &str) -> anyhow::Result<String> {
    let bare = ["oci://", "https://", "http://"].iter().find_map(|scheme| text.strip_prefix(scheme));
    let bare = bare.unwrap_or(text).trim_end_matches('/');
    if bare.is_empty() || bare.contains('/') {
        return Err(Usage(format!("{text:?} is not HOST or HOST:PORT")).into());
    }
    Ok(bare.to_owned())
}
