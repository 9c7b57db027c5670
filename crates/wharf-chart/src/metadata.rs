//! Chart.yaml: its fields, reading, checking and writing.

use std::collections::{BTreeMap, HashSet};
use std::sync::LazyLock;

use regex::Regex;
use wharf_yaml::{Numbers, Reader, Value};

use crate::fields::{self, JsonObject};
use crate::quote::Quoted;
use crate::semver::Version;
use crate::{Error, ErrorKind, Spot};

/// The contents of Chart.yaml.
///
/// Absent and empty are the same, as in Helm. Media form when pushed: [`config_json`](crate::config_json).
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Metadata {
    /// Name of the chart; required.
    pub name: String,
    /// Address of the project's page.
    pub home: String,
    /// Addresses of the source code.
    pub sources: Vec<String>,
    /// Version of the chart; required.
    pub version: String,
    /// One sentence about the chart.
    pub description: String,
    /// Words to find it by.
    pub keywords: Vec<String>,
    /// People; an empty entry of the list is `None`, which [`validate`](Self::validate) refuses.
    pub maintainers: Vec<Option<Maintainer>>,
    /// Address of an image.
    pub icon: String,
    /// `v1` or `v2`; required, `v1` is assumed when a chart is loaded without it.
    pub api_version: String,
    /// Value path that switches the chart on.
    pub condition: String,
    /// Tags that switch the chart on.
    pub tags: String,
    /// Version of the software inside.
    pub app_version: String,
    /// Whether the chart is no longer kept up.
    pub deprecated: bool,
    /// Free notes for other tools.
    pub annotations: BTreeMap<String, String>,
    /// Range of Kubernetes versions the chart works with.
    pub kube_version: String,
    /// Charts this one needs.
    pub dependencies: Vec<Option<Dependency>>,
    /// Whether the dependencies are listed at all, be the list empty.
    pub lists_dependencies: bool,
    /// `application`, `library` or empty.
    pub chart_type: String,
}

/// A person or group behind a chart.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Maintainer {
    /// Name.
    pub name: String,
    /// Mail address.
    pub email: String,
    /// Page.
    pub url: String,
}

/// A chart another chart needs, as wanted (Chart.yaml) or as found (Chart.lock).
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Dependency {
    /// Name in the other chart's Chart.yaml.
    pub name: String,
    /// Version range, or the exact version in a lock.
    pub version: String,
    /// Where it comes from; empty for a chart kept in `charts/`.
    pub repository: String,
    /// Value path that switches it on.
    pub condition: String,
    /// Tags that switch it on.
    pub tags: Vec<String>,
    /// Set while dependencies are processed.
    pub enabled: bool,
    /// Values taken over into the parent: texts or maps with `child` and `parent`.
    pub import_values: Vec<Value>,
    /// Name it goes by inside the parent.
    pub alias: String,
}

impl Metadata {
    /// Reads Chart.yaml the way Helm loads it: unknown fields are ignored, numbers and booleans become text where text
    /// is wanted.
    ///
    /// # Errors
    /// Malformed YAML and values of the wrong shape, in Go's words.
    pub fn from_yaml(text: &[u8]) -> Result<Self, Error> {
        let mut metadata = Self::default();
        metadata.merge_yaml(text, false)?;
        Ok(metadata)
    }

    /// Reads Chart.yaml strictly: repeated and unknown fields are errors.
    ///
    /// # Errors
    /// As [`from_yaml`](Self::from_yaml), and for repeated and unknown fields.
    pub fn from_yaml_strict(text: &[u8]) -> Result<Self, Error> {
        let mut metadata = Self::default();
        metadata.merge_yaml(text, true)?;
        Ok(metadata)
    }

    /// Reads further fields over those present, as requirements.yaml does to version 1 charts.
    pub(crate) fn merge_yaml(&mut self, text: &[u8], strict: bool) -> Result<(), Error> {
        let value = Reader::new()
            .strict(strict)
            .numbers(Numbers::AsWritten)
            .read(text)
            .map_err(|error| Error::yaml(text, &error))?;
        let mut decoder = fields::Decoder::new("Metadata", strict);
        self.decode(&value, &mut decoder);
        decoder.finish().map_err(|error| {
            let spot = error.to_string().split_once("Go struct field Metadata.").and_then(|(_, rest)| {
                let field = rest.split(['.', ' ']).next()?;
                let place = wharf_yaml::locate(text, &[field])?;
                Some(Spot::at("", text, place.line, place.column))
            });
            error.pointing(spot)
        })
    }

    fn decode(&mut self, value: &Value, d: &mut fields::Decoder) {
        d.object(
            value,
            "v2.Metadata",
            |d, field, value| self.decode_field(field, value, d),
            &METADATA_FIELDS,
        );
    }

    /// Takes one field of [`METADATA_FIELDS`]; returns whether it is one.
    pub(crate) fn decode_field(&mut self, field: &str, value: &Value, d: &mut fields::Decoder) -> bool {
        match field {
            "name" => d.text(value, &mut self.name),
            "home" => d.text(value, &mut self.home),
            "sources" => d.texts(value, &mut self.sources),
            "version" => d.text(value, &mut self.version),
            "description" => d.text(value, &mut self.description),
            "keywords" => d.texts(value, &mut self.keywords),
            "maintainers" => d.objects(value, &mut self.maintainers, "[]*v2.Maintainer", Maintainer::decode),
            "icon" => d.text(value, &mut self.icon),
            "apiVersion" => d.text(value, &mut self.api_version),
            "condition" => d.text(value, &mut self.condition),
            "tags" => d.text(value, &mut self.tags),
            "appVersion" => d.text(value, &mut self.app_version),
            "deprecated" => d.flag(value, &mut self.deprecated),
            "annotations" => d.text_map(value, &mut self.annotations),
            "kubeVersion" => d.text(value, &mut self.kube_version),
            "dependencies" => {
                self.lists_dependencies = matches!(value, Value::List(_));
                d.objects(value, &mut self.dependencies, "[]*v2.Dependency", Dependency::decode);
            }
            "type" => d.text(value, &mut self.chart_type),
            _ => return false,
        }
        true
    }

    /// Cleans text (white space becomes a space, unprintable characters vanish) and checks the rules of loading.
    ///
    /// # Errors
    /// The first broken rule, in Helm's words.
    pub fn validate(&mut self) -> Result<(), Error> {
        for text in [
            &mut self.name,
            &mut self.description,
            &mut self.home,
            &mut self.icon,
            &mut self.condition,
            &mut self.tags,
            &mut self.app_version,
            &mut self.kube_version,
        ] {
            sanitize(text);
        }
        self.sources.iter_mut().for_each(sanitize);
        self.keywords.iter_mut().for_each(sanitize);
        if self.api_version.is_empty() {
            return Err(Error::invalid("chart.metadata.apiVersion is required"));
        }
        if self.name.is_empty() {
            return Err(Error::invalid("chart.metadata.name is required"));
        }
        if self.name == "." || self.name == ".." {
            return Err(Error::invalid(format_args!(
                "chart.metadata.name {} is not allowed",
                Quoted(&self.name)
            )));
        }
        if !is_base_name(&self.name) {
            return Err(Error::invalid(format_args!(
                "chart.metadata.name {} is invalid",
                Quoted(&self.name)
            )));
        }
        if self.version.is_empty() {
            return Err(Error::invalid("chart.metadata.version is required"));
        }
        if Version::parse(&self.version).is_err() {
            return Err(Error::invalid(format_args!(
                "chart.metadata.version {} is invalid",
                Quoted(&self.version)
            )));
        }
        if !matches!(self.chart_type.as_str(), "" | "application" | "library") {
            return Err(Error::invalid("chart.metadata.type must be application or library"));
        }
        for maintainer in &mut self.maintainers {
            let Some(maintainer) = maintainer else {
                return Err(Error::invalid("maintainers must not contain empty or null nodes"));
            };
            for text in [&mut maintainer.name, &mut maintainer.email, &mut maintainer.url] {
                sanitize(text);
            }
        }
        let mut keys = HashSet::new();
        for dependency in &mut self.dependencies {
            let Some(dependency) = dependency else {
                return Err(Error::invalid("dependencies must not contain empty or null nodes"));
            };
            dependency.validate()?;
            if !keys.insert(dependency.key().to_owned()) {
                let text =
                    format!("more than one dependency with name or alias {}", Quoted(dependency.key()));
                return Err(Error::invalid(text));
            }
        }
        Ok(())
    }

    /// Returns Chart.yaml as Helm writes it: sorted keys, no comments; version 1 charts lose their dependencies.
    ///
    /// # Errors
    /// Text that YAML cannot hold.
    pub fn to_yaml(&self) -> Result<String, Error> {
        if self.api_version == "v1" && !self.dependencies.is_empty() {
            return Self { dependencies: Vec::new(), ..self.clone() }.to_full_yaml();
        }
        self.to_full_yaml()
    }

    /// Returns all fields as YAML, as in provenance files and as they are shown.
    ///
    /// # Errors
    /// Text that YAML cannot hold.
    pub fn to_full_yaml(&self) -> Result<String, Error> {
        fields::json_to_yaml(&self.to_json())
    }

    /// Returns the fields as Go's JSON writer gives them: in declaration order, empty ones left out.
    pub(crate) fn to_json(&self) -> String {
        let mut json = JsonObject::new();
        self.write_fields(&mut json);
        json.finish()
    }

    /// Writes the fields into an object that may get more.
    pub(crate) fn write_fields(&self, json: &mut JsonObject) {
        json.text("name", &self.name);
        json.text("home", &self.home);
        json.texts("sources", &self.sources);
        json.text("version", &self.version);
        json.text("description", &self.description);
        json.texts("keywords", &self.keywords);
        json.objects("maintainers", &self.maintainers, Maintainer::to_json);
        json.text("icon", &self.icon);
        json.text("apiVersion", &self.api_version);
        json.text("condition", &self.condition);
        json.text("tags", &self.tags);
        json.text("appVersion", &self.app_version);
        json.flag("deprecated", self.deprecated);
        json.text_map("annotations", &self.annotations);
        json.text("kubeVersion", &self.kube_version);
        json.objects("dependencies", &self.dependencies, Dependency::to_json);
        json.text("type", &self.chart_type);
    }

    /// Returns the dependencies; entries that are `null` in the file are passed over.
    pub fn wanted(&self) -> impl Iterator<Item = &Dependency> {
        self.dependencies.iter().flatten()
    }
}

pub(crate) const METADATA_FIELDS: [&str; 17] = [
    "name",
    "home",
    "sources",
    "version",
    "description",
    "keywords",
    "maintainers",
    "icon",
    "apiVersion",
    "condition",
    "tags",
    "appVersion",
    "deprecated",
    "annotations",
    "kubeVersion",
    "dependencies",
    "type",
];

impl Maintainer {
    fn decode(&mut self, value: &Value, d: &mut fields::Decoder) {
        d.object(
            value,
            "v2.Maintainer",
            |d, field, value| {
                match field {
                    "name" => d.text(value, &mut self.name),
                    "email" => d.text(value, &mut self.email),
                    "url" => d.text(value, &mut self.url),
                    _ => return false,
                }
                true
            },
            &["name", "email", "url"],
        );
    }

    fn to_json(&self) -> String {
        let mut json = JsonObject::new();
        json.text("name", &self.name);
        json.text("email", &self.email);
        json.text("url", &self.url);
        json.finish()
    }
}

const DEPENDENCY_FIELDS: [&str; 8] =
    ["name", "version", "repository", "condition", "tags", "enabled", "import-values", "alias"];

impl Dependency {
    /// Returns the name it goes by: the alias, or the chart's name.
    #[must_use]
    pub fn key(&self) -> &str {
        if self.alias.is_empty() { &self.name } else { &self.alias }
    }

    pub(crate) fn decode(&mut self, value: &Value, d: &mut fields::Decoder) {
        d.object(
            value,
            "v2.Dependency",
            |d, field, value| {
                match field {
                    "name" => d.text(value, &mut self.name),
                    "version" => d.text(value, &mut self.version),
                    "repository" => d.text(value, &mut self.repository),
                    "condition" => d.text(value, &mut self.condition),
                    "tags" => d.texts(value, &mut self.tags),
                    "enabled" => d.flag(value, &mut self.enabled),
                    "import-values" => d.values(value, &mut self.import_values),
                    "alias" => d.text(value, &mut self.alias),
                    _ => return false,
                }
                true
            },
            &DEPENDENCY_FIELDS,
        );
    }

    fn validate(&mut self) -> Result<(), Error> {
        for text in [&mut self.name, &mut self.version, &mut self.repository, &mut self.condition] {
            sanitize(text);
        }
        self.tags.iter_mut().for_each(sanitize);
        let good = |b: u8| b.is_ascii_alphanumeric() || b == b'_' || b == b'-';
        if !self.alias.bytes().all(good) {
            return Err(Error::invalid(format_args!(
                "dependency {} has disallowed characters in the alias",
                Quoted(&self.name)
            )));
        }
        Ok(())
    }

    pub(crate) fn to_json(&self) -> String {
        let mut json = JsonObject::new();
        json.always("name", &self.name);
        json.text("version", &self.version);
        json.always("repository", &self.repository);
        json.text("condition", &self.condition);
        json.texts("tags", &self.tags);
        json.flag("enabled", self.enabled);
        json.values("import-values", &self.import_values);
        json.text("alias", &self.alias);
        json.finish()
    }
}

/// Whether Go's `filepath.Base` leaves the name as it is.
pub(crate) fn is_base_name(name: &str) -> bool {
    !name.is_empty() && (name == "/" || !name.contains('/'))
}

/// Checks a name once more where a path is made of it (CVE-2024-25620, CVE-2026-35206).
pub(crate) fn check_name(name: &str) -> Result<(), Error> {
    if !is_base_name(name) || matches!(name, "/" | "." | "..") || name.contains(['\\', '\0']) {
        return Err(Error::new(ErrorKind::UnsafePath, format!("{} is not a valid chart name", Quoted(name))));
    }
    Ok(())
}

fn sanitize(text: &mut String) {
    static UNPRINTABLE: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(r"[^\p{L}\p{M}\p{N}\p{P}\p{S} ]").expect("the pattern is constant and covered by tests")
    });
    if text.bytes().all(|b| matches!(b, b' '..=b'~')) {
        return;
    }
    let spaced: String = text.chars().map(|c| if c.is_whitespace() { ' ' } else { c }).collect();
    *text = UNPRINTABLE.replace_all(&spaced, "").into_owned();
}
