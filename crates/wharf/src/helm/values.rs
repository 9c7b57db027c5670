//! The values that flags give, put together by their kinds: files, JSON, typed, text, files of text, literals.

use std::io::Read;

use anyhow::{Context, anyhow, bail};
use wharf_chart::{merge_maps, read_values, set_files, set_json, set_literal, set_strings, set_values};
use wharf_yaml::{Value, from_json};

use crate::cobra::flags::Given;

/// Where values come from, each kind in the order given.
#[derive(Clone, Debug, Default, clap::Args)]
#[command(next_help_heading = "Values")]
pub(crate) struct Sources {
    /// A YAML file with values, - for standard input; later ones win.
    #[arg(short = 'f', long = "values", value_name = "FILE", value_delimiter = ',')]
    pub(crate) files: Vec<String>,

    /// Values as PATH=JSON,… or one JSON object.
    #[arg(long = "set-json", value_name = "PATH=JSON")]
    pub(crate) json: Vec<String>,

    /// Values as PATH=VALUE,…; numbers, booleans and null are recognised.
    #[arg(long = "set", value_name = "PATH=VALUE")]
    pub(crate) typed: Vec<String>,

    /// Values as PATH=TEXT,….
    #[arg(long = "set-string", value_name = "PATH=TEXT")]
    pub(crate) strings: Vec<String>,

    /// Values as PATH=FILE,…, each the text of a file.
    #[arg(long = "set-file", value_name = "PATH=FILE")]
    pub(crate) texts: Vec<String>,

    /// A value as PATH=TEXT, the text taken as it is.
    #[arg(long = "set-literal", value_name = "PATH=TEXT")]
    pub(crate) literals: Vec<String>,
}

/// Returns the user's values, a map.
pub(super) fn values(given: &Given) -> anyhow::Result<Value> {
    let texts = |name| given.texts(name).to_vec();
    let sources = Sources {
        files: texts("values"),
        json: texts("set-json"),
        typed: texts("set"),
        strings: texts("set-string"),
        texts: texts("set-file"),
        literals: texts("set-literal"),
    };
    sources.read()
}

impl Sources {
    /// Returns the values, a map.
    pub(crate) fn read(&self) -> anyhow::Result<Value> {
        let mut values = Value::Map(std::sync::Arc::default());
        for path in &self.files {
            let text = read(path)?;
            let read = read_values(&text).with_context(|| format!("failed to parse {path}"))?;
            if let (Some(into), Some(from)) = (values.as_map_mut(), read.as_map()) {
                merge_maps(into, from);
            }
        }
        for text in &self.json {
            // Helm tells the two forms apart by the first character and keeps its parser's words to itself.
            let trimmed = text.trim();
            if trimmed.starts_with('{') {
                if !matches!(from_json(trimmed.as_bytes()), Ok(Value::Map(_))) {
                    bail!("failed parsing --set-json data JSON: {text}");
                }
                set_json(&mut values, trimmed)?;
            } else {
                set_json(&mut values, text).map_err(|_| anyhow!("failed parsing --set-json data {text}"))?;
            }
        }
        for text in &self.typed {
            set_values(&mut values, text).context("failed parsing --set data")?;
        }
        for text in &self.strings {
            set_strings(&mut values, text).context("failed parsing --set-string data")?;
        }
        for text in &self.texts {
            let file = |path: &str| {
                let bytes = read(path).map_err(|error| format!("{error:#}"))?;
                Ok(String::from_utf8_lossy(&bytes).into_owned())
            };
            set_files(&mut values, text, file).context("failed parsing --set-file data")?;
        }
        for text in &self.literals {
            set_literal(&mut values, text).context("failed parsing --set-literal data")?;
        }
        Ok(values)
    }
}

/// Reads a file, or standard input for `-`.
fn read(path: &str) -> anyhow::Result<Vec<u8>> {
    if path.trim() == "-" {
        let mut text = Vec::new();
        std::io::stdin().read_to_end(&mut text).context("cannot read standard input")?;
        return Ok(text);
    }
    if ["http://", "https://", "oci://"].iter().any(|scheme| path.starts_with(scheme)) {
        bail!("values from {path}: reading values from URLs is not built in wharf yet");
    }
    std::fs::read(path).map_err(|error| anyhow!("open {path}: {}", reason(&error)))
}

/// The operating system's words as Go shows them.
pub(super) fn reason(error: &std::io::Error) -> String {
    match error.kind() {
        std::io::ErrorKind::NotFound => "no such file or directory".to_owned(),
        std::io::ErrorKind::PermissionDenied => "permission denied".to_owned(),
        std::io::ErrorKind::IsADirectory => "is a directory".to_owned(),
        _ => error.to_string(),
    }
}
