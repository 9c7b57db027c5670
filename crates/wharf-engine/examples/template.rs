//! Renders a chart folder and prints what `helm template` prints, for comparisons.
//!
//! `template [NAME] CHART [-f FILE]… [--set TEXT]… [--include-crds] [--notes]`
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a command")]

use std::path::Path;
use std::rc::Rc;

use anyhow::{Context as _, bail};
use wharf_chart::{File, load_archive, load_folder, merge_maps, read_values};
use wharf_engine::{KubeVersion, RenderOptions, SetValues, Surroundings, render};
use wharf_yaml::{Map, Value};

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

fn main() {
    if let Err(error) = run() {
        eprintln!("Error: {error:#}");
        std::process::exit(1);
    }
}

fn run() -> anyhow::Result<()> {
    let mut options = RenderOptions::default();
    let mut names = Vec::new();
    let (mut values, mut include_crds, mut notes) = (Map::new(), false, false);
    let mut settings: Vec<(String, String)> = Vec::new();
    let mut args = std::env::args().skip(1);
    while let Some(arg) = args.next() {
        let mut next = || args.next().with_context(|| format!("{arg} needs a value"));
        match arg.as_str() {
            "-f" => {
                let path = next()?;
                let read =
                    read_values(&std::fs::read(&path)?).with_context(|| format!("failed to parse {path}"))?;
                merge_maps(&mut values, read.as_map().context("values are not a map")?);
            }
            "--set" | "--set-string" | "--set-json" | "--set-literal" => {
                let text = next()?;
                settings.push((arg.clone(), text));
            }
            "--namespace" | "-n" => options.namespace = next()?,
            "--kube-version" => {
                options.kube_version = KubeVersion::parse(&next()?).map_err(anyhow::Error::msg)?
            }
            "-a" | "--api-versions" => options.api_versions.push(next()?),
            "--include-crds" => include_crds = true,
            "--is-upgrade" => options.is_upgrade = true,
            "--notes" => notes = true,
            flag if flag.starts_with('-') => bail!("unknown flag {flag}"),
            name => names.push(name.to_owned()),
        }
    }
    let path = names.pop().context("a chart is needed")?;
    if let Some(name) = names.pop() {
        options.release_name = name;
    }
    let chart = if Path::new(&path).is_dir() {
        let mut found = Vec::new();
        files(Path::new(&path), Path::new(&path), &mut found)?;
        load_folder(found)?
    } else {
        load_archive(&std::fs::read(&path)?)?
    };
    let missing = chart.missing_dependencies();
    if !missing.is_empty() {
        bail!(
            "An error occurred while checking for chart dependencies. You may need to run `helm dependency build` to fetch missing dependencies: found in Chart.yaml, but missing in charts/ directory: {}",
            missing.join(", ")
        );
    }
    let mut set = SetValues::new(&Value::Map(std::sync::Arc::new(values)));
    for kind in ["--set-json", "--set", "--set-string", "--set-literal"] {
        for (_, text) in settings.iter().filter(|(flag, _)| flag == kind) {
            let result = match kind {
                "--set" => set.set(text),
                "--set-string" => set.set_string(text),
                "--set-json" => set.set_json(text),
                _ => set.set_literal(text),
            };
            result.map_err(|error| anyhow::anyhow!("failed parsing {kind} data: {error}"))?;
        }
    }
    let rendered =
        render(&chart, &set.into_value(), &options, &|| Rc::new(Machine(wharf_sprig::LibraryKeys)))
            .map_err(|error| anyhow::anyhow!("{error}\n\nUse --debug flag to render out invalid YAML"))?;
    if notes {
        print!("{}", rendered.notes);
    } else {
        print!("{}", rendered.text(include_crds, true, true));
    }
    Ok(())
}
