//! `wharf images`: every image that a chart refers to.

use serde_json::json;
use wharf_manifests::{Image, ImageReport, Verdict};

use crate::api::Table;
use crate::chart::images::{self, MAX_SWITCHES, Renders};
use crate::cli::Output;
use crate::exit::Status;
use crate::helm::{ValueSources, load_chart};
use crate::pointing::explained;
use crate::terminal::{self, FAINT, GOOD, NOTE, styled};

/// List every image that a chart refers to, and where.
///
/// The chart is rendered several times: with the given values, with each values file inside it, and with each `enabled`
/// in its values switched. What the manifests use is held against what the author lists in annotations and lock files;
/// values and texts that look like images are added as potential ones.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Verdicts:
  declared-and-found  the manifests use it and the author lists it
  found-not-declared  the manifests use it and the author does not list it
  declared-not-found  the author lists it and no render uses it
  potential           only values or some text mention it

Examples:
  wharf images ./storefront
  wharf images storefront-1.4.0.tgz --output json | jq -r '.images[].name'
  wharf images oci://registry.example.com/shop/storefront:1.4.0
  wharf images ./storefront -f production.yaml --one-render
  wharf images ./storefront --complete && wharf publish ./storefront oci://registry.example.com/shop")]
pub(crate) struct Args {
    /// A chart folder, a packed chart, oci://HOST/PATH:VERSION, REPOSITORY/CHART, or an address.
    chart: String,

    #[command(flatten)]
    values: ValueSources,

    /// Render once, with the given values only.
    #[arg(long)]
    one_render: bool,

    /// Fail with status 10 when an image is found and not listed by the author, or a template that names one was not
    /// reached.
    #[arg(long)]
    complete: bool,

    /// How to report.
    #[arg(long, value_enum, default_value_t)]
    output: Output,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<Status> {
    let chart = load_chart(&args.chart)?;
    let user = args.values.read()?;
    let (report, renders) = images::find(&chart, &user, args.one_render)
        .map_err(|error| explained(error, &chart, &args.values, ToString::to_string))?;
    match args.output {
        Output::Json => terminal::line(format_args!("{:#}", document(&report, &renders))),
        Output::Text => show(&report, &renders),
    }
    Ok(if args.complete && !report.is_complete() { Status::Findings } else { Status::Done })
}

fn show(report: &ImageReport, renders: &Renders) {
    let mut table = Table::new(&["IMAGE", "VERDICT", "WHERE"]);
    for image in &report.images {
        table.row([image.name.to_string(), image.verdict.as_str().to_owned(), place(image)]);
    }
    table.print();
    let count = |verdict| report.with(verdict).count();
    terminal::line("");
    terminal::line(format_args!(
        "{} images: {} declared and found, {} found and not declared, {} declared and not found, {} potential",
        report.images.len(),
        count(Verdict::DeclaredAndFound),
        count(Verdict::FoundNotDeclared),
        count(Verdict::DeclaredNotFound),
        count(Verdict::Potential),
    ));
    let failed = match renders.failed.len() {
        0 => String::new(),
        1 => "; the chart refuses one variant".to_owned(),
        number => format!("; the chart refuses {number} variants"),
    };
    terminal::line(styled(FAINT, format_args!("{} renders{failed}", renders.done)));
    if renders.left_out > 0 {
        terminal::warning(format_args!("{} switches were not tried, {MAX_SWITCHES} were", renders.left_out));
    }
    for template in &report.unreached {
        terminal::warning(format_args!("no render shows what {template} makes, and it names an image"));
    }
    if !report.declares {
        terminal::line(format_args!("{} the chart lists no images", styled(NOTE, "open:")));
    } else if report.is_complete() {
        terminal::line(styled(GOOD, "complete: every image that was found is listed"));
    }
}

fn place(image: &Image) -> String {
    let first = image.mentions.first().map(|mention| mention.origin.to_string()).unwrap_or_default();
    match image.mentions.len() {
        0 | 1 => first,
        number => format!("{first} and {} more", number - 1),
    }
}

fn document(report: &ImageReport, renders: &Renders) -> serde_json::Value {
    let images = report.images.iter().map(|image| {
        let mentions = image.mentions.iter().map(|mention| {
            json!({
                "kind": mention.origin.kind(),
                "where": mention.origin.to_string(),
                "text": mention.text,
                "render": mention.render,
                "tagGuessed": mention.is_guess,
            })
        });
        json!({
            "name": image.name.to_string(),
            "repository": image.name.repository,
            "tag": image.name.tag,
            "digest": image.name.digest,
            "verdict": image.verdict.as_str(),
            "mentions": mentions.collect::<Vec<_>>(),
        })
    });
    let refused = renders.failed.iter().map(|(label, reason)| json!({"render": label, "reason": reason}));
    json!({
        "images": images.collect::<Vec<_>>(),
        "complete": report.is_complete(),
        "declares": report.declares,
        "unreachedTemplates": report.unreached,
        "renders": renders.done,
        "refusedRenders": refused.collect::<Vec<_>>(),
        "switchesLeftOut": renders.left_out,
    })
}
