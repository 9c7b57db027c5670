//! From files to a chart.

use std::collections::BTreeMap;
use std::sync::Arc;

use wharf_yaml::{Map, Value, from_yaml, split_documents};

use crate::archive::{Budget, read_archive};
use crate::quote::Quoted;
use crate::{Chart, Error, ErrorKind, File, Limits, Lock, Metadata, Spot};

const BOM: &[u8] = b"\xef\xbb\xbf";

/// Makes a chart of the files of a folder, given in any order with paths below the folder.
///
/// The caller walks the folder, asks [`IgnoreRules`](crate::IgnoreRules) about every path and follows links only inside
/// the chart. The result does not depend on the order of the files or on their times.
///
/// # Errors
/// Broken or missing Chart.yaml, broken values, locks or subcharts, unsafe paths, and the bounds of [`Limits`].
pub fn load_folder(files: impl IntoIterator<Item = File>) -> Result<Chart, Error> {
    load_folder_within(files, &Limits::default())
}

/// What orders paths by their parts: a part ends before any character.
fn by_parts(path: &str) -> impl Iterator<Item = u16> {
    path.bytes().map(|byte| if byte == b'/' { 0 } else { u16::from(byte) + 1 })
}

/// As [`load_folder`], with other bounds.
///
/// # Errors
/// As [`load_folder`].
pub fn load_folder_within(files: impl IntoIterator<Item = File>, limits: &Limits) -> Result<Chart, Error> {
    let mut files: Vec<File> = files.into_iter().collect();
    // The order of a walk that sorts every folder: by path parts, not by the whole text.
    files.sort_by(|a, b| by_parts(&a.name).cmp(by_parts(&b.name)));
    let mut budget = Budget::new(limits);
    for file in &files {
        if is_unsafe(&file.name) {
            let text = format!("chart file {:?} is not a path inside the chart", file.name);
            return Err(Error::new(ErrorKind::UnsafePath, text));
        }
        if file.data.len() as u64 > limits.max_file_bytes {
            let name = file.name.rsplit('/').next().unwrap_or_default();
            let text = format!(
                "chart file {} is larger than the maximum file size {}",
                Quoted(name),
                limits.max_file_bytes
            );
            return Err(Error::new(ErrorKind::TooLarge, text));
        }
        budget.file(file.data.len() as u64)?;
    }
    if let Some(twice) = files.windows(2).find(|pair| pair[0].name == pair[1].name) {
        return Err(Error::malformed(format!("chart file {:?} is given twice", twice[0].name)));
    }
    load_files(files, &mut budget, 0)
}

/// Makes a chart of an archive (`.tgz`).
///
/// # Errors
/// As [`load_folder`], and everything that is wrong with the archive itself; see [`unpack_archive`](crate::unpack_archive).
pub fn load_archive(bytes: &[u8]) -> Result<Chart, Error> {
    load_archive_within(bytes, &Limits::default())
}

/// As [`load_archive`], with other bounds.
///
/// # Errors
/// As [`load_archive`].
pub fn load_archive_within(bytes: &[u8], limits: &Limits) -> Result<Chart, Error> {
    load_nested_archive(bytes, &mut Budget::new(limits), 0)
}

fn load_nested_archive(bytes: &[u8], budget: &mut Budget, depth: usize) -> Result<Chart, Error> {
    let (files, warnings) = read_archive(bytes, budget)?;
    let mut chart = load_files(files, budget, depth)?;
    chart.warnings.splice(0..0, warnings);
    Ok(chart)
}

fn is_unsafe(name: &str) -> bool {
    name.is_empty() || name.contains('\0') || name.split('/').any(|part| matches!(part, "" | "." | ".."))
}

fn load_files(files: Vec<File>, budget: &mut Budget, depth: usize) -> Result<Chart, Error> {
    if depth > budget.limits().max_depth {
        let text = format!("charts are nested deeper than {}", budget.limits().max_depth);
        return Err(Error::new(ErrorKind::TooLarge, text));
    }
    let files: Vec<File> = files.into_iter().map(without_bom).collect();
    let mut chart = Chart { values: Value::Map(Arc::default()), ..Chart::default() };
    let mut metadata = None;
    // Files may come in any order, and other files are read by what Chart.yaml says.
    for file in files.iter().filter(|file| file.name == "Chart.yaml") {
        let metadata = metadata.get_or_insert_with(Metadata::default);
        metadata
            .merge_yaml(&file.data, false)
            .map_err(|error| error.within("cannot load Chart.yaml").in_source(&file.name))?;
        if metadata.api_version.is_empty() {
            "v1".clone_into(&mut metadata.api_version);
        }
    }
    let mut subcharts: BTreeMap<String, Vec<File>> = BTreeMap::new();
    for file in &files {
        sort_in(file, &mut chart, &mut metadata, &mut subcharts)?;
    }
    chart.raw = files;
    let Some(mut metadata) = metadata else { return Err(Error::malformed("Chart.yaml file is missing")) };
    metadata.validate()?;
    chart.metadata = metadata;
    for (name, files) in subcharts {
        if name.starts_with(['_', '.']) {
            continue;
        }
        let within = |error: Error| {
            let outer = format!("error unpacking subchart {name} in {}", chart.name());
            error.within(outer).in_source(&format!("charts/{name}"))
        };
        let subchart = load_subchart(&name, files, chart.name(), budget, depth + 1).map_err(within)?;
        chart.dependencies.push(subchart);
    }
    Ok(chart)
}

fn load_subchart(
    name: &str,
    files: Vec<File>,
    parent: &str,
    budget: &mut Budget,
    depth: usize,
) -> Result<Chart, Error> {
    if !name.ends_with(".tgz") {
        // A file directly under charts/ is no chart and has no second part.
        let inner = files.into_iter().filter_map(|mut file| {
            file.name = file.name.split_once('/')?.1.to_owned();
            Some(file)
        });
        return load_files(inner.collect(), budget, depth);
    }
    match files.first() {
        Some(file) if file.name == name => load_nested_archive(&file.data, budget, depth),
        file => {
            let found = file.map_or("", |file| &file.name);
            let text = format!("error unpacking subchart tar in {parent}: expected {name}, got {found}");
            Err(Error::malformed(text))
        }
    }
}

/// Puts a file where it belongs.
fn sort_in(
    file: &File,
    chart: &mut Chart,
    metadata: &mut Option<Metadata>,
    subcharts: &mut BTreeMap<String, Vec<File>>,
) -> Result<(), Error> {
    match file.name.as_str() {
        "Chart.yaml" => {}
        "Chart.lock" => {
            chart.lock = Lock::from_yaml(&file.data)
                .map_err(|error| error.within("cannot load Chart.lock").in_source(&file.name))?;
        }
        "values.yaml" => {
            chart.values = read_values(&file.data)
                .map_err(|error| error.within("cannot load values.yaml").in_source(&file.name))?;
        }
        "values.schema.json" => chart.schema = Some(file.clone()),
        "requirements.yaml" => {
            let metadata = metadata.get_or_insert_with(Metadata::default);
            metadata
                .merge_yaml(&file.data, false)
                .map_err(|error| error.within("cannot load requirements.yaml").in_source(&file.name))?;
            if metadata.api_version == "v1" {
                chart.files.push(file.clone());
            } else {
                let text = "Warning: Dependencies are handled in Chart.yaml since apiVersion \"v2\". We recommend \
                            migrating dependencies to Chart.yaml.";
                chart.warnings.push(text.to_owned());
            }
        }
        "requirements.lock" => {
            chart.lock =
                Lock::from_yaml(&file.data).map_err(|error| error.within("cannot load requirements.lock"))?;
            if metadata.as_ref().is_some_and(|metadata| metadata.api_version == "v1") {
                chart.files.push(file.clone());
            } else {
                let text = "Warning: Dependency locking is handled in Chart.lock since apiVersion \"v2\". We recommend \
                            migrating to Chart.lock.";
                chart.warnings.push(text.to_owned());
            }
        }
        name if name.starts_with("templates/") => chart.templates.push(file.clone()),
        name => match name.strip_prefix("charts/") {
            Some(inner) if !inner.ends_with(".prov") => {
                let subchart = inner.split('/').next().unwrap_or_default();
                let mut file = file.clone();
                file.name = inner.to_owned();
                subcharts.entry(subchart.to_owned()).or_default().push(file);
            }
            _ => chart.files.push(file.clone()),
        },
    }
    Ok(())
}

fn without_bom(mut file: File) -> File {
    if let Some(rest) = file.data.strip_prefix(BOM) {
        file.data = rest.into();
    }
    file
}

/// Reads a values file: every document must be a map; later documents are merged over earlier ones.
///
/// Numbers are floats, as everywhere in values that come from files.
///
/// # Errors
/// Malformed YAML, and documents that are not maps, in Helm's words.
pub fn read_values(text: &[u8]) -> Result<Value, Error> {
    let documents = split_documents(text)
        .map_err(|error| Error::malformed(format!("error reading yaml document: {error}")))?;
    let mut values = Value::Map(Arc::default());
    let mut lines_before = 0;
    for document in documents {
        let at = |line: usize, column: usize| Spot::at("", text, lines_before + line, column);
        let fail = |text: String, spot: Spot| {
            let error = Error::malformed(format!("cannot unmarshal yaml document: {text}"));
            Err(error.pointing(Some(spot)))
        };
        match from_yaml(&document) {
            Ok(Value::Null) => {}
            Ok(Value::Map(map)) => {
                if let Some(values) = values.as_map_mut() {
                    merge_maps(values, &map);
                }
            }
            Ok(other) => {
                let found = match other {
                    Value::List(_) => "array",
                    Value::String(_) => "string",
                    Value::Bool(_) => "bool",
                    _ => "number",
                };
                let text = format!(
                    "error unmarshaling JSON: while decoding JSON: json: cannot unmarshal {found} into Go value of \
                     type map[string]interface {{}}"
                );
                let place = wharf_yaml::locate::<&str>(&document, &[]);
                let (line, column) = place.map_or((1, 1), |place| (place.line, place.column));
                return fail(text, at(line, column).noted(format!("values are a map, this is: {found}")));
            }
            Err(error) => {
                let spot = at(error.line().unwrap_or(1), error.column().unwrap_or(1));
                return fail(format!("error converting YAML to JSON: {error}"), spot.noted(error.problem()));
            }
        }
        // The line that ends a document belongs to none.
        lines_before += document.iter().filter(|&&byte| byte == b'\n').count() + 1;
    }
    Ok(values)
}

/// Merges `from` into `into`: maps are merged, everything else is replaced, `null` too.
pub fn merge_maps(into: &mut Map, from: &Map) {
    for (key, value) in from {
        match (into.get_mut(key), value) {
            (Some(Value::Map(old)), Value::Map(new)) => merge_maps(Arc::make_mut(old), new),
            _ => {
                into.insert(key.clone(), value.clone());
            }
        }
    }
}
