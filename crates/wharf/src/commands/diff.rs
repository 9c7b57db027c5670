//! `wharf diff`: what changes between two charts, versions, or sets of values.

use anyhow::Context as _;
use serde_json::json;
use wharf_chart::Chart;
use wharf_engine::{RenderOptions, Rendered, render};
use wharf_manifests::{Change, FieldChange, Resource, changes};
use wharf_yaml::{Value, to_json_raw};

use crate::chart::still;
use crate::cli::Output;
use crate::exit::Status;
use crate::helm::{ValueSources, load_chart};
use crate::pointing::{Pointed, of_render};
use crate::terminal::{self, BAD, FAINT, GOOD, HEADING, NOTE, styled};

/// The longest value that is shown on one line, in characters.
const MAX_LINE: usize = 100;

/// Show what changes between two charts, versions or sets of values, by resource and field.
///
/// Both sides are rendered with the same clock and the same randomness, so that generated passwords and times are no
/// changes. Lists whose items have names are compared by name.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  wharf diff storefront-1.4.0.tgz storefront-1.5.0.tgz -f production.yaml
  wharf diff oci://registry.example.com/shop/storefront:1.4.0 ./storefront
  wharf diff ./storefront --new-values production.yaml
  wharf diff ./storefront ./storefront-next --set replicas=3 --output json
  wharf diff old.tgz new.tgz --exit-code || echo 'something changes'")]
pub(crate) struct Args {
    /// The old chart: a folder, a packed chart, oci://HOST/PATH:VERSION, REPOSITORY/CHART, or an address.
    old: String,

    /// The new chart; without it the old one, with other values.
    new: Option<String>,

    #[command(flatten)]
    values: ValueSources,

    /// A YAML file with values of the old side only; it wins over those of both.
    #[arg(long, value_name = "FILE", help_heading = "Values")]
    old_values: Vec<String>,

    /// A YAML file with values of the new side only; it wins over those of both.
    #[arg(long, value_name = "FILE", help_heading = "Values")]
    new_values: Vec<String>,

    /// Name of the release.
    #[arg(long, value_name = "NAME", default_value = "release-name")]
    release: String,

    /// Namespace of the release.
    #[arg(short, long, value_name = "NAME", default_value = "default")]
    namespace: String,

    /// Show the contents of Secrets.
    #[arg(long)]
    show_secrets: bool,

    /// End with status 10 when anything changes.
    #[arg(long)]
    exit_code: bool,

    /// How to report.
    #[arg(long, value_enum, default_value_t)]
    output: Output,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<Status> {
    let old = load_chart(&args.old)?;
    let new = args.new.as_deref().map(load_chart).transpose()?;
    let values = args.values.read()?;
    let before = side(args, &old, &values, &args.old_values).context("the old side")?;
    let after =
        side(args, new.as_ref().unwrap_or(&old), &values, &args.new_values).context("the new side")?;
    let changes = changes(&before, &after, args.show_secrets);
    match args.output {
        Output::Json => terminal::line(format_args!("{:#}", document(&changes))),
        Output::Text => show(&changes),
    }
    Ok(if args.exit_code && !changes.is_empty() { Status::Findings } else { Status::Done })
}

fn side(args: &Args, chart: &Chart, both: &Value, own: &[String]) -> anyhow::Result<Rendered> {
    let own = ValueSources { files: own.to_vec(), ..ValueSources::default() };
    let values = wharf_chart::merge_tables(&own.read()?, both);
    let options = RenderOptions {
        release_name: args.release.clone(),
        namespace: args.namespace.clone(),
        ..RenderOptions::default()
    };
    render(chart, &values, &options, &still).map_err(|error| {
        // Those of one side only win over those of both.
        let own_spots = of_render(&error, chart, &own);
        let spots = if own_spots.is_empty() { of_render(&error, chart, &args.values) } else { own_spots };
        Pointed::wrap(error.into(), spots)
    })
}

fn show(changes: &[(Resource, Change)]) {
    for (resource, change) in changes {
        match change {
            Change::Added => terminal::line(format_args!("{} {resource}", styled(GOOD, "+"))),
            Change::Removed => terminal::line(format_args!("{} {resource}", styled(BAD, "-"))),
            Change::Changed(fields) => {
                terminal::line(format_args!("{} {}", styled(NOTE, "~"), styled(HEADING, resource)));
                fields.iter().for_each(show_field);
            }
        }
    }
    let count = |is: fn(&Change) -> bool| changes.iter().filter(|(_, change)| is(change)).count();
    terminal::line(format_args!(
        "{} added, {} changed, {} removed",
        count(|change| *change == Change::Added),
        count(|change| matches!(change, Change::Changed(_))),
        count(|change| *change == Change::Removed),
    ));
}

fn show_field(field: &FieldChange) {
    let path = &field.path;
    if field.is_hidden {
        return terminal::line(format_args!(
            "    {path}: {}",
            styled(FAINT, "secret, --show-secrets shows it")
        ));
    }
    let (old, new) = (field.old.as_ref().map(text), field.new.as_ref().map(text));
    let is_long = |text: &Option<String>| {
        text.as_ref().is_some_and(|text| text.contains('\n') || text.chars().count() > MAX_LINE)
    };
    if is_long(&old) || is_long(&new) {
        terminal::line(format_args!("    {path}:"));
        let (old, new) = (old.unwrap_or_default(), new.unwrap_or_default());
        return show_lines(&old.lines().collect::<Vec<_>>(), &new.lines().collect::<Vec<_>>());
    }
    terminal::line(match (old, new) {
        (None, Some(new)) => format!("    {path}: {}", styled(GOOD, format_args!("+ {new}"))),
        (Some(old), None) => format!("    {path}: {}", styled(BAD, format_args!("- {old}"))),
        (old, new) => {
            let (old, new) = (old.unwrap_or_default(), new.unwrap_or_default());
            format!("    {path}: {} → {}", styled(BAD, old), styled(GOOD, new))
        }
    });
}

/// Writes the lines between the first and the last that differ.
fn show_lines(old: &[&str], new: &[&str]) {
    let same_head = old.iter().zip(new).take_while(|(old, new)| old == new).count();
    let (old, new) = (&old[same_head..], &new[same_head..]);
    let same_tail = old.iter().rev().zip(new.iter().rev()).take_while(|(old, new)| old == new).count();
    if same_head > 0 {
        terminal::line(styled(FAINT, format_args!("      … {same_head} equal lines")));
    }
    for line in &old[..old.len() - same_tail] {
        terminal::line(styled(BAD, format_args!("      - {line}")));
    }
    for line in &new[..new.len() - same_tail] {
        terminal::line(styled(GOOD, format_args!("      + {line}")));
    }
    if same_tail > 0 {
        terminal::line(styled(FAINT, format_args!("      … {same_tail} equal lines")));
    }
}

/// Returns a value for people: text as it is, everything else as JSON. What would move the cursor is taken out.
fn text(value: &Value) -> String {
    let text = match value {
        Value::String(text) => text.to_string(),
        Value::Map(_) | Value::List(_) => wharf_yaml::to_yaml(value).unwrap_or_default(),
        other => json_text(other),
    };
    text.chars().map(|c| if c.is_control() && c != '\n' { ' ' } else { c }).collect()
}

fn json_text(value: &Value) -> String {
    to_json_raw(value).unwrap_or_default()
}

fn document(changes: &[(Resource, Change)]) -> serde_json::Value {
    let value = |value: &Option<Value>| {
        value
            .as_ref()
            .map(|value| serde_json::from_str::<serde_json::Value>(&json_text(value)).unwrap_or_default())
    };
    let changes = changes.iter().map(|(resource, change)| {
        let (word, fields) = match change {
            Change::Added => ("added", &[][..]),
            Change::Removed => ("removed", &[][..]),
            Change::Changed(fields) => ("changed", fields.as_slice()),
        };
        let fields = fields.iter().map(|field| {
            json!({"path": field.path, "old": value(&field.old), "new": value(&field.new), "hidden": field.is_hidden})
        });
        json!({
            "change": word,
            "kind": resource.kind,
            "group": resource.group,
            "namespace": resource.namespace,
            "name": resource.name,
            "fields": fields.collect::<Vec<_>>(),
        })
    });
    json!({ "changes": changes.collect::<Vec<_>>() })
}
