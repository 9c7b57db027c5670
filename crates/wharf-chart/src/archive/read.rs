//! Reading archives from strangers.

use std::io::{self, Read};

use flate2::read::MultiGzDecoder;

use crate::quote::Quoted;
use crate::{Error, ErrorKind, File, Limits};

/// What may still be unpacked, shared by an archive and the archives inside it.
pub(crate) struct Budget {
    limits: Limits,
    bytes: u64,
    files: usize,
}

impl Budget {
    pub(crate) fn new(limits: &Limits) -> Self {
        Self { limits: *limits, bytes: limits.max_chart_bytes, files: limits.max_files }
    }

    pub(crate) fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Takes one file of that size.
    pub(crate) fn file(&mut self, bytes: u64) -> Result<(), Error> {
        self.files = self.files.checked_sub(1).ok_or_else(|| {
            let text = format!("chart has more than {} files", self.limits.max_files);
            Error::new(ErrorKind::TooLarge, text)
        })?;
        self.bytes = self.bytes.checked_sub(bytes).ok_or_else(|| self.too_large())?;
        Ok(())
    }

    fn too_large(&self) -> Error {
        let text =
            format!("decompressed chart is larger than the maximum size {}", self.limits.max_chart_bytes);
        Error::new(ErrorKind::TooLarge, text)
    }
}

/// Returns the files of an archive with paths below the chart's folder, without making a chart of them.
///
/// The first part of each path, the chart's folder, is dropped whatever it is called. Folders and metadata entries are
/// passed over; links and devices are read as empty files, never followed.
///
/// # Errors
/// No gzip or tar, paths that are absolute or leave the folder, drive letters, an archive without files, and the bounds
/// of [`Limits`], which count what is really unpacked.
pub fn unpack_archive(bytes: &[u8], limits: &Limits) -> Result<Vec<File>, Error> {
    read_archive(bytes, &mut Budget::new(limits)).map(|(files, _)| files)
}

/// The least that a gzip stream begins with.
const GZIP_HEADER_BYTES: usize = 10;

/// As [`unpack_archive`], within a budget, and with warnings.
pub(crate) fn read_archive(bytes: &[u8], budget: &mut Budget) -> Result<(Vec<File>, Vec<String>), Error> {
    if !bytes.starts_with(b"\x1f\x8b") {
        let text = match bytes.len() {
            0 => "EOF",
            1..GZIP_HEADER_BYTES => "unexpected EOF",
            _ => "gzip: invalid header",
        };
        return Err(Error::malformed(text));
    }
    let broken = |error: io::Error| Error::malformed(format!("chart archive cannot be read: {error}"));
    // Headers and padding come on top of what files hold; names in extension entries are files to the tar layer.
    let headroom = 1 << 20;
    let allowed = budget.bytes.saturating_add(headroom).saturating_add(budget.files as u64 * 1536);
    let mut exhausted = false;
    let mut tar = tar::Archive::new(Bounded {
        inner: MultiGzDecoder::new(bytes),
        left: allowed,
        exhausted: &mut exhausted,
    });
    let result = read_entries(&mut tar, budget, broken);
    drop(tar);
    match result {
        Err(_) if exhausted => Err(budget.too_large()),
        other => other,
    }
}

fn read_entries<R: Read>(
    tar: &mut tar::Archive<R>,
    budget: &mut Budget,
    broken: impl Fn(io::Error) -> Error + Copy,
) -> Result<(Vec<File>, Vec<String>), Error> {
    let mut files = Vec::new();
    let mut warnings = Vec::new();
    for entry in tar.entries().map_err(broken)? {
        let mut entry = entry.map_err(broken)?;
        let kind = entry.header().entry_type();
        let full = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
        if kind.is_dir()
            || full.ends_with('/')
            || kind.is_pax_global_extensions()
            || kind.is_pax_local_extensions()
        {
            continue;
        }
        let name = path_inside(&full)?;
        let size = entry.size();
        if size > budget.bytes {
            return Err(budget.too_large());
        }
        if size > budget.limits.max_file_bytes {
            let text = format!(
                "decompressed chart file {} is larger than the maximum file size {}",
                Quoted(&full),
                budget.limits.max_file_bytes
            );
            return Err(Error::new(ErrorKind::TooLarge, text));
        }
        budget.file(size)?;
        let mut data = Vec::new();
        if kind.is_file() || kind.is_contiguous() || kind.is_gnu_sparse() {
            (&mut entry).take(size).read_to_end(&mut data).map_err(broken)?;
            if (data.len() as u64) < size {
                return Err(Error::malformed("chart archive cannot be read: unexpected EOF"));
            }
        } else {
            warnings.push(format!("chart archive entry {full:?} is no regular file and is taken as empty"));
        }
        let modified = entry.header().mtime().ok().and_then(|seconds| i64::try_from(seconds).ok());
        files.push(File { name, data: data.into(), modified });
    }
    if files.is_empty() {
        return Err(Error::malformed("no files in chart archive"));
    }
    Ok((files, warnings))
}

/// Drops the chart's folder from an entry's path and refuses what would lead elsewhere.
fn path_inside(full: &str) -> Result<String, Error> {
    let unsafe_path = |text: String| Err(Error::new(ErrorKind::UnsafePath, text));
    // Archives made on Windows may have `\`; a name with one is taken to have no other separator.
    let separator = if full.contains('\\') { '\\' } else { '/' };
    let (folder, rest) = full.split_once(separator).unwrap_or((full, ""));
    let rest = rest.replace(separator, "/");
    if rest.starts_with('/') {
        return unsafe_path("chart illegally contains absolute paths".to_owned());
    }
    let name = clean(&rest);
    if name == "." {
        return unsafe_path(format!(
            "chart illegally contains content outside the base directory: {}",
            Quoted(full)
        ));
    }
    if name.starts_with("..") {
        return unsafe_path("chart illegally references parent directory".to_owned());
    }
    if let [letter, b':', b'/', ..] = name.as_bytes()
        && letter.is_ascii_alphabetic()
    {
        return unsafe_path("chart contains illegally named files".to_owned());
    }
    if folder == "Chart.yaml" {
        return Err(Error::malformed("chart yaml not in base directory"));
    }
    // Helm lets these through; nothing that writes files later could use them safely.
    if name.contains('\0') || name.split('/').any(|part| part == "..") {
        return unsafe_path(format!("chart contains illegally named files: {full:?}"));
    }
    Ok(name)
}

/// Go's `path.Clean` of a relative path.
fn clean(path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|last| *last != "..") => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    if parts.is_empty() { ".".to_owned() } else { parts.join("/") }
}

/// A reader that fails once it has given `left` bytes.
struct Bounded<'a, R> {
    inner: R,
    left: u64,
    exhausted: &'a mut bool,
}

impl<R: Read> Read for Bounded<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let room = buffer.len().min(usize::try_from(self.left).unwrap_or(usize::MAX));
        if room == 0 && !buffer.is_empty() {
            *self.exhausted = true;
            return Err(io::Error::other("archive unpacks to too much"));
        }
        let count = self.inner.read(&mut buffer[..room])?;
        self.left -= count as u64;
        Ok(count)
    }
}
