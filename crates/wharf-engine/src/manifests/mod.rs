//! Rendered files in, manifests and hooks out: split, classified, sorted.

mod head;
mod kinds;

use std::ops::Range;
use std::sync::Arc;

use head::Head;

use wharf_chart::Spot;

use crate::error::{Error, ErrorKind};
use crate::later::{Helper, Later};

/// One Kubernetes document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Manifest {
    /// The path of the template from the outermost chart's name.
    pub path: String,
    /// The document without the separator before it.
    pub content: String,
    /// The kind, empty if there is none.
    pub kind: String,
    /// The API version, empty if there is none.
    pub api_version: String,
}

/// A document that is applied at an event, not with the others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hook {
    /// The document.
    pub manifest: Manifest,
    /// `metadata.name`
    pub name: String,
    /// The events, e.g. `pre-install`.
    pub events: Vec<String>,
    /// Hooks of an event run from the smallest weight up.
    pub weight: i64,
    /// When the object is deleted, as written, e.g. `hook-succeeded`.
    pub delete_policies: Vec<String>,
    /// When logs are shown, as written.
    pub output_log_policies: Vec<String>,
}

impl Hook {
    /// Reports whether the hook is a test.
    pub fn is_test(&self) -> bool {
        self.events.iter().any(|event| event == "test")
    }
}

/// Begins the warning about a document with events that nobody knows; they follow.
const UNKNOWN_HOOKS: &str = "skipping unknown hooks: ";

const EVENTS: &[&str] = &[
    "pre-install",
    "post-install",
    "pre-delete",
    "post-delete",
    "pre-upgrade",
    "post-upgrade",
    "pre-rollback",
    "post-rollback",
    "test",
];

/// A document that Helm cannot sort.
pub(crate) struct BadManifest {
    pub(crate) error: Error,
    /// The file that holds it, and the byte of its text where the fault is.
    pub(crate) path: String,
    pub(crate) at: usize,
}

impl BadManifest {
    /// The document stands in the text at `place`.
    fn new(path: &str, text: &str, place: &Range<usize>, unread: head::Unread) -> Self {
        let document = &text[place.clone()];
        let (line, column) = unread.place;
        let spot = Spot::at(format!("{path}, rendered"), document.as_bytes(), line, column);
        let error = Error::new(ErrorKind::Manifest, format!("YAML parse error on {path}: {}", unread.text))
            .pointing(vec![spot.noted(unread.problem)]);
        let begin: usize = document.split_inclusive('\n').take(line - 1).map(str::len).sum();
        let inside = document[begin..].chars().take(column - 1).map(char::len_utf8).sum::<usize>();
        Self { error, path: path.to_owned(), at: (place.start + begin + inside).min(text.len()) }
    }
}

/// The documents of one file, with what Helm reads of each to sort it.
pub(crate) struct Documents {
    path: String,
    text: Arc<String>,
    heads: Later<Vec<Read>>,
}

/// The place of a document in the text, and its head.
type Read = (Range<usize>, Result<Head, head::Unread>);

impl Documents {
    /// Has the helper read a file that a template made; `None` if nothing of it is installed.
    pub(crate) fn of(helper: &mut Helper, path: &str, text: &Arc<String>) -> Option<Self> {
        let base = path.rsplit('/').next().unwrap_or(path);
        if base.starts_with('_') || base.ends_with("NOTES.txt") || text.trim().is_empty() {
            return None;
        }
        let whole = Arc::clone(text);
        let heads = helper.give(text.len(), move || {
            let read = |document: &str| {
                // The document is a part of the text.
                let start = document.as_ptr().addr() - whole.as_ptr().addr();
                (start..start + document.len(), Head::read(document))
            };
            split(&whole).into_iter().map(read).collect()
        });
        Some(Self { path: path.to_owned(), text: Arc::clone(text), heads })
    }
}

/// Sorts the documents of files into install order, manifests and hooks apart.
pub(crate) fn sort(
    mut files: Vec<Documents>,
    warnings: &mut Vec<String>,
) -> Result<(Vec<Manifest>, Vec<Hook>), BadManifest> {
    let mut manifests = Vec::new();
    let mut hooks = Vec::new();
    files.sort_by(|a, b| a.path.cmp(&b.path));
    for Documents { path, text, heads } in files {
        for (place, head) in heads.get() {
            let head = head.map_err(|unread| BadManifest::new(&path, &text, &place, unread))?;
            let manifest = Manifest {
                path: path.clone(),
                content: text[place].to_owned(),
                kind: head.kind,
                api_version: head.api_version,
            };
            let Some(events) = head.annotations.get("helm.sh/hook") else {
                manifests.push(manifest);
                continue;
            };
            // One event that nobody knows, and the document is dropped.
            let Some(events) = events.split(',').map(event).collect::<Option<Vec<_>>>() else {
                warnings.push(format!("{UNKNOWN_HOOKS}{events}"));
                continue;
            };
            let words = |name: &str| match head.annotations.get(name) {
                Some(text) => text.split(',').map(|word| word.trim().to_lowercase()).collect(),
                None => Vec::new(),
            };
            let weight = head
                .annotations
                .get("helm.sh/hook-weight")
                .and_then(|weight| weight.parse().ok())
                .unwrap_or(0);
            hooks.push(Hook {
                name: head.name,
                events,
                weight,
                delete_policies: words("helm.sh/hook-delete-policy"),
                output_log_policies: words("helm.sh/hook-output-log-policy"),
                manifest,
            });
        }
    }
    manifests.sort_by_cached_key(|manifest| kinds::order(&manifest.kind));
    hooks.sort_by_cached_key(|hook| kinds::order(&hook.manifest.kind));
    Ok((manifests, hooks))
}

fn event(word: &str) -> Option<String> {
    let word = word.trim().to_lowercase();
    let word = if word == "test-success" { "test".to_owned() } else { word };
    EVENTS.contains(&&*word).then_some(word)
}

/// Splits at every line that begins with three dashes, whatever follows them; blank documents are dropped.
pub fn split(text: &str) -> Vec<&str> {
    let text = text.trim_start();
    let mut documents = Vec::new();
    let mut begin = 0;
    let mut line = 0;
    while line <= text.len() {
        if text[line..].starts_with("---") {
            documents.push(&text[begin..line]);
            let after = text[line + 3..].trim_start_matches([' ', '\t']);
            begin = text.len() - after.len();
        }
        match text[line.max(begin)..].find('\n') {
            Some(end) => line = line.max(begin) + end + 1,
            None => break,
        }
    }
    documents.push(&text[begin..]);
    documents.into_iter().filter(|document| !document.trim().is_empty()).map(str::trim_start).collect()
}
