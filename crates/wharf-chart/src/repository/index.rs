//! `index.yaml`: the charts of a repository.

use std::collections::BTreeMap;

use wharf_yaml::{Numbers, Reader, Value, from_json, to_json};

use crate::fields::{self, Decoder, JsonObject};
use crate::lock::{ZERO_TIME, normal_time};
use crate::metadata::METADATA_FIELDS;
use crate::quote::Quoted;
use crate::semver::{Constraint, Version};
use crate::{Error, ErrorKind, Metadata};

/// The longest index that is read, in bytes.
pub const MAX_INDEX_BYTES: u64 = 128 << 20;

/// The contents of `index.yaml`.
///
/// Text form: YAML or JSON with `apiVersion: v1`, `generated`, `entries` (lists of charts by name), and optionally
/// `publicKeys`, `annotations`, `serverInfo`.
#[derive(Clone, Debug, Default)]
pub struct Index {
    /// `v1`.
    pub api_version: String,
    /// When it was written, RFC 3339.
    pub generated: String,
    /// The versions of each chart, the newest first.
    pub entries: BTreeMap<String, Vec<IndexEntry>>,
    public_keys: Vec<String>,
    annotations: BTreeMap<String, String>,
    server_info: Value,
}

/// One version of a chart.
#[derive(Clone, Debug, Default)]
pub struct IndexEntry {
    /// What Chart.yaml says.
    pub metadata: Metadata,
    /// Where the archive is, relative to the repository or absolute.
    pub urls: Vec<String>,
    /// When it was added, RFC 3339.
    pub created: String,
    /// Whether it was taken back.
    pub removed: bool,
    /// SHA-256 of the archive in hexadecimal, with or without its name in front; may be empty.
    pub digest: String,
    /// Fields of old indexes, by their names.
    legacy: [String; 4],
}

/// The version that was chosen, and what to tell about the choice.
#[derive(Clone, Copy, Debug)]
pub struct Found<'i> {
    /// The version.
    pub entry: &'i IndexEntry,
    /// Whether the wanted version, which was no range, is not there, and this is the closest one.
    pub is_fallback: bool,
}

const LEGACY: [&str; 4] = ["checksum", "engine", "tillerVersion", "url"];

impl Index {
    /// Returns an index without charts.
    pub fn new(generated: impl Into<String>) -> Self {
        Self { api_version: "v1".to_owned(), generated: generated.into(), ..Self::default() }
    }

    /// Reads an index, and returns with it what was passed over: versions that break the rules of Chart.yaml.
    ///
    /// `source` says in these warnings where the index is from. JSON may have fields that are not known, YAML not, and
    /// no field twice.
    ///
    /// # Errors
    /// An empty file, more than [`MAX_INDEX_BYTES`], malformed text, values of the wrong shape, no `apiVersion`.
    pub fn read(text: &[u8], source: &str) -> Result<(Self, Vec<String>), Error> {
        if text.is_empty() {
            return Err(Error::malformed("empty index.yaml file"));
        }
        if text.len() as u64 > MAX_INDEX_BYTES {
            let text = format!("the index has {} bytes, at most {MAX_INDEX_BYTES} are read", text.len());
            return Err(Error::new(ErrorKind::TooLarge, text));
        }
        let json = if text.trim_ascii_start().starts_with(b"{") { from_json(text).ok() } else { None };
        let is_json = json.is_some();
        let value = match json {
            Some(value) => value,
            None => Reader::new()
                .strict(true)
                .numbers(Numbers::AsWritten)
                .read(text)
                .map_err(|error| Error::malformed(format!("error converting YAML to JSON: {error}")))?,
        };
        let mut raw = RawIndex::default();
        let mut decoder = Decoder::new("IndexFile", !is_json);
        raw.decode(&value, &mut decoder);
        decoder.finish()?;
        let mut index = raw.index;
        let mut warnings = Vec::new();
        for (name, versions) in raw.entries {
            let mut kept = Vec::new();
            for version in versions.into_iter().rev() {
                let Some(mut version) = version else {
                    warnings.push(format!(
                        "skipping loading invalid entry for chart {} from {source}: empty entry",
                        Quoted(&name)
                    ));
                    continue;
                };
                if version.metadata.api_version.is_empty() {
                    version.metadata.api_version = "v1".to_owned();
                }
                match version.metadata.validate() {
                    Err(error) if !error.to_string().starts_with(TOLERATED) => warnings.push(format!(
                        "skipping loading invalid entry for chart {} {} from {source}: {error}",
                        Quoted(&name),
                        Quoted(&version.metadata.version)
                    )),
                    _ => kept.push(version),
                }
            }
            kept.reverse();
            index.entries.insert(name, kept);
        }
        index.sort();
        if index.api_version.is_empty() {
            return Err(Error::malformed("no API version specified"));
        }
        Ok((index, warnings))
    }

    /// Adds a version behind those of its name.
    pub fn add(&mut self, entry: IndexEntry) {
        self.entries.entry(entry.metadata.name.clone()).or_default().push(entry);
    }

    /// Adds the versions of another index that are not here.
    pub fn merge(&mut self, other: Self) {
        for entry in other.entries.into_values().flatten() {
            if self.find(&entry.metadata.name, &entry.metadata.version).is_err() {
                self.add(entry);
            }
        }
    }

    /// Puts the newest version of each chart first.
    pub fn sort(&mut self) {
        for versions in self.entries.values_mut() {
            versions
                .sort_by_cached_key(|entry| std::cmp::Reverse(Version::parse(&entry.metadata.version).ok()));
        }
    }

    /// Chooses a version: the one of that text, else the newest in that range; without text, the newest that is no
    /// pre-release.
    ///
    /// # Errors
    /// No such chart, no version of it that fits, or a text that is no range.
    pub fn find(&self, name: &str, version: &str) -> Result<Found<'_>, Error> {
        let absent = |text: String| Error::new(ErrorKind::Misuse, text);
        let versions = self.entries.get(name).ok_or_else(|| absent("no chart name found".to_owned()))?;
        if versions.is_empty() {
            return Err(absent("no chart version found".to_owned()));
        }
        let range = Constraint::parse(if version.is_empty() { "*" } else { version })
            .map_err(|error| absent(error.to_string()))?;
        if !version.is_empty()
            && let Some(entry) = versions.iter().find(|entry| entry.metadata.version == version)
        {
            return Ok(Found { entry, is_fallback: false });
        }
        let fits = |entry: &&IndexEntry| {
            Version::parse(&entry.metadata.version).is_ok_and(|version| range.matches(&version))
        };
        match versions.iter().find(fits) {
            Some(entry) => Ok(Found { entry, is_fallback: !version.is_empty() && !is_range(version) }),
            None => Err(absent(format!("no chart version found for {name}-{version}"))),
        }
    }

    /// Returns the index as `index.yaml`.
    ///
    /// # Errors
    /// Text that YAML cannot hold.
    pub fn to_yaml(&self) -> Result<String, Error> {
        fields::json_to_yaml(&self.to_json())
    }

    /// Returns the index as JSON, indented by two spaces.
    #[must_use]
    pub fn to_pretty_json(&self) -> String {
        indented(&self.to_json())
    }

    fn to_json(&self) -> String {
        let mut json = JsonObject::new();
        if self.server_info.as_map().is_some_and(|map| map.iter().next().is_some())
            && let Ok(text) = to_json(&self.server_info)
        {
            json.raw("serverInfo", &text);
        }
        json.always("apiVersion", &self.api_version);
        json.always("generated", if self.generated.is_empty() { ZERO_TIME } else { &self.generated });
        let mut entries = JsonObject::new();
        for (name, versions) in &self.entries {
            let versions: Vec<String> = versions.iter().map(IndexEntry::to_json).collect();
            entries.raw(name, &format!("[{}]", versions.join(",")));
        }
        json.raw("entries", &entries.finish());
        json.texts("publicKeys", &self.public_keys);
        json.text_map("annotations", &self.annotations);
        json.finish()
    }
}

/// A broken rule that does not take a version out of an index: old charts in use break it.
const TOLERATED: &str = "validation: more than one dependency with name or alias";

#[derive(Default)]
struct RawIndex {
    index: Index,
    entries: BTreeMap<String, Vec<Option<IndexEntry>>>,
}

impl RawIndex {
    fn decode(&mut self, value: &Value, d: &mut Decoder) {
        let (index, entries) = (&mut self.index, &mut self.entries);
        d.object(
            value,
            "repo.IndexFile",
            |d, field, value| {
                match field {
                    "serverInfo" => index.server_info = value.clone(),
                    "apiVersion" => d.text(value, &mut index.api_version),
                    "generated" => time(d, value, &mut index.generated),
                    "publicKeys" => d.texts(value, &mut index.public_keys),
                    "annotations" => d.text_map(value, &mut index.annotations),
                    _ => match value {
                        Value::Null => {}
                        Value::Map(map) => {
                            for (name, versions) in map.iter() {
                                let mut list = Vec::new();
                                d.objects(versions, &mut list, "repo.ChartVersions", IndexEntry::decode);
                                entries.insert(name.to_string(), list);
                            }
                        }
                        other => d.misfit(other, "map[string]repo.ChartVersions"),
                    },
                }
                true
            },
            &["serverInfo", "apiVersion", "generated", "entries", "publicKeys", "annotations"],
        );
    }
}

impl IndexEntry {
    /// Returns the entry of an archive at an address, with its SHA-256 in hexadecimal.
    pub fn new(
        metadata: Metadata,
        url: impl Into<String>,
        digest: impl Into<String>,
        created: impl Into<String>,
    ) -> Self {
        Self {
            metadata,
            urls: vec![url.into()],
            created: created.into(),
            digest: digest.into(),
            ..Self::default()
        }
    }

    fn decode(&mut self, value: &Value, d: &mut Decoder) {
        let names: Vec<&str> = METADATA_FIELDS
            .into_iter()
            .chain(["urls", "created", "removed", "digest"])
            .chain(LEGACY)
            .collect();
        d.object(
            value,
            "repo.ChartVersion",
            |d, field, value| {
                match field {
                    "urls" => d.texts(value, &mut self.urls),
                    "created" => time(d, value, &mut self.created),
                    "removed" => d.flag(value, &mut self.removed),
                    "digest" => d.text(value, &mut self.digest),
                    field => match LEGACY.iter().position(|name| *name == field) {
                        Some(at) => d.text(value, &mut self.legacy[at]),
                        None => return self.metadata.decode_field(field, value, d),
                    },
                }
                true
            },
            &names,
        );
    }

    fn to_json(&self) -> String {
        let mut json = JsonObject::new();
        self.metadata.write_fields(&mut json);
        if self.urls.is_empty() {
            json.raw("urls", "null");
        } else {
            json.texts("urls", &self.urls);
        }
        json.always("created", if self.created.is_empty() { ZERO_TIME } else { &self.created });
        json.flag("removed", self.removed);
        json.text("digest", &self.digest);
        for (name, text) in LEGACY.iter().zip(&self.legacy) {
            json.text(name, text);
        }
        json.finish()
    }
}

fn time(d: &mut Decoder, value: &Value, field: &mut String) {
    match value {
        Value::Null => {}
        Value::String(text) => match normal_time(text) {
            Some(time) => *field = time,
            None => d.misfit(value, "time.Time"),
        },
        other => d.misfit(other, "time.Time"),
    }
}

/// Whether the text asks for a range and not for one version.
fn is_range(version: &str) -> bool {
    let core = version.split(['-', '+']).next().unwrap_or_default();
    version.contains(['^', '~', '<', '>', '=', '!', '*'])
        || version.contains("||")
        || version.contains(" - ")
        || core.contains(['x', 'X'])
}

/// Writes JSON over several lines as Go does it.
fn indented(json: &str) -> String {
    let mut out = String::with_capacity(json.len() * 2);
    let mut depth = 0_usize;
    let mut chars = json.chars().peekable();
    let new_line = |out: &mut String, depth: usize| {
        out.push('\n');
        (0..depth).for_each(|_| out.push_str("  "));
    };
    while let Some(c) = chars.next() {
        match c {
            '"' => {
                out.push('"');
                while let Some(c) = chars.next() {
                    out.push(c);
                    match c {
                        '\\' => out.extend(chars.next()),
                        '"' => break,
                        _ => {}
                    }
                }
            }
            '{' | '[' => {
                out.push(c);
                if let Some(end) = chars.next_if(|next| matches!(next, '}' | ']')) {
                    out.push(end);
                } else {
                    depth += 1;
                    new_line(&mut out, depth);
                }
            }
            '}' | ']' => {
                depth = depth.saturating_sub(1);
                new_line(&mut out, depth);
                out.push(c);
            }
            ',' => {
                out.push(',');
                new_line(&mut out, depth);
            }
            ':' => out.push_str(": "),
            c => out.push(c),
        }
    }
    out
}
