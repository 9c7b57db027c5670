//! One worker with two repositories of its own, and what it believes of them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bytes::Bytes;
use wharf_access::Caller;
use wharf_oci::{Descriptor, Digest, Manifest, Reference, RepositoryName, Tag, media_type};
use wharf_storage::catalog::{BlobPlace, CommitOutcome, Content, Management, NewBlob, NewManifest, Page};
use wharf_storage::{BlobStore, Error};

use super::world::{GRACE, Random, World, content, digest};

/// How old the mark of an unused link is at least when a look renews it.
const RENEWED_AFTER: i64 = 60;

pub(super) struct Worker {
    number: usize,
    world: Arc<World>,
    random: Random,
    untagged_manifests: bool,
    repositories: [Repository; 2],
    pushed: u64,
}

/// What is believed of a repository.
struct Repository {
    name: RepositoryName,
    /// Linked blobs, and since when no manifest has used them.
    links: BTreeMap<Digest, Option<i64>>,
    manifests: BTreeMap<Digest, Known>,
    tags: BTreeMap<Tag, Digest>,
    /// Every manifest ever pushed, to ask for and to push again.
    ever: BTreeMap<Digest, Document>,
}

#[derive(Clone)]
struct Document {
    content: Bytes,
    blobs: BTreeSet<Digest>,
    children: BTreeSet<Digest>,
    subject: Option<Digest>,
}

struct Known {
    document: Document,
    /// Since when nothing has referred to it.
    since: Option<i64>,
}

impl Repository {
    fn new(name: String) -> Self {
        Self {
            name: name.parse().unwrap(),
            links: BTreeMap::new(),
            manifests: BTreeMap::new(),
            tags: BTreeMap::new(),
            ever: BTreeMap::new(),
        }
    }

    fn uses(&self, blob: &Digest) -> bool {
        self.manifests.values().any(|known| known.document.blobs.contains(blob))
    }

    /// Brings the marks in line with what refers to what.
    fn refresh(&mut self, now: i64) {
        let tagged: BTreeSet<_> = self.tags.values().cloned().collect();
        let listed: BTreeSet<_> =
            self.manifests.values().flat_map(|known| known.document.children.clone()).collect();
        let present: BTreeSet<_> = self.manifests.keys().cloned().collect();
        for (digest, known) in &mut self.manifests {
            let referenced = tagged.contains(digest)
                || listed.contains(digest)
                || known.document.subject.as_ref().is_some_and(|subject| present.contains(subject));
            known.since = if referenced { None } else { known.since.or(Some(now)) };
        }
        let used: BTreeSet<_> =
            self.manifests.values().flat_map(|known| known.document.blobs.clone()).collect();
        for (digest, since) in &mut self.links {
            *since = if used.contains(digest) { None } else { since.or(Some(now)) };
        }
    }

    fn remove(&mut self, digest: &Digest, now: i64) {
        let mut pending = vec![digest.clone()];
        while let Some(digest) = pending.pop() {
            if self.manifests.remove(&digest).is_none() {
                continue;
            }
            self.tags.retain(|_, target| *target != digest);
            pending.extend(
                self.manifests
                    .iter()
                    .filter(|(_, known)| known.document.subject.as_ref() == Some(&digest))
                    .map(|(referrer, _)| referrer.clone()),
            );
        }
        self.refresh(now);
    }

    /// Returns the manifests that a collection may take at this time.
    fn due(&self, now: i64, untagged_manifests: bool) -> Vec<Digest> {
        self.manifests
            .iter()
            .filter(|(_, known)| {
                known.since.is_some_and(|since| since <= now - GRACE)
                    && (untagged_manifests || known.document.subject.is_some())
            })
            .map(|(digest, _)| digest.clone())
            .collect()
    }
}

impl Worker {
    pub(super) fn new(number: usize, world: Arc<World>, random: Random, untagged_manifests: bool) -> Self {
        let repositories = ["a", "b"].map(|project| Repository::new(format!("{project}/w{number}")));
        Self { number, world, random, untagged_manifests, repositories, pushed: 0 }
    }

    /// Does one random thing and checks the answer.
    pub(super) async fn step(&mut self) {
        let at = usize::try_from(self.random.below(2)).unwrap();
        let due = self.repositories[at].due(self.world.now(), self.untagged_manifests);
        match self.random.below(16) {
            0..=4 => self.push_image(at).await,
            5 => self.push_index(at).await,
            6 | 7 => self.push_referrer(at).await,
            8 => self.push_again(at).await,
            9 | 10 => self.delete_tag(at).await,
            11 => self.delete_manifest(at).await,
            12 => self.delete_blob(at).await,
            _ => self.pull(at).await,
        }
        // What was due may have gone before this step, which then has saved less than is believed.
        for digest in due {
            if !self.has(at, &digest).await {
                self.repositories[at].remove(&digest, self.world.now());
            }
        }
    }

    /// Returns whether a manifest is there, without a trace.
    async fn has(&self, at: usize, digest: &Digest) -> bool {
        let reference = Reference::Digest(digest.clone());
        match self.world.catalog.artifact(&Caller::system(), &self.repositories[at].name, &reference).await {
            Ok(_) => true,
            Err(Error::NotFound { .. }) => false,
            Err(error) => panic!("{error}"),
        }
    }

    /// Looks at a manifest as clients do, who rely on it from then on.
    async fn look(&mut self, at: usize, digest: &Digest) -> bool {
        let (reference, now) = (Reference::Digest(digest.clone()), self.world.now());
        match self.world.catalog.manifest(&Caller::system(), &self.repositories[at].name, &reference).await {
            Ok(record) => {
                assert_eq!(wharf_oci::Algorithm::Sha256.digest(&record.content), *digest);
                let since =
                    self.repositories[at].manifests.get_mut(digest).and_then(|known| known.since.as_mut());
                if let Some(since) = since.filter(|since| now - **since >= RENEWED_AFTER) {
                    *since = now;
                }
                true
            }
            Err(Error::NotFound { .. }) => false,
            Err(error) => panic!("{error}"),
        }
    }

    /// Makes sure that a blob is linked, as clients do: look, else mount, else send.
    async fn ensure_blob(&mut self, at: usize, number: u64) -> Digest {
        let bytes = content(number);
        let digest = digest(&bytes);
        let (system, now) = (Caller::system(), self.world.now());
        let name = self.repositories[at].name.clone();
        let believed = self.repositories[at].links.get(&digest).copied();
        match self.world.catalog.blob(&system, &name, &digest).await {
            Ok(_) => {
                let since = believed.expect("a blob that was never linked is not found");
                if since.is_some_and(|since| now - since >= RENEWED_AFTER) {
                    self.repositories[at].links.insert(digest.clone(), Some(now));
                }
                return digest;
            }
            Err(Error::NotFound { .. }) => self.assert_may_be_gone(at, &digest, believed),
            Err(error) => panic!("{error}"),
        }
        let from = match self.random.below(3) {
            0 => Some(format!("a/w{}", self.random.below(4)).parse().unwrap()),
            1 => None,
            _ => Some(name.clone()),
        };
        let mounted = self.world.catalog.mount_blob(&system, from.as_ref(), &name, &digest).await.unwrap();
        if !mounted {
            let place = self.world.upload(&bytes).await;
            let blob = NewBlob { digest: digest.clone(), size: bytes.len() as u64, place: place.clone() };
            let outcome = self.world.catalog.commit_blob(&system, &name, blob).await.unwrap();
            if let (CommitOutcome::Duplicate, BlobPlace::Stored(key)) = (outcome, place) {
                self.world.blobs.remove(&key).await.unwrap();
            }
        }
        let repository = &mut self.repositories[at];
        let since = if repository.uses(&digest) { None } else { Some(now) };
        repository.links.insert(digest.clone(), since);
        digest
    }

    /// Fails unless the link was due for collection, or a manifest that was due was what used it.
    fn assert_may_be_gone(&mut self, at: usize, digest: &Digest, believed: Option<Option<i64>>) {
        let now = self.world.now();
        let repository = &mut self.repositories[at];
        if let Some(since) = believed {
            let due = since.is_some_and(|since| since <= now - GRACE);
            assert!(
                due,
                "worker {} lost {digest} in {}, unused since {since:?}",
                self.number, repository.name
            );
            repository.links.remove(digest);
        }
    }

    async fn push_image(&mut self, at: usize) {
        let mut blobs = BTreeSet::new();
        let mut layers = Vec::new();
        for _ in 0..self.random.below(4) {
            let number = self.random.blob();
            let blob = self.ensure_blob(at, number).await;
            if blobs.insert(blob.clone()) {
                layers.push(Descriptor::new("application/octet-stream", blob, content(number).len() as u64));
            }
        }
        self.push(at, layers, BTreeSet::new(), None).await;
    }

    async fn push_index(&mut self, at: usize) {
        let known: Vec<Digest> = self.repositories[at].ever.keys().cloned().collect();
        let mut children = BTreeSet::new();
        for _ in 0..self.random.below(4) {
            let Some(child) = self.random.one_of(&known) else { continue };
            if self.random.below(2) == 0 {
                self.look(at, &child).await;
            }
            children.insert(child);
        }
        self.push(at, Vec::new(), children, None).await;
    }

    async fn push_referrer(&mut self, at: usize) {
        let known: Vec<Digest> = self.repositories[at].ever.keys().cloned().collect();
        let Some(subject) = self.random.one_of(&known) else { return };
        let number = self.random.blob();
        let blob = self.ensure_blob(at, number).await;
        let layer = Descriptor::new("application/octet-stream", blob, content(number).len() as u64);
        self.push(at, vec![layer], BTreeSet::new(), Some(subject)).await;
    }

    async fn push(
        &mut self,
        at: usize,
        layers: Vec<Descriptor>,
        children: BTreeSet<Digest>,
        subject: Option<Digest>,
    ) {
        self.pushed += 1;
        // Numbers repeat across workers, so that manifests are shared too.
        let mut document = serde_json::json!({
            "schemaVersion": 2, "annotations": { "number": format!("{}", self.pushed % 40) },
        });
        let described = |digest: &Digest| Descriptor::new(media_type::OCI_MANIFEST, digest.clone(), 1);
        if children.is_empty() {
            document["mediaType"] = media_type::OCI_MANIFEST.into();
            document["config"] = serde_json::json!(Descriptor {
                data: Some("e30=".to_owned()),
                ..Descriptor::new(media_type::OCI_EMPTY, digest(&Bytes::from_static(b"{}")), 2)
            });
            document["layers"] = serde_json::json!(layers);
        } else {
            document["mediaType"] = media_type::OCI_INDEX.into();
            document["manifests"] =
                children.iter().map(|child| serde_json::json!(described(child))).collect();
        }
        if let Some(subject) = &subject {
            document["subject"] = serde_json::json!(described(subject));
        }
        let document = Document {
            content: document.to_string().into(),
            blobs: layers.into_iter().map(|layer| layer.digest).collect(),
            children,
            subject,
        };
        self.put(at, document).await;
    }

    /// Pushes a manifest once more: it may be there, untagged, or gone, with its blobs or without.
    async fn push_again(&mut self, at: usize) {
        let known: Vec<Digest> = self.repositories[at].ever.keys().cloned().collect();
        let Some(digest) = self.random.one_of(&known) else { return };
        let document = self.repositories[at].ever[&digest].clone();
        self.put(at, document).await;
    }

    async fn put(&mut self, at: usize, document: Document) {
        let now = self.world.now();
        let digest = digest(&document.content);
        let tags: BTreeSet<Tag> = (0..self.random.below(3))
            .map(|_| format!("t{}", self.random.below(4)).parse().unwrap())
            .collect();
        let manifest = NewManifest {
            digest: digest.clone(),
            manifest: Manifest::parse(&document.content, None).unwrap(),
            content: document.content.clone(),
            tags: tags.iter().cloned().collect(),
            condition: None,
            force_reason: None,
            accept_missing_blobs: false,
        };
        let name = self.repositories[at].name.clone();
        let result = self.world.catalog.put_manifest(&Caller::system(), &name, manifest).await;
        let due = self.repositories[at].due(now, self.untagged_manifests);
        match result {
            Ok(outcome) => {
                if outcome.created && self.repositories[at].manifests.contains_key(&digest) {
                    // Or it went with a subject that was due: the probe takes that out as well.
                    assert!(self.may_go(at, &digest, &due), "{digest} was lost in {name}");
                    self.repositories[at].remove(&digest, now);
                }
                let repository = &mut self.repositories[at];
                repository.ever.insert(digest.clone(), document.clone());
                for blob in &document.blobs {
                    if outcome.created {
                        assert!(repository.links.contains_key(blob), "{digest} was taken without {blob}");
                    }
                }
                // One that was there has its grace time anew as well.
                repository.manifests.insert(digest.clone(), Known { document, since: None });
                for tag in tags {
                    repository.tags.insert(tag, digest.clone());
                }
                repository.refresh(now);
                // A subject that was due went before this came, and it waits for another; or after, and took it along.
                let subject = repository.manifests[&digest].document.subject.clone();
                if let Some(subject) = subject
                    && self.repositories[at].manifests.contains_key(&subject)
                    && !self.has(at, &subject).await
                {
                    let stays = self.has(at, &digest).await;
                    let known = self.repositories[at].manifests.remove(&digest).unwrap();
                    let tags = self.repositories[at].tags.clone();
                    self.repositories[at].remove(&subject, now);
                    if stays {
                        let repository = &mut self.repositories[at];
                        repository.manifests.insert(digest, Known { since: None, ..known });
                        repository.tags = tags
                            .into_iter()
                            .filter(|(_, target)| repository.manifests.contains_key(target))
                            .collect();
                    } else {
                        self.repositories[at].tags.retain(|_, target| *target != digest);
                    }
                    self.repositories[at].refresh(now);
                }
            }
            Err(Error::MissingBlobs(missing)) => {
                let there = self.repositories[at].manifests.contains_key(&digest);
                if there {
                    assert!(self.may_go(at, &digest, &due), "{digest} was lost in {name}");
                    self.repositories[at].remove(&digest, now);
                }
                for blob in missing {
                    let believed = self.repositories[at].links.get(&blob).copied();
                    self.assert_may_be_gone(at, &blob, believed);
                }
            }
            Err(error) => panic!("{error}"),
        }
    }

    /// Returns whether a manifest is due, or is a referrer, at some remove, of one that is.
    fn may_go(&self, at: usize, digest: &Digest, due: &[Digest]) -> bool {
        let mut next = Some(digest.clone());
        while let Some(digest) = next {
            if due.contains(&digest) {
                return true;
            }
            next =
                self.repositories[at].manifests.get(&digest).and_then(|known| known.document.subject.clone());
        }
        false
    }

    async fn delete_tag(&mut self, at: usize) {
        let tags: Vec<Tag> = self.repositories[at].tags.keys().cloned().collect();
        let Some(tag) = self.random.one_of(&tags) else { return };
        let name = self.repositories[at].name.clone();
        let result = self.world.catalog.delete_tag(&Caller::system(), &name, &tag).await;
        let now = self.world.now();
        let target = self.repositories[at].tags[&tag].clone();
        let due = self.repositories[at].due(now, self.untagged_manifests);
        match result {
            Ok(()) => {
                self.repositories[at].tags.remove(&tag);
                self.repositories[at].refresh(now);
            }
            // A tagged referrer goes with its subject.
            Err(Error::NotFound { .. }) => {
                assert!(self.may_go(at, &target, &due), "{tag} was lost in {name}");
                self.repositories[at].remove(&target, now);
            }
            Err(error) => panic!("{error}"),
        }
    }

    async fn delete_manifest(&mut self, at: usize) {
        let known: Vec<Digest> = self.repositories[at].ever.keys().cloned().collect();
        let Some(digest) = self.random.one_of(&known) else { return };
        let name = self.repositories[at].name.clone();
        let result = self.world.catalog.delete_manifest(&Caller::system(), &name, &digest).await;
        let now = self.world.now();
        let due = self.repositories[at].due(now, self.untagged_manifests);
        let there = self.repositories[at].manifests.contains_key(&digest);
        match result {
            Ok(()) => assert!(there, "{digest} came from nowhere"),
            Err(Error::NotFound { .. }) => {
                assert!(!there || self.may_go(at, &digest, &due), "{digest} was lost in {name}");
            }
            Err(error) => panic!("{error}"),
        }
        self.repositories[at].remove(&digest, now);
    }

    async fn delete_blob(&mut self, at: usize) {
        let links: Vec<Digest> = self.repositories[at].links.keys().cloned().collect();
        let Some(digest) = self.random.one_of(&links) else { return };
        let name = self.repositories[at].name.clone();
        match self.world.catalog.delete_blob(&Caller::system(), &name, &digest).await {
            Ok(()) => {
                self.repositories[at].links.remove(&digest);
            }
            Err(Error::NotFound { .. }) => {
                let believed = self.repositories[at].links.get(&digest).copied();
                self.assert_may_be_gone(at, &digest, believed);
            }
            Err(error) => panic!("{error}"),
        }
    }

    /// Reads a manifest and its blobs, down to the bytes.
    async fn pull(&mut self, at: usize) {
        let known: Vec<Digest> = self.repositories[at].manifests.keys().cloned().collect();
        let Some(digest) = self.random.one_of(&known) else { return };
        let due = self.repositories[at].due(self.world.now(), self.untagged_manifests);
        if !self.look(at, &digest).await {
            assert!(self.may_go(at, &digest, &due), "{digest} was lost");
            self.repositories[at].remove(&digest, self.world.now());
            return;
        }
        let due = self.may_go(at, &digest, &due);
        let blobs = self.repositories[at].manifests[&digest].document.blobs.clone();
        for blob in blobs {
            // A manifest that is due may go, and leave its blobs unused but young.
            if self.repositories[at].links.contains_key(&blob) {
                self.read_blob(at, &blob).await.unwrap_or_else(|problem| {
                    panic!("{problem} (its manifest is due: {due})");
                });
            }
        }
    }

    async fn read_blob(&self, at: usize, digest: &Digest) -> Result<(), String> {
        let name = &self.repositories[at].name;
        let record = self
            .world
            .catalog
            .blob(&Caller::system(), name, digest)
            .await
            .map_err(|error| format!("{digest} in {name}: {error}"))?;
        let bytes = match &record.place {
            BlobPlace::Inline(bytes) => bytes.to_vec(),
            BlobPlace::Stored(key) => {
                self.world.read(key, record.size).await.ok_or_else(|| format!("{digest} has no bytes"))?
            }
        };
        if wharf_oci::Algorithm::Sha256.digest(&bytes) == *digest {
            Ok(())
        } else {
            Err(format!("{digest} has other bytes"))
        }
    }

    /// Takes out what a collection has taken by now.
    pub(super) async fn collect_due(&mut self) {
        let now = self.world.now();
        for repository in &mut self.repositories {
            loop {
                let due = repository.due(now, self.untagged_manifests);
                let Some(digest) = due.first() else { break };
                repository.remove(digest, now);
            }
            repository.links.retain(|_, since| since.is_none_or(|since| since > now - GRACE));
        }
    }

    /// Compares what is believed with what is there.
    pub(super) async fn compare(&self, context: &str) {
        let system = Caller::system();
        for (at, repository) in self.repositories.iter().enumerate() {
            let context = format!("{context}, {}", repository.name);
            for digest in repository.ever.keys() {
                assert_eq!(
                    self.has(at, digest).await,
                    repository.manifests.contains_key(digest),
                    "{context}: manifest {digest}"
                );
            }
            let page = Page { after: None, limit: 1000 };
            let tags = match self.world.catalog.tags(&system, &repository.name, page).await {
                Ok(tags) => tags,
                Err(Error::NotFound { .. }) => Vec::new(),
                Err(error) => panic!("{error}"),
            };
            assert!(tags.iter().eq(repository.tags.keys()), "{context}: tags {tags:?}");
            for (tag, target) in &repository.tags {
                let reference = Reference::Tag(tag.clone());
                let record =
                    self.world.catalog.manifest(&system, &repository.name, &reference).await.unwrap();
                assert_eq!(record.digest, *target, "{context}: {tag}");
            }
            for subject in repository.ever.keys() {
                let page = Page { after: None, limit: 1000 };
                let listed = self
                    .world
                    .catalog
                    .referrers(&system, &repository.name, subject, None, page)
                    .await
                    .unwrap();
                let expected = repository
                    .manifests
                    .iter()
                    .filter(|(_, known)| known.document.subject.as_ref() == Some(subject))
                    .map(|(digest, _)| digest);
                assert!(listed.iter().map(|d| &d.digest).eq(expected), "{context}: referrers of {subject}");
            }
            for number in 0..10 {
                let digest = digest(&content(number));
                // A look would renew it, which the model would not know of; its bytes are read where it is in use.
                match repository.links.get(&digest) {
                    Some(None) => self.read_blob(at, &digest).await.expect(&context),
                    Some(Some(_)) => {}
                    None => {
                        let gone = self.world.catalog.blob(&system, &repository.name, &digest).await;
                        assert!(matches!(gone, Err(Error::NotFound { .. })), "{context}: {digest} {gone:?}");
                    }
                }
            }
        }
    }

    /// Returns the digests of everything that is to be there in the end.
    pub(super) fn reachable(&self) -> impl Iterator<Item = Digest> {
        self.repositories
            .iter()
            .flat_map(|repository| repository.manifests.keys().chain(repository.links.keys()).cloned())
    }
}
