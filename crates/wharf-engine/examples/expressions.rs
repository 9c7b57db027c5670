//! Renders expressions, one JSON string a line, each as the only template of a chart folder, for comparisons with Helm.
//!
//! `expressions CHART <EXPRESSIONS >RESULTS`
#![expect(clippy::print_stdout, reason = "a command")]

use std::path::Path;
use std::rc::Rc;

use anyhow::Context as _;
use wharf_chart::{File, load_folder};
use wharf_engine::{RenderOptions, Surroundings, render_files};
use wharf_yaml::Value;

struct Machine(wharf_sprig::LibraryKeys);

impl Surroundings for Machine {
    fn now_nanoseconds(&self) -> i128 {
        std::time::SystemTime::now()
            .duration_since(std::time::UNIX_EPOCH)
            .map_or(0, |time| i128::try_from(time.as_nanos()).unwrap_or_default())
    }

    fn fill_random(&self, buffer: &mut [u8]) {
        getrandom::fill(buffer).expect("the machine has randomness");
    }

    fn keys(&self) -> Option<&dyn wharf_sprig::Keys> {
        Some(&self.0)
    }
}

fn files(root: &Path, folder: &Path, found: &mut Vec<File>) -> anyhow::Result<()> {
    for entry in std::fs::read_dir(folder).with_context(|| folder.display().to_string())? {
        let path = entry?.path();
        if path.is_dir() {
            files(root, &path, found)?;
        } else {
            let name = path.strip_prefix(root)?.to_string_lossy().into_owned();
            found.push(File::new(name, std::fs::read(&path)?));
        }
    }
    Ok(())
}

fn main() -> anyhow::Result<()> {
    let path = std::env::args().nth(1).context("a chart folder is needed")?;
    let mut found = Vec::new();
    files(Path::new(&path), Path::new(&path), &mut found)?;
    for line in std::io::stdin().lines() {
        let expression: String = serde_json::from_str(&line?)?;
        let mut files = found.clone();
        files.push(File::new("templates/a.yaml", format!("{{{{ {expression} }}}}").into_bytes()));
        let chart = load_folder(files)?;
        let machine = || Rc::new(Machine(wharf_sprig::LibraryKeys)) as Rc<dyn Surroundings>;
        let rendered = render_files(&chart, &Value::Null, &RenderOptions::default(), &machine);
        let result = match rendered {
            Ok(files) => ["ok".to_owned(), files.get("x/templates/a.yaml").cloned().unwrap_or_default()],
            Err(error) => ["err".to_owned(), error.to_string()],
        };
        println!("{}", serde_json::json!({ "e": expression, "r": result }));
    }
    Ok(())
}
