//! The values that flags give, put together by their kinds: files, JSON, typed, text, files of text, literals.

use std::cell::RefCell;
use std::io::Read;

use anyhow::{Context, anyhow, bail};
use wharf_chart::{Spot, merge_maps, read_values, set_files, set_json, set_literal, set_strings, set_values};
use wharf_yaml::{Value, from_json, locate};

use super::access::Access;
use super::repositories::in_words;
use crate::cobra::flags::Given;
use crate::waiting::block_on;

/// The longest values file that is fetched, in bytes.
const MAX_VALUES: u64 = 64 << 20;

/// Where values come from, each kind in the order given.
#[derive(Clone, Debug, Default, clap::Args)]
#[command(next_help_heading = "Values")]
pub(crate) struct Sources {
    /// A YAML file with values, its address, or - for standard input; later ones win.
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

    /// The texts of the files, once read.
    #[arg(skip)]
    pub(crate) texts_of_files: RefCell<Vec<Vec<u8>>>,
}

/// Returns where the user's values come from.
pub(super) fn sources(given: &Given) -> Sources {
    let texts = |name| given.texts(name).to_vec();
    Sources {
        files: texts("values"),
        json: texts("set-json"),
        typed: texts("set"),
        strings: texts("set-string"),
        texts: texts("set-file"),
        literals: texts("set-literal"),
        ..Sources::default()
    }
}

impl Sources {
    /// Returns the values, a map.
    pub(crate) fn read(&self) -> anyhow::Result<Value> {
        let mut values = Value::Map(std::sync::Arc::default());
        self.texts_of_files.borrow_mut().clear();
        for path in &self.files {
            let text = read(path)?;
            let read = read_values(&text)
                .map_err(|error| error.in_source(path))
                .with_context(|| format!("failed to parse {path}"))?;
            self.texts_of_files.borrow_mut().push(text);
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

impl Sources {
    /// Returns the place that gave the value to which keys and indices lead: an argument or a place in a file, the one that
    /// wins first.
    pub(crate) fn place_of(&self, path: &[String]) -> Option<Spot> {
        type Set = fn(&mut Value, &str) -> Result<(), wharf_chart::Error>;
        let files: Set = |values, text| set_files(values, text, |_| Ok(String::new()));
        let kinds: [(&str, &[String], Set); 5] = [
            ("--set-literal", &self.literals, set_literal),
            ("--set-file", &self.texts, files),
            ("--set-string", &self.strings, set_strings),
            ("--set", &self.typed, set_values),
            ("--set-json", &self.json, set_json),
        ];
        for (flag, texts, set) in kinds {
            let gives = |text: &&String| {
                let mut values = Value::Map(std::sync::Arc::default());
                set(&mut values, text).is_ok() && reaches(&values, path)
            };
            if let Some(text) = texts.iter().rev().find(gives) {
                return Some(Spot::of(flag, text.as_bytes(), 0..text.len()));
            }
        }
        let texts = self.texts_of_files.borrow();
        self.files.iter().zip(texts.iter()).rev().find_map(|(name, text)| {
            let place = locate(text, path)?;
            Some(Spot::at(name, text, place.line, place.column))
        })
    }
}

/// Whether there is a value where keys and indices lead.
fn reaches(values: &Value, path: &[String]) -> bool {
    let step = |value: &Value, step: &String| match value {
        Value::List(items) => items.get(step.parse::<usize>().ok()?).cloned(),
        map => map.at(step).cloned(),
    };
    path.iter().try_fold(values.clone(), |value, key| step(&value, key)).is_some()
}

/// Reads a file, standard input for `-`, or what is at an address.
fn read(path: &str) -> anyhow::Result<Vec<u8>> {
    if path.trim() == "-" {
        let mut text = Vec::new();
        std::io::stdin().read_to_end(&mut text).context("cannot read standard input")?;
        return Ok(text);
    }
    if path.starts_with("http://") || path.starts_with("https://") {
        // As in Helm, the flags about the chart's server say nothing about this one.
        let access = Access::of(&Given::default());
        return block_on(async {
            let text = access.site(path)?.fetch(path, None, MAX_VALUES).await.map_err(in_words)?;
            Ok(text.to_vec())
        });
    }
    if path.starts_with("oci://") {
        bail!(
            "values from {path}: values come from files, standard input, http and https; a registry has none"
        );
    }
    std::fs::read(path).map_err(|error| {
        // A folder can be opened, but not read.
        let step = if error.kind() == std::io::ErrorKind::IsADirectory { "read" } else { "open" };
        anyhow!("{step} {path}: {}", reason(&error))
    })
}

/// The operating system's words as Go shows them.
pub(super) fn reason(error: &std::io::Error) -> String {
    match error.kind() {
        std::io::ErrorKind::NotFound => "no such file or directory".to_owned(),
        std::io::ErrorKind::PermissionDenied => "permission denied".to_owned(),
        std::io::ErrorKind::IsADirectory => "is a directory".to_owned(),
        std::io::ErrorKind::NotADirectory => "not a directory".to_owned(),
        _ => error.to_string(),
    }
}
