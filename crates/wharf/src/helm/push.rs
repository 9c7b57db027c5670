//! `helm push`

use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow, bail};
use bytes::Bytes;
use wharf_chart::{
    CHART_LAYER_MEDIA_TYPE, CONFIG_MEDIA_TYPE, Metadata, PROVENANCE_LAYER_MEDIA_TYPE, config_json,
    load_archive, oci_annotations, tag_for_version,
};
use wharf_client::RemoteRepository;
use wharf_content::{BytesSource, RawManifest, ReadTarget, Target};
use wharf_oci::{Algorithm, Descriptor, Reference, Tag};

use super::access::Access;
use super::answers::{in_step, in_words};
use super::oci::{self, Place};
use super::values::reason;
use super::{chart, tables};
use crate::cobra::Command;
use crate::cobra::flags::Given;
use crate::publish::chart_manifest;
use crate::waiting::block_on;

pub(super) const COMMAND: Command = Command {
    path: &["helm", "push"],
    usage: "[chart] [remote] [flags]",
    about: "push a packed chart, and the provenance file beside it, to a registry",
    flags: &[tables::ACCESS],
    run,
};

fn run(given: &Given, arguments: &[String], out: &mut dyn Write) -> anyhow::Result<()> {
    let [name, remote, ..] = arguments else {
        return COMMAND.wrong_arguments("requires at least 2 arguments");
    };
    check_scheme(remote)?;
    let path = Path::new(name);
    match std::fs::metadata(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => bail!("{name}: no such file"),
        Err(error) => bail!("stat {name}: {}", reason(&error)),
        Ok(metadata) if metadata.is_dir() => {
            bail!("cannot push directory, must provide chart archive (.tgz)")
        }
        Ok(_) => {}
    }
    let archive = chart::archive(path)?;
    let beside = PathBuf::from(format!("{name}.prov"));
    let provenance = match beside.exists() {
        true => {
            let failed = |error| anyhow!("open {}: {}", beside.display(), reason(&error));
            Some(std::fs::read(&beside).map_err(failed)?)
        }
        false => None,
    };
    let artifact = Artifact::of(archive, provenance, &modified(path)?)?;
    let metadata = &artifact.metadata;
    let parent = remote.strip_prefix(oci::SCHEME).unwrap_or(remote).trim_end_matches('/');
    let place = Place::parse(&format!("{parent}/{}:{}", metadata.name, metadata.version))?;
    let tag: Tag = tag_for_version(&metadata.version).parse().context("a version is no tag")?;
    let access = Access::of(given);
    block_on(async {
        let repository = place.repository(&access).await?;
        push(&repository, &artifact, &tag).await
    })?;
    let reference = format!("{}/{}:{tag}", place.host, place.repository);
    oci::tell(out, "Pushed", &reference, &artifact.manifest.digest)?;
    Ok(())
}

/// A chart as a registry holds it.
pub(super) struct Artifact {
    pub(super) metadata: Metadata,
    pub(super) manifest: RawManifest,
    config: Piece,
    layers: Vec<Piece>,
}

/// A blob that is in memory.
pub(super) struct Piece {
    pub(super) descriptor: Descriptor,
    bytes: Bytes,
}

impl Artifact {
    /// Makes one of a packed chart, the provenance file that lies beside it, and the time to be told (RFC 3339).
    pub(super) fn of(archive: Vec<u8>, provenance: Option<Vec<u8>>, created: &str) -> anyhow::Result<Self> {
        let metadata = load_archive(&archive)?.metadata;
        let config = Piece::new(CONFIG_MEDIA_TYPE, config_json(&metadata));
        let mut layers = vec![Piece::new(CHART_LAYER_MEDIA_TYPE, archive)];
        layers.extend(provenance.map(|text| Piece::new(PROVENANCE_LAYER_MEDIA_TYPE, text)));
        let manifest = chart_manifest(
            &config.descriptor,
            layers.iter().map(|layer| layer.descriptor.clone()),
            oci_annotations(&metadata, Some(created)),
        )?;
        Ok(Self { metadata, manifest, config, layers })
    }

    /// Returns config and layers.
    pub(super) fn pieces(&self) -> impl Iterator<Item = &Piece> {
        std::iter::once(&self.config).chain(&self.layers)
    }
}

impl Piece {
    fn new(media_type: &str, bytes: Vec<u8>) -> Self {
        let digest = Algorithm::Sha256.digest(&bytes);
        Self { descriptor: Descriptor::new(media_type, digest, bytes.len() as u64), bytes: bytes.into() }
    }

    pub(super) fn source(&self) -> BytesSource {
        BytesSource(self.bytes.clone())
    }
}

/// Pushes what is not there: the blobs, then the manifest under its tag.
async fn push(repository: &RemoteRepository, artifact: &Artifact, tag: &Tag) -> anyhow::Result<()> {
    let manifest = &artifact.manifest;
    let registry = repository.registry();
    match repository.resolve(&Reference::Digest(manifest.digest.clone())).await {
        Ok(_) => {}
        Err(error) if oci::is_absent(&error) => {
            for piece in artifact.pieces() {
                let failed = |error| {
                    in_step(error, registry, "Push", "destination", &piece.descriptor.digest.to_string())
                };
                if !repository.blob_exists(&piece.descriptor.digest).await.map_err(failed)? {
                    repository.push_blob(&piece.descriptor, &piece.source()).await.map_err(failed)?;
                }
            }
        }
        Err(error) => {
            return Err(in_step(error, registry, "Exists", "destination", &manifest.digest.to_string()));
        }
    }
    repository
        .push_manifest(manifest, std::slice::from_ref(tag))
        .await
        .map_err(|error| in_words(error, registry))
}

fn check_scheme(remote: &str) -> anyhow::Result<()> {
    if oci::is_oci(remote) {
        return Ok(());
    }
    let first = remote.split('/').next().unwrap_or_default();
    match first.split_once(':') {
        None => bail!("scheme prefix missing from remote (e.g. \"oci://\")"),
        Some((scheme, _)) if scheme.starts_with(|c: char| c.is_ascii_alphabetic()) => {
            bail!("scheme {scheme:?} not supported")
        }
        Some(_) => bail!("invalid chart URL format: {remote}"),
    }
}

/// Returns when a file was changed, as RFC 3339 in the local time zone, in seconds.
fn modified(path: &Path) -> anyhow::Result<String> {
    let time = std::fs::metadata(path)?.modified()?;
    let time = jiff::Timestamp::try_from(time)?.to_zoned(jiff::tz::TimeZone::system());
    let zone = if time.offset().is_zero() { "Z".to_owned() } else { time.strftime("%:z").to_string() };
    Ok(format!("{}{zone}", time.strftime("%Y-%m-%dT%H:%M:%S")))
}
