//! The values that flags give, put together by their kinds: files, JSON, typed, text, files of text, literals.

use std::io::Read;

use anyhow::{Context, anyhow, bail};
use wharf_chart::{merge_maps, read_values, set_files, set_json, set_literal, set_strings, set_values};
use wharf_yaml::{Value, from_json};

use crate::cobra::flags::Given;

/// Returns the user's values, a map.
pub(super) fn values(given: &Given) -> anyhow::Result<Value> {
    let mut values = Value::Map(std::sync::Arc::default());
    for path in given.texts("values") {
        let text = read(path)?;
        let read = read_values(&text).with_context(|| format!("failed to parse {path}"))?;
        if let (Some(into), Some(from)) = (values.as_map_mut(), read.as_map()) {
            merge_maps(into, from);
        }
    }
    for text in given.texts("set-json") {
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
    for text in given.texts("set") {
        set_values(&mut values, text).context("failed parsing --set data")?;
    }
    for text in given.texts("set-string") {
        set_strings(&mut values, text).context("failed parsing --set-string data")?;
    }
    for text in given.texts("set-file") {
        let file = |path: &str| {
            let bytes = read(path).map_err(|error| format!("{error:#}"))?;
            Ok(String::from_utf8_lossy(&bytes).into_owned())
        };
        set_files(&mut values, text, file).context("failed parsing --set-file data")?;
    }
    for text in given.texts("set-literal") {
        set_literal(&mut values, text).context("failed parsing --set-literal data")?;
    }
    Ok(values)
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
