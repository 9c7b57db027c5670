//! The graph of an artifact, read from the source before anything is written.

use std::collections::{HashMap, HashSet};

use futures_util::future::BoxFuture;
use futures_util::{StreamExt, TryStreamExt, stream};
use wharf_oci::{Descriptor, Digest, Manifest, Reference, Tag, media_type};

use crate::copy::report::{IgnoredReferrer, Role};
use crate::copy::{Budget, CopyOptions};
use crate::papers::{Finder, Paper, PaperKind, attested, is_attestation};
use crate::platform::{self, PlatformFilter};
use crate::target::{RawManifest, ReadTarget};
use crate::{Error, ErrorKind, Result};

/// Everything that belongs to one artifact.
pub(super) struct Graph {
    pub(super) root: Digest,
    pub(super) nodes: HashMap<Digest, Node>,
    /// Every blob once, in the order of discovery.
    pub(super) blobs: Vec<Descriptor>,
    /// The manifests in an order in which each comes after its children and after its subject; those of one rank do
    /// not need each other. Those that go over with their sibling tag are not among them.
    pub(super) ranks: Vec<Vec<Digest>>,
    /// The sibling tags, each with what it points at, in the order of discovery.
    pub(super) siblings: Vec<(Tag, Digest)>,
    /// What stays behind because it is for other platforms.
    pub(super) left_out: Vec<Descriptor>,
    pub(super) ignored: Vec<IgnoredReferrer>,
}

/// A manifest of the graph.
pub(super) struct Node {
    pub(super) raw: RawManifest,
    pub(super) role: Role,
    /// What it is attached to or listed in.
    pub(super) of: Option<Digest>,
    /// Whether the artifact is whole without it.
    pub(super) is_paper: bool,
    /// Its children.
    children: Vec<Digest>,
    pub(super) subject: Option<Digest>,
    /// The blobs that it refers to and that go along.
    pub(super) blobs: Vec<Digest>,
}

impl Node {
    /// Iterates over the manifests that have to be there before this one.
    pub(super) fn needs(&self) -> impl Iterator<Item = &Digest> {
        // A subject is waited for if it goes along; it is not pulled in.
        self.children.iter().chain(&self.subject)
    }
}

/// A manifest that is to be read, and why.
struct Wanted {
    descriptor: Descriptor,
    role: Role,
    of: Option<Digest>,
}

/// What reading one manifest brought.
enum Read {
    Manifest { raw: RawManifest, parsed: Box<Manifest>, role: Role, of: Option<Digest>, papers: Vec<Paper> },
    Ignored(Box<IgnoredReferrer>),
}

impl Graph {
    pub(super) async fn read(
        source: &dyn ReadTarget,
        reference: &Reference,
        options: &CopyOptions,
    ) -> Result<Self> {
        let budget = &options.budget;
        let mut root = source.fetch_manifest(reference, budget.max_manifest_bytes).await?;
        // Of one platform its own manifest is the artifact; of several the index, which is never put together anew.
        let several = match options.platforms.as_slice() {
            [one] => {
                root = platform::select(source, root, one).await?;
                &[]
            }
            several => several,
        };
        let finder = match &options.common {
            Some(common) => Finder::with_tags(source, &options.papers, common.tags(source).await),
            None => Finder::new(source, &options.papers).await,
        };
        let reader = Reader { source, finder, budget };
        let mut graph = Self {
            root: root.digest.clone(),
            nodes: HashMap::new(),
            blobs: Vec::new(),
            ranks: Vec::new(),
            siblings: Vec::new(),
            left_out: Vec::new(),
            ignored: Vec::new(),
        };
        let mut seen = HashSet::from([root.digest.clone()]);
        let mut blob_sizes = HashMap::new();
        let mut total_bytes = 0;
        let mut level = vec![reader.further(root, Role::Root, None).await?];
        for depth in 0.. {
            let mut next: Vec<Wanted> = Vec::new();
            for read in level {
                let Read::Manifest { raw, parsed, role, of, papers } = read.or_note(&mut graph) else {
                    continue;
                };
                options.progress.found(&raw);
                total_bytes += raw.bytes.len() as u64;
                let children = graph.children(&raw, &parsed, several, &mut seen, &mut next);
                graph.papers(papers, &mut seen, &mut next);
                let blobs = graph.add_blobs(&parsed, &mut blob_sizes)?;
                let subject = parsed.subject.map(|subject| subject.digest);
                let node = Node { role, of, is_paper: true, children, subject, blobs, raw };
                graph.nodes.insert(node.raw.digest.clone(), node);
            }
            if next.is_empty() {
                break;
            }
            check("depth", (depth + 1) as u64, budget.max_depth as u64, &graph.root)?;
            check("manifests", seen.len() as u64, budget.max_manifests as u64, &graph.root)?;
            check("bytes of manifests", total_bytes, budget.max_total_manifest_bytes, &graph.root)?;
            let work: Vec<BoxFuture<'_, Result<Read>>> =
                next.into_iter().map(|wanted| Box::pin(reader.one(wanted)) as _).collect();
            level = stream::iter(work).buffered(options.concurrency.get()).try_collect().await?;
        }
        graph.tell_papers();
        graph.ranks = graph.rank()?;
        Ok(graph)
    }

    /// Enters the children of an index, without those for other platforms than `wanted`, if there are any.
    fn children(
        &mut self,
        raw: &RawManifest,
        parsed: &Manifest,
        wanted: &[PlatformFilter],
        seen: &mut HashSet<Digest>,
        next: &mut Vec<Wanted>,
    ) -> Vec<Digest> {
        let of_platform = |child: &Descriptor| match &child.platform {
            _ if wanted.is_empty() => true,
            Some(platform) => wanted.iter().any(|wanted| wanted.matches(platform)),
            None => true,
        };
        let chosen = |child: &Descriptor| match attested(child) {
            Some(about) => {
                parsed.manifests.iter().any(|other| other.digest.as_str() == about && of_platform(other))
            }
            None => of_platform(child),
        };
        let mut children = Vec::new();
        for child in parsed.manifests.iter().filter(|child| is_child_manifest(child)) {
            if !chosen(child) {
                self.left_out.push(child.clone());
                continue;
            }
            children.push(child.digest.clone());
            if seen.insert(child.digest.clone()) {
                let role = if is_attestation(child) { Role::Attestation } else { Role::Child };
                next.push(Wanted { descriptor: child.clone(), role, of: Some(raw.digest.clone()) });
            }
        }
        children
    }

    fn papers(&mut self, papers: Vec<Paper>, seen: &mut HashSet<Digest>, next: &mut Vec<Wanted>) {
        for paper in papers {
            let role = match paper.kind {
                PaperKind::SiblingTag => Role::Sibling,
                PaperKind::Attestation => Role::Attestation,
                PaperKind::Referrer | PaperKind::FallbackReferrer => Role::Referrer,
            };
            if let Some(tag) = paper.tag {
                self.siblings.push((tag, paper.descriptor.digest.clone()));
            }
            if seen.insert(paper.descriptor.digest.clone()) {
                next.push(Wanted { descriptor: paper.descriptor, role, of: Some(paper.subject) });
            }
        }
    }

    /// Enters the blobs of a manifest; an index may list blobs, too.
    fn add_blobs(&mut self, parsed: &Manifest, sizes: &mut HashMap<Digest, u64>) -> Result<Vec<Digest>> {
        let mut blobs = Vec::new();
        let listed = parsed.manifests.iter().filter(|child| !is_child_manifest(child));
        for blob in parsed.blobs().chain(listed) {
            if media_type::is_nondistributable(&blob.media_type) {
                continue;
            }
            blobs.push(blob.digest.clone());
            match sizes.insert(blob.digest.clone(), blob.size) {
                None => self.blobs.push(blob.clone()),
                Some(size) if size == blob.size => {}
                Some(size) => {
                    return Err(Error::new(
                        ErrorKind::Content,
                        format!("blob {} is described with sizes {size} and {}", blob.digest, blob.size),
                    ));
                }
            }
        }
        Ok(blobs)
    }

    /// What the root leads to by its children alone is no paper.
    fn tell_papers(&mut self) {
        let mut pending = vec![self.root.clone()];
        while let Some(digest) = pending.pop() {
            if let Some(node) = self.nodes.get_mut(&digest).filter(|node| node.is_paper) {
                node.is_paper = false;
                pending.extend(node.children.iter().cloned());
            }
        }
    }

    /// Sorts the manifests into ranks: each after everything that it needs.
    fn rank(&self) -> Result<Vec<Vec<Digest>>> {
        let mut needs: HashMap<&Digest, Vec<&Digest>> = HashMap::new();
        for (digest, node) in &self.nodes {
            needs.insert(digest, node.needs().filter(|needed| self.nodes.contains_key(*needed)).collect());
        }
        let needed: HashSet<&Digest> = needs.values().flatten().copied().collect();
        // These go over with their tag, once everything else is there.
        needs.retain(|digest, _| self.nodes[*digest].role != Role::Sibling || needed.contains(digest));
        let mut ranks: Vec<Vec<Digest>> = Vec::new();
        let mut done: HashSet<&Digest> = HashSet::new();
        while !needs.is_empty() {
            let is_ready = |needed: &Vec<&Digest>| needed.iter().all(|digest| done.contains(digest));
            let mut ready: Vec<&Digest> =
                needs.iter().filter(|(_, needed)| is_ready(needed)).map(|(digest, _)| *digest).collect();
            if ready.is_empty() {
                // Each names the other by the hash of its bytes, so this would be a collision.
                return Err(Error::new(ErrorKind::Content, "manifests refer to each other in a circle"));
            }
            ready.sort();
            for digest in &ready {
                needs.remove(digest);
            }
            done.extend(ready.iter().copied());
            ranks.push(ready.into_iter().cloned().collect());
        }
        Ok(ranks)
    }

    pub(super) fn total_bytes(&self) -> u64 {
        let manifests = self.nodes.values().map(|node| node.raw.bytes.len() as u64);
        self.blobs.iter().map(|blob| blob.size).chain(manifests).fold(0, u64::saturating_add)
    }
}

impl Read {
    /// Returns a manifest; what is none is noted.
    fn or_note(self, graph: &mut Graph) -> Self {
        if let Self::Ignored(referrer) = &self {
            tracing::warn!(
                manifest.digest = %referrer.descriptor.digest,
                "left out {}, listed as a referrer: {}", referrer.descriptor.digest, referrer.reason
            );
            graph.ignored.push((**referrer).clone());
        }
        self
    }
}

/// Reads single manifests.
struct Reader<'a> {
    source: &'a dyn ReadTarget,
    finder: Finder<'a>,
    budget: &'a Budget,
}

impl Reader<'_> {
    async fn one(&self, wanted: Wanted) -> Result<Read> {
        let Wanted { descriptor, role, of } = wanted;
        let reference = Reference::Digest(descriptor.digest.clone());
        let listed_under = of.clone().filter(|_| role == Role::Referrer);
        let ignored = |subject: Digest, descriptor: Descriptor, reason| {
            Ok(Read::Ignored(Box::new(IgnoredReferrer { subject, descriptor, reason })))
        };
        let raw = match (
            self.source.fetch_manifest(&reference, self.budget.max_manifest_bytes).await,
            listed_under.clone(),
        ) {
            (Ok(raw), _) => raw,
            (Err(error), Some(subject)) if error.kind() == ErrorKind::NotFound => {
                return ignored(subject, descriptor, "it is not there");
            }
            (Err(error), _) => return Err(error),
        };
        // The target has verified this already; a target may have a fault.
        let raw = RawManifest::verified(raw.media_type, raw.bytes, &descriptor.digest)?;
        if let Some(subject) = listed_under {
            let named = raw.parse()?.subject.map(|subject| subject.digest);
            if named.as_ref() != Some(&subject) {
                return ignored(subject, descriptor, "its subject is another");
            }
        } else if raw.bytes.len() as u64 != descriptor.size {
            return Err(Error::size_differs(&descriptor, raw.bytes.len() as u64));
        } else if !descriptor.media_type.is_empty() && descriptor.media_type != raw.media_type {
            return Err(Error::new(
                ErrorKind::Content,
                format!(
                    "manifest {} is described as {:?}, but served as {:?}",
                    descriptor.digest, descriptor.media_type, raw.media_type
                ),
            ));
        }
        self.further(raw, role, of).await
    }

    async fn further(&self, raw: RawManifest, role: Role, of: Option<Digest>) -> Result<Read> {
        let parsed = Box::new(raw.parse()?);
        let papers = self.finder.of(&raw.digest).await?;
        Ok(Read::Manifest { raw, parsed, role, of, papers })
    }
}

fn is_child_manifest(child: &Descriptor) -> bool {
    child.is_manifest() || child.media_type.is_empty()
}

fn check(what: &str, found: u64, max: u64, root: &Digest) -> Result<()> {
    if found > max {
        return Err(Error::new(
            ErrorKind::Limit,
            format!("the graph of {root} goes beyond {max} {what}: it has at least {found}"),
        ));
    }
    Ok(())
}
