//! Bringing the charts that another chart wants into its `charts/` folder.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow, bail};
use wharf_chart::semver::{Constraint, Version};
use wharf_chart::{
    Chart, Dependency, Lock, PackOptions, RepositoryEntry, load_archive, lock_digest, lock_digest_v2, pack,
    resolve_url, same_url,
};
use wharf_oci::Algorithm;

use super::local;
use super::resolve::{Indexes, Out, pinned, resolve};
use crate::cobra::flags::Given;
use crate::helm::access::Access;
use crate::helm::files::write_whole;
use crate::helm::find::{self, Remote};
use crate::helm::repositories::{self, Update};
use crate::helm::values::reason;
use crate::helm::{chart, now, oci, provenance};

/// What begins the names of indexes that are cached for repositories nobody added.
const UNMANAGED: &str = "helm-manager-";

/// The dependencies of one chart.
pub(in crate::helm) struct Manager {
    /// The chart's folder.
    pub(in crate::helm) chart: PathBuf,
    pub(in crate::helm) access: Access,
    pub(in crate::helm) skip_refresh: bool,
    pub(in crate::helm) debug: bool,
    pub(in crate::helm) verify: Verify,
}

/// Whether charts are verified by their provenance files.
pub(in crate::helm) enum Verify {
    Never,
    /// Those that have one, with the keys that the flags name.
    IfPossible(Given),
    /// All of them.
    Always(Given),
}

impl Manager {
    /// Chooses versions anew, fetches the charts and writes the lock.
    pub(in crate::helm) async fn update(&self, out: Out<'_>) -> anyhow::Result<()> {
        let chart = self.load()?;
        if !chart.metadata.lists_dependencies {
            return Ok(());
        }
        let mut wanted: Vec<Dependency> = chart.metadata.wanted().cloned().collect();
        let entries = repositories::read(&self.access.places)?.repositories;
        let mut names = self.name_repositories(&mut wanted, &entries, out)?;
        self.update_unmanaged(&wanted, &mut names, out).await?;
        if !self.skip_refresh {
            self.update_repositories(&entries, out).await?;
        }
        let mut indexes = Indexes::default();
        let mut locked = resolve(self, &wanted, &names, &mut indexes).await?;
        self.fetch_all(&mut locked, &entries, &mut indexes, out).await?;

        let as_list = |list: &[Dependency]| list.iter().cloned().map(Some).collect::<Vec<_>>();
        let digest = lock_digest(Some(&as_list(&wanted)), Some(&as_list(&locked)));
        if chart.lock.as_ref().is_some_and(|lock| lock.digest == digest) {
            return Ok(());
        }
        let lock = Lock { generated: now()?, digest, dependencies: Some(as_list(&locked)) };
        self.write_lock(&lock, chart.metadata.api_version == "v1")
    }

    /// Fetches the charts that the lock names; without a lock, as [`update`](Self::update).
    pub(in crate::helm) async fn build(&self, out: Out<'_>) -> anyhow::Result<()> {
        let chart = self.load()?;
        let Some(lock) = &chart.lock else { return self.update(out).await };
        let is_v1 = chart.metadata.api_version == "v1";
        let mut wanted: Vec<Dependency> = chart.metadata.wanted().cloned().collect();
        let as_list = |list: &[Dependency]| {
            let is_list = chart.metadata.lists_dependencies;
            is_list.then(|| list.iter().cloned().map(Some).collect::<Vec<_>>())
        };
        let old_digest = lock_digest_v2(as_list(&wanted).as_deref());
        let entries = repositories::read(&self.access.places)?.repositories;
        self.name_repositories(&mut wanted, &entries, out)?;
        if lock_digest(as_list(&wanted).as_deref(), lock.dependencies.as_deref()) != lock.digest {
            if !is_v1 {
                bail!(
                    "the lock file (Chart.lock) is out of sync with the dependencies file (Chart.yaml). Please update the \
                     dependencies with 'helm dependency update'"
                );
            }
            crate::helm::warn("a valid Helm v3 hash was not found. Checking against Helm v2 hash...");
            if old_digest != lock.digest {
                bail!(
                    "the lock file (requirements.lock) is out of sync with the dependencies file (requirements.yaml). \
                     Please update the dependencies"
                );
            }
        }
        let listed = lock.dependencies.iter().flatten();
        let mut locked: Vec<Dependency> = listed.flatten().cloned().collect();
        let is_known = |dependency: &Dependency| {
            let repository = dependency.repository.as_str();
            repository.is_empty()
                || repository.starts_with("file://")
                || oci::is_oci(repository)
                || entries.iter().any(|entry| same_url(&entry.url, repository))
        };
        let unknown: Vec<&str> =
            locked.iter().filter(|d| !is_known(d)).map(|d| d.repository.as_str()).collect();
        if !unknown.is_empty() {
            bail!(
                "no repository definition for {}. Please add the missing repos via 'helm repo add'",
                unknown.join(", ")
            );
        }
        if !self.skip_refresh {
            self.update_repositories(&entries, out).await?;
        }
        self.fetch_all(&mut locked, &entries, &mut Indexes::default(), out).await
    }

    fn load(&self) -> anyhow::Result<Chart> {
        let shown = self.chart.display();
        match std::fs::metadata(&self.chart) {
            Err(error) => bail!("could not find {shown}: stat {shown}: {}", reason(&error)),
            Ok(metadata) if !metadata.is_dir() => bail!("only unpacked charts can be updated"),
            Ok(_) => chart::load_any(&self.chart),
        }
    }

    /// Puts addresses in the place of `@NAME` and `alias:NAME`, and returns the names of the repositories that are known, by
    /// the names of the charts.
    fn name_repositories(
        &self,
        wanted: &mut [Dependency],
        entries: &[RepositoryEntry],
        out: Out<'_>,
    ) -> anyhow::Result<HashMap<String, String>> {
        let mut names = HashMap::new();
        let mut missing = Vec::new();
        for dependency in wanted {
            let repository = dependency.repository.clone();
            if repository.is_empty() {
                continue;
            }
            if repository.starts_with("file://") {
                local::folder(&repository, &self.chart)?;
                if self.debug {
                    writeln!(out, "Repository from local path: {repository}")?;
                }
                names.insert(dependency.name.clone(), repository);
                continue;
            }
            if oci::is_oci(&repository) {
                names.insert(dependency.name.clone(), repository);
                continue;
            }
            let alias = repository.strip_prefix('@').or_else(|| repository.strip_prefix("alias:"));
            let known = entries
                .iter()
                .find(|entry| alias == Some(entry.name.as_str()) || same_url(&entry.url, &repository));
            match known {
                Some(entry) => {
                    if alias == Some(entry.name.as_str()) {
                        dependency.repository.clone_from(&entry.url);
                    }
                    names.insert(dependency.name.clone(), entry.name.clone());
                }
                None if alias.is_none() && (repository.contains("://") || repository.starts_with('/')) => {}
                None => missing.push(repository),
            }
        }
        if missing.is_empty() {
            return Ok(names);
        }
        let mut text = format!(
            "no repository definition for {}. Please add them via 'helm repo add'",
            missing.join(", ")
        );
        let is_name =
            |text: &String| !text.contains("//") && !text.starts_with('@') && !text.starts_with("alias:");
        if missing.iter().any(is_name) {
            text.push_str(
                "\nNote that repositories must be URLs or aliases. For example, to refer to the \"example\"\nrepository, \
                 use \"https://charts.example.com/\" or \"@example\" instead of\n\"example\". Don't forget to add the \
                 repo, too ('helm repo add').",
            );
        }
        bail!(text)
    }

    /// Fetches the indexes of repositories that are named by their address and were never added.
    async fn update_unmanaged(
        &self,
        wanted: &[Dependency],
        names: &mut HashMap<String, String>,
        out: Out<'_>,
    ) -> anyhow::Result<()> {
        let mut unmanaged: Vec<RepositoryEntry> = Vec::new();
        for dependency in wanted {
            if dependency.repository.is_empty() || names.contains_key(&dependency.name) {
                continue;
            }
            let name = unmanaged_name(&dependency.repository);
            names.insert(dependency.name.clone(), name.clone());
            if !unmanaged.iter().any(|entry| entry.name == name) {
                unmanaged.push(RepositoryEntry {
                    name,
                    url: dependency.repository.clone(),
                    ..RepositoryEntry::default()
                });
            }
        }
        if self.skip_refresh || unmanaged.is_empty() {
            return Ok(());
        }
        writeln!(out, "Getting updates for unmanaged Helm repositories...")?;
        for Update { entry, result } in
            repositories::update_all(&self.access.places.repository_cache, unmanaged).await
        {
            match result {
                Ok(()) => {
                    writeln!(out, "...Successfully got an update from the {:?} chart repository", entry.url)?;
                }
                Err(error) => writeln!(
                    out,
                    "...Unable to get an update from the {:?} chart repository:\n\t{error:#}",
                    entry.url
                )?,
            }
        }
        Ok(())
    }

    async fn update_repositories(&self, entries: &[RepositoryEntry], out: Out<'_>) -> anyhow::Result<()> {
        if entries.is_empty() {
            return Ok(());
        }
        writeln!(out, "Hang tight while we grab the latest from your chart repositories...")?;
        for Update { entry, result } in
            repositories::update_all(&self.access.places.repository_cache, entries.to_vec()).await
        {
            match result {
                Ok(()) => {
                    writeln!(
                        out,
                        "...Successfully got an update from the {:?} chart repository",
                        entry.name
                    )?;
                }
                Err(error) => writeln!(
                    out,
                    "...Unable to get an update from the {:?} chart repository ({}):\n\t{error:#}",
                    entry.name, entry.url
                )?,
            }
        }
        writeln!(out, "Update Complete. ⎈Happy Helming!⎈")?;
        Ok(())
    }

    /// Fetches every chart beside `charts/` first, and changes that folder only when all are there.
    async fn fetch_all(
        &self,
        locked: &mut [Dependency],
        entries: &[RepositoryEntry],
        indexes: &mut Indexes,
        out: Out<'_>,
    ) -> anyhow::Result<()> {
        let charts = self.charts_folder()?;
        let fresh = tempfile::Builder::new()
            .prefix("tmpcharts-")
            .tempdir_in(&self.chart)
            .with_context(|| format!("cannot write to {}", self.chart.display()))?;
        writeln!(out, "Saving {} charts", locked.len())?;
        let result = self.fetch_into(fresh.path(), &charts, locked, entries, indexes, out).await;
        if let Err(error) = result {
            writeln!(out, "Save error occurred:  {error:#}")?;
            return Err(error);
        }
        let own: HashSet<&str> = locked
            .iter()
            .filter(|dependency| dependency.repository.is_empty())
            .map(|dependency| dependency.name.as_str())
            .collect();
        move_over(fresh.path(), &charts, &own, out)
    }

    /// Returns the `charts` folder; one that is a link out of the chart is not written to.
    fn charts_folder(&self) -> anyhow::Result<PathBuf> {
        let charts = self.chart.join("charts");
        std::fs::create_dir_all(&charts)
            .map_err(|_| anyhow!("{:?} is not a directory", charts.display().to_string()))?;
        let (root, real) = (self.chart.canonicalize()?, charts.canonicalize()?);
        if !real.starts_with(&root) {
            bail!("{} is a link out of the chart, to {}", charts.display(), real.display());
        }
        Ok(charts)
    }

    async fn fetch_into(
        &self,
        folder: &Path,
        charts: &Path,
        locked: &mut [Dependency],
        entries: &[RepositoryEntry],
        indexes: &mut Indexes,
        out: Out<'_>,
    ) -> anyhow::Result<()> {
        let mut fetched = HashSet::new();
        for dependency in locked {
            let Dependency { name, version, repository, .. } = &*dependency;
            if repository.is_empty() {
                writeln!(
                    out,
                    "Dependency {name} did not declare a repository. Assuming it exists in the charts directory"
                )?;
                check_own(&charts.join(name), dependency)?;
                continue;
            }
            if repository.starts_with("file://") {
                if self.debug {
                    writeln!(out, "Archiving {name} from repo {repository}")?;
                }
                dependency.version = self.archive_local(dependency, folder)?;
                continue;
            }
            let remote = self.locate(dependency, entries, indexes).await?;
            let (remote, address) = (remote.0, remote.1);
            if !fetched.insert(address.clone()) {
                writeln!(out, "Already downloaded {name} from repo {repository}")?;
                continue;
            }
            writeln!(out, "Downloading {name} from repo {repository}")?;
            let remote = match remote {
                Some(remote) => remote,
                None => {
                    let place = pinned(repository, name).unwrap_or_else(|| format!("{repository}/{name}"));
                    let version = if place.contains('@') { "" } else { version.as_str() };
                    let pin = oci::pin(&self.access, &place, version).await;
                    Remote::Registry(pin.map_err(|error| anyhow!("could not download {address}: {error:#}"))?)
                }
            };
            let failed = |error: anyhow::Error| anyhow!("could not download {address}: {error:#}");
            let archive = remote.archive(out).await.map_err(failed)?;
            self.check(&remote, &address, &archive, out).await.map_err(failed)?;
            // A pinned chart is saved as other charts are, by its version.
            let file_name = match pinned(repository, name) {
                Some(_) => format!("{name}-{version}.tgz"),
                None => remote.file_name()?,
            };
            write_whole(&folder.join(crate::helm::files::file_name(&file_name)?), &archive)?;
        }
        Ok(())
    }

    async fn check(
        &self,
        remote: &Remote,
        address: &str,
        archive: &[u8],
        out: Out<'_>,
    ) -> anyhow::Result<()> {
        match &self.verify {
            Verify::Never => {}
            Verify::Always(given) => {
                remote.verify(given, archive, out).await?;
            }
            Verify::IfPossible(given) => match remote.provenance(out).await {
                Ok(text) => {
                    provenance::check(given, &remote.signed_name(archive)?, archive, &text)?;
                }
                Err(error) => writeln!(out, "WARNING: Verification not found for {address}: {error:#}")?,
            },
        }
        Ok(())
    }

    /// Returns where the chart of a dependency is, and the address by which it is told; nowhere for one in a registry, which
    /// is asked later.
    async fn locate(
        &self,
        dependency: &Dependency,
        entries: &[RepositoryEntry],
        indexes: &mut Indexes,
    ) -> anyhow::Result<(Option<Remote>, String)> {
        let Dependency { name, version, repository, .. } = dependency;
        if oci::is_oci(repository) {
            return Ok((None, format!("{repository}/{name}")));
        }
        let known = entries.iter().find(|entry| same_url(&entry.url, repository));
        let cached = known.map_or_else(|| unmanaged_name(repository), |entry| entry.name.clone());
        let index = indexes.find(self, &cached);
        let (Ok(index), entry) = (index, known) else {
            let found = find::find_in(&self.access, repository, name, version).await;
            let remote = found.map_err(|error| {
                anyhow!("could not find : chart {name} not found in {repository}: {error:#}")
            })?;
            let address = remote.address();
            return Ok((Some(remote), address));
        };
        let versions = index.entries.get(name).ok_or_else(|| anyhow!("could not find : entry not found"))?;
        let entry_url = versions
            .iter()
            .find(|entry| !entry.urls.is_empty() && is_same_version(version, &entry.metadata.version))
            .map(|entry| (entry.urls[0].clone(), entry.digest.clone()));
        let (url, digest) = entry_url.ok_or_else(|| anyhow!("could not find : no matching version"))?;
        let url = resolve_url(repository, &url);
        let unmanaged = RepositoryEntry { url: repository.clone(), ..RepositoryEntry::default() };
        let remote =
            find::at_repository(&self.access, entry.unwrap_or(&unmanaged), url.clone(), digest).await?;
        Ok((Some(remote), url))
    }

    /// Packs a chart of a folder and returns its version.
    fn archive_local(&self, dependency: &Dependency, folder: &Path) -> anyhow::Result<String> {
        let Dependency { name, version, repository, .. } = dependency;
        let chart = chart::load_path(&local::folder(repository, &self.chart)?)?;
        let range = Constraint::parse(version).map_err(|error| {
            anyhow!("dependency {name} has an invalid version/constraint format: {error}")
        })?;
        if !range.matches(&Version::parse(&chart.metadata.version)?) {
            bail!("can't get a valid version for dependency {name}");
        }
        let packed = pack(&chart, &PackOptions { allow_missing: true, ..PackOptions::default() })?;
        write_whole(&folder.join(&packed.file_name), &packed.bytes)?;
        Ok(packed.metadata.version)
    }

    fn write_lock(&self, lock: &Lock, is_v1: bool) -> anyhow::Result<()> {
        let name = if is_v1 { "requirements.lock" } else { "Chart.lock" };
        let path = self.chart.join(name);
        // CVE-2025-53547: the lock of a hostile chart was a link to a file elsewhere.
        if let Ok(target) = std::fs::read_link(&path) {
            bail!("the {name} file is a symlink to {:?}", target.display().to_string());
        }
        write_whole(&path, lock.to_yaml()?.as_bytes())
    }
}

fn unmanaged_name(url: &str) -> String {
    let digest = Algorithm::Sha256.digest(url.as_bytes()).to_string();
    format!("{UNMANAGED}{}", digest.rsplit(':').next().unwrap_or_default())
}

fn is_same_version(wanted: &str, found: &str) -> bool {
    wanted.is_empty()
        || match (Version::parse(wanted), Version::parse(found)) {
            (Ok(wanted), Ok(found)) => wanted == found,
            _ => wanted == found,
        }
}

/// Checks a chart that is kept in `charts/` by hand.
fn check_own(path: &Path, dependency: &Dependency) -> anyhow::Result<()> {
    let Dependency { name, version, .. } = dependency;
    let chart = chart::load_path(path)
        .map_err(|error| anyhow!("unable to load chart '{}': {error:#}", path.display()))?;
    let range = Constraint::parse(version)
        .map_err(|error| anyhow!("dependency {name} has an invalid version/constraint format: {error}"))?;
    let found = &chart.metadata.version;
    let parsed = Version::parse(found)
        .map_err(|error| anyhow!("invalid version {version} for dependency {name}: {error}"))?;
    if !range.matches(&parsed) {
        bail!("dependency {name} at version {found} does not satisfy the constraint {version}");
    }
    Ok(())
}

/// Moves the fetched archives into `charts/`, and removes the archives of other charts and versions there.
fn move_over(fresh: &Path, charts: &Path, own: &HashSet<&str>, out: Out<'_>) -> anyhow::Result<()> {
    let names = |folder: &Path| -> anyhow::Result<Vec<std::ffi::OsString>> {
        let mut names = Vec::new();
        for entry in std::fs::read_dir(folder)? {
            let entry = entry?;
            if !entry.file_type()?.is_dir() {
                names.push(entry.file_name());
            }
        }
        names.sort();
        Ok(names)
    };
    let (new, old) = (names(fresh)?, names(charts)?);
    for name in &new {
        let path = fresh.join(name);
        if let Err(error) = chart::archive(&path).and_then(|bytes| Ok(load_archive(&bytes)?)) {
            write!(out, "Could not verify {} for moving: {error:#} (Skipping)", path.display())?;
            continue;
        }
        std::fs::rename(&path, charts.join(name))
            .with_context(|| format!("unable to move {} to {}", path.display(), charts.display()))?;
    }
    writeln!(out, "Deleting outdated charts")?;
    for name in old.iter().filter(|name| !new.contains(name)) {
        let path = charts.join(name);
        let shown = path.display();
        match chart::archive(&path).and_then(|bytes| Ok(load_archive(&bytes)?)) {
            Err(error) => writeln!(out, "Could not verify {shown} for deletion: {error:#} (Skipping)")?,
            Ok(chart) if own.contains(chart.name()) => {}
            Ok(_) => {
                if let Err(error) = std::fs::remove_file(&path) {
                    write!(out, "Could not delete {shown}: {error} (Skipping)")?;
                }
            }
        }
    }
    Ok(())
}
