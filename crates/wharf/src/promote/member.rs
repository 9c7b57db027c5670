//! One artifact of what is promoted: the chart or image that was named, or an image that goes along.

use std::collections::BTreeMap;
use std::sync::Arc;

use anyhow::{Context, bail, ensure};
use wharf_content::{CopyOptions, ErrorKind, Target, collect, copy, verified};
use wharf_manifests::{ImageName, Verdict};
use wharf_oci::{Descriptor, Reference, Tag, media_type};
use wharf_yaml::Value;

use super::destination::Destination;
use super::mapping::{Map, Mapping, folder, layout_tag, place, reference};
use super::{Promotion, Taken};
use crate::carry::Artifact;
use crate::chart::images;
use crate::exit::Usage;
use crate::place::Place;
use crate::progress;
use crate::publish::Channel;
use crate::remote::{Connection, Identity};

/// The longest chart archive that is rendered, in bytes.
const MAX_CHART: u64 = 128 << 20;

/// The images that go along with a chart.
pub(crate) struct ImagePlan {
    /// What the chart is rendered with.
    pub(crate) values: Value,
    /// Render once, instead of with every switch the other way.
    pub(crate) one_render: bool,
    pub(crate) maps: Vec<Map>,
}

/// An artifact on its way.
pub(super) struct Member {
    /// The image as the chart names it; none for what the promotion is of.
    pub(super) image: Option<ImageName>,
    pub(super) source: Arc<dyn Target>,
    pub(super) from: Place,
    pub(super) to: Place,
    pub(super) artifact: Descriptor,
    /// The name by which the policy judges.
    pub(super) repository: String,
    /// The tags of the version at the destination.
    pub(super) tags: Vec<Tag>,
}

impl Member {
    /// Looks where the tags of the version point, and fails where one is taken.
    pub(super) async fn look(&self, destination: &Destination, force: bool) -> anyhow::Result<Vec<Channel>> {
        let seen = destination.look(&self.tags, &self.artifact.digest).await?;
        let taken = seen.iter().filter(|tag| tag.moved).find_map(|tag| Some((tag, tag.from.clone()?)));
        match taken {
            Some((tag, there)) if !force => {
                let place = self.to.with(Reference::Tag(tag.name.clone()));
                Err(Taken { place, there, here: self.artifact.digest.clone() }.into())
            }
            _ => Ok(seen),
        }
    }

    /// Copies it with its papers and without a tag. Returns what came of it, and whether anything was sent.
    pub(super) async fn carry(&self, to: &dyn Target, dry_run: bool) -> anyhow::Result<(Artifact, bool)> {
        let options = CopyOptions {
            tags: Some(Vec::new()),
            dry_run,
            progress: progress::for_transfers(),
            ..CopyOptions::default()
        };
        let root = Reference::Digest(self.artifact.digest.clone());
        let copied = copy(&*self.source, &root, to, &options).await?;
        let sent = copied.items.iter().any(|item| item.outcome != wharf_content::Outcome::AlreadyThere);
        Ok((Artifact::new(self.from.with(root), &copied, dry_run), sent))
    }
}

/// Finds the images that a chart uses, each where it lies.
pub(super) async fn images_of(
    promotion: &Promotion,
    plan: &ImagePlan,
    chart: &Member,
    connection: &Connection,
) -> anyhow::Result<Vec<Member>> {
    let names = names(plan, chart).await?;
    let source_repository = promotion.source.repository();
    let mapping = Mapping {
        source: source_repository.as_deref().map(folder),
        destination: folder(&chart.repository),
        maps: &plan.maps,
    };
    let mut found: Vec<Member> = Vec::new();
    for name in names {
        let asked = reference(&name)?;
        let (source, from, artifact) = match &promotion.source {
            Place::Registry(_) => {
                in_registries(&name, &asked, &mapping.candidates(&name), connection).await?
            }
            Place::Layout(..) | Place::Tar(..) => {
                let tag = Reference::Tag(layout_tag(&name)?);
                let from = promotion.source.with(tag.clone());
                let artifact = chart.source.resolve(&tag).await.with_context(|| {
                    format!(
                        "image {name} is not in {}: promote to it with --with-images",
                        chart.source.name()
                    )
                })?;
                let is_other = |digest: &String| *digest != artifact.digest.as_str();
                ensure!(
                    !name.digest.as_ref().is_some_and(is_other),
                    "{from} is {}, not {name}",
                    artifact.digest
                );
                (Arc::clone(&chart.source), from, artifact)
            }
        };
        let repository = mapping.repository(&name);
        let (to, tags) = match &promotion.destination {
            Place::Registry(_) => {
                let tag: Option<Tag> = name.tag.as_ref().map(|tag| tag.parse()).transpose()?;
                let meant =
                    tag.clone().map_or_else(|| Reference::Digest(artifact.digest.clone()), Reference::Tag);
                (place(&repository, meant)?, tag.into_iter().collect())
            }
            Place::Layout(..) | Place::Tar(..) => {
                let tag = layout_tag(&name)?;
                (promotion.destination.with(Reference::Tag(tag.clone())), vec![tag])
            }
        };
        found.push(Member { image: Some(name), source, from, to, artifact, repository, tags });
    }
    check_collisions(&found)?;
    Ok(found)
}

/// Returns the names of the images: those that a render uses or that the author lists, each once.
async fn names(plan: &ImagePlan, chart: &Member) -> anyhow::Result<Vec<ImageName>> {
    let asked = Reference::Digest(chart.artifact.digest.clone());
    let manifest = chart.source.fetch_manifest(&asked, wharf_content::DEFAULT_MAX_MANIFEST_BYTES).await?;
    let manifest = manifest.parse()?;
    let archive = manifest.layers.iter().find(|layer| layer.media_type == media_type::HELM_CHART);
    let Some(archive) = archive else {
        bail!(Usage(format!("--with-images is for charts, and {} is none", chart.from)));
    };
    let bytes = collect(verified(chart.source.fetch_blob(archive, 0).await?, archive), MAX_CHART).await?;
    let loaded = wharf_chart::load_archive(&bytes).with_context(|| format!("cannot read {}", chart.from))?;
    let (report, _) = images::find(&loaded, &plan.values, plan.one_render)
        .with_context(|| format!("cannot render {} to find its images", chart.from))?;
    Ok(report
        .images
        .into_iter()
        .filter(|image| image.verdict != Verdict::Potential)
        .map(|image| image.name)
        .collect())
}

/// Looks for an image in one repository after another.
async fn in_registries(
    name: &ImageName,
    asked: &Reference,
    repositories: &[String],
    connection: &Connection,
) -> anyhow::Result<(Arc<dyn Target>, Place, Descriptor)> {
    let mut last = None;
    for repository in repositories {
        let from = place(repository, asked.clone())?;
        let target = from.open(connection, &Identity::default()).await?;
        match target.resolve(asked).await {
            Ok(artifact) => return Ok((target, from, artifact)),
            // A registry may hide what is absent behind the answer to those who are not allowed.
            Err(error)
                if matches!(
                    error.kind(),
                    ErrorKind::NotFound | ErrorKind::Unauthorized | ErrorKind::Denied
                ) =>
            {
                last = Some(error);
            }
            Err(error) => {
                return Err(error).with_context(|| format!("cannot look for image {name} at {from}"));
            }
        }
    }
    let places = repositories.join(" nor at ");
    let neither = if repositories.len() > 1 { "neither" } else { "not" };
    let text = format!("image {name}, which the chart uses, is {neither} at {places}; nothing was written");
    Err(last.map_or_else(|| anyhow::anyhow!("{name} has no place"), anyhow::Error::from).context(text))
}

/// Fails where two different images would lie under one tag.
fn check_collisions(members: &[Member]) -> anyhow::Result<()> {
    let mut taken: BTreeMap<String, &Member> = BTreeMap::new();
    for member in members {
        let Some(other) = taken.insert(member.to.to_string(), member) else { continue };
        if other.artifact.digest == member.artifact.digest {
            continue;
        }
        let name = |member: &Member| member.image.as_ref().map(ToString::to_string).unwrap_or_default();
        let (one, two) = (name(other), name(member));
        bail!(Usage(format!(
            "{one} and {two} would both lie at {}: part them with --map FROM=TO",
            member.to
        )));
    }
    Ok(())
}
