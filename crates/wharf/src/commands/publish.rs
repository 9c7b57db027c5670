//! `wharf publish`

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context;
use jiff::Timestamp;
use wharf_chart::semver::Version;
use wharf_oci::Tag;

use crate::cli::Output;
use crate::exit::{Status, Usage};
use crate::progress;
use crate::publish::{
    Destination, Paper, Plan, PlanOptions, PushOptions, Refused, Report, publish, unsigned,
};
use crate::remote::{Connection, Identity};
use crate::sigstore::{SIGNER, SigningArgs};
use crate::terminal::{self, NAME, styled};

/// Publish a chart to a registry.
///
/// The chart is checked and packed reproducibly: the same content gives the same digest, on any machine and at any
/// time. A version that is there with the same content is fine; one with other content is refused, with what differs.
/// A project that is absent is created where you may. Helm reads the result: helm pull oci://HOST/PROJECT/NAME.
#[derive(Debug, clap::Args)]
#[command(
    override_usage = "wharf publish [OPTIONS] CHART oci://HOST/PROJECT[/PATH]
       wharf publish [OPTIONS] CHART --plan DIR
       wharf publish [OPTIONS] --plan DIR oci://HOST/PROJECT[/PATH]",
    after_help = "\
Examples:
  wharf publish ./storefront oci://registry.example.com/shop
  wharf publish ./storefront oci://localhost:5000/shop --channel stable --output json
  wharf publish ./storefront oci://registry.example.com/shop --sign cosign.key --channel stable
  wharf publish ./storefront oci://localhost:5000/shop --sign cosign.key --sbom storefront.cdx.json \\
      --attest slsaprovenance1=provenance.json --channel stable
  wharf publish ./storefront oci://registry.example.com/shop --sign keyless \\
      --signing-config signing-config.json --trusted-root trusted-root.json
  wharf publish storefront-1.4.0.tgz oci://localhost:5000/shop --dry-run

Build in one place, push from another:
  wharf publish ./storefront --plan ./plan --sbom storefront.cdx.json
  wharf publish --plan ./plan oci://registry.example.com/shop

SOURCE_DATE_EPOCH, where set, is the time of every file in the archive and of the manifest's \"created\" annotation."
)]
pub(crate) struct Args {
    /// A chart, as a folder or a .tgz, and where it goes: oci://HOST/PROJECT[/PATH].
    #[arg(value_names = ["CHART", "DESTINATION"], num_args = 0..=2)]
    places: Vec<String>,

    /// With CHART: write an OCI layout and plan.json here and contact nobody. With a destination: push from here.
    #[arg(long, value_name = "DIR")]
    plan: Option<PathBuf>,

    /// Publish under this version instead of the one in Chart.yaml.
    #[arg(long, value_name = "VERSION")]
    version: Option<String>,

    /// Publish with this appVersion instead of the one in Chart.yaml.
    #[arg(long, value_name = "VERSION")]
    app_version: Option<String>,

    /// Move this channel, a tag such as "stable", to the chart, last of all; may be repeated.
    #[arg(long = "channel", value_name = "NAME")]
    channels: Vec<String>,

    /// Sign what is published, as cosign does, before the channels move: with this key, whose password is in COSIGN_PASSWORD,
    /// or "keyless", as whoever an identity provider vouches for.
    #[arg(id = SIGNER, long = "sign", value_name = "KEY|keyless")]
    sign: Option<String>,

    #[command(flatten)]
    signing: SigningArgs,

    /// Attach a statement of this type about what is published, signed with --sign as `cosign attest --type TYPE
    /// --predicate FILE` does; may be repeated.
    #[arg(long = "attest", value_name = "TYPE=FILE")]
    attestations: Vec<String>,

    /// Attach an SBOM (SPDX or CycloneDX, JSON): with --sign as a signed statement, else as a file; may be repeated.
    #[arg(long = "sbom", value_name = "FILE")]
    sboms: Vec<PathBuf>,

    /// Replace other content under the same version; the registry's audit log says so.
    #[arg(long)]
    force: bool,

    /// Ask the registry, but write nothing.
    #[arg(long)]
    dry_run: bool,

    /// How to write the result.
    #[arg(short, long, value_enum, default_value_t, value_name = "FORM")]
    output: Output,

    #[command(flatten)]
    identity: Identity,

    #[command(flatten)]
    connection: Connection,
}

/// What the places on the command line ask for.
enum Task {
    Publish(PathBuf, Destination),
    WritePlan(PathBuf, PathBuf),
    PushPlan(PathBuf, Destination),
}

pub(crate) async fn run(args: Args) -> anyhow::Result<Status> {
    let channels: Vec<Tag> = args
        .channels
        .iter()
        .map(|name| name.parse().map_err(|error| Usage(format!("channel {error}"))))
        .collect::<Result<_, _>>()?;
    if let Some(version) = &args.version
        && let Err(error) = Version::parse(version)
    {
        return Err(Usage(format!("--version {version:?}: {error}")).into());
    }
    let asked = task(&args)?;
    let signing = args.sign.as_deref().map(|signer| args.signing.plan(signer)).transpose()?;
    let mut papers =
        args.attestations.iter().map(|text| Paper::attestation(text)).collect::<anyhow::Result<Vec<_>>>()?;
    for file in &args.sboms {
        papers.push(Paper::sbom(file)?);
    }
    let options = PlanOptions {
        papers: papers.clone(),
        version: args.version.clone(),
        app_version: args.app_version.clone(),
        source_date_epoch: source_date_epoch()?,
    };
    let (plan, destination) = match asked {
        Task::WritePlan(chart, folder) => {
            let plan = Plan::from_path(&chart, &options)?;
            plan.write(&folder).await?;
            let mut report = Report::of_plan(&plan);
            let papers = plan.papers.iter().map(|paper| paper.planned(paper.needs_signer()));
            report.papers = papers.collect::<anyhow::Result<_>>()?;
            finish(&report, args.output)?;
            if args.output == Output::Text {
                terminal::step("Planned", format_args!("{} in {}", report.reference, folder.display()));
                terminal::more(&report.digest);
                let command = format!("wharf publish --plan {} oci://HOST/PROJECT", folder.display());
                terminal::line(format_args!("\nPush it with:  {}", styled(NAME, command)));
            }
            return Ok(Status::Done);
        }
        Task::Publish(chart, destination) => (Plan::from_path(&chart, &options)?, destination),
        Task::PushPlan(folder, destination) => {
            let mut plan = Plan::read(&folder).await?;
            plan.papers.extend(papers);
            (plan, destination)
        }
    };
    if let (None, Some(paper)) = (&signing, plan.papers.iter().find(|paper| paper.needs_signer())) {
        return Err(Usage(unsigned(paper)).into());
    }
    if let Some(channel) = channels.iter().find(|channel| **channel == plan.tag) {
        return Err(Usage(format!("channel {channel} is the version itself")).into());
    }
    let registry = args.connection.registry(&destination.place(), &args.identity).await?;
    let signer = match signing {
        Some(signing) => Some(Arc::new(signing.open(args.dry_run).await?)),
        None => None,
    };
    let push = PushOptions {
        force: args.force,
        dry_run: args.dry_run,
        channels,
        progress: progress::for_transfers(),
        signer,
        at: created()?,
    };
    let published = publish(&plan, &registry, &destination, &push).await;
    match published
        .with_context(|| format!("cannot publish {} {}", plan.metadata.name, plan.metadata.version))
    {
        Ok(report) => {
            finish(&report, args.output)?;
            Ok(Status::Done)
        }
        Err(error) => {
            // In text the error itself says everything.
            if let (Some(Refused { report }), Output::Json) = (error.downcast_ref(), args.output) {
                finish(report, args.output)?;
            }
            Err(error)
        }
    }
}

fn finish(report: &Report, output: Output) -> anyhow::Result<()> {
    match output {
        Output::Json => terminal::line(serde_json::to_string_pretty(report)?),
        Output::Text => {
            for warning in &report.warnings {
                terminal::warning(warning);
            }
            report.print();
        }
    }
    Ok(())
}

fn task(args: &Args) -> anyhow::Result<Task> {
    let (destinations, charts): (Vec<&String>, Vec<&String>) =
        args.places.iter().partition(|place| place.starts_with("oci://"));
    let changes = args.version.is_some() || args.app_version.is_some();
    let task = match (charts.as_slice(), destinations.as_slice(), &args.plan) {
        ([chart], [destination], None) => Task::Publish(chart.into(), Destination::parse(destination)?),
        ([chart], [], Some(folder))
            if args.channels.is_empty() && args.sign.is_none() && !args.force && !args.dry_run =>
        {
            Task::WritePlan(chart.into(), folder.clone())
        }
        ([_], [], Some(_)) => Err(Usage(
            "--channel, --sign, --force and --dry-run belong to the push of a plan, not to its making".into(),
        ))?,
        ([], [_], Some(_)) if changes => {
            Err(Usage("--version and --app-version belong to the making of a plan, not to its push".into()))?
        }
        ([], [destination], Some(folder)) => Task::PushPlan(folder.clone(), Destination::parse(destination)?),
        ([_], [_], Some(_)) => Err(Usage("give a chart or a destination with --plan, not both".to_owned()))?,
        ([_, other], [], _) => Err(Usage(format!("destination {other:?} does not start with oci://")))?,
        ([_], [], None) => {
            Err(Usage("there is no destination: give oci://HOST/PROJECT, or --plan DIR".into()))?
        }
        _ => Err(Usage("give one chart and one destination; see wharf publish --help".to_owned()))?,
    };
    Ok(task)
}

/// Returns the time at which papers are made, RFC 3339 in seconds: `SOURCE_DATE_EPOCH`, where set, else now.
pub(crate) fn created() -> anyhow::Result<String> {
    let second = match source_date_epoch()? {
        Some(second) => i64::try_from(second).context("SOURCE_DATE_EPOCH is too late")?,
        None => Timestamp::now().as_second(),
    };
    let at = Timestamp::from_second(second);
    Ok(at.map_err(|error| Usage(format!("SOURCE_DATE_EPOCH {second}: {error}")))?.to_string())
}

/// Returns `SOURCE_DATE_EPOCH`, where set.
pub(crate) fn source_date_epoch() -> anyhow::Result<Option<u64>> {
    match std::env::var("SOURCE_DATE_EPOCH") {
        Ok(text) if !text.is_empty() => {
            let seconds = text
                .parse()
                .with_context(|| format!("SOURCE_DATE_EPOCH {text:?} is not a number of seconds"))?;
            Ok(Some(seconds))
        }
        _ => Ok(None),
    }
}
