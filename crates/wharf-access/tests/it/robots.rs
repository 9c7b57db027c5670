//! What robot accounts reach.

use wharf_access::{
    Action, Caller, Denied, Permission, Principal, RepositoryPattern, Request, Resource, RobotGrant,
    Standing, decide,
};

fn robot() -> Caller {
    Caller::named(Principal::Robot(3), "robot$shop+ci")
}

fn grant(project: &str, repositories: &str, access: &[(Resource, Action)]) -> RobotGrant {
    RobotGrant {
        project: project.to_owned(),
        repositories: RepositoryPattern::new(repositories),
        access: access.to_vec(),
    }
}

fn standing(grants: &[RobotGrant], public: bool) -> Standing {
    Standing {
        active: true,
        project_exists: true,
        project_public: public,
        robot_grants: grants.to_vec(),
        ..Standing::default()
    }
}

const PUSH: (Resource, Action) = (Resource::Repository, Action::Push);
const PULL: (Resource, Action) = (Resource::Repository, Action::Pull);

fn ask(grants: &[RobotGrant], public: bool, permission: Permission, name: &str) -> Result<(), Denied> {
    let name = name.parse().unwrap();
    decide(&robot(), &standing(grants, public), &Request::on_repository(permission, &name))
}

#[test]
fn a_robot_does_what_it_is_granted_where_it_is_granted() {
    let grants = [grant("shop", "charts/**", &[PULL, PUSH]), grant("base", "**", &[PULL])];
    for (permission, name, expected) in [
        (Permission::PUSH, "shop/charts/web", Ok(())),
        (Permission::PULL, "shop/charts/a/b", Ok(())),
        (Permission::PUSH, "shop/images/web", Err(Denied::Forbidden)),
        (Permission::DELETE_TAG, "shop/charts/web", Err(Denied::Forbidden)),
        (Permission::PULL, "base/alpine", Ok(())),
        (Permission::PUSH, "base/alpine", Err(Denied::Forbidden)),
        (Permission::PULL, "other/alpine", Err(Denied::Hidden)),
        // A name that only starts like the project is another project.
        (Permission::PULL, "shopping/charts/web", Err(Denied::Hidden)),
    ] {
        assert_eq!(ask(&grants, false, permission, name), expected, "{permission} {name}");
    }
}

#[test]
fn a_robot_of_the_system_reaches_every_project_by_a_star() {
    let grants = [grant("*", "**", &[PULL])];
    assert_eq!(ask(&grants, false, Permission::PULL, "any/thing"), Ok(()));
    assert_eq!(ask(&grants, false, Permission::PUSH, "any/thing"), Err(Denied::Forbidden));
}

#[test]
fn a_star_over_projects_gives_nothing_at_the_system_level() {
    let everything: Vec<(Resource, Action)> =
        Resource::all().flat_map(|resource| Action::all().map(move |action| (resource, action))).collect();
    let grants = [grant("*", "**", &everything)];
    let request = Request::on_system(Permission::new(Resource::User, Action::Create));
    assert_eq!(decide(&robot(), &standing(&grants, false), &request), Err(Denied::Forbidden));
}

#[test]
fn system_rights_are_granted_by_the_root() {
    let grants = [grant("/", "**", &[(Resource::AuditLog, Action::List)])];
    let standing = standing(&grants, false);
    let list = Request::on_system(Permission::new(Resource::AuditLog, Action::List));
    assert_eq!(decide(&robot(), &standing, &list), Ok(()));
    let users = Request::on_system(Permission::new(Resource::User, Action::List));
    assert_eq!(decide(&robot(), &standing, &users), Err(Denied::Forbidden));
    // And the root is no project.
    assert_eq!(
        decide(&robot(), &standing, &Request::in_project(Permission::PULL, "shop")),
        Err(Denied::Hidden)
    );
}

#[test]
fn a_robot_reads_public_projects_like_everyone() {
    assert_eq!(ask(&[], true, Permission::PULL, "open/web"), Ok(()));
    assert_eq!(ask(&[], true, Permission::PUSH, "open/web"), Err(Denied::Forbidden));
    assert_eq!(ask(&[], false, Permission::PULL, "open/web"), Err(Denied::Hidden));
}

#[test]
fn a_pattern_limits_repositories_and_not_the_project_itself() {
    let grants = [grant("shop", "charts/**", &[(Resource::Repository, Action::List), PUSH])];
    let standing = standing(&grants, false);
    let list = Request::in_project(Permission::new(Resource::Repository, Action::List), "shop");
    assert_eq!(decide(&robot(), &standing, &list), Ok(()));
    // The project's own name as a repository is the empty path, which `charts/**` does not match.
    assert_eq!(ask(&grants, false, Permission::PUSH, "shop"), Err(Denied::Forbidden));
}
