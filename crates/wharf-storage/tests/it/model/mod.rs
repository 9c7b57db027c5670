//! Concurrent pushes, mounts, deletes, tag moves and collections, compared with a model in memory.
//!
//! Time stands still within a round: workers, each with repositories of its own but contents and projects shared with
//! the others, do random things while a collector runs over and over. What was due for collection when the round began
//! may go at any moment, and what a worker is told settles whether it went. Between rounds everything is compared:
//! what must be there is, with its bytes; what is due is gone; catalog and blob store agree.

mod worker;
mod world;

use std::sync::Arc;

use wharf_access::Caller;
use wharf_storage::catalog::{CollectionPolicy, Management, NewProject};
use wharf_storage::{Collector, Doctor, DoctorOptions, Error};

use self::worker::Worker;
use self::world::{GRACE, Random, World};

const WORKERS: usize = 4;
const ROUNDS: usize = 10;
const STEPS: usize = 14;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_reachable_blob_is_lost_and_no_unreachable_one_stays() {
    let seeds = std::env::var("WHARF_MODEL_SEEDS").ok().and_then(|text| text.parse().ok()).unwrap_or(4);
    for seed in 0..seeds {
        for untagged_manifests in [false, true] {
            run(seed, untagged_manifests).await;
        }
    }
}

async fn run(seed: u64, untagged_manifests: bool) {
    let context = format!("seed {seed}, untagged manifests collected: {untagged_manifests}");
    let folder = crate::scratch::folder();
    let world = Arc::new(World::open(folder.path()));
    for name in ["a", "b"] {
        let project = NewProject { name: name.to_owned(), ..NewProject::default() };
        world.catalog.create_project(&Caller::system(), project, false).await.unwrap();
    }
    let policy = CollectionPolicy { grace_seconds: GRACE, untagged_manifests, dry_run: false };
    let mut random = Random::new(seed);
    let mut workers: Vec<Worker> = (0..WORKERS)
        .map(|number| Worker::new(number, Arc::clone(&world), random.fork(), untagged_manifests))
        .collect();
    let collector = Collector::new(world.catalog.clone(), world.blobs.clone());

    for round in 0..ROUNDS {
        let mut tasks = Vec::new();
        for mut worker in workers.drain(..) {
            tasks.push(tokio::spawn(async move {
                for _ in 0..STEPS {
                    worker.step().await;
                }
                worker
            }));
        }
        let collecting = {
            let (collector, policy, now) = (collector.clone(), policy.clone(), world.now());
            tokio::spawn(async move {
                for _ in 0..20 {
                    collector.run(now, &policy).await.unwrap();
                    tokio::task::yield_now().await;
                }
            })
        };
        for task in tasks {
            match task.await {
                Ok(worker) => workers.push(worker),
                Err(panic) => panic!("{context}, round {round}: {panic}"),
            }
        }
        collecting.await.unwrap();

        collect_as_told(&world, &collector, &policy, &format!("{context}, round {round}")).await;
        for worker in &mut workers {
            worker.collect_due().await;
            worker.compare(&format!("{context}, round {round}")).await;
        }
        agreement(&world, &context).await;
        world.pass(random.below(GRACE as u64 + GRACE as u64 / 2) as i64);
    }

    // Index, children, blobs, content: each stage has a grace time of its own.
    for _ in 0..5 {
        world.pass(GRACE);
        collect_as_told(&world, &collector, &policy, &format!("{context}, at the end")).await;
        for worker in &mut workers {
            worker.collect_due().await;
            worker.compare(&format!("{context}, at the end")).await;
        }
    }
    agreement(&world, &context).await;
    let mut expected: Vec<_> = workers.iter().flat_map(Worker::reachable).collect();
    expected.sort();
    expected.dedup();
    assert_eq!(world.contents().await, expected, "{context}: what is left");

    // Without a grace time, what a removal leaves alone goes in the same run.
    for worker in &mut workers {
        for _ in 0..STEPS {
            worker.step().await;
        }
    }
    let at_once = CollectionPolicy { grace_seconds: 0, ..policy };
    collect_as_told(&world, &collector, &at_once, &format!("{context}, without a grace time")).await;
    agreement(&world, &context).await;
}

/// Collects, after a dry run that has to foretell it.
async fn collect_as_told(world: &World, collector: &Collector, policy: &CollectionPolicy, context: &str) {
    let dry = CollectionPolicy { dry_run: true, ..policy.clone() };
    let would = collector.run(world.now(), &dry).await.unwrap().collected;
    assert_eq!(collector.run(world.now(), policy).await.unwrap().collected, would, "{context}: the dry run");
}

async fn agreement(world: &World, context: &str) {
    let doctor = Doctor::new(world.catalog.clone(), world.blobs.clone());
    let options = DoctorOptions {
        orphan_age: std::time::Duration::ZERO,
        scrub_bytes_per_second: Some(u64::MAX),
        ..DoctorOptions::look(i64::MAX / 2)
    };
    let report = doctor.examine(&options).await.unwrap();
    assert_eq!(report.findings, [], "{context}");
}

#[tokio::test]
async fn two_collections_do_not_run_at_once() {
    let folder = crate::scratch::folder();
    let world = World::open(folder.path());
    let policy = CollectionPolicy { grace_seconds: GRACE, untagged_manifests: false, dry_run: false };
    let collector = Collector::new(world.catalog.clone(), world.blobs.clone());
    use wharf_storage::catalog::Collection;
    assert!(world.catalog.acquire_lease("collection", "another process", 60).await.unwrap());
    let refused = collector.run(world.now(), &policy).await;
    assert!(matches!(refused, Err(Error::Conflict { .. })), "{refused:?}");
    // The other process died: its lease ends.
    world.pass(60);
    collector.run(world.now(), &policy).await.unwrap();
    // And a run gives its own back.
    collector.run(world.now(), &policy).await.unwrap();
}
