//! Where Helm keeps what it knows: logins, repositories, their indexes, charts that were downloaded.

use std::path::PathBuf;

use super::namespace::variable;
use crate::cobra::flags::Given;

/// The files and folders, by flags, then Helm's variables, then the XDG Base Directory Specification.
pub(super) struct Places {
    pub(super) cache: PathBuf,
    pub(super) config: PathBuf,
    pub(super) data: PathBuf,
    /// Charts by the digest of their archive.
    pub(super) content_cache: PathBuf,
    /// Logins to registries, in Docker's format.
    pub(super) registry_config: PathBuf,
    /// `NAME-index.yaml` of each chart repository.
    pub(super) repository_cache: PathBuf,
    /// `repositories.yaml`.
    pub(super) repository_config: PathBuf,
}

impl Places {
    pub(super) fn of(given: &Given) -> Self {
        let home = variable("HOME").unwrap_or_default();
        let base = |helm: &str, shared: &str, default: &str| {
            let own = variable(helm).or_else(|| variable(shared).map(|folder| format!("{folder}/helm")));
            PathBuf::from(own.unwrap_or_else(|| format!("{home}/{default}/helm")))
        };
        let cache = base("HELM_CACHE_HOME", "XDG_CACHE_HOME", ".cache");
        let config = base("HELM_CONFIG_HOME", "XDG_CONFIG_HOME", ".config");
        let data = base("HELM_DATA_HOME", "XDG_DATA_HOME", ".local/share");
        let stated = |flag: &str, name: &str, default: PathBuf| {
            given.text(flag).map(str::to_owned).or_else(|| variable(name)).map_or(default, PathBuf::from)
        };
        Self {
            content_cache: stated("content-cache", "HELM_CONTENT_CACHE", cache.join("content")),
            registry_config: stated(
                "registry-config",
                "HELM_REGISTRY_CONFIG",
                config.join("registry/config.json"),
            ),
            repository_cache: stated("repository-cache", "HELM_REPOSITORY_CACHE", cache.join("repository")),
            repository_config: stated(
                "repository-config",
                "HELM_REPOSITORY_CONFIG",
                config.join("repositories.yaml"),
            ),
            cache,
            config,
            data,
        }
    }
}
