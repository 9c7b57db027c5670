//! The chart repositories of this user: their list, their cached indexes, and how to reach them.

use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow, bail};
use wharf_chart::{Index, MAX_INDEX_BYTES, RepositoryEntry, RepositoryFile, resolve_url};
use wharf_client::{DownloadRefused, Secret, Site};

use super::access::{self, Tls};
use super::files::write_whole;
use super::places::Places;
use super::values::reason;
use super::warn;

/// Reads the list of repositories; one that is not there has none.
pub(super) fn read(places: &Places) -> anyhow::Result<RepositoryFile> {
    Ok(read_existing(places)?.unwrap_or_default())
}

/// Reads the list of repositories, if there is one.
pub(super) fn read_existing(places: &Places) -> anyhow::Result<Option<RepositoryFile>> {
    let path = &places.repository_config;
    match std::fs::read(path) {
        Ok(text) => Ok(Some(RepositoryFile::from_yaml(&text)?)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => {
            let path = path.display();
            bail!("couldn't load repositories file ({path}): open {path}: {}", reason(&error))
        }
    }
}

/// Returns the file in which the index of a repository is cached.
pub(super) fn index_path(cache: &Path, name: &str) -> PathBuf {
    cache.join(cache_name(name, "index.yaml"))
}

/// Returns the file in which the names of a repository's charts are cached, for completion.
pub(super) fn charts_path(cache: &Path, name: &str) -> PathBuf {
    cache.join(cache_name(name, "charts.txt"))
}

/// A repository's name is no path: whatever it holds, the file lies in the cache.
fn cache_name(name: &str, ending: &str) -> String {
    let name = name.replace(['/', '\\', '\0'], "-");
    if name.is_empty() { ending.to_owned() } else { format!("{name}-{ending}") }
}

/// Reads an index from the disk, and warns of what it passes over.
pub(super) fn read_index(path: &Path) -> anyhow::Result<Index> {
    let failed = |error: std::io::Error| anyhow!("open {}: {}", path.display(), reason(&error));
    let size = std::fs::metadata(path).map_err(failed)?.len();
    if size > MAX_INDEX_BYTES {
        bail!("{} has {size} bytes, at most {MAX_INDEX_BYTES} are read", path.display());
    }
    let text = std::fs::read(path).map_err(failed)?;
    let source = path.display().to_string();
    let (index, warnings) =
        Index::read(&text, &source).map_err(|error| anyhow!("error loading {source}: {error}"))?;
    warnings.iter().for_each(|warning| warn(warning));
    Ok(index)
}

/// Returns a repository as a site to download from, with its login and TLS settings.
pub(super) fn site(entry: &RepositoryEntry) -> anyhow::Result<Site> {
    let has_login = !entry.username.is_empty() && !entry.password.is_empty();
    let login = has_login.then(|| (entry.username.clone(), Secret::new(&entry.password)));
    let tls = Tls::new(&entry.ca_file, &entry.cert_file, &entry.key_file, entry.insecure);
    check_scheme(&entry.url)?;
    access::site(&entry.url, login, entry.pass_credentials, &tls)
}

fn check_scheme(url: &str) -> anyhow::Result<()> {
    match url.split_once(':') {
        Some(("http" | "https", _)) => Ok(()),
        Some(("oci", _)) => bail!(
            "looks like {url:?} is not a valid chart repository or cannot be reached: a registry is not added, its charts \
             are named as oci://HOST/PATH/CHART"
        ),
        Some((scheme, rest)) if rest.starts_with("//") => {
            bail!("could not find protocol handler for: {scheme}")
        }
        _ => bail!("could not find protocol handler for: "),
    }
}

/// Downloads an index and checks it; nothing is kept yet.
pub(super) async fn fetch_index(site: &Site, url: &str) -> anyhow::Result<(Vec<u8>, Index)> {
    let address = resolve_url(url, "index.yaml");
    let text = site.fetch(&address, None, MAX_INDEX_BYTES).await.map_err(in_words)?;
    let (index, warnings) = Index::read(&text, url)?;
    warnings.iter().for_each(|warning| warn(warning));
    Ok((text.to_vec(), index))
}

/// How the update of one repository ended.
pub(super) struct Update {
    pub(super) entry: RepositoryEntry,
    pub(super) result: anyhow::Result<()>,
}

/// Downloads the indexes of repositories into the cache, all at once; they are told in the order given.
pub(super) async fn update_all(cache: &Path, entries: Vec<RepositoryEntry>) -> Vec<Update> {
    let tasks: Vec<_> = entries
        .into_iter()
        .map(|entry| {
            let (cache, given) = (cache.to_owned(), entry.clone());
            let task = tokio::spawn(async move { update_at(&cache, &given, &site(&given)?).await });
            (entry, task)
        })
        .collect();
    let mut updates = Vec::new();
    for (entry, task) in tasks {
        let result = task.await.map_err(anyhow::Error::from).and_then(|result| result);
        updates.push(Update { entry, result });
    }
    updates
}

/// Downloads the index of a repository into the cache.
pub(super) async fn update_at(cache: &Path, entry: &RepositoryEntry, site: &Site) -> anyhow::Result<()> {
    let (text, index) = fetch_index(site, &entry.url).await?;
    std::fs::create_dir_all(cache).with_context(|| format!("cannot make {}", cache.display()))?;
    let names: String = index.entries.keys().map(|name| format!("{name}\n")).collect();
    write_whole(&charts_path(cache, &entry.name), names.as_bytes())?;
    write_whole(&index_path(cache, &entry.name), &text)
}

/// A failed download in Helm's words, which say the status in full and no more.
pub(super) fn in_words(error: wharf_content::Error) -> anyhow::Error {
    match error.cause::<DownloadRefused>() {
        Some(refused) => anyhow!("{refused}"),
        None => anyhow!("{error}"),
    }
}
