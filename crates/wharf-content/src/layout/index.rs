//! `index.json`: the entry point of a layout, with its tags.

use std::fmt::Display;
use std::path::Path;

use serde::Deserialize;
use serde_json::{Map, Value, json};
use wharf_oci::{Descriptor, Digest, Tag, media_type};

use crate::layout::files;
use crate::{Error, ErrorKind, Result};

/// The name of the file.
pub(crate) const FILE: &str = "index.json";
const REF_NAME: &str = "org.opencontainers.image.ref.name";
/// The longest `index.json` that is read, in bytes.
pub(crate) const MAX_BYTES: u64 = 64 * 1024 * 1024;

/// `index.json` as JSON, so that fields and entries which this code does not know survive a change.
#[derive(Debug)]
pub(crate) struct Index {
    document: Map<String, Value>,
    manifests: Vec<Value>,
}

impl Index {
    pub(crate) fn empty() -> Self {
        let mut document = Map::new();
        document.insert("schemaVersion".to_owned(), json!(2));
        document.insert("mediaType".to_owned(), json!(media_type::OCI_INDEX));
        Self { document, manifests: Vec::new() }
    }

    pub(super) fn read(root: &Path) -> Result<Self> {
        let path = root.join(FILE);
        match files::size(&path)? {
            Some(size) if size > MAX_BYTES => {
                return Err(Error::new(
                    ErrorKind::Limit,
                    format!("{} has {size} bytes, at most {MAX_BYTES} are read", path.display()),
                ));
            }
            _ => {}
        }
        let bytes = std::fs::read(&path).map_err(|error| Error::io("cannot read", &path, error))?;
        Self::parse(&bytes, &path.display())
    }

    /// Reads the document; `name` is how to call it in messages.
    pub(crate) fn parse(bytes: &[u8], name: &dyn Display) -> Result<Self> {
        let malformed = |reason: String| {
            Error::new(ErrorKind::Content, format!("{name} is not an image index: {reason}"))
        };
        let mut document: Map<String, Value> =
            serde_json::from_slice(bytes).map_err(|error| malformed(error.to_string()))?;
        let manifests = match document.remove("manifests") {
            Some(Value::Array(manifests)) => manifests,
            None | Some(Value::Null) => Vec::new(),
            Some(_) => return Err(malformed("its field \"manifests\" is not a list".to_owned())),
        };
        Ok(Self { document, manifests })
    }

    pub(super) fn write(&mut self, root: &Path) -> Result<()> {
        files::replace(root, FILE, &self.encode()?)
    }

    /// Returns the document.
    pub(crate) fn encode(&mut self) -> Result<Vec<u8>> {
        self.document.insert("manifests".to_owned(), Value::Array(std::mem::take(&mut self.manifests)));
        let bytes = serde_json::to_vec(&self.document);
        if let Some(Value::Array(manifests)) = self.document.remove("manifests") {
            self.manifests = manifests;
        }
        bytes.map_err(|error| Error::with_source(ErrorKind::Content, format!("cannot write {FILE}"), error))
    }

    /// Returns the entries as descriptors.
    pub(crate) fn entries(&self) -> Result<Vec<Descriptor>> {
        self.manifests
            .iter()
            .map(|entry| {
                Descriptor::deserialize(entry).map_err(|error| {
                    Error::with_source(
                        ErrorKind::Content,
                        format!("{FILE} has an entry that is not a descriptor"),
                        error,
                    )
                })
            })
            .collect()
    }

    /// Lists a manifest, under these tags or without any. A tag moves from the entry that had it.
    pub(crate) fn add(&mut self, descriptor: &Descriptor, tags: &[Tag]) {
        let listed = |entry: &Value| digest_of(entry) == Some(descriptor.digest.as_str());
        if tags.is_empty() {
            if !self.manifests.iter().any(listed) {
                self.manifests.push(entry(descriptor, None));
            }
            return;
        }
        // The entry without a tag gives way to those with one.
        self.manifests.retain(|entry| !listed(entry) || ref_name(entry).is_some());
        for tag in tags {
            self.untag(tag, Some(&descriptor.digest));
            self.manifests.push(entry(descriptor, Some(tag)));
        }
    }

    /// Lists a manifest under a name of any form, which moves from the entry that had exactly that name, with the
    /// annotations and artifact type of this descriptor.
    pub(crate) fn add_name(&mut self, descriptor: &Descriptor, name: &str) {
        let listed = |entry: &Value| digest_of(entry) == Some(descriptor.digest.as_str());
        self.manifests.retain(|entry| match ref_name(entry) {
            Some(other) => other != name,
            // The entry without a name gives way to the one with it.
            None => !listed(entry),
        });
        let mut named = entry(descriptor, None);
        if let Some(object) = named.as_object_mut() {
            let mut annotations = json!(descriptor.annotations);
            annotations[REF_NAME] = json!(name);
            object.insert("annotations".to_owned(), annotations);
            if let Some(artifact_type) = &descriptor.artifact_type {
                object.insert("artifactType".to_owned(), json!(artifact_type));
            }
        }
        self.manifests.push(named);
    }

    /// Takes the entries of children away that are listed without a tag: their index leads to them from now on.
    pub(crate) fn drop_untagged(&mut self, children: &[Descriptor]) {
        self.manifests.retain(|entry| {
            ref_name(entry).is_some()
                || !children.iter().any(|child| digest_of(entry) == Some(child.digest.as_str()))
        });
    }

    /// Takes a tag away. A manifest that loses its last tag stays listed without one, unless it is `replaced_by`'s.
    /// Returns whether the tag was there.
    pub(crate) fn untag(&mut self, tag: &Tag, replaced_by: Option<&Digest>) -> bool {
        let Some(at) = self.manifests.iter().position(|entry| entry_has_tag(entry, tag)) else {
            return false;
        };
        let mut entry = self.manifests.remove(at);
        let digest = digest_of(&entry).map(str::to_owned);
        let listed = self.manifests.iter().any(|other| digest_of(other) == digest.as_deref());
        if !listed && digest.as_deref() != replaced_by.map(Digest::as_str) {
            if let Some(annotations) = entry.get_mut("annotations").and_then(Value::as_object_mut) {
                annotations.remove(REF_NAME);
            }
            self.manifests.push(entry);
        }
        true
    }

    /// Takes every entry of this digest away.
    pub(crate) fn remove(&mut self, digest: &Digest) {
        self.manifests.retain(|entry| digest_of(entry) != Some(digest.as_str()));
    }
}

/// Returns whether an entry stands under that tag: alone, or at the end of a full reference.
pub(super) fn has_tag(entry: &Descriptor, tag: &Tag) -> bool {
    entry.annotations.get(REF_NAME).is_some_and(|name| tag_in(name) == tag.as_str())
}

/// Returns the tag of an entry.
pub(super) fn tag_of(entry: &Descriptor) -> Option<&str> {
    entry.annotations.get(REF_NAME).map(|name| tag_in(name))
}

fn tag_in(name: &str) -> &str {
    let after_slash = name.rsplit('/').next().unwrap_or(name);
    match after_slash.rsplit_once(':') {
        Some((_, tag)) => tag,
        // Without a slash it is a bare tag.
        None => name,
    }
}

fn entry(descriptor: &Descriptor, tag: Option<&Tag>) -> Value {
    let mut entry = json!({
        "mediaType": descriptor.media_type,
        "digest": descriptor.digest.as_str(),
        "size": descriptor.size,
    });
    if let (Some(tag), Some(object)) = (tag, entry.as_object_mut()) {
        object.insert("annotations".to_owned(), json!({ REF_NAME: tag.as_str() }));
    }
    entry
}

fn digest_of(entry: &Value) -> Option<&str> {
    entry.get("digest")?.as_str()
}

fn ref_name(entry: &Value) -> Option<&str> {
    entry.get("annotations")?.get(REF_NAME)?.as_str()
}

fn entry_has_tag(entry: &Value, tag: &Tag) -> bool {
    ref_name(entry).is_some_and(|name| tag_in(name) == tag.as_str())
}
