//! `oras discover`

use std::collections::{HashMap, HashSet};

use anyhow::bail;
use serde::Serialize;
use wharf_oci::{Descriptor, Digest};
use wharf_yaml::Value;

use super::fault::arguments;
use super::format::{Format, Named, pretty, to_json};
use super::place::Place;
use super::status::{Detail, line, print};
use super::target::{Target, exclusive};
use super::{platform, tables};
use crate::cobra::Command;
use crate::cobra::flags::Kind::{Number, Switch, SwitchOn, Text, TextDefault};
use crate::cobra::flags::{Given, flag, short};
use crate::waiting::block_on;

/// How far a tree of referrers is followed, in case a registry makes one that does not end.
const MAX_REFERRERS: usize = 100_000;

pub(super) const COMMAND: Command = Command {
    path: &["oras", "discover"],
    usage: "[flags] <name>{:<tag>|@<digest>}",
    about: "[Preview] Discover referrers of a manifest in a registry or an OCI image layout

** This command is in preview and under development. **

Example - What is attached to an artifact, as a tree:
  oras discover localhost:5000/hello:v1

Example - By a stated way of listing referrers:
  oras discover --distribution-spec v1.1-referrers-api localhost:5000/hello:v1
  oras discover --distribution-spec v1.1-referrers-tag localhost:5000/hello:v1

Example - [Experimental] Those directly attached, for a script:
  oras discover localhost:5000/hello:v1 --format json --depth 1

Example - Those of one type:
  oras discover --artifact-type test-artifact localhost:5000/hello:v1

Example - In the OCI image layout in folder layout-dir:
  oras discover --oci-layout layout-dir:v1",
    flags: &[
        tables::COMMON,
        tables::PLATFORM,
        tables::REMOTE,
        tables::STDIN,
        tables::LAYOUT,
        tables::DISTRIBUTION,
        &[
            flag("artifact-type", Text, "artifact type"),
            flag(
                "depth",
                Number(0),
                "[Experimental] level of referrers to display, if unused shows referrers of all levels",
            ),
            flag(
                "format",
                TextDefault("tree"),
                "[Experimental] format output using a custom template:\n'table':        [Deprecated] Get referrers and \
                 output in table format\n'json':         Get referrers and output in JSON format\n'go-template':  Print \
                 referrers using the given Go template\n'tree':         Get referrers and print in tree format",
            ),
            flag("no-tty", Switch, "[Preview] disable colors"),
            short(
                'o',
                "output",
                TextDefault("tree"),
                "[Deprecated] format in which to display referrers (table, json, or tree).",
            ),
            tables::TEMPLATE,
            short('v', "verbose", SwitchOn, "").deprecated("and will be removed in a future release."),
        ],
    ],
    run: |given, words, _| block_on(run(given, words)),
};

/// A manifest with what is attached to it.
#[derive(Serialize)]
struct Node {
    #[serde(flatten)]
    named: Named,
    referrers: Vec<Self>,
}

async fn run(given: &Given, words: &[String]) -> anyhow::Result<()> {
    arguments(&COMMAND, words, 1..=1, "the target artifact to discover referrers from")?;
    exclusive(given, &["format", "output"])?;
    let mut depth = given.number("depth");
    if given.is_given("depth") && depth < 1 {
        bail!("depth value should be at least 1");
    }
    let flag = if given.is_given("output") { "output" } else { "format" };
    let is_table = given.text(flag) == Some("table");
    if is_table {
        depth = 1;
    }
    let platform = platform::flag(given, "platform")?;
    let target = Target::parse(given, "", &words[0])?;
    let note = |text: &str| {
        // Nobody to tell is no failure.
        let _ = std::io::Write::write_all(&mut std::io::stderr(), text.as_bytes());
    };
    if is_table {
        note("Format \"table\" is deprecated and will be removed in a future release.\n");
    }
    let format = Format::parse(given, flag, &["table", "json", "go-template", "tree"])?;
    if given.is_given("output") {
        if matches!(format, Format::Template(_)) {
            bail!("output type can only be tree, table or json");
        }
        note(&format!(
            "[DEPRECATED] --output is deprecated, try `--format {}` instead\n",
            given.text("output").unwrap_or_default()
        ));
    }
    let place = Place::open(&target).await?;
    target.need_reference(&COMMAND, true)?;
    let root = platform::resolve(&place, &target.reference, platform.as_ref()).await?;
    let found = find(&place, &root, given.text("artifact-type"), depth).await?;

    let colours = Detail::of(given, true, true) == Detail::Bars;
    let verbose = given.is_on("verbose");
    match &format {
        Format::Plain(name) if name == "table" => table(&target, &root, &found, verbose),
        Format::Plain(_) => {
            let name = format!("{}@{}", target.path, root.digest);
            print(&format!("{}\n", paint(colours, GREEN, &name)));
            tree(&children(&found, &root.digest, verbose, colours)?, "");
            Ok(())
        }
        format => format.write(&nodes(&target.path, &root, &found)).map(drop),
    }
}

/// What is attached to each digest, in the order in which it was listed.
type Found = HashMap<Digest, Vec<Descriptor>>;

/// Follows the referrers of a manifest, each once, to a depth; 0 is without end.
async fn find(
    place: &Place,
    root: &Descriptor,
    artifact_type: Option<&str>,
    depth: i64,
) -> anyhow::Result<Found> {
    let artifact_type = artifact_type.filter(|artifact_type| !artifact_type.is_empty());
    let mut found = Found::new();
    let mut visited = HashSet::from([root.digest.clone()]);
    let mut level = vec![root.digest.clone()];
    let mut at = 0;
    while !level.is_empty() && (depth == 0 || at < depth) {
        let mut next = Vec::new();
        for subject in level {
            let referrers = place.referrers(&subject, artifact_type).await?;
            for referrer in &referrers {
                if visited.insert(referrer.digest.clone()) {
                    next.push(referrer.digest.clone());
                }
            }
            anyhow::ensure!(
                visited.len() <= MAX_REFERRERS,
                "{} has more than {MAX_REFERRERS} referrers",
                root.digest
            );
            found.insert(subject, referrers);
        }
        level = next;
        at += 1;
    }
    Ok(found)
}

fn nodes(path: &str, descriptor: &Descriptor, found: &Found) -> Node {
    fn node(path: &str, descriptor: &Descriptor, found: &Found, way: &mut Vec<Digest>) -> Node {
        let mut referrers = Vec::new();
        // A circle is shown up to where it closes.
        if !way.contains(&descriptor.digest) {
            way.push(descriptor.digest.clone());
            for referrer in found.get(&descriptor.digest).into_iter().flatten() {
                referrers.push(node(path, referrer, found, way));
            }
            way.pop();
        }
        Node { named: Named::new(path, descriptor), referrers }
    }
    node(path, descriptor, found, &mut Vec::new())
}

const YELLOW: &str = "93";
const GREEN: &str = "32";
const GREY: &str = "90";

fn paint(colours: bool, colour: &str, text: &str) -> String {
    if colours { format!("\u{1b}[{colour}m{text}\u{1b}[0m") } else { text.to_owned() }
}

/// A line of the tree with those below it.
struct Branch {
    text: String,
    below: Vec<Self>,
}

/// Returns what is attached to a digest, by artifact type.
fn children(found: &Found, subject: &Digest, verbose: bool, colours: bool) -> anyhow::Result<Vec<Branch>> {
    fn add(
        found: &Found,
        subject: &Digest,
        verbose: bool,
        colours: bool,
        way: &mut Vec<Digest>,
    ) -> anyhow::Result<Vec<Branch>> {
        let mut types: Vec<Branch> = Vec::new();
        if way.contains(subject) {
            return Ok(types);
        }
        way.push(subject.clone());
        for referrer in found.get(subject).into_iter().flatten() {
            let artifact_type = referrer.artifact_type.as_deref().filter(|text| !text.is_empty());
            let text = paint(colours, YELLOW, artifact_type.unwrap_or("<unknown>"));
            let mut below = Vec::new();
            if verbose && !referrer.annotations.is_empty() {
                let mut lines = Vec::new();
                for (key, value) in &referrer.annotations {
                    let pair = [(key.as_str().into(), Value::from(value.as_str()))];
                    let yaml =
                        wharf_yaml::to_yaml(&Value::Map(std::sync::Arc::new(pair.into_iter().collect())))?;
                    lines.push(Branch { text: yaml.trim().to_owned(), below: Vec::new() });
                }
                below.push(Branch { text: paint(colours, GREY, "[annotations]"), below: lines });
            }
            below.extend(add(found, &referrer.digest, verbose, colours, way)?);
            let branch = Branch { text: paint(colours, GREEN, referrer.digest.as_str()), below };
            match types.iter_mut().find(|group| group.text == text) {
                Some(group) => group.below.push(branch),
                None => types.push(Branch { text, below: vec![branch] }),
            }
        }
        way.pop();
        Ok(types)
    }
    add(found, subject, verbose, colours, &mut Vec::new())
}

fn tree(branches: &[Branch], before: &str) {
    for (at, branch) in branches.iter().enumerate() {
        let is_last = at + 1 == branches.len();
        let (edge, below) = if is_last { ("└── ", "    ") } else { ("├── ", "│   ") };
        line(format_args!("{before}{edge}{}", branch.text));
        tree(&branch.below, &format!("{before}{below}"));
    }
}

fn table(target: &Target, root: &Descriptor, found: &Found, verbose: bool) -> anyhow::Result<()> {
    const TITLE: &str = "Artifact Type";
    let referrers = found.get(&root.digest).map_or(&[][..], Vec::as_slice);
    let artifacts = if referrers.len() == 1 { "artifact" } else { "artifacts" };
    line(format_args!("Discovered {} {artifacts} referencing {}", referrers.len(), target.raw));
    line(format_args!("Digest: {}", root.digest));
    if referrers.is_empty() {
        return Ok(());
    }
    line("");
    let kind = |referrer: &Descriptor| referrer.artifact_type.clone().unwrap_or_default();
    let width = referrers.iter().map(|referrer| kind(referrer).len()).max().unwrap_or(0).max(TITLE.len());
    line(format_args!("{TITLE:width$}   Digest"));
    for referrer in referrers {
        line(format_args!("{:width$}   {}", kind(referrer), referrer.digest));
        if verbose {
            print(&pretty(&to_json(referrer)?)?);
        }
    }
    Ok(())
}
