//! The role table, held against a second one written from Harbor's matrix and never from ours.

use std::collections::BTreeSet;

use wharf_access::{Action, Permission, Resource, Role};

/// Harbor's matrix in Harbor's notation: resource, then project admin, maintainer, developer, guest, limited guest.
/// From `src/common/rbac/project/rbac_role.go`, as of its 2.16 development.
const MATRIX: &str = "
project             | R U D                 | R                     | R                   | R         | R
member              | C R U D L             | R L                   | R L                 | R L       | -
metadata            | C R U D               | R                     | -                   | -         | -
log                 | L                     | -                     | -                   | -         | -
label               | C R U D L             | C R U D L             | R L                 | R L       | -
quota               | R                     | R                     | R                   | R         | R
repository          | C R U D L pull push   | C R U D L pull push   | C R U L pull push   | R L pull  | R L pull
tag-retention       | C R U D L O           | C R U D L O           | C R U D L O         | -         | -
immutable-tag       | C U D L               | C U D L               | -                   | -         | -
configuration       | R U                   | R                     | R                   | R         | R
robot               | C R U D L             | R L                   | R L                 | R L       | -
notification-policy | C R U D L             | R L                   | R L                 | R L       | -
scan                | C R S                 | C R S                 | R                   | R         | R
sbom                | C R S                 | C R S                 | R                   | R         | R
scanner             | C R                   | R                     | R                   | R         | R
artifact            | C R D L               | C R D L               | C R L               | R L       | R L
artifact-addition   | R                     | R                     | R                   | R         | R
tag                 | C D L                 | C D L                 | C L                 | L         | L
accessory           | L                     | L                     | L                   | L         | L
artifact-label      | C D                   | C D                   | C D                 | -         | -
preheat-policy      | C R U D L             | -                     | -                   | -         | -
export-cve          | C R L                 | C R L                 | C R L               | -         | -
";

const COLUMNS: [&str; 5] = ["projectAdmin", "maintainer", "developer", "guest", "limitedGuest"];

fn action(word: &str) -> Action {
    match word {
        "C" => Action::Create,
        "R" => Action::Read,
        "U" => Action::Update,
        "D" => Action::Delete,
        "L" => Action::List,
        "O" => Action::Operate,
        "S" => Action::Stop,
        "pull" => Action::Pull,
        "push" => Action::Push,
        other => panic!("no action is written {other}"),
    }
}

/// Every (role, permission) pair that the matrix allows.
fn allowed() -> BTreeSet<(Role, Permission)> {
    let mut allowed = BTreeSet::new();
    for line in MATRIX.lines().filter(|line| !line.trim().is_empty()) {
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        assert_eq!(cells.len(), 6, "{line}");
        let resource: Resource = cells[0].parse().unwrap();
        for (role, cell) in COLUMNS.iter().zip(&cells[1..]) {
            let role = Role::from_text(role).unwrap();
            for word in cell.split_whitespace().filter(|word| *word != "-") {
                allowed.insert((role, Permission::new(resource, action(word))));
            }
        }
    }
    allowed
}

#[test]
fn every_role_may_do_exactly_what_harbors_matrix_says() {
    let allowed = allowed();
    let mut compared = 0;
    for role in Role::ALL {
        for resource in Resource::all() {
            for action in Action::all() {
                let permission = Permission::new(resource, action);
                assert_eq!(
                    role.permits(permission),
                    allowed.contains(&(role, permission)),
                    "{} {permission}",
                    role.name()
                );
                compared += 1;
            }
        }
    }
    assert_eq!(compared, 5 * Resource::all().count() * Action::all().count());
}

#[test]
fn no_project_role_reaches_the_system_level() {
    for resource in [
        Resource::User,
        Resource::Registry,
        Resource::GarbageCollection,
        Resource::AuditLog,
        Resource::Catalog,
        Resource::SystemInfo,
    ] {
        for (role, action) in Role::ALL.into_iter().flat_map(|role| Action::all().map(move |a| (role, a))) {
            assert!(!role.permits(Permission::new(resource, action)), "{} {resource}:{action}", role.name());
        }
    }
}

#[test]
fn roles_have_harbors_numbers_and_names() {
    for (id, name) in
        [(1, "projectAdmin"), (2, "developer"), (3, "guest"), (4, "maintainer"), (5, "limitedGuest")]
    {
        let role = Role::try_from(id).unwrap();
        assert_eq!((role.id(), role.name()), (id, name));
        assert_eq!(Role::from_text(&name.to_uppercase()), Some(role));
        assert_eq!(Role::from_text(&id.to_string()), Some(role));
    }
    assert!(Role::try_from(0).unwrap_err().contains('0'));
    assert!(Role::try_from(6).is_err());
    assert_eq!(Role::from_text("admin"), None);
}

#[test]
fn words_read_back_as_written() {
    for resource in Resource::all() {
        assert_eq!(resource.to_string().parse(), Ok(resource));
    }
    for action in Action::all() {
        assert_eq!(action.to_string().parse(), Ok(action));
    }
    let error = "repositry".parse::<Resource>().unwrap_err().to_string();
    assert_eq!(error, r#"resource "repositry" is unknown"#);
}
