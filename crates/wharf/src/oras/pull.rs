//! `oras pull`

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use anyhow::{Context, ensure};
use futures_util::{StreamExt, TryStreamExt, stream};
use serde::Serialize;
use tokio::io::AsyncWriteExt;
use wharf_oci::{Descriptor, Digest, Manifest, media_type};

use super::fault::{Fault, arguments};
use super::format::{Format, Named, USUAL};
use super::place::Place;
use super::status::{Detail, line};
use super::target::{Target, file_and_more};
use super::{platform, tables};
use crate::cobra::Command;
use crate::cobra::flags::Kind::{Number, Switch, Text, TextDefault};
use crate::cobra::flags::{Given, flag, short};
use crate::files::{self, Refused};
use crate::waiting::block_on;

pub(super) const COMMAND: Command = Command {
    path: &["oras", "pull"],
    usage: "[flags] <name>{:<tag>|@<digest>}",
    about: "Pull files from a registry or an OCI image layout

Layers with a name are written to the output folder, never outside of it unless that is allowed.

Example - The files of an artifact, and those of what it is attached to:
  oras pull localhost:5000/hello:v1
  oras pull --include-subject localhost:5000/hello:v1

Example - For one platform, into a folder:
  oras pull --platform linux/arm/v5 --output out localhost:5000/hello:v1

Example - The result for a script:
  oras pull localhost:5000/hello:v1 --format json

Example - From the OCI image layout in a folder or a tar:
  oras pull --oci-layout layout-dir:v1
  oras pull --oci-layout layout.tar:v1",
    flags: &[
        tables::COMMON,
        tables::PLATFORM,
        tables::REMOTE,
        tables::STDIN,
        tables::LAYOUT,
        tables::FORMAT,
        tables::TERMINAL,
        tables::VERBOSE,
        &[
            short('T', "allow-path-traversal", Switch, "allow storing files out of the output directory"),
            flag("concurrency", Number(3), "concurrency level"),
            flag("config", Text, "output manifest config file"),
            flag("include-subject", Switch, "recursively pull the subject of artifacts"),
            short(
                'k',
                "keep-old-files",
                Switch,
                "do not replace existing files when pulling, treat them as errors",
            ),
            short('o', "output", TextDefault("."), "output directory"),
        ],
    ],
    run: |given, words, _| block_on(run(given, words)),
};

/// The digest of an empty JSON object.
const EMPTY: &str = "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a";

/// The result for programs.
#[derive(Serialize)]
struct Pulled {
    reference: String,
    files: Option<Vec<File>>,
}

#[derive(Serialize)]
struct File {
    path: String,
    #[serde(flatten)]
    named: Named,
}

struct Pull<'a> {
    place: &'a Place,
    detail: Detail,
    output: PathBuf,
    keep_old: bool,
    traversal: bool,
    subjects: bool,
    /// Where the config goes, and of which media type it must be.
    config: Option<(String, Option<String>)>,
    concurrency: usize,
    /// What has been told of, by digest and name.
    told: Mutex<HashSet<(Digest, String)>>,
}

async fn run(given: &Given, words: &[String]) -> anyhow::Result<()> {
    arguments(&COMMAND, words, 1..=1, "the artifact reference you want to pull")?;
    let wanted = platform::flag(given, "platform")?;
    let target = Target::parse(given, "", &words[0])?;
    let format = Format::parse(given, "format", USUAL)?;
    let place = Place::open(&target).await?.cached().await?;
    target.need_reference(&COMMAND, true)?;
    let config = given.text("config").filter(|config| !config.is_empty()).map(file_and_more).transpose()?;
    let pull = Pull {
        place: &place,
        detail: Detail::of(given, format.is_text(), given.is_on("verbose")),
        output: PathBuf::from(given.text("output").unwrap_or(".")),
        keep_old: given.is_on("keep-old-files"),
        traversal: given.is_on("allow-path-traversal"),
        subjects: given.is_on("include-subject"),
        config,
        concurrency: usize::try_from(given.number("concurrency")).unwrap_or(3).max(1),
        told: Mutex::default(),
    };
    let root = match &wanted {
        Some(_) => platform::resolve(&place, &target.reference, wanted.as_ref()).await?,
        None => place.fetch(&target.reference).await?.0,
    };
    let Content { files, skipped } = match pull.all(&root).await {
        Err(error) if error.chain().any(|cause| cause.downcast_ref() == Some(&Refused::Traversal)) => {
            return Err(Fault::new(format!("{error:#}"))
                .advice(
                    "Pulling files outside of working directory is insecure and blocked by default. If you trust the \
                     content producer, use --allow-path-traversal to bypass this check.",
                )
                .into());
        }
        pulled => pulled?,
    };
    let result = Pulled {
        reference: format!("{}@{}", target.path, root.digest),
        files: (!files.is_empty()).then_some(files),
    };
    if format.write(&result)? {
        return Ok(());
    }
    if skipped {
        line(format_args!("Skipped pulling layers without file name in {:?}", files::TITLE));
        line(format_args!("Use 'oras copy {} --to-oci-layout <layout-dir>' to pull all layers.", target.raw));
    } else {
        line(format_args!("Pulled {}", target.display()));
        line(format_args!("Digest: {}", root.digest));
    }
    Ok(())
}

/// What was found below a manifest.
#[derive(Default)]
struct Content {
    files: Vec<File>,
    /// Whether a layer without a name was left out.
    skipped: bool,
}

impl Pull<'_> {
    /// Pulls the files of a manifest and of all manifests below it.
    async fn all(&self, root: &Descriptor) -> anyhow::Result<Content> {
        let mut content = Content::default();
        let mut seen = HashSet::from([root.digest.clone()]);
        let mut names: HashSet<String> = HashSet::new();
        let mut pending = vec![root.clone()];
        let mut is_first_config = true;
        let mut manifests = Vec::new();
        while let Some(next) = pending.pop() {
            self.tell("Downloading", &next);
            let raw = self.place.manifest(&next).await?;
            self.detail.tell("Processing ", &next);
            let mut parsed = raw.parse()?;
            if let (Some(config), Some((path, wanted))) = (&mut parsed.config, &self.config)
                && is_first_config
            {
                is_first_config = false;
                if wanted.as_ref().is_none_or(|wanted| wanted.is_empty() || *wanted == config.media_type) {
                    config.annotations.insert(files::TITLE.to_owned(), path.clone());
                }
            }
            let below = parsed.manifests.iter().chain(parsed.subject.iter().filter(|_| self.subjects));
            for child in below {
                content.skipped |= !child.annotations.contains_key(files::TITLE);
                if child.is_manifest() {
                    if seen.insert(child.digest.clone()) {
                        pending.push(child.clone());
                    }
                } else {
                    self.tell("Skipped    ", child);
                }
            }
            let blobs = self.files_of(&parsed, &mut content, &mut names)?;
            self.download(blobs, &mut content).await?;
            manifests.push(next);
        }
        for manifest in manifests.iter().rev() {
            self.detail.tell("Downloaded ", manifest);
        }
        Ok(content)
    }

    /// Returns the blobs that are files, and tells of the others.
    fn files_of(
        &self,
        manifest: &Manifest,
        content: &mut Content,
        names: &mut HashSet<String>,
    ) -> anyhow::Result<Vec<(Descriptor, String)>> {
        let mut wanted = Vec::new();
        let mut digests: HashSet<Digest> = HashSet::new();
        let layers = manifest.layers.iter().map(|layer| (layer, false));
        for (blob, is_config) in layers.chain(manifest.config.iter().map(|config| (config, true))) {
            // Of a config the bytes alone say that it is empty.
            let is_empty =
                blob.digest.as_str() == EMPTY && (is_config || blob.media_type == media_type::OCI_EMPTY);
            match blob.annotations.get(files::TITLE).filter(|title| !title.is_empty()) {
                None if is_empty => {}
                None => {
                    content.skipped = true;
                    self.tell("Skipped    ", blob);
                }
                Some(title) => {
                    // The same bytes under a second name are written as well, but downloaded once.
                    let word = if digests.insert(blob.digest.clone()) { "Downloading" } else { "" };
                    ensure!(
                        names.insert(title.clone()) || word.is_empty() || self.was_told(blob),
                        "{title}: duplicate name"
                    );
                    wanted.push((blob.clone(), word.to_owned()));
                }
            }
        }
        Ok(wanted)
    }

    async fn download(&self, blobs: Vec<(Descriptor, String)>, content: &mut Content) -> anyhow::Result<()> {
        let again: Vec<&(Descriptor, String)> = blobs.iter().filter(|(_, word)| word.is_empty()).collect();
        let first = blobs.iter().filter(|(_, word)| !word.is_empty());
        stream::iter(first.map(|(blob, _)| async move {
            self.tell("Downloading", blob);
            self.file(blob).await?;
            self.detail.tell("Downloaded ", blob);
            anyhow::Ok(())
        }))
        .buffer_unordered(self.concurrency)
        .try_collect::<Vec<()>>()
        .await?;
        for (blob, _) in again {
            self.file(blob).await?;
            self.tell("Restored   ", blob);
        }
        for (blob, _) in &blobs {
            content.files.push(self.shown(blob)?);
        }
        Ok(())
    }

    /// Writes one blob to its file or folder.
    async fn file(&self, blob: &Descriptor) -> anyhow::Result<()> {
        let name = title(blob);
        let path =
            files::place(&self.output, name, self.traversal).context("failed to resolve path for writing")?;
        if self.keep_old {
            ensure!(
                std::fs::symlink_metadata(&path).is_err(),
                anyhow::Error::from(Refused::Overwrite).context("failed to resolve path for writing")
            );
        }
        if !is_folder(blob) {
            return self.save(blob, &path).await;
        }
        let archive = tempfile::NamedTempFile::new().context("cannot make a temporary file")?;
        self.save(blob, archive.path()).await?;
        let expected = blob.annotations.get(files::CONTENT_DIGEST).and_then(|digest| digest.parse().ok());
        let (name, folder) = (name.to_owned(), path.clone());
        tokio::task::spawn_blocking(move || {
            files::unpack(archive.path(), &name, &folder, expected.as_ref())
                .with_context(|| format!("failed to extract tar to {}", folder.display()))
        })
        .await?
    }

    /// Writes one blob, verified, and replaces what was there only when it is whole.
    async fn save(&self, blob: &Descriptor, path: &Path) -> anyhow::Result<()> {
        let folder = path.parent().unwrap_or_else(|| Path::new("."));
        tokio::fs::create_dir_all(folder).await.with_context(|| {
            format!("failed to ensure directories of the target path: {}", folder.display())
        })?;
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or("file");
        let beside = folder.join(format!(".{name}.{}.partial", std::process::id()));
        let saved = async {
            let bytes =
                self.place.read().fetch_blob(blob, 0).await.map_err(|error| self.place.told(&error))?;
            let mut bytes = wharf_content::verified(bytes, blob);
            let mut file = tokio::fs::File::create(&beside)
                .await
                .with_context(|| format!("failed to create file {}", path.display()))?;
            while let Some(bytes) = bytes.try_next().await.map_err(|error| self.place.told(&error))? {
                file.write_all(&bytes)
                    .await
                    .with_context(|| format!("failed to copy content to {}", path.display()))?;
            }
            file.flush().await?;
            tokio::fs::rename(&beside, path)
                .await
                .with_context(|| format!("failed to create file {}", path.display()))
        };
        let saved: anyhow::Result<()> = saved.await;
        if saved.is_err() {
            // It may not have been made.
            let _ = tokio::fs::remove_file(&beside).await;
        }
        saved
    }

    fn shown(&self, blob: &Descriptor) -> anyhow::Result<File> {
        let mut path = files::place(&self.output, title(blob), true)?.display().to_string();
        if is_folder(blob) {
            path.push('/');
        }
        Ok(File { path, named: Named::new(&self.place.target().path, blob) })
    }

    fn was_told(&self, descriptor: &Descriptor) -> bool {
        let key = (descriptor.digest.clone(), title(descriptor).to_owned());
        self.told.lock().is_ok_and(|told| told.contains(&key))
    }

    /// Tells of a piece once.
    fn tell(&self, word: &str, descriptor: &Descriptor) {
        let key = (descriptor.digest.clone(), title(descriptor).to_owned());
        if self.told.lock().is_ok_and(|mut told| told.insert(key)) {
            self.detail.tell(word, descriptor);
        }
    }
}

fn title(descriptor: &Descriptor) -> &str {
    descriptor.annotations.get(files::TITLE).map_or("", String::as_str)
}

fn is_folder(blob: &Descriptor) -> bool {
    blob.annotations.get(files::UNPACK).is_some_and(|unpack| unpack == "true")
}
