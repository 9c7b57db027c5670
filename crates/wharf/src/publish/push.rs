//! From a plan to the registry: probe, project, content, version, channels, in this order.

use std::sync::Arc;

use anyhow::Context;
use reqwest::StatusCode;
use reqwest::header::{HeaderName, HeaderValue, IF_MATCH, IF_NONE_MATCH};
use wharf_client::{Registry, RegistryError, RemoteRepository};
use wharf_content::{CopyOptions, Error, ErrorKind, Progress, ReadTarget, Target, copy};
use wharf_oci::{Digest, ImageReference, Reference, RepositoryName, Tag};
use wharf_trust::COSIGN_SIGN;

use crate::exit::Usage;
use crate::papers::{Attested, attest_once};
use crate::publish::papers;
use crate::publish::probe::{Presence, probe, resolve};
use crate::publish::project::{self, Project};
use crate::publish::{Channel, Outcome, Plan, Refused, Report};
use crate::sigstore::Signer;

/// Tells the registry, for its audit log, why a tag is given other content.
const FORCE_REASON: HeaderName = HeaderName::from_static("wharf-force-reason");

/// Where charts go: `oci://HOST/PROJECT[/PATH]`. The chart's name is added to it.
#[derive(Clone, Debug)]
pub(crate) struct Destination {
    pub(crate) host: String,
    path: RepositoryName,
}

impl Destination {
    /// Reads the destination.
    pub(crate) fn parse(text: &str) -> anyhow::Result<Self> {
        let usage = |reason: &str| Usage(format!("{text:?} is not oci://HOST/PROJECT[/PATH]: {reason}"));
        let Some(rest) = text.strip_prefix("oci://") else {
            return Err(usage("it does not start with oci://").into());
        };
        let reference: ImageReference =
            rest.trim_end_matches('/').parse().map_err(|error| usage(&format!("{error}")))?;
        if reference.tag.is_some() || reference.digest.is_some() {
            return Err(
                usage("name and version of the chart are added to it, so it ends with the folder").into()
            );
        }
        Ok(Self { host: reference.host, path: reference.repository })
    }

    /// Returns `HOST/PROJECT[/PATH]`, by which logins are looked up.
    pub(crate) fn place(&self) -> String {
        format!("{}/{}", self.host, self.path)
    }

    fn repository(&self, chart: &str) -> anyhow::Result<RepositoryName> {
        format!("{}/{chart}", self.path)
            .parse()
            .with_context(|| format!("chart {chart:?} cannot be a repository in an OCI registry"))
    }
}

/// How to publish.
#[derive(Clone)]
pub(crate) struct PushOptions {
    /// Replace other content under the same version.
    pub(crate) force: bool,
    /// Ask, but write nothing.
    pub(crate) dry_run: bool,
    /// The tags to move last.
    pub(crate) channels: Vec<Tag>,
    pub(crate) progress: Arc<dyn Progress>,
    /// Sign what is published, before the channels move.
    pub(crate) signer: Option<Arc<Signer>>,
    /// When papers are made, in seconds of RFC 3339.
    pub(crate) at: String,
}

/// Publishes a plan.
pub(crate) async fn publish(
    plan: &Plan,
    registry: &Registry,
    destination: &Destination,
    options: &PushOptions,
) -> anyhow::Result<Report> {
    let name = destination.repository(&plan.metadata.name)?;
    let repository = registry.repository(name.clone());
    let mut report = Report::new(plan, &destination.host, &name);

    let (presence, project) = look(plan, registry, &repository).await?;
    report.project = project;
    let replaces = match presence {
        Presence::Same(digest) => {
            report.outcome = Outcome::AlreadyThere;
            report.digest = digest;
            None
        }
        Presence::Absent => {
            report.outcome = if options.dry_run { Outcome::WouldPublish } else { Outcome::Published };
            None
        }
        Presence::Differs(differences) if options.force => {
            report.outcome = if options.dry_run { Outcome::WouldReplace } else { Outcome::Replaced };
            Some(differences)
        }
        Presence::Differs(differences) => {
            report.outcome = Outcome::Refused;
            report.differences = Some(*differences);
            return Err(Refused { report: Box::new(report) }.into());
        }
    };
    report.differences = replaces.map(|differences| *differences);

    if !options.dry_run {
        if report.project == Project::WouldCreate {
            report.project = project::create(registry, name.project()).await?;
        }
        if report.outcome != Outcome::AlreadyThere {
            carry(plan, &repository, options, &mut report).await?;
        }
    }
    if let Some(signer) = options.signer.as_ref().filter(|_| !options.dry_run) {
        let signed = sign(&repository, &report.digest, signer, &options.at).await;
        report.signature =
            Some(signed.with_context(|| format!("{} is published, but not signed", report.reference))?);
    }
    papers::attach(&plan.papers, &repository, options, &mut report).await?;
    move_channels(&repository, options, &mut report).await?;
    Ok(report)
}

/// Attaches a signature as `cosign sign` does, unless there is one by this signer.
async fn sign(
    repository: &RemoteRepository,
    digest: &Digest,
    signer: &Signer,
    at: &str,
) -> anyhow::Result<Attested> {
    let published = repository.resolve(&Reference::Digest(digest.clone())).await?;
    let stated = (COSIGN_SIGN, serde_json::json!({}));
    attest_once(repository, &published, signer, stated, &|_| true, at).await
}

/// Looks at the version, and at the project where the version is not seen: a registry may hide what is absent behind
/// the answer to those who are not allowed.
async fn look(
    plan: &Plan,
    registry: &Registry,
    repository: &RemoteRepository,
) -> anyhow::Result<(Presence, Project)> {
    let project = repository.repository().project();
    match probe(plan, repository).await {
        Ok(Presence::Absent) => Ok((Presence::Absent, project::find(registry, project).await?)),
        Ok(presence) => Ok((presence, Project::Exists)),
        Err(error) if matches!(error.kind(), ErrorKind::Unauthorized | ErrorKind::Denied) => {
            match project::find(registry, project).await {
                Ok(Project::WouldCreate) => Ok((Presence::Absent, Project::WouldCreate)),
                _ => Err(error.into()),
            }
        }
        Err(error) => Err(error.into()),
    }
}

/// Copies blobs, manifest and tag, and reads the tag back. The tag is set only if it still points where it did when it
/// was looked at: the differences in the report are those of what is replaced.
async fn carry(
    plan: &Plan,
    repository: &RemoteRepository,
    options: &PushOptions,
    report: &mut Report,
) -> anyhow::Result<()> {
    let replaced = report.differences.as_ref().and_then(|differences| differences.remote.as_ref());
    let target = match replaced {
        Some(replaced) => repository
            .clone()
            .with_push_header(IF_MATCH, entity_tag(&replaced.digest)?)
            .with_push_header(FORCE_REASON, HeaderValue::from_static("publish --force")),
        None => repository.clone().with_push_header(IF_NONE_MATCH, HeaderValue::from_static("*")),
    };
    let copy_options = CopyOptions {
        tags: Some(vec![plan.tag.clone()]),
        progress: Arc::clone(&options.progress),
        ..CopyOptions::default()
    };
    match copy(&plan.target().await?, &plan.reference(), &target, &copy_options).await {
        Ok(copied) => report.carried_bytes = copied.carried_bytes(),
        Err(error) if is_overtaken(&error) => return overtaken(plan, repository, error, report).await,
        Err(error) => return Err(error.into()),
    }
    match resolve(repository, &plan.tag).await? {
        Some(found) if found.digest == plan.manifest.digest => Ok(()),
        found => Err(Error::new(
            ErrorKind::Peer,
            format!(
                "{} accepted version {} as {}, but answers with {}",
                repository.name(),
                plan.tag,
                plan.manifest.digest,
                found.map_or_else(|| "nothing".to_owned(), |found| found.digest.to_string())
            ),
        )
        .into()),
    }
}

/// Judges anew after another publish was faster, or after this one was whose answer got lost.
async fn overtaken(
    plan: &Plan,
    repository: &RemoteRepository,
    error: Error,
    report: &mut Report,
) -> anyhow::Result<()> {
    match probe(plan, repository).await? {
        Presence::Same(digest) => {
            report.outcome = Outcome::AlreadyThere;
            report.digest = digest;
            report.differences = None;
            Ok(())
        }
        Presence::Differs(differences) => {
            report.outcome = Outcome::Refused;
            report.differences = Some(*differences);
            Err(Refused { report: Box::new(report.clone()) }.into())
        }
        // Removed in between: whether the version is free again is for the user to judge.
        Presence::Absent => Err(error.into()),
    }
}

fn is_overtaken(error: &Error) -> bool {
    error.cause::<RegistryError>().is_some_and(|answer| answer.status == StatusCode::PRECONDITION_FAILED)
}

/// Returns the entity tag of a manifest: its digest, quoted.
fn entity_tag(digest: &Digest) -> anyhow::Result<HeaderValue> {
    HeaderValue::from_str(&format!("\"{digest}\"")).context("a digest cannot be a header")
}

/// Moves the channels, last of all.
async fn move_channels(
    repository: &RemoteRepository,
    options: &PushOptions,
    report: &mut Report,
) -> anyhow::Result<()> {
    for name in &options.channels {
        let from = match resolve(repository, name).await {
            Ok(found) => found.map(|found| found.digest),
            // In a dry run the project may be absent, and the registry hide that.
            Err(_) if options.dry_run => None,
            Err(error) => return Err(error.into()),
        };
        let moved = from.as_ref() != Some(&report.digest);
        if moved && !options.dry_run {
            move_tag(repository, name, from.as_ref(), &report.digest).await.with_context(|| {
                format!("{} is published, but channel {name} was not moved", report.reference)
            })?;
        }
        report.channels.push(Channel { name: name.clone(), from, to: report.digest.clone(), moved });
    }
    Ok(())
}

/// Moves one tag, only if it still points where it was seen: what the report says it moved from is what it moved from.
pub(crate) async fn move_tag(
    repository: &RemoteRepository,
    name: &Tag,
    from: Option<&Digest>,
    to: &Digest,
) -> anyhow::Result<()> {
    let target = match from {
        Some(from) => repository.clone().with_push_header(IF_MATCH, entity_tag(from)?),
        None => repository.clone().with_push_header(IF_NONE_MATCH, HeaderValue::from_static("*")),
    };
    let Err(error) = target.tag(to, name).await else { return Ok(()) };
    if !is_overtaken(&error) {
        return Err(error.into());
    }
    let now = resolve(repository, name).await?.map(|found| found.digest);
    // Another publish of the same, or this one whose answer got lost.
    if now.as_ref() == Some(to) {
        return Ok(());
    }
    let place = |digest: Option<&Digest>| digest.map_or_else(|| "nothing".to_owned(), Digest::to_string);
    let text = format!(
        "somebody else moved it meanwhile: it pointed to {} and points to {} now; run this again to move it from there",
        place(from),
        place(now.as_ref())
    );
    Err(anyhow::Error::from(error).context(text))
}
