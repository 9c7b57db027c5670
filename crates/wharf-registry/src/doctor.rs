//! Compares catalog and blob store, and repairs what can be repaired.

use futures_util::{StreamExt as _, TryStreamExt as _};
use wharf_oci::Digester;
use wharf_storage::catalog::{BlobPlace, BlobUse};
use wharf_storage::{BlobStore, Catalog, Result};

/// What to do beyond looking.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options {
    /// Read every blob and compare its digest.
    pub scrub: bool,
    /// Remove bytes that nobody names, take missing and damaged blobs out of repositories so that clients send them
    /// again, and correct counters.
    pub repair: bool,
}

/// What was found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Blobs that were looked at.
    pub blobs: u64,
    /// Their size, in bytes.
    pub bytes: u64,
    /// Blobs whose bytes were read and compared.
    pub scrubbed: u64,
    /// A sentence for each thing that is wrong, with what was done about it.
    pub findings: Vec<String>,
    /// Whether everything found has been repaired.
    pub repaired: bool,
}

/// Examines a data folder that no server is using.
///
/// # Errors
/// The catalog or the store does not answer at all; single blobs that cannot be read are findings.
pub async fn examine(catalog: &dyn Catalog, blobs: &dyn BlobStore, options: Options) -> Result<Report> {
    let mut report = Report { repaired: options.repair, ..Report::default() };
    let mut after = None;
    loop {
        let page = catalog.all_blobs(after.as_ref(), 1000).await?;
        let Some(last) = page.last() else { break };
        after = Some(last.digest.clone());
        for blob in &page {
            report.blobs += 1;
            report.bytes += blob.size;
            let Some(problem) = examine_blob(blobs, blob, options.scrub, &mut report.scrubbed).await else {
                continue;
            };
            let (problem, content_is_lost) = problem;
            let mut finding = format!("blob {}: {problem}", blob.digest);
            if !content_is_lost {
                report.repaired = false;
            } else if options.repair {
                let repositories = catalog.quarantine_blob(&blob.digest).await?;
                finding.push_str("; taken out of ");
                finding.push_str(&repositories.join(", "));
            }
            report.findings.push(finding);
        }
    }
    let mut keys = blobs.keys().await?;
    while let Some(key) = keys.next().await {
        let key = key?;
        if catalog.knows_key(&key).await? {
            continue;
        }
        let mut finding = format!("bytes {}: nobody names them", key.as_str());
        if options.repair {
            blobs.remove(&key).await?;
            finding.push_str("; removed");
        }
        report.findings.push(finding);
    }
    for difference in catalog.check_counters(options.repair).await? {
        let done = if options.repair { "; corrected" } else { "" };
        report.findings.push(format!("counter: {difference}{done}"));
    }
    Ok(report)
}

/// Returns what is wrong with a blob, and whether its content is lost for certain: a device that does not answer now may
/// answer later.
async fn examine_blob(
    blobs: &dyn BlobStore,
    blob: &BlobUse,
    scrub: bool,
    scrubbed: &mut u64,
) -> Option<(String, bool)> {
    let lost = |problem: String| Some((problem, true));
    let digester = blob.digest.algorithm().filter(|_| scrub).map(Digester::new);
    match &blob.place {
        BlobPlace::Inline(bytes) => {
            if bytes.len() as u64 != blob.size {
                return lost(format!("holds {} bytes, the catalog says {}", bytes.len(), blob.size));
            }
            let mut digester = digester?;
            digester.update(bytes);
            *scrubbed += 1;
            let found = digester.finish();
            (found != blob.digest).then(|| (format!("its content has digest {found}"), true))
        }
        BlobPlace::Stored(key) => {
            match blobs.size(key).await {
                Ok(Some(size)) if size == blob.size => {}
                Ok(Some(size)) => {
                    return lost(format!("holds {size} bytes on disk, the catalog says {}", blob.size));
                }
                Ok(None) => return lost("its bytes are missing".to_owned()),
                Err(error) => return Some((format!("its bytes cannot be examined: {error}"), false)),
            }
            let mut digester = digester?;
            let read = async {
                let mut stream = blobs.read(key, 0, blob.size).await?;
                let read_error = |error| wharf_storage::Error::io("reading the blob", error);
                while let Some(chunk) = stream.try_next().await.map_err(read_error)? {
                    digester.update(&chunk);
                }
                Ok::<_, wharf_storage::Error>(digester.finish())
            };
            match read.await {
                Ok(found) => {
                    *scrubbed += 1;
                    (found != blob.digest).then(|| (format!("its content has digest {found}"), true))
                }
                Err(error) => Some((format!("its bytes cannot be read: {error}"), false)),
            }
        }
    }
}
