//! `wharf promote`, step by step: [`Judge`] asks the policy at the source, the graph goes over without a tag, the same
//! judge asks again reading only the destination, [`Signer`] attests, and the tags move last.

mod attestation;
mod destination;
mod judge;
mod report;

use anyhow::{Context, ensure};
use wharf_content::{CopyOptions, copy};
use wharf_oci::{Digest, Reference, Tag};

use crate::carry::{Artifact, destination_tags};
use crate::exit::Usage;
use crate::place::Place;
use crate::progress;
use crate::promote::attestation::Statement;
use crate::promote::destination::Destination;
use crate::remote::{Connection, Identity};

pub(crate) use attestation::Signer;
pub(crate) use judge::Judge;
pub(crate) use report::{Outcome, Report};

/// What is promoted, and how.
pub(crate) struct Promotion {
    pub(crate) source: Place,
    pub(crate) destination: Place,
    /// Without one nothing is judged.
    pub(crate) judge: Option<Judge>,
    /// Without one nothing is attested.
    pub(crate) signer: Option<Signer>,
    /// The tags to move after that of the version.
    pub(crate) channels: Vec<Tag>,
    /// Move the version's tag away from other content.
    pub(crate) force: bool,
    /// Verify and look, but write nothing.
    pub(crate) dry_run: bool,
    /// When, in seconds of RFC 3339.
    pub(crate) at: String,
}

/// The version's tag points at other content.
#[derive(Debug, thiserror::Error)]
#[error("{place} is {there} and not {here}; nothing was written")]
pub(crate) struct Taken {
    place: Place,
    there: Digest,
    here: Digest,
}

impl Promotion {
    /// Promotes. What the policy refuses is no error but a report that says so, with [`Outcome::Refused`].
    ///
    /// # Errors
    /// The version's tag is taken by other content ([`Taken`]), or one side could not be read or written. Content that
    /// arrived until then stays at the destination without a tag, and the same promotion started again goes on from there.
    pub(crate) async fn run(&self, connection: &Connection) -> anyhow::Result<Report> {
        let source = self.source.open(connection, &Identity::default()).await?;
        let asked = self.source.named()?;
        let artifact =
            source.resolve(&asked).await.with_context(|| format!("cannot resolve {}", self.source))?;
        self.check_destination(&artifact.digest)?;
        let mut report = Report::new(self, &artifact.digest);

        if let Some(judge) = &self.judge {
            let decision = judge.decide(&*source, &artifact).await.context("cannot judge the source")?;
            let is_allowed = decision.is_allowed();
            report.verified.source = Some(decision);
            if !is_allowed {
                return Ok(report);
            }
        }

        let destination = Destination::open(&self.destination, connection, self.dry_run).await?;
        report.tags = destination.look(&self.version_tags(), &artifact.digest).await?;
        report.channels = destination.look(&self.channels, &artifact.digest).await?;
        if let Some(there) = report.tags.iter().filter(|tag| tag.moved).find_map(|tag| tag.from.clone())
            && !self.force
        {
            let tag = report.tags[0].name.clone();
            let place = self.destination.with(Reference::Tag(tag));
            return Err(Taken { place, there, here: artifact.digest }.into());
        }

        let options = CopyOptions {
            tags: Some(Vec::new()),
            dry_run: self.dry_run,
            progress: progress::for_transfers(),
            ..CopyOptions::default()
        };
        let root = Reference::Digest(artifact.digest.clone());
        let copied = copy(&*source, &root, &*destination.target, &options).await?;
        let sent = copied.items.iter().any(|item| item.outcome != wharf_content::Outcome::AlreadyThere);
        report.copied = Some(Artifact::new(self.source.with(root), &copied, self.dry_run));
        if self.dry_run {
            report.outcome = Outcome::WouldPromote;
            return Ok(report);
        }

        if let Some(judge) = &self.judge {
            let arrived = &*destination.target;
            let decision = judge.decide(arrived, &artifact).await.context("cannot judge the destination")?;
            let is_allowed = decision.is_allowed();
            report.verified.destination = Some(decision);
            if !is_allowed {
                return Ok(report);
            }
        }
        if let Some(signer) = &self.signer {
            let statement = Statement { promotion: self, report: &report };
            let attested = signer.attest(&*destination.target, &artifact, &statement).await;
            report.attestation = Some(attested.context("cannot attach the attestation")?);
        }
        for tag in report.tags.iter().chain(&report.channels).filter(|tag| tag.moved) {
            destination.point(tag).await.with_context(|| {
                format!("{} arrived, but its tag {} was not moved", artifact.digest, tag.name)
            })?;
        }
        destination.target.commit().await?;
        let attached = report.attestation.as_ref().is_some_and(|attested| attested.attached);
        let moved = report.tags.iter().chain(&report.channels).any(|tag| tag.moved);
        report.outcome = if sent || attached || moved { Outcome::Promoted } else { Outcome::AlreadyThere };
        Ok(report)
    }

    /// Returns the tags of the version at the destination: that which is written there, else the source's.
    fn version_tags(&self) -> Vec<Tag> {
        let mut tags = destination_tags(&self.source, &self.destination);
        tags.retain(|tag| !self.channels.contains(tag));
        tags
    }

    fn check_destination(&self, digest: &Digest) -> anyhow::Result<()> {
        let named = self.destination.reference();
        let Some(said) = named.as_ref().and_then(Reference::digest) else { return Ok(()) };
        let text = format!("{} is {digest}, and the destination says {said}", self.source);
        ensure!(said == digest, Usage(text));
        Ok(())
    }
}
