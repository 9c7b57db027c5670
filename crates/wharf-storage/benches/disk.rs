//! Throughput and latency of the blob store on disk: `cargo bench -p wharf-storage --bench disk [FOLDER]`.
//!
//! The store is made below FOLDER (the system's temporary folder without one) and removed afterwards. Everything is as durable as
//! in production. The numbers are of this machine and this moment: compare within one run only.
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a program that prints what it measures")]

use std::path::PathBuf;
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::stream::{self, StreamExt, TryStreamExt};
use wharf_oci::{Algorithm, Digest, Digester};
use wharf_storage::{BlobStore, DiskStore, UploadId};

const LARGE_BYTES: u64 = 1 << 30;

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() {
    let folder = std::env::args().skip(1).find(|arg| !arg.starts_with("--"));
    let folder = folder.map_or_else(std::env::temp_dir, PathBuf::from);
    let root = tempfile::tempdir_in(folder).unwrap();
    let store = DiskStore::open(root.path()).unwrap();
    // As a connection hands them over.
    let piece = Bytes::from((0..32_768_u32).flat_map(u32::to_le_bytes).collect::<Vec<u8>>());
    let digest = hash_alone(&piece);
    for round in 0..3 {
        one_large(&store, round, &piece, &digest).await;
    }
    many_large(&store, &piece).await;
    for size in [1_000, 100_000, 1_000_000] {
        one_by_one(&store, size).await;
    }
    side_by_side(&store).await;
}

fn id(text: &str) -> UploadId {
    text.parse().unwrap()
}

fn rate(bytes: u64, start: Instant) -> f64 {
    bytes as f64 / start.elapsed().as_secs_f64() / 1e9
}

fn hash_alone(piece: &Bytes) -> Digest {
    let start = Instant::now();
    let mut digester = Digester::new(Algorithm::Sha256);
    (0..LARGE_BYTES / piece.len() as u64).for_each(|_| digester.update(piece));
    println!("SHA-256 alone: {:.2} GB/s", rate(LARGE_BYTES, start));
    digester.finish()
}

/// A 1 GiB blob, written and read by one stream.
async fn one_large(store: &DiskStore, round: u32, piece: &Bytes, digest: &Digest) {
    let upload = id(&format!("large-{round}"));
    store.create_upload(&upload).await.unwrap();
    let pieces = LARGE_BYTES / piece.len() as u64;
    let start = Instant::now();
    let body = stream::iter((0..pieces).map(|_| Ok(piece.clone())));
    store.append(&upload, 0, None, body.boxed()).await.unwrap();
    let appended = rate(LARGE_BYTES, start);
    let finishing = Instant::now();
    let (key, _) = store.finish(&upload, digest).await.unwrap();
    let finish = finishing.elapsed();
    let both = rate(LARGE_BYTES, start);
    let start = Instant::now();
    let mut body = store.read(&key, 0, LARGE_BYTES).await.unwrap();
    while let Some(chunk) = body.next().await {
        chunk.unwrap();
    }
    println!(
        "1 GiB: append {appended:.2} GB/s, finish {finish:.0?}, both {both:.2} GB/s; read {:.2} GB/s",
        rate(LARGE_BYTES, start)
    );
    store.remove(&key).await.unwrap();
}

/// Eight blobs of 128 MiB at once.
async fn many_large(store: &DiskStore, piece: &Bytes) {
    let pieces = LARGE_BYTES / 8 / piece.len() as u64;
    let mut digester = Digester::new(Algorithm::Sha256);
    (0..pieces).for_each(|_| digester.update(piece));
    let digest = digester.finish();
    let start = Instant::now();
    let pushes = (0..8).map(|n| {
        let (store, digest) = (&store, &digest);
        async move {
            let upload = id(&format!("many-{n}"));
            store.create_upload(&upload).await.unwrap();
            let body = stream::iter((0..pieces).map(|_| Ok(piece.clone())));
            store.append(&upload, 0, None, body.boxed()).await.unwrap();
            store.finish(&upload, digest).await.unwrap()
        }
    });
    futures_util::future::join_all(pushes).await;
    println!("8 times 128 MiB at once: {:.2} GB/s, finished", rate(LARGE_BYTES, start));
}

/// The mean time of each step, one blob after the other.
async fn one_by_one(store: &DiskStore, size: usize) {
    let bytes = Bytes::from(vec![3; size]);
    let digest = Algorithm::Sha256.digest(&bytes);
    let mut steps = [Duration::ZERO; 4];
    for n in 0..200 {
        let upload = id(&format!("one-{size}-{n}"));
        let start = Instant::now();
        store.create_upload(&upload).await.unwrap();
        steps[0] += start.elapsed();
        let body = stream::iter([Ok(bytes.clone())]);
        store.append(&upload, 0, None, body.boxed()).await.unwrap();
        steps[1] += start.elapsed();
        let (key, size) = store.finish(&upload, &digest).await.unwrap();
        steps[2] += start.elapsed();
        store.read(&key, 0, size).await.unwrap().try_collect::<Vec<_>>().await.unwrap();
        steps[3] += start.elapsed();
    }
    let [created, appended, finished, read] = steps.map(|sum| sum / 200);
    println!(
        "{size} bytes: create {created:.0?}, append {:.0?}, finish {:.0?}, read {:.0?}",
        appended - created,
        finished - appended,
        read - finished
    );
}

/// Small blobs by 64 clients at once.
async fn side_by_side(store: &DiskStore) {
    let bytes = Bytes::from_static(b"small");
    let digest = Algorithm::Sha256.digest(&bytes);
    let start = Instant::now();
    let clients = (0..64).map(|n| {
        let (bytes, digest) = (&bytes, &digest);
        async move {
            for m in 0..20 {
                let upload = id(&format!("small-{n}-{m}"));
                store.create_upload(&upload).await.unwrap();
                store.append(&upload, 0, None, stream::iter([Ok(bytes.clone())]).boxed()).await.unwrap();
                store.finish(&upload, digest).await.unwrap();
            }
        }
    });
    futures_util::future::join_all(clients).await;
    println!("64 at once: {:.0} small blobs/s", 1280.0 / start.elapsed().as_secs_f64());
}
