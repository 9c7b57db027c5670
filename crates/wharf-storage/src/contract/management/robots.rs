//! Robot accounts.
#![expect(clippy::unwrap_used, reason = "a test suite: an error that is not expected is a failure")]

use wharf_access::{Action, Caller, Resource, Role};

use super::town::*;
use crate::Catalog;
use crate::catalog::{NewRobot, RobotUpdate};

const PULL: (Resource, Action) = (Resource::Repository, Action::Pull);
const PUSH: (Resource, Action) = (Resource::Repository, Action::Push);
const MAKE_ROBOTS: [(Resource, Action); 3] =
    [(Resource::Robot, Action::Create), (Resource::Robot, Action::Update), (Resource::Robot, Action::Read)];

fn update() -> RobotUpdate {
    RobotUpdate::default()
}

pub(super) async fn a_robot_is_as_it_was_made(town: &Town<impl Catalog>) {
    let catalog = &town.catalog;
    let ann = town.member("ann", "shop", Role::ProjectAdmin).await;
    let new = NewRobot {
        description: "builds".to_owned(),
        expires_at: Some(town.now() + 60),
        ..new_robot(Some("shop"), "ci", vec![grant("shop", "charts/**", &[PULL, PUSH])])
    };
    let made = catalog.create_robot(&ann, new.clone()).await.unwrap();
    assert_eq!(made.name, "robot$shop+ci");
    assert_eq!(made.project.as_deref(), Some("shop"));
    assert_eq!(made.description, "builds");
    assert_eq!(made.grants, new.grants);
    assert_eq!(made.expires_at, Some(town.now() + 60));
    assert_eq!(catalog.robot(&ann, Some("shop"), made.id).await.unwrap(), made);
    assert_eq!(
        catalog.robots(&ann, Some("shop"), None, &first(10)).await.unwrap().entries,
        std::slice::from_ref(&made)
    );
    let credential = catalog.robot_credential("robot$shop+ci").await.unwrap().unwrap();
    assert_eq!(
        (credential.robot, credential.secret_hash.as_str(), credential.previous),
        (made.clone(), HASH, None)
    );
    assert!(catalog.robot_credential("ci").await.unwrap().is_none());

    town.pass(5);
    let change = RobotUpdate {
        description: Some("sleeps".to_owned()),
        grants: Some(vec![grant("shop", "**", &[PULL])]),
        expires_at: Some(None),
        disabled: Some(true),
        ..update()
    };
    let changed = catalog.update_robot(&ann, Some("shop"), made.id, change).await.unwrap();
    assert_eq!(changed.description, "sleeps");
    assert_eq!(changed.grants, [grant("shop", "**", &[PULL])]);
    assert_eq!((changed.expires_at, changed.disabled), (None, true));
    assert_eq!((changed.created_at, changed.updated_at), (town.now() - 5, town.now()));
    catalog.delete_robot(&ann, Some("shop"), made.id).await.unwrap();
    assert_absent(catalog.robot(&ann, Some("shop"), made.id).await, "robot");
    assert!(catalog.robot_credential("robot$shop+ci").await.unwrap().is_none());
}

pub(super) async fn malformed_robots_are_refused(town: &Town<impl Catalog>) {
    let catalog = &town.catalog;
    let system = Caller::system();
    let long = "x".repeat(256);
    for bad in ["", "CI", "a+b", "a b", "a$b", "a/b", "ä", &long] {
        let robot = new_robot(Some("shop"), bad, Vec::new());
        assert_invalid(catalog.create_robot(&system, robot).await, "robot name");
    }
    let secret = NewRobot { secret_hash: "hunter2".to_owned(), ..new_robot(None, "x", Vec::new()) };
    let error = catalog.create_robot(&system, secret).await.unwrap_err();
    assert!(!error.to_string().contains("hunter2"), "{error}");
    let past = NewRobot { expires_at: Some(town.now()), ..new_robot(None, "x", Vec::new()) };
    assert_invalid(catalog.create_robot(&system, past).await, "expiry");
    town.robot(Some("shop"), "ci", Vec::new()).await;
    let again = new_robot(Some("shop"), "ci", Vec::new());
    assert_conflict(catalog.create_robot(&system, again).await, "\"robot$shop+ci\" exists already");
    // The same name elsewhere is another robot.
    town.robot(Some("bank"), "ci", Vec::new()).await;
    town.robot(None, "ci", Vec::new()).await;
}

pub(super) async fn grants_stay_in_the_project_and_below_its_administrator(town: &Town<impl Catalog>) {
    let catalog = &town.catalog;
    let ann = town.member("ann", "shop", Role::ProjectAdmin).await;
    let admin = town.admin("root").await;
    let (_, robot) = town.robot(Some("shop"), "ci", Vec::new()).await;
    for caller in [&ann, &admin] {
        for project in ["bank", "*", "/", "shop2", ""] {
            let grants = vec![grant("shop", "**", &[PULL]), grant(project, "**", &[PULL])];
            let refused = catalog.create_robot(caller, new_robot(Some("shop"), "x", grants.clone())).await;
            assert_invalid(refused, "the robot belongs to \"shop\"");
            let change = RobotUpdate { grants: Some(grants), ..update() };
            let refused = catalog.update_robot(caller, Some("shop"), robot.id, change).await;
            assert_invalid(refused, "the robot belongs to \"shop\"");
        }
        for beyond in [
            (Resource::User, Action::Create),
            (Resource::AuditLog, Action::List),
            (Resource::Project, Action::Create),
            (Resource::GarbageCollection, Action::Create),
        ] {
            let grants = vec![grant("shop", "**", &[PULL, beyond])];
            let refused = catalog.create_robot(caller, new_robot(Some("shop"), "x", grants)).await;
            assert_invalid(refused, "cannot be granted in a project");
        }
    }
    assert_eq!(catalog.robot(&ann, Some("shop"), robot.id).await.unwrap().grants, []);
}

pub(super) async fn grants_that_are_costly_to_ask_are_refused(town: &Town<impl Catalog>) {
    let catalog = &town.catalog;
    let ann = town.member("ann", "shop", Role::ProjectAdmin).await;
    let (_, robot) = town.robot(Some("shop"), "ci", Vec::new()).await;
    let (deep, long) = (vec!["*"; 33].join("/"), "x".repeat(257));
    for (pattern, access, problem) in [
        (deep.as_str(), &[PULL][..], "33 components"),
        (long.as_str(), &[PULL], "257 bytes"),
        ("**", &[PULL, PUSH, PULL], "is given twice"),
    ] {
        let grants = vec![grant("shop", "**", &[PULL]), grant("shop", pattern, access)];
        let refused = catalog.create_robot(&ann, new_robot(Some("shop"), "x", grants.clone())).await;
        assert_invalid(refused, problem);
        let change = RobotUpdate { grants: Some(grants), ..update() };
        assert_invalid(catalog.update_robot(&ann, Some("shop"), robot.id, change).await, problem);
    }
    assert_eq!(catalog.robot(&ann, Some("shop"), robot.id).await.unwrap().grants, []);
}

pub(super) async fn a_robot_makes_none_that_may_do_more(town: &Town<impl Catalog>) {
    // As CVE-2019-16919: a maker of robots gave them what it did not have itself.
    let catalog = &town.catalog;
    let mut access = MAKE_ROBOTS.to_vec();
    access.push(PULL);
    let grants = vec![grant("shop", "charts/**", &access)];
    let (maker, _) = town.robot(Some("shop"), "maker", grants).await;
    let make = async |name: &str, pattern: &str, access: &[(Resource, Action)]| {
        let grants = vec![grant("shop", pattern, access)];
        catalog.create_robot(&maker, new_robot(Some("shop"), name, grants)).await
    };
    let made = make("a", "charts/**", &[PULL]).await.unwrap();
    assert_forbidden(make("b", "charts/**", &[PUSH]).await);
    assert_forbidden(make("b", "charts/**", &[PULL, (Resource::Member, Action::Create)]).await);
    assert_forbidden(make("b", "**", &[PULL]).await);
    assert_forbidden(make("b", "images/**", &[PULL]).await);
    for more in [vec![grant("shop", "charts/**", &[PULL, PUSH])], vec![grant("shop", "**", &[PULL])]] {
        let change = RobotUpdate { grants: Some(more), ..update() };
        assert_forbidden(catalog.update_robot(&maker, Some("shop"), made.id, change).await);
    }
    assert_hidden(catalog.create_robot(&maker, new_robot(Some("bank"), "c", Vec::new())).await);
    assert_forbidden(catalog.create_robot(&maker, new_robot(None, "c", Vec::new())).await);
    assert!(catalog.robot_credential("robot$shop+b").await.unwrap().is_none());
}

pub(super) async fn a_weaker_robot_cannot_take_over_a_stronger(town: &Town<impl Catalog>) {
    let catalog = &town.catalog;
    let (maker, _) = town.robot(Some("shop"), "maker", vec![grant("shop", "**", &MAKE_ROBOTS)]).await;
    let (_, strong) = town.robot(Some("shop"), "strong", vec![grant("shop", "**", &[PUSH])]).await;
    let (_, equal) = town.robot(Some("shop"), "equal", vec![grant("shop", "**", &MAKE_ROBOTS)]).await;
    for change in [
        RobotUpdate { rotate: Some((OTHER_HASH.to_owned(), 0)), ..update() },
        RobotUpdate { disabled: Some(false), ..update() },
        RobotUpdate { expires_at: Some(None), ..update() },
    ] {
        let refused = catalog.update_robot(&maker, Some("shop"), strong.id, change.clone()).await;
        assert_forbidden(refused);
        catalog.update_robot(&maker, Some("shop"), equal.id, change).await.unwrap();
    }
    let credential = catalog.robot_credential("robot$shop+strong").await.unwrap().unwrap();
    assert_eq!(credential.secret_hash, HASH);
}

pub(super) async fn system_robots_are_made_by_administrators_only(town: &Town<impl Catalog>) {
    let catalog = &town.catalog;
    let admin = town.admin("root").await;
    let ann = town.member("ann", "shop", Role::ProjectAdmin).await;
    let all = Action::all().map(|action| (Resource::Robot, action)).collect::<Vec<_>>();
    let (reader, clerk) = town.robot(None, "clerk", vec![grant("/", "**", &all)]).await;
    for caller in [&ann, &reader, &Caller::anonymous()] {
        let robot = new_robot(None, "x", vec![grant("*", "**", &[PULL])]);
        assert_forbidden(catalog.create_robot(caller, robot).await);
        let rotate = RobotUpdate { rotate: Some((OTHER_HASH.to_owned(), 0)), ..update() };
        assert_forbidden(catalog.update_robot(caller, None, clerk.id, rotate).await);
        assert_forbidden(catalog.delete_robot(caller, None, clerk.id).await);
    }
    assert_forbidden(catalog.robots(&ann, None, None, &first(10)).await);
    assert_eq!(catalog.robots(&reader, None, None, &first(10)).await.unwrap().total, 1);

    let grants = vec![
        grant("*", "**", &[PULL]),
        grant("shop", "charts/*", &[PUSH]),
        grant("/", "**", &[(Resource::Project, Action::Create)]),
    ];
    let made = catalog.create_robot(&admin, new_robot(None, "deployer", grants)).await.unwrap();
    assert_eq!((made.name.as_str(), made.project), ("robot$deployer", None));
    let unknown = new_robot(None, "x", vec![grant("nowhere", "**", &[PULL])]);
    assert_invalid(catalog.create_robot(&admin, unknown).await, "\"nowhere\" does not exist");
    let beyond = new_robot(None, "x", vec![grant("*", "**", &[(Resource::User, Action::Create)])]);
    assert_invalid(catalog.create_robot(&admin, beyond).await, "cannot be granted in a project");
}

pub(super) async fn a_robot_of_another_project_is_absent(town: &Town<impl Catalog>) {
    let catalog = &town.catalog;
    let ann = town.member("ann", "shop", Role::ProjectAdmin).await;
    let admin = town.admin("root").await;
    let (_, banks) = town.robot(Some("bank"), "ci", Vec::new()).await;
    let (_, systems) = town.robot(None, "ci", Vec::new()).await;
    let (_, shops) = town.robot(Some("shop"), "ci", Vec::new()).await;
    for (caller, project, id) in [
        (&ann, Some("shop"), banks.id),
        (&ann, Some("shop"), systems.id),
        (&ann, Some("shop"), 4_000_000),
        (&admin, Some("shop"), banks.id),
        (&admin, None, 4_000_000),
        (&admin, Some("shop"), systems.id),
    ] {
        let rotate = RobotUpdate { rotate: Some((OTHER_HASH.to_owned(), 0)), ..update() };
        assert_absent(catalog.robot(caller, project, id).await, "robot");
        assert_absent(catalog.update_robot(caller, project, id, rotate).await, "robot");
        assert_absent(catalog.delete_robot(caller, project, id).await, "robot");
    }
    assert_hidden(catalog.robot(&ann, Some("bank"), banks.id).await);
    let ids: Vec<i64> = catalog
        .robots(&ann, Some("shop"), None, &first(10))
        .await
        .unwrap()
        .entries
        .iter()
        .map(|robot| robot.id)
        .collect();
    assert_eq!(ids, [shops.id]);
    assert_eq!(catalog.robot_credential("robot$bank+ci").await.unwrap().unwrap().secret_hash, HASH);
}

pub(super) async fn a_robot_is_found_by_its_number_alone_by_who_may_see_it(town: &Town<impl Catalog>) {
    let catalog = &town.catalog;
    let ann = town.member("ann", "shop", Role::ProjectAdmin).await;
    let guest = town.member("gus", "shop", Role::Guest).await;
    let admin = town.admin("root").await;
    let (_, shops) = town.robot(Some("shop"), "ci", Vec::new()).await;
    let (_, banks) = town.robot(Some("bank"), "ci", Vec::new()).await;
    let (_, opens) = town.robot(Some("open"), "ci", Vec::new()).await;
    let (_, systems) = town.robot(None, "ci", Vec::new()).await;
    for robot in [&shops, &banks, &opens, &systems] {
        assert_eq!(&catalog.robot(&admin, None, robot.id).await.unwrap(), robot);
    }
    assert_eq!(catalog.robot(&guest, None, shops.id).await.unwrap(), shops);
    let change = |text: &str| RobotUpdate { description: Some(text.to_owned()), ..update() };
    assert_forbidden(catalog.update_robot(&guest, None, shops.id, change("x")).await);
    assert_forbidden(catalog.delete_robot(&guest, None, shops.id).await);
    let changed = catalog.update_robot(&ann, None, shops.id, change("by number")).await.unwrap();
    assert_eq!((changed.description.as_str(), changed.project.as_deref()), ("by number", Some("shop")));
    let beyond = RobotUpdate { grants: Some(vec![grant("bank", "**", &[PULL])]), ..update() };
    assert_invalid(
        catalog.update_robot(&admin, None, shops.id, beyond).await,
        "the robot belongs to \"shop\"",
    );
    // Of a hidden project, of the system, of nobody: all are told alike.
    for id in [banks.id, opens.id, systems.id, 4_000_000] {
        assert_forbidden(catalog.robot(&ann, None, id).await);
        assert_forbidden(catalog.update_robot(&ann, None, id, change("mine")).await);
        assert_forbidden(catalog.delete_robot(&ann, None, id).await);
    }
    catalog.delete_robot(&ann, None, shops.id).await.unwrap();
    assert_absent(catalog.robot(&admin, None, shops.id).await, "robot");
}

pub(super) async fn rotation_keeps_the_old_secret_for_a_while(town: &Town<impl Catalog>) {
    let catalog = &town.catalog;
    let system = Caller::system();
    let (_, robot) = town.robot(None, "ci", Vec::new()).await;
    let until = town.now() + 100;
    let rotate = |hash: &str, until| RobotUpdate { rotate: Some((hash.to_owned(), until)), ..update() };
    catalog.update_robot(&system, None, robot.id, rotate(OTHER_HASH, until)).await.unwrap();
    let credential = catalog.robot_credential("robot$ci").await.unwrap().unwrap();
    assert_eq!(credential.secret_hash, OTHER_HASH);
    assert_eq!(credential.previous, Some((HASH.to_owned(), until)));
    // Another change does not end the overlap.
    let other = RobotUpdate { description: Some("x".to_owned()), ..update() };
    catalog.update_robot(&system, None, robot.id, other).await.unwrap();
    assert!(catalog.robot_credential("robot$ci").await.unwrap().unwrap().previous.is_some());
    town.pass(100);
    assert_eq!(catalog.robot_credential("robot$ci").await.unwrap().unwrap().previous, None);
    // At once: the old one ends now.
    catalog.update_robot(&system, None, robot.id, rotate(HASH, town.now())).await.unwrap();
    let credential = catalog.robot_credential("robot$ci").await.unwrap().unwrap();
    assert_eq!((credential.secret_hash.as_str(), credential.previous), (HASH, None));
    assert_invalid(catalog.update_robot(&system, None, robot.id, rotate("short", 0)).await, "it has 5 bytes");
}

pub(super) async fn a_removed_project_leaves_no_grant_behind(town: &Town<impl Catalog>) {
    let catalog = &town.catalog;
    let system = Caller::system();
    town.project("brief", false).await;
    let grants = vec![
        grant("brief", "**", &[(Resource::Project, Action::Read)]),
        grant("shop", "**", &[(Resource::Project, Action::Read)]),
    ];
    let (reader, robot) = town.robot(None, "reader", grants).await;
    let (local, _) = town
        .robot(Some("brief"), "ci", vec![grant("brief", "**", &[(Resource::Project, Action::Read)])])
        .await;
    assert_eq!(catalog.project(&reader, "brief").await.unwrap().name, "brief");
    catalog.project(&local, "brief").await.unwrap();
    catalog.delete_project(&system, "brief").await.unwrap();
    town.project("brief", false).await;
    assert_hidden(catalog.project(&reader, "brief").await);
    assert_hidden(catalog.project(&local, "brief").await);
    assert!(catalog.robot_credential("robot$brief+ci").await.unwrap().is_none());
    assert_eq!(catalog.robot(&system, None, robot.id).await.unwrap().grants.len(), 1);
    catalog.project(&reader, "shop").await.unwrap();
}

pub(super) async fn a_robot_sees_the_repositories_of_its_pattern(town: &Town<impl Catalog>) {
    let catalog = &town.catalog;
    for repository in ["shop/charts/a", "shop/charts/b", "shop/images/a", "open/charts/a"] {
        town.push(repository, "x", &["1.0"]).await;
    }
    let access = [
        (Resource::Repository, Action::List),
        (Resource::Repository, Action::Read),
        (Resource::Repository, Action::Delete),
        (Resource::Artifact, Action::List),
        (Resource::Artifact, Action::Read),
        (Resource::Tag, Action::List),
    ];
    let (robot, _) = town.robot(Some("shop"), "ci", vec![grant("shop", "charts/**", &access)]).await;
    let listed = catalog.project_repositories(&robot, "shop", None, &first(10)).await.unwrap();
    assert_eq!(listed.total, 2, "what it may not see does not count");
    let names: Vec<_> = listed.entries.iter().map(|repository| repository.name.as_str()).collect();
    assert_eq!(names, ["shop/charts/a", "shop/charts/b"]);
    let limited = catalog.project_repositories(&robot, "shop", None, &first(1)).await.unwrap();
    assert_eq!((limited.entries.len(), limited.total), (1, 2));
    catalog.artifact(&robot, &name("shop/charts/a"), &by_tag("1.0")).await.unwrap();
    assert_forbidden(catalog.repository(&robot, &name("shop/images/a")).await);
    assert_forbidden(catalog.artifact(&robot, &name("shop/images/a"), &by_tag("1.0")).await);
    assert_forbidden(catalog.artifacts(&robot, &name("shop/images/a"), &everything(true), &first(1)).await);
    assert_forbidden(catalog.tag_records(&robot, &name("shop/images/a"), None, None, &first(1)).await);
    assert_forbidden(catalog.delete_repository(&robot, &name("shop/images/a")).await);
    assert_forbidden(catalog.delete_repository(&robot, &name("open/charts/a")).await);
    catalog.delete_repository(&robot, &name("shop/charts/b")).await.unwrap();
}
