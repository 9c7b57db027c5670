//! Lists by page.
#![expect(clippy::unwrap_used, reason = "a test suite: an error that is not expected is a failure")]

use wharf_access::{Caller, Role};

use super::town::*;
use crate::Catalog;
use crate::Result;
use crate::catalog::{
    ArtifactFilter, AuditFilter, Listed, ProjectFilter, Slice, Sort, SortField, TextFilter,
};

/// Reads a list in pages of two, and all of it at once: both must tell the same, and every page the same total.
async fn read_all<T>(
    list: impl AsyncFn(&Slice) -> Result<Listed<T>>,
    key: impl Fn(&T) -> String,
    sort: &[(SortField, bool)],
) -> Vec<String> {
    let sort: Vec<Sort> = sort.iter().map(|&(field, descending)| Sort { field, descending }).collect();
    let slice = |offset, limit| Slice { sort: sort.clone(), offset, limit };
    let all = list(&slice(0, 1000)).await.unwrap();
    assert_eq!(all.total, all.entries.len() as u64);
    let all: Vec<String> = all.entries.iter().map(&key).collect();
    let mut paged = Vec::new();
    for offset in (0..all.len() + 2).step_by(2) {
        let page = list(&slice(offset, 2)).await.unwrap();
        assert_eq!(page.total, all.len() as u64, "also on a page behind the last");
        assert!(page.entries.len() <= 2);
        paged.extend(page.entries.iter().map(&key));
    }
    assert_eq!(paged, all);
    let none = list(&slice(0, 0)).await.unwrap();
    assert_eq!((none.entries.len(), none.total), (0, all.len() as u64));
    all
}

fn contains(part: &str) -> Option<TextFilter> {
    Some(TextFilter::Contains(part.to_owned()))
}

fn is(text: &str) -> Option<TextFilter> {
    Some(TextFilter::Is(text.to_owned()))
}

pub(super) async fn pages_have_an_order_a_filter_and_a_total(town: &Town<impl Catalog>) {
    let catalog = &town.catalog;
    let system = &Caller::system();
    use SortField::{CreatedAt, Digest, Id, Name, Owner, Role as RoleField, SizeBytes};

    for name in ["d", "b", "a_b", "c"] {
        catalog.create_user(system, new_user(name)).await.unwrap();
        town.pass(1);
    }
    let users = async |filter: Option<TextFilter>, sort: &[(SortField, bool)]| {
        let list = async |slice: &Slice| catalog.users(system, filter.as_ref(), slice).await;
        read_all(list, |user| user.name.clone(), sort).await
    };
    assert_eq!(users(None, &[]).await, ["d", "b", "a_b", "c"]);
    assert_eq!(users(None, &[(Name, false)]).await, ["a_b", "b", "c", "d"]);
    assert_eq!(users(None, &[(CreatedAt, true)]).await, ["c", "a_b", "b", "d"]);
    assert_eq!(users(contains("b"), &[(Id, true)]).await, ["a_b", "b"]);
    assert_eq!(users(contains("_"), &[]).await, ["a_b"]);
    assert_eq!(users(is("b"), &[]).await, ["b"]);
    let by_digest = Slice { sort: vec![Sort { field: Digest, descending: false }], ..first(1) };
    assert_invalid(catalog.users(system, None, &by_digest).await, "cannot be sorted by Digest");

    for (project, public) in [("p3", true), ("p1", false), ("p2", true)] {
        town.project(project, public).await;
    }
    let ann = town.member("ann", "p1", Role::Guest).await;
    let projects = async |caller: &Caller, filter: &ProjectFilter, sort: &[(SortField, bool)]| {
        let list = async |slice: &Slice| catalog.projects(caller, filter, slice).await;
        read_all(list, |project| project.name.clone(), sort).await
    };
    let all = ProjectFilter::default();
    assert_eq!(projects(system, &all, &[]).await, ["bank", "open", "p1", "p2", "p3", "shop"]);
    assert_eq!(projects(&ann, &all, &[(Name, true)]).await, ["p3", "p2", "p1", "open"]);
    assert_eq!(
        projects(&Caller::anonymous(), &all, &[(Owner, false), (Id, true)]).await,
        ["p2", "p3", "open"]
    );
    let public = ProjectFilter { name: contains("p"), public: Some(true), owner: Some(system.name.clone()) };
    assert_eq!(projects(system, &public, &[]).await, ["open", "p2", "p3"]);
    let private = ProjectFilter { name: is("p1"), public: Some(false), owner: None };
    assert_eq!(projects(&ann, &private, &[]).await, ["p1"]);
    assert_eq!(projects(&Caller::anonymous(), &private, &[]).await, Vec::<String>::new());

    for (user, role) in [("d", Role::Guest), ("b", Role::ProjectAdmin), ("c", Role::Guest)] {
        catalog.add_member(system, "shop", user, role).await.unwrap();
    }
    let members = async |filter: Option<TextFilter>, sort: &[(SortField, bool)]| {
        let list = async |slice: &Slice| catalog.members(system, "shop", filter.as_ref(), slice).await;
        read_all(list, |member| member.user_name.clone(), sort).await
    };
    assert_eq!(members(None, &[]).await, ["d", "b", "c"]);
    assert_eq!(members(None, &[(RoleField, false), (Name, false)]).await, ["b", "c", "d"]);
    assert_eq!(members(contains("c"), &[]).await, ["c"]);

    for name in ["r2", "r1", "x"] {
        town.robot(Some("shop"), name, Vec::new()).await;
    }
    let robots = async |filter: Option<TextFilter>, sort: &[(SortField, bool)]| {
        let list = async |slice: &Slice| catalog.robots(system, Some("shop"), filter.as_ref(), slice).await;
        read_all(list, |robot| robot.name.clone(), sort).await
    };
    assert_eq!(robots(None, &[]).await, ["robot$shop+r2", "robot$shop+r1", "robot$shop+x"]);
    assert_eq!(robots(contains("+r"), &[(Name, false)]).await, ["robot$shop+r1", "robot$shop+r2"]);
    assert_eq!(robots(is("robot$shop+x"), &[]).await, ["robot$shop+x"]);

    for repository in ["shop/b", "shop/a", "shop/c", "open/b"] {
        town.push(repository, "x", &[]).await;
    }
    let repositories = async |filter: Option<TextFilter>, sort: &[(SortField, bool)]| {
        let list =
            async |slice: &Slice| catalog.project_repositories(system, "shop", filter.as_ref(), slice).await;
        read_all(list, |repository| repository.name.to_string(), sort).await
    };
    assert_eq!(repositories(None, &[]).await, ["shop/a", "shop/b", "shop/c"]);
    assert_eq!(repositories(None, &[(Id, true)]).await, ["shop/c", "shop/a", "shop/b"]);
    assert_eq!(repositories(contains("p/b"), &[]).await, ["shop/b"]);
    catalog.delete_repository(system, &name("shop/a")).await.unwrap();
    assert_eq!(repositories(None, &[]).await, ["shop/b", "shop/c"]);

    let mut digests = Vec::new();
    for (text, tags) in [("1", &["1", "one"][..]), ("22", &["2"]), ("333", &[])] {
        digests.push(town.push("shop/web", text, tags).await);
        town.pass(1);
    }
    let web = name("shop/web");
    let artifacts = async |filter: ArtifactFilter, sort: &[(SortField, bool)]| {
        let list = async |slice: &Slice| catalog.artifacts(system, &web, &filter, slice).await;
        let found = read_all(list, |artifact| artifact.digest.to_string(), sort).await;
        found
            .iter()
            .map(|found| digests.iter().position(|digest| digest.as_str() == found).unwrap() + 1)
            .collect::<Vec<_>>()
    };
    let filter = ArtifactFilter::default;
    assert_eq!(artifacts(filter(), &[]).await, [3, 2, 1]);
    assert_eq!(artifacts(filter(), &[(SizeBytes, false)]).await, [1, 2, 3]);
    assert_eq!(artifacts(ArtifactFilter { tagged: Some(true), ..filter() }, &[]).await, [2, 1]);
    assert_eq!(artifacts(ArtifactFilter { tagged: Some(false), ..filter() }, &[]).await, [3]);
    assert_eq!(artifacts(ArtifactFilter { tag: is("2"), ..filter() }, &[]).await, [2]);
    assert_eq!(artifacts(ArtifactFilter { tag: contains("on"), ..filter() }, &[]).await, [1]);
    assert_eq!(artifacts(ArtifactFilter { digest: is(digests[2].as_str()), ..filter() }, &[]).await, [3]);
    let tags = async |filter: Option<TextFilter>, sort: &[(SortField, bool)]| {
        let list =
            async |slice: &Slice| catalog.tag_records(system, &web, None, filter.as_ref(), slice).await;
        read_all(list, |tag| tag.name.to_string(), sort).await
    };
    assert_eq!(tags(None, &[]).await, ["1", "2", "one"]);
    assert_eq!(tags(None, &[(CreatedAt, true), (Name, true)]).await, ["2", "one", "1"]);
    assert_eq!(tags(contains("o"), &[]).await, ["one"]);
    let of = async |slice: &Slice| catalog.tag_records(system, &web, Some(&by_tag("1")), None, slice).await;
    assert_eq!(read_all(of, |tag| tag.name.to_string(), &[]).await, ["1", "one"]);
}

pub(super) async fn children_and_referrers_count_as_they_are_listed(town: &Town<impl Catalog>) {
    let (catalog, web) = (&town.catalog, name("shop/web"));
    let children = [town.push("shop/web", "a", &[]).await, town.push("shop/web", "b", &["b"]).await];
    for tags in [&["1.0"][..], &["2.0"]] {
        // Two indexes list the same children.
        let index = serde_json::json!({
            "schemaVersion": 2, "mediaType": wharf_oci::media_type::OCI_INDEX,
            "manifests": children.iter().map(listed).collect::<Vec<_>>(), "annotations": { "for": tags[0] },
        });
        town.put("shop/web", &index, tags).await;
    }
    for (subject, tags) in [(&children[0], &[][..]), (&children[1], &["sbom"])] {
        let referrer = serde_json::json!({
            "schemaVersion": 2, "mediaType": wharf_oci::media_type::OCI_INDEX, "manifests": [],
            "artifactType": "example/sbom", "subject": listed(subject),
        });
        town.put("shop/web", &referrer, tags).await;
    }
    for (all, expected) in [(false, 4), (true, 6)] {
        let list =
            async |slice: &Slice| catalog.artifacts(&Caller::system(), &web, &everything(all), slice).await;
        assert_eq!(read_all(list, |artifact| artifact.id.to_string(), &[]).await.len(), expected);
    }
}

pub(super) async fn pages_of_the_log_are_stable_while_it_grows(town: &Town<impl Catalog>) {
    let (catalog, system) = (&town.catalog, &Caller::system());
    for text in ["1", "2", "3"] {
        town.push("shop/web", text, &[text]).await;
    }
    let filter = AuditFilter { project: Some("shop".to_owned()), ..AuditFilter::default() };
    let before = catalog.audit_entries(system, &filter, newest(1000)).await.unwrap();
    let mut ids: Vec<i64> = Vec::new();
    loop {
        let page = ids.last().map_or_else(|| newest(2), |last| after(last, 2));
        let entries = catalog.audit_entries(system, &filter, page).await.unwrap();
        assert!(entries.len() <= 2, "the limit is kept");
        if entries.is_empty() {
            break;
        }
        ids.extend(entries.iter().map(|entry| entry.id));
        town.push("shop/web", &format!("after {}", ids.len()), &["newest"]).await;
    }
    assert_eq!(ids, before.iter().map(|entry| entry.id).collect::<Vec<_>>());
    assert_invalid(catalog.audit_entries(system, &filter, after("b", 2)).await, "not a number");

    // By number, with the total of what the filter finds.
    let list = async |slice: &Slice| catalog.audit_page(system, &filter, slice).await;
    let newest_first = read_all(list, |entry| entry.id.to_string(), &[]).await;
    let mut oldest_first =
        read_all(list, |entry| entry.id.to_string(), &[(SortField::CreatedAt, false)]).await;
    oldest_first.reverse();
    assert_eq!(newest_first, oldest_first);
    assert!(newest_first.len() > before.len());
    let ann = town.member("ann", "bank", Role::ProjectAdmin).await;
    assert_hidden(catalog.audit_page(&ann, &filter, &first(1)).await);
}
