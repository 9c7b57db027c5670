//! Every operation for every kind of caller, on a private and a public project.
//!
//! What is asked for is absent or in use where doing it would change something, so each question leaves things as they were.
#![expect(clippy::unwrap_used, reason = "a test suite: an error that is not expected is a failure")]

use wharf_access::{Action, Caller, Permission, Resource, Role};
use wharf_oci::{Algorithm, Reference};

use super::town::*;
use crate::Catalog;
use crate::catalog::{AuditFilter, MAX_POLICY_BYTES, NewProjectPolicy, ProjectUpdate, RobotUpdate};

/// What each operation needs.
const OPERATIONS: [(&str, Resource, Action); 26] = [
    ("project", Resource::Project, Action::Read),
    ("project_name", Resource::Project, Action::Read),
    ("update_project", Resource::Project, Action::Update),
    ("delete_project", Resource::Project, Action::Delete),
    ("add_member", Resource::Member, Action::Create),
    ("member", Resource::Member, Action::Read),
    ("members", Resource::Member, Action::List),
    ("update_member", Resource::Member, Action::Update),
    ("delete_member", Resource::Member, Action::Delete),
    ("create_robot", Resource::Robot, Action::Create),
    ("robot", Resource::Robot, Action::Read),
    ("robots", Resource::Robot, Action::List),
    ("update_robot", Resource::Robot, Action::Update),
    ("delete_robot", Resource::Robot, Action::Delete),
    ("project_repositories", Resource::Repository, Action::List),
    ("repository", Resource::Repository, Action::Read),
    ("describe_repository", Resource::Repository, Action::Update),
    ("delete_repository", Resource::Repository, Action::Delete),
    ("artifacts", Resource::Artifact, Action::List),
    ("artifact", Resource::Artifact, Action::Read),
    ("create_tag", Resource::Tag, Action::Create),
    ("tag_records", Resource::Tag, Action::List),
    ("audit_entries", Resource::Log, Action::List),
    ("project_policy", Resource::Configuration, Action::Read),
    ("set_project_policy", Resource::Configuration, Action::Update),
    ("remove_project_policy", Resource::Configuration, Action::Update),
];

async fn ask(catalog: &impl Catalog, caller: &Caller, operation: &str, project: &str, id: i64) -> Told {
    let web = name(&format!("{project}/web"));
    let none = name(&format!("{project}/none"));
    let absent = Reference::Digest(Algorithm::Sha256.digest(b"absent"));
    let nobody = 4_000_000;
    match operation {
        "project" => told(catalog.project(caller, project).await),
        "project_name" => told(catalog.project_name(caller, id).await),
        "update_project" => told(catalog.update_project(caller, project, ProjectUpdate::default()).await),
        "delete_project" => told(catalog.delete_project(caller, project).await),
        "add_member" => told(catalog.add_member(caller, project, "nobody", Role::Guest).await),
        "member" => told(catalog.member(caller, project, nobody).await),
        "members" => told(catalog.members(caller, project, None, &first(1)).await),
        "update_member" => told(catalog.update_member(caller, project, nobody, Role::Guest).await),
        "delete_member" => told(catalog.delete_member(caller, project, nobody).await),
        "create_robot" => {
            told(catalog.create_robot(caller, new_robot(Some(project), "NO", Vec::new())).await)
        }
        "robot" => told(catalog.robot(caller, Some(project), nobody).await),
        "robots" => told(catalog.robots(caller, Some(project), None, &first(1)).await),
        "update_robot" => {
            told(catalog.update_robot(caller, Some(project), nobody, RobotUpdate::default()).await)
        }
        "delete_robot" => told(catalog.delete_robot(caller, Some(project), nobody).await),
        "project_repositories" => told(catalog.project_repositories(caller, project, None, &first(1)).await),
        "repository" => told(catalog.repository(caller, &web).await),
        "describe_repository" => told(catalog.describe_repository(caller, &none, "").await),
        "delete_repository" => told(catalog.delete_repository(caller, &none).await),
        "artifacts" => told(catalog.artifacts(caller, &web, &everything(false), &first(1)).await),
        "artifact" => told(catalog.artifact(caller, &web, &absent).await),
        "create_tag" => told(catalog.create_tag(caller, &web, &absent, &tag("new")).await),
        "tag_records" => {
            let tags = told(catalog.tag_records(caller, &web, None, None, &first(1)).await);
            assert_eq!(tags, told(catalog.tag_history(caller, &web, &tag("1.0"), 1).await));
            tags
        }
        "audit_entries" => {
            let filter = AuditFilter { project: Some(project.to_owned()), ..AuditFilter::default() };
            told(catalog.audit_entries(caller, &filter, newest(1)).await)
        }
        "project_policy" => told(catalog.project_policy(caller, project).await),
        "set_project_policy" => {
            // Longer than is kept, so that nothing is set.
            let text = vec![b' '; MAX_POLICY_BYTES + 1].into();
            let policy = NewProjectPolicy { host: "example".to_owned(), text };
            told(catalog.set_project_policy(caller, project, policy).await)
        }
        "remove_project_policy" => told(catalog.remove_project_policy(caller, project).await),
        other => panic!("unknown operation {other}"),
    }
}

/// What everyone may do in a public project.
fn is_public(resource: Resource, action: Action) -> bool {
    matches!(
        (resource, action),
        (Resource::Project, Action::Read)
            | (Resource::Repository | Resource::Artifact | Resource::Tag, Action::Read | Action::List)
    )
}

pub(super) async fn each_operation_is_decided_for_each_caller(town: &Town<impl Catalog>) {
    let catalog = &town.catalog;
    let mut callers = vec![
        (Caller::anonymous(), None),
        (town.user("outsider").await, None),
        (town.member("neighbour", "bank", Role::ProjectAdmin).await, None),
    ];
    for role in Role::ALL {
        let member = town.member(role.name(), "shop", role).await;
        catalog.add_member(&Caller::system(), "open", role.name(), role).await.unwrap();
        callers.push((member, Some(role)));
    }
    let admin = town.admin("root").await;
    for project in ["shop", "open"] {
        town.push(&format!("{project}/web"), "content", &["1.0"]).await;
        let id = catalog.project(&admin, project).await.unwrap().id;
        let public = project == "open";
        for (operation, resource, action) in OPERATIONS {
            assert_eq!(ask(catalog, &admin, operation, project, id).await, Told::Allowed, "{operation}");
            for (caller, role) in &callers {
                let permitted = role.is_some_and(|role| role.permits(Permission::new(resource, action)))
                    || (public && is_public(resource, action));
                let expected = match (permitted, role) {
                    (true, _) => Told::Allowed,
                    (false, None) if !public => Told::Hidden,
                    (false, _) => Told::Forbidden,
                };
                let told = ask(catalog, caller, operation, project, id).await;
                assert_eq!(told, expected, "{operation} in {project} by {}", caller.name);
            }
        }
    }
    // Nobody has changed anything.
    for project in ["shop", "open"] {
        assert_eq!(catalog.project(&admin, project).await.unwrap().repositories, 1);
        assert_eq!(catalog.members(&admin, project, None, &first(100)).await.unwrap().total, 5);
    }
}
