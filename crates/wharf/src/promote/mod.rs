//! `wharf promote`, step by step: [`Judge`] asks the policy at the source, the graph goes over without a tag, the same
//! judge asks again reading only the destination, [`Signer`] attests, and the tags move last.

mod approval;
mod attestation;
mod destination;
mod judge;
mod mapping;
mod member;
mod report;

use std::collections::BTreeSet;
use std::sync::Arc;

use anyhow::{Context, ensure};
use wharf_content::Target;
use wharf_oci::{Digest, Reference, Tag};
use wharf_trust::policy::{Asked, AskedImage, Decision};

use crate::carry::destination_tags;
use crate::exit::Usage;
use crate::papers::Found;
use crate::place::Place;
use crate::promote::attestation::Statement;
use crate::promote::destination::Destination;
use crate::promote::member::Member;
use crate::remote::{Connection, Identity};

pub(crate) use attestation::Signer;
pub(crate) use judge::Judge;
pub(crate) use mapping::Map;
pub(crate) use member::ImagePlan;
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
    /// The images to take along.
    pub(crate) images: Option<ImagePlan>,
    pub(crate) step: Step,
    /// Move the version's tag away from other content.
    pub(crate) force: bool,
    /// Verify and look, but write nothing.
    pub(crate) dry_run: bool,
    /// When, in seconds of RFC 3339.
    pub(crate) at: String,
}

/// How far to go, where the policy wants four eyes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// Carry it out, if enough have agreed or nobody needs to.
    Carry,
    /// Only ask for it.
    Request,
    /// Agree to what another asked for, and carry it out once enough have.
    Approve,
}

/// The version's tag points at other content.
#[derive(Debug, thiserror::Error)]
#[error("{place} is {there} and not {here}; nothing was written")]
pub(crate) struct Taken {
    place: Place,
    there: Digest,
    here: Digest,
}

/// The judge with what is asked for.
struct Court<'p> {
    judge: &'p Judge,
    asked: Asked,
}

impl Court<'_> {
    /// Reads what lies at one end of each member: all of it, or until the policy is satisfied.
    async fn look(
        &self,
        members: &[Member],
        places: &[Arc<dyn Target>],
        all: bool,
    ) -> anyhow::Result<Vec<Found>> {
        let mut found: Vec<Found> = Vec::new();
        for (member, place) in members.iter().zip(places) {
            let root = found.first();
            let mut enough = |here: &Found| {
                let decide =
                    || self.judge.decide(here, &member.repository, root.unwrap_or(here), &self.asked);
                !all && decide().is_met()
            };
            let here = self.judge.look(&**place, &member.artifact, &mut enough).await?;
            found.push(here);
        }
        Ok(found)
    }

    /// Decides on each; requests and approvals are looked for at the first, which is what the promotion is of.
    fn decide(&self, members: &[Member], found: &[Found]) -> Vec<Decision> {
        let each = members.iter().zip(found);
        each.map(|(member, found_here)| {
            self.judge.decide(found_here, &member.repository, &found[0], &self.asked)
        })
        .collect()
    }
}

impl Promotion {
    /// Promotes. What the policy refuses is no error but a report that says so, with [`Outcome::Refused`].
    ///
    /// # Errors
    /// A version's tag is taken by other content ([`Taken`]), an image is not there, or one side could not be read or
    /// written. Content that arrived until then stays at the destination without a tag, and the same promotion started
    /// again goes on from there.
    pub(crate) async fn run(&self, connection: &Connection) -> anyhow::Result<Report> {
        let members = self.members(connection).await?;
        let mut report = Report::new(self, &members);
        let court = self.judge.as_ref().map(|judge| Court { judge, asked: self.asked(judge, &members) });
        if let Some(court) = &court {
            let places: Vec<_> = members.iter().map(|member| Arc::clone(&member.source)).collect();
            // Who asks or agrees is told of every request that is there.
            let all = self.step != Step::Carry;
            let found = court.look(&members, &places, all).await;
            let mut found = found.context("cannot judge the source")?;
            let mut decisions = court.decide(&members, &found);
            let goes_on = match self.step {
                Step::Carry => true,
                Step::Request => {
                    self.request(court, &members, &mut found, &mut decisions, &mut report).await?;
                    false
                }
                Step::Approve => {
                    self.approve(court, &members, &mut found, &mut decisions, &mut report).await?
                }
            };
            let are_allowed = decisions.iter().all(Decision::is_allowed);
            report.verified_source(decisions);
            if !goes_on || !are_allowed {
                return Ok(report);
            }
        }

        let destinations = self.destinations(&members, connection).await?;
        for (at, (member, destination)) in members.iter().zip(&destinations).enumerate() {
            *report.tags_of(at) = member.look(destination, self.force).await?;
        }
        report.channels = destinations[0].look(&self.channels, &members[0].artifact.digest).await?;

        // The images first: what names them is whole once it is there.
        let mut sent = false;
        for (at, (member, destination)) in members.iter().zip(&destinations).enumerate().rev() {
            let (copied, was_sent) = member.carry(&*destination.target, self.dry_run).await?;
            *report.copied_of(at) = Some(copied);
            sent |= was_sent;
        }
        if self.dry_run {
            report.outcome = Outcome::WouldPromote;
            return Ok(report);
        }

        if let Some(court) = &court {
            let places: Vec<_> = destinations.iter().map(|each| Arc::clone(&each.target)).collect();
            let found = court.look(&members, &places, false).await;
            let found = found.context("cannot judge the destination")?;
            let decisions = court.decide(&members, &found);
            let are_allowed = decisions.iter().all(Decision::is_allowed);
            report.verified_destination(decisions);
            if !are_allowed {
                return Ok(report);
            }
        }
        if let Some(signer) = &self.signer {
            let statement = Statement { promotion: self, report: &report };
            let attested = signer.attest(&*destinations[0].target, &members[0].artifact, &statement).await;
            report.attestation = Some(attested.context("cannot attach the attestation")?);
        }
        for (at, destination) in destinations.iter().enumerate().rev() {
            for tag in report.tags_of(at).iter().filter(|tag| tag.moved) {
                destination.point(tag).await.with_context(|| not_moved(&tag.to, &tag.name))?;
            }
        }
        for tag in report.channels.iter().filter(|tag| tag.moved) {
            destinations[0].point(tag).await.with_context(|| not_moved(&tag.to, &tag.name))?;
        }
        for destination in &destinations {
            destination.target.commit().await?;
        }
        let attached = report.attestation.as_ref().is_some_and(|attested| attested.attached);
        let changed = sent || attached || report.approval.as_ref().is_some_and(|approval| approval.attached);
        report.outcome = if changed || report.moves() { Outcome::Promoted } else { Outcome::AlreadyThere };
        Ok(report)
    }

    /// Resolves what is promoted once, and what goes along.
    async fn members(&self, connection: &Connection) -> anyhow::Result<Vec<Member>> {
        let source = match self.step {
            Step::Carry => self.source.open(connection, &Identity::default()).await?,
            // A request is written to where the artifact lies.
            Step::Request | Step::Approve => {
                self.source.open(connection, &Identity::default()).await?;
                self.source.create(connection, &Identity::default()).await?
            }
        };
        let asked = self.source.named()?;
        let artifact =
            source.resolve(&asked).await.with_context(|| format!("cannot resolve {}", self.source))?;
        self.check_destination(&artifact.digest)?;
        let named = self.judge.as_ref().map(|judge| judge.repository.clone());
        let named = named.or_else(|| self.destination.repository()).or_else(|| self.source.repository());
        let root = Member {
            image: None,
            source,
            from: self.source.clone(),
            to: self.destination.clone(),
            artifact,
            repository: named.unwrap_or_default(),
            tags: self.version_tags(),
        };
        let images = match &self.images {
            Some(plan) => member::images_of(self, plan, &root, connection).await?,
            None => Vec::new(),
        };
        Ok(std::iter::once(root).chain(images).collect())
    }

    /// Opens each member's destination. What goes into one file or folder goes there together.
    async fn destinations(
        &self,
        members: &[Member],
        connection: &Connection,
    ) -> anyhow::Result<Vec<Destination>> {
        let mut opened = vec![Destination::open(&self.destination, connection, self.dry_run).await?];
        for member in &members[1..] {
            opened.push(match member.to {
                Place::Registry(_) => Destination::open(&member.to, connection, self.dry_run).await?,
                Place::Layout(..) | Place::Tar(..) => opened[0].clone(),
            });
        }
        Ok(opened)
    }

    /// What a request for this promotion says, and an approval.
    fn asked(&self, judge: &Judge, members: &[Member]) -> Asked {
        let sorted =
            |tags: &[Tag]| tags.iter().map(Tag::to_string).collect::<BTreeSet<_>>().into_iter().collect();
        let images = members.iter().filter_map(|member| {
            let name = member.image.as_ref()?.to_string();
            Some(AskedImage { name, digest: member.artifact.digest.to_string() })
        });
        Asked {
            repository: judge.repository.clone(),
            tags: sorted(&members[0].tags),
            channels: sorted(&self.channels),
            policy: judge.digest.clone(),
            images: images.collect::<BTreeSet<_>>().into_iter().collect(),
        }
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

fn not_moved(digest: &Digest, tag: &Tag) -> String {
    format!("{digest} arrived, but its tag {tag} was not moved")
}
