//! Any bytes are a chart archive or are refused, within the limits.
#![no_main]

use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;
use libfuzzer_sys::fuzz_target;
use wharf_chart::{Limits, load_archive_within};

fuzz_target!(|tar: &[u8]| {
    let limits = Limits { max_chart_bytes: 1 << 16, max_file_bytes: 1 << 14, max_files: 64, max_depth: 4 };
    let _ = load_archive_within(tar, &limits);
    // The fuzzer cannot guess gzip's checksums, so what it makes is the tar inside.
    let mut gzip = GzEncoder::new(Vec::new(), Compression::none());
    if gzip.write_all(tar).is_ok()
        && let Ok(archive) = gzip.finish()
    {
        let _ = load_archive_within(&archive, &limits);
    }
});
