//! Charts in registries: references as Helm reads them, versions among tags, pulling.

use std::fmt;
use std::io::Write;

use anyhow::{anyhow, bail};
use bytes::Bytes;
use wharf_chart::semver::{Constraint, Version};
use wharf_chart::{
    CHART_LAYER_MEDIA_TYPE, CONFIG_MEDIA_TYPE, LEGACY_CHART_LAYER_MEDIA_TYPE, PROVENANCE_LAYER_MEDIA_TYPE,
    tag_for_version,
};
use wharf_client::RemoteRepository;
use wharf_content::{
    DEFAULT_MAX_MANIFEST_BYTES, ErrorKind, RawManifest, ReadTarget, all_tags, collect, verified,
};
use wharf_oci::{Descriptor, Digest, Reference, RepositoryName, Tag};

use super::access::Access;
use super::answers::{in_step, in_words};
use super::chart::MAX_ARCHIVE;
use super::provenance::MAX_PROVENANCE;

/// The most tags that are looked through.
const MAX_TAGS: usize = 100_000;
/// The most manifests of an index that are looked into for a chart.
const MAX_CHILDREN: usize = 32;

pub(super) const SCHEME: &str = "oci://";

pub(super) fn is_oci(name: &str) -> bool {
    name.starts_with(SCHEME)
}

/// A place in a registry as the user wrote it.
#[derive(Clone, Debug)]
pub(super) struct Place {
    pub(super) host: String,
    pub(super) repository: RepositoryName,
    /// Empty for none.
    pub(super) tag: String,
    pub(super) digest: Option<Digest>,
}

impl Place {
    /// Reads `[oci://]HOST/REPOSITORY[:TAG][@DIGEST]`.
    pub(super) fn parse(text: &str) -> anyhow::Result<Self> {
        let text = text.strip_prefix(SCHEME).unwrap_or(text);
        let (text, digest) = match text.rsplit_once('@') {
            Some((text, digest)) => (text, Some(digest)),
            None => (text, None),
        };
        let (path, tag) = match text.rsplit_once(':') {
            Some((path, tag)) if !tag.contains('/') && path.contains('/') => (path, tag_for_version(tag)),
            _ => (text, String::new()),
        };
        let Some((host, repository)) =
            path.split_once('/').filter(|(host, rest)| !host.is_empty() && !rest.is_empty())
        else {
            bail!("invalid reference: missing registry or repository");
        };
        let name = repository
            .parse()
            .map_err(|_| anyhow!("invalid reference: invalid repository {repository:?}"))?;
        if !tag.is_empty() && tag.parse::<Tag>().is_err() {
            bail!("invalid reference: invalid tag {tag:?}");
        }
        let digest = match digest {
            Some(digest) => Some(
                digest
                    .parse()
                    .map_err(|error| anyhow!("invalid reference: invalid digest {digest:?}: {error}"))?,
            ),
            None => None,
        };
        Ok(Self { host: host.to_owned(), repository: name, tag, digest })
    }

    pub(super) async fn repository(&self, access: &Access) -> anyhow::Result<RemoteRepository> {
        let registry = access.registry(&self.host, self.repository.as_str()).await?;
        Ok(registry.repository(self.repository.clone()))
    }
}

/// A chart that is known to be wanted by this tag or digest.
#[derive(Clone)]
pub(super) struct Pinned {
    repository: RemoteRepository,
    host: String,
    reference: Reference,
    /// The version as it is written in file names, `+` and all; empty with a digest.
    version: String,
}

impl fmt::Display for Pinned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mark = if matches!(self.reference, Reference::Digest(_)) { '@' } else { ':' };
        write!(f, "{}/{}{mark}{}", self.host, self.repository.repository(), self.reference)
    }
}

/// Chooses the version of a chart: a digest, a tag, or the newest tag in a range.
pub(super) async fn pin(access: &Access, text: &str, version: &str) -> anyhow::Result<Pinned> {
    let place = Place::parse(text)?;
    let repository = place.repository(access).await?;
    let wanted = match (version, place.tag.as_str()) {
        ("", tag) => tag.to_owned(),
        (version, tag) if tag.is_empty() || tag_for_version(version) == tag => version.to_owned(),
        (version, tag) => bail!("chart reference and version mismatch: {version} is not {tag}"),
    };
    let pinned = |reference, version: &str| Pinned {
        repository: repository.clone(),
        host: place.host.clone(),
        reference,
        version: version.to_owned(),
    };
    if let Some(digest) = &place.digest {
        if let Ok(tag) = tag_for_version(&wanted).parse::<Tag>()
            && let Ok(found) = repository.resolve(&Reference::Tag(tag)).await
            && found.digest != *digest
        {
            bail!("chart reference digest mismatch: {} is not {digest}", found.digest);
        }
        return Ok(pinned(Reference::Digest(digest.clone()), ""));
    }
    if Version::parse(&wanted).is_ok() {
        let tag: Tag = tag_for_version(&wanted)
            .parse()
            .map_err(|_| anyhow!("invalid reference: invalid tag {wanted:?}"))?;
        return Ok(pinned(Reference::Tag(tag), &wanted));
    }
    let range = match Constraint::parse(if wanted.is_empty() { "*" } else { &wanted }) {
        Ok(range) => range,
        // Helm knows no tags but versions; a channel, such as `stable`, is one here.
        Err(error) => match wanted.parse::<Tag>() {
            Ok(tag) => return Ok(pinned(Reference::Tag(tag), &wanted)),
            Err(_) => bail!(error),
        },
    };
    let versions = versions(&repository).await?;
    if versions.is_empty() {
        bail!("unable to locate any tags in provided repository: {text}");
    }
    let Some(found) = versions.iter().find(|version| range.matches(version)) else {
        bail!("could not locate a version matching provided version string {wanted}");
    };
    let tag: Tag = tag_for_version(found.original()).parse()?;
    Ok(pinned(Reference::Tag(tag), found.original()))
}

/// Returns the versions among the tags of a repository, the newest first.
pub(super) async fn versions(repository: &RemoteRepository) -> anyhow::Result<Vec<Version>> {
    let tags =
        all_tags(repository, MAX_TAGS).await.map_err(|error| in_words(error, repository.registry()))?;
    let mut versions: Vec<Version> =
        tags.iter().filter_map(|tag| Version::parse_strict(&tag.as_str().replace('_', "+")).ok()).collect();
    versions.sort_by(|a, b| b.cmp(a));
    Ok(versions)
}

impl Pinned {
    pub(super) fn is_by_digest(&self) -> bool {
        matches!(self.reference, Reference::Digest(_))
    }

    /// Returns the name of the archive, as Helm saves it.
    pub(super) fn file_name(&self) -> String {
        let base = self.repository.repository().as_str().rsplit('/').next().unwrap_or_default();
        match &self.reference {
            Reference::Digest(digest) => format!("{base}@{}.tgz", digest.to_string().replace(':', "-")),
            Reference::Tag(_) => format!("{base}-{}.tgz", self.version),
        }
    }

    /// Returns the address of the archive as Helm writes it.
    pub(super) fn address(&self) -> String {
        match self.reference {
            Reference::Digest(_) => format!("{SCHEME}{self}"),
            Reference::Tag(_) => {
                format!("{SCHEME}{}/{}:{}", self.host, self.repository.repository(), self.version)
            }
        }
    }

    /// Pulls the archive, and tells so.
    pub(super) async fn archive(&self, out: &mut dyn Write) -> anyhow::Result<Bytes> {
        self.pull(&[CHART_LAYER_MEDIA_TYPE, LEGACY_CHART_LAYER_MEDIA_TYPE], MAX_ARCHIVE, out).await
    }

    /// Pulls the provenance file, and tells so.
    pub(super) async fn provenance(&self, out: &mut dyn Write) -> anyhow::Result<Bytes> {
        self.pull(&[PROVENANCE_LAYER_MEDIA_TYPE], MAX_PROVENANCE, out).await
    }

    async fn pull(&self, wanted: &[&str], max: u64, out: &mut dyn Write) -> anyhow::Result<Bytes> {
        let (manifest, found) = self.manifest().await?;
        let config = found.iter().find(|descriptor| descriptor.media_type == CONFIG_MEDIA_TYPE);
        let layer =
            wanted.iter().find_map(|wanted| found.iter().find(|descriptor| descriptor.media_type == *wanted));
        let count = 1 + found
            .iter()
            .filter(|found| {
                found.media_type == CONFIG_MEDIA_TYPE || wanted.contains(&found.media_type.as_str())
            })
            .count();
        if count < 2 {
            bail!("manifest does not contain minimum number of descriptors (2), descriptors found: {count}");
        }
        if config.is_none() {
            bail!("could not load config with mediatype {CONFIG_MEDIA_TYPE}");
        }
        let Some(layer) = layer else {
            bail!("manifest does not contain a layer with mediatype {}", wanted[0]);
        };
        if layer.media_type == LEGACY_CHART_LAYER_MEDIA_TYPE {
            writeln!(out, "Warning: chart media type {LEGACY_CHART_LAYER_MEDIA_TYPE} is deprecated")?;
        }
        if layer.size > max {
            bail!("{self} holds {} bytes, at most {max} are read", layer.size);
        }
        let registry = self.repository.registry();
        let stream = self.repository.fetch_blob(layer, 0).await.map_err(|error| in_words(error, registry))?;
        let bytes = collect(verified(stream, layer), max).await.map_err(|error| in_words(error, registry))?;
        tell(out, "Pulled", &self.to_string(), &manifest.digest)?;
        Ok(bytes)
    }

    /// Returns the manifest, and the config and layers of the chart that it holds, itself or as an index.
    async fn manifest(&self) -> anyhow::Result<(RawManifest, Vec<Descriptor>)> {
        let registry = self.repository.registry();
        let manifest = self
            .repository
            .fetch_manifest(&self.reference, DEFAULT_MAX_MANIFEST_BYTES)
            .await
            .map_err(|error| in_step(error, registry, "FetchReference", "source", &self.to_string()))?;
        let parsed = manifest.parse()?;
        let mut found: Vec<Descriptor> = parsed.config.into_iter().chain(parsed.layers).collect();
        for child in parsed.manifests.iter().take(MAX_CHILDREN) {
            let child = self
                .repository
                .fetch_manifest(&Reference::Digest(child.digest.clone()), DEFAULT_MAX_MANIFEST_BYTES)
                .await
                .map_err(|error| in_words(error, registry))?
                .parse()?;
            found.extend(child.config.into_iter().chain(child.layers));
        }
        Ok((manifest, found))
    }
}

/// Says what was pulled or pushed.
pub(super) fn tell(out: &mut dyn Write, what: &str, name: &str, digest: &Digest) -> std::io::Result<()> {
    write!(out, "{what}: {name}\nDigest: {digest}\n")?;
    if name.contains('_') {
        write!(out, "{name} contains an underscore.\n{UNDERSCORE}\n")?;
    }
    out.flush()
}

/// Helm's words on versions with a plus sign.
const UNDERSCORE: &str = "
OCI artifact references (e.g. tags) do not support the plus sign (+). To support
storing semantic versions, Helm adopts the convention of changing plus (+) to
an underscore (_) in chart version tags when pushing to a registry and back to
a plus (+) when pulling from a registry.";

/// Whether a registry said that it has no such thing.
pub(super) fn is_absent(error: &wharf_content::Error) -> bool {
    error.kind() == ErrorKind::NotFound
}
