//! Choosing the versions of dependencies.

use std::collections::HashMap;
use std::io::Write;

use anyhow::{Context, anyhow, bail};
use wharf_chart::semver::{Constraint, Version};
use wharf_chart::{Dependency, Index, load_archive};

use super::local;
use super::manager::Manager;
use crate::helm::oci::{self, Place};
use crate::helm::{chart, repositories};

/// An index by the name under which it is cached, read once.
#[derive(Default)]
pub(super) struct Indexes(HashMap<String, Index>);

impl Indexes {
    pub(super) fn find(&mut self, manager: &Manager, name: &str) -> anyhow::Result<&Index> {
        if !self.0.contains_key(name) {
            let path = repositories::index_path(&manager.access.places.repository_cache, name);
            self.0.insert(name.to_owned(), repositories::read_index(&path)?);
        }
        self.0.get(name).context("the index was just read")
    }
}

/// A repository `oci://HOST/PATH@DIGEST`, beyond Helm: the chart of that digest and no other.
pub(super) fn pinned(repository: &str, name: &str) -> Option<String> {
    let (path, digest) = repository.split_once('@').filter(|_| oci::is_oci(repository))?;
    Some(format!("{}/{name}@{digest}", path.trim_end_matches('/')))
}

/// Returns the dependencies with the version chosen for each, as they stand in a lock.
///
/// `names` are the names of the repositories' caches, by the names of the charts.
pub(super) async fn resolve(
    manager: &Manager,
    wanted: &[Dependency],
    names: &HashMap<String, String>,
    indexes: &mut Indexes,
) -> anyhow::Result<Vec<Dependency>> {
    let mut locked = Vec::new();
    let mut missing = Vec::new();
    for dependency in wanted {
        let Dependency { name, version, repository, .. } = dependency;
        let range = Constraint::parse(version).map_err(|error| {
            anyhow!("dependency {name:?} has an invalid version/constraint format: {error}")
        })?;
        let fits = |text: &str| Version::parse(text).is_ok_and(|version| range.matches(&version));
        let found = if repository.is_empty() {
            local::folder(&format!("charts/{name}"), &manager.chart)?;
            Some(version.clone())
        } else if repository.starts_with("file://") {
            let folder = local::folder(repository, &manager.chart)?;
            Some(chart::load_path(&folder)?.metadata.version).filter(|version| fits(version))
        } else if let Some(place) = pinned(repository, name) {
            let pin = oci::pin(&manager.access, &place, "").await?;
            let archive = pin.archive(&mut std::io::sink()).await?;
            Some(load_archive(&archive)?.metadata.version).filter(|version| fits(version))
        } else if oci::is_oci(repository) {
            if Version::parse(version).is_ok() {
                Some(version.clone())
            } else {
                let place = Place::parse(&format!("{repository}/{name}"))?;
                let target = place.repository(&manager.access).await?;
                let versions = oci::versions(&target).await.map_err(|error| {
                    anyhow!("could not retrieve list of tags for repository {repository}: {error:#}")
                })?;
                // Helm writes the range itself into the lock when no tag is in it, and fails later.
                versions
                    .iter()
                    .find(|version| range.matches(version))
                    .map(|version| version.original().to_owned())
            }
        } else {
            let cached = names.get(name).map(String::as_str).unwrap_or_default();
            let index = indexes.find(manager, cached).map_err(|error| {
                anyhow!("no cached repository for {cached} found. (try 'helm repo update'): {error:#}")
            })?;
            let Some(versions) = index.entries.get(name) else {
                bail!("{name} chart not found in repo {repository}");
            };
            versions
                .iter()
                .find(|entry| !entry.urls.is_empty() && fits(&entry.metadata.version))
                .map(|entry| entry.metadata.version.clone())
        };
        match found {
            Some(version) => locked.push(Dependency {
                name: name.clone(),
                version,
                repository: repository.clone(),
                ..Dependency::default()
            }),
            None => missing.push(format!("{name:?} (repository {repository:?}, version {version:?})")),
        }
    }
    if !missing.is_empty() {
        bail!(
            "can't get a valid version for {} subchart(s): {}. Make sure a matching chart version exists in the repo, or \
             change the version constraint in Chart.yaml",
            missing.len(),
            missing.join(", ")
        );
    }
    Ok(locked)
}

/// The writer of what a user is told, which may be nobody.
pub(super) type Out<'o> = &'o mut dyn Write;
