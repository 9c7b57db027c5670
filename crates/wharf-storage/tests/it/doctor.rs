//! What the doctor finds and mends.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::{StreamExt, stream};
use wharf_access::Caller;
use wharf_oci::{Algorithm, Digest, RepositoryName};
use wharf_storage::catalog::{
    BlobPlace, Collection, Content, Management, NewBlob, NewProject, NewProjectPolicy, Policies,
};
use wharf_storage::{
    BlobKey, BlobStore, DiskStore, Doctor, DoctorOptions, DoctorReport, Error, Finding, SqliteCatalog,
    SqliteOptions,
};

/// A registry's stores, to be damaged.
pub(crate) struct Clinic {
    folder: tempfile::TempDir,
    pub(crate) catalog: Arc<SqliteCatalog>,
    pub(crate) blobs: Arc<DiskStore>,
}

impl Clinic {
    /// A store with three blobs on disk and one in the catalog, all in `shop/web`.
    pub(crate) async fn open() -> (Self, Vec<(Digest, BlobKey)>) {
        let folder = crate::scratch::folder();
        let options = SqliteOptions::new(folder.path().join("catalog.db"));
        let clinic = Self {
            catalog: Arc::new(SqliteCatalog::open(options).unwrap()),
            blobs: Arc::new(DiskStore::open(folder.path().join("data")).unwrap()),
            folder,
        };
        let project = NewProject { name: "shop".to_owned(), ..NewProject::default() };
        clinic.catalog.create_project(&Caller::system(), project, false).await.unwrap();
        let mut stored = Vec::new();
        for number in 0..3 {
            let content = Bytes::from(format!("blob {number}").repeat(2000));
            let (key, size) = clinic.upload(&content, &format!("u{number}")).await;
            let digest = Algorithm::Sha256.digest(&content);
            clinic.commit(&digest, size, BlobPlace::Stored(key.clone())).await;
            stored.push((digest, key));
        }
        let small = Bytes::from_static(b"small");
        clinic.commit(&Algorithm::Sha256.digest(&small), 5, BlobPlace::Inline(small)).await;
        (clinic, stored)
    }

    pub(crate) async fn upload(&self, content: &Bytes, id: &str) -> (BlobKey, u64) {
        let id = id.parse().unwrap();
        self.blobs.create_upload(&id).await.unwrap();
        let body = stream::iter([Ok(content.clone())]).boxed();
        self.blobs.append(&id, 0, None, body).await.unwrap();
        self.blobs.finish(&id, &Algorithm::Sha256.digest(content)).await.unwrap()
    }

    pub(crate) async fn commit(&self, digest: &Digest, size: u64, place: BlobPlace) {
        let blob = NewBlob { digest: digest.clone(), size, place };
        self.catalog.commit_blob(&Caller::system(), &repository(), blob).await.unwrap();
    }

    /// Returns the file that holds a blob, whatever the layout.
    pub(crate) fn file(&self, key: &BlobKey) -> PathBuf {
        fn search(folder: &Path, name: &str) -> Option<PathBuf> {
            std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).find_map(|path| {
                if path.is_dir() { search(&path, name) } else { path.ends_with(name).then_some(path) }
            })
        }
        let name = key.as_str().rsplit('/').next().unwrap();
        search(self.folder.path(), name).expect("each key has a file")
    }

    async fn examine(&self, options: DoctorOptions) -> Result<DoctorReport, Error> {
        Doctor::new(self.catalog.clone(), self.blobs.clone()).examine(&options).await
    }

    async fn links(&self, digest: &Digest) -> bool {
        self.catalog.blob(&Caller::system(), &repository(), digest).await.is_ok()
    }
}

fn repository() -> RepositoryName {
    "shop/web".parse().unwrap()
}

fn look() -> DoctorOptions {
    DoctorOptions::look(now())
}

fn scrub() -> DoctorOptions {
    DoctorOptions { scrub_bytes_per_second: Some(u64::MAX), ..look() }
}

fn repair() -> DoctorOptions {
    DoctorOptions { repair: true, ..scrub() }
}

pub(crate) fn now() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    i64::try_from(since.as_secs()).unwrap()
}

#[tokio::test]
async fn a_sound_store_agrees() {
    let (clinic, _) = Clinic::open().await;
    let report = clinic.examine(scrub()).await.unwrap();
    assert!(report.agrees(), "{report:?}");
    assert_eq!((report.contents, report.keys, report.released_keys), (4, 3, 0));
    assert_eq!(report.scrubbed_bytes, 3 * 12_000 + 5);
}

#[tokio::test]
async fn a_missing_blob_is_taken_out_so_that_clients_send_it_again() {
    let (clinic, stored) = Clinic::open().await;
    let (digest, key) = stored[0].clone();
    std::fs::remove_file(clinic.file(&key)).unwrap();
    let finding = Finding::Missing { digest: digest.clone(), key };
    let report = clinic.examine(look()).await.unwrap();
    assert_eq!(report.findings, std::slice::from_ref(&finding));
    assert!(clinic.links(&digest).await, "looking changes nothing");

    let report = clinic.examine(repair()).await.unwrap();
    assert_eq!(report.findings, [finding]);
    assert_eq!(report.quarantined, [("shop/web".to_owned(), digest.clone())]);
    assert!(!clinic.links(&digest).await);
    assert!(clinic.links(&stored[1].0).await);
    assert!(clinic.examine(scrub()).await.unwrap().agrees());

    let (key, size) = clinic.upload(&Bytes::from("blob 0".repeat(2000)), "again").await;
    clinic.commit(&digest, size, BlobPlace::Stored(key)).await;
    assert!(clinic.links(&digest).await);
    assert!(clinic.examine(scrub()).await.unwrap().agrees());
}

#[tokio::test]
async fn damaged_bytes_are_found_by_size_and_by_scrub() {
    let (clinic, stored) = Clinic::open().await;
    let shortened = clinic.file(&stored[0].1);
    let flipped = clinic.file(&stored[1].1);
    std::fs::write(&shortened, "short").unwrap();
    let mut bytes = std::fs::read(&flipped).unwrap();
    bytes[7] ^= 1;
    std::fs::write(&flipped, &bytes).unwrap();

    let wrong_size = Finding::WrongSize {
        digest: stored[0].0.clone(),
        key: stored[0].1.clone(),
        expected: 12_000,
        actual: 5,
    };
    assert_eq!(clinic.examine(look()).await.unwrap().findings, std::slice::from_ref(&wrong_size));
    let damaged = Finding::Damaged { digest: stored[1].0.clone(), actual: Algorithm::Sha256.digest(&bytes) };
    let findings = clinic.examine(repair()).await.unwrap().findings;
    assert_eq!(findings.len(), 2);
    assert!(findings.contains(&wrong_size) && findings.contains(&damaged), "{findings:?}");
    assert!(!clinic.links(&stored[0].0).await && !clinic.links(&stored[1].0).await);
    assert!(clinic.links(&stored[2].0).await);
    let report = clinic.examine(scrub()).await.unwrap();
    assert!(report.agrees(), "{report:?}");
    assert_eq!(report.keys, 1, "the damaged bytes are gone");
}

#[tokio::test]
async fn only_old_orphans_are_removed() {
    let (clinic, _) = Clinic::open().await;
    let (key, _) = clinic.upload(&Bytes::from_static(b"nobody's"), "orphan").await;
    let report = clinic.examine(repair()).await.unwrap();
    assert!(report.agrees());
    assert_eq!(report.young_orphans, 1);
    assert_eq!(clinic.blobs.size(&key).await.unwrap(), Some(8));

    let tomorrow = DoctorOptions { now: now() + 25 * 3600, ..repair() };
    let findings = clinic.examine(tomorrow).await.unwrap().findings;
    assert!(matches!(&findings[..], [Finding::Orphan { key: found, .. }] if *found == key), "{findings:?}");
    assert_eq!(clinic.blobs.size(&key).await.unwrap(), None);
}

#[tokio::test]
async fn an_empty_blob_store_is_not_taken_for_the_loss_of_everything() {
    let (clinic, stored) = Clinic::open().await;
    for (_, key) in &stored {
        std::fs::remove_file(clinic.file(key)).unwrap();
    }
    assert_eq!(clinic.examine(look()).await.unwrap().findings.len(), 3);
    match clinic.examine(repair()).await {
        Err(Error::Damaged(text)) => assert!(text.contains("none of the 3 blobs"), "{text}"),
        other => panic!("expected a refusal: {other:?}"),
    }
    assert!(clinic.links(&stored[0].0).await);
}

#[tokio::test]
async fn wrong_counters_and_marks_are_told_and_corrected() {
    let (clinic, _) = Clinic::open().await;
    let conn = rusqlite::Connection::open(clinic.folder.path().join("catalog.db")).unwrap();
    conn.execute_batch(
        "UPDATE projects SET used_bytes = 7;
         UPDATE blob_links SET unreferenced_since = NULL WHERE content_id = 1;
         DELETE FROM project_contents WHERE content_id = 2;
         UPDATE contents SET unreferenced_since = 1 WHERE id = 3;
         UPDATE storage_use SET used_bytes = 8;
         INSERT INTO artifact_use SELECT id, 'invented', 2, 3 FROM repositories;",
    )
    .unwrap();
    let findings = clinic.examine(look()).await.unwrap().findings;
    assert_eq!(findings.len(), 6, "{findings:?}");
    assert!(findings.iter().all(|finding| matches!(finding, Finding::Counter(_))));
    let text = findings.iter().map(ToString::to_string).collect::<String>();
    assert!(text.contains("project shop is recorded to use 7 bytes"), "{text}");
    clinic.examine(repair()).await.unwrap();
    let report = clinic.examine(look()).await.unwrap();
    assert!(report.agrees(), "{report:?}");
    assert_eq!(clinic.catalog.storage_use().await.unwrap().used_bytes, 3 * 12_000 + 5);
    let project = clinic.catalog.project(&Caller::system(), "shop").await.unwrap();
    assert_eq!(project.used_bytes, 3 * 12_000 + 5);
}

#[tokio::test]
async fn a_project_that_lost_its_policy_stays_shut() {
    let (clinic, _) = Clinic::open().await;
    let policy = NewProjectPolicy { host: "example".to_owned(), text: "text".to_owned().into() };
    clinic.catalog.set_project_policy(&Caller::system(), "shop", policy).await.unwrap();
    let conn = rusqlite::Connection::open(clinic.folder.path().join("catalog.db")).unwrap();
    // That a mark is missing is mended; a policy that is missing nobody can write anew.
    conn.execute_batch("UPDATE projects SET policy_digest = NULL").unwrap();
    assert_eq!(clinic.examine(look()).await.unwrap().findings.len(), 1);
    assert_eq!(clinic.examine(repair()).await.unwrap().unmended, []);
    assert!(clinic.catalog.is_gated("shop").await.unwrap());
    conn.execute_batch("DELETE FROM project_policies").unwrap();
    let report = clinic.examine(repair()).await.unwrap();
    assert!(report.unmended[0].to_string().contains("it has none"), "{report:?}");
    assert!(clinic.catalog.is_gated("shop").await.unwrap());
}

#[tokio::test]
async fn what_a_repair_cannot_mend_is_told_as_such() {
    let (clinic, stored) = Clinic::open().await;
    std::fs::remove_file(clinic.file(&stored[0].1)).unwrap();
    let conn = rusqlite::Connection::open(clinic.folder.path().join("catalog.db")).unwrap();
    conn.execute_batch(
        "UPDATE projects SET used_bytes = 7;
         CREATE TRIGGER stubborn AFTER UPDATE OF used_bytes ON projects
         BEGIN UPDATE projects SET used_bytes = 7 WHERE id = new.id; END;",
    )
    .unwrap();
    let report = clinic.examine(look()).await.unwrap();
    assert_eq!((report.findings.len(), &report.unmended), (2, &report.findings), "nothing was to be mended");
    for _ in 0..2 {
        let report = clinic.examine(repair()).await.unwrap();
        let unmended = report.unmended.iter().map(ToString::to_string).collect::<Vec<_>>();
        assert!(matches!(&unmended[..], [one] if one.contains("recorded to use 7 bytes")), "{unmended:?}");
    }
}

#[tokio::test]
async fn a_repair_finishes_what_a_collection_left() {
    let (clinic, stored) = Clinic::open().await;
    clinic.catalog.delete_blob(&Caller::system(), &repository(), &stored[0].0).await.unwrap();
    let policy = wharf_storage::catalog::CollectionPolicy {
        grace_seconds: 0,
        untagged_manifests: false,
        dry_run: false,
    };
    clinic.catalog.collect_step(now() - 1000, &policy, 100).await.unwrap();
    clinic.catalog.collect_step(now() + 1, &policy, 100).await.unwrap();
    let report = clinic.examine(look()).await.unwrap();
    assert!(report.agrees(), "bytes that wait for removal are no disagreement: {report:?}");
    assert!(report.released_keys > 0);
    clinic.examine(repair()).await.unwrap();
    assert_eq!(clinic.blobs.size(&stored[0].1).await.unwrap(), None);
    assert_eq!(clinic.examine(look()).await.unwrap().released_keys, 0);
}

#[tokio::test]
async fn a_scrub_keeps_below_its_rate() {
    let (clinic, _) = Clinic::open().await;
    let started = std::time::Instant::now();
    let options = DoctorOptions { scrub_bytes_per_second: Some(200_000), ..look() };
    let report = clinic.examine(options).await.unwrap();
    let least = Duration::from_secs_f64(report.scrubbed_bytes as f64 / 200_000.0) - Duration::from_millis(20);
    assert!(started.elapsed() >= least, "{:?}", started.elapsed());
}

/// Changes the catalog behind its back, where a CHECK constraint would not let it.
fn break_check(clinic: &Clinic, sql: &str) {
    let conn = rusqlite::Connection::open(clinic.folder.path().join("catalog.db")).unwrap();
    conn.execute_batch(&format!("PRAGMA ignore_check_constraints = ON; {sql}")).unwrap();
}

#[tokio::test]
async fn rows_that_break_a_constraint_of_their_table_are_found() {
    for (sql, told, mended) in [
        ("UPDATE projects SET used_bytes = -5", "CHECK constraint failed in projects", true),
        ("UPDATE projects SET public = 7", "CHECK constraint failed in projects", false),
        ("UPDATE contents SET size = -1 WHERE key IS NOT NULL", "CHECK constraint failed in contents", false),
    ] {
        let (clinic, _) = Clinic::open().await;
        break_check(&clinic, sql);
        let report = clinic.examine(look()).await.unwrap();
        let findings: Vec<String> = report.findings.iter().map(ToString::to_string).collect();
        assert!(findings.iter().any(|finding| finding.contains(told)), "{sql}: {findings:?}");
        assert_eq!(report.unmended, report.findings);
        match clinic.examine(repair()).await {
            Ok(report) => assert_eq!(report.unmended.is_empty(), mended, "{sql}: {report:?}"),
            Err(error) => assert!(!mended && error.to_string().contains("damaged"), "{sql}: {error}"),
        }
    }
}
