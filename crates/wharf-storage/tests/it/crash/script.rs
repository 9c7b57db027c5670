//! What the child does, and how to tell what is there.
#![expect(clippy::print_stdout, reason = "the child tells its parent on the standard output")]

use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, AtomicUsize, Ordering};

use bytes::Bytes;
use futures_util::{StreamExt, TryStreamExt, stream};
use wharf_access::Caller;
use wharf_oci::{Algorithm, Descriptor, Digest, Manifest, Reference, RepositoryName, media_type};
use wharf_storage::catalog::{
    BlobPlace, Collection, CollectionPolicy, Content, Management, NewBlob, NewManifest, NewProject,
    NewProjectPolicy, Page, Policies,
};
use wharf_storage::{BlobStore, Collector, DiskStore, Error, SqliteCatalog, SqliteOptions, on_reached};

/// The operations, in the order of the script.
pub(super) const OPERATIONS: [&str; 12] = [
    "push a blob",
    "push a small blob",
    "set a trust policy",
    "push a tagged manifest",
    "move a tag",
    "delete a tag",
    "delete a manifest with its referrer",
    "delete a blob",
    "replace a trust policy",
    "remove a trust policy",
    "delete a repository",
    "collect",
];

const GRACE: i64 = 600;
const START: i64 = 1_800_000_000;

/// Catalog and blob store of a server.
pub(super) struct Store {
    pub(super) catalog: Arc<SqliteCatalog>,
    pub(super) blobs: Arc<DiskStore>,
    now: Arc<AtomicI64>,
    uploads: AtomicU64,
}

impl Store {
    /// Opens the store `later` seconds after the script began.
    pub(super) fn open(folder: &Path, later: i64) -> Self {
        let now = Arc::new(AtomicI64::new(START + later));
        let clock = Arc::clone(&now);
        let options = SqliteOptions {
            clock: Arc::new(move || clock.load(Ordering::SeqCst) * 1000),
            ..SqliteOptions::new(folder.join("catalog.db"))
        };
        Self {
            catalog: Arc::new(SqliteCatalog::open(options).unwrap()),
            blobs: Arc::new(DiskStore::open(folder.join("data")).unwrap()),
            now,
            uploads: AtomicU64::new(0),
        }
    }

    fn now(&self) -> i64 {
        self.now.load(Ordering::SeqCst)
    }

    async fn push_blob(&self, repository: &str, content: &Bytes) {
        let digest = Algorithm::Sha256.digest(content);
        let number = self.uploads.fetch_add(1, Ordering::SeqCst);
        let id = format!("p{}-{number}", std::process::id()).parse().unwrap();
        self.blobs.create_upload(&id).await.unwrap();
        let body = stream::iter([Ok(content.clone())]).boxed();
        self.blobs.append(&id, 0, Some(Algorithm::Sha256), body).await.unwrap();
        let (key, size) = self.blobs.finish(&id, &digest).await.unwrap();
        let place = BlobPlace::Stored(key.clone());
        let blob = NewBlob { digest, size, place };
        let outcome = self.catalog.commit_blob(&Caller::system(), &name(repository), blob).await.unwrap();
        if outcome == wharf_storage::catalog::CommitOutcome::Duplicate {
            self.blobs.remove(&key).await.unwrap();
        }
    }

    async fn push_inline(&self, repository: &str, content: &Bytes) {
        let blob = NewBlob {
            digest: Algorithm::Sha256.digest(content),
            size: content.len() as u64,
            place: BlobPlace::Inline(content.clone()),
        };
        self.catalog.commit_blob(&Caller::system(), &name(repository), blob).await.unwrap();
    }

    async fn set_policy(&self, text: &str) {
        let policy = NewProjectPolicy { host: "example".to_owned(), text: text.to_owned().into() };
        self.catalog.set_project_policy(&Caller::system(), "shop", policy).await.unwrap();
    }

    async fn put(&self, repository: &str, mut manifest: NewManifest, tag: Option<&str>) {
        manifest.tags = tag.into_iter().map(|tag| tag.parse().unwrap()).collect();
        self.catalog.put_manifest(&Caller::system(), &name(repository), manifest).await.unwrap();
    }
}

fn name(text: &str) -> RepositoryName {
    text.parse().unwrap()
}

fn blob(number: u64, size: usize) -> Bytes {
    let mut bytes = format!("blob {number} ").into_bytes();
    bytes.resize(size, b'.');
    bytes.into()
}

fn image(layers: &[Bytes], subject: Option<&Digest>) -> NewManifest {
    let describe = |layer: &Bytes| {
        Descriptor::new("application/octet-stream", Algorithm::Sha256.digest(layer), layer.len() as u64)
    };
    let layers: Vec<_> = layers.iter().map(describe).collect();
    let config = Descriptor { data: Some("e30=".to_owned()), ..describe(&Bytes::from_static(b"{}")) };
    let mut document = serde_json::json!({
        "schemaVersion": 2, "mediaType": media_type::OCI_MANIFEST, "config": config, "layers": layers,
    });
    if let Some(subject) = subject {
        document["subject"] =
            serde_json::json!(Descriptor::new(media_type::OCI_MANIFEST, subject.clone(), 1));
    }
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

/// The two images of the script: the first is there when it begins, with a referrer.
fn first() -> NewManifest {
    image(&[blob(1, 9000)], None)
}

fn second() -> NewManifest {
    image(&[blob(2, 9000), blob(3, 100)], None)
}

async fn prepare(store: &Store) {
    let project = NewProject { name: "shop".to_owned(), ..NewProject::default() };
    store.catalog.create_project(&Caller::system(), project, false).await.unwrap();
    store.push_blob("shop/web", &blob(1, 9000)).await;
    store.put("shop/web", first(), Some("stable")).await;
    store.push_inline("shop/web", &blob(4, 50)).await;
    store.put("shop/web", image(&[blob(4, 50)], Some(&first().digest)), None).await;
    store.put("shop/web", first(), Some("old")).await;
    // Large, and used by nothing: deleted, then collected.
    store.push_blob("shop/web", &blob(5, 9000)).await;
    // A repository to be deleted, with something of its own and something that another has, too.
    let layers = [blob(1, 9000), blob(6, 9000)];
    for layer in &layers {
        store.push_blob("shop/old", layer).await;
    }
    store.put("shop/old", image(&layers, None), Some("1.0")).await;
    store.put("shop/old", image(&layers[..1], None), Some("1.1")).await;
}

/// Does one operation; one that was done already may be done again.
pub(super) async fn run(store: &Store, operation: usize) {
    let (system, repository) = (Caller::system(), name("shop/web"));
    match OPERATIONS[operation] {
        "push a blob" => store.push_blob("shop/web", &blob(2, 9000)).await,
        "push a small blob" => store.push_inline("shop/web", &blob(3, 100)).await,
        "set a trust policy" => store.set_policy("first").await,
        "replace a trust policy" => store.set_policy("second").await,
        "remove a trust policy" => {
            absent_or_done(store.catalog.remove_project_policy(&system, "shop").await);
        }
        "push a tagged manifest" => store.put("shop/web", second(), Some("new")).await,
        "move a tag" => store.put("shop/web", second(), Some("stable")).await,
        "delete a tag" => {
            absent_or_done(store.catalog.delete_tag(&system, &repository, &"old".parse().unwrap()).await);
        }
        "delete a manifest with its referrer" => {
            absent_or_done(store.catalog.delete_manifest(&system, &repository, &first().digest).await);
        }
        "delete a blob" => {
            let digest = Algorithm::Sha256.digest(&blob(5, 9000));
            absent_or_done(store.catalog.delete_blob(&system, &repository, &digest).await);
        }
        "delete a repository" => {
            absent_or_done(store.catalog.delete_repository(&system, &name("shop/old")).await);
        }
        "collect" => {
            let policy = CollectionPolicy { grace_seconds: GRACE, untagged_manifests: true, dry_run: false };
            let collector = Collector::new(store.catalog.clone(), store.blobs.clone());
            // Long after, so that everything is due; the leases go by the store's own clock.
            collector.run(START + 1_000_000, &policy).await.unwrap();
        }
        other => panic!("unknown operation {other}"),
    }
}

fn absent_or_done(result: Result<(), Error>) {
    assert!(matches!(result, Ok(()) | Err(Error::NotFound { .. })), "{result:?}");
}

/// Counts the points, and ends the process at the one that it is told.
fn at_point(point: &'static str) {
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    let count = COUNT.fetch_add(1, Ordering::SeqCst);
    println!("wharf> step {point}");
    let end = std::env::var("WHARF_CRASH_AT").ok().and_then(|text| text.parse::<usize>().ok());
    if end == Some(count) {
        // Nothing is unwound, flushed or closed.
        std::process::abort();
    }
}

pub(super) async fn child(folder: &Path) {
    on_reached(at_point);
    let store = Store::open(folder, 0);
    prepare(&store).await;
    println!("wharf> state {}", state(&store).await);
    for operation in 0..OPERATIONS.len() {
        run(&store, operation).await;
        println!("wharf> state {}", state(&store).await);
    }
}

/// Returns everything that a client can see, on one line, after reading every byte of it.
pub(super) async fn state(store: &Store) -> String {
    let system = Caller::system();
    let mut text = String::new();
    for repository in ["shop/web", "shop/old"].map(name) {
        let page = Page { after: None, limit: 100 };
        let tags = match store.catalog.tags(&system, &repository, page).await {
            Ok(tags) => tags,
            Err(Error::NotFound { .. }) => continue,
            Err(error) => panic!("{error}"),
        };
        write!(text, "{repository} ").unwrap();
        for tag in tags {
            let reference = Reference::Tag(tag.clone());
            let record = store.catalog.manifest(&system, &repository, &reference).await.unwrap();
            write!(text, "{tag}={} ", &record.digest.encoded()[..8]).unwrap();
        }
    }
    for content in store.catalog.all_blobs(None, 100).await.unwrap() {
        let mut kinds = String::new();
        for repository in ["shop/web", "shop/old"].map(name) {
            kinds.push_str(&kinds_in(store, &repository, &content.digest).await);
        }
        write!(text, "{}:{kinds} ", &content.digest.encoded()[..8]).unwrap();
    }
    let used = store.catalog.project(&system, "shop").await.unwrap().used_bytes;
    let policy = store.catalog.project_policy(&system, "shop").await.unwrap();
    let policy = policy.map_or_else(|| "none".to_owned(), |policy| policy.digest.encoded()[..8].to_owned());
    assert_eq!(store.catalog.is_gated("shop").await.unwrap(), policy != "none");
    write!(text, "used={used} policy={policy}").unwrap();
    text
}

/// Checks that nobody sees anything of a repository.
pub(super) async fn assert_hidden(store: &Store, repository: &str) {
    let (system, repository) = (Caller::system(), name(repository));
    let page = || Page { after: None, limit: 100 };
    let names = store.catalog.repositories(&system, page()).await.unwrap();
    assert!(names.iter().all(|name| name.as_str() == "shop/web"), "{names:?}");
    for digest in store.catalog.all_blobs(None, 100).await.unwrap().into_iter().map(|content| content.digest)
    {
        assert_eq!(kinds_in(store, &repository, &digest).await, "");
        let mounted = store.catalog.mount_source(&system, Some(&repository), &repository, &digest).await;
        assert_eq!(mounted.unwrap(), None);
    }
    assert!(matches!(store.catalog.tags(&system, &repository, page()).await, Err(Error::NotFound { .. })));
    assert_eq!(store.catalog.project(&system, "shop").await.unwrap().repositories, 1);
}

/// Returns as what a repository has a content, after reading it: `m` as manifest, `b` as blob.
async fn kinds_in(store: &Store, repository: &RepositoryName, digest: &Digest) -> String {
    let system = Caller::system();
    let mut kinds = String::new();
    match store.catalog.manifest(&system, repository, &Reference::Digest(digest.clone())).await {
        Ok(record) => {
            assert_eq!(Algorithm::Sha256.digest(&record.content), *digest);
            kinds.push('m');
        }
        Err(Error::NotFound { .. }) => {}
        Err(error) => panic!("{error}"),
    }
    match store.catalog.blob(&system, repository, digest).await {
        Ok(record) => {
            assert_eq!(Algorithm::Sha256.digest(&read(store, &record.place, record.size).await), *digest);
            kinds.push('b');
        }
        Err(Error::NotFound { .. }) => {}
        Err(error) => panic!("{error}"),
    }
    kinds
}

async fn read(store: &Store, place: &BlobPlace, size: u64) -> Vec<u8> {
    match place {
        BlobPlace::Inline(bytes) => bytes.to_vec(),
        BlobPlace::Stored(key) => {
            let body = store.blobs.read(key, 0, size).await.unwrap();
            let chunks: Vec<Bytes> = body.try_collect().await.unwrap();
            chunks.concat()
        }
    }
}

/// Pushes images from many tasks at once, with deletions and collections between, until the process is killed.
pub(super) async fn push_for_ever(folder: &Path, round: i64) {
    let store = Arc::new(Store::open(folder, round * 100_000));
    let project = NewProject { name: "shop".to_owned(), ..NewProject::default() };
    match store.catalog.create_project(&Caller::system(), project, false).await {
        Ok(_) | Err(Error::Conflict { .. }) => {}
        Err(error) => panic!("{error}"),
    }
    let mut tasks = Vec::new();
    for task in 0..8u64 {
        let store = Arc::clone(&store);
        tasks.push(tokio::spawn(async move {
            for number in 0u64.. {
                let seed = u64::from(std::process::id()) * 1_000_000 + task * 10_000 + number;
                let repository = format!("shop/r{task}");
                // One layer of its own, one that everybody has.
                let layers = [blob(seed, 9000), blob(task % 2, 9000)];
                for layer in &layers {
                    store.push_blob(&repository, layer).await;
                }
                let manifest = image(&layers, None);
                let digest = manifest.digest.clone();
                let manifest = NewManifest { tags: vec![format!("v{seed}").parse().unwrap()], ..manifest };
                match store.catalog.put_manifest(&Caller::system(), &name(&repository), manifest).await {
                    Ok(_) => {}
                    // Time flies here: a blob may be collected before its manifest comes.
                    Err(Error::MissingBlobs(_)) => continue,
                    Err(error) => panic!("{error}"),
                }
                store.now.fetch_add(1, Ordering::SeqCst);
                if number % 3 == 2 {
                    store
                        .catalog
                        .delete_manifest(&Caller::system(), &name(&repository), &digest)
                        .await
                        .unwrap();
                } else {
                    println!("wharf> acknowledged {repository} v{seed} {seed} {}", task % 2);
                }
            }
        }));
    }
    let collector = Collector::new(store.catalog.clone(), store.blobs.clone());
    let policy = CollectionPolicy { grace_seconds: 10, untagged_manifests: false, dry_run: false };
    loop {
        match collector.run(store.now(), &policy).await {
            Ok(_) => {}
            // The lease of a process that was killed.
            Err(Error::Conflict { .. }) => drop(store.now.fetch_add(60, Ordering::SeqCst)),
            Err(error) => panic!("{error}"),
        }
        tokio::task::yield_now().await;
    }
}

/// Checks that an acknowledged image is there with every byte.
pub(super) async fn assert_is_whole(store: &Store, acknowledged: &str) {
    let mut words = acknowledged.split(' ');
    let mut next = || words.next().unwrap();
    let (repository, tag) = (name(next()), next().parse().unwrap());
    let layers = [next(), next()].map(|seed| blob(seed.parse().unwrap(), 9000));
    let expected = image(&layers, None);
    let record = store
        .catalog
        .manifest(&Caller::system(), &repository, &Reference::Tag(tag))
        .await
        .expect(acknowledged);
    assert_eq!(record.content, expected.content);
    for layer in layers {
        let digest = Algorithm::Sha256.digest(&layer);
        let record = store.catalog.blob(&Caller::system(), &repository, &digest).await.expect(acknowledged);
        assert!(read(store, &record.place, record.size).await == layer);
    }
}
