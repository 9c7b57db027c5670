//! One pass over the headers of a tar, which finds out where the blobs are.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;

use wharf_oci::Digest;

use crate::layout::{INDEX_FILE, Index, MARKER, MAX_INDEX_BYTES, check_marker_text};
use crate::tar::header::{BLOCK, Header, pax_records, text};
use crate::{Error, ErrorKind, Result};

/// How many entries a tar may have.
const MAX_ENTRIES: usize = 1_000_000;
/// How long the header of another header may be, in bytes.
const MAX_EXTENSION_BYTES: u64 = 64 * 1024;

/// Where a blob is.
#[derive(Clone, Debug)]
pub(super) struct Place {
    pub(super) file: Arc<File>,
    pub(super) offset: u64,
    pub(super) size: u64,
}

impl Place {
    /// Reads at most `max` bytes from `from` on.
    pub(super) fn read(&self, from: u64, max: u64) -> io::Result<Vec<u8>> {
        // No more than `max`, which is a length of ours.
        let mut bytes = vec![0; max.min(self.size.saturating_sub(from)) as usize];
        self.file.read_exact_at(&mut bytes, self.offset + from)?;
        Ok(bytes)
    }
}

/// What a tar has of a layout.
pub(super) struct Contents {
    pub(super) index: Index,
    pub(super) blobs: HashMap<Digest, Place>,
}

/// A file in a tar.
pub(super) struct Found {
    pub(super) name: String,
    pub(super) kind: u8,
    pub(super) is_sparse: bool,
    pub(super) place: Place,
}

/// Reads the headers of a tar, one file after the other.
pub(super) struct Scan {
    file: Arc<File>,
    len: u64,
    /// Where the next header is.
    pub(super) at: u64,
    entries: usize,
}

impl Scan {
    pub(super) fn new(file: Arc<File>) -> io::Result<Self> {
        let len = file.metadata()?.len();
        Ok(Self { file, len, at: 0, entries: 0 })
    }

    /// Returns the next file, link or folder; `None` at the end. A file may go on after the end of the tar: its place
    /// says so.
    pub(super) fn next(&mut self) -> Result<Option<Found>, String> {
        let (mut long_name, mut long_size, mut is_sparse) = (None, None, false);
        loop {
            let mut block = [0; BLOCK as usize];
            match self.len.saturating_sub(self.at) {
                // Some writers leave the end out.
                0 => return Ok(None),
                1..BLOCK => return Err(format!("it ends within a header, at byte {}", self.len)),
                _ => self.file.read_exact_at(&mut block, self.at).map_err(|error| error.to_string())?,
            }
            let header = Header::parse(&block).map_err(|reason| format!("{reason}, at byte {}", self.at))?;
            let Some(header) = header else { return Ok(None) };
            self.entries += 1;
            if self.entries > MAX_ENTRIES {
                return Err(format!("it has more than {MAX_ENTRIES} entries"));
            }
            let offset = self.at + BLOCK;
            let is_extension = matches!(header.kind, b'x' | b'g' | b'L' | b'K');
            let size = if is_extension { header.size } else { long_size.unwrap_or(header.size) };
            let next = size.checked_next_multiple_of(BLOCK).and_then(|size| offset.checked_add(size));
            let next = next.ok_or_else(|| format!("{:?} has {size} bytes by its header", header.name))?;
            let place = Place { file: Arc::clone(&self.file), offset, size };
            self.at = next;
            if !is_extension {
                let name = long_name.unwrap_or(header.name);
                is_sparse |= header.kind == b'S';
                return Ok(Some(Found { name, kind: header.kind, is_sparse, place }));
            }
            if size > MAX_EXTENSION_BYTES || next > self.len {
                return Err(format!("the header at byte {offset} has {size} bytes"));
            }
            let extension = place.read(0, size).map_err(|error| error.to_string())?;
            match header.kind {
                b'L' => long_name = Some(text(&extension)),
                b'x' => {
                    for record in pax_records(&extension) {
                        let (key, value) =
                            record.ok_or_else(|| format!("the pax header at byte {offset} is malformed"))?;
                        match key {
                            "path" => long_name = Some(value.to_owned()),
                            "size" => {
                                let size = value.parse().map_err(|_| format!("{value:?} is no size"))?;
                                long_size = Some(size);
                            }
                            key => is_sparse |= key.starts_with("GNU.sparse."),
                        }
                    }
                }
                // Names of links, and defaults for all: nothing that a layout needs.
                _ => {}
            }
        }
    }
}

/// Finds the layout in a tar. What does not belong to it is left alone; what claims to belong to it and is not a plain
/// file, once, within the tar, is refused.
pub(super) fn contents(file: File, path: &Path) -> Result<Contents> {
    let name = path.display();
    let refused = |reason: String| Error::new(ErrorKind::Content, format!("tar {name}: {reason}"));
    let failed = |error| Error::io("cannot read", path, error);
    let file = Arc::new(file);
    let mut magic = [0; 4];
    if file.read_at(&mut magic, 0).map_err(failed)? == 4 {
        let packed = match magic {
            [0x1f, 0x8b, ..] => Some("gzip"),
            [0x28, 0xb5, 0x2f, 0xfd] => Some("zstd"),
            _ => None,
        };
        if let Some(packed) = packed {
            let reason = format!("it is compressed with {packed}; unpack it to a plain tar first");
            return Err(Error::new(ErrorKind::Usage, format!("tar {name}: {reason}")));
        }
    }
    let mut scan = Scan::new(file).map_err(failed)?;
    let (mut blobs, mut marker, mut index) = (HashMap::new(), None, None);
    while let Some(found) = scan.next().map_err(refused)? {
        let parts: Vec<&str> = found.name.split('/').filter(|part| !matches!(*part, "" | ".")).collect();
        if found.name.starts_with('/') || parts.contains(&"..") {
            return Err(refused(format!("the entry {:?} leads out of it", found.name)));
        }
        let once = match parts.as_slice() {
            _ if found.kind == b'5' => continue,
            [file] if *file == MARKER => marker.replace(found.place.clone()).is_none(),
            [file] if *file == INDEX_FILE => index.replace(found.place.clone()).is_none(),
            ["blobs", algorithm, encoded] => match format!("{algorithm}:{encoded}").parse::<Digest>() {
                Ok(digest) => match blobs.entry(digest) {
                    Entry::Vacant(vacant) => {
                        vacant.insert(found.place.clone());
                        true
                    }
                    Entry::Occupied(_) => false,
                },
                Err(_) => continue,
            },
            _ => continue,
        };
        if !once {
            return Err(refused(format!("the entry {:?} is there twice", found.name)));
        }
        if found.is_sparse || !matches!(found.kind, b'0' | 0 | b'7') {
            let what = match found.kind {
                b'1' | b'2' => "a link",
                _ if found.is_sparse => "a sparse file",
                _ => "no plain file",
            };
            return Err(refused(format!("the entry {:?} is {what}", found.name)));
        }
        let there = scan.len.saturating_sub(found.place.offset);
        if found.place.size > there {
            return Err(refused(format!(
                "the entry {:?} has {} bytes by its header, and only {there} follow",
                found.name, found.place.size
            )));
        }
    }
    let small = |place: Option<Place>, what: &str| match place {
        None => {
            Err(Error::new(ErrorKind::NotFound, format!("{name} is no OCI layout: it has no file {what:?}")))
        }
        Some(place) if place.size > MAX_INDEX_BYTES => Err(Error::new(
            ErrorKind::Limit,
            format!("{what} of tar {name} has {} bytes, at most {MAX_INDEX_BYTES} are read", place.size),
        )),
        Some(place) => place.read(0, place.size).map_err(failed),
    };
    check_marker_text(&small(marker, MARKER)?, &format_args!("{MARKER} of tar {name}"))?;
    let index = Index::parse(&small(index, INDEX_FILE)?, &format_args!("{INDEX_FILE} of tar {name}"))?;
    Ok(Contents { index, blobs })
}
