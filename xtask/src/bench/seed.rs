//! Fills a registry with very many manifests and tags before it is measured.
//!
//! Wharf is filled through its API. zot rewrites one index file per push, so that a hundred thousand tags would take
//! hours; it and Distribution get their storage written directly, in the layout that each documents.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Result;
use serde_json::json;
use wharf_oci::Algorithm;

use super::connection::Body;
use super::load;
use super::subject::{Kind, Tuning};

/// The repository with all the tags.
pub(super) const TAGGED: &str = "load/tagged";
/// The other manifests are spread over this many repositories.
const REPOSITORIES: usize = 100;
const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const CONFIG: &str = "{}";
const LAYER: &str = "a layer";

/// Returns the name of a tag; all are equally long, so that every order of tags is the same.
pub(super) fn tag(number: usize) -> String {
    format!("v{number:07}")
}

/// Returns a small manifest; each number gives another one.
pub(super) fn manifest(number: usize) -> String {
    let descriptor =
        |kind: &str, text: &str| json!({"mediaType": kind, "digest": digest(text), "size": text.len()});
    let config = descriptor("application/vnd.oci.image.config.v1+json", CONFIG);
    let layer = descriptor("application/vnd.oci.image.layer.v1.tar", LAYER);
    let number = json!({"number": number.to_string()});
    json!({"schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": [layer], "annotations": number})
        .to_string()
}

/// Pushes what [`manifest`] refers to.
pub(super) fn push_parts(connection: &mut super::connection::Connection, repository: &str) -> Result<()> {
    for part in [CONFIG, LAYER] {
        connection.push_blob(repository, &digest(part), &Body::Bytes(part.as_bytes()))?;
    }
    Ok(())
}

pub(super) fn digest(text: &str) -> String {
    Algorithm::Sha256.digest(text.as_bytes()).to_string()
}

/// Returns a folder with `many` tags in one repository and `many` manifests in others.
pub(super) fn fill(kind: &Kind, many: usize) -> Result<PathBuf> {
    let folder = kind.new_folder()?;
    match kind {
        Kind::Wharf(_) => through_the_api(kind, &folder, many)?,
        Kind::Zot(_) => zot(&folder.join("data"), many)?,
        Kind::Distribution(_) => distribution(&folder.join("data"), many)?,
    }
    Ok(folder)
}

fn through_the_api(kind: &Kind, folder: &Path, many: usize) -> Result<()> {
    let subject = kind.start_on(folder, Tuning::Production)?;
    subject.prepare()?;
    let repositories = (0..REPOSITORIES).map(spread).chain([TAGGED.to_owned()]);
    let mut connection = subject.connect()?;
    for repository in repositories {
        push_parts(&mut connection, &repository)?;
    }
    let same = manifest(0);
    load::jobs(&subject, 16, many, |connection, number| {
        connection.push_manifest(TAGGED, &tag(number), &same)
    })?;
    load::jobs(&subject, 16, many, |connection, number| {
        connection.push_manifest(&spread(number), &tag(number), &manifest(number))
    })?;
    subject.stop()
}

fn spread(number: usize) -> String {
    format!("load/spread{:03}", number % REPOSITORIES)
}

/// Every repository with its tags, and the manifest that each tag names.
fn plan(many: usize) -> Vec<(String, Vec<(String, String)>)> {
    let same = manifest(0);
    let tagged = (0..many).map(|number| (tag(number), same.clone())).collect();
    let mut plan = vec![(TAGGED.to_owned(), tagged)];
    for first in 0..REPOSITORIES {
        let numbers = (first..many).step_by(REPOSITORIES);
        plan.push((spread(first), numbers.map(|number| (tag(number), manifest(number))).collect()));
    }
    plan
}

/// Each repository of zot is an OCI image layout.
fn zot(data: &Path, many: usize) -> Result<()> {
    for (repository, tags) in plan(many) {
        let folder = data.join(repository);
        let blobs = folder.join("blobs").join("sha256");
        fs::create_dir_all(&blobs)?;
        fs::write(folder.join("oci-layout"), r#"{"imageLayoutVersion":"1.0.0"}"#)?;
        let mut entries = Vec::new();
        for text in [CONFIG, LAYER] {
            fs::write(blobs.join(hex(&digest(text))), text)?;
        }
        for (tag, manifest) in tags {
            let digest = digest(&manifest);
            let file = blobs.join(hex(&digest));
            if !file.exists() {
                fs::write(file, &manifest)?;
            }
            let name = json!({"org.opencontainers.image.ref.name": tag});
            entries.push(
                json!({"mediaType": MANIFEST, "digest": digest, "size": manifest.len(), "annotations": name}),
            );
        }
        let index = json!({"schemaVersion": 2, "manifests": entries});
        fs::write(folder.join("index.json"), index.to_string())?;
    }
    Ok(())
}

/// Distribution keeps blobs once, and a small file for each link from a repository, a revision, or a tag.
///
/// Links with the same content are one file with several names, and the index of a tag's history is left out: a server
/// reads neither otherwise, and both would double the time that this takes.
fn distribution(data: &Path, many: usize) -> Result<()> {
    let root = data.join("docker/registry/v2");
    let links = data.join("links");
    fs::create_dir_all(&links)?;
    let blob = |text: &str| -> Result<String> {
        let digest = digest(text);
        let folder = root.join("blobs/sha256").join(&hex(&digest)[..2]).join(hex(&digest));
        if !folder.exists() {
            fs::create_dir_all(&folder)?;
            fs::write(folder.join("data"), text)?;
        }
        Ok(digest)
    };
    // A file has at most so many names.
    let link = |folder: PathBuf, digest: &str, number: usize| -> Result<()> {
        let source = links.join(format!("{}-{}", hex(digest), number / 10_000));
        if !source.exists() {
            fs::write(&source, digest)?;
        }
        fs::create_dir_all(&folder)?;
        Ok(fs::hard_link(source, folder.join("link"))?)
    };
    for (repository, tags) in plan(many) {
        let folder = root.join("repositories").join(repository);
        for part in [CONFIG, LAYER] {
            let digest = blob(part)?;
            link(folder.join("_layers/sha256").join(hex(&digest)), &digest, 0)?;
        }
        let mut last = None;
        for (number, (tag, manifest)) in tags.into_iter().enumerate() {
            let digest = match last {
                Some((known, digest)) if known == manifest => digest,
                _ => {
                    let digest = blob(&manifest)?;
                    link(folder.join("_manifests/revisions/sha256").join(hex(&digest)), &digest, number)?;
                    digest
                }
            };
            link(folder.join("_manifests/tags").join(tag).join("current"), &digest, number)?;
            last = Some((manifest, digest));
        }
    }
    Ok(fs::remove_dir_all(links)?)
}

fn hex(digest: &str) -> &str {
    digest.trim_start_matches("sha256:")
}
