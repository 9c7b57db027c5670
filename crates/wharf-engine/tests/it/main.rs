//! Rendering compared with Helm's, and the advisories that concern rendering.
#![expect(clippy::unwrap_used, reason = "tests")]

mod ahead;
mod expressions;
mod recorded;
mod render;
mod trees;

use std::path::Path;
use std::rc::Rc;

use wharf_chart::File;
use wharf_engine::Surroundings;

/// No clock, no randomness worth the name, no keys.
struct Fixed;

impl Surroundings for Fixed {
    fn now_nanoseconds(&self) -> i128 {
        1_700_000_000_000_000_000
    }

    fn fill_random(&self, buffer: &mut [u8]) {
        buffer.fill(4);
    }
}

fn fixed() -> Rc<dyn Surroundings> {
    Rc::new(Fixed)
}

/// Reads all files under a folder.
fn folder(root: &Path) -> Vec<File> {
    let mut found = Vec::new();
    let mut pending = vec![root.to_owned()];
    while let Some(folder) = pending.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                pending.push(path);
            } else {
                let name = path.strip_prefix(root).unwrap().to_string_lossy().into_owned();
                found.push(File::new(name, std::fs::read(&path).unwrap()));
            }
        }
    }
    found
}
