//! What the one decision answers, and how much its refusals reveal.

use wharf_access::{
    Action, Caller, Denied, Permission, Principal, RepositoryPattern, Request, Resource, RobotGrant, Role,
    Standing, decide,
};

const PROJECT_READ: Permission = Permission::new(Resource::Project, Action::Read);

fn user() -> Caller {
    Caller::named(Principal::User(7), "ann")
}

/// A project that exists, and an account that is fine but has no part in it.
fn outsider(public: bool) -> Standing {
    Standing { active: true, project_exists: true, project_public: public, ..Standing::default() }
}

fn absent() -> Standing {
    Standing { active: true, ..Standing::default() }
}

fn every_permission() -> impl Iterator<Item = Permission> {
    Resource::all().flat_map(|resource| Action::all().map(move |action| Permission::new(resource, action)))
}

/// What Harbor shows of a public project to those who are no members.
fn open_to_all(permission: Permission) -> bool {
    matches!(
        permission.to_string().as_str(),
        "repository:pull"
            | "repository:read"
            | "repository:list"
            | "artifact:read"
            | "artifact:list"
            | "tag:read"
            | "tag:list"
            | "accessory:read"
            | "accessory:list"
            | "artifact-addition:read"
            | "project:read"
    )
}

#[test]
fn a_private_project_and_an_absent_one_answer_alike_to_outsiders() {
    for caller in [Caller::anonymous(), user()] {
        for permission in every_permission() {
            let request = Request::in_project(permission, "shop");
            let private = decide(&caller, &outsider(false), &request);
            assert_eq!(private, Err(Denied::Hidden), "{} {permission}", caller.name);
            assert_eq!(private, decide(&caller, &absent(), &request), "{} {permission}", caller.name);
        }
    }
}

#[test]
fn outsiders_read_public_projects_and_nothing_more() {
    for caller in [Caller::anonymous(), user()] {
        for permission in every_permission() {
            let request = Request { permission, project: Some("shop"), repository: Some("web") };
            let expected = if open_to_all(permission) { Ok(()) } else { Err(Denied::Forbidden) };
            assert_eq!(decide(&caller, &outsider(true), &request), expected, "{} {permission}", caller.name);
        }
    }
}

#[test]
fn members_get_their_role_in_private_projects_and_the_public_rights_on_top_in_public_ones() {
    for role in Role::ALL {
        for public in [false, true] {
            for permission in every_permission() {
                let standing = Standing { role: Some(role), ..outsider(public) };
                let expected = role.permits(permission) || (public && open_to_all(permission));
                let decided = decide(&user(), &standing, &Request::in_project(permission, "shop"));
                assert_eq!(decided.is_ok(), expected, "{} {permission} public={public}", role.name());
                // A member knows the project; a refusal hides nothing.
                assert!(expected || decided == Err(Denied::Forbidden));
            }
        }
    }
}

#[test]
fn a_project_role_gives_nothing_at_the_system_level() {
    for role in Role::ALL {
        for permission in every_permission() {
            let standing = Standing { role: Some(role), ..outsider(true) };
            let decided = decide(&user(), &standing, &Request::on_system(permission));
            assert_eq!(decided, Err(Denied::Forbidden), "{} {permission}", role.name());
        }
    }
}

#[test]
fn administrators_may_do_everything_and_learn_that_a_project_is_absent() {
    let admin = Standing { system_admin: true, ..outsider(false) };
    for permission in every_permission() {
        assert_eq!(decide(&user(), &admin, &Request::in_project(permission, "shop")), Ok(()));
        assert_eq!(decide(&user(), &admin, &Request::on_system(permission)), Ok(()));
    }
    let nowhere = Standing { system_admin: true, ..absent() };
    assert_eq!(decide(&user(), &nowhere, &Request::in_project(PROJECT_READ, "shop")), Ok(()));
}

#[test]
fn a_disabled_account_may_do_nothing_whatever_it_was() {
    let grants = vec![RobotGrant {
        project: "*".to_owned(),
        repositories: RepositoryPattern::default(),
        access: every_permission().map(|p| (p.resource, p.action)).collect(),
    }];
    for public in [false, true] {
        let standing = Standing {
            active: false,
            system_admin: true,
            role: Some(Role::ProjectAdmin),
            robot_grants: grants.clone(),
            ..outsider(public)
        };
        for caller in [user(), Caller::named(Principal::Robot(3), "robot$ci")] {
            for permission in every_permission() {
                let decided = decide(&caller, &standing, &Request::in_project(permission, "shop"));
                let expected = if public { Denied::Forbidden } else { Denied::Hidden };
                assert_eq!(decided, Err(expected), "{} {permission}", caller.name);
                assert!(decide(&caller, &standing, &Request::on_system(permission)).is_err());
            }
        }
    }
}

#[test]
fn the_server_itself_is_never_refused() {
    for permission in every_permission() {
        assert_eq!(decide(&Caller::system(), &Standing::default(), &Request::on_system(permission)), Ok(()));
    }
}

#[test]
fn an_account_never_borrows_what_belongs_to_the_other_kind() {
    // A user with stray grants gains nothing from them, and a robot nothing from a role or the administrator's flag.
    let grant = RobotGrant {
        project: "shop".to_owned(),
        repositories: RepositoryPattern::default(),
        access: vec![(Resource::Repository, Action::Push)],
    };
    let request = Request { permission: Permission::PUSH, project: Some("shop"), repository: Some("web") };
    let granted = Standing { robot_grants: vec![grant], ..outsider(false) };
    assert_eq!(decide(&user(), &granted, &request), Err(Denied::Forbidden));
    let role = Standing { role: Some(Role::ProjectAdmin), system_admin: true, ..outsider(false) };
    assert_eq!(
        decide(&Caller::named(Principal::Robot(3), "robot$ci"), &role, &request),
        Err(Denied::Forbidden)
    );
}
