//! Charts from folders, and the shared test charts.

use std::fs;
use std::path::{Path, PathBuf};

use wharf_chart::{Chart, Error, File, IgnoreRules, load_folder};

/// The folder with shared test data, or `None` (with a message) where it is not there.
pub(crate) fn shared(part: &str) -> Option<PathBuf> {
    let root = std::env::var_os("WHARF_SHARED")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared"), PathBuf::from);
    let path = root.join(part);
    if path.is_dir() {
        return Some(path);
    }
    eprintln!("skipped: {} is not there", path.display());
    None
}

/// Reads a chart folder as the binary does.
pub(crate) fn read_folder(folder: &Path) -> Vec<File> {
    let rules = IgnoreRules::for_chart(fs::read(folder.join(".helmignore")).ok().as_deref()).unwrap();
    let mut files = Vec::new();
    walk(folder, "", &rules, &mut files);
    files
}

fn walk(folder: &Path, below: &str, rules: &IgnoreRules, files: &mut Vec<File>) {
    for entry in fs::read_dir(folder.join(below)).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name().into_string().unwrap();
        let path = if below.is_empty() { name } else { format!("{below}/{name}") };
        let is_folder = entry.path().is_dir();
        if rules.ignores(&path, is_folder) {
            continue;
        }
        if is_folder {
            walk(folder, &path, rules, files);
        } else {
            files.push(File::new(path, fs::read(entry.path()).unwrap()));
        }
    }
}

pub(crate) fn load(folder: &Path) -> Result<Chart, Error> {
    load_folder(read_folder(folder))
}

/// A chart of the given files and a plain Chart.yaml.
pub(crate) fn chart_with(files: &[(&str, &str)]) -> Chart {
    let mut all = vec![File::new("Chart.yaml", &b"apiVersion: v2\nname: demo\nversion: 1.2.3\n"[..])];
    all.extend(files.iter().map(|(name, data)| File::new(*name, data.as_bytes())));
    load_folder(all).unwrap()
}

/// Lower-case hexadecimal text.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
