//! Where values come from: defaults, then the file, then the environment, then flags.

use std::fmt;
use std::path::{Path, PathBuf};

use super::{Config, SETTINGS, Setting};

/// The place of values that flags give.
const COMMAND_LINE: &str = "the command line";

/// The effective settings with the source of each.
#[derive(Clone, Debug)]
pub struct Effective {
    /// The settings.
    pub config: Config,
    /// The source of each, in the order of [`SETTINGS`].
    pub sources: Vec<Source>,
}

/// Where a value comes from; later ones win.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// Nobody said anything.
    Default,
    /// The configuration file.
    File(PathBuf),
    /// An environment variable.
    Variable(&'static str),
    /// A flag of the command.
    Flag(&'static str),
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File(path) => path.display().fmt(f),
            Self::Variable(name) | Self::Flag(name) => f.write_str(name),
        }
    }
}

impl Effective {
    /// Joins all sources. `data` is the default data folder; `file` the configuration file; `variable` looks up an environment
    /// variable; `flags` are pairs of flag and value, such as `("--listen", "127.0.0.1:5001")`.
    ///
    /// # Errors
    /// [`ConfigError`] names the source, the key and the value. Unknown keys of the file are errors, too.
    pub fn load(
        data: &Path,
        file: Option<&Path>,
        variable: impl Fn(&str) -> Option<String>,
        flags: &[(&str, String)],
    ) -> Result<Self, ConfigError> {
        let config = Config::with_data(data);
        let mut effective = Self { config, sources: vec![Source::Default; SETTINGS.len()] };
        if let Some(path) = file {
            effective.read_file(path)?;
        }
        for (at, setting) in SETTINGS.iter().enumerate() {
            if let Some(value) = variable(setting.variable) {
                effective.set(at, &value, Source::Variable(setting.variable))?;
            }
        }
        for (flag, value) in flags {
            let at = SETTINGS.iter().position(|setting| setting.flag == Some(flag));
            let Some(at) = at else {
                return Err(ConfigError::new(COMMAND_LINE, *flag, value, "there is no such flag"));
            };
            effective.set(at, value, Source::Flag(SETTINGS[at].flag.unwrap_or_default()))?;
        }
        let Config { tls_certificate, tls_key, .. } = &effective.config;
        if tls_certificate.is_some() != tls_key.is_some() {
            let missing = if tls_key.is_some() { "tls.certificate" } else { "tls.key" };
            return Err(ConfigError::new(
                "the configuration",
                missing,
                "",
                "certificate and key come as a pair",
            ));
        }
        Ok(effective)
    }

    /// Returns every setting with its value as text and its source.
    pub fn rows(&self) -> impl Iterator<Item = (&'static Setting, String, &Source)> {
        SETTINGS
            .iter()
            .zip(&self.sources)
            .map(|(setting, source)| (setting, (setting.show)(&self.config), source))
    }

    fn set(&mut self, at: usize, value: &str, source: Source) -> Result<(), ConfigError> {
        let setting = &SETTINGS[at];
        (setting.set)(&mut self.config, value).map_err(|problem| {
            let (place, key) = match &source {
                Source::File(path) => (path.display().to_string(), setting.key),
                Source::Variable(name) => ("the environment".to_owned(), *name),
                Source::Flag(name) => (COMMAND_LINE.to_owned(), *name),
                Source::Default => (String::new(), setting.key),
            };
            ConfigError::new(place, key, value, problem)
        })?;
        self.sources[at] = source;
        Ok(())
    }

    fn read_file(&mut self, path: &Path) -> Result<(), ConfigError> {
        let place = || path.display().to_string();
        let text = std::fs::read_to_string(path)
            .map_err(|error| ConfigError::new(place(), "", "", format!("cannot be read: {error}")))?;
        let table: toml::Table = text
            .parse()
            .map_err(|error: toml::de::Error| ConfigError::new(place(), "", "", error.to_string()))?;
        let mut values = Vec::new();
        flatten("", &table, &mut values);
        for (key, value) in values {
            let at = SETTINGS.iter().position(|setting| setting.key == key);
            let Some(at) = at else {
                let known: Vec<_> = SETTINGS.iter().map(|setting| setting.key).collect();
                let problem = format!("there is no such setting; there are {}", known.join(", "));
                return Err(ConfigError::new(place(), key, value, problem));
            };
            self.set(at, &value, Source::File(path.to_owned()))?;
        }
        Ok(())
    }
}

fn flatten(prefix: &str, table: &toml::Table, values: &mut Vec<(String, String)>) {
    for (name, value) in table {
        let key = if prefix.is_empty() { name.clone() } else { format!("{prefix}.{name}") };
        match value {
            toml::Value::Table(inner) => flatten(&key, inner, values),
            toml::Value::String(text) => values.push((key, text.clone())),
            // Tools that write TOML from YAML, Helm among them, make whole numbers fractional.
            toml::Value::Float(number) if number.fract() == 0.0 => values.push((key, format!("{number:.0}"))),
            toml::Value::Array(parts) if parts.iter().all(toml::Value::is_str) => {
                values
                    .push((key, parts.iter().filter_map(toml::Value::as_str).collect::<Vec<_>>().join(",")));
            }
            other => values.push((key, other.to_string())),
        }
    }
}

/// A setting that cannot be used. The operator must act.
#[derive(Debug, thiserror::Error)]
#[error("{place}: {}{problem}", setting(key, value))]
pub struct ConfigError {
    place: String,
    key: String,
    value: String,
    problem: String,
}

impl ConfigError {
    /// Returns whether the value was given by a flag, so that the command line is what is wrong.
    pub fn is_flag(&self) -> bool {
        self.place == COMMAND_LINE
    }

    fn new(
        place: impl Into<String>,
        key: impl Into<String>,
        value: impl Into<String>,
        problem: impl Into<String>,
    ) -> Self {
        Self { place: place.into(), key: key.into(), value: value.into(), problem: problem.into() }
    }
}

fn setting(key: &str, value: &str) -> String {
    match (key, value) {
        ("", _) => String::new(),
        (key, "") => format!("{key}: "),
        (key, value) => format!("{key} = {value:?}: "),
    }
}
