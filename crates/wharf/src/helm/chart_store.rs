//! `helm chart save|list|push|pull|export|remove`, as Helm 3.0 to 3.6 had them: charts kept on this machine under the name
//! they have in a registry.
//!
//! Each repository is an OCI layout of its own below `registry/cache` in Helm's cache folder, its folder named by the
//! reference, with what cannot stand in a file name written as `%XX`.

use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow, bail};
use percent_encoding::{NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use serde::Deserialize;
use wharf_chart::{
    CHART_LAYER_MEDIA_TYPE, CONFIG_MEDIA_TYPE, DEFAULT_PACK_TIME, LEGACY_CHART_LAYER_MEDIA_TYPE, PackOptions,
    load_folder, pack, tag_for_version,
};
use wharf_content::{
    CopyOptions, DEFAULT_MAX_MANIFEST_BYTES, ErrorKind, LayoutTarget, RawManifest, ReadTarget, Target,
    all_tags, collect, copy, verified,
};
use wharf_oci::{Descriptor, Manifest, Reference, Tag};

use super::access::Access;
use super::answers::in_words;
use super::chart::{self, MAX_ARCHIVE};
use super::files::unpack;
use super::oci::{self, Place};
use super::push::Artifact;
use super::table::Table;
use super::{now, tables};
use crate::cobra::Command;
use crate::cobra::flags::Kind::Text;
use crate::cobra::flags::{Given, short};
use crate::commands::publish::source_date_epoch;
use crate::waiting::block_on;

pub(super) const SAVE: Command = Command {
    path: &["helm", "chart", "save"],
    usage: "[path] [ref] [flags]",
    about: "keep a chart folder or archive on this machine under a registry's name (as in Helm 3.0 to 3.6)",
    flags: &[],
    run: save,
};

pub(super) const LIST: Command = Command {
    path: &["helm", "chart", "list|ls"],
    usage: "[flags]",
    about: "list the charts that are kept on this machine",
    flags: &[],
    run: list,
};

pub(super) const PUSH: Command = Command {
    path: &["helm", "chart", "push"],
    usage: "[ref] [flags]",
    about: "push a chart that is kept on this machine to its registry",
    flags: &[tables::ACCESS],
    run: push,
};

pub(super) const PULL: Command = Command {
    path: &["helm", "chart", "pull"],
    usage: "[ref] [flags]",
    about: "pull a chart from its registry and keep it on this machine",
    flags: &[tables::ACCESS],
    run: pull,
};

pub(super) const EXPORT: Command = Command {
    path: &["helm", "chart", "export"],
    usage: "[ref] [flags]",
    about: "write a chart that is kept on this machine to a folder",
    flags: &[&[short('d', "destination", Text, "the folder to write the chart's folder into")]],
    run: export,
};

pub(super) const REMOVE: Command = Command {
    path: &["helm", "chart", "remove|rm"],
    usage: "[ref] [flags]",
    about: "forget a chart that is kept on this machine",
    flags: &[],
    run: remove,
};

/// The longest config that is read, in bytes.
const MAX_CONFIG_BYTES: u64 = 1 << 20;
/// The most charts of one repository that are listed.
const MAX_TAGS: usize = 10_000;

/// The charts that are kept on this machine.
struct Store(PathBuf);

/// One of them.
struct Kept {
    manifest: RawManifest,
    parsed: Manifest,
    /// The layer with the packed chart.
    chart: Descriptor,
    named: Named,
}

/// What the config, which is the chart's metadata, says. Manifests that Helm 3 wrote have no annotations.
#[derive(Deserialize)]
struct Named {
    name: String,
    version: String,
}

impl Store {
    fn of(given: &Given) -> Self {
        Self(super::places::Places::of(given).cache.join("registry/cache"))
    }

    fn folder(&self, place: &Place) -> PathBuf {
        let name = format!("{}/{}", place.host, place.repository);
        self.0.join(utf8_percent_encode(&name, NON_ALPHANUMERIC).to_string())
    }

    async fn create(&self, place: &Place) -> anyhow::Result<LayoutTarget> {
        let folder = self.folder(place);
        std::fs::create_dir_all(&folder).with_context(|| format!("cannot write {}", folder.display()))?;
        Ok(LayoutTarget::create(folder).await?)
    }

    /// Finds a chart that must be there.
    async fn find(&self, place: &Place, tag: &Tag) -> anyhow::Result<(LayoutTarget, Kept)> {
        let absent = || anyhow!("Chart not found: {}/{}:{tag}", place.host, place.repository);
        let layout = LayoutTarget::open(self.folder(place)).await.map_err(|error| match error.kind() {
            ErrorKind::NotFound => absent(),
            _ => error.into(),
        })?;
        match Kept::read(&layout, tag).await? {
            Some(kept) => Ok((layout, kept)),
            None => Err(absent()),
        }
    }
}

impl Kept {
    async fn read(layout: &LayoutTarget, tag: &Tag) -> anyhow::Result<Option<Self>> {
        match layout.fetch_manifest(&Reference::Tag(tag.clone()), DEFAULT_MAX_MANIFEST_BYTES).await {
            Ok(manifest) => Ok(Some(Self::of(layout, manifest).await?)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Looks into a manifest, and into the config that lies beside it.
    async fn of(target: &dyn ReadTarget, manifest: RawManifest) -> anyhow::Result<Self> {
        let parsed = manifest.parse()?;
        let Some(config) = parsed.config.as_ref().filter(|config| config.media_type == CONFIG_MEDIA_TYPE)
        else {
            bail!("could not load config with mediatype {CONFIG_MEDIA_TYPE}")
        };
        let is_chart = |layer: &&Descriptor| {
            [CHART_LAYER_MEDIA_TYPE, LEGACY_CHART_LAYER_MEDIA_TYPE].contains(&layer.media_type.as_str())
        };
        let Some(chart) = parsed.layers.iter().find(is_chart).cloned() else {
            bail!("manifest does not contain a layer with mediatype {CHART_LAYER_MEDIA_TYPE}")
        };
        let bytes = collect(verified(target.fetch_blob(config, 0).await?, config), MAX_CONFIG_BYTES).await?;
        let named = serde_json::from_slice(&bytes)
            .with_context(|| format!("config {} is no description of a chart", config.digest))?;
        Ok(Self { manifest, parsed, chart, named })
    }

    fn created(&self) -> &str {
        let said = self.parsed.annotations.get("org.opencontainers.image.created");
        said.map(String::as_str).unwrap_or_default()
    }

    fn digest(&self) -> String {
        let text = self.manifest.digest.to_string();
        text.rsplit(':').next().unwrap_or_default().to_owned()
    }

    fn tell(&self, place: &Place, tag: &Tag, out: &mut dyn Write) -> anyhow::Result<()> {
        write!(
            out,
            "ref:     {}/{}:{tag}\ndigest:  {}\nsize:    {}\nname:    {}\nversion: {}\n",
            place.host,
            place.repository,
            self.digest(),
            size(self.chart.size),
            self.named.name,
            self.named.version,
        )?;
        Ok(())
    }
}

/// Reads a reference, and its tag if it has one.
fn place(text: &str) -> anyhow::Result<(Place, Option<Tag>)> {
    let place = Place::parse(text)?;
    if place.digest.is_some() {
        bail!("{text}: charts are kept by their tags, not by digests");
    }
    let tag = (!place.tag.is_empty()).then(|| place.tag.parse()).transpose()?;
    Ok((place, tag))
}

/// The same where only one chart can be meant.
fn place_and_tag(text: &str) -> anyhow::Result<(Place, Tag)> {
    let (place, tag) = place(text)?;
    Ok((place, tag.context("tag explicitly required")?))
}

fn save(given: &Given, arguments: &[String], out: &mut dyn Write) -> anyhow::Result<()> {
    let [path, reference] = arguments else { return SAVE.wrong_arguments("requires at least 2 arguments") };
    let path = Path::new(path);
    let archive = if path.is_dir() {
        let modified = source_date_epoch()?.unwrap_or(DEFAULT_PACK_TIME);
        pack(&load_folder(chart::files(path)?)?, &PackOptions { modified, ..PackOptions::default() })?.bytes
    } else {
        chart::archive(path)?
    };
    let artifact = Artifact::of(archive, None, &now()?)?;
    let (place, tag) = place(reference)?;
    let tag = match tag {
        Some(tag) => tag,
        None => tag_for_version(&artifact.metadata.version).parse().context("a version is no tag")?,
    };
    let kept = block_on(async {
        let layout = Store::of(given).create(&place).await?;
        for piece in artifact.pieces() {
            layout.push_blob(&piece.descriptor, &piece.source()).await?;
        }
        layout.push_manifest(&artifact.manifest, std::slice::from_ref(&tag)).await?;
        layout.commit().await?;
        Kept::of(&layout, artifact.manifest).await
    })?;
    kept.tell(&place, &tag, out)?;
    writeln!(out, "{tag}: saved")?;
    Ok(())
}

fn list(given: &Given, arguments: &[String], out: &mut dyn Write) -> anyhow::Result<()> {
    if !arguments.is_empty() {
        return LIST.wrong_arguments("accepts no arguments");
    }
    let mut table = Table::new(60);
    table.row(["REF", "NAME", "VERSION", "DIGEST", "SIZE", "CREATED"]);
    let store = Store::of(given);
    let mut folders: Vec<PathBuf> = match std::fs::read_dir(&store.0) {
        Ok(entries) => entries.filter_map(|entry| Some(entry.ok()?.path())).collect(),
        Err(_) => Vec::new(),
    };
    folders.sort();
    block_on(async {
        for folder in folders {
            let name = folder.file_name().unwrap_or_default().to_string_lossy();
            let name = percent_decode_str(&name).decode_utf8_lossy();
            // Whatever else lies there is no chart.
            let Ok(layout) = LayoutTarget::open(&folder).await else { continue };
            for tag in all_tags(&layout, MAX_TAGS).await? {
                let Some(kept) = Kept::read(&layout, &tag).await? else { continue };
                table.row([
                    format!("{name}:{tag}").as_str(),
                    &kept.named.name,
                    &kept.named.version,
                    kept.digest().get(..7).unwrap_or_default(),
                    &size(kept.chart.size),
                    &age(kept.created()),
                ]);
            }
        }
        Ok(())
    })?;
    writeln!(out, "{}", table.text())?;
    Ok(())
}

fn push(given: &Given, arguments: &[String], out: &mut dyn Write) -> anyhow::Result<()> {
    let [reference] = arguments else { return PUSH.wrong_arguments("requires 1 argument") };
    let (place, tag) = place_and_tag(reference)?;
    let access = Access::of(given);
    block_on(async {
        let (layout, kept) = Store::of(given).find(&place, &tag).await?;
        writeln!(out, "The push refers to repository [{}/{}]", place.host, place.repository)?;
        kept.tell(&place, &tag, out)?;
        let repository = place.repository(&access).await?;
        let reference = Reference::Tag(tag.clone());
        copy(&layout, &reference, &repository, &CopyOptions::default())
            .await
            .map_err(|error| in_words(error, repository.registry()))?;
        let layers = kept.parsed.layers.len();
        let total = kept.parsed.layers.iter().map(|layer| layer.size).sum();
        let plural = if layers == 1 { "" } else { "s" };
        writeln!(out, "{tag}: pushed to remote ({layers} layer{plural}, {} total)", size(total))?;
        Ok(())
    })
}

fn pull(given: &Given, arguments: &[String], out: &mut dyn Write) -> anyhow::Result<()> {
    let [reference] = arguments else { return PULL.wrong_arguments("requires 1 argument") };
    let (place, tag) = place_and_tag(reference)?;
    let access = Access::of(given);
    block_on(async {
        let name = format!("{}/{}", place.host, place.repository);
        writeln!(out, "{tag}: Pulling from {name}")?;
        let repository = place.repository(&access).await?;
        let reference = Reference::Tag(tag.clone());
        let manifest =
            repository.fetch_manifest(&reference, DEFAULT_MAX_MANIFEST_BYTES).await.map_err(|error| {
                match oci::is_absent(&error) {
                    true => anyhow!("{name}:{tag}: not found"),
                    false => in_words(error, repository.registry()),
                }
            })?;
        let pulled = Kept::of(&repository, manifest).await?;
        let layout = Store::of(given).create(&place).await?;
        let before = Kept::read(&layout, &tag).await?;
        // By the digest that was looked at, whatever the tag is moved to meanwhile.
        let digest = Reference::Digest(pulled.manifest.digest.clone());
        let options = CopyOptions { tags: Some(vec![tag.clone()]), ..CopyOptions::default() };
        copy(&repository, &digest, &layout, &options)
            .await
            .map_err(|error| in_words(error, repository.registry()))?;
        layout.commit().await?;
        pulled.tell(&place, &tag, out)?;
        match before.is_some_and(|before| before.manifest.digest == pulled.manifest.digest) {
            true => writeln!(out, "Status: Chart is up to date for {name}:{tag}")?,
            false => writeln!(out, "Status: Downloaded newer chart for {name}:{tag}")?,
        }
        Ok(())
    })
}

fn export(given: &Given, arguments: &[String], out: &mut dyn Write) -> anyhow::Result<()> {
    let [reference] = arguments else { return EXPORT.wrong_arguments("requires 1 argument") };
    let (place, tag) = place_and_tag(reference)?;
    let (kept, archive) = block_on(async {
        let (layout, kept) = Store::of(given).find(&place, &tag).await?;
        let stream = layout.fetch_blob(&kept.chart, 0).await?;
        let archive = collect(verified(stream, &kept.chart), MAX_ARCHIVE).await?;
        Ok((kept, archive))
    })?;
    let target = unpack(&archive, Path::new(given.text("destination").unwrap_or(".")))?;
    kept.tell(&place, &tag, out)?;
    let shown = target.strip_prefix(".").unwrap_or(&target);
    writeln!(out, "Exported chart to {}/", shown.display())?;
    Ok(())
}

fn remove(given: &Given, arguments: &[String], out: &mut dyn Write) -> anyhow::Result<()> {
    let [reference] = arguments else { return REMOVE.wrong_arguments("requires 1 argument") };
    let (place, tag) = place_and_tag(reference)?;
    block_on(async {
        let store = Store::of(given);
        let (layout, _) = store.find(&place, &tag).await?;
        layout.delete_manifest(&Reference::Tag(tag.clone())).await?;
        layout.commit().await?;
        if all_tags(&layout, 1).await?.is_empty() {
            let folder = store.folder(&place);
            std::fs::remove_dir_all(&folder)
                .with_context(|| format!("cannot remove {}", folder.display()))?;
        }
        Ok(())
    })?;
    writeln!(out, "{tag}: removed")?;
    Ok(())
}

/// Writes a number of bytes as Helm 3 did: `454 B`, `2.4 KiB`.
#[expect(clippy::cast_precision_loss, reason = "one digit is shown")]
fn size(bytes: u64) -> String {
    let mut value = bytes as f64;
    let mut unit = "";
    for next in ["Ki", "Mi", "Gi", "Ti"] {
        if value < 1024.0 {
            break;
        }
        value /= 1024.0;
        unit = next;
    }
    if unit.is_empty() { format!("{bytes} B") } else { format!("{value:.1} {unit}B") }
}

/// Writes how long a time is ago, in the largest unit that fits: `27 seconds`.
fn age(created: &str) -> String {
    let Ok(created) = created.parse::<jiff::Timestamp>() else { return "-".to_owned() };
    let seconds = jiff::Timestamp::now().duration_since(created).as_secs().max(0);
    let (count, unit) = match seconds {
        0 => return "Less than a second".to_owned(),
        1..60 => (seconds, "second"),
        60..3600 => (seconds / 60, "minute"),
        3600..86_400 => (seconds / 3600, "hour"),
        _ => (seconds / 86_400, "day"),
    };
    format!("{count} {unit}{}", if count == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_written_in_powers_of_1024() {
        assert_eq!(
            [size(454), size(1024), size(2458), size(5 << 20)],
            ["454 B", "1.0 KiB", "2.4 KiB", "5.0 MiB"]
        );
    }
}
