//! Reading through a layout, and copies that share what they know.

use std::num::NonZeroUsize;
use std::sync::Arc;

use wharf_content::contract::push_image;
use wharf_content::{
    CachedTarget, Common, CopyOptions, LayoutTarget, MemoryTarget, Outcome, ReadTarget, Target, collect, copy,
};
use wharf_oci::Reference;
use wharf_testkit::FaultyTarget;

fn tag(text: &str) -> Reference {
    Reference::Tag(text.parse().unwrap())
}

#[tokio::test]
async fn what_was_read_once_comes_from_the_cache_and_tags_do_not() {
    let folder = tempfile::tempdir().unwrap();
    let cache = LayoutTarget::create(folder.path()).await.unwrap();
    let origin = Arc::new(MemoryTarget::new());
    let first = push_image(&*origin, "first", &["v1"]).await;
    let cached = CachedTarget::new(Arc::clone(&origin) as _, cache);
    let read = cached.fetch_manifest(&tag("v1"), 4096).await.unwrap();
    assert_eq!(read.digest, first.digest);
    let layers = read.parse().unwrap().layers;
    for layer in &layers {
        collect(cached.fetch_blob(layer, 0).await.unwrap(), 1 << 20).await.unwrap();
        origin.delete_blob(&layer.digest).await.unwrap();
    }
    let second = push_image(&*origin, "second", &["v1"]).await;
    origin.delete_manifest(&Reference::Digest(first.digest.clone())).await.unwrap();
    for layer in &layers {
        let bytes = collect(cached.fetch_blob(layer, 0).await.unwrap(), 1 << 20).await.unwrap();
        assert_eq!(bytes.len() as u64, layer.size);
    }
    let by_digest = cached.fetch_manifest(&Reference::Digest(first.digest.clone()), 4096).await.unwrap();
    assert_eq!(by_digest.bytes, first.bytes);
    assert_eq!(cached.fetch_manifest(&tag("v1"), 4096).await.unwrap().digest, second.digest);
}

#[tokio::test]
async fn copies_that_know_each_other_send_what_they_share_once() {
    let here = MemoryTarget::new();
    let image = push_image(&here, "same", &["v1"]).await;
    let there = FaultyTarget::default();
    let at_once = NonZeroUsize::new(4).unwrap();
    let common = Arc::new(Common::new(at_once));
    let options = CopyOptions { common: Some(common), ..CopyOptions::default() };
    let first = copy(&here, &tag("v1"), &there, &options).await.unwrap();
    assert!(first.carried_bytes() > 0);
    let again = CopyOptions { tags: Some(vec!["v2".parse().unwrap()]), ..options };
    let second = copy(&here, &tag("v1"), &there, &again).await.unwrap();
    assert!(second.items.iter().all(|item| item.outcome == Outcome::AlreadyThere));
    assert_eq!(there.inner.resolve(&tag("v2")).await.unwrap().digest, image.digest);
}
