//! `cargo xtask interop charts`: real charts rendered by Helm and by Wharf, compared byte for byte.
//!
//! Every folder below `charts` of the shared material is rendered with its defaults, with each of its `ci/*-values.yaml`, and
//! with a few generated flags and values (`--deep [COUNT]`: with many). Where two runs of Helm itself differ, the lines are
//! compared by shape: see [`same_shape`].

mod lint;
mod recorded;
mod variations;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::{Context, Result, bail};

use crate::peers;
use crate::shell::{cargo, root, succeeds};
use crate::tally::{Tally, in_ci};

/// How many generated ways each chart is rendered in, without and with `--deep`.
const USUAL: usize = 1;
const DEEP: usize = 100;

pub(crate) fn run(words: &[&str]) -> Result<Tally> {
    let (count, names) = match words {
        ["--deep", count, names @ ..] if count.parse::<usize>().is_ok() => (count.parse()?, names),
        ["--deep", names @ ..] => (DEEP, names),
        names => (USUAL, names),
    };
    let folder = folder();
    let (helm, wharf) = match programs(Some(&folder))? {
        Ok(Programs { helm, wharf }) => (helm, wharf),
        Err(tally) => return Ok(tally),
    };
    let scratch = tempfile::tempdir()?;
    let mut jobs = Vec::new();
    for chart in all(&folder)? {
        let base = name(&chart, None);
        if !names.is_empty() && !names.contains(&base.as_str()) {
            continue;
        }
        for variation in variations::of(&chart, count, scratch.path())? {
            jobs.push((base.clone(), chart.clone(), variation));
        }
    }
    let total = Mutex::new((Figures::default(), Tally::default()));
    let next = AtomicUsize::new(0);
    let work = || -> Result<()> {
        while let Some((base, chart, variation)) = jobs.get(next.fetch_add(1, Ordering::Relaxed)) {
            let verdict = compare(&helm, &wharf, chart, &variation.flags)?;
            let mut total = total.lock().expect("no thread panics while it counts");
            let (figures, tally) = &mut *total;
            *tally += Tally::one(!matches!(verdict, Verdict::Different(_)));
            let name =
                if variation.name.is_empty() { base.clone() } else { format!("{base} {}", variation.name) };
            match verdict {
                Verdict::Identical => figures.identical += 1,
                Verdict::SameShape(lines) => {
                    figures.same_shape += 1;
                    println!("same shape  {name:?}: {lines} lines are random");
                }
                Verdict::SameError => figures.same_error += 1,
                Verdict::Different(how) => println!("DIFFERENT   {name:?}: {how}"),
            }
        }
        Ok(())
    };
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        let all: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        all.into_iter().try_for_each(|thread| thread.join().expect("a comparison does not panic"))
    })?;
    let (figures, tally) = total.into_inner().expect("no thread panicked while it counted");
    println!(
        "{} renders identical, {} identical but for random values of the same shape, {} refused with the same error, {} \
         different",
        figures.identical, figures.same_shape, figures.same_error, tally.failed
    );
    if tally == Tally::default() && in_ci() {
        bail!("{} holds no charts", folder.display());
    }
    Ok(tally)
}

/// `cargo xtask interop lint [CHART ..]`
pub(crate) fn lint(names: &[&str]) -> Result<Tally> {
    programs(Some(&folder()))?.map_or_else(Ok, |programs| lint::run(&programs, names))
}

/// `cargo xtask interop recorded [--record]`
pub(crate) fn recorded(record: bool) -> Result<Tally> {
    programs(None)?.map_or_else(Ok, |programs| recorded::run(&programs, record))
}

/// The two programs that are compared.
struct Programs {
    helm: PathBuf,
    wharf: PathBuf,
}

/// Finds Helm and builds Wharf; what is missing, the folder of charts too where one is needed, is told and counted.
fn programs(charts: Option<&Path>) -> Result<Result<Programs, Tally>> {
    if let Some(folder) = charts.filter(|folder| !folder.is_dir()) {
        println!("skipped: there are no charts in {}", folder.display());
        return Ok(Err(Tally { skipped: 1, ..Tally::default() }));
    }
    let helm = match peers::program("helm") {
        Ok(helm) => helm,
        Err(absence) => {
            println!("skipped: helm: {absence}");
            return Ok(Err(Tally::missing(&absence)));
        }
    };
    let wharf = match std::env::var_os("WHARF_PROGRAM") {
        Some(program) => program.into(),
        None => {
            if !succeeds(&mut cargo(&["build", "--package", "wharf"]))? {
                bail!("wharf does not build");
            }
            root().join("target/debug/wharf")
        }
    };
    Ok(Ok(Programs { helm, wharf }))
}

/// Returns the folder of the charts that Helm and Wharf are compared on.
pub(crate) fn folder() -> PathBuf {
    if let Some(folder) = std::env::var_os("WHARF_CHARTS").filter(|folder| !folder.is_empty()) {
        return folder.into();
    }
    let shared = std::env::var_os("WHARF_SHARED").map_or_else(|| root().join("../shared"), PathBuf::from);
    shared.join("charts")
}

/// Returns the charts in a folder and in its folders that are no charts.
pub(crate) fn all(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut charts = Vec::new();
    for path in sorted(folder)? {
        if path.join("Chart.yaml").is_file() {
            charts.push(path);
        } else if path.is_dir() && !path.is_symlink() {
            charts.extend(all(&path)?);
        }
    }
    Ok(charts)
}

/// Returns the values that a chart is rendered with: none but its own, then each of its `ci/*-values.yaml`.
pub(crate) fn values(chart: &Path) -> Result<Vec<Option<PathBuf>>> {
    let mut values = vec![None];
    if chart.join("ci").is_dir() {
        let is_values = |path: &PathBuf| path.to_string_lossy().ends_with("values.yaml");
        values.extend(sorted(&chart.join("ci"))?.into_iter().filter(is_values).map(Some));
    }
    Ok(values)
}

#[derive(Default)]
struct Figures {
    identical: usize,
    same_shape: usize,
    same_error: usize,
}

enum Verdict {
    Identical,
    /// With the number of lines that two runs of Helm do not share.
    SameShape(usize),
    SameError,
    Different(String),
}

fn sorted(folder: &Path) -> Result<Vec<PathBuf>> {
    let entries = fs::read_dir(folder).with_context(|| folder.display().to_string())?;
    let mut paths: Vec<PathBuf> = entries.map(|entry| Ok(entry?.path())).collect::<Result<_>>()?;
    paths.sort();
    Ok(paths)
}

/// Returns the base names of a chart and its values, for people.
pub(crate) fn name(chart: &Path, values: Option<&Path>) -> String {
    let base = |path: &Path| path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    match values {
        None => base(chart),
        Some(values) => format!("{} with {}", base(chart), base(values)),
    }
}

fn compare(helm: &Path, wharf: &Path, chart: &Path, flags: &[String]) -> Result<Verdict> {
    let render = |program: &Path, word: Option<&str>| -> Result<Output> {
        let mut command = Command::new(program);
        command.args(word).arg("template").arg(chart).args(flags).stdin(Stdio::null());
        // The namespace must not come from the user's kubeconfig in one of them only.
        command.env("HELM_NAMESPACE", "default");
        command.output().with_context(|| format!("starting {}", program.display()))
    };
    let (theirs, ours) = (render(helm, None)?, render(wharf, Some("helm"))?);
    let text = |output: &Output| String::from_utf8_lossy(&output.stdout).into_owned();
    // Without the log.
    let error_text = |output: &Output| error_text(&output.stderr, |line| !line.starts_with("level="));
    if theirs.status.code() != ours.status.code() {
        let how = |output: &Output| format!("{} {}", output.status, error_text(output).trim());
        return Ok(Verdict::Different(format!("helm: {}; wharf: {}", how(&theirs), how(&ours))));
    }
    if !theirs.status.success() {
        let mut told = error_text(&theirs);
        let ours = (error_text(&ours), text(&ours));
        // Helm goes through maps in a random order, and tells the first thing it meets.
        for _ in 0..MORE_RUNS {
            if (told.clone(), text(&theirs)) == ours {
                return Ok(Verdict::SameError);
            }
            told = error_text(&render(helm, None)?);
        }
        return Ok(match by_lines(&told) == by_lines(&ours.0) {
            true => Verdict::SameError,
            false => Verdict::Different(format!("helm says {told:?}, wharf {:?}", ours.0)),
        });
    }
    if theirs.stdout == ours.stdout {
        return Ok(Verdict::Identical);
    }
    let again = render(helm, None)?;
    Ok(by_shape(&text(&theirs), &text(&again), &text(&ours)))
}

/// How often Helm is asked again when it fails otherwise than Wharf.
const MORE_RUNS: usize = 5;

/// Returns the wanted lines of what a program wrote, without why a schema elsewhere does not come.
fn error_text(written: &[u8], is_wanted: impl Fn(&str) -> bool) -> String {
    let text = String::from_utf8_lossy(written);
    let own = text.lines().filter(|line| is_wanted(line));
    own.map(|line| format!("{}\n", line.split("failing loading \"").next().unwrap_or_default())).collect()
}

/// Returns the lines of what schemas found, sorted: they come in the random order of properties.
fn by_lines(text: &str) -> Vec<Vec<&str>> {
    if !text.contains("specifications of the schema(s)") {
        return vec![vec![text]];
    }
    let words = |line| {
        let mut words: Vec<&str> = str::split(line, [' ', ',']).collect();
        words.sort_unstable();
        words
    };
    let mut lines: Vec<_> = text.lines().map(words).collect();
    lines.sort();
    lines
}

/// Compares line by line; lines in which two runs of Helm differ need only the same shape.
fn by_shape(first: &str, second: &str, ours: &str) -> Verdict {
    let counts = [first, second, ours].map(|text| text.lines().count());
    if counts[0] != counts[2] {
        return Verdict::Different(format!("{} lines against {}", counts[0], counts[2]));
    }
    let mut random = 0;
    for (at, ((first, second), ours)) in first.lines().zip(second.lines()).zip(ours.lines()).enumerate() {
        if first == ours {
            continue;
        }
        random += 1;
        if counts[0] == counts[1] && first == second || !same_shape(first, ours) {
            return Verdict::Different(format!(
                "line {}: {:?} against {:?}",
                at + 1,
                shortened(first),
                shortened(ours)
            ));
        }
    }
    Verdict::SameShape(random)
}

fn shortened(line: &str) -> String {
    line.chars().take(100).collect()
}

/// Base64 of `-----BEGIN `, with which keys and certificates begin, and how much of a word their first line takes.
const PEM: &str = "LS0tLS1CRUdJTi";
const PEM_HEADER: usize = 36;

/// Whether two lines differ in random characters only: any letter or digit stands for any other, in the same places. A word
/// that is a key or a certificate in base64 need only begin with the same line of PEM, since its length varies.
fn same_shape(a: &str, b: &str) -> bool {
    let kinds = |line: &str| -> String {
        line.chars().map(|c| if c.is_ascii_alphanumeric() { 'x' } else { c }).collect()
    };
    if kinds(a) == kinds(b) {
        return true;
    }
    let (Some(at), Some(other)) = (a.find(PEM), b.find(PEM)) else { return is_base64_pair(a, b) };
    let in_word = |c: char| c.is_ascii_alphanumeric() || "+/=".contains(c);
    let rest = |line: &str| line[at..].trim_start_matches(in_word).to_owned();
    at == other
        && a[..at] == b[..at]
        && a.get(at..at + PEM_HEADER) == b.get(at..at + PEM_HEADER)
        && rest(a) == rest(b)
}

/// Whether two lines are the same but for base64 of the same length, in which `+` and `/` are as random.
fn is_base64_pair(a: &str, b: &str) -> bool {
    let kinds = |line: &str| -> String {
        line.chars().map(|c| if c.is_ascii_alphanumeric() || "+/".contains(c) { 'x' } else { c }).collect()
    };
    let word = |line: &str| line.split([' ', '"']).map(str::len).max().unwrap_or_default();
    kinds(a) == kinds(b) && word(a) >= 16
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_that_helm_always_makes_alike_must_be_the_same() {
        assert!(matches!(by_shape("a: 1\nb: x1", "a: 1\nb: y2", "a: 1\nb: z3"), Verdict::SameShape(1)));
        assert!(matches!(by_shape("a: 1\nb: x1", "a: 1\nb: y2", "a: 2\nb: z3"), Verdict::Different(_)));
    }

    #[test]
    fn random_values_have_the_same_length_and_places() {
        assert!(same_shape("  password: \"aB3d\"", "  password: \"Zq90\""));
        assert!(!same_shape("  password: \"aB3d\"", "  password: \"Zq9\""));
        assert!(same_shape("  id: \"c2RmZ2RzZmdkc2Zn+w==\"", "  id: \"c2RmZ2RzZmdkc2ZnAw==\""));
    }

    #[test]
    fn keys_and_certificates_vary_in_length() {
        let header = "LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0tCk";
        assert!(same_shape(&format!("  crt: {header}1J=="), &format!("  crt: {header}5K5+=")));
        assert!(!same_shape(&format!("  crt: {header}1J=="), &format!("  key: {header}5K5+=")));
    }
}
