//! `helm show all|chart|crds|readme|values`

use std::io::Write;

use wharf_chart::Chart;

use super::{chart, jsonpath, tables};
use crate::cobra::Command;
use crate::cobra::flags::Kind::Text;
use crate::cobra::flags::{Given, flag};

pub(super) const ALL: Command = Command {
    path: &["helm", "show|inspect", "all"],
    usage: "[CHART] [flags]",
    about: "show everything about a chart",
    flags: &[tables::SOURCE, tables::ACCESS],
    run: |given, arguments, out| show(&ALL, given, arguments, out, &[description, values, readme, crds]),
};

pub(super) const CHART: Command = Command {
    path: &["helm", "show|inspect", "chart"],
    usage: "[CHART] [flags]",
    about: "show a chart's description",
    flags: &[tables::SOURCE, tables::ACCESS],
    run: |given, arguments, out| show(&CHART, given, arguments, out, &[description]),
};

pub(super) const CRDS: Command = Command {
    path: &["helm", "show|inspect", "crds"],
    usage: "[CHART] [flags]",
    about: "show a chart's definitions of custom resources",
    flags: &[tables::SOURCE, tables::ACCESS],
    run: |given, arguments, out| show(&CRDS, given, arguments, out, &[crds]),
};

pub(super) const README: Command = Command {
    path: &["helm", "show|inspect", "readme"],
    usage: "[CHART] [flags]",
    about: "show a chart's README",
    flags: &[tables::SOURCE, tables::ACCESS],
    run: |given, arguments, out| show(&README, given, arguments, out, &[readme]),
};

pub(super) const VALUES: Command = Command {
    path: &["helm", "show|inspect", "values"],
    usage: "[CHART] [flags]",
    about: "show a chart's default values",
    flags: &[
        tables::SOURCE,
        tables::ACCESS,
        &[flag("jsonpath", Text, "show what this JSONPath template gives, e.g. {.image.tag}")],
    ],
    run: |given, arguments, out| match given.text("jsonpath").filter(|template| !template.is_empty()) {
        None => show(&VALUES, given, arguments, out, &[values]),
        Some(template) => {
            let [name] = arguments else { return VALUES.wrong_arguments("requires 1 argument") };
            let chart = chart::find(given, name, out)?.load()?;
            Ok(out.write_all(jsonpath::expand(template, &chart.values)?.as_bytes())?)
        }
    },
};

/// Returns a part of a chart as it is shown; `among_others` puts a separator before it.
type Part = fn(&Chart, among_others: bool) -> anyhow::Result<String>;

fn show(
    command: &Command,
    given: &Given,
    arguments: &[String],
    out: &mut dyn Write,
    parts: &[Part],
) -> anyhow::Result<()> {
    let [name] = arguments else { return command.wrong_arguments("requires 1 argument") };
    let chart = chart::find(given, name, out)?.load()?;
    for part in parts {
        out.write_all(part(&chart, parts.len() > 1)?.as_bytes())?;
    }
    Ok(())
}

fn description(chart: &Chart, _: bool) -> anyhow::Result<String> {
    Ok(chart.metadata.to_full_yaml()? + "\n")
}

fn values(chart: &Chart, among_others: bool) -> anyhow::Result<String> {
    Ok(chart.raw_file("values.yaml").map(|file| separated(&file.data, among_others)).unwrap_or_default())
}

fn readme(chart: &Chart, among_others: bool) -> anyhow::Result<String> {
    let is_readme = |name: &str| {
        ["readme.md", "readme.txt", "readme"].iter().any(|known| name.eq_ignore_ascii_case(known))
    };
    let file = chart.files.iter().find(|file| is_readme(&file.name));
    Ok(file.map(|file| separated(&file.data, among_others)).unwrap_or_default())
}

fn crds(chart: &Chart, _: bool) -> anyhow::Result<String> {
    let all = chart.crds();
    Ok(all.iter().map(|crd| separated(&crd.file.data, !crd.file.data.starts_with(b"---"))).collect())
}

fn separated(text: &[u8], with_separator: bool) -> String {
    format!("{}{}\n", if with_separator { "---\n" } else { "" }, String::from_utf8_lossy(text))
}
