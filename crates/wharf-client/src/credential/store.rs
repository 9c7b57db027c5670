//! Where credentials are looked for and kept.

use std::path::PathBuf;

use wharf_content::Result;

use crate::credential::file::ConfigFile;
use crate::credential::helper::Helper;
use crate::credential::{Credential, helper};

/// The credential files of a user, in the order in which they are asked. The first is the one that is written.
#[derive(Clone, Debug, Default)]
pub struct CredentialPaths(pub Vec<PathBuf>);

impl CredentialPaths {
    /// Returns the files that Docker, Podman and Helm use, by these environment variables:
    ///
    /// 1. `REGISTRY_AUTH_FILE`, if set;
    /// 2. `$DOCKER_CONFIG/config.json`, else `~/.docker/config.json`;
    /// 3. `$XDG_RUNTIME_DIR/containers/auth.json` and `~/.config/containers/auth.json`;
    /// 4. `HELM_REGISTRY_CONFIG`, else `~/.config/helm/registry/config.json`.
    pub fn from_environment(variable: impl Fn(&str) -> Option<String>) -> Self {
        let folder = |name: &str| variable(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        let home = folder("HOME");
        let config = folder("XDG_CONFIG_HOME").or_else(|| home.as_ref().map(|home| home.join(".config")));
        let docker = folder("DOCKER_CONFIG").or_else(|| home.as_ref().map(|home| home.join(".docker")));
        let helm = folder("HELM_REGISTRY_CONFIG")
            .or_else(|| config.as_ref().map(|config| config.join("helm/registry/config.json")));
        let paths = [
            folder("REGISTRY_AUTH_FILE"),
            docker.map(|folder| folder.join("config.json")),
            folder("XDG_RUNTIME_DIR").map(|folder| folder.join("containers/auth.json")),
            config.map(|folder| folder.join("containers/auth.json")),
            helm,
        ];
        Self(paths.into_iter().flatten().collect())
    }
}

/// Finds, keeps and forgets credentials in the files and helpers that other tools share.
#[derive(Clone, Debug)]
pub struct CredentialStore {
    paths: CredentialPaths,
    helpers: Option<PathBuf>,
}

/// A credential and where it was found.
#[derive(Clone, Debug)]
pub struct Found {
    /// The credential.
    pub credential: Credential,
    /// A file, or a helper's name, for messages.
    pub origin: String,
}

/// Where a credential was stored or removed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stored {
    /// In this file, as base64: readable by whoever can read the file.
    File(PathBuf),
    /// By this helper program.
    Helper(String),
}

impl CredentialStore {
    /// Returns the store over these files.
    pub fn new(paths: CredentialPaths) -> Self {
        Self { paths, helpers: None }
    }

    /// Looks for helper programs in this folder and not in `PATH`.
    #[must_use]
    pub fn with_helpers_in(mut self, folder: impl Into<PathBuf>) -> Self {
        self.helpers = Some(folder.into());
        self
    }

    fn helper<'a>(&'a self, name: &'a str) -> Helper<'a> {
        Helper { name, folder: self.helpers.as_deref() }
    }

    /// Returns the credential for a place, `host[:port][/path]`: in the first file that knows it, the host's helper,
    /// else the file's helper, else the entry with the longest prefix.
    ///
    /// # Errors
    /// A file cannot be read, or a helper fails: then the user meant to be somebody, and nothing should be sent as
    /// anybody else.
    pub async fn find(&self, place: &str) -> Result<Option<Found>> {
        let host = place.split('/').next().unwrap_or(place);
        for path in &self.paths.0 {
            let file = ConfigFile::read(path)?;
            if let Some(name) = file.helper(host)
                && let Some(credential) = helper::find(self.helper(name), host).await?
            {
                return Ok(Some(Found { credential, origin: format!("credential helper {name}") }));
            }
            if let Some(credential) = file.entry(place)? {
                return Ok(Some(Found { credential, origin: path.display().to_string() }));
            }
        }
        Ok(None)
    }

    /// Keeps the credential of a host: with the helper that the first file names for it, else in that file, with mode
    /// 0600 and replaced at once.
    ///
    /// # Errors
    /// The file cannot be written, or the helper fails.
    pub async fn store(&self, host: &str, credential: &Credential) -> Result<Stored> {
        let path = self.paths.0.first().ok_or_else(|| {
            super::broken(
                "there is no place for credentials: neither HOME nor DOCKER_CONFIG is set".to_owned(),
            )
        })?;
        let mut file = ConfigFile::read(path)?;
        if let Some(name) = file.helper(host) {
            helper::store(self.helper(name), host, credential).await?;
            return Ok(Stored::Helper(name.to_owned()));
        }
        file.set(host, credential);
        file.write()?;
        Ok(Stored::File(path.clone()))
    }

    /// Forgets a host in the first file and its helper; returns where it was known.
    ///
    /// # Errors
    /// The file cannot be written, or the helper fails.
    pub async fn remove(&self, host: &str) -> Result<Vec<Stored>> {
        let mut removed = Vec::new();
        let Some(path) = self.paths.0.first() else { return Ok(removed) };
        let mut file = ConfigFile::read(path)?;
        if let Some(name) = file.helper(host)
            && helper::erase(self.helper(name), host).await?
        {
            removed.push(Stored::Helper(name.to_owned()));
        }
        if file.remove(host) {
            file.write()?;
            removed.push(Stored::File(path.clone()));
        }
        Ok(removed)
    }
}
