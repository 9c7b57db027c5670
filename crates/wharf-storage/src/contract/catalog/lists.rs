//! Lists by page.
#![expect(clippy::unwrap_used, reason = "a test suite: an error that is not expected is a failure")]

use wharf_access::{Caller, Role};
use wharf_oci::distribution::Scope;
use wharf_oci::{Algorithm, Descriptor, media_type};

use super::stage::{Stage, absent, image, image_of, manifest, name};
use crate::Catalog;
use crate::catalog::Page;

pub(super) async fn tags_are_listed_by_page_in_byte_order(stage: &Stage<impl Catalog>) {
    stage.put("shop/web", image(&[], None), &["b", "a", "B", "1.10", "1.9", "_"]).await.unwrap();
    stage.put("shop/web2", image(&[], None), &["other"]).await.unwrap();
    let expected = ["1.10", "1.9", "B", "_", "a", "b"];
    assert_eq!(stage.tags("shop/web").await, expected);

    let system = Caller::system();
    let mut listed: Vec<String> = Vec::new();
    loop {
        let page = Page { after: listed.last().cloned(), limit: 4 };
        let tags = stage.catalog.tags(&system, &name("shop/web"), page).await.unwrap();
        if tags.is_empty() {
            break;
        }
        assert!(tags.len() <= 4);
        listed.extend(tags.iter().map(ToString::to_string));
    }
    assert_eq!(listed, expected);

    // The last entry of the page before need not exist.
    let page = Page { after: Some("1.99".to_owned()), limit: 1 };
    assert_eq!(stage.catalog.tags(&system, &name("shop/web"), page).await.unwrap()[0].as_str(), "B");
    let none = Page { after: None, limit: 0 };
    assert_eq!(stage.catalog.tags(&system, &name("shop/web"), none).await.unwrap(), []);
    let unknown = stage.catalog.tags(&system, &name("shop/none"), Page { after: None, limit: 1 }).await;
    assert_eq!(absent(unknown), "repository");
}

pub(super) async fn referrers_are_listed_by_page_and_type(stage: &Stage<impl Catalog>) {
    let (subject, _) = stage.image("shop/web", &["1.0"]).await;
    let mut expected = Vec::new();
    for _ in 0..5 {
        expected.push(stage.referrer("shop/web", &subject).await);
    }
    let sbom = manifest(&serde_json::json!({
        "schemaVersion": 2, "mediaType": media_type::OCI_INDEX, "manifests": [], "artifactType": "example/sbom",
        "annotations": { "format": "spdx" },
        "subject": Descriptor::new(media_type::OCI_MANIFEST, subject.clone(), 1),
    }));
    let (sbom_digest, sbom_size) = (sbom.digest.clone(), sbom.content.len() as u64);
    stage.put("shop/web", sbom, &[]).await.unwrap();
    expected.push(sbom_digest.clone());
    expected.sort();
    assert_eq!(stage.referrers("shop/web", &subject).await, expected);

    let system = Caller::system();
    let list = async |artifact_type, after: Option<String>, limit| {
        let page = Page { after, limit };
        stage.catalog.referrers(&system, &name("shop/web"), &subject, artifact_type, page).await.unwrap()
    };
    let filtered = list(Some("example/sbom"), None, 10).await;
    assert_eq!(filtered.len(), 1);
    assert_eq!(filtered[0].digest, sbom_digest);
    assert_eq!(filtered[0].size, sbom_size);
    assert_eq!(filtered[0].media_type, media_type::OCI_INDEX);
    assert_eq!(filtered[0].artifact_type.as_deref(), Some("example/sbom"));
    assert_eq!(filtered[0].annotations["format"], "spdx");
    assert_eq!(list(Some("application/vnd.example"), None, 10).await.len(), 5);
    assert_eq!(list(Some("other"), None, 10).await, []);

    let first = list(None, None, 4).await;
    let second = list(None, Some(first[3].digest.to_string()), 4).await;
    let listed: Vec<_> = first.into_iter().chain(second).map(|descriptor| descriptor.digest).collect();
    assert_eq!(listed, expected);

    // Nobody refers to these, and nobody is told that they are absent.
    let nobody = Algorithm::Sha256.digest(b"nobody");
    assert_eq!(stage.referrers("shop/web", &nobody).await, []);
    assert_eq!(stage.referrers("shop/none", &subject).await, []);
    stage.put("shop/copy", image_of(&[], None), &["1.0"]).await.unwrap();
    assert_eq!(stage.referrers("shop/copy", &subject).await, []);
}

/// Returns what the caller sees, in pages of two.
async fn repositories(stage: &Stage<impl Catalog>, caller: &Caller) -> Vec<String> {
    let mut listed: Vec<String> = Vec::new();
    loop {
        let page = Page { after: listed.last().cloned(), limit: 2 };
        let names = stage.catalog.repositories(caller, page).await.unwrap();
        if names.is_empty() {
            return listed;
        }
        assert!(names.len() <= 2);
        listed.extend(names.iter().map(ToString::to_string));
    }
}

pub(super) async fn repositories_are_listed_for_those_who_may_pull(stage: &Stage<impl Catalog>) {
    stage.project("shop-x", false, None).await;
    for repository in ["shop/web", "shop/charts/a", "shop-x/a", "shop", "open/web"] {
        stage.image(repository, &[]).await;
    }
    let all = ["open/web", "shop", "shop-x/a", "shop/charts/a", "shop/web"];
    assert_eq!(repositories(stage, &Caller::system()).await, all);
    assert_eq!(repositories(stage, &stage.admin().await).await, all);
    assert_eq!(repositories(stage, &Caller::anonymous()).await, ["open/web"]);
    let outsider = stage.user("otto", None).await;
    assert_eq!(repositories(stage, &outsider).await, ["open/web"]);
    let guest = stage.user("gina", Some(Role::LimitedGuest)).await;
    assert_eq!(repositories(stage, &guest).await, ["open/web", "shop", "shop/charts/a", "shop/web"]);
    let robot = stage.robot("ci", "charts/**", None).await;
    assert_eq!(repositories(stage, &robot).await, ["open/web", "shop/charts/a"]);
}

pub(super) async fn a_token_for_the_catalog_lists_what_the_account_may_pull(stage: &Stage<impl Catalog>) {
    for repository in ["shop/web", "shop/other", "open/web"] {
        stage.image(repository, &[]).await;
    }
    let guest = stage.user("gina", Some(Role::Guest)).await;
    let with = |scope: Scope| Caller { token_scopes: Some(vec![scope]), ..guest.clone() };
    let scope = |kind: &str, name: &str, action: &str| Scope {
        kind: kind.to_owned(),
        name: name.to_owned(),
        actions: [action.to_owned()].into(),
    };
    let catalog = with(scope("registry", "catalog", "*"));
    assert_eq!(repositories(stage, &catalog).await, ["open/web", "shop/other", "shop/web"]);
    let one = with(scope("repository", "shop/web", "pull"));
    assert_eq!(
        repositories(stage, &one).await,
        ["open/web", "shop/web"],
        "what everyone may pull needs no scope"
    );
}
