//! A catalog with some people in it, and the words the cases are told in.
#![expect(clippy::unwrap_used, reason = "a test suite: an error that is not expected is a failure")]

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use bytes::Bytes;
use wharf_access::{Caller, Permission, Principal, RepositoryPattern, RobotGrant, Role};
use wharf_oci::{Algorithm, Descriptor, Digest, Manifest, Reference, RepositoryName, Tag, media_type};

use super::{CatalogPlace, TestClock};
use crate::catalog::{
    BlobPlace, Collected, Collection, CollectionPolicy, CommitOutcome, NewBlob, NewManifest, NewProject,
    NewRobot, NewUser, Page, PutOutcome,
};
use crate::{BlobKey, Catalog, Error, Result};

/// The grace time that the cases use.
pub(super) const GRACE: i64 = 3600;

/// A catalog at a time of the test's choosing. It has the private project `shop` and the public project `open`.
pub(super) struct Stage<C> {
    pub(super) catalog: Arc<C>,
    now_millis: Arc<AtomicI64>,
    fresh: AtomicU64,
}

impl<C: Catalog> Stage<C> {
    pub(super) async fn open<P: CatalogPlace<Catalog = C>>(place: &P) -> Self {
        let stage = Self::reopen(place).await;
        for (name, public) in [("shop", false), ("open", true)] {
            stage.project(name, public, None).await;
        }
        stage
    }

    async fn reopen<P: CatalogPlace<Catalog = C>>(place: &P) -> Self {
        let now_millis = Arc::new(AtomicI64::new(1_800_000_000_000));
        let clock: TestClock = {
            let now_millis = Arc::clone(&now_millis);
            Arc::new(move || now_millis.load(Ordering::SeqCst))
        };
        Self { catalog: Arc::new(place.open(clock).await), now_millis, fresh: AtomicU64::new(0) }
    }

    pub(super) fn now(&self) -> i64 {
        self.now_millis.load(Ordering::SeqCst) / 1000
    }

    pub(super) fn pass(&self, seconds: i64) {
        self.now_millis.fetch_add(seconds * 1000, Ordering::SeqCst);
    }

    pub(super) async fn project(&self, name: &str, public: bool, quota_bytes: Option<u64>) {
        let project = NewProject { name: name.to_owned(), public, quota_bytes };
        self.catalog.create_project(&Caller::system(), project, false).await.unwrap();
    }

    /// Makes a user, with a role in `shop` if one is given.
    pub(super) async fn user(&self, name: &str, role: Option<Role>) -> Caller {
        let user = NewUser { name: name.to_owned(), password_hash: "-".to_owned(), ..NewUser::default() };
        let user = self.catalog.create_user(&Caller::system(), user).await.unwrap();
        if let Some(role) = role {
            self.catalog.add_member(&Caller::system(), "shop", name, role).await.unwrap();
        }
        Caller::named(Principal::User(user.id), name)
    }

    /// Makes a system administrator.
    pub(super) async fn admin(&self) -> Caller {
        let user = NewUser {
            name: "root".to_owned(),
            password_hash: "-".to_owned(),
            admin: true,
            ..NewUser::default()
        };
        let user = self.catalog.create_user(&Caller::system(), user).await.unwrap();
        Caller::named(Principal::User(user.id), "root")
    }

    /// Makes a robot of `shop` that may pull from and push to repositories that match.
    pub(super) async fn robot(&self, name: &str, pattern: &str, expires_at: Option<i64>) -> Caller {
        let grant = RobotGrant {
            project: "shop".to_owned(),
            repositories: RepositoryPattern::new(pattern),
            access: [Permission::PULL, Permission::PUSH].map(|p| (p.resource, p.action)).to_vec(),
        };
        let robot = NewRobot {
            name: name.to_owned(),
            project: Some("shop".to_owned()),
            grants: vec![grant],
            expires_at,
            secret_hash: "0".repeat(64),
            ..NewRobot::default()
        };
        let robot = self.catalog.create_robot(&Caller::system(), robot).await.unwrap();
        Caller::named(Principal::Robot(robot.id), robot.name)
    }

    /// Returns a content that no one has seen.
    pub(super) fn content(&self, size: usize) -> Bytes {
        let number = self.fresh.fetch_add(1, Ordering::SeqCst);
        let mut bytes = format!("content {number} ").into_bytes();
        bytes.resize(size.max(bytes.len()), b'.');
        bytes.into()
    }

    /// Links a blob in the blob store, as the server itself.
    pub(super) async fn stored_blob(&self, repository: &str, content: &Bytes) -> (Digest, BlobKey) {
        let (digest, key) = self.place(content);
        let outcome = self.commit(&Caller::system(), repository, content, &key).await.unwrap();
        assert_eq!(outcome, CommitOutcome::Kept);
        (digest, key)
    }

    /// Returns digest and a key of its own for a content.
    pub(super) fn place(&self, content: &Bytes) -> (Digest, BlobKey) {
        let digest = Algorithm::Sha256.digest(content);
        let upload = format!("u{}", self.fresh.fetch_add(1, Ordering::SeqCst)).parse().unwrap();
        let key = BlobKey::new(&digest, &upload);
        (digest, key)
    }

    pub(super) async fn commit(
        &self,
        caller: &Caller,
        repository: &str,
        content: &Bytes,
        key: &BlobKey,
    ) -> Result<CommitOutcome> {
        let blob = NewBlob {
            digest: Algorithm::Sha256.digest(content),
            size: content.len() as u64,
            place: BlobPlace::Stored(key.clone()),
        };
        self.catalog.commit_blob(caller, &name(repository), blob).await
    }

    /// Pushes an image with one fresh layer, as the server itself; returns its digest and that of its layer.
    pub(super) async fn image(&self, repository: &str, tags: &[&str]) -> (Digest, Digest) {
        let layer = self.content(100);
        self.stored_blob(repository, &layer).await;
        let image = image(&[&layer], None);
        let digest = image.digest.clone();
        self.put(repository, image, tags).await.unwrap();
        (digest, Algorithm::Sha256.digest(&layer))
    }

    /// Pushes a referrer of `subject` as the server itself.
    pub(super) async fn referrer(&self, repository: &str, subject: &Digest) -> Digest {
        let layer = self.content(20);
        self.stored_blob(repository, &layer).await;
        let referrer = image(&[&layer], Some(subject));
        let digest = referrer.digest.clone();
        self.put(repository, referrer, &[]).await.unwrap();
        digest
    }

    pub(super) async fn put(
        &self,
        repository: &str,
        manifest: NewManifest,
        tags: &[&str],
    ) -> Result<PutOutcome> {
        self.put_as(&Caller::system(), repository, manifest, tags).await
    }

    pub(super) async fn put_as(
        &self,
        caller: &Caller,
        repository: &str,
        manifest: NewManifest,
        tags: &[&str],
    ) -> Result<PutOutcome> {
        let manifest = NewManifest { tags: tags.iter().map(|tag| self::tag(tag)).collect(), ..manifest };
        self.catalog.put_manifest(caller, &name(repository), manifest).await
    }

    /// Returns whether a manifest is there.
    pub(super) async fn has(&self, repository: &str, reference: &str) -> bool {
        let reference: Reference = reference.parse().unwrap();
        found(self.catalog.manifest(&Caller::system(), &name(repository), &reference).await).is_some()
    }

    /// Returns whether a blob is linked.
    pub(super) async fn links(&self, repository: &str, digest: &Digest) -> bool {
        found(self.catalog.blob(&Caller::system(), &name(repository), digest).await).is_some()
    }

    pub(super) async fn tags(&self, repository: &str) -> Vec<String> {
        let page = Page { after: None, limit: 1000 };
        let tags = self.catalog.tags(&Caller::system(), &name(repository), page).await.unwrap();
        tags.iter().map(ToString::to_string).collect()
    }

    pub(super) async fn referrers(&self, repository: &str, subject: &Digest) -> Vec<Digest> {
        let page = Page { after: None, limit: 1000 };
        let listed =
            self.catalog.referrers(&Caller::system(), &name(repository), subject, None, page).await.unwrap();
        listed.into_iter().map(|descriptor| descriptor.digest).collect()
    }

    pub(super) async fn used_bytes(&self, project: &str) -> u64 {
        self.catalog.project(&Caller::system(), project).await.unwrap().used_bytes
    }

    /// Collects until nothing is left to collect, untagged manifests by choice.
    pub(super) async fn collect(&self, untagged_manifests: bool) -> Collected {
        let policy = CollectionPolicy { grace_seconds: GRACE, untagged_manifests, dry_run: false };
        let collected = collect_all(self.catalog.as_ref(), self.now(), &policy, 100).await;
        self.agrees().await;
        collected
    }

    /// Checks that what is kept in step with other rows is.
    pub(super) async fn agrees(&self) {
        assert_eq!(self.catalog.check_counters(false).await.unwrap(), Vec::<String>::new());
    }

    pub(super) async fn released(&self) -> Vec<BlobKey> {
        self.catalog.released_keys(1000).await.unwrap()
    }
}

/// Collects in steps of `limit` until nothing is left.
pub(super) async fn collect_all<C: Collection + ?Sized>(
    catalog: &C,
    now: i64,
    policy: &CollectionPolicy,
    limit: usize,
) -> Collected {
    let mut collected = Collected::default();
    loop {
        let step = catalog.collect_step(now, policy, limit).await.unwrap();
        if step == Collected::default() {
            return collected;
        }
        collected += step;
    }
}

/// Returns the value, or `None` when it does not exist; any other error is a failure.
pub(super) fn found<T>(result: Result<T>) -> Option<T> {
    match result {
        Ok(value) => Some(value),
        Err(Error::NotFound { .. }) => None,
        Err(error) => panic!("{error}"),
    }
}

/// Returns what the error says is absent.
pub(super) fn absent<T: std::fmt::Debug>(result: Result<T>) -> &'static str {
    match result {
        Err(Error::NotFound { what, .. }) => what,
        other => panic!("expected something to be absent: {other:?}"),
    }
}

pub(super) fn name(text: &str) -> RepositoryName {
    text.parse().unwrap()
}

pub(super) fn tag(text: &str) -> Tag {
    text.parse().unwrap()
}

/// Returns an image manifest of these layers, without config, for `subject` if there is one.
pub(super) fn image(layers: &[&Bytes], subject: Option<&Digest>) -> NewManifest {
    let layers: Vec<_> = layers.iter().map(|layer| descriptor("application/octet-stream", layer)).collect();
    image_of(&layers, subject)
}

/// Returns an image manifest with these descriptors as layers.
pub(super) fn image_of(layers: &[Descriptor], subject: Option<&Digest>) -> NewManifest {
    let mut document = serde_json::json!({
        "schemaVersion": 2,
        "mediaType": media_type::OCI_MANIFEST,
        "artifactType": "application/vnd.example",
        "config": Descriptor {
            data: Some("e30=".to_owned()),
            ..descriptor(media_type::OCI_EMPTY, &Bytes::from_static(b"{}"))
        },
        "layers": layers,
    });
    if let Some(subject) = subject {
        document["subject"] =
            serde_json::json!(Descriptor::new(media_type::OCI_MANIFEST, subject.clone(), 1));
    }
    manifest(&document)
}

/// Returns an index of these children.
pub(super) fn index(children: &[&Digest]) -> NewManifest {
    let children: Vec<_> =
        children.iter().map(|child| Descriptor::new(media_type::OCI_MANIFEST, (*child).clone(), 1)).collect();
    manifest(&serde_json::json!({
        "schemaVersion": 2, "mediaType": media_type::OCI_INDEX, "manifests": children,
    }))
}

/// Returns the manifest of this document.
pub(super) fn manifest(document: &serde_json::Value) -> NewManifest {
    let content = Bytes::from(document.to_string());
    NewManifest {
        digest: Algorithm::Sha256.digest(&content),
        manifest: Manifest::parse(&content, None).unwrap(),
        content,
        tags: Vec::new(),
        condition: None,
        force_reason: None,
        accept_missing_blobs: false,
    }
}

pub(super) fn descriptor(media_type: &str, content: &Bytes) -> Descriptor {
    Descriptor::new(media_type, Algorithm::Sha256.digest(content), content.len() as u64)
}

pub(super) async fn the_catalog_outlives_a_restart<P: CatalogPlace>(place: &P) {
    let stage = Stage::open(place).await;
    let (image, layer) = stage.image("shop/web", &["1.0"]).await;
    let key = stage.catalog.setting_or_insert("token-key", b"first").await.unwrap();
    assert_eq!(key, b"first");
    drop(stage);

    let stage = Stage::reopen(place).await;
    assert!(stage.has("shop/web", "1.0").await);
    assert!(stage.has("shop/web", image.as_str()).await);
    assert!(stage.links("shop/web", &layer).await);
    assert_eq!(stage.catalog.setting_or_insert("token-key", b"second").await.unwrap(), b"first");
    assert_eq!(stage.catalog.setting("token-key").await.unwrap().as_deref(), Some(&b"first"[..]));
    assert_eq!(stage.catalog.setting("other").await.unwrap(), None);
    stage.catalog.check().await.unwrap();
    stage.agrees().await;
}
