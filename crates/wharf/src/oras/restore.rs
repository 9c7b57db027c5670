//! `oras restore`

use std::io::Read;
use std::time::Instant;

use anyhow::{Context, bail, ensure};

use super::backup::{count, human_size, human_time, references, repository_target, resolve, tell_tags};
use super::cp::in_words;
use super::fault::{Fault, arguments, missing_is_own};
use super::place::Place;
use super::remote::Remote;
use super::status::{self, Carry, Detail, Status, carry, line};
use super::tables;
use super::target::{Kind, Target};
use crate::cobra::Command;
use crate::cobra::flags::Kind::{Number, Switch, Text};
use crate::cobra::flags::{Given, flag};
use crate::waiting::block_on;

pub(super) const COMMAND: Command = Command {
    path: &["oras", "restore"],
    usage: "[flags] --input <path> <registry>/<repository>[:<ref1>[,<ref2>...]]",
    about: "[Experimental] Restore artifacts to a registry from an OCI image layout

The layout is a folder or a tar.

Example - One artifact from a tar, and from a folder:
  oras restore --input hello.tar localhost:5000/hello:v1
  oras restore --input hello localhost:5000/hello:v1

Example - What would be done:
  oras restore --input hello --dry-run localhost:5000/hello:v1

Example - Some tags, all tags, all without what is attached:
  oras restore --input hello localhost:5000/hello:v1,v2
  oras restore --input hello localhost:5000/hello
  oras restore --input hello --exclude-referrers localhost:5000/hello",
    flags: &[
        tables::COMMON,
        tables::REMOTE,
        tables::STDIN,
        tables::DISTRIBUTION,
        tables::TERMINAL,
        &[
            flag("concurrency", Number(5), "concurrency level"),
            flag("dry-run", Switch, "simulate the restore process without actually uploading any artifacts"),
            flag("exclude-referrers", Switch, "restore artifacts excluding their referrers"),
            flag("input", Text, "path to the OCI layout, either a tar archive (*.tar) or a directory"),
        ],
    ],
    run: |given, words, _| block_on(run(given, words)).map_err(missing_is_own),
};

async fn run(given: &Given, words: &[String]) -> anyhow::Result<()> {
    arguments(&COMMAND, words, 1..=1, "the targets to restore to")?;
    let remote = Remote::parse(given, "")?;
    let (repository, tags) = references(&words[0])?;
    ensure!(given.is_given("input"), "required flag(s) \"input\" not set");
    let input = given.text("input").unwrap_or_default();
    ensure!(!input.is_empty(), "the input path cannot be empty");
    let started = Instant::now();
    let destination = Place::open(&repository_target(&repository, remote)).await?;
    let source = open(input).await?;
    let (tags, roots) = resolve(&source, tags).await?;
    if tags.is_empty() {
        return Err(no_tags(input).into());
    }
    tell_tags(&tags, "in the backup");
    let (referrers, dry_run) = (!given.is_on("exclude-referrers"), given.is_on("dry-run"));
    let detail = Detail::of(given, true, true);
    for (tag, root) in tags.iter().zip(&roots) {
        let count = match referrers {
            true => count(&source, root)
                .await
                .with_context(|| format!("failed to count referrers for tag {tag:?}"))?,
            false => 0,
        };
        if dry_run {
            line(format_args!("Dry run: would push tag {tag} with {count} referrer(s)"));
            continue;
        }
        let work = Carry {
            source: source.read(),
            root,
            to: &destination,
            name: tag,
            referrers,
            concurrency: given.number("concurrency"),
        };
        let carried = carry(work, &Status::new(status::RESTORE, detail)).await;
        carried
            .map_err(|error| in_words(error, &source, &destination))
            .with_context(|| format!("failed to restore tag {tag:?} from {input:?} to {repository:?}"))?;
        line(format_args!("Pushed tag {tag} with {count} referrer(s)"));
    }
    if dry_run {
        line(format_args!(
            "Dry run complete: {} tag(s) would be restored to {repository:?} (no data pushed)",
            tags.len()
        ));
    } else {
        line(format_args!(
            "Successfully restored {} tag(s) to {repository:?} in {}",
            tags.len(),
            human_time(started.elapsed())
        ));
    }
    Ok(())
}

fn no_tags(input: &str) -> Fault {
    Fault::new(format!("no tags found in OCI layout {input:?}")).advice(format!(
        "If you want to list available tags in {input:?}, use \"oras repo tags --oci-layout\""
    ))
}

/// Opens the layout, a folder or a tar.
async fn open(input: &str) -> anyhow::Result<Place> {
    let about = std::fs::metadata(input).map_err(|error| {
        let reason = match error.kind() {
            std::io::ErrorKind::NotFound => "no such file or directory".to_owned(),
            _ => error.to_string(),
        };
        Fault::new(format!("failed to access input path {input:?}: stat {input}: {reason}"))
    })?;
    let target = Target {
        kind: Kind::Layout,
        raw: input.to_owned(),
        path: input.to_owned(),
        reference: String::new(),
        remote: Remote::default(),
    };
    if about.is_dir() {
        if !std::path::Path::new(input).join("oci-layout").exists() {
            return Err(no_tags(input).into());
        }
        return Place::open(&target)
            .await
            .with_context(|| format!("failed to prepare OCI store from directory {input:?}"));
    }
    ensure!(about.is_file(), "input path {input:?} must be a directory or a tar archive");
    if !is_tar(input)? {
        bail!("input path {input:?} is not a tar archive");
    }
    let place = Place::open(&target)
        .await
        .with_context(|| format!("failed to prepare OCI store from tar archive {input:?}"))?;
    line(format_args!("Loaded backup archive: {input} ({})", human_size(about.len())));
    Ok(place)
}

/// Returns whether a file is called a tar, or is one.
fn is_tar(path: &str) -> anyhow::Result<bool> {
    if path.to_ascii_lowercase().ends_with(".tar") {
        return Ok(true);
    }
    let mut start = [0; 262];
    let mut file = std::fs::File::open(path)
        .with_context(|| format!("unable to determine if {path:?} is a tar archive"))?;
    Ok(file.read_exact(&mut start).is_ok() && &start[257..] == b"ustar")
}
