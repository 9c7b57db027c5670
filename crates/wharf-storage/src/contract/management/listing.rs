//! Lists by page.
#![expect(clippy::unwrap_used, reason = "a test suite: an error that is not expected is a failure")]

use wharf_access::{Caller, Role};

use super::town::*;
use crate::Catalog;
use crate::catalog::{AuditFilter, Page};

/// Reads pages of two to the end; after the first page, `disturb` removes what ended it and adds something before it.
async fn read_all<T>(
    list: impl AsyncFn(Page) -> Vec<T>,
    key: impl Fn(&T) -> String,
    disturb: impl AsyncFnOnce(),
) -> Vec<String> {
    let mut disturb = Some(disturb);
    let mut keys: Vec<String> = Vec::new();
    loop {
        let page = keys.last().map_or_else(|| first(2), |last| after(last, 2));
        let rows = list(page).await;
        assert!(rows.len() <= 2, "the limit is kept");
        if rows.is_empty() {
            return keys;
        }
        keys.extend(rows.iter().map(&key));
        if let Some(disturb) = disturb.take() {
            disturb().await;
        }
    }
}

pub(super) async fn pages_are_stable_while_rows_come_and_go(town: &Town<impl Catalog>) {
    let catalog = &town.catalog;
    let system = &Caller::system();

    let names = ["b", "d", "f", "h", "j"];
    let mut users = Vec::new();
    for name in names {
        let user = catalog.create_user(system, new_user(name)).await.unwrap();
        users.push(user.id);
    }
    let listed = read_all(
        async |page| catalog.users(system, None, page).await.unwrap(),
        |user| user.id.to_string(),
        async || catalog.delete_user(system, users[1]).await.unwrap(),
    )
    .await;
    assert_eq!(listed, users.iter().map(ToString::to_string).collect::<Vec<_>>());
    assert_invalid(catalog.users(system, None, after("b", 2)).await, "not a number");

    for project in ["p1", "p3", "p5", "p7"] {
        town.project(project, false).await;
    }
    let listed = read_all(
        async |page| catalog.projects(system, Some("p"), page).await.unwrap(),
        |project| project.name.clone(),
        async || {
            // In order: open, p1, p3, p5, p7, shop.
            catalog.delete_project(system, "p1").await.unwrap();
            town.project("p0", false).await;
            town.project("p6", false).await;
        },
    )
    .await;
    assert_eq!(listed, ["open", "p1", "p3", "p5", "p6", "p7", "shop"]);

    let mut members = Vec::new();
    for user in ["b", "f", "h", "j"] {
        members.push(catalog.add_member(system, "shop", user, Role::Guest).await.unwrap().id);
    }
    let listed = read_all(
        async |page| catalog.members(system, "shop", page).await.unwrap(),
        |member| member.id.to_string(),
        async || catalog.delete_member(system, "shop", members[1]).await.unwrap(),
    )
    .await;
    assert_eq!(listed, members.iter().map(ToString::to_string).collect::<Vec<_>>());

    let mut robots = Vec::new();
    for name in ["r1", "r2", "r3", "r4", "r5"] {
        robots.push(town.robot(Some("shop"), name, Vec::new()).await.1.id);
    }
    let listed = read_all(
        async |page| catalog.robots(system, Some("shop"), page).await.unwrap(),
        |robot| robot.id.to_string(),
        async || catalog.delete_robot(system, Some("shop"), robots[1]).await.unwrap(),
    )
    .await;
    assert_eq!(listed, robots.iter().map(ToString::to_string).collect::<Vec<_>>());

    for repository in ["shop/b", "shop/d", "shop/f", "shop/h"] {
        town.push(repository, "x", &[]).await;
    }
    let listed = read_all(
        async |page| catalog.project_repositories(system, "shop", None, page).await.unwrap(),
        |repository| repository.name.to_string(),
        async || {
            catalog.delete_repository(system, &name("shop/d")).await.unwrap();
            town.push("shop/a", "x", &[]).await;
            town.push("shop/e", "x", &[]).await;
        },
    )
    .await;
    assert_eq!(listed, ["shop/b", "shop/d", "shop/e", "shop/f", "shop/h"]);
    let found = catalog.project_repositories(system, "shop", Some("p/e"), first(10)).await.unwrap();
    assert_eq!(found.len(), 1);

    let mut digests = Vec::new();
    for text in ["1", "2", "3", "4", "5"] {
        digests.push(town.push("shop/web", text, &[text]).await);
    }
    let id = async |text: &str| {
        catalog.artifact(system, &name("shop/web"), &by_tag(text)).await.unwrap().id.to_string()
    };
    let expected = [id("5").await, id("4").await, id("3").await, id("2").await, id("1").await];
    let listed = read_all(
        async |page| catalog.artifacts(system, &name("shop/web"), false, page).await.unwrap(),
        |artifact| artifact.id.to_string(),
        async || {
            catalog.delete_manifest(system, &name("shop/web"), &digests[3]).await.unwrap();
            town.push("shop/web", "newer", &["newer"]).await;
        },
    )
    .await;
    assert_eq!(listed, expected);
    let listed = read_all(
        async |page| catalog.tag_records(system, &name("shop/web"), None, page).await.unwrap(),
        |tag| tag.name.to_string(),
        async || catalog.delete_tag(system, &name("shop/web"), &tag("2")).await.unwrap(),
    )
    .await;
    assert_eq!(listed, ["1", "2", "3", "5", "newer"]);

    let filter = AuditFilter { project: Some("shop".to_owned()), ..AuditFilter::default() };
    let before = catalog.audit_entries(system, &filter, first(1000)).await.unwrap();
    let listed = read_all(
        async |page| catalog.audit_entries(system, &filter, page).await.unwrap(),
        |entry| entry.id.to_string(),
        async || drop(town.push("shop/web", "newest", &["newest"]).await),
    )
    .await;
    assert_eq!(listed, before.iter().map(|entry| entry.id.to_string()).collect::<Vec<_>>());
}
