//! A token narrows the rights of its account and never widens them.

use wharf_access::{
    Action, Caller, Denied, Permission, Principal, Request, Resource, Role, Standing, decide,
};

fn with_scopes(scopes: &[&str]) -> Caller {
    let mut caller = Caller::named(Principal::User(7), "ann");
    caller.token_scopes = Some(scopes.iter().map(|scope| scope.parse().unwrap()).collect());
    caller
}

fn member(role: Role) -> Standing {
    Standing { active: true, project_exists: true, role: Some(role), ..Standing::default() }
}

fn ask(scopes: &[&str], role: Role, permission: Permission, name: &str) -> Result<(), Denied> {
    let name = name.parse().unwrap();
    decide(&with_scopes(scopes), &member(role), &Request::on_repository(permission, &name))
}

#[test]
fn a_token_covers_its_repository_and_actions_only() {
    let scopes = ["repository:shop/web:pull,push"];
    for (permission, name, expected) in [
        (Permission::PULL, "shop/web", Ok(())),
        (Permission::PUSH, "shop/web", Ok(())),
        (Permission::DELETE_TAG, "shop/web", Err(Denied::Forbidden)),
        (Permission::DELETE_ARTIFACT, "shop/web", Err(Denied::Forbidden)),
        (Permission::PULL, "shop/web2", Err(Denied::Forbidden)),
        (Permission::PULL, "shop/web/sub", Err(Denied::Forbidden)),
        (Permission::PULL, "shop", Err(Denied::Forbidden)),
    ] {
        assert_eq!(ask(&scopes, Role::ProjectAdmin, permission, name), expected, "{permission} {name}");
    }
}

#[test]
fn a_token_never_gives_what_the_account_lacks() {
    let scopes = ["repository:shop/web:*"];
    assert_eq!(ask(&scopes, Role::Guest, Permission::PULL, "shop/web"), Ok(()));
    assert_eq!(ask(&scopes, Role::Guest, Permission::PUSH, "shop/web"), Err(Denied::Forbidden));
    assert_eq!(ask(&scopes, Role::Developer, Permission::DELETE_TAG, "shop/web"), Err(Denied::Forbidden));
    // Rights taken away after the token was issued are gone at once.
    let stripped = Standing { role: None, ..member(Role::Guest) };
    let name = "shop/web".parse().unwrap();
    let decided = decide(&with_scopes(&scopes), &stripped, &Request::on_repository(Permission::PULL, &name));
    assert_eq!(decided, Err(Denied::Hidden));
}

#[test]
fn a_star_in_a_token_covers_every_action_on_that_repository() {
    for permission in
        [Permission::PULL, Permission::PUSH, Permission::DELETE_TAG, Permission::DELETE_ARTIFACT]
    {
        assert_eq!(ask(&["repository:shop/web:*"], Role::Maintainer, permission, "shop/web"), Ok(()));
    }
}

#[test]
fn an_empty_token_gives_nothing_even_to_an_administrator() {
    let admin = Standing { system_admin: true, ..member(Role::ProjectAdmin) };
    let name = "shop/web".parse().unwrap();
    for permission in Resource::all().flat_map(|r| Action::all().map(move |a| Permission::new(r, a))) {
        for request in [
            Request::on_repository(permission, &name),
            Request::in_project(permission, "shop"),
            Request::on_system(permission),
        ] {
            assert_eq!(decide(&with_scopes(&[]), &admin, &request), Err(Denied::Forbidden), "{permission}");
        }
    }
}

#[test]
fn a_token_speaks_of_repositories_and_the_catalog_and_of_nothing_else() {
    let admin = Standing { system_admin: true, ..member(Role::ProjectAdmin) };
    let caller = with_scopes(&["registry:catalog:*", "repository:shop/web:*"]);
    let catalog = Request::on_system(Permission::new(Resource::Catalog, Action::Read));
    assert_eq!(decide(&caller, &admin, &catalog), Ok(()));
    for permission in [
        Permission::new(Resource::Member, Action::Create),
        Permission::new(Resource::Robot, Action::Create),
        Permission::new(Resource::Project, Action::Delete),
    ] {
        assert_eq!(decide(&caller, &admin, &Request::in_project(permission, "shop")), Err(Denied::Forbidden));
    }
    let users = Request::on_system(Permission::new(Resource::User, Action::Create));
    assert_eq!(decide(&caller, &admin, &users), Err(Denied::Forbidden));
}

#[test]
fn a_mount_needs_pull_on_its_source_in_the_same_token() {
    let both = ["repository:shop/to:pull,push", "repository:shop/from:pull"];
    assert_eq!(ask(&both, Role::Developer, Permission::PULL, "shop/from"), Ok(()));
    assert_eq!(ask(&both[..1], Role::Developer, Permission::PULL, "shop/from"), Err(Denied::Forbidden));
}
