//! `helm search repo|hub`

use std::io::Write;

use anyhow::{anyhow, bail};
use regex::Regex;
use serde::Deserialize;
use wharf_chart::semver::{Constraint, Version};
use wharf_chart::{CONFIG_MEDIA_TYPE, join_url, tag_for_version};
use wharf_client::RemoteRepository;
use wharf_content::{DEFAULT_MAX_MANIFEST_BYTES, ReadTarget, collect, verified};
use wharf_oci::{Reference, RepositoryName, Tag};

use super::access::Access;
use super::oci::{self, Place};
use super::table::{Format, Table, write_objects};
use super::{access, repositories, warn};
use crate::cobra::Command;
use crate::cobra::flags::Kind::{Count, Switch, Text, TextDefault};
use crate::cobra::flags::{Given, flag, short};
use crate::waiting::block_on;

pub(super) const REPO: Command = Command {
    path: &["helm", "search", "repo"],
    usage: "[keyword] [flags]",
    about: "search the chart repositories of this user, or with oci://HOST/PATH the charts and versions in a registry",
    flags: &[
        &[
            flag("devel", Switch, "pre-releases, too, as --version '>0.0.0-0'"),
            flag("fail-on-no-result", Switch, "fail if nothing is found"),
            flag("max-col-width", Count(50), "the widest column of the table"),
            short('o', "output", Text, "table, json or yaml"),
            short('r', "regexp", Switch, "the keyword is a regular expression"),
            flag("version", Text, "only versions in this range"),
            short('l', "versions", Switch, "every version on a line of its own"),
        ],
        super::tables::ACCESS,
    ],
    run: repo,
};

pub(super) const HUB: Command = Command {
    path: &["helm", "search", "hub"],
    usage: "[KEYWORD] [flags]",
    about: "search Artifact Hub, or another hub with the same API; this asks a server on the Internet",
    flags: &[&[
        flag("endpoint", TextDefault("https://hub.helm.sh"), "the address of the hub"),
        flag("fail-on-no-result", Switch, "fail if nothing is found"),
        flag("list-repo-url", Switch, "show the addresses of the repositories, too"),
        flag("max-col-width", Count(50), "the widest column of the table"),
        short('o', "output", Text, "table, json or yaml"),
    ]],
    run: hub,
};

/// The longest answer of a hub, in bytes.
const MAX_ANSWER: u64 = 64 << 20;
/// The longest config of a chart, in bytes.
const MAX_CONFIG: u64 = 4 << 20;
/// The most repositories of a registry that are looked through.
const MAX_REPOSITORIES: usize = 10_000;

/// One chart that was found.
struct Hit {
    /// How well it fits; less is better.
    score: usize,
    name: String,
    version: String,
    app_version: String,
    description: String,
}

fn repo(given: &Given, arguments: &[String], out: &mut dyn Write) -> anyhow::Result<()> {
    let format = Format::of(given)?;
    let wanted = match given.text("version").filter(|version| !version.is_empty()) {
        Some(version) => version,
        None if given.is_on("devel") => ">0.0.0-0",
        None => ">0.0.0",
    };
    let range = || {
        Constraint::parse(wanted).map_err(|error| anyhow!("an invalid version/constraint format: {error}"))
    };
    let hits = match arguments {
        [place] if oci::is_oci(place) => {
            let range = range()?;
            block_on(in_registry(&Access::of(given), place, &range, given.is_on("versions")))?
        }
        _ => {
            let mut hits = in_repositories(given, &arguments.join(" "))?;
            hits.sort_by(|a, b| {
                let newest_first = || Version::parse(&b.version).ok().cmp(&Version::parse(&a.version).ok());
                (a.score, &a.name).cmp(&(b.score, &b.name)).then_with(newest_first)
            });
            let range = range()?;
            let mut seen = std::collections::HashSet::new();
            hits.retain(|hit| {
                (given.is_on("versions") || !seen.contains(&hit.name))
                    && Version::parse(&hit.version).is_ok_and(|version| range.matches(&version))
                    && (seen.insert(hit.name.clone()) || given.is_on("versions"))
            });
            hits
        }
    };
    if hits.is_empty() && given.is_on("fail-on-no-result") {
        bail!("no results found");
    }
    if format != Format::Table {
        let objects: Vec<_> = hits
            .into_iter()
            .map(|hit| {
                vec![
                    ("name", hit.name),
                    ("version", hit.version),
                    ("app_version", hit.app_version),
                    ("description", hit.description),
                ]
            })
            .collect();
        return write_objects(&objects, format, out);
    }
    let mut table = Table::new(usize::try_from(given.number("max-col-width")).unwrap_or_default());
    table.row(["NAME", "CHART VERSION", "APP VERSION", "DESCRIPTION"]);
    for hit in &hits {
        table.row([hit.name.as_str(), &hit.version, &hit.app_version, &hit.description]);
    }
    write_table(&table, hits.is_empty(), out)
}

fn write_table(table: &Table, is_empty: bool, out: &mut dyn Write) -> anyhow::Result<()> {
    match is_empty {
        true => writeln!(out, "No results found")?,
        false => writeln!(out, "{}", table.text())?,
    }
    Ok(())
}

/// Searches the cached indexes for a keyword in name, description and keywords.
fn in_repositories(given: &Given, keyword: &str) -> anyhow::Result<Vec<Hit>> {
    let places = super::places::Places::of(given);
    let repositories = repositories::read(&places)?.repositories;
    if repositories.is_empty() {
        bail!("no repositories configured");
    }
    let matcher = match given.is_on("regexp") {
        true => Some(Regex::new(keyword).map_err(|error| anyhow!("error parsing regexp: {error}"))?),
        false => None,
    };
    let keyword = keyword.to_lowercase();
    let mut hits = Vec::new();
    for repository in &repositories {
        let path = repositories::index_path(&places.repository_cache, &repository.name);
        let index = match repositories::read_index(&path) {
            Ok(index) => index,
            Err(error) => {
                let _ = writeln!(
                    std::io::stderr(),
                    "level=WARN msg=\"repo is corrupt or missing\" repo={} error={:?}",
                    repository.name,
                    format!("{error:#}")
                );
                continue;
            }
        };
        for (name, versions) in index.entries {
            for entry in versions {
                let metadata = entry.metadata;
                // What is searched, the most telling first; the score is where the keyword stands.
                let parts = [
                    metadata.name.clone(),
                    format!("{}/{}", repository.name, metadata.name),
                    metadata.description.clone(),
                    metadata.keywords.join(" "),
                ];
                let line = parts.join("\u{b}");
                let at = match &matcher {
                    _ if keyword.is_empty() => Some(0),
                    Some(matcher) => {
                        matcher.find(&line).map(|found| line[..found.start()].matches('\u{b}').count())
                    }
                    None => {
                        let line = line.to_lowercase();
                        line.find(&keyword).map(|at| line[..at].matches('\u{b}').count())
                    }
                };
                let Some(score) = at else { continue };
                hits.push(Hit {
                    score,
                    name: format!("{}/{name}", repository.name),
                    version: metadata.version,
                    app_version: metadata.app_version,
                    description: metadata.description,
                });
            }
        }
    }
    Ok(hits)
}

/// Lists the versions of a chart in a registry; where the place is no chart, the charts below it.
async fn in_registry(access: &Access, text: &str, range: &Constraint, all: bool) -> anyhow::Result<Vec<Hit>> {
    let text = text.trim_end_matches('/');
    let place = Place::parse(text)?;
    let repository = place.repository(access).await?;
    let mut hits = Vec::new();
    match oci::versions(&repository).await {
        Ok(versions) if !versions.is_empty() => {
            add_versions(&repository, text, versions, range, all, &mut hits).await?;
            return Ok(hits);
        }
        Ok(_) => {}
        // A folder of repositories has no tags of its own; whether there is such a folder, the catalog tells.
        Err(error) => tracing::debug!("{text} has no tags: {error:#}"),
    }
    let prefix = format!("{}/", place.repository);
    let mut cursor = None;
    let mut seen = 0;
    loop {
        let (names, next) = repository
            .registry()
            .repositories(cursor.as_ref(), None)
            .await
            .map_err(|error| super::answers::in_words(error, repository.registry()))?;
        seen += names.len();
        for name in names.iter().filter(|name| name.starts_with(&prefix)) {
            let Ok(name) = name.parse::<RepositoryName>() else { continue };
            let chart = access.registry(&place.host, name.as_str()).await?.repository(name.clone());
            let shown = format!("{}{}/{name}", oci::SCHEME, place.host);
            match oci::versions(&chart).await {
                Ok(versions) => add_versions(&chart, &shown, versions, range, all, &mut hits).await?,
                Err(error) => warn(&format!("{shown}: {error:#}")),
            }
        }
        cursor = next;
        if cursor.is_none() || names.is_empty() || seen > MAX_REPOSITORIES {
            return Ok(hits);
        }
    }
}

async fn add_versions(
    repository: &RemoteRepository,
    name: &str,
    versions: Vec<Version>,
    range: &Constraint,
    all: bool,
    hits: &mut Vec<Hit>,
) -> anyhow::Result<()> {
    let fitting = versions.into_iter().filter(|version| range.matches(version));
    for version in fitting.take(if all { usize::MAX } else { 1 }) {
        let Some(config) = config(repository, version.original()).await? else { continue };
        hits.push(Hit {
            score: 0,
            name: name.to_owned(),
            version: version.original().to_owned(),
            app_version: config.app_version,
            description: config.description,
        });
    }
    Ok(())
}

/// What the config of a chart says that is shown here.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Config {
    app_version: String,
    description: String,
}

/// Returns the config of a version, or `None` if it is no chart.
async fn config(repository: &RemoteRepository, version: &str) -> anyhow::Result<Option<Config>> {
    let in_words = |error| super::answers::in_words(error, repository.registry());
    let tag: Tag = tag_for_version(version).parse()?;
    let manifest = repository
        .fetch_manifest(&Reference::Tag(tag), DEFAULT_MAX_MANIFEST_BYTES)
        .await
        .map_err(in_words)?
        .parse()?;
    let Some(config) = manifest.config.filter(|config| config.media_type == CONFIG_MEDIA_TYPE) else {
        return Ok(None);
    };
    let stream = repository.fetch_blob(&config, 0).await.map_err(in_words)?;
    let text = collect(verified(stream, &config), MAX_CONFIG).await.map_err(in_words)?;
    Ok(Some(serde_json::from_slice(&text).unwrap_or_default()))
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Answer {
    data: Vec<HubChart>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct HubChart {
    id: String,
    artifact_hub: ArtifactHub,
    attributes: Attributes,
    relationships: Relationships,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct ArtifactHub {
    package_url: String,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Attributes {
    repo: HubRepository,
    description: String,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct HubRepository {
    name: String,
    url: String,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Relationships {
    latest_chart_version: Latest,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Latest {
    data: HubVersion,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct HubVersion {
    version: String,
    app_version: String,
}

/// Says why there is no host in an address, in the words of Go and Helm.
fn problem(endpoint: &str) -> Option<String> {
    let host = endpoint.split_once("://").and_then(|(_, rest)| rest.split(['/', '?', '#']).next());
    match endpoint {
        endpoint if endpoint.starts_with(':') => Some(format!("parse {endpoint:?}: missing protocol scheme")),
        _ if host.unwrap_or_default().is_empty() => Some("no hostname provided".to_owned()),
        _ => None,
    }
}

fn hub(given: &Given, arguments: &[String], out: &mut dyn Write) -> anyhow::Result<()> {
    let format = Format::of(given)?;
    let endpoint = given.text("endpoint").unwrap_or_default();
    if let Some(problem) = problem(endpoint) {
        bail!("unable to create connection to {endpoint:?}: {problem}");
    }
    let failed = || anyhow!("unable to perform search against {endpoint:?}");
    let query = reqwest::Url::parse_with_params("http://h/", [("q", arguments.join(" "))])?;
    let address = format!(
        "{}?{}",
        join_url(endpoint, "api/chartsvc/v1/charts/search"),
        query.query().unwrap_or_default()
    );
    let site = access::site(endpoint, None, false, &access::Tls::default()).map_err(|_| failed())?;
    let text = block_on(async { site.fetch(&address, None, MAX_ANSWER).await.map_err(|_| failed()) })?;
    let charts = serde_json::from_slice::<Answer>(&text).unwrap_or_default().data;
    if charts.is_empty() && given.is_on("fail-on-no-result") {
        bail!("no results found");
    }
    let url = |chart: &HubChart| match chart.artifact_hub.package_url.as_str() {
        "" => format!("{endpoint}/charts/{}", chart.id),
        url => url.to_owned(),
    };
    if format != Format::Table {
        return write_hub(&charts, url, format, out);
    }
    let with_repository = given.is_on("list-repo-url");
    let mut table = Table::new(usize::try_from(given.number("max-col-width")).unwrap_or_default());
    let columns = ["URL", "CHART VERSION", "APP VERSION", "DESCRIPTION", "REPO URL"];
    table.row(columns.into_iter().take(if with_repository { 5 } else { 4 }));
    for chart in &charts {
        let latest = &chart.relationships.latest_chart_version.data;
        let url = url(chart);
        let cells = [
            url.as_str(),
            &latest.version,
            &latest.app_version,
            &chart.attributes.description,
            &chart.attributes.repo.url,
        ];
        table.row(cells.into_iter().take(if with_repository { 5 } else { 4 }));
    }
    write_table(&table, charts.is_empty(), out)
}

fn write_hub(
    charts: &[HubChart],
    url: impl Fn(&HubChart) -> String,
    format: Format,
    out: &mut dyn Write,
) -> anyhow::Result<()> {
    use serde_json::json;
    let objects: Vec<serde_json::Value> = charts
        .iter()
        .map(|chart| {
            let latest = &chart.relationships.latest_chart_version.data;
            json!({
                "url": url(chart), "version": latest.version, "app_version": latest.app_version,
                "description": chart.attributes.description,
                "repository": {"url": chart.attributes.repo.url, "name": chart.attributes.repo.name},
            })
        })
        .collect();
    let json = serde_json::to_string(&objects)?;
    match format {
        Format::Yaml => {
            out.write_all(wharf_yaml::to_yaml(&wharf_yaml::from_json(json.as_bytes())?)?.as_bytes())?;
        }
        _ => writeln!(out, "{json}")?,
    }
    Ok(())
}
