//! Rates of the catalog in SQLite: `cargo bench -p wharf-storage --bench catalog [FOLDER]`.
//!
//! The catalog is made below FOLDER (the system's temporary folder without one) and removed afterwards. Every commit is flushed
//! to disk as in production. The numbers are of this machine and this moment: compare within one run only.
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a program that prints what it measures")]

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use wharf_access::{Caller, Principal, Role};
use wharf_oci::{Algorithm, Manifest, Reference, RepositoryName, Tag, media_type};
use wharf_storage::catalog::{
    Accounts, BlobPlace, Collection, CollectionPolicy, Content, Management, NewBlob, NewManifest, NewProject,
    NewUser, Page,
};
use wharf_storage::{SqliteCatalog, SqliteOptions};

const SECONDS: u64 = 5;

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() {
    let folder = std::env::args().skip(1).find(|arg| !arg.starts_with("--"));
    let folder = folder.map_or_else(std::env::temp_dir, PathBuf::from);
    let root = tempfile::tempdir_in(folder).unwrap();
    let catalog = Arc::new(SqliteCatalog::open(SqliteOptions::new(root.path().join("catalog.db"))).unwrap());
    let project = NewProject { name: "shop".to_owned(), ..NewProject::default() };
    catalog.create_project(&Caller::system(), project, false).await.unwrap();
    let user = NewUser { name: "dana".to_owned(), password_hash: "-".to_owned(), ..NewUser::default() };
    let user = catalog.create_user(&Caller::system(), user).await.unwrap();
    catalog.add_member(&Caller::system(), "shop", "dana", Role::Developer).await.unwrap();
    let caller = Caller::named(Principal::User(user.id), "dana");

    flushes(root.path());
    for callers in [1, 8, 64] {
        put_manifests(&catalog, &caller, callers).await;
    }
    let manifests = NUMBER.load(Ordering::Relaxed);
    println!("catalog.db: {} bytes for {manifests} manifests", size_of(root.path()));
    many_tags(&catalog, &caller).await;
    reads(&catalog, &caller).await;
    collect(&catalog).await;
}

/// Returns the size of the catalog's file, without what is not folded in yet.
fn size_of(root: &std::path::Path) -> u64 {
    std::fs::metadata(root.join("catalog.db")).unwrap().len()
}

/// Returns the processor time of this thread, where the system tells it.
fn processor_time() -> Duration {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let nanos = text.split(' ').next().and_then(|text| text.parse().ok());
    Duration::from_nanos(nanos.unwrap_or_default())
}

/// Returns the processor time of the whole process, in steps of 10 ms.
fn process_time() -> Duration {
    let text = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields = text.rsplit(')').next().unwrap_or_default().split_whitespace().skip(11).take(2);
    Duration::from_millis(fields.filter_map(|ticks| ticks.parse::<u64>().ok()).sum::<u64>() * 10)
}

fn name(text: &str) -> RepositoryName {
    text.parse().unwrap()
}

/// What the disk alone does: 4 KiB appended and flushed.
fn flushes(root: &std::path::Path) {
    use std::io::Write;
    let mut file = std::fs::File::create(root.join("flushes")).unwrap();
    let started = Instant::now();
    for _ in 0..200 {
        file.write_all(&[0; 4096]).unwrap();
        file.sync_data().unwrap();
    }
    println!("fsync alone: {:.0}/s", 200.0 / started.elapsed().as_secs_f64());
}

fn manifest(number: u64) -> NewManifest {
    let content = Bytes::from(format!(
        r#"{{"schemaVersion":2,"mediaType":"{}","config":{{"mediaType":"application/vnd.cncf.helm.config.v1+json","digest":"{}","size":7}},"layers":[{{"mediaType":"application/vnd.cncf.helm.chart.content.v1.tar+gzip","digest":"{}","size":5}}],"annotations":{{"number":"{number}","org.opencontainers.image.title":"storefront"}}}}"#,
        media_type::OCI_MANIFEST,
        Algorithm::Sha256.digest(b"config\n"),
        Algorithm::Sha256.digest(b"layer"),
    ));
    NewManifest {
        digest: Algorithm::Sha256.digest(&content),
        manifest: Manifest::parse(&content, None).unwrap(),
        content,
        tags: vec![format!("v{number}").parse().unwrap()],
        condition: None,
        force_reason: None,
        accept_missing_blobs: false,
    }
}

async fn link_blobs(catalog: &SqliteCatalog, repository: &RepositoryName) {
    for content in [&b"config\n"[..], b"layer"] {
        let blob = NewBlob {
            digest: Algorithm::Sha256.digest(content),
            size: content.len() as u64,
            place: BlobPlace::Inline(Bytes::from_static(content)),
        };
        catalog.commit_blob(&Caller::system(), repository, blob).await.unwrap();
    }
}

static NUMBER: AtomicU64 = AtomicU64::new(0);

/// Each push sets a tag, writes its audit entries and is durable when it returns.
async fn put_manifests(catalog: &Arc<SqliteCatalog>, caller: &Caller, callers: usize) {
    let repository = name("shop/web");
    link_blobs(catalog, &repository).await;
    let end = Instant::now() + Duration::from_secs(SECONDS);
    let (started, busy) = (Instant::now(), process_time());
    let mut tasks = Vec::new();
    for _ in 0..callers {
        let (catalog, caller, repository) = (Arc::clone(catalog), caller.clone(), repository.clone());
        tasks.push(tokio::spawn(async move {
            let mut latencies = Vec::new();
            while Instant::now() < end {
                let manifest = manifest(NUMBER.fetch_add(1, Ordering::Relaxed));
                let started = Instant::now();
                catalog.put_manifest(&caller, &repository, manifest).await.unwrap();
                latencies.push(started.elapsed());
            }
            latencies
        }));
    }
    let mut latencies = Vec::new();
    for task in tasks {
        latencies.extend(task.await.unwrap());
    }
    latencies.sort();
    println!(
        "put_manifest, {callers} callers: {:.0}/s, p50 {:.2?}, p99 {:.2?}, {:.2?} of processor time each",
        latencies.len() as f64 / started.elapsed().as_secs_f64(),
        latencies[latencies.len() / 2],
        latencies[latencies.len() * 99 / 100],
        (process_time() - busy) / u32::try_from(latencies.len()).unwrap(),
    );
}

/// Fills a repository with 100,000 tags on one manifest.
async fn many_tags(catalog: &Arc<SqliteCatalog>, caller: &Caller) {
    let repository = name("shop/tags");
    link_blobs(catalog, &repository).await;
    let started = Instant::now();
    let mut puts = Vec::new();
    for batch in 0..100 {
        let tags: Vec<Tag> = (0..1000).map(|tag| format!("1.{batch}.{tag}").parse().unwrap()).collect();
        let manifest = NewManifest { tags, ..manifest(u64::MAX) };
        puts.push(catalog.put_manifest(caller, &repository, manifest));
    }
    for put in puts {
        put.await.unwrap();
    }
    println!("set tags in one push: {:.0}/s", 100_000.0 / started.elapsed().as_secs_f64());
}

async fn reads(catalog: &Arc<SqliteCatalog>, caller: &Caller) {
    let (web, tags) = (name("shop/web"), name("shop/tags"));
    let manifests = NUMBER.load(Ordering::Relaxed);
    let references: Vec<(Reference, Reference)> = (0..1000)
        .map(|at| {
            let manifest = manifest(at * manifests / 1000);
            (Reference::Digest(manifest.digest), Reference::Tag(manifest.tags[0].clone()))
        })
        .collect();
    for caller in [caller, &Caller::system()] {
        let (started, busy) = (Instant::now(), processor_time());
        let mut count = 0u32;
        while started.elapsed() < Duration::from_secs(SECONDS) {
            for (digest, tag) in &references {
                catalog.manifest(caller, &web, digest).await.unwrap();
                catalog.manifest(caller, &web, tag).await.unwrap();
                count += 2;
            }
        }
        let rate = f64::from(count) / started.elapsed().as_secs_f64();
        let each = (processor_time() - busy) / count;
        println!(
            "manifest() by {} on one thread: {rate:.0}/s, {each:.2?} of processor time each",
            caller.name
        );
    }
    let started = Instant::now();
    let mut count = 0u32;
    while started.elapsed() < Duration::from_secs(2) {
        let page = Page { after: Some(format!("1.{}.500", count % 100)), limit: 100 };
        assert_eq!(catalog.tags(caller, &tags, page).await.unwrap().len(), 100);
        count += 1;
    }
    let rate = f64::from(count) / started.elapsed().as_secs_f64();
    println!("100 of 100,000 tags: {rate:.0}/s");
    let layer = Algorithm::Sha256.digest(b"layer");
    let (started, busy) = (Instant::now(), processor_time());
    for _ in 0..50_000 {
        catalog.blob(caller, &web, &layer).await.unwrap();
    }
    let each = (processor_time() - busy) / 50_000;
    println!(
        "blob(): {:.0}/s, {each:.2?} of processor time each",
        50_000.0 / started.elapsed().as_secs_f64()
    );
}

/// Deletes half of the manifests' tags by deleting the repository, and collects what is left of it.
async fn collect(catalog: &Arc<SqliteCatalog>) {
    let started = Instant::now();
    catalog.delete_repository(&Caller::system(), &name("shop/web")).await.unwrap();
    let manifests = NUMBER.load(Ordering::Relaxed) as f64;
    println!("delete_repository: {:.0} manifests/s", manifests / started.elapsed().as_secs_f64());
    let policy = CollectionPolicy { grace_seconds: 0, untagged_manifests: false, dry_run: false };
    let now = jiff::Timestamp::now().as_second() + 1;
    let started = Instant::now();
    let (mut gone, mut longest) = (0, Duration::ZERO);
    loop {
        let step_started = Instant::now();
        let step = catalog.collect_step(now, &policy, 200).await.unwrap();
        longest = longest.max(step_started.elapsed());
        if step.blobs == 0 {
            break;
        }
        gone += step.blobs;
    }
    println!(
        "collect: {:.0} contents/s in steps of 200, longest step {longest:.2?}",
        gone as f64 / started.elapsed().as_secs_f64()
    );
}
