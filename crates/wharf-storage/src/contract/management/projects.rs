//! Projects.
#![expect(clippy::unwrap_used, reason = "a test suite: an error that is not expected is a failure")]

use wharf_access::{Action, Caller, Resource, Role};
use wharf_oci::distribution::Scope;

use super::town::*;
use crate::Catalog;
use crate::catalog::{NewProject, ProjectFilter, ProjectUpdate, Statistics, TextFilter};

fn new(name: &str) -> NewProject {
    NewProject { name: name.to_owned(), ..NewProject::default() }
}

pub(super) async fn who_may_make_a_project(town: &Town<impl Catalog>) {
    let catalog = &town.catalog;
    let (ann, admin) = (town.user("ann").await, town.admin("root").await);
    let create = [(Resource::Project, Action::Create)];
    let (maker, _) = town.robot(None, "maker", vec![grant("/", "**", &create)]).await;
    let (other, _) =
        town.robot(None, "other", vec![grant("*", "**", &[(Resource::Repository, Action::Push)])]).await;
    let scope = Scope::repository("mine/web", ["push", "pull"]);
    let narrowed = Caller { token_scopes: Some(vec![scope]), ..ann.clone() };
    for (caller, allow_users, may) in [
        (&Caller::anonymous(), true, false),
        (&ann, false, false),
        (&ann, true, true),
        (&narrowed, true, false),
        (&admin, false, true),
        (&maker, false, true),
        (&other, true, false),
    ] {
        let made = catalog.create_project(caller, new("mine"), allow_users).await;
        assert_eq!(told(made), if may { Told::Allowed } else { Told::Forbidden }, "{}", caller.name);
        if may {
            let seen = catalog.project(&Caller::system(), "mine").await.unwrap();
            assert_eq!(
                (seen.owner.as_str(), seen.public, seen.repositories),
                (caller.name.as_str(), false, 0)
            );
            catalog.delete_project(&Caller::system(), "mine").await.unwrap();
        }
    }
    // Its maker administers it.
    let made = catalog.create_project(&ann, new("mine"), true).await.unwrap();
    assert_eq!(made.caller_role, Some(Role::ProjectAdmin));
    assert_eq!(catalog.members(&ann, "mine", None, &first(10)).await.unwrap().entries[0].user_name, "ann");
    assert_conflict(catalog.create_project(&ann, new("mine"), true).await, "exists already");
    // A failed attempt makes nobody a member of what was there.
    assert_conflict(catalog.create_project(&ann, new("bank"), true).await, "exists already");
    assert_hidden(catalog.project(&ann, "bank").await);
}

pub(super) async fn project_names_are_checked(town: &Town<impl Catalog>) {
    let long = "x".repeat(256);
    for bad in ["", "Shop", "a/b", "-a", "a-", "a..b", ".", "..", "a b", "a:b", "ä", "_catalog", &long] {
        let refused = town.catalog.create_project(&Caller::system(), new(bad), false).await;
        assert_invalid(refused, "project name");
    }
    for good in ["a", "a-b", "a--b", "a.b", "a__b", "2024"] {
        town.catalog.create_project(&Caller::system(), new(good), false).await.unwrap();
    }
}

pub(super) async fn the_quota_is_the_administrators(town: &Town<impl Catalog>) {
    let catalog = &town.catalog;
    let (ann, admin) = (town.member("ann", "shop", Role::ProjectAdmin).await, town.admin("root").await);
    let limited = NewProject { quota_bytes: Some(10), ..new("mine") };
    assert_forbidden(catalog.create_project(&ann, limited.clone(), true).await);
    assert_eq!(catalog.create_project(&admin, limited, true).await.unwrap().quota_bytes, Some(10));

    let quota = ProjectUpdate { public: Some(true), quota_bytes: Some(None) };
    assert_forbidden(catalog.update_project(&ann, "shop", quota).await);
    assert!(!catalog.project(&ann, "shop").await.unwrap().public, "a refused change changes nothing");
    let public = ProjectUpdate { public: Some(true), quota_bytes: None };
    town.pass(9);
    let changed = catalog.update_project(&ann, "shop", public).await.unwrap();
    assert!(changed.public);
    assert_eq!(changed.updated_at, changed.created_at + 9);
    for quota_bytes in [Some(5), Some(0), None] {
        let change = ProjectUpdate { public: None, quota_bytes: Some(quota_bytes) };
        let changed = catalog.update_project(&admin, "shop", change).await.unwrap();
        assert_eq!((changed.quota_bytes, changed.public), (quota_bytes, true));
    }
}

pub(super) async fn hidden_and_absent_projects_are_told_alike(town: &Town<impl Catalog>) {
    let catalog = &town.catalog;
    let ann = town.member("ann", "shop", Role::ProjectAdmin).await;
    let admin = town.admin("root").await;
    let pull = [(Resource::Repository, Action::Pull)];
    let (robot, _) = town.robot(Some("shop"), "ci", vec![grant("shop", "**", &pull)]).await;
    let bank = catalog.project(&admin, "bank").await.unwrap().id;
    for caller in [&Caller::anonymous(), &ann, &robot] {
        for name in ["bank", "absent", "", "no/name", "%"] {
            let error = catalog.project(caller, name).await.unwrap_err();
            assert_eq!(error.to_string(), "not found, or not visible to this account", "{name}");
            assert_hidden(catalog.update_project(caller, name, ProjectUpdate::default()).await);
            assert_hidden(catalog.delete_project(caller, name).await);
            assert_hidden(catalog.members(caller, name, None, &first(10)).await);
            assert_hidden(catalog.robots(caller, Some(name), None, &first(10)).await);
            assert_hidden(catalog.project_repositories(caller, name, None, &first(10)).await);
        }
        for id in [bank, 4_000_000, -1] {
            assert_hidden(catalog.project_name(caller, id).await);
        }
    }
    assert_absent(catalog.project(&admin, "absent").await, "project");
    assert_absent(catalog.project_name(&admin, 4_000_000).await, "project");
    assert_eq!(catalog.project_name(&admin, bank).await.unwrap(), "bank");
    let open = catalog.project(&Caller::anonymous(), "open").await.unwrap();
    assert_eq!(catalog.project_name(&Caller::anonymous(), open.id).await.unwrap(), "open");
}

pub(super) async fn everyone_sees_their_own_projects(town: &Town<impl Catalog>) {
    let catalog = &town.catalog;
    let ann = town.member("ann", "shop", Role::LimitedGuest).await;
    let (bob, admin) = (town.user("bob").await, town.admin("root").await);
    let read = [(Resource::Project, Action::Read)];
    let (banks, _) = town.robot(Some("bank"), "ci", vec![grant("bank", "**", &read)]).await;
    let (all, _) = town.robot(None, "all", vec![grant("*", "**", &read)]).await;
    let list = async |caller: &Caller, name_contains: Option<&str>| {
        let name = name_contains.map(|part| TextFilter::Contains(part.to_owned()));
        let filter = ProjectFilter { name, ..ProjectFilter::default() };
        let projects = catalog.projects(caller, &filter, &first(10)).await.unwrap();
        assert_eq!(projects.total, projects.entries.len() as u64);
        projects.entries.into_iter().map(|project| (project.name, project.caller_role)).collect::<Vec<_>>()
    };
    let names = |names: &[&str]| names.iter().map(|name| ((*name).to_owned(), None)).collect::<Vec<_>>();
    assert_eq!(list(&Caller::anonymous(), None).await, names(&["open"]));
    assert_eq!(list(&bob, None).await, names(&["open"]));
    assert_eq!(list(&admin, None).await, names(&["bank", "open", "shop"]));
    assert_eq!(list(&banks, None).await, names(&["bank", "open"]));
    assert_eq!(list(&all, None).await, names(&["bank", "open", "shop"]));
    assert_eq!(
        list(&ann, None).await,
        [("open".to_owned(), None), ("shop".to_owned(), Some(Role::LimitedGuest))]
    );
    assert_eq!(list(&admin, Some("o")).await, names(&["open", "shop"]));
    assert_eq!(list(&admin, Some("%")).await, names(&[]));
    assert_eq!(list(&bob, Some("bank")).await, names(&[]));
    let scope = Scope::repository("shop/web", ["pull"]);
    let narrowed = Caller { token_scopes: Some(vec![scope]), ..admin };
    assert_eq!(list(&narrowed, None).await, names(&["open"]), "what everyone may see needs no scope");
}

pub(super) async fn a_project_with_repositories_stays(town: &Town<impl Catalog>) {
    let catalog = &town.catalog;
    let ann = town.member("ann", "shop", Role::ProjectAdmin).await;
    town.push("shop/web", "a", &["1.0"]).await;
    assert_conflict(catalog.delete_project(&ann, "shop").await, "still holds 1 repository");
    town.push("shop/db", "b", &[]).await;
    assert_conflict(catalog.delete_project(&ann, "shop").await, "still holds 2 repositories");
    assert_eq!(catalog.project(&ann, "shop").await.unwrap().repositories, 2);
    for repository in ["shop/web", "shop/db"] {
        catalog.delete_repository(&ann, &name(repository)).await.unwrap();
    }
    catalog.delete_project(&ann, "shop").await.unwrap();
    assert_hidden(catalog.project(&ann, "shop").await);
    assert_absent(catalog.project(&Caller::system(), "shop").await, "project");
    town.agrees().await;
    // A later project of that name is another one: nobody is a member.
    town.project("shop", false).await;
    assert_hidden(catalog.project(&ann, "shop").await);
}

pub(super) async fn statistics_count_what_is_visible(town: &Town<impl Catalog>) {
    let catalog = &town.catalog;
    let ann = town.member("ann", "shop", Role::Guest).await;
    let admin = town.admin("root").await;
    town.push("shop/web", "a", &["1.0"]).await;
    town.push("open/web", "a", &["1.0"]).await;
    town.push("open/db", "a", &["1.0"]).await;
    let used = async |name: &str| catalog.project(&Caller::system(), name).await.unwrap().used_bytes;
    let (shop, open) = (used("shop").await, used("open").await);
    assert_eq!(shop, open, "the same content, counted once in each");
    let public = Statistics {
        public_projects: 1,
        public_repositories: 2,
        total_projects: 1,
        total_repositories: 2,
        total_storage_bytes: open,
        ..Statistics::default()
    };
    assert_eq!(catalog.statistics(&Caller::anonymous()).await.unwrap(), public);
    let with_shop = Statistics {
        private_projects: 1,
        private_repositories: 1,
        total_projects: 2,
        total_repositories: 3,
        total_storage_bytes: open + shop,
        ..public
    };
    assert_eq!(catalog.statistics(&ann).await.unwrap(), with_shop);
    let all = Statistics { private_projects: 2, total_projects: 3, ..with_shop };
    assert_eq!(catalog.statistics(&admin).await.unwrap(), all);
}
