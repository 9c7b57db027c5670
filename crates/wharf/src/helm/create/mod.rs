//! `helm create`

use std::io::Write;
use std::path::Path;

use anyhow::{Context, anyhow, bail};
use wharf_chart::{Chart, File, Metadata, PackOptions, pack};

use super::chart;
use super::places::Places;
use super::values::reason;
use crate::cobra::Command;
use crate::cobra::flags::Kind::Text;
use crate::cobra::flags::{Given, flag, short};

pub(super) const COMMAND: Command = Command {
    path: &["helm", "create"],
    usage: "NAME [flags]",
    about: "make a new chart",
    flags: &[&[
        flag("chart-api-version", Text, "v2; nothing else is known"),
        short(
            'p',
            "starter",
            Text,
            "the name or path of a chart to begin with, from Helm's folder `starters`",
        ),
    ]],
    run,
};

/// The longest name of a chart, in bytes.
const MAX_NAME: usize = 250;

/// Stands for the chart's name in starters.
const PLACEHOLDER: &str = "<CHARTNAME>";

/// The files in the order in which they are written; see scaffold/README.md for where they are from.
const SCAFFOLD: &[(&str, &str)] = &[
    ("Chart.yaml", include_str!("scaffold/Chart.yaml")),
    ("values.yaml", include_str!("scaffold/values.yaml")),
    (".helmignore", include_str!("scaffold/helmignore")),
    ("templates/ingress.yaml", include_str!("scaffold/templates/ingress.yaml")),
    ("templates/httproute.yaml", include_str!("scaffold/templates/httproute.yaml")),
    ("templates/deployment.yaml", include_str!("scaffold/templates/deployment.yaml")),
    ("templates/service.yaml", include_str!("scaffold/templates/service.yaml")),
    ("templates/serviceaccount.yaml", include_str!("scaffold/templates/serviceaccount.yaml")),
    ("templates/hpa.yaml", include_str!("scaffold/templates/hpa.yaml")),
    ("templates/NOTES.txt", include_str!("scaffold/templates/NOTES.txt")),
    ("templates/_helpers.tpl", include_str!("scaffold/templates/_helpers.tpl")),
    ("templates/tests/test-connection.yaml", include_str!("scaffold/templates/tests/test-connection.yaml")),
];

fn run(given: &Given, arguments: &[String], out: &mut dyn Write) -> anyhow::Result<()> {
    let [path] = arguments else { return COMMAND.wrong_arguments("requires 1 argument") };
    writeln!(out, "Creating {path}")?;
    match given.text("chart-api-version") {
        None | Some("" | "v2") => {}
        Some(other) => bail!("unsupported chart API version: {other} (supported: v2)"),
    }
    let trimmed = path.trim_end_matches('/');
    let name = match trimmed.rsplit('/').next().unwrap_or_default() {
        "" if path.starts_with('/') => "/",
        "" => ".",
        name => name,
    };
    let parent = match trimmed.rsplit_once('/') {
        Some(("", _)) => Path::new("/"),
        Some((parent, _)) => Path::new(parent),
        None => Path::new("."),
    };
    match given.text("starter").filter(|starter| !starter.is_empty()) {
        Some(starter) => {
            // An absolute path stays as it is.
            let starter = Places::of(given).data.join("starters").join(starter);
            from_starter(name, parent, &starter)
        }
        None => from_scaffold(name, parent, out),
    }
}

fn from_scaffold(name: &str, parent: &Path, out: &mut dyn Write) -> anyhow::Result<()> {
    if name.is_empty() || name.len() > MAX_NAME {
        bail!("chart name must be between 1 and {MAX_NAME} characters");
    }
    if !name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-')) {
        bail!("chart name must match the regular expression \"^[a-zA-Z0-9._-]+$\"");
    }
    let parent = std::path::absolute(parent)?;
    match std::fs::metadata(&parent) {
        Err(error) => bail!("stat {}: {}", parent.display(), reason(&error)),
        Ok(metadata) if !metadata.is_dir() => bail!("no such directory {}", parent.display()),
        Ok(_) => {}
    }
    // `.` would write into the folder itself.
    if name == "." || name == ".." {
        bail!("chart name {name:?} is not allowed");
    }
    let folder = parent.join(name);
    if folder.exists() && !folder.is_dir() {
        bail!("file {} already exists and is not a directory", folder.display());
    }
    for (file, text) in SCAFFOLD {
        let path = folder.join(file);
        if path.exists() {
            writeln!(out, "WARNING: File {:?} already exists. Overwriting.", path.display().to_string())?;
        }
        write(&path, text.replace(PLACEHOLDER, name).as_bytes())?;
    }
    let charts = folder.join("charts");
    std::fs::create_dir_all(&charts).with_context(|| format!("cannot make {}", charts.display()))
}

fn from_starter(name: &str, parent: &Path, starter: &Path) -> anyhow::Result<()> {
    let mut chart = chart::load_any(starter)
        .map_err(|error| anyhow!("could not load {}: {error:#}", starter.display()))?;
    if name.contains('/') || name == "." || name == ".." {
        bail!("{name:?} is not a valid chart name");
    }
    chart.metadata = Metadata {
        name: name.to_owned(),
        description: "A Helm chart for Kubernetes".to_owned(),
        chart_type: "application".to_owned(),
        version: "0.1.0".to_owned(),
        app_version: "0.1.0".to_owned(),
        api_version: "v2".to_owned(),
        ..Metadata::default()
    };
    let folder = parent.join(name);
    if folder.exists() && !folder.is_dir() {
        bail!("file {} already exists and is not a directory", folder.display());
    }
    write_chart(&chart, &folder, name)
}

/// Writes a chart as a folder: what is text of a starter with the chart's name in it, the rest as it is.
fn write_chart(chart: &Chart, folder: &Path, name: &str) -> anyhow::Result<()> {
    let named = |file: &File| match std::str::from_utf8(&file.data) {
        Ok(text) => text.replace(PLACEHOLDER, name).into_bytes(),
        Err(_) => file.data.to_vec(),
    };
    write(&folder.join("Chart.yaml"), chart.metadata.to_yaml()?.as_bytes())?;
    if let Some(values) = chart.raw_file("values.yaml") {
        write(&folder.join("values.yaml"), &named(values))?;
    }
    if let Some(schema) = &chart.schema {
        write(&folder.join("values.schema.json"), &schema.data)?;
    }
    for template in &chart.templates {
        write(&folder.join(&template.name), &named(template))?;
    }
    for file in &chart.files {
        write(&folder.join(&file.name), &file.data)?;
    }
    for dependency in &chart.dependencies {
        let packed = pack(dependency, &PackOptions { allow_missing: true, ..PackOptions::default() })?;
        write(&folder.join("charts").join(&packed.file_name), &packed.bytes)?;
    }
    Ok(())
}

fn write(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    let failed = || format!("cannot write {}", path.display());
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).with_context(failed)?;
    }
    std::fs::write(path, bytes).with_context(failed)
}
