//! A loaded chart.

use std::sync::Arc;

use wharf_yaml::Value;

use crate::{Error, Lock, Metadata};

/// A file inside a chart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    /// Path below the chart's folder, with `/` between parts.
    pub name: String,
    /// Contents, without a byte order mark.
    pub data: Arc<[u8]>,
    /// When it was changed, in seconds since 1970, where known. Never part of a packed chart.
    pub modified: Option<i64>,
}

impl File {
    /// Returns a file without a time.
    pub fn new(name: impl Into<String>, data: impl Into<Arc<[u8]>>) -> Self {
        Self { name: name.into(), data: data.into(), modified: None }
    }

    /// Returns the same file with a time in seconds since 1970.
    #[must_use]
    pub fn modified(mut self, seconds: i64) -> Self {
        self.modified = Some(seconds);
        self
    }
}

/// A chart with all it contains, checked by the rules of loading.
///
/// Made by [`load_folder`](crate::load_folder) or [`load_archive`](crate::load_archive).
#[derive(Debug, Clone, Default)]
pub struct Chart {
    /// Chart.yaml, completed from requirements.yaml in version 1 charts.
    pub metadata: Metadata,
    /// Chart.lock or requirements.lock.
    pub lock: Option<Lock>,
    /// Default values, always a map; several documents are merged.
    pub values: Value,
    /// values.schema.json, unread.
    pub schema: Option<File>,
    /// Files under `templates/`.
    pub templates: Vec<File>,
    /// Everything else, `crds/` included.
    pub files: Vec<File>,
    /// Every file as it came, for `show values` and the like.
    pub raw: Vec<File>,
    /// Charts under `charts/`, by the name of their folder or archive.
    pub dependencies: Vec<Self>,
    /// What a user should hear about, such as an outdated requirements.yaml; subcharts' warnings are with the subcharts.
    pub warnings: Vec<String>,
}

/// A file of custom resource definitions.
#[derive(Debug, Clone)]
pub struct CrdFile<'a> {
    /// Path from the outermost chart's name, such as `app/charts/db/crds/x.yaml`.
    pub path: String,
    /// The file.
    pub file: &'a File,
}

impl Chart {
    /// Returns the chart's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.metadata.name
    }

    /// Checks that the chart's format is one that can be packed and rendered; any can be shown and linted.
    ///
    /// # Errors
    /// Fails in the words of Helm 4.2.4 for any `apiVersion` but `v1` and `v2`.
    pub fn check_api_version(&self) -> Result<(), Error> {
        match self.metadata.api_version.as_str() {
            "v1" | "v2" => Ok(()),
            "v3" => Err(Error::malformed("invalid chart apiVersion")),
            _ => Err(Error::malformed("unsupported chart version")),
        }
    }

    /// Returns the file of that path as it came.
    #[must_use]
    pub fn raw_file(&self, name: &str) -> Option<&File> {
        self.raw.iter().find(|file| file.name == name)
    }

    /// Returns the definitions under `crds/`, this chart's first, then those of its dependencies.
    #[must_use]
    pub fn crds(&self) -> Vec<CrdFile<'_>> {
        let mut found = Vec::new();
        self.collect_crds(self.name(), &mut found);
        found
    }

    fn collect_crds<'a>(&'a self, path: &str, found: &mut Vec<CrdFile<'a>>) {
        let definition = |file: &&File| {
            let extension = file.name.rsplit_once('.').map_or("", |(_, extension)| extension);
            file.name.starts_with("crds/")
                && ["yaml", "yml", "json"].iter().any(|known| extension.eq_ignore_ascii_case(known))
        };
        found.extend(
            self.files
                .iter()
                .filter(definition)
                .map(|file| CrdFile { path: format!("{path}/{}", file.name), file }),
        );
        for dependency in &self.dependencies {
            dependency.collect_crds(&format!("{path}/charts/{}", dependency.name()), found);
        }
    }

    /// Returns the warnings of the chart, then those of its dependencies.
    #[must_use]
    pub fn all_warnings(&self) -> Vec<String> {
        let below = self.dependencies.iter().flat_map(Self::all_warnings);
        self.warnings.iter().cloned().chain(below).collect()
    }

    /// Returns the names of wanted dependencies that are not under `charts/`.
    #[must_use]
    pub fn missing_dependencies(&self) -> Vec<&str> {
        self.metadata
            .wanted()
            .filter(|wanted| !self.dependencies.iter().any(|present| present.name() == wanted.name))
            .map(|wanted| wanted.name.as_str())
            .collect()
    }
}
