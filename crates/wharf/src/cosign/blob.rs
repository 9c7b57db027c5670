//! Files as cosign names them: a path, `-` for standard input, `env://VARIABLE` for keys, `sha256:…` for what is elsewhere.

use std::fs::File;
use std::io::{self, Read, Write as _};
use std::path::Path;

use anyhow::{Context as _, bail};
use wharf_client::{DownloadOptions, Site};
use wharf_trust::{Artifact, ArtifactHasher, HashAlgorithm};

use crate::waiting::block_on;

/// Reads a whole file, or standard input.
pub(super) fn read(path: &str) -> anyhow::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    open(path)?.read_to_end(&mut bytes).with_context(|| format!("read {path}"))?;
    Ok(bytes)
}

/// Reads a key: a file, a variable, or what lies at an URL.
pub(super) fn key_file(reference: &str) -> anyhow::Result<Vec<u8>> {
    match reference.split_once("://") {
        None => read(reference),
        Some(("env", name)) => match std::env::var_os(name) {
            Some(value) => Ok(value.into_encoded_bytes()),
            None => bail!("loading URL: env var ${name} not found"),
        },
        Some(("http" | "https", _)) => {
            download(reference).with_context(|| format!("loading URL {reference}"))
        }
        Some((scheme, _)) => bail!("loading URL: unrecognized scheme: {scheme}://"),
    }
}

/// A key or a certificate chain is a few kilobytes.
const MAX_DOWNLOAD_BYTES: u64 = 1 << 20;

/// Downloads a small file. On a thread of its own, because some callers wait for others already.
fn download(url: &str) -> anyhow::Result<Vec<u8>> {
    let fetch = || {
        block_on(async {
            let site = Site::new(url, DownloadOptions::default())?;
            Ok(site.fetch(url, None, MAX_DOWNLOAD_BYTES).await?.to_vec())
        })
    };
    std::thread::scope(|scope| scope.spawn(fetch).join())
        .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

/// Returns the artifact at a path: its digests, and its bytes where a signature needs them. Large files are read in pieces.
pub(super) fn artifact(path: &str, hashes: &[HashAlgorithm], whole: bool) -> anyhow::Result<Artifact> {
    let mut file = match open(path) {
        Ok(file) => file,
        Err(error) => return by_digest(path).ok_or(error),
    };
    if whole {
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).with_context(|| format!("read {path}"))?;
        return Ok(Artifact::from_bytes(bytes));
    }
    let mut hasher = ArtifactHasher::new(hashes);
    let mut buffer = vec![0; 1 << 20];
    loop {
        match file.read(&mut buffer).with_context(|| format!("read {path}"))? {
            0 => return Ok(hasher.finish()),
            read => hasher.update(&buffer[..read]),
        }
    }
}

/// What is no file may be a digest: `sha256:` and hexadecimal.
fn by_digest(text: &str) -> Option<Artifact> {
    let (algorithm, hex) = text.split_once(':')?;
    digest(algorithm, hex).ok()
}

/// Returns the artifact with that digest, written in hexadecimal.
pub(super) fn digest(algorithm: &str, hex: &str) -> anyhow::Result<Artifact> {
    let algorithm = HashAlgorithm::named(algorithm)?;
    let digit =
        |pair: &[u8]| std::str::from_utf8(pair).ok().and_then(|pair| u8::from_str_radix(pair, 16).ok());
    let bytes: Option<Vec<u8>> = hex.as_bytes().chunks(2).map(digit).collect();
    let bytes = bytes
        .filter(|_| hex.len().is_multiple_of(2))
        .with_context(|| format!("{hex:?} is not hexadecimal"))?;
    Ok(Artifact::from_digest(algorithm, &bytes)?)
}

fn open(path: &str) -> anyhow::Result<Box<dyn Read>> {
    if path == "-" {
        return Ok(Box::new(io::stdin()));
    }
    match File::open(path) {
        Ok(file) => Ok(Box::new(file)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            bail!("open {path}: no such file or directory")
        }
        Err(error) => Err(error).with_context(|| format!("open {path}")),
    }
}

/// Writes a file that only its owner may read, whole or not at all.
pub(super) fn write_private(path: &str, bytes: &[u8]) -> anyhow::Result<()> {
    write(path, bytes, 0o600)
}

/// Writes a file that everybody may read, whole or not at all.
pub(super) fn write_public(path: &str, bytes: &[u8]) -> anyhow::Result<()> {
    write(path, bytes, 0o644)
}

fn write(path: &str, bytes: &[u8], mode: u32) -> anyhow::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    let path = Path::new(path);
    // A pipe or a device is written to, not replaced.
    if path.metadata().is_ok_and(|found| !found.is_file()) {
        return std::fs::write(path, bytes).with_context(|| format!("open {}", path.display()));
    }
    let folder =
        path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or_else(|| Path::new("."));
    let failed = || format!("open {}", path.display());
    let permissions = std::fs::Permissions::from_mode(mode);
    let mut file =
        tempfile::Builder::new().permissions(permissions).tempfile_in(folder).with_context(failed)?;
    file.write_all(bytes).with_context(failed)?;
    file.persist(path).with_context(failed)?;
    Ok(())
}
