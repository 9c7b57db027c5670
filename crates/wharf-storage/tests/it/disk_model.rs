//! The blob store on disk against a model that keeps the upload in memory: whatever the clients do in whatever order, the offset, the
//! digest and the bytes agree.

use std::io;
use std::sync::LazyLock;

use bytes::Bytes;
use futures_util::stream::{self, StreamExt, TryStreamExt};
use proptest::prelude::*;
use wharf_oci::Algorithm;
use wharf_storage::{BlobStore, DiskStore, Error, UploadId};

/// What a client does.
#[derive(Clone, Debug)]
enum Step {
    Append {
        length: usize,
        announced: Option<Algorithm>,
        ending: Ending,
    },
    /// A chunk that does not begin where the upload ends.
    Misplace {
        by: u64,
    },
    Finish {
        algorithm: Algorithm,
        right: bool,
    },
    Cancel,
    /// The server is restarted.
    Restart,
}

/// How the body of a request ends.
#[derive(Clone, Copy, Debug)]
enum Ending {
    Complete,
    Fails,
    /// The connection closes, and the server drops what it was doing.
    GivenUp,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let algorithm = || prop_oneof![3 => Just(Algorithm::Sha256), 1 => Just(Algorithm::Sha512)];
    let ending =
        prop_oneof![4 => Just(Ending::Complete), 1 => Just(Ending::Fails), 1 => Just(Ending::GivenUp)];
    let length = prop_oneof![Just(0_usize), 1_usize..40_000, 500_000_usize..700_000];
    let append = (length, proptest::option::of(algorithm()), ending)
        .prop_map(|(length, announced, ending)| Step::Append { length, announced, ending });
    let finish = (algorithm(), proptest::bool::weighted(0.8))
        .prop_map(|(algorithm, right)| Step::Finish { algorithm, right });
    let step = prop_oneof![
        6 => append,
        1 => (1_u64..1000).prop_map(|by| Step::Misplace { by }),
        3 => finish,
        1 => Just(Step::Cancel),
        2 => Just(Step::Restart),
    ];
    proptest::collection::vec(step, 1..16)
}

/// `length` bytes that differ with where they begin.
fn bytes(at: usize, length: usize) -> Bytes {
    static PATTERN: LazyLock<Bytes> =
        LazyLock::new(|| (0..800_000_usize).map(|n| (n.wrapping_mul(0x9E37_79B1) >> 13) as u8).collect());
    let start = at % 1009;
    PATTERN.slice(start..start + length)
}

fn open(folder: &tempfile::TempDir) -> DiskStore {
    loop {
        match DiskStore::open(folder.path()) {
            // The last store's own work ends a moment after it was dropped.
            Err(Error::Conflict { .. }) => std::thread::yield_now(),
            store => return store.unwrap(),
        }
    }
}

async fn run(steps: Vec<Step>) {
    let folder = crate::scratch::folder();
    let mut store = Some(open(&folder));
    let mut number = 0;
    let fresh = async |store: &DiskStore, number: &mut u32| {
        *number += 1;
        let id: UploadId = format!("u{number}").parse().unwrap();
        store.create_upload(&id).await.unwrap();
        id
    };
    let mut id = fresh(store.as_ref().unwrap(), &mut number).await;
    let mut held: Vec<u8> = Vec::new();
    for step in steps {
        let current = store.as_ref().unwrap();
        match step {
            Step::Append { length, announced, ending } => {
                let content = bytes(held.len(), length);
                let chunks: Vec<_> = (0..length)
                    .step_by(50_000)
                    .map(|n| Ok(content.slice(n..length.min(n + 50_000))))
                    .collect();
                let body = stream::iter(chunks);
                let offset = held.len() as u64;
                held.extend_from_slice(&content);
                match ending {
                    Ending::Complete => {
                        let end = current.append(&id, offset, announced, body.boxed()).await.unwrap();
                        assert_eq!(end, held.len() as u64);
                    }
                    Ending::Fails => {
                        let body = body.chain(stream::iter([Err(io::Error::other("cut"))]));
                        current.append(&id, offset, announced, body.boxed()).await.unwrap_err();
                    }
                    Ending::GivenUp => {
                        let (taken, is_taken) = tokio::sync::oneshot::channel();
                        let body = body.chain(stream::once(async move {
                            let _ = taken.send(());
                            std::future::pending().await
                        }));
                        let append = current.append(&id, offset, announced, body.boxed());
                        futures_util::future::select(append, is_taken).await;
                    }
                }
                assert_eq!(current.upload_offset(&id).await.unwrap(), held.len() as u64);
            }
            Step::Misplace { by } => {
                let body = stream::iter([Ok(bytes(0, 10))]);
                let refused = current.append(&id, held.len() as u64 + by, None, body.boxed()).await;
                assert!(matches!(refused, Err(Error::Conflict { .. })));
            }
            Step::Finish { algorithm, right } => {
                let digest = if right { algorithm.digest(&held) } else { algorithm.digest(b"other") };
                let finished = current.finish(&id, &digest).await;
                if right {
                    let (key, size) = finished.unwrap();
                    assert_eq!(size, held.len() as u64);
                    let read: Vec<Bytes> =
                        current.read(&key, 0, size).await.unwrap().try_collect().await.unwrap();
                    assert!(read.concat() == held);
                } else {
                    assert!(matches!(finished, Err(Error::DigestMismatch { .. })));
                }
                assert!(matches!(current.upload_offset(&id).await, Err(Error::NotFound { .. })));
                id = fresh(current, &mut number).await;
                held.clear();
            }
            Step::Cancel => {
                current.cancel(&id).await.unwrap();
                id = fresh(current, &mut number).await;
                held.clear();
            }
            Step::Restart => {
                drop(store.take());
                store = Some(open(&folder));
            }
        }
    }
    let store = store.unwrap();
    assert_eq!(store.upload_offset(&id).await.unwrap(), held.len() as u64);
    store.finish(&id, &Algorithm::Sha256.digest(&held)).await.unwrap();
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn the_store_agrees_with_what_the_clients_sent(steps in steps()) {
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap().block_on(run(steps));
    }
}
