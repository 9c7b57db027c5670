use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use wharf_content::contract::{blob, index, push_artifact, push_image};
use wharf_content::{
    BytesSource, CopyOptions, ErrorKind, LayoutTarget, MemoryTarget, ReadTarget, TarTarget, Target, all_tags,
    collect, copy,
};
use wharf_oci::{Algorithm, Descriptor, Reference};

fn tag(text: &str) -> Reference {
    Reference::Tag(text.parse().unwrap())
}

/// A tar of these entries: name, kind, size by the header, content.
fn tar_of(entries: &[(&str, u8, u64, &[u8])]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (name, kind, size, content) in entries {
        let mut header = [0_u8; 512];
        header[..name.len()].copy_from_slice(name.as_bytes());
        header[100..108].copy_from_slice(b"0000644\0");
        header[124..136].copy_from_slice(format!("{size:011o}\0").as_bytes());
        header[156] = *kind;
        header[157..163].copy_from_slice(b"target");
        header[257..265].copy_from_slice(b"ustar\x0000");
        header[148..156].copy_from_slice(b"        ");
        let sum: u64 = header.iter().map(|byte| u64::from(*byte)).sum();
        header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        bytes.extend(header);
        bytes.extend(*content);
        bytes.resize(bytes.len().next_multiple_of(512), 0);
    }
    bytes.extend([0; 1024]);
    bytes
}

const MARKER: &[u8] = br#"{"imageLayoutVersion":"1.0.0"}"#;
const INDEX: &[u8] = br#"{"schemaVersion":2,"manifests":[]}"#;

fn layout_with<'a>(more: &[(&'a str, u8, u64, &'a [u8])]) -> Vec<u8> {
    let mut entries = vec![
        ("./oci-layout", b'0', MARKER.len() as u64, MARKER),
        ("./index.json", b'0', INDEX.len() as u64, INDEX),
    ];
    entries.extend(more);
    tar_of(&entries)
}

async fn opened(folder: &Path, bytes: &[u8]) -> wharf_content::Result<TarTarget> {
    let path = folder.join("given.tar");
    fs::write(&path, bytes).unwrap();
    TarTarget::open(path).await
}

#[tokio::test]
async fn a_tar_fulfils_the_contract() {
    let folder = tempfile::tempdir().unwrap();
    let next = AtomicUsize::new(0);
    wharf_content::contract::run(|| async {
        let path = folder.path().join(format!("{}.tar", next.fetch_add(1, Ordering::Relaxed)));
        Box::new(TarTarget::create(path).await.unwrap()) as _
    })
    .await;
}

#[tokio::test]
async fn a_tar_is_there_when_it_is_whole_and_reads_back() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("out.tar");
    let tar = TarTarget::create(&path).await.unwrap();
    let image = push_image(&tar, "kept", &["v1"]).await;
    let sbom = push_artifact(&tar, "application/sbom", "sbom", Some(&image.descriptor()), &[]).await;
    let digest = Algorithm::Sha512.digest(b"sha512");
    let long = Descriptor::new("text/plain", digest, 6);
    tar.push_blob(&long, &BytesSource("sha512".into())).await.unwrap();
    assert!(!path.exists(), "nobody sees a part");
    tar.commit().await.unwrap();
    for tar in [tar, TarTarget::open(&path).await.unwrap()] {
        assert_eq!(tar.fetch_manifest(&tag("v1"), 4096).await.unwrap(), image);
        let layer = image.parse().unwrap().layers.remove(0);
        assert_eq!(collect(tar.fetch_blob(&layer, 1).await.unwrap(), 100).await.unwrap(), "ept");
        assert_eq!(collect(tar.fetch_blob(&long, 0).await.unwrap(), 100).await.unwrap(), "sha512");
        assert_eq!(tar.referrers(&image.digest, None).await.unwrap()[0].digest, sbom.digest);
    }
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "nothing else is left");
}

#[tokio::test]
async fn a_tar_can_be_added_to_and_loses_what_is_deleted() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("out.tar");
    let tar = TarTarget::create(&path).await.unwrap();
    let one = push_image(&tar, "one", &["one"]).await;
    let (extra, source) = blob("text/plain", "extra");
    tar.push_blob(&extra, &source).await.unwrap();
    tar.commit().await.unwrap();

    let tar = TarTarget::create(&path).await.unwrap();
    let two = push_image(&tar, "two", &["two"]).await;
    tar.delete_blob(&extra.digest).await.unwrap();
    let before = TarTarget::open(&path).await.unwrap();
    assert_eq!(all_tags(&before, 9).await.unwrap().len(), 1, "readers see the old one until the commit");
    tar.commit().await.unwrap();

    let tar = TarTarget::open(&path).await.unwrap();
    assert_eq!(tar.fetch_manifest(&tag("one"), 4096).await.unwrap(), one);
    assert_eq!(tar.fetch_manifest(&tag("two"), 4096).await.unwrap(), two);
    assert!(!tar.blob_exists(&extra.digest).await.unwrap());
    let back = MemoryTarget::new();
    copy(&tar, &tag("one"), &back, &CopyOptions::default()).await.unwrap();
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[tokio::test]
async fn what_failed_or_was_deleted_leaves_no_gap_in_the_tar() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("out.tar");
    let tar = TarTarget::create(&path).await.unwrap();
    let (mut wrong, source) = blob("text/plain", "a failed push of this length");
    wrong.size += 2000;
    tar.push_blob(&wrong, &source).await.unwrap_err();
    let image = push_image(&tar, "kept", &["v1"]).await;
    tar.commit().await.unwrap();
    let listed = std::process::Command::new("tar").arg("-tf").arg(&path).output().unwrap();
    let listed = String::from_utf8(listed.stdout).unwrap();
    assert!(!listed.contains(wrong.digest.encoded()) && listed.contains(image.digest.encoded()), "{listed}");
    assert_eq!(listed.lines().count(), 5, "{listed}");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[tokio::test]
async fn the_same_copy_gives_the_same_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let source = MemoryTarget::new();
    let (one, two) = (push_image(&source, "one", &[]).await, push_image(&source, "two", &[]).await);
    let root = index(&[&one.descriptor(), &two.descriptor()]);
    source.push_manifest(&root, &["v1".parse().unwrap()]).await.unwrap();
    let mut written = Vec::new();
    for name in ["a.tar", "b.tar"] {
        let tar = TarTarget::create(folder.path().join(name)).await.unwrap();
        copy(&source, &tag("v1"), &tar, &CopyOptions::default()).await.unwrap();
        tar.commit().await.unwrap();
        written.push(fs::read(tar.path()).unwrap());
    }
    assert_eq!(written[0], written[1]);
}

#[tokio::test]
async fn what_a_killed_writer_left_is_used_if_it_is_whole_and_wanted() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("out.tar");
    let partial = folder.path().join("out.tar.partial");
    let tar = TarTarget::create(&path).await.unwrap();
    let (whole, source) = blob("text/plain", "arrived whole");
    tar.push_blob(&whole, &source).await.unwrap();
    let (other, source) = blob("text/plain", "of another copy");
    tar.push_blob(&other, &source).await.unwrap();
    let (cut, source) = blob("text/plain", "x".repeat(3000));
    tar.push_blob(&cut, &source).await.unwrap();
    drop(tar);
    let bytes = fs::read(&partial).unwrap();
    fs::write(&partial, &bytes[..bytes.len() - 2000]).unwrap();

    let tar = TarTarget::create(&path).await.unwrap();
    assert!(tar.blob_exists(&whole.digest).await.unwrap());
    assert!(!tar.blob_exists(&cut.digest).await.unwrap());
    tar.push_blob(&cut, &source).await.unwrap();
    tar.commit().await.unwrap();
    let tar = TarTarget::open(&path).await.unwrap();
    assert!(tar.blob_exists(&whole.digest).await.unwrap() && tar.blob_exists(&cut.digest).await.unwrap());
    assert!(!tar.blob_exists(&other.digest).await.unwrap(), "nobody asked for it");
    assert!(!partial.exists());
}

#[tokio::test]
async fn two_writers_of_one_tar_are_told_apart() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("out.tar");
    let _first = TarTarget::create(&path).await.unwrap();
    let error = TarTarget::create(&path).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Busy);
    assert!(error.to_string().contains("out.tar.partial"), "{error}");
}

#[tokio::test]
async fn real_tar_writes_what_is_read_and_reads_what_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let layout = LayoutTarget::create(folder.path().join("layout")).await.unwrap();
    let image = push_image(&layout, "image", &["v1"]).await;
    for format in ["gnu", "pax", "ustar", "v7"] {
        let path = folder.path().join(format!("{format}.tar"));
        let done = std::process::Command::new("tar")
            .args([&format!("--format={format}"), "-C"])
            .arg(layout.root())
            .arg("-cf")
            .arg(&path)
            .arg(".")
            .status()
            .unwrap();
        assert!(done.success());
        let tar = TarTarget::open(&path).await.unwrap();
        assert_eq!(tar.fetch_manifest(&tag("v1"), 4096).await.unwrap(), image, "{format}");
    }
    let tar = TarTarget::create(folder.path().join("ours.tar")).await.unwrap();
    copy(&layout, &tag("v1"), &tar, &CopyOptions::default()).await.unwrap();
    tar.commit().await.unwrap();
    let unpacked = folder.path().join("unpacked");
    fs::create_dir(&unpacked).unwrap();
    let done = std::process::Command::new("tar").arg("-C").arg(&unpacked).arg("-xf").arg(tar.path()).status();
    assert!(done.unwrap().success());
    let unpacked = LayoutTarget::open(unpacked).await.unwrap();
    assert_eq!(unpacked.fetch_manifest(&tag("v1"), 4096).await.unwrap(), image);
}

#[tokio::test]
async fn a_hostile_tar_is_refused_by_what_is_wrong_with_it() {
    let folder = tempfile::tempdir().unwrap();
    let name = format!("blobs/sha256/{}", "a".repeat(64));
    let pax = b"31 size=9999999999999999999999\n";
    let sparse = b"22 GNU.sparse.major=1\n";
    let cases: &[(Vec<u8>, &str)] = &[
        (layout_with(&[(&name, b'2', 0, b"")]), "is a link"),
        (layout_with(&[(&name, b'1', 0, b"")]), "is a link"),
        (layout_with(&[(&name, b'S', 3, b"abc")]), "sparse"),
        (layout_with(&[("pax", b'x', 22, sparse), (&name, b'0', 3, b"abc")]), "sparse"),
        (layout_with(&[(&name, b'3', 0, b"")]), "no plain file"),
        (layout_with(&[("../../etc/passwd", b'0', 3, b"abc")]), "leads out"),
        (layout_with(&[("/etc/passwd", b'0', 3, b"abc")]), "leads out"),
        (layout_with(&[(&name, b'0', 3, b"abc"), (&name, b'0', 3, b"xyz")]), "there twice"),
        (layout_with(&[("index.json", b'0', 2, b"{}")]), "there twice"),
        (layout_with(&[(&name, b'0', 1 << 30, b"abc")]), "only"),
        (layout_with(&[(&name, b'0', (1 << 33) - 1, b"abc")]), "only"),
        (layout_with(&[("pax", b'x', 31, pax), (&name, b'0', 3, b"abc")]), "is no size"),
        (layout_with(&[("pax", b'x', 1 << 30, b"")]), "has 1073741824 bytes"),
        (layout_with(&[("pax", b'x', 5, b"99 x=")]), "malformed"),
        (layout_with(&[])[..1200].to_vec(), "within a header"),
        (b"garbage".repeat(200), "checksum"),
        (tar_of(&[("oci-layout", b'0', 30, MARKER)]), "index.json"),
        (tar_of(&[("readme", b'0', 1, b"x")]), "is no OCI layout"),
        (vec![0x1f, 0x8b, 8, 0, 0, 0], "compressed with gzip"),
        (Vec::new(), "is no OCI layout"),
    ];
    for (bytes, expected) in cases {
        let error = opened(folder.path(), bytes).await.expect_err(expected);
        assert!(error.to_string().contains(expected), "{expected:?} is not in {error}");
        assert!(error.to_string().contains("given.tar"), "{error}");
    }
}

#[tokio::test]
async fn what_does_not_belong_to_the_layout_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let more: &[(&str, u8, u64, &[u8])] = &[
        ("manifest.json", b'0', 2, b"[]"),
        ("blobs", b'5', 0, b""),
        ("blobs/md5/abc", b'0', 1, b"x"),
        ("latest", b'2', 0, b""),
    ];
    let tar = opened(folder.path(), &layout_with(more)).await.unwrap();
    assert!(all_tags(&tar, 9).await.unwrap().is_empty());
}

/// Bytes that break off once, after 2 MiB.
struct BreaksOff {
    content: Bytes,
    opened: std::sync::Mutex<Vec<u64>>,
}

#[async_trait::async_trait]
impl wharf_content::BlobSource for BreaksOff {
    async fn open(&self, offset: u64) -> wharf_content::Result<wharf_content::BlobStream> {
        let is_first = self.opened.lock().unwrap().is_empty();
        self.opened.lock().unwrap().push(offset);
        let rest = self.content.slice(usize::try_from(offset).unwrap()..);
        if !is_first {
            return Ok(wharf_content::once(rest));
        }
        let cut = Err(wharf_content::Error::new(ErrorKind::Network, "the line is cut"));
        Ok(Box::pin(futures_util::stream::iter([Ok(rest.slice(..2 << 20)), cut])))
    }
}

/// A writer that was killed in the middle of a large blob leaves it in the partial file.
#[tokio::test]
async fn a_large_blob_that_broke_off_is_gone_on_with_by_another_writer() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.tar");
    // Zeros at the cut are taken for what has not come yet, and are asked for again.
    let mut content = vec![7; 3 << 20];
    content[(2 << 20) - 100..2 << 20].fill(0);
    for spoilt in [false, true] {
        let content = Bytes::from(content.clone());
        let digest = Algorithm::Sha256.digest(&content);
        let descriptor = Descriptor::new("text/plain", digest, content.len() as u64);
        let source = BreaksOff { content: content.clone(), opened: Default::default() };
        let tar = TarTarget::create(&path).await.unwrap();
        tar.push_blob(&descriptor, &source).await.unwrap_err();
        drop(tar);
        if spoilt {
            use std::os::unix::fs::FileExt as _;
            let partial =
                fs::OpenOptions::new().write(true).open(path.with_extension("tar.partial")).unwrap();
            partial.write_all_at(b"spoilt", 1 << 20).unwrap();
        }
        let tar = TarTarget::create(&path).await.unwrap();
        tar.push_blob(&descriptor, &source).await.unwrap();
        let opened = source.opened.lock().unwrap().clone();
        let good = (2 << 20) - 100;
        assert_eq!(opened, if spoilt { vec![0, good, 0] } else { vec![0, good] });
        tar.commit().await.unwrap();
        let stored = collect(tar.fetch_blob(&descriptor, 0).await.unwrap(), 4 << 20).await.unwrap();
        assert_eq!(stored, content);
        fs::remove_file(&path).unwrap();
    }
}
