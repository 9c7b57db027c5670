//! Whether catalog and blob store agree, and what can be done where they do not.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::StreamExt;
use wharf_oci::{Digest, Digester};

use crate::catalog::{BlobPlace, BlobUse, Collection};
use crate::{BlobKey, BlobStore, Error, Result};

/// How many contents are looked up at once.
const PAGE: usize = 500;

/// Compares catalog and blob store. It may run beside a server that is working.
#[derive(Clone)]
pub struct Doctor {
    catalog: Arc<dyn Collection>,
    blobs: Arc<dyn BlobStore>,
}

/// What to examine and whether to mend it.
#[derive(Clone, Debug)]
pub struct DoctorOptions {
    /// Whether to mend what is found: contents without their bytes are taken out of their repositories, so that
    /// clients are told to send them again; orphans are removed; counters are corrected.
    pub repair: bool,
    /// Whether to read every content and compare its digest, at this many bytes per second at most.
    pub scrub_bytes_per_second: Option<u64>,
    /// How old bytes that nobody names must be to count as orphans: younger ones may belong to a push under way.
    pub orphan_age: Duration,
    /// The time, Unix seconds.
    pub now: i64,
}

impl DoctorOptions {
    /// Returns the options that only look: no repair, no scrub, orphans of a day.
    pub fn look(now: i64) -> Self {
        Self {
            repair: false,
            scrub_bytes_per_second: None,
            orphan_age: Duration::from_secs(24 * 60 * 60),
            now,
        }
    }
}

/// A disagreement.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Finding {
    /// The catalog names bytes that are not in the blob store.
    Missing {
        /// The content.
        digest: Digest,
        /// Where its bytes should be.
        key: BlobKey,
    },
    /// The bytes in the blob store are more or fewer than the catalog says.
    WrongSize {
        /// The content.
        digest: Digest,
        /// Where its bytes are.
        key: BlobKey,
        /// What the catalog says, in bytes.
        expected: u64,
        /// What is there, in bytes.
        actual: u64,
    },
    /// The bytes have another digest (found by a scrub only).
    Damaged {
        /// The content.
        digest: Digest,
        /// The digest of what is there.
        actual: Digest,
    },
    /// The bytes could not be read (found by a scrub only). Never mended: the device may recover.
    Unreadable {
        /// The content.
        digest: Digest,
        /// What the system said.
        problem: String,
    },
    /// Bytes in the blob store that the catalog does not name.
    Orphan {
        /// Where they are.
        key: BlobKey,
        /// How long ago they were written, in seconds.
        age_seconds: i64,
    },
    /// A counter or mark in the catalog that differs from what it is computed from, or damage of its file; a sentence.
    Counter(String),
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing { digest, key } => write!(f, "{digest}: no bytes at {}", key.as_str()),
            Self::WrongSize { digest, key, expected, actual } => {
                write!(f, "{digest}: {} has {actual} bytes, the catalog says {expected}", key.as_str())
            }
            Self::Damaged { digest, actual } => write!(f, "{digest}: its bytes have digest {actual}"),
            Self::Unreadable { digest, problem } => write!(f, "{digest}: cannot be read: {problem}"),
            Self::Orphan { key, age_seconds } => {
                write!(f, "{}: nobody names these bytes, written {age_seconds} s ago", key.as_str())
            }
            Self::Counter(sentence) => f.write_str(sentence),
        }
    }
}

/// What the examination found.
#[derive(Clone, Debug, Default)]
pub struct DoctorReport {
    /// The disagreements.
    pub findings: Vec<Finding>,
    /// Whether a repair was made.
    pub repaired: bool,
    /// The disagreements that are still there at the end: without a repair all of them, after one those that cannot be
    /// mended ([`Finding::Unreadable`], damage of the catalog's file).
    pub unmended: Vec<Finding>,
    /// Repositories that lost a content in the repair, and which.
    pub quarantined: Vec<(String, Digest)>,
    /// How many contents the catalog has.
    pub contents: u64,
    /// How many keys the blob store has.
    pub keys: u64,
    /// How many bytes were read and hashed.
    pub scrubbed_bytes: u64,
    /// Keys whose bytes the next collection (or this repair) removes; no disagreement.
    pub released_keys: u64,
    /// Repositories whose removal was cut short and which the next collection (or this repair) finishes; no disagreement.
    pub removals_under_way: u64,
    /// Unnamed bytes that are too young to be orphans; no disagreement.
    pub young_orphans: u64,
}

impl DoctorReport {
    /// Returns whether catalog and blob store agree.
    pub fn agrees(&self) -> bool {
        self.findings.is_empty()
    }
}

impl fmt::Debug for Doctor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Doctor")
    }
}

impl Doctor {
    /// Returns the doctor for this catalog and blob store.
    pub fn new(catalog: Arc<dyn Collection>, blobs: Arc<dyn BlobStore>) -> Self {
        Self { catalog, blobs }
    }

    /// Examines, and then mends if told to.
    ///
    /// # Errors
    /// [`Error::Damaged`], with nothing mended, when not one of the named blobs is in the store: then the store is a
    /// wrong or an unmounted folder rather than damaged.
    pub async fn examine(&self, options: &DoctorOptions) -> Result<DoctorReport> {
        let mut report = DoctorReport::default();
        let counters = self.catalog.check_counters(false).await?;
        match self.compare_contents(options, &mut report).await {
            // Rows that cannot be read are what the check of the catalog tells, unless it found nothing.
            Err(Error::Damaged(text)) if !counters.is_empty() && !options.repair => {
                report.findings.push(Finding::Counter(text));
            }
            compared => compared?,
        }
        self.find_orphans(options, &mut report).await?;
        report.removals_under_way = self.catalog.removals_under_way().await?;
        report.released_keys = self.catalog.released_keys(usize::MAX).await?.len() as u64;
        report.findings.extend(counters.into_iter().map(Finding::Counter));
        if options.repair {
            self.repair(&mut report).await?;
        } else {
            report.unmended.clone_from(&report.findings);
        }
        Ok(report)
    }

    async fn compare_contents(&self, options: &DoctorOptions, report: &mut DoctorReport) -> Result<()> {
        let mut pace = options.scrub_bytes_per_second.map(Pace::new);
        let mut after = None;
        let (mut stored, mut found) = (0u64, 0u64);
        loop {
            let page = self.catalog.all_blobs(after.as_ref(), PAGE).await?;
            let Some(last) = page.last() else { break };
            after = Some(last.digest.clone());
            report.contents += page.len() as u64;
            for content in &page {
                let finding = match &content.place {
                    BlobPlace::Inline(_) => None,
                    BlobPlace::Stored(key) => {
                        stored += 1;
                        let finding = self.compare_size(content, key).await?;
                        found += u64::from(!matches!(finding, Some(Finding::Missing { .. })));
                        finding
                    }
                };
                match (finding, &mut pace) {
                    (Some(finding), _) => report.findings.push(finding),
                    (None, Some(pace)) => {
                        report.findings.extend(self.scrub(content, pace).await?);
                        report.scrubbed_bytes += content.size;
                    }
                    (None, None) => {}
                }
            }
        }
        if options.repair && stored > 0 && found == 0 {
            return Err(Error::Damaged(format!(
                "none of the {stored} blobs that the catalog names is in the blob store; nothing was changed, \
                 check that it is the right folder and that it is mounted"
            )));
        }
        Ok(())
    }

    async fn compare_size(&self, content: &BlobUse, key: &BlobKey) -> Result<Option<Finding>> {
        let digest = content.digest.clone();
        Ok(match self.blobs.size(key).await? {
            Some(actual) if actual == content.size => None,
            Some(actual) => {
                Some(Finding::WrongSize { digest, key: key.clone(), expected: content.size, actual })
            }
            None if self.is_named(key).await? => Some(Finding::Missing { digest, key: key.clone() }),
            // Collected since the page was read.
            None => None,
        })
    }

    /// Returns whether a content still names the key: it may have been released, and forgotten, since it was listed.
    async fn is_named(&self, key: &BlobKey) -> Result<bool> {
        Ok(self.catalog.knows_key(key).await?
            && !self.catalog.released_keys(usize::MAX).await?.contains(key)
            && self.catalog.knows_key(key).await?)
    }

    /// Reads a content and compares its digest; one whose algorithm is unknown here is passed over.
    async fn scrub(&self, content: &BlobUse, pace: &mut Pace) -> Result<Option<Finding>> {
        let digest = content.digest.clone();
        let Some(algorithm) = digest.algorithm() else { return Ok(None) };
        let actual = match &content.place {
            BlobPlace::Inline(bytes) => {
                pace.take(bytes.len()).await;
                algorithm.digest(bytes)
            }
            BlobPlace::Stored(key) => {
                let mut digester = Digester::new(algorithm);
                let mut body = match self.blobs.read(key, 0, content.size).await {
                    Ok(body) => body,
                    // Collected meanwhile, as its size was right just before.
                    Err(Error::NotFound { .. }) => return Ok(None),
                    Err(error) => {
                        return Ok(Some(Finding::Unreadable { digest, problem: error.to_string() }));
                    }
                };
                while let Some(chunk) = body.next().await {
                    match chunk {
                        Ok(chunk) => {
                            digester.update(&chunk);
                            pace.take(chunk.len()).await;
                        }
                        Err(error) => {
                            return Ok(Some(Finding::Unreadable { digest, problem: error.to_string() }));
                        }
                    }
                }
                digester.finish()
            }
        };
        Ok((actual != digest).then_some(Finding::Damaged { digest, actual }))
    }

    async fn find_orphans(&self, options: &DoctorOptions, report: &mut DoctorReport) -> Result<()> {
        let mut keys = self.blobs.keys().await?;
        while let Some(key) = keys.next().await {
            let key = key?;
            report.keys += 1;
            if self.catalog.knows_key(&key).await? {
                continue;
            }
            // Without a time it is gone already.
            let Some(finished_at) = self.blobs.finished_at(&key).await? else { continue };
            let age_seconds = options.now.saturating_sub(finished_at);
            if u64::try_from(age_seconds).is_ok_and(|age| age >= options.orphan_age.as_secs()) {
                report.findings.push(Finding::Orphan { key, age_seconds });
            } else {
                report.young_orphans += 1;
            }
        }
        Ok(())
    }

    async fn repair(&self, report: &mut DoctorReport) -> Result<()> {
        for finding in &report.findings {
            match finding {
                Finding::Missing { digest, .. }
                | Finding::WrongSize { digest, .. }
                | Finding::Damaged { digest, .. } => {
                    let repositories = self.catalog.quarantine_blob(digest).await?;
                    report
                        .quarantined
                        .extend(repositories.into_iter().map(|repository| (repository, digest.clone())));
                }
                Finding::Orphan { key, .. } => self.blobs.remove(key).await?,
                Finding::Unreadable { .. } => report.unmended.push(finding.clone()),
                Finding::Counter(_) => {}
            }
        }
        while self.catalog.removal_step().await? {}
        self.catalog.check_counters(true).await?;
        // What is told once more is not a counter that can be computed again.
        report.unmended.extend(self.catalog.check_counters(false).await?.into_iter().map(Finding::Counter));
        let released = self.catalog.released_keys(usize::MAX).await?;
        for key in &released {
            self.blobs.remove(key).await?;
        }
        self.catalog.forget_released(&released).await?;
        report.repaired = true;
        Ok(())
    }
}

/// Keeps reading below a rate.
struct Pace {
    bytes_per_second: u64,
    started: Instant,
    taken: u64,
}

impl Pace {
    fn new(bytes_per_second: u64) -> Self {
        Self { bytes_per_second: bytes_per_second.max(1), started: Instant::now(), taken: 0 }
    }

    /// Waits until `bytes` more are due.
    async fn take(&mut self, bytes: usize) {
        self.taken += bytes as u64;
        let due = Duration::from_secs_f64(self.taken as f64 / self.bytes_per_second as f64);
        let ahead = due.saturating_sub(self.started.elapsed());
        if ahead > Duration::from_millis(5) {
            tokio::time::sleep(ahead).await;
        }
    }
}
