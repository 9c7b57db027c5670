//! The suite's fixtures: layouts, and trees of a registry's storage, pushed to the registries that play their part.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

const REF_NAME: &str = "org.opencontainers.image.ref.name";
/// Where names of layouts that have been pushed are remembered.
const SYNCED: &str = "synced";

/// Copies a folder with all that is in it.
pub(super) fn copy(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from).with_context(|| from.display().to_string())? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &target)?;
        } else {
            fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}

/// Unpacks the archives in `from`, trees of Distribution's storage, and returns a folder of the same as layouts.
pub(super) fn unpack(from: &Path, to: &Path) -> Result<PathBuf> {
    let (tree, layouts) = (to.join("tree"), to.join("layouts"));
    fs::create_dir_all(&tree)?;
    for entry in fs::read_dir(from)? {
        let path = entry?.path();
        if path.to_string_lossy().ends_with(".tar.gz") {
            let unpacked = Command::new("tar").arg("xzf").arg(&path).arg("-C").arg(&tree).status()?;
            ensure!(unpacked.success(), "{} cannot be unpacked", path.display());
        }
    }
    let storage = tree.join("docker/registry/v2");
    let namespace = storage.join("repositories/command");
    for entry in fs::read_dir(&namespace)? {
        let name = entry?.file_name();
        layout(&storage, &namespace.join(&name), &layouts.join("command").join(&name))?;
    }
    Ok(layouts)
}

/// Makes a layout of one repository.
fn layout(storage: &Path, repository: &Path, to: &Path) -> Result<()> {
    let blobs = to.join("blobs/sha256");
    fs::create_dir_all(&blobs)?;
    fs::write(to.join("oci-layout"), r#"{"imageLayoutVersion":"1.0.0"}"#)?;
    let data = |hex: &str| storage.join("blobs/sha256").join(&hex[..2]).join(hex).join("data");
    let manifests = repository.join("_manifests/revisions/sha256");
    for folder in [&repository.join("_layers/sha256"), &manifests] {
        for hex in names(folder)? {
            if data(&hex).exists() {
                fs::copy(data(&hex), blobs.join(&hex))?;
            }
        }
    }
    let mut tags: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let folder = repository.join("_manifests/tags");
    for tag in names(&folder)? {
        let digest = fs::read_to_string(folder.join(&tag).join("current/link"))?;
        tags.entry(digest.trim().to_owned()).or_default().push(tag);
    }
    let mut entries = Vec::new();
    for hex in names(&manifests)? {
        let bytes = fs::read(data(&hex))?;
        let document: Value = serde_json::from_slice(&bytes)?;
        let digest = format!("sha256:{hex}");
        let entry = json!({"mediaType": document["mediaType"], "digest": digest, "size": bytes.len()});
        match tags.get(&digest) {
            None => entries.push(entry),
            Some(tags) => entries.extend(tags.iter().map(|tag| {
                let mut entry = entry.clone();
                entry["annotations"] = json!({ REF_NAME: tag });
                entry
            })),
        }
    }
    let index = json!({"schemaVersion": 2, "manifests": entries});
    Ok(fs::write(to.join("index.json"), index.to_string())?)
}

fn names(folder: &Path) -> Result<Vec<String>> {
    let mut names = Vec::new();
    if folder.is_dir() {
        for entry in fs::read_dir(folder)? {
            names.push(entry?.file_name().to_string_lossy().into_owned());
        }
    }
    names.sort();
    Ok(names)
}

/// Pushes every layout below a folder to the repository of its path.
pub(super) fn push_all(work: &Path, layouts: &Path, host: &str) -> Result<()> {
    for repository in repositories(layouts, layouts)? {
        push(work, &layouts.join(&repository), &format!("{host}/{repository}"))?;
        let marker = work.join(SYNCED).join(repository.replace('/', "_"));
        fs::create_dir_all(work.join(SYNCED))?;
        fs::write(marker, "")?;
    }
    Ok(())
}

/// Pushes the layouts that have come since the last time.
pub(crate) fn sync(work: &str, host: &str) -> Result<()> {
    let work = Path::new(work);
    let layouts = work.join("testdata").join("zot");
    for repository in repositories(&layouts, &layouts)? {
        let marker = work.join(SYNCED).join(repository.replace('/', "_"));
        if !marker.exists() {
            fs::write(marker, "")?;
            push(work, &layouts.join(&repository), &format!("{host}/{repository}"))?;
        }
    }
    Ok(())
}

/// Returns the paths of the layouts below a folder.
fn repositories(root: &Path, folder: &Path) -> Result<Vec<String>> {
    let mut found = Vec::new();
    // One repository's name may begin with another's.
    if folder.join("oci-layout").exists() {
        found.push(folder.strip_prefix(root)?.to_string_lossy().into_owned());
    }
    for name in names(folder)? {
        if folder.join(&name).is_dir() && name != "blobs" {
            found.extend(repositories(root, &folder.join(name))?);
        }
    }
    Ok(found)
}

/// Pushes one layout. What the registry does not take (manifests of a withdrawn kind) stays behind.
fn push(work: &Path, layout: &Path, repository: &str) -> Result<()> {
    let oras = |words: &[&str]| {
        let mut command = Command::new(work.join("bin").join("oras"));
        command.args(words).env("HOME", work);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status()
    };
    let folder = layout.to_string_lossy();
    let index: Value = serde_json::from_slice(&fs::read(layout.join("index.json"))?)?;
    let entries = index["manifests"].as_array().map_or(&[][..], Vec::as_slice);
    for entry in entries {
        let digest = entry["digest"].as_str().context("an entry has a digest")?;
        let target = match entry["annotations"][REF_NAME].as_str() {
            Some(tag) => format!("{repository}:{tag}"),
            None => repository.to_owned(),
        };
        oras(&["cp", "--from-oci-layout", &format!("{folder}@{digest}"), &target])?;
    }
    if entries.is_empty() || repository.contains("blob") {
        for hex in names(&layout.join("blobs/sha256"))? {
            let file = layout.join("blobs/sha256").join(hex);
            oras(&["blob", "push", repository, &file.to_string_lossy()])?;
        }
    }
    Ok(())
}
