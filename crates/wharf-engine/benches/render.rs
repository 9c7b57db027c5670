//! Renders per second, in this process: `cargo bench -p wharf-engine --bench render [CHART ..]`.
//!
//! The charts are those of the shared material; each is read once, then loaded and rendered again and again. The numbers are of
//! this machine and this moment: compare within one run only.
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a program that prints what it measures")]

use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::{Duration, Instant};

use wharf_chart::{File, IgnoreRules, load_folder};
use wharf_engine::{RenderOptions, Surroundings, render};
use wharf_yaml::Value;

/// What is measured without words on the command line: the largest chart that people use, and the smallest.
const CHARTS: &[&str] = &["kube-prometheus-stack", "cert-manager", "podinfo"];
const WINDOW: Duration = Duration::from_secs(3);

fn main() {
    let root = std::env::var_os("WHARF_SHARED")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared"), PathBuf::from);
    let words: Vec<String> = std::env::args().skip(1).filter(|word| !word.starts_with("--")).collect();
    let charts: Vec<&str> =
        if words.is_empty() { CHARTS.to_vec() } else { words.iter().map(String::as_str).collect() };
    for name in charts {
        let folder = root.join("charts").join(name);
        if !folder.is_dir() {
            println!("skipped: there is no chart in {}", folder.display());
            continue;
        }
        measure(name, &folder);
    }
}

fn measure(name: &str, folder: &Path) {
    let ignore = std::fs::read(folder.join(".helmignore")).ok();
    let mut files = Vec::new();
    read(folder, "", &IgnoreRules::for_chart(ignore.as_deref()).unwrap(), &mut files);
    let bytes: usize = files.iter().map(|file| file.data.len()).sum();
    let chart = load_folder(files.clone()).unwrap();
    let load = rate(|| load_folder(files.clone()).unwrap().templates.len());
    let options = RenderOptions::default();
    let text =
        || render(&chart, &Value::Null, &options, &|| Rc::new(Fixed)).unwrap().text(false, true, true).len();
    let rendered = text();
    println!(
        "{name}: {} KiB in {} files, {} KiB rendered; {load:.0} loads/s, {:.0} renders/s",
        bytes / 1024,
        files.len(),
        rendered / 1024,
        rate(text)
    );
}

/// How often a second the work is done, after a warm-up.
fn rate(work: impl Fn() -> usize) -> f64 {
    let run = |window: Duration| {
        let (start, mut count) = (Instant::now(), 0_u32);
        while start.elapsed() < window {
            std::hint::black_box(work());
            count += 1;
        }
        f64::from(count) / start.elapsed().as_secs_f64()
    };
    run(WINDOW / 10);
    run(WINDOW)
}

fn read(folder: &Path, prefix: &str, rules: &IgnoreRules, files: &mut Vec<File>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = format!("{prefix}{}", path.file_name().unwrap().to_string_lossy());
        if rules.ignores(&name, path.is_dir()) {
            continue;
        }
        if path.is_dir() {
            read(&path, &format!("{name}/"), rules, files);
        } else {
            files.push(File::new(name, std::fs::read(&path).unwrap()));
        }
    }
}

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
