//! Slash-separated paths, as Go's `path` has them. The `os` forms are the same: charts render alike everywhere.

use wharf_template::FunctionTable;

use crate::args::{Add, T, text};

pub(crate) fn add(table: &mut FunctionTable) {
    const S: &[T] = &[T::String];
    for name in ["base", "osBase"] {
        table.plain(name, S, |args| Ok(base(&text(&args[0])).into()));
    }
    for name in ["clean", "osClean"] {
        table.plain(name, S, |args| Ok(clean(&text(&args[0])).into()));
    }
    for name in ["dir", "osDir"] {
        table.plain(name, S, |args| {
            let path = text(&args[0]);
            let end = path.rfind('/').map_or(0, |at| at + 1);
            Ok(clean(&path[..end]).into())
        });
    }
    for name in ["ext", "osExt"] {
        table.plain(name, S, |args| {
            let path = text(&args[0]);
            let name = path.rsplit('/').next().unwrap_or_default();
            Ok(name.rfind('.').map_or("", |at| &name[at..]).into())
        });
    }
    for name in ["isAbs", "osIsAbs"] {
        table.plain(name, S, |args| Ok(text(&args[0]).starts_with('/').into()));
    }
}

/// Returns the last element of a path.
pub(crate) fn base(path: &str) -> &str {
    if path.is_empty() {
        return ".";
    }
    let trimmed = path.trim_end_matches('/');
    if trimmed.is_empty() {
        return "/";
    }
    trimmed.rsplit('/').next().unwrap_or(trimmed)
}

/// Returns the shortest path that means the same, by the text alone.
pub(crate) fn clean(path: &str) -> String {
    let rooted = path.starts_with('/');
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => match parts.last() {
                Some(last) if *last != ".." => {
                    parts.pop();
                }
                _ if rooted => {}
                _ => parts.push(".."),
            },
            other => parts.push(other),
        }
    }
    match (rooted, parts.is_empty()) {
        (true, _) => format!("/{}", parts.join("/")),
        (false, true) => ".".to_owned(),
        (false, false) => parts.join("/"),
    }
}
