//! Packing: Helm's tar, the same bytes every time.

use std::collections::BTreeMap;
use std::fs;
use std::io::Read;
use std::path::Path;

use flate2::read::GzDecoder;
use sha2::{Digest, Sha256};
use wharf_chart::{File, PackOptions, load_archive, load_folder, pack};

use crate::support::{chart_with, hex, load, read_folder, shared};

/// The tar inside, and a digest over its entries in byte order of their headers, with times and checksums blanked.
fn normalised(archive: &[u8]) -> (Vec<String>, String) {
    let mut tar = Vec::new();
    GzDecoder::new(archive).read_to_end(&mut tar).unwrap();
    let mut entries = Vec::new();
    let mut names = Vec::new();
    let mut at = 0;
    while tar[at] != 0 {
        let size = std::str::from_utf8(&tar[at + 124..at + 135]).unwrap();
        let size = usize::from_str_radix(size, 8).unwrap();
        let end = at + 512 + size.next_multiple_of(512);
        let mut entry = tar[at..end].to_vec();
        entry[136..156].fill(0);
        let name = entry[..100].split(|b| *b == 0).next().unwrap();
        names.push(String::from_utf8_lossy(name).into_owned());
        entries.push(entry);
        at = end;
    }
    entries.sort();
    let digest = Sha256::digest(entries.concat());
    (names, hex(&digest))
}

/// `tests/testdata/helm-package.txt`: chart, digest as above of what real `helm package` wrote.
fn expected() -> BTreeMap<String, String> {
    let text =
        fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/testdata/helm-package.txt"));
    text.unwrap()
        .lines()
        .filter(|line| !line.starts_with('#'))
        .map(|line| line.split_once(' ').map(|(a, b)| (a.to_owned(), b.to_owned())).unwrap())
        .collect()
}

#[test]
fn the_tar_of_real_charts_equals_that_of_helm_package() {
    let Some(charts) = shared("charts") else { return };
    let mut differing = Vec::new();
    for (name, digest) in expected() {
        let packed = pack(&load(&charts.join(&name)).unwrap(), &PackOptions::default()).unwrap();
        if normalised(&packed.bytes).1 != digest {
            differing.push(name);
        }
    }
    assert!(differing.is_empty(), "{differing:?}");
}

#[test]
fn the_same_folder_packs_to_the_same_bytes_whatever_order_and_times() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/storefront");
    let files = read_folder(&folder);
    let first = pack(&load_folder(files.clone()).unwrap(), &PackOptions::default()).unwrap();
    let shuffled: Vec<File> =
        files.into_iter().rev().enumerate().map(|(i, f)| f.modified(i as i64)).collect();
    let second = pack(&load_folder(shuffled).unwrap(), &PackOptions::default()).unwrap();
    assert_eq!(first.file_name, "storefront-1.4.0.tgz");
    assert_eq!(first.bytes, second.bytes);
}

#[test]
fn a_packed_chart_loads_and_packs_to_the_same_bytes() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/storefront");
    let first = pack(&load(&folder).unwrap(), &PackOptions::default()).unwrap();
    let again = pack(&load_archive(&first.bytes).unwrap(), &PackOptions::default()).unwrap();
    assert_eq!(first.bytes, again.bytes);
}

#[test]
fn the_gzip_header_is_helms() {
    let packed = pack(&chart_with(&[]), &PackOptions::default()).unwrap();
    let mut header =
        b"\x1f\x8b\x08\x14\0\0\0\0\0\xff\x2c\0rr\x28\0aHR0cHM6Ly95b3V0dS5iZS96OVV6MWljandyTQo=".to_vec();
    header.extend_from_slice(b"Helm\0");
    assert!(packed.bytes.starts_with(&header));
}

#[test]
fn versions_can_be_overridden() {
    let options = PackOptions {
        version: Some("2.0.0+build.7".to_owned()),
        app_version: Some("9".to_owned()),
        ..PackOptions::default()
    };
    let packed = pack(&chart_with(&[]), &options).unwrap();
    assert_eq!(packed.file_name, "demo-2.0.0+build.7.tgz");
    let chart = load_archive(&packed.bytes).unwrap();
    assert_eq!(
        &*chart.raw_file("Chart.yaml").unwrap().data,
        b"apiVersion: v2\nappVersion: \"9\"\nname: demo\nversion: 2.0.0+build.7\n"
    );
    let bad = PackOptions { version: Some("two".to_owned()), ..PackOptions::default() };
    assert_eq!(pack(&chart_with(&[]), &bad).unwrap_err().to_string(), "invalid semantic version");
}

#[test]
fn a_missing_dependency_stops_packing() {
    let yaml = b"apiVersion: v2\nname: a\nversion: 1.0.0\ndependencies:\n- name: db\n  version: 1.x.x\n";
    let chart = load_folder([File::new("Chart.yaml", &yaml[..])]).unwrap();
    let error = pack(&chart, &PackOptions::default()).unwrap_err();
    assert_eq!(error.to_string(), "found in Chart.yaml, but missing in charts/ directory: db");
}

#[test]
fn long_and_foreign_names_survive() {
    let long = format!("templates/{}/{}.yaml", "d".repeat(90), "f".repeat(90));
    let longer = format!("files/{}", "x".repeat(180));
    let chart = chart_with(&[(&long, "a"), (&longer, "b"), ("files/größe.txt", "c")]);
    let chart = load_archive(&pack(&chart, &PackOptions::default()).unwrap().bytes).unwrap();
    assert_eq!(chart.templates[0].name, long);
    let names: Vec<&str> = chart.files.iter().map(|f| f.name.as_str()).collect();
    assert_eq!(names, ["files/größe.txt", longer.as_str()]);
}
