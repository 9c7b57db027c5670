//! The contract that every target fulfils, as a suite for the tests of the crate that has the target.
//!
//! ```ignore
//! wharf_content::contract::run(|| async { Box::new(MyTarget::empty()) as _ }).await;
//! ```
#![expect(clippy::unwrap_used, reason = "a suite for tests: it fails by panicking")]

use std::future::Future;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::{StreamExt, stream};
use wharf_oci::{Algorithm, Descriptor, Digest, Reference, Tag, media_type};

use crate::{
    BlobSource, BlobStream, BytesSource, DEFAULT_MAX_MANIFEST_BYTES, Error, ErrorKind, RawManifest, Result,
    Target, all_tags, collect, verified,
};

/// Runs the whole suite; `fresh` makes an empty target for each case.
///
/// # Panics
/// When the target breaks the contract.
pub async fn run<F, Fut>(fresh: F)
where
    F: Fn() -> Fut,
    Fut: Future<Output = Box<dyn Target>>,
{
    nothing_is_there_at_first(&*fresh().await).await;
    a_blob_is_read_back_from_any_offset(&*fresh().await).await;
    an_empty_blob_is_a_blob(&*fresh().await).await;
    a_blob_of_many_pieces_arrives_whole(&*fresh().await).await;
    a_blob_with_another_digest_or_size_is_refused(&*fresh().await).await;
    a_blob_whose_source_fails_is_not_there(&*fresh().await).await;
    a_sha512_blob_is_kept_under_its_digest(&*fresh().await).await;
    a_manifest_keeps_its_bytes(&*fresh().await).await;
    a_manifest_longer_than_the_bound_is_not_read(&*fresh().await).await;
    a_manifest_with_another_digest_is_refused(&*fresh().await).await;
    a_tag_moves(&*fresh().await).await;
    tags_are_listed_in_pages(&*fresh().await).await;
    referrers_are_listed_by_type(&*fresh().await).await;
    an_index_leads_to_its_children(&*fresh().await).await;
    deleting_a_tag_keeps_the_manifest(&*fresh().await).await;
    deleting_a_manifest_takes_its_tags(&*fresh().await).await;
    deleting_a_blob_is_immediate(&*fresh().await).await;
}

/// Returns a blob and its descriptor.
pub fn blob(media_type: &str, content: impl Into<Bytes>) -> (Descriptor, BytesSource) {
    let bytes = content.into();
    let digest = Algorithm::Sha256.digest(&bytes);
    (Descriptor::new(media_type, digest, bytes.len() as u64), BytesSource(bytes))
}

/// Returns an image manifest over these blobs; field order and white space are unusual on purpose.
pub fn manifest(config: &Descriptor, layers: &[&Descriptor], subject: Option<&Descriptor>) -> RawManifest {
    let text = |value: &Descriptor| serde_json::to_string(value).unwrap();
    let layers: Vec<String> = layers.iter().map(|layer| text(layer)).collect();
    let subject = subject.map(|subject| format!(",\n \"subject\" : {}", text(subject))).unwrap_or_default();
    let json = format!(
        "{{ \"layers\":[{}],\n  \"x-unknown\": [1, 2.50],\"config\":{}{subject},\"annotations\":{{\"k\":\"v\"}},\"mediaType\":\"{}\",\"schemaVersion\":2 }}\n",
        layers.join(", "),
        text(config),
        media_type::OCI_MANIFEST,
    );
    RawManifest::new(media_type::OCI_MANIFEST, json.into())
}

/// Returns an index over these manifests.
pub fn index(manifests: &[&Descriptor]) -> RawManifest {
    let entries: Vec<String> = manifests.iter().map(|entry| serde_json::to_string(entry).unwrap()).collect();
    let json = format!(
        "{{\"manifests\":[{}],\"schemaVersion\":2,\"mediaType\":\"{}\"}}",
        entries.join(","),
        media_type::OCI_INDEX
    );
    RawManifest::new(media_type::OCI_INDEX, json.into())
}

/// Pushes a manifest with a config and one layer made from `content`.
///
/// # Panics
/// When the target refuses it.
pub async fn push_image(target: &dyn Target, content: &str, tags: &[&str]) -> RawManifest {
    push_artifact(target, "application/vnd.example.config", content, None, tags).await
}

/// Pushes a manifest with that config type, perhaps with a subject.
///
/// # Panics
/// When the target refuses it.
pub async fn push_artifact(
    target: &dyn Target,
    config_type: &str,
    content: &str,
    subject: Option<&Descriptor>,
    tags: &[&str],
) -> RawManifest {
    let (config, config_source) = blob(config_type, format!("{{\"of\":\"{content}\"}}"));
    let (layer, layer_source) = blob("application/vnd.example.layer", content.to_owned());
    target.push_blob(&config, &config_source).await.unwrap();
    target.push_blob(&layer, &layer_source).await.unwrap();
    let manifest = manifest(&config, &[&layer], subject);
    let tags: Vec<Tag> = tags.iter().map(|tag| tag.parse().unwrap()).collect();
    target.push_manifest(&manifest, &tags).await.unwrap();
    manifest
}

fn by_digest(digest: &Digest) -> Reference {
    Reference::Digest(digest.clone())
}

fn by_tag(tag: &str) -> Reference {
    Reference::Tag(tag.parse().unwrap())
}

async fn read(target: &dyn Target, descriptor: &Descriptor, offset: u64) -> Bytes {
    collect(target.fetch_blob(descriptor, offset).await.unwrap(), u64::MAX).await.unwrap()
}

async fn nothing_is_there_at_first(target: &dyn Target) {
    let absent = Algorithm::Sha256.digest(b"absent");
    let kind = |result: Result<()>| result.unwrap_err().kind();
    assert!(!target.blob_exists(&absent).await.unwrap());
    assert!(!target.manifest_exists(&absent).await.unwrap());
    assert_eq!(kind(target.resolve(&by_tag("v1")).await.map(drop)), ErrorKind::NotFound);
    assert_eq!(kind(target.fetch_manifest(&by_digest(&absent), 100).await.map(drop)), ErrorKind::NotFound);
    let descriptor = Descriptor::new("text/plain", absent.clone(), 6);
    assert_eq!(kind(target.fetch_blob(&descriptor, 0).await.map(drop)), ErrorKind::NotFound);
    assert_eq!(kind(target.tag(&absent, &"v1".parse().unwrap()).await), ErrorKind::NotFound);
    assert!(target.referrers(&absent, None).await.unwrap().is_empty());
}

async fn a_blob_is_read_back_from_any_offset(target: &dyn Target) {
    let (descriptor, source) = blob("text/plain", "0123456789");
    target.push_blob(&descriptor, &source).await.unwrap();
    target.push_blob(&descriptor, &source).await.expect("a second push of the same is no error");
    assert!(target.blob_exists(&descriptor.digest).await.unwrap());
    assert_eq!(read(target, &descriptor, 0).await, "0123456789");
    assert_eq!(read(target, &descriptor, 7).await, "789");
}

async fn an_empty_blob_is_a_blob(target: &dyn Target) {
    let (descriptor, source) = blob("text/plain", "");
    target.push_blob(&descriptor, &source).await.unwrap();
    assert_eq!(read(target, &descriptor, 0).await, "");
}

/// A source of 3 MiB in pieces of odd sizes.
struct Pieces;

impl Pieces {
    fn content() -> Vec<u8> {
        (0..3 * 1024 * 1024_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect()
    }
}

#[async_trait]
impl BlobSource for Pieces {
    async fn open(&self, offset: u64) -> Result<BlobStream> {
        let content = Self::content();
        let pieces: Vec<Result<Bytes>> = content[offset as usize..]
            .chunks(99_991)
            .map(|piece| Ok(Bytes::copy_from_slice(piece)))
            .collect();
        Ok(Box::pin(stream::iter(pieces)))
    }
}

async fn a_blob_of_many_pieces_arrives_whole(target: &dyn Target) {
    let content = Pieces::content();
    let descriptor =
        Descriptor::new("application/octet-stream", Algorithm::Sha256.digest(&content), content.len() as u64);
    target.push_blob(&descriptor, &Pieces).await.unwrap();
    let stream = verified(target.fetch_blob(&descriptor, 0).await.unwrap(), &descriptor);
    assert_eq!(collect(stream, u64::MAX).await.unwrap(), content);
}

async fn a_blob_with_another_digest_or_size_is_refused(target: &dyn Target) {
    let (mut descriptor, _) = blob("text/plain", "what was announced");
    let other = BytesSource("what has come here".into());
    let error = target.push_blob(&descriptor, &other).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Content, "{error}");
    assert!(!target.blob_exists(&descriptor.digest).await.unwrap());
    for size in [descriptor.size - 1, descriptor.size + 1] {
        descriptor.size = size;
        let source = BytesSource("what was announced".into());
        assert!(target.push_blob(&descriptor, &source).await.is_err(), "announced {size} bytes");
        assert!(!target.blob_exists(&descriptor.digest).await.unwrap());
    }
}

/// A source that breaks off.
struct Broken;

#[async_trait]
impl BlobSource for Broken {
    async fn open(&self, _offset: u64) -> Result<BlobStream> {
        let good = stream::iter([Ok(Bytes::from_static(b"0123"))]);
        let bad = stream::iter([Err(Error::new(ErrorKind::Io, "the disk is gone"))]);
        Ok(Box::pin(good.chain(bad)))
    }
}

async fn a_blob_whose_source_fails_is_not_there(target: &dyn Target) {
    // No other case has such a blob: a registry may take it over from there, and ask for no bytes.
    let (descriptor, _) = blob("text/plain", "0123 and what never came");
    let error = target.push_blob(&descriptor, &Broken).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Io, "the source's own error comes out: {error}");
    assert!(!target.blob_exists(&descriptor.digest).await.unwrap());
}

async fn a_sha512_blob_is_kept_under_its_digest(target: &dyn Target) {
    let digest = Algorithm::Sha512.digest(b"sha512");
    let descriptor = Descriptor::new("text/plain", digest, 6);
    target.push_blob(&descriptor, &BytesSource("sha512".into())).await.unwrap();
    assert!(target.blob_exists(&descriptor.digest).await.unwrap());
    assert_eq!(read(target, &descriptor, 0).await, "sha512");
}

async fn a_manifest_keeps_its_bytes(target: &dyn Target) {
    let pushed = push_image(target, "bytes", &["v1"]).await;
    assert!(target.manifest_exists(&pushed.digest).await.unwrap());
    for reference in [by_tag("v1"), by_digest(&pushed.digest)] {
        assert_eq!(target.resolve(&reference).await.unwrap(), pushed.descriptor());
        assert_eq!(target.fetch_manifest(&reference, DEFAULT_MAX_MANIFEST_BYTES).await.unwrap(), pushed);
    }
    let untagged = push_image(target, "untagged", &[]).await;
    assert_eq!(target.resolve(&by_digest(&untagged.digest)).await.unwrap(), untagged.descriptor());
}

async fn a_manifest_longer_than_the_bound_is_not_read(target: &dyn Target) {
    let pushed = push_image(target, "long", &["v1"]).await;
    let max = pushed.bytes.len() as u64 - 1;
    let error = target.fetch_manifest(&by_tag("v1"), max).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Limit, "{error}");
}

async fn a_manifest_with_another_digest_is_refused(target: &dyn Target) {
    let mut pushed = push_image(target, "right", &[]).await;
    pushed.digest = Algorithm::Sha256.digest(b"another");
    assert!(target.push_manifest(&pushed, &[]).await.is_err());
    assert!(!target.manifest_exists(&pushed.digest).await.unwrap());
}

async fn a_tag_moves(target: &dyn Target) {
    let one = push_image(target, "one", &["stable", "v1"]).await;
    let two = push_image(target, "two", &["stable"]).await;
    assert_eq!(target.resolve(&by_tag("stable")).await.unwrap().digest, two.digest);
    assert_eq!(target.resolve(&by_tag("v1")).await.unwrap().digest, one.digest);
    target.tag(&one.digest, &"stable".parse().unwrap()).await.unwrap();
    assert_eq!(target.resolve(&by_tag("stable")).await.unwrap().digest, one.digest);
    assert!(target.manifest_exists(&two.digest).await.unwrap(), "the manifest that lost its tag stays");
}

async fn tags_are_listed_in_pages(target: &dyn Target) {
    push_image(target, "many", &["a", "b", "c", "d", "e"]).await;
    let first = target.tags(None, 2).await.unwrap();
    assert_eq!(first.tags.len(), 2);
    let second = target.tags(first.next.as_ref(), 2).await.unwrap();
    let third = target.tags(second.next.as_ref(), 2).await.unwrap();
    assert_eq!(third.next, None);
    let paged: Vec<String> =
        [first, second, third].iter().flat_map(|page| &page.tags).map(Tag::to_string).collect();
    assert_eq!(paged, ["a", "b", "c", "d", "e"]);
    assert_eq!(all_tags(target, 5).await.unwrap().len(), 5);
    assert_eq!(all_tags(target, 4).await.unwrap_err().kind(), ErrorKind::Limit);
}

async fn referrers_are_listed_by_type(target: &dyn Target) {
    let subject = push_image(target, "subject", &["v1"]).await;
    let described = subject.descriptor();
    let sbom = push_artifact(target, "application/sbom", "sbom", Some(&described), &[]).await;
    let signature = push_artifact(target, "application/signature", "sig", Some(&described), &["sig"]).await;
    push_artifact(target, "application/sbom", "of the sbom", Some(&sbom.descriptor()), &[]).await;

    let mut all: Vec<Digest> =
        target.referrers(&subject.digest, None).await.unwrap().into_iter().map(|d| d.digest).collect();
    all.sort();
    let mut expected = vec![sbom.digest.clone(), signature.digest.clone()];
    expected.sort();
    assert_eq!(all, expected);

    let filtered = target.referrers(&subject.digest, Some("application/sbom")).await.unwrap();
    assert_eq!(filtered.len(), 1);
    assert_eq!(filtered[0].digest, sbom.digest);
    assert_eq!(filtered[0].artifact_type.as_deref(), Some("application/sbom"));
    assert_eq!(filtered[0].annotations.get("k").map(String::as_str), Some("v"));
}

async fn an_index_leads_to_its_children(target: &dyn Target) {
    let child = push_image(target, "child", &[]).await;
    let index = index(&[&child.descriptor()]);
    target.push_manifest(&index, &["multi".parse().unwrap()]).await.unwrap();
    assert_eq!(target.resolve(&by_tag("multi")).await.unwrap(), index.descriptor());
    assert_eq!(target.resolve(&by_digest(&child.digest)).await.unwrap(), child.descriptor());
}

async fn deleting_a_tag_keeps_the_manifest(target: &dyn Target) {
    let image = push_image(target, "kept", &["v1"]).await;
    target.delete_manifest(&by_tag("v1")).await.unwrap();
    assert_eq!(target.resolve(&by_tag("v1")).await.unwrap_err().kind(), ErrorKind::NotFound);
    assert!(target.manifest_exists(&image.digest).await.unwrap());
    assert_eq!(target.delete_manifest(&by_tag("v1")).await.unwrap_err().kind(), ErrorKind::NotFound);
}

async fn deleting_a_manifest_takes_its_tags(target: &dyn Target) {
    let image = push_image(target, "gone", &["v1", "v2"]).await;
    push_image(target, "other", &["other"]).await;
    target.delete_manifest(&by_digest(&image.digest)).await.unwrap();
    assert!(!target.manifest_exists(&image.digest).await.unwrap());
    let tags = all_tags(target, 10).await.unwrap();
    assert_eq!(tags, ["other".parse::<Tag>().unwrap()]);
}

async fn deleting_a_blob_is_immediate(target: &dyn Target) {
    let (descriptor, source) = blob("text/plain", "short-lived");
    target.push_blob(&descriptor, &source).await.unwrap();
    target.delete_blob(&descriptor.digest).await.unwrap();
    assert!(!target.blob_exists(&descriptor.digest).await.unwrap());
    assert_eq!(target.delete_blob(&descriptor.digest).await.unwrap_err().kind(), ErrorKind::NotFound);
}
