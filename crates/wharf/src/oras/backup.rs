//! `oras backup`

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use wharf_content::{LayoutTarget, TarTarget};
use wharf_oci::{Descriptor, ManifestKind};

use super::cp::in_words;
use super::fault::{Fault, arguments, missing_is_own};
use super::place::Place;
use super::remote::Remote;
use super::status::{self, Carry, Detail, Status, carry, line};
use super::tables;
use super::target::{Kind, RemoteReference, Target, check_tag};
use crate::cobra::Command;
use crate::cobra::flags::Kind::{Number, Switch, Text};
use crate::cobra::flags::{Given, flag, short};
use crate::waiting::block_on;

pub(super) const COMMAND: Command = Command {
    path: &["oras", "backup"],
    usage: "[flags] --output <path> <registry>/<repository>[:<ref1>[,<ref2>...]]",
    about: "[Experimental] Back up artifacts from a registry into an OCI image layout

The layout is a tar where the output path ends in .tar, else a folder.

Example - One artifact into a folder, and into a tar:
  oras backup --output hello localhost:5000/hello:v1
  oras backup --output hello.tar localhost:5000/hello:v1

Example - With what is attached (attestations, SBOMs):
  oras backup --output hello --include-referrers localhost:5000/hello:v1

Example - Some tags, and all tags of a repository:
  oras backup --output hello localhost:5000/hello:v1,v2,v3
  oras backup --output hello localhost:5000/hello",
    flags: &[
        tables::COMMON,
        tables::REMOTE,
        tables::STDIN,
        tables::DISTRIBUTION,
        tables::TERMINAL,
        &[
            flag("concurrency", Number(3), "concurrency level"),
            flag(
                "include-referrers",
                Switch,
                "back up the artifact with its referrers (e.g., attestations, SBOMs)",
            ),
            short(
                'o',
                "output",
                Text,
                "path to the target output, either a tar archive (*.tar) or a directory",
            ),
        ],
    ],
    run: |given, words, _| block_on(run(given, words)).map_err(missing_is_own),
};

async fn run(given: &Given, words: &[String]) -> anyhow::Result<()> {
    arguments(&COMMAND, words, 1..=1, "the artifacts to back up")?;
    let remote = Remote::parse(given, "")?;
    let (repository, tags) = references(&words[0])?;
    ensure!(given.is_given("output"), "required flag(s) \"output\" not set");
    let output = given.text("output").unwrap_or_default();
    ensure!(!output.is_empty(), "the output path cannot be empty");
    let started = Instant::now();
    let source = Place::open(&repository_target(&repository, remote.clone())).await?;
    let referrers = given.is_on("include-referrers");
    let is_tar = Path::new(output).extension().is_some_and(|end| end.eq_ignore_ascii_case("tar"));
    let beside = PathBuf::from(format!("{output}.new"));
    let layout = Target {
        kind: Kind::Layout,
        raw: output.to_owned(),
        path: output.to_owned(),
        reference: String::new(),
        remote: Remote::default(),
    };
    if is_tar {
        check_output(output)?;
    }
    let (tags, roots) = resolve(&source, tags).await?;
    if tags.is_empty() {
        return Err(Fault::new(format!("no tags found in repository {repository:?}"))
            .advice(format!("If you want to list available tags in {repository:?}, use \"oras repo tags\""))
            .into());
    }
    let destination = if is_tar {
        // Another tar with that name is replaced when the new one is whole.
        let _ = std::fs::remove_file(&beside);
        Place::tar(layout, TarTarget::create(&beside).await?)
    } else {
        let opened = LayoutTarget::create(output).await;
        Place::folder(layout, opened.context("failed to prepare OCI store for backup")?)
    };
    tell_tags(&tags, &format!("in {repository}"));
    let detail = Detail::of(given, true, true);
    for (tag, root) in tags.iter().zip(&roots) {
        let work = Carry {
            source: source.read(),
            root,
            to: &destination,
            name: tag,
            referrers,
            concurrency: given.number("concurrency"),
        };
        let carried = carry(work, &Status::new(status::BACKUP, detail)).await;
        carried
            .map_err(|error| in_words(error, &source, &destination))
            .with_context(|| format!("failed to back up tag {tag:?} from {repository:?} to {output:?}"))?;
        let count = if referrers { count(&destination, root).await? } else { 0 };
        line(format_args!("Pulled tag {tag} with {count} referrer(s)"));
    }
    if is_tar {
        line(format_args!("Exporting to {output}"));
    }
    destination.write().commit().await?;
    if is_tar {
        std::fs::rename(&beside, output)
            .with_context(|| format!("failed to create tar archive at {output}"))?;
        let size = std::fs::metadata(output)?.len();
        line(format_args!("Exported to {output} ({})", human_size(size)));
    }
    line(format_args!(
        "Successfully backed up {} tag(s) from {repository:?} to {output:?} in {}.",
        tags.len(),
        human_time(started.elapsed())
    ));
    Ok(())
}

fn check_output(output: &str) -> anyhow::Result<()> {
    if Path::new(output).is_dir() {
        return Err(Fault::new(format!("the output path {output:?} already exists and is a directory"))
            .advice(
                "To back up to a tar archive, please specify a different output file name or remove the existing \
                 directory.",
            )
            .into());
    }
    let folder = Path::new(output).parent().filter(|folder| *folder != Path::new(""));
    if let Some(folder) = folder.filter(|folder| !folder.is_dir()) {
        bail!(
            "unable to create output file {output}: open {output}: no such file or directory ({} is no folder)",
            folder.display()
        );
    }
    Ok(())
}

/// Returns the target that stands for a repository.
pub(super) fn repository_target(repository: &str, remote: Remote) -> Target {
    Target {
        kind: Kind::Registry,
        raw: repository.to_owned(),
        path: repository.to_owned(),
        reference: String::new(),
        remote,
    }
}

/// Reads `REGISTRY/REPOSITORY[:TAG,…]`.
pub(super) fn references(text: &str) -> anyhow::Result<(String, Vec<String>)> {
    ensure!(!text.is_empty(), "artifact reference cannot be empty");
    ensure!(!text.contains('@'), "digest references are not supported: {text:?}");
    let mut parts = text.split(',');
    let main = parts.next().unwrap_or_default();
    let parsed = RemoteReference::parse(main).with_context(|| format!("invalid reference {main:?}"))?;
    let repository = format!("{}/{}", parsed.registry, parsed.repository);
    let more: Vec<String> = parts.map(str::to_owned).collect();
    if parsed.reference.is_empty() && more.is_empty() {
        return Ok((repository, Vec::new()));
    }
    let tags: Vec<String> = std::iter::once(parsed.reference).chain(more).collect();
    for tag in &tags {
        ensure!(!tag.is_empty(), "empty tag in reference {text:?}");
        check_tag(tag).with_context(|| format!("invalid tag {tag:?} in reference {text:?}"))?;
    }
    Ok((repository, tags))
}

/// Returns these tags, or all, with what they lead to.
pub(super) async fn resolve(
    place: &Place,
    tags: Vec<String>,
) -> anyhow::Result<(Vec<String>, Vec<Descriptor>)> {
    let tags = if tags.is_empty() { place.names().await.context("failed to find tags")? } else { tags };
    let mut roots = Vec::new();
    for tag in &tags {
        let root = place.resolve(tag).await.with_context(|| format!("failed to resolve tag {tag:?}"))?;
        roots.push(root);
    }
    Ok((tags, roots))
}

pub(super) fn tell_tags(tags: &[String], place: &str) {
    if tags.len() <= 5 {
        line(format_args!("Found {} tag(s) {place}: {}", tags.len(), tags.join(", ")));
        return;
    }
    line(format_args!("Found {} tag(s) {place}:", tags.len()));
    for tag in tags {
        line(tag);
    }
}

/// Returns the number of referrers of a manifest and of the manifests of an index, and of theirs in turn.
pub(super) async fn count(place: &Place, root: &Descriptor) -> anyhow::Result<usize> {
    let mut found = below(place, vec![root.clone()]).await?;
    let parsed = place.manifest(root).await?.parse()?;
    if parsed.kind == ManifestKind::Index {
        found += below(place, parsed.manifests).await?;
    }
    Ok(found)
}

async fn below(place: &Place, mut level: Vec<Descriptor>) -> anyhow::Result<usize> {
    let mut seen = std::collections::HashSet::new();
    while !level.is_empty() {
        let mut next = Vec::new();
        for subject in level {
            for referrer in place.referrers(&subject.digest, None).await? {
                if seen.insert(referrer.digest.clone()) {
                    next.push(referrer);
                }
            }
        }
        level = next;
    }
    Ok(seen.len())
}

/// Returns a size as ORAS shows it.
pub(super) fn human_size(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["B", "KB", "MB", "GB", "TB"];
    let mut unit = 0;
    let mut size = bytes as f64;
    while size >= 1024.0 && unit + 1 < UNITS.len() {
        size /= 1024.0;
        unit += 1;
    }
    let parts = if size < 10.0 {
        100.0
    } else if size < 100.0 {
        10.0
    } else {
        1.0
    };
    format!("{} {:>2}", (size * parts).round() / parts, UNITS[unit])
}

/// Returns a time as Go shows it, to the microsecond, millisecond or second.
pub(super) fn human_time(time: Duration) -> String {
    if time <= Duration::from_millis(1) {
        return format!("{}µs", time.as_micros());
    }
    if time <= Duration::from_secs(1) {
        return format!("{}ms", time.as_secs_f64().mul_add(1000.0, 0.5) as u64);
    }
    // Small enough for any run.
    let seconds = (time.as_secs_f64() + 0.5) as u64;
    match (seconds / 3600, seconds / 60 % 60, seconds % 60) {
        (0, 0, seconds) => format!("{seconds}s"),
        (0, minutes, seconds) => format!("{minutes}m{seconds}s"),
        (hours, minutes, seconds) => format!("{hours}h{minutes}m{seconds}s"),
    }
}
