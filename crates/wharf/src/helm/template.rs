//! `helm template`

use std::collections::HashSet;
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::Path;

use anyhow::{Context, anyhow, bail};
use wharf_chart::glob_matches;
use wharf_engine::{
    Ahead, ErrorKind, KubeVersion, RenderOptions, Rendered, render_begun, render_files, split_manifests,
};
use wharf_template::Value;

use super::namespace::namespace;
use super::post_render::PostRenderer;
use super::values::sources;
use super::{chart, expand, tables};
use crate::chart::{machine, machine_with_dns};
use crate::cobra::Command;
use crate::cobra::flags::Kind::{Ignored, IgnoredAs, IgnoredSwitch, List, Switch, Text, TextOr, Texts};
use crate::cobra::flags::{Flag, Given, Shape, flag, short};
use crate::pointing::explained;

pub(super) const COMMAND: Command = Command {
    path: &["helm", "template"],
    usage: "[NAME] [CHART] [flags]",
    about: "render a chart's templates without a cluster",
    flags: &[FLAGS, tables::VALUES, tables::SOURCE, tables::ACCESS],
    run,
};

const NO_EFFECT: &str = "this flag has no effect for 'helm template' and will be removed in Helm 5";

const FLAGS: &[Flag] = &[
    short(
        'a',
        "api-versions",
        List,
        "group versions that the cluster is taken to have, beside the usual ones",
    ),
    flag("create-namespace", IgnoredSwitch, ""),
    flag("dependency-update", Switch, "fetch missing charts that Chart.yaml wants first"),
    flag("description", Ignored, ""),
    flag("disable-openapi-validation", IgnoredSwitch, ""),
    flag(
        "dry-run",
        TextOr("unset"),
        "client, which is so in any case; server asks a cluster and is not built",
    ),
    flag("enable-dns", Switch, "let getHostByName look up addresses"),
    flag("force-conflicts", IgnoredSwitch, ""),
    flag("force-replace", IgnoredSwitch, ""),
    short('g', "generate-name", Switch, "no NAME is given"),
    flag("hide-notes", IgnoredSwitch, "").deprecated(NO_EFFECT),
    flag("include-crds", Switch, "put the definitions of custom resources first"),
    flag("is-upgrade", Switch, "render as for an upgrade, not an installation"),
    flag("kube-version", Text, "the version of Kubernetes that the cluster is taken to have"),
    short('l', "labels", IgnoredAs(Shape::Pairs), ""),
    flag("name-template", Text, "a Go template that makes the name of the release"),
    flag("no-hooks", Switch, "leave out hooks"),
    flag("output-dir", Text, "write a file per template below this folder instead"),
    flag("post-renderer", Text, "a program by its path or name, or a plug-in, that manifests pass through"),
    flag("post-renderer-args", Texts, "an argument for the post-renderer"),
    flag("release-name", Switch, "with --output-dir: write below a folder named as the release"),
    flag("render-subchart-notes", IgnoredSwitch, "").deprecated(NO_EFFECT),
    flag("replace", IgnoredSwitch, ""),
    flag("rollback-on-failure", IgnoredSwitch, ""),
    flag("atomic", IgnoredSwitch, "").deprecated("use --rollback-on-failure instead"),
    flag("force", IgnoredSwitch, "").deprecated("use --force-replace instead"),
    flag("server-side", IgnoredSwitch, ""),
    short('s', "show-only", Texts, "show only these templates, in this order"),
    flag("skip-crds", IgnoredSwitch, ""),
    flag("skip-schema-validation", Switch, "do not hold the values against values.schema.json"),
    flag("skip-tests", Switch, "leave out test hooks"),
    flag("take-ownership", IgnoredSwitch, ""),
    flag("timeout", IgnoredAs(Shape::Duration), ""),
    flag("validate", Switch, "").deprecated("use '--dry-run=server' instead"),
    flag("wait", TextOr("watcher"), "without effect here"),
    flag("wait-for-jobs", IgnoredSwitch, ""),
];

fn run(given: &Given, arguments: &[String], out: &mut dyn Write) -> anyhow::Result<()> {
    if arguments.is_empty() {
        return COMMAND.wrong_arguments("requires at least 1 argument");
    }
    check_flags_about_clusters(given)?;
    let post_renderer = PostRenderer::of(given)?;
    let mut options = RenderOptions {
        namespace: namespace(given),
        is_upgrade: given.is_on("is-upgrade"),
        skip_schema_validation: given.is_on("skip-schema-validation"),
        api_versions: given.texts("api-versions").to_vec(),
        is_last: true,
        ..RenderOptions::default()
    };
    if let Some(text) = given.text("kube-version").filter(|text| !text.is_empty()) {
        options.kube_version =
            KubeVersion::parse(text).map_err(|error| anyhow!("invalid kube version '{text}': {error}"))?;
    }
    let (name, source) = name_and_chart(given, arguments)?;
    // In the order in which Helm notices what is wrong.
    let found = chart::find(given, source, out)?;
    let value_sources = sources(given);
    let values = value_sources.read()?;
    let mut ahead = Ahead::default();
    let mut chart = found.load_ahead(&mut ahead)?;
    chart.check_api_version()?;
    if given.is_on("dependency-update") && !chart.missing_dependencies().is_empty() {
        chart = chart::with_dependencies(given, source, out)?;
    }
    if !matches!(chart.metadata.chart_type.as_str(), "" | "application") {
        bail!("{} charts are not installable", chart.metadata.chart_type);
    }
    if chart.metadata.deprecated {
        super::warn("this chart is deprecated");
    }
    let missing = chart.missing_dependencies();
    if !missing.is_empty() {
        bail!(
            "an error occurred while checking for chart dependencies. You may need to run 'helm dependency build' to \
             fetch missing dependencies: found in Chart.yaml, but missing in charts/ directory: {}",
            missing.join(", ")
        );
    }
    if let Err(error) = check_name(&name) {
        let reason = error.to_string();
        let reason = reason.strip_prefix("release name check failed: ").unwrap_or(&reason);
        super::log("ERROR", "release name check failed", &[("error", reason)]);
        return Err(error);
    }
    options.release_name = name;
    let surroundings = if given.is_on("enable-dns") { machine_with_dns } else { machine };
    let result = render_begun(&chart, ahead, &values, &options, &surroundings);
    let is_debug =
        given.is_on("debug") || super::namespace::variable("HELM_DEBUG").as_deref() == Some("true");
    super::tell(match &result {
        Ok(rendered) => &rendered.warnings,
        Err(error) => error.warnings(),
    });
    if let Err(error) = &result
        && let Some(reason) = error.to_string().strip_prefix("chart dependencies processing failed: ")
    {
        super::log("ERROR", "chart dependencies processing failed", &[("error", reason)]);
    }
    let rendered = match result {
        Ok(rendered) => rendered,
        Err(error) if matches!(error.kind(), ErrorKind::Values | ErrorKind::Schema) => {
            return Err(explained(error, &chart, &value_sources, ToString::to_string));
        }
        Err(error) if !is_debug => {
            let text = |error: &_| format!("{error}\n\nUse --debug flag to render out invalid YAML");
            return Err(explained(error, &chart, &value_sources, text));
        }
        Err(error) => {
            let files = match error.kind() {
                ErrorKind::Manifest => {
                    render_files(&chart, &values, &options, &surroundings).unwrap_or_default()
                }
                _ => Default::default(),
            };
            let shown =
                files.iter().filter(|(path, text)| !path.ends_with("NOTES.txt") && !text.trim().is_empty());
            let all: String = shown.map(|(path, text)| document(path, text)).collect();
            writeln!(out, "{}", all.trim())?;
            bail!(error);
        }
    };
    let printed = print(given, &options.release_name, rendered, post_renderer.as_ref(), out);
    // The process ends: the system takes it all back at once.
    std::mem::forget((chart, values));
    printed
}

/// Lets through what renders here alone, in whatever form it is asked for.
fn check_flags_about_clusters(given: &Given) -> anyhow::Result<()> {
    const CLUSTER: &str = "asks a cluster, which is not built in wharf yet";
    match given.text("dry-run") {
        None | Some("client") => {}
        Some("unset") => {
            super::warn("--dry-run is deprecated and should be replaced with '--dry-run=client'");
        }
        Some(on @ ("1" | "t" | "T" | "true" | "TRUE" | "True")) => super::warn(&format!(
            "boolean '--dry-run={on}' flag is deprecated and must be replaced with '--dry-run=client'"
        )),
        Some("server") => bail!("--dry-run=server {CLUSTER}"),
        Some(off @ ("none" | "0" | "f" | "F" | "false" | "FALSE" | "False")) => {
            bail!("invalid dry-run value ({off:?}). Must be \"server\" or \"client\"")
        }
        Some(other) => {
            bail!("invalid dry-run value ({other:?}). Must be \"none\", \"server\", or \"client\"")
        }
    }
    match given.text("wait") {
        None | Some("watcher" | "hookOnly" | "legacy") => {}
        Some(on @ "true") => super::warn(&format!(
            "--wait={on} is deprecated (boolean value) and can be replaced with --wait=watcher"
        )),
        Some(off @ "false") => super::warn(&format!(
            "--wait={off} is deprecated (boolean value) and can be replaced by omitting the --wait flag"
        )),
        Some(other) => bail!(
            "invalid argument {other:?} for \"--wait\" flag: invalid wait input {other:?}. Valid inputs are watcher, \
             hookOnly, and legacy"
        ),
    }
    if given.is_on("validate") {
        bail!("--validate {CLUSTER}");
    }
    Ok(())
}

fn name_and_chart<'a>(given: &Given, arguments: &'a [String]) -> anyhow::Result<(String, &'a str)> {
    let template = given.text("name-template").filter(|template| !template.is_empty());
    match arguments {
        [_, _] if given.is_on("generate-name") => {
            bail!("cannot set --generate-name and also specify a name")
        }
        [_, _] if template.is_some() => bail!("cannot set --name-template and also specify a name"),
        [name, chart] => Ok((name.clone(), chart)),
        [chart] => match template {
            Some(template) => Ok((expand::expand("name-template", template, &Value::Nil)?, chart)),
            // The preset name wins even over --generate-name.
            None => Ok(("release-name".to_owned(), chart)),
        },
        [_, _, more @ ..] => {
            bail!("expected at most two arguments, unexpected arguments: {}", more.join(", "))
        }
        [] => COMMAND.wrong_arguments("requires at least 1 argument"),
    }
}

/// Holds a release's name against Helm's rule: at most 53 characters, dot-separated labels of `a-z0-9-`.
fn check_name(name: &str) -> anyhow::Result<()> {
    let is_label = |label: &str| {
        let is_good = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'-';
        !label.is_empty() && !label.starts_with('-') && !label.ends_with('-') && label.bytes().all(is_good)
    };
    let failed = format!("release name check failed: release name {name:?}");
    if name.is_empty() {
        bail!("{failed}: no name provided");
    }
    if name.len() > 53 || !name.split('.').all(is_label) {
        bail!(
            "{failed}: invalid release name, must match regex \
             ^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$ and the length must not be longer than 53"
        );
    }
    Ok(())
}

fn document(path: &str, content: &str) -> String {
    format!("---\n# Source: {path}\n{content}\n")
}

fn print(
    given: &Given,
    release: &str,
    mut rendered: Rendered,
    post_renderer: Option<&PostRenderer>,
    out: &mut dyn Write,
) -> anyhow::Result<()> {
    let (crds, hooks, tests) =
        (given.is_on("include-crds"), !given.is_on("no-hooks"), !given.is_on("skip-tests"));
    let folder = given.text("output-dir").filter(|folder| !folder.is_empty());
    let text = match folder {
        None => match post_renderer {
            None => rendered.text(crds, hooks, tests),
            Some(program) => {
                let made = program.run(rendered.text(crds, false, false))?;
                rendered.manifests.clear();
                // Hooks do not pass through it, as in Helm 3.
                format!("{}\n{}", made.trim(), rendered.text(false, hooks, tests).trim_start())
            }
        },
        Some(_) if post_renderer.is_some() => {
            bail!("--post-renderer gives one text, which --output-dir cannot take apart")
        }
        Some(folder) => {
            let named = format!("{}/{release}", folder.trim_end_matches('/'));
            let below = if given.is_on("release-name") { named.as_str() } else { folder };
            let mut files = Files { written: HashSet::new(), out };
            if crds {
                for (path, content) in &rendered.crds {
                    // Without the release's name, as in Helm.
                    files.write(folder, path, content)?;
                }
            }
            for manifest in &rendered.manifests {
                files.write(below, &manifest.path, &manifest.content)?;
            }
            for hook in rendered.hooks.iter().filter(|hook| hooks && (tests || !hook.is_test())) {
                // A hook is added to whatever is there, even from an earlier run, as in Helm.
                if Path::new(below).join(&hook.manifest.path).exists() {
                    files.written.insert(hook.manifest.path.clone());
                }
                files.write(below, &hook.manifest.path, &hook.manifest.content)?;
            }
            "\n".to_owned()
        }
    };
    let wanted = given.texts("show-only");
    if wanted.is_empty() {
        out.write_all(text.as_bytes())?;
        return Ok(());
    }
    let documents = split_manifests(&text);
    let mut shown = String::new();
    for pattern in wanted {
        let mut found = documents.iter().filter(|document| {
            source(document).is_some_and(|path| glob_matches(pattern, path).unwrap_or(false))
        });
        let before = shown.len();
        found.by_ref().for_each(|document| shown.push_str(&format!("---\n{document}\n")));
        if shown.len() == before {
            bail!("could not find template {pattern} in chart");
        }
    }
    out.write_all(shown.as_bytes())?;
    Ok(())
}

/// Returns the path in a document's comment, without the chart's name.
fn source(document: &str) -> Option<&str> {
    let (_, path) = document.split_once("# Source: ")?;
    let (_, path) = path.lines().next()?.split_once('/')?;
    Some(path).filter(|path| !path.is_empty())
}

/// The files written below `--output-dir`.
struct Files<'o> {
    /// What was begun in this run: more is added to it.
    written: HashSet<String>,
    out: &'o mut dyn Write,
}

impl Files<'_> {
    fn write(&mut self, folder: &str, name: &str, content: &str) -> anyhow::Result<()> {
        let path = format!("{folder}/{name}");
        let failed = || format!("cannot write {path}");
        if let Some(parent) = Path::new(&path).parent() {
            fs::create_dir_all(parent).with_context(failed)?;
        }
        let is_new = self.written.insert(name.to_owned());
        let mut options = OpenOptions::new();
        let options = if is_new { options.write(true).truncate(true) } else { options.append(true) };
        let mut file = options.create(true).open(&path).with_context(failed)?;
        file.write_all(document(name, content).as_bytes()).with_context(failed)?;
        writeln!(self.out, "wrote {path}")?;
        Ok(())
    }
}
