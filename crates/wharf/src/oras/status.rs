//! What is told while content goes over: a line for each piece, or bars on a terminal.

use std::collections::{HashMap, HashSet};
use std::io::{IsTerminal, Write};
use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use wharf_content::{
    CopyOptions, DEFAULT_MAX_MANIFEST_BYTES, MountOrigin, Outcome, PaperOptions, Progress, RawManifest,
    ReadTarget, copy,
};
use wharf_oci::{Descriptor, Digest, Manifest, Reference};

use super::place::Place;
use super::target::is_digest;
use crate::cobra::flags::Given;
use crate::files;

/// Writes to standard output. A reader that has gone away is no failure.
pub(super) fn print(text: &str) {
    print_bytes(text.as_bytes());
}

/// As [`print`], bytes.
pub(super) fn print_bytes(bytes: &[u8]) {
    let mut out = std::io::stdout().lock();
    let _ = out.write_all(bytes).and_then(|()| out.flush());
}

/// As [`print`], with a line break.
pub(super) fn line(text: impl std::fmt::Display) {
    print(&format!("{text}\n"));
}

/// The words for what happens to a piece, padded to the same length.
#[derive(Clone, Copy, Debug)]
pub(super) struct Words {
    begins: &'static str,
    done: &'static str,
    exists: &'static str,
    /// For the same bytes under another name.
    again: &'static str,
    mounted: &'static str,
}

pub(super) const PUSH: Words = Words {
    begins: "Uploading",
    done: "Uploaded ",
    exists: "Exists   ",
    again: "Exists   ",
    mounted: "Mounted  ",
};
pub(super) const COPY: Words =
    Words { begins: "Copying", done: "Copied ", exists: "Exists ", again: "Skipped", mounted: "Mounted" };
pub(super) const BACKUP: Words = Words {
    begins: "Pulling  ",
    done: "Pulled   ",
    exists: "Exists   ",
    again: "Skipped  ",
    mounted: "Mounted  ",
};
pub(super) const RESTORE: Words = Words {
    begins: "Pushing  ",
    done: "Pushed   ",
    exists: "Exists   ",
    again: "Skipped  ",
    mounted: "Mounted  ",
};

/// How much is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Detail {
    Nothing,
    /// Bars on standard error.
    Bars,
    /// Lines about pieces with a name.
    Names,
    /// Lines about all pieces.
    All,
}

impl Detail {
    /// Reads the flags. Lines are told where the result is text.
    pub(super) fn of(given: &Given, is_text: bool, verbose: bool) -> Self {
        let is_terminal = std::io::stderr().is_terminal();
        match (is_terminal && !given.is_on("no-tty") && !given.is_on("debug"), is_text, verbose) {
            (true, ..) => Self::Bars,
            (_, false, _) => Self::Nothing,
            (_, _, true) => Self::All,
            (_, _, false) => Self::Names,
        }
    }

    /// Writes the line about a piece.
    pub(super) fn tell(self, word: &str, descriptor: &Descriptor) {
        let title = descriptor.annotations.get(files::TITLE);
        let name = match (self, title) {
            (Self::Nothing | Self::Bars, _) | (Self::Names, None) => return,
            (_, Some(title)) => title,
            (Self::All, None) => &descriptor.media_type,
        };
        line(format_args!("{word} {} {name}", short(&descriptor.digest)));
    }

    pub(super) fn is_all(self) -> bool {
        self == Self::All
    }
}

/// Returns a digest as it is shown in lines.
pub(super) fn short(digest: &Digest) -> &str {
    match digest.algorithm_name() {
        "sha256" => &digest.encoded()[..12],
        _ => digest.as_str(),
    }
}

/// Tells how a copy goes.
pub(super) struct Status {
    words: Words,
    detail: Detail,
    bars: Arc<dyn Progress>,
    /// Set where the root is there already: ORAS does not look further then, and tells nothing.
    is_quiet: AtomicBool,
    /// Whether it goes from one repository to another of the same registry. Only then ORAS tells of mounts; a registry that
    /// has a blob elsewhere saves its transfer all the same.
    is_same_registry: AtomicBool,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    begun: HashSet<Digest>,
    /// What is on its way, as it is described where it was found.
    running: HashMap<Digest, Descriptor>,
    /// The name under which each digest went over, and the media types.
    done: HashMap<Digest, (Option<String>, HashSet<String>)>,
    manifests: HashMap<Digest, Manifest>,
}

impl State {
    fn knows(&self, descriptor: &Descriptor) -> bool {
        let done = self.done.get(&descriptor.digest);
        done.is_some_and(|(_, media_types)| media_types.contains(&descriptor.media_type))
    }

    fn note(&mut self, descriptor: &Descriptor) {
        let (name, media_types) = self.done.entry(descriptor.digest.clone()).or_default();
        *name = descriptor.annotations.get(files::TITLE).cloned();
        media_types.insert(descriptor.media_type.clone());
    }
}

impl Status {
    pub(super) fn new(words: Words, detail: Detail) -> Arc<Self> {
        let bars = match detail {
            Detail::Bars => crate::progress::for_transfers(),
            _ => Arc::new(wharf_content::NoProgress),
        };
        let [is_quiet, is_same_registry] = [const { AtomicBool::new(false) }; 2];
        Arc::new(Self { words, detail, bars, is_quiet, is_same_registry, state: Mutex::default() })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tell(&self, word: &str, descriptor: &Descriptor) {
        if !self.is_quiet.load(Ordering::Relaxed) {
            self.detail.tell(word, descriptor);
        }
    }

    fn begin(&self, state: &mut State, descriptor: &Descriptor) {
        if state.begun.insert(descriptor.digest.clone()) {
            self.tell(self.words.begins, descriptor);
        }
    }
}

impl Progress for Status {
    fn found(&self, manifest: &RawManifest) {
        if let Ok(parsed) = manifest.parse() {
            self.state().manifests.insert(manifest.digest.clone(), parsed);
        }
    }

    fn planned(&self, pieces: usize, bytes: u64) {
        self.bars.planned(pieces, bytes);
    }

    fn started(&self, descriptor: &Descriptor) {
        self.bars.started(descriptor);
        self.state().running.insert(descriptor.digest.clone(), descriptor.clone());
    }

    fn advanced(&self, digest: &Digest, at: u64) {
        self.bars.advanced(digest, at);
        let mut state = self.state();
        if let Some(descriptor) = state.running.remove(digest) {
            self.begin(&mut state, &descriptor);
        }
    }

    fn finished(&self, descriptor: &Descriptor, outcome: Outcome) {
        self.bars.finished(descriptor, outcome);
        let mut state = self.state();
        // A subject that went over before may share pieces.
        let was_told = state.knows(descriptor);
        state.note(descriptor);
        match outcome {
            Outcome::AlreadyThere if was_told => {}
            Outcome::AlreadyThere => self.tell(self.words.exists, descriptor),
            Outcome::Mounted if self.is_same_registry.load(Ordering::Relaxed) => {
                self.tell(self.words.mounted, descriptor);
            }
            _ => {
                self.begin(&mut state, descriptor);
                // The same bytes under further media types and names went over once.
                let manifest = state.manifests.remove(&descriptor.digest);
                for blob in manifest.iter().flat_map(Manifest::blobs) {
                    let Some((name, media_types)) = state.done.get(&blob.digest) else { continue };
                    if !media_types.contains(&blob.media_type) {
                        state.note(blob);
                        self.tell(self.words.exists, blob);
                    } else if name.as_ref() != blob.annotations.get(files::TITLE) {
                        self.tell(self.words.again, blob);
                    }
                }
                self.tell(self.words.done, descriptor);
            }
        }
    }
}

/// How content is carried.
#[derive(Clone, Copy)]
pub(super) struct Carry<'a> {
    pub(super) source: &'a dyn ReadTarget,
    pub(super) root: &'a Descriptor,
    pub(super) to: &'a Place,
    /// The tag or name in the end; empty for none.
    pub(super) name: &'a str,
    pub(super) referrers: bool,
    pub(super) concurrency: i64,
}

/// Carries an artifact to a place and names it there, after what it is attached to. Errors are not in ORAS's words yet.
pub(super) async fn carry(work: Carry<'_>, status: &Arc<Status>) -> anyhow::Result<()> {
    let mut subjects = Vec::new();
    let mut above = subject_of(work.source, work.root).await?;
    while let Some(subject) = above.filter(|_| subjects.len() < MAX_SUBJECTS) {
        above = subject_of(work.source, &subject).await?;
        subjects.push(subject);
    }
    for subject in subjects.iter().rev() {
        carry_one(Carry { root: subject, name: "", referrers: false, ..work }, status).await?;
    }
    carry_one(work, status).await
}

/// How long a way of subjects is followed.
const MAX_SUBJECTS: usize = 32;

/// Returns what a manifest is attached to, if it is at the source.
async fn subject_of(source: &dyn ReadTarget, root: &Descriptor) -> anyhow::Result<Option<Descriptor>> {
    let at_source = |error: wharf_content::Error| error.on(wharf_content::Side::Source);
    let reference = Reference::Digest(root.digest.clone());
    let raw = source.fetch_manifest(&reference, DEFAULT_MAX_MANIFEST_BYTES).await.map_err(at_source)?;
    let Some(subject) = raw.parse().map_err(at_source)?.subject else { return Ok(None) };
    match source.resolve(&Reference::Digest(subject.digest)).await {
        Ok(found) => Ok(Some(found)),
        Err(error) if error.kind() == wharf_content::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(at_source(error).into()),
    }
}

async fn carry_one(work: Carry<'_>, status: &Arc<Status>) -> anyhow::Result<()> {
    let Carry { source, root, to, name, referrers, concurrency } = work;
    let name = if is_digest(name) { "" } else { name };
    let is_remote = to.repository().is_some();
    if !referrers && to.write().manifest_exists(&root.digest).await.map_err(at_destination)? {
        // A registry is given the tag at once, of which ORAS tells nothing.
        if !is_remote || name.is_empty() {
            status.tell(status.words.exists, root);
        }
        status.is_quiet.store(true, Ordering::Relaxed);
    }
    let registry = |origin: Option<MountOrigin>| origin.map(|origin| origin.registry);
    let of_source = registry(source.mount_origin());
    let is_same = of_source.is_some() && of_source == registry(to.write().mount_origin());
    status.is_same_registry.store(is_same, Ordering::Relaxed);
    let tags = if is_remote && !name.is_empty() { vec![name.parse()?] } else { Vec::new() };
    let options = CopyOptions {
        tags: Some(tags),
        papers: if referrers { PaperOptions::REFERRERS } else { PaperOptions::NONE },
        // As ORAS: it says of every piece whether it was there, and the answer to the push is believed.
        asks_first: true,
        verify: false,
        concurrency: usize::try_from(concurrency).ok().and_then(NonZeroUsize::new).unwrap_or(THREE),
        progress: Arc::clone(status) as Arc<dyn Progress>,
        ..CopyOptions::default()
    };
    let copied = copy(source, &Reference::Digest(root.digest.clone()), to.write(), &options).await;
    status.is_quiet.store(false, Ordering::Relaxed);
    copied?;
    if !is_remote {
        to.name(root, name).await?;
    }
    Ok(())
}

const THREE: NonZeroUsize = NonZeroUsize::new(3).expect("three is not zero");

fn at_destination(error: wharf_content::Error) -> wharf_content::Error {
    error.on(wharf_content::Side::Destination)
}
