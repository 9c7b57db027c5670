//! Carrying a graph over: blobs, manifests, sibling tags, the question whether all of it arrived, tags.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use async_trait::async_trait;
use futures_util::future::BoxFuture;
use futures_util::{StreamExt, TryStreamExt, stream};
use wharf_oci::{Descriptor, Digest, Reference, Tag};

use crate::copy::CopyOptions;
use crate::copy::graph::{Graph, Node};
use crate::copy::report::{CopyItem, CopyReport, Incomplete, Outcome, Progress, Role};
use crate::stream::{BlobSource, BlobStream, verified};
use crate::target::{Arrival, RawManifest, ReadTarget, Target};
use crate::{DEFAULT_MAX_MANIFEST_BYTES, Error, ErrorKind, Result, Side};

/// A copy whose graph is known.
pub(super) struct Transfer<'a> {
    source: &'a dyn ReadTarget,
    destination: &'a dyn Target,
    options: &'a CopyOptions,
    graph: Graph,
    /// The blobs without which the artifact itself is not whole.
    main_blobs: HashSet<Digest>,
    /// Whether the root is at the destination already, as far as has been asked.
    is_there: bool,
}

/// What became of a piece, and why it did not arrive.
type Fate = (Outcome, Option<String>);

impl<'a> Transfer<'a> {
    pub(super) fn new(
        source: &'a dyn ReadTarget,
        destination: &'a dyn Target,
        options: &'a CopyOptions,
        graph: Graph,
    ) -> Self {
        let main = graph.nodes.values().filter(|node| !node.is_paper);
        let main_blobs = main.flat_map(|node| node.blobs.iter().cloned()).collect();
        Self { source, destination, options, graph, main_blobs, is_there: false }
    }

    pub(super) async fn run(mut self, tags: Vec<Tag>) -> Result<CopyReport> {
        self.is_there = self.destination.manifest_exists(&self.graph.root).await.map_err(at_destination)?;
        let blobs = self.graph.blobs.iter().map(|blob| Box::pin(self.blob(blob)) as _).collect();
        let mut items: Vec<CopyItem> = self.all(blobs).await?;
        let mut fates: HashMap<Digest, Fate> = items
            .iter()
            .map(|item| (item.descriptor.digest.clone(), (item.outcome, item.reason.clone())))
            .collect();

        // Where the root stands alone at the end it goes over once, with its tags.
        let root_is_last = self.graph.siblings.is_empty()
            && self.graph.ranks.last().is_some_and(|rank| *rank == [self.graph.root.clone()]);
        let ranks = &self.graph.ranks[..self.graph.ranks.len() - usize::from(root_is_last)];
        for rank in ranks {
            let nodes = rank.iter().filter_map(|digest| self.graph.nodes.get(digest));
            let work = nodes.map(|node| Box::pin(self.manifest(node, None, &fates)) as _).collect();
            let carried = self.all(work).await?;
            fates.extend(
                carried
                    .iter()
                    .map(|item| (item.descriptor.digest.clone(), (item.outcome, item.reason.clone()))),
            );
            items.extend(carried);
        }
        items.extend(self.siblings(&fates, &items).await?);
        if self.options.verify && !self.options.dry_run {
            self.verify(&mut items, &tags).await?;
        }
        if items.iter().any(|item| item.outcome.is_loss()) {
            return Err(self.incomplete(self.report(items, Vec::new())));
        }
        let root = &self.graph.nodes[&self.graph.root];
        if root_is_last {
            items.push(self.root(root, &tags).await.map_err(at_destination)?);
        } else if !tags.is_empty() && !self.options.dry_run {
            self.destination.push_manifest(&root.raw, &tags).await.map_err(at_destination)?;
        }
        if self.options.verify && !self.options.dry_run {
            self.verify_root(&root.raw, &tags).await.map_err(at_destination)?;
        }
        Ok(self.report(items, tags))
    }

    async fn all(&self, work: Vec<BoxFuture<'_, Result<CopyItem>>>) -> Result<Vec<CopyItem>> {
        stream::iter(work).buffer_unordered(self.options.concurrency.get()).try_collect().await
    }

    async fn blob(&self, blob: &Descriptor) -> Result<CopyItem> {
        self.options.progress.started(blob);
        let is_main = self.main_blobs.contains(&blob.digest);
        let (outcome, reason) = match self.blob_outcome(blob).await.map_err(at_destination) {
            Ok(outcome) => (outcome, None),
            Err(error) if !is_main => loss(error)?,
            Err(error) => return Err(error),
        };
        self.options.progress.finished(blob, outcome);
        Ok(CopyItem { reason, ..CopyItem::blob(blob, outcome) })
    }

    async fn blob_outcome(&self, blob: &Descriptor) -> Result<Outcome> {
        let Some(common) = &self.options.common else { return self.send_blob(blob).await };
        let known = common.blob(&blob.digest);
        let mut is_there = known.lock().await;
        if *is_there {
            return Ok(Outcome::AlreadyThere);
        }
        let _place = common.transfer().await;
        let outcome = self.send_blob(blob).await?;
        *is_there = outcome != Outcome::Planned;
        Ok(outcome)
    }

    /// Returns whether to ask for something before it is pushed. Where the root is missing the rest is likely to be, too,
    /// and what is sent in vain costs no more than the question.
    fn asks_for(&self, descriptor: &Descriptor) -> bool {
        let CopyOptions { asks_first, dry_run, .. } = self.options;
        self.is_there || *asks_first || *dry_run || !self.destination.is_pushed_unasked(descriptor)
    }

    async fn send_blob(&self, blob: &Descriptor) -> Result<Outcome> {
        if self.asks_for(blob) && self.destination.has_blob(blob).await? {
            return Ok(Outcome::AlreadyThere);
        }
        if self.options.dry_run {
            return Ok(Outcome::Planned);
        }
        let bytes = SourceBlob { source: self.source, descriptor: blob, progress: &self.options.progress };
        let origin = self.source.mount_origin();
        Ok(match self.destination.mount_or_push_blob(blob, &bytes, origin.as_ref()).await? {
            Arrival::Mounted => Outcome::Mounted,
            Arrival::Sent => Outcome::Carried,
        })
    }

    /// Carries a manifest over, with its sibling tag where it has one; a paper that misses something stays behind.
    async fn manifest(
        &self,
        node: &Node,
        tag: Option<&Tag>,
        fates: &HashMap<Digest, Fate>,
    ) -> Result<CopyItem> {
        let descriptor = node.raw.descriptor();
        self.options.progress.started(&descriptor);
        let lost = node.needs().chain(&node.blobs).find_map(|needed| {
            let (outcome, _) = fates.get(needed).filter(|(outcome, _)| outcome.is_loss())?;
            Some((*outcome, Some(format!("{needed}, which belongs to it, did not arrive"))))
        });
        let (outcome, reason) = match lost {
            Some(lost) => lost,
            None => match self.manifest_outcome(&node.raw, tag).await.map_err(at_destination) {
                Ok(fate) => fate,
                Err(error) if node.is_paper => loss(error)?,
                Err(error) => return Err(error),
            },
        };
        self.options.progress.finished(&descriptor, outcome);
        Ok(CopyItem { descriptor, role: node.role, of: node.of.clone(), tag: tag.cloned(), outcome, reason })
    }

    async fn manifest_outcome(&self, manifest: &RawManifest, tag: Option<&Tag>) -> Result<Fate> {
        let tags = match tag {
            None if manifest.digest == self.graph.root && self.is_there => {
                return Ok((Outcome::AlreadyThere, None));
            }
            None if self.asks_for(&manifest.descriptor())
                && self.destination.manifest_exists(&manifest.digest).await? =>
            {
                return Ok((Outcome::AlreadyThere, None));
            }
            None => &[],
            Some(tag) => match self.sibling_at_destination(manifest, tag).await? {
                Sibling::Same => return Ok((Outcome::AlreadyThere, None)),
                Sibling::HasAll(other) => {
                    let reason = format!("tag {tag} points at {other}, which has all layers of it");
                    return Ok((Outcome::AlreadyThere, Some(reason)));
                }
                Sibling::HasOthers(other) if !self.options.replace_siblings => {
                    let reason = format!("tag {tag} points at {other}, which has layers that would be lost");
                    return Ok((Outcome::Refused, Some(reason)));
                }
                Sibling::HasOthers(_) | Sibling::Free => std::slice::from_ref(tag),
            },
        };
        if self.options.dry_run {
            return Ok((Outcome::Planned, None));
        }
        self.destination.push_manifest(manifest, tags).await?;
        Ok((Outcome::Carried, None))
    }

    /// Looks at where a sibling tag points at the destination. All signatures of one digest share one manifest there, so
    /// moving the tag may lose some.
    async fn sibling_at_destination(&self, manifest: &RawManifest, tag: &Tag) -> Result<Sibling> {
        let reference = Reference::Tag(tag.clone());
        match self.destination.resolve(&reference).await {
            Ok(found) if found.digest == manifest.digest => return Ok(Sibling::Same),
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Sibling::Free),
            Err(error) => return Err(error),
        }
        let other = self.destination.fetch_manifest(&reference, DEFAULT_MAX_MANIFEST_BYTES).await?;
        let layers = |manifest: &RawManifest| -> Result<HashSet<Digest>> {
            Ok(manifest.parse()?.layers.into_iter().map(|layer| layer.digest).collect())
        };
        let (ours, theirs) = (layers(manifest)?, layers(&other)?);
        Ok(if ours.is_superset(&theirs) {
            Sibling::Free
        } else if theirs.is_superset(&ours) {
            Sibling::HasAll(other.digest)
        } else {
            Sibling::HasOthers(other.digest)
        })
    }

    /// Sets the sibling tags, each with its manifest.
    async fn siblings(&self, fates: &HashMap<Digest, Fate>, items: &[CopyItem]) -> Result<Vec<CopyItem>> {
        let mut set = Vec::new();
        for (tag, digest) in &self.graph.siblings {
            let Some(node) = self.graph.nodes.get(digest) else { continue };
            let item = self.manifest(node, Some(tag), fates).await?;
            // One that is a referrer as well went over before; only a loss is worth telling then.
            let is_told = items.iter().chain(&set).any(|told| told.descriptor.digest == *digest);
            if !is_told || item.outcome.is_loss() {
                set.push(item);
            }
        }
        Ok(set)
    }

    async fn root(&self, root: &Node, tags: &[Tag]) -> Result<CopyItem> {
        let descriptor = root.raw.descriptor();
        self.options.progress.started(&descriptor);
        if !self.options.dry_run && (!self.is_there || !tags.is_empty()) {
            self.destination.push_manifest(&root.raw, tags).await?;
        }
        let outcome = match self.is_there {
            true => Outcome::AlreadyThere,
            false if self.options.dry_run => Outcome::Planned,
            false => Outcome::Carried,
        };
        self.options.progress.finished(&descriptor, outcome);
        Ok(CopyItem { descriptor, role: Role::Root, of: None, tag: None, outcome, reason: None })
    }

    /// Asks the destination for everything that it took, and for the lists of referrers.
    async fn verify(&self, items: &mut [CopyItem], tags: &[Tag]) -> Result<()> {
        const GONE: &str = "the destination took it and does not have it";
        let concurrency = self.options.concurrency.get();
        let mut expected: BTreeMap<&Digest, BTreeSet<&Digest>> = BTreeMap::new();
        for node in self.graph.nodes.values().filter(|node| node.is_paper) {
            if let Some(subject) =
                node.subject.as_ref().filter(|subject| self.graph.nodes.contains_key(*subject))
            {
                expected.entry(subject).or_default().insert(&node.raw.digest);
            }
        }
        // Where the destination makes these lists itself, each is its word on all that are in it.
        let by_list: HashSet<&Digest> = match self.destination.lists_referrers() {
            Some(true) => expected.values().flatten().copied().collect(),
            _ => HashSet::new(),
        };
        let is_asked_for = |item: &CopyItem| {
            let digest = &item.descriptor.digest;
            let is_sent = matches!(item.outcome, Outcome::Carried | Outcome::Mounted);
            let is_told_by_list = item.tag.is_none() && by_list.contains(digest);
            // The tags of the root are asked for once they are set.
            is_sent && !is_told_by_list && (*digest != self.graph.root || tags.is_empty())
        };
        let gone: Vec<BoxFuture<'_, Result<Option<usize>>>> = items
            .iter()
            .enumerate()
            .filter(|(_, item)| is_asked_for(item))
            .map(|(at, item)| Box::pin(async move { Ok((!self.has(item).await?).then_some(at)) }) as _)
            .collect();
        let gone: Vec<Option<usize>> =
            stream::iter(gone).buffer_unordered(concurrency).try_collect().await.map_err(at_destination)?;
        for at in gone.into_iter().flatten() {
            items[at].outcome = Outcome::Missing;
            items[at].reason = Some(GONE.to_owned());
        }
        let unlisted: Vec<BoxFuture<'_, Result<Vec<Digest>>>> = expected
            .into_iter()
            .map(|(subject, expected)| {
                Box::pin(async move {
                    let listed = self.destination.referrers(subject, None).await?;
                    let listed: HashSet<(&Digest, u64)> =
                        listed.iter().map(|referrer| (&referrer.digest, referrer.size)).collect();
                    let is_listed = |digest: &Digest| {
                        listed.contains(&(digest, self.graph.nodes[digest].raw.bytes.len() as u64))
                    };
                    Ok(expected.into_iter().filter(|digest| !is_listed(digest)).cloned().collect())
                }) as _
            })
            .collect();
        let unlisted: Vec<Vec<Digest>> = stream::iter(unlisted)
            .buffer_unordered(concurrency)
            .try_collect()
            .await
            .map_err(at_destination)?;
        let unlisted: HashSet<Digest> = unlisted.into_iter().flatten().collect();
        for item in items.iter_mut().filter(|item| unlisted.contains(&item.descriptor.digest)) {
            if !item.outcome.is_loss() {
                item.outcome = Outcome::Missing;
                item.reason = Some("the destination does not list it as a referrer".to_owned());
            }
        }
        Ok(())
    }

    async fn has(&self, item: &CopyItem) -> Result<bool> {
        let digest = &item.descriptor.digest;
        if item.role == Role::Blob {
            return self.destination.blob_exists(digest).await;
        }
        let by_tag = item.tag.clone().map(Reference::Tag);
        let reference = by_tag.unwrap_or_else(|| Reference::Digest(digest.clone()));
        match self.destination.resolve(&reference).await {
            Ok(found) => Ok(found.digest == *digest && found.size == item.descriptor.size),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Asks where the tags point, or for the root where there is none.
    async fn verify_root(&self, root: &RawManifest, tags: &[Tag]) -> Result<()> {
        let by_tag = tags.iter().cloned().map(Reference::Tag);
        let by_digest = tags.is_empty().then(|| Reference::Digest(root.digest.clone()));
        for reference in by_tag.chain(by_digest) {
            let found = match self.destination.resolve(&reference).await {
                Ok(found) if found.digest == root.digest => continue,
                Ok(found) => found.digest.to_string(),
                Err(error) if error.kind() == ErrorKind::NotFound => "nothing".to_owned(),
                Err(error) => return Err(error),
            };
            return Err(Error::new(
                ErrorKind::Peer,
                format!(
                    "{} took {} as {reference}, and answers with {found}",
                    self.destination.name(),
                    root.digest
                ),
            ));
        }
        Ok(())
    }

    fn incomplete(&self, report: CopyReport) -> Error {
        let text = |item: &CopyItem| {
            let reason = item.reason.as_deref().unwrap_or("it did not arrive");
            format!("{}: {reason}", item.descriptor.digest)
        };
        let first = report.lost().next().map(text).unwrap_or_default();
        let others = match report.lost().count().saturating_sub(1) {
            0 => String::new(),
            others => format!(" (and {others} more)"),
        };
        let message = format!("not everything arrived at {}: {first}{others}", self.destination.name());
        Error::with_source(ErrorKind::Incomplete, message, Incomplete { report }).on(Side::Destination)
    }

    fn report(&self, items: Vec<CopyItem>, tags: Vec<Tag>) -> CopyReport {
        CopyReport {
            root: self.graph.nodes[&self.graph.root].raw.descriptor(),
            tags,
            items,
            left_out: self.graph.left_out.clone(),
            ignored: self.graph.ignored.clone(),
        }
    }
}

/// Where a sibling tag points at the destination.
enum Sibling {
    /// Nowhere, or at something whose layers are all in ours.
    Free,
    /// At the same manifest.
    Same,
    /// At one with all our layers, and more.
    HasAll(Digest),
    /// At one with layers that ours has not.
    HasOthers(Digest),
}

fn at_destination(error: Error) -> Error {
    error.on(Side::Destination)
}

/// Returns what an error means for a paper that could not be carried; one that is about more than this paper stays an
/// error.
fn loss(error: Error) -> Result<Fate> {
    let outcome = match (error.side(), error.kind()) {
        (Some(Side::Source), ErrorKind::NotFound) => Outcome::Missing,
        (
            Some(Side::Destination),
            ErrorKind::Denied | ErrorKind::Usage | ErrorKind::Content | ErrorKind::Limit | ErrorKind::Peer,
        ) => Outcome::Refused,
        _ => return Err(error),
    };
    Ok((outcome, Some(error.to_string())))
}

/// A blob at the source of a copy, read as often as the destination needs.
struct SourceBlob<'a> {
    source: &'a dyn ReadTarget,
    descriptor: &'a Descriptor,
    progress: &'a Arc<dyn Progress>,
}

#[async_trait]
impl BlobSource for SourceBlob<'_> {
    async fn open(&self, offset: u64) -> Result<BlobStream> {
        let opened = self.source.fetch_blob(self.descriptor, offset).await;
        let mut bytes = opened.map_err(|error| error.on(Side::Source))?;
        // From the middle on only the destination can verify, and does.
        if offset == 0 {
            bytes = verified(bytes, self.descriptor);
        }
        let digest: Digest = self.descriptor.digest.clone();
        let progress = Arc::clone(self.progress);
        let mut at = offset;
        Ok(Box::pin(bytes.map_err(|error| error.on(Side::Source)).inspect_ok(move |bytes| {
            at += bytes.len() as u64;
            progress.advanced(&digest, at);
        })))
    }

    fn is_verified(&self) -> bool {
        true
    }
}
