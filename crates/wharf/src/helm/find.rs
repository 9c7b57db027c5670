//! Where a chart is that is not on this machine: in a registry, in a chart repository, or at an address.

use std::io::Write;

use anyhow::{anyhow, bail};
use bytes::Bytes;
use wharf_chart::{Index, RepositoryEntry, load_archive, resolve_url, same_url};
use wharf_client::{Secret, Site};
use wharf_oci::Algorithm;

use super::access::{self, Access, Tls};
use super::chart::MAX_ARCHIVE;
use super::files::file_name;
use super::oci::{self, Pinned};
use super::provenance::{self, MAX_PROVENANCE, Verified};
use super::repositories::{self, in_words};
use super::warn;
use crate::cobra::flags::Given;

/// What Helm asks servers for.
const ACCEPT: &str = "application/gzip,application/octet-stream";

/// A chart that was found but not fetched.
pub(super) enum Remote {
    Registry(Pinned),
    Site {
        site: Site,
        url: String,
        /// What the index says the SHA-256 of the archive is; empty if it does not.
        digest: String,
    },
}

/// Finds a chart by an `oci://` reference, an address, or `REPOSITORY/CHART`.
pub(super) async fn find(access: &Access, name: &str, version: &str) -> anyhow::Result<Remote> {
    if oci::is_oci(name) && name.len() > oci::SCHEME.len() {
        return Ok(Remote::Registry(oci::pin(access, name, version).await?));
    }
    let repositories = repositories::read(&access.places)?.repositories;
    if let Some((scheme, rest)) = name.split_once("://")
        && !rest.is_empty()
    {
        let owner = repositories.iter().find(|entry| owns(access, entry, name));
        if !matches!(scheme, "http" | "https") {
            bail!("scheme {scheme:?} not supported");
        }
        let site = match owner {
            Some(entry) => site_of(access, entry)?,
            None => access.site(name)?,
        };
        return Ok(Remote::Site { site, url: name.to_owned(), digest: String::new() });
    }
    let Some((repository, chart)) = name.split_once('/').filter(|_| !name.starts_with("oci:")) else {
        let shown = name.strip_suffix("//").unwrap_or(name);
        bail!("non-absolute URLs should be in form of repo_name/path_to_chart, got: {shown}");
    };
    let Some(entry) = repositories.iter().find(|entry| entry.name == repository) else {
        bail!("repo {repository} not found");
    };
    if entry.url.is_empty() {
        bail!("no URL found for repository {repository}");
    }
    let path = repositories::index_path(&access.places.repository_cache, repository);
    let index = repositories::read_index(&path)
        .map_err(|error| anyhow!("no cached repo found. (try 'helm repo update'): {error:#}"))?;
    let found = choose(&index, chart, version).map_err(|error| {
        anyhow!(
            "chart {chart:?} matching {version} not found in {repository} index. (try 'helm repo update'): {error:#}"
        )
    })?;
    let Some(url) = found.urls.first() else { bail!("chart {name:?} has no downloadable URLs") };
    let url = resolve_url(&entry.url, url);
    at_repository(access, entry, url, found.digest.clone()).await
}

/// Finds a chart in the repository at an address, which need not be known here.
pub(super) async fn find_in(
    access: &Access,
    repository: &str,
    name: &str,
    version: &str,
) -> anyhow::Result<Remote> {
    // Beyond Helm: a registry is a repository, too.
    if oci::is_oci(repository) {
        let place = format!("{}/{name}", repository.trim_end_matches('/'));
        return Ok(Remote::Registry(oci::pin(access, &place, version).await?));
    }
    let site = access.site(repository).map_err(|error| unreachable(repository, &error))?;
    let (_, index) = repositories::fetch_index(&site, repository)
        .await
        .map_err(|error| unreachable(repository, &error))?;
    let shown = match version {
        "" => format!("chart {name:?}"),
        version => format!("chart {name:?} version {version:?}"),
    };
    let found =
        choose(&index, name, version).map_err(|_| anyhow!("{shown} not found in {repository} repository"))?;
    let Some(url) = found.urls.first() else { bail!("{shown} has no downloadable URLs") };
    let url = resolve_url(repository, url);
    if oci::is_oci(&url) {
        return Ok(Remote::Registry(oci::pin(access, &url, "").await?));
    }
    Ok(Remote::Site { site, url, digest: found.digest.clone() })
}

fn unreachable(repository: &str, error: &anyhow::Error) -> anyhow::Error {
    anyhow!("looks like {repository:?} is not a valid chart repository or cannot be reached: {error:#}")
}

/// A chart in a repository of this user's, at the address that its index gives.
pub(super) async fn at_repository(
    access: &Access,
    entry: &RepositoryEntry,
    url: String,
    digest: String,
) -> anyhow::Result<Remote> {
    if oci::is_oci(&url) {
        return Ok(Remote::Registry(oci::pin(access, &url, "").await?));
    }
    Ok(Remote::Site { site: site_of(access, entry)?, url, digest })
}

fn choose<'i>(index: &'i Index, name: &str, version: &str) -> anyhow::Result<&'i wharf_chart::IndexEntry> {
    let found = index.find(name, version)?;
    if found.is_fallback {
        warn_of_fallback(name, version, &found.entry.metadata.version);
    }
    Ok(found.entry)
}

fn warn_of_fallback(name: &str, wanted: &str, found: &str) {
    let _ = writeln!(
        std::io::stderr(),
        "level=WARN msg=\"unable to find exact version requested; falling back to closest available version\" \
         chart={name} requested={wanted} selected={found}"
    );
}

/// Whether a repository's index, as it is cached, names this address.
fn owns(access: &Access, entry: &RepositoryEntry, url: &str) -> bool {
    let path = repositories::index_path(&access.places.repository_cache, &entry.name);
    match repositories::read_index(&path) {
        Ok(index) => {
            index.entries.values().flatten().flat_map(|entry| &entry.urls).any(|known| same_url(known, url))
        }
        Err(error) => {
            warn(&format!("no cached index of repository {}: {error:#}", entry.name));
            false
        }
    }
}

/// A repository's own login and TLS settings, where it has any, go before those of the flags.
fn site_of(access: &Access, entry: &RepositoryEntry) -> anyhow::Result<Site> {
    let own = !entry.username.is_empty() && !entry.password.is_empty();
    let (login, everywhere) = match own {
        true => {
            let login = (entry.username.clone(), Secret::new(&entry.password));
            (Some(login), entry.pass_credentials)
        }
        false => (access.login.clone(), access.pass_credentials),
    };
    let insecure = entry.insecure || access.tls.insecure;
    let tls = if [&entry.ca_file, &entry.cert_file, &entry.key_file].iter().all(|path| path.is_empty()) {
        Tls { insecure, ..access.tls.clone() }
    } else {
        Tls::new(&entry.ca_file, &entry.cert_file, &entry.key_file, insecure)
    };
    access::site(&entry.url, login, everywhere, &tls)
}

impl Remote {
    /// Returns the name under which the archive is saved.
    pub(super) fn file_name(&self) -> anyhow::Result<String> {
        match self {
            Self::Registry(pinned) => Ok(pinned.file_name()),
            Self::Site { url, .. } => {
                let path = url.split(['?', '#']).next().unwrap_or_default();
                let decoded = percent_encoding::percent_decode_str(path).decode_utf8_lossy();
                Ok(file_name(&decoded)?.to_owned())
            }
        }
    }

    /// Returns the address of the archive.
    pub(super) fn address(&self) -> String {
        match self {
            Self::Registry(pinned) => pinned.address(),
            Self::Site { url, .. } => url.clone(),
        }
    }

    /// Fetches the archive. What comes from a repository whose index states a digest must have it.
    pub(super) async fn archive(&self, out: &mut dyn Write) -> anyhow::Result<Bytes> {
        let (site, url, digest) = match self {
            Self::Registry(pinned) => return pinned.archive(out).await,
            Self::Site { site, url, digest } => (site, url, digest),
        };
        let bytes = site.fetch(url, Some(ACCEPT), MAX_ARCHIVE).await.map_err(in_words)?;
        let stated = digest.rsplit(':').next().unwrap_or_default();
        let digest = Algorithm::Sha256.digest(&bytes).to_string();
        let actual = digest.rsplit(':').next().unwrap_or_default();
        if !stated.is_empty() && !stated.eq_ignore_ascii_case(actual) {
            bail!("{url} has the digest sha256:{actual}, the index of its repository says sha256:{stated}");
        }
        Ok(bytes)
    }

    /// Verifies an archive that was fetched from here, by its provenance file.
    pub(super) async fn verify(
        &self,
        given: &Given,
        archive: &[u8],
        out: &mut dyn Write,
    ) -> anyhow::Result<(Bytes, Verified)> {
        let text = self
            .provenance(out)
            .await
            .map_err(|_| anyhow!("failed to fetch provenance {:?}", format!("{}.prov", self.address())))?;
        let verified = provenance::check(given, &self.signed_name(archive)?, archive, &text)?;
        Ok((text, verified))
    }

    /// Returns the name that a provenance file has for the archive: a digest is no part of it.
    pub(super) fn signed_name(&self, archive: &[u8]) -> anyhow::Result<String> {
        match self {
            Self::Registry(pinned) if pinned.is_by_digest() => {
                let metadata = load_archive(archive)?.metadata;
                Ok(format!("{}-{}.tgz", metadata.name, metadata.version))
            }
            _ => self.file_name(),
        }
    }

    /// Fetches the provenance file.
    pub(super) async fn provenance(&self, out: &mut dyn Write) -> anyhow::Result<Bytes> {
        match self {
            Self::Registry(pinned) => pinned.provenance(out).await,
            Self::Site { site, url, .. } => Ok(site
                .fetch(&format!("{url}.prov"), Some(ACCEPT), MAX_PROVENANCE)
                .await
                .map_err(in_words)?),
        }
    }
}
