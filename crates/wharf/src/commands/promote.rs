//! `wharf promote`

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context;
use wharf_oci::Tag;
use wharf_trust::policy::Decision;

use super::publish::created;
use super::verify;
use crate::carry::Artifact;
use crate::cli::Output;
use crate::exit::{Status, Usage};
use crate::helm::ValueSources;
use crate::place::{FORMS, Place};
use crate::promote::{ImagePlan, Judge, Map, Outcome, Promotion, Report, Signer, Step};
use crate::publish::Channel;
use crate::remote::Connection;
use crate::sigstore::{SIGNER, SigningArgs};
use crate::terminal::{self, NAME, styled};

/// Promote an artifact with all its papers from one place to another, by a trust policy.
///
/// The source is resolved once to a digest and held against the policy; what does not satisfy it stops here, with nothing
/// written. Everything goes over byte for byte without a tag; the policy is asked again, reading only the destination; then
/// the tag and the channels move. Nothing is signed or packed anew. A promotion that was cut off is run again.
///
/// A tag that points at other content is not moved without --force; channels are there to be moved.
#[derive(Debug, clap::Args)]
#[command(after_help = format!("\
{FORMS}

The policy judges by the name of the destination's repository, at both ends: its rules say what may lie there. Where the
destination is a file or a folder, by that of the source.

Images that go along lie beside the chart at the destination: HOST/FOLDER/shop takes quay.io/acme/web:1 to
HOST/FOLDER/acme/web:1, and an image that lies beside the chart at the source keeps its path. --map says otherwise. They
are looked for beside the chart at the source first, where an earlier promotion put them, then where their names say.

Where the policy's rule demands approvals, one asks and another agrees, each with a key that the policy knows, or as an
identity that it knows (--key keyless):
  wharf promote staging.example.com/shop/web:1.4.0 registry.example.com/shop/web --policy trust.yaml \\
      --channel stable --request --key ann.key
  wharf promote staging.example.com/shop/web:1.4.0 registry.example.com/shop/web --policy trust.yaml \\
      --channel stable --approve --key bob.key

Examples:
  wharf promote staging.example.com/shop/web:1.4.0 registry.example.com/shop/web --policy trust.yaml
  wharf promote localhost:5000/staging/web:1.4.0 localhost:5000/prod/web --policy trust.yaml --channel stable
  wharf promote localhost:5000/staging/web:1.4.0 localhost:5000/prod/web --policy trust.yaml --dry-run
  wharf promote localhost:5000/staging/web:1.4.0 localhost:5000/prod/web --policy trust.yaml \\
      --key promoter.key --by ann@example.com --receipt web-1.4.0.json
  wharf promote localhost:5000/staging/shop:1.4.0 localhost:5000/prod/shop --policy trust.yaml --with-images
  wharf promote localhost:5000/staging/web:1.4.0 tar:web.tar --policy trust.yaml --as registry.example.com/prod/web
  wharf promote tar:web.tar:1.4.0 registry.example.com/prod/web --policy trust.yaml --output json"))]
pub(crate) struct Args {
    /// Where it comes from, by tag or digest.
    #[arg(value_name = "SOURCE")]
    source: Place,

    /// Where it goes. Without a tag, it gets the source's.
    #[arg(value_name = "DESTINATION")]
    destination: Place,

    /// The trust policy, YAML or JSON. Without one nothing is verified but digests.
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,

    /// The name by which the policy judges, instead of that of the destination.
    #[arg(long = "as", value_name = "HOST/REPOSITORY", requires = "policy")]
    judged_as: Option<String>,

    /// Move this tag, too, last of all; may be repeated.
    #[arg(long = "channel", value_name = "TAG")]
    channels: Vec<Tag>,

    /// Of a chart: promote the images that it uses as well, found as `wharf images` finds them, each by the policy.
    #[arg(long)]
    with_images: bool,

    /// With --with-images: render the chart once, with the given values only.
    #[arg(long, requires = "with_images")]
    one_render: bool,

    /// With --with-images: images below one repository go below another; may be repeated, the longest that fits counts.
    #[arg(long = "map", value_name = "FROM=TO", requires = "with_images")]
    maps: Vec<Map>,

    #[command(flatten)]
    values: ValueSources,

    /// Ask for the promotion and do nothing else: sign a request with --key and attach it at the source.
    #[arg(long, requires_all = ["policy", SIGNER], conflicts_with_all = ["approve", "receipt"])]
    request: bool,

    /// Agree to the promotion that somebody else asked for, signed with --key; carry it out once enough have.
    #[arg(long, requires_all = ["policy", SIGNER])]
    approve: bool,

    /// Sign a promotion attestation and attach it at the destination: with this key, whose password is in COSIGN_PASSWORD, or
    /// "keyless", as whoever an identity provider vouches for.
    #[arg(id = SIGNER, long = "key", value_name = "KEY|keyless")]
    key: Option<String>,

    #[command(flatten)]
    signing: SigningArgs,

    /// Who promotes, as the attestation says.
    #[arg(long, value_name = "WHO", requires = SIGNER)]
    by: Option<String>,

    /// Move the tag although it points at other content.
    #[arg(long)]
    force: bool,

    /// Write the report, as JSON, to this file once all is done.
    #[arg(long, value_name = "FILE", conflicts_with = "dry_run")]
    receipt: Option<PathBuf>,

    /// Verify the source and say what would be copied, and write nothing.
    #[arg(long)]
    dry_run: bool,

    /// How to write the result.
    #[arg(short, long, value_enum, default_value_t, value_name = "FORM")]
    output: Output,

    #[command(flatten)]
    connection: Connection,
}

pub(crate) async fn run(args: Args) -> anyhow::Result<Status> {
    let judged_as = args.judged_as.as_deref();
    let judge = args.policy.as_deref();
    let judge =
        judge.map(|file| Judge::read(file, judged_as, &args.source, &args.destination)).transpose()?;
    // Values may come from addresses, for which whoever reads them waits.
    let values = tokio::task::spawn_blocking(move || args.values.read()).await??;
    let has_values = values.as_map().into_iter().flatten().next().is_some();
    let images = match (args.with_images, has_values) {
        (true, _) => Some(ImagePlan { values, one_render: args.one_render, maps: args.maps }),
        (false, false) => None,
        (false, true) => {
            return Err(Usage("values matter to the images of a chart only: --with-images".to_owned()).into());
        }
    };
    let signer = match args.key.as_deref().map(|signer| args.signing.plan(signer)).transpose()? {
        None => None,
        Some(plan) if plan.key.is_none() && args.dry_run && (args.request || args.approve) => {
            let text = "whose approval it would be is in the certificate, which a dry run asks for nowhere: give --key a key";
            return Err(Usage(text.to_owned()).into());
        }
        Some(plan) => Some(Signer { by: plan.open(args.dry_run).await?, promoter: args.by }),
    };
    let step = match (args.request, args.approve) {
        (true, _) => Step::Request,
        (_, true) => Step::Approve,
        _ => Step::Carry,
    };
    let promotion = Promotion {
        images,
        step,
        source: args.source,
        destination: args.destination,
        judge,
        signer,
        channels: args.channels,
        force: args.force,
        dry_run: args.dry_run,
        at: created()?,
    };
    let report = promotion.run(&args.connection).await?;
    match args.output {
        Output::Json => terminal::line(serde_json::to_string_pretty(&report)?),
        Output::Text => show(&report)?,
    }
    if report.outcome == Outcome::Refused {
        return Ok(Status::Signature);
    }
    if let Some(file) = args.receipt.as_ref().filter(|_| report.outcome != Outcome::Approved) {
        keep(file, &report)?;
    }
    Ok(Status::Done)
}

fn keep(file: &Path, report: &Report) -> anyhow::Result<()> {
    let text = serde_json::to_string_pretty(report)? + "\n";
    let failed = || format!("{} is promoted, but receipt {} is not written", report.digest, file.display());
    fs::write(file, text).with_context(failed)
}

fn show(report: &Report) -> anyhow::Result<()> {
    decision(&report.source, report.verified.source.as_ref())?;
    for image in &report.images {
        decision(&image.source, image.verified.source.as_ref())?;
    }
    if let Some(request) = &report.request {
        let verb = if request.attached { "Requested" } else { "Is there" };
        terminal::step(verb, "the request, signed");
        terminal::more(&request.digest);
    }
    if let Some(approval) = &report.approval {
        let verb = if approval.attached { "Approved" } else { "Is there" };
        terminal::step(verb, "the approval, signed");
        terminal::more(&approval.digest);
    }
    report.images.iter().filter_map(|image| image.copied.as_ref()).for_each(Artifact::print);
    if let Some(copied) = &report.copied {
        copied.print();
    }
    for image in &report.images {
        decision(&image.destination, image.verified.destination.as_ref())?;
    }
    decision(&report.destination, report.verified.destination.as_ref())?;
    if let Some(attested) = &report.attestation {
        let verb = if attested.attached { "Attested" } else { "Is there" };
        terminal::step(verb, "the promotion, signed");
        terminal::more(&attested.digest);
    }
    let would = report.outcome == Outcome::WouldPromote;
    let of_images = report.images.iter().flat_map(|image| &image.tags);
    if report.outcome != Outcome::Refused {
        of_images.chain(&report.tags).for_each(|tag| moved("Tag", tag, would));
        report.channels.iter().for_each(|channel| moved("Channel", channel, would));
    }
    outcome(report);
    if report.policy.is_none() {
        terminal::warning("no policy was given: digests were compared, signatures were not looked at");
    }
    Ok(())
}

fn outcome(report: &Report) {
    let destination = styled(NAME, &report.destination);
    match report.outcome {
        Outcome::Refused => {
            let what = match report.copied {
                None => format!("at the source; nothing was written to {destination}"),
                Some(_) => format!("at the destination; no tag of {destination} was moved"),
            };
            terminal::step_noted("Refused", what);
            if let Some(note) = &report.note {
                terminal::more(note);
            }
        }
        Outcome::Promoted => terminal::step("Promoted", format_args!("to {destination}")),
        Outcome::AlreadyThere => {
            terminal::step("Is there", format_args!("at {destination}, and nothing was left to do"));
        }
        Outcome::WouldPromote => terminal::step("Would go", format_args!("to {destination}")),
        Outcome::WouldRequest => terminal::step("Would ask", format_args!("to promote to {destination}")),
        Outcome::WouldApprove => {
            terminal::step("Would agree", format_args!("and more must, to {destination}"))
        }
        Outcome::Requested | Outcome::Approved => {
            let approvals = report.verified.source.as_ref().and_then(|decision| decision.approvals.as_ref());
            let missing = approvals.map_or(0, |found| found.needed.saturating_sub(found.approvals.len()));
            terminal::step(
                "Waits",
                format_args!("for {missing} to approve; nothing is at {destination} yet"),
            );
        }
    }
}

fn decision(place: &str, decision: Option<&Decision>) -> anyhow::Result<()> {
    decision.map_or(Ok(()), |decision| verify::show(place, decision, Output::Text))
}

fn moved(what: &str, tag: &Channel, would: bool) {
    let name = styled(NAME, &tag.name);
    let points = if would { "would point" } else { "points" };
    match (&tag.from, tag.moved) {
        (_, false) => terminal::step(what, format_args!("{name} pointed at it already")),
        (None, true) => terminal::step(what, format_args!("{name} is new and {points} at it")),
        (Some(from), true) => {
            terminal::step(what, format_args!("{name} {points} at it now"));
            terminal::more(format_args!("before: {from}"));
        }
    }
}
