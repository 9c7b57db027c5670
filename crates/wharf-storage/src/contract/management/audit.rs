//! The audit log.
#![expect(clippy::unwrap_used, reason = "a test suite: an error that is not expected is a failure")]

use wharf_access::{Action, Caller, Principal, Resource, Role};

use super::town::*;
use crate::Catalog;
use crate::catalog::{
    AuditFilter, AuditOperation, CollectionPolicy, NewAuditEntry, NewProject, ProjectUpdate, RobotUpdate,
    UserUpdate,
};

fn unfiltered() -> AuditFilter {
    AuditFilter::default()
}

async fn entries(town: &Town<impl Catalog>, filter: AuditFilter) -> Vec<NewAuditEntry> {
    let entries = town.catalog.audit_entries(&Caller::system(), &filter, newest(1000)).await.unwrap();
    entries.into_iter().map(|entry| entry.entry).collect()
}

fn pull(at_millis: i64, actor: &str, project: &str, count: u32) -> NewAuditEntry {
    NewAuditEntry {
        at_millis,
        actor: actor.to_owned(),
        address: Some("192.0.2.1".to_owned()),
        operation: AuditOperation::PullArtifact,
        project: Some(project.to_owned()),
        resource: format!("{project}/web:1.0"),
        digest: None,
        outcome: "success".to_owned(),
        detail: None,
        count,
    }
}

pub(super) async fn changes_are_noted_with_who_and_from_where(town: &Town<impl Catalog>) {
    let catalog = &town.catalog;
    let mut root = town.admin("root").await;
    root.address = Some([192, 0, 2, 7].into());
    town.user("ann").await;
    let before = entries(town, unfiltered()).await.len();

    let project = NewProject { name: "new".to_owned(), public: true, ..NewProject::default() };
    catalog.create_project(&root, project, false).await.unwrap();
    let change = ProjectUpdate { public: Some(false), quota_bytes: Some(Some(9000)) };
    catalog.update_project(&root, "new", change).await.unwrap();
    let member = catalog.add_member(&root, "new", "ann", Role::Guest).await.unwrap();
    catalog.update_member(&root, "new", member.id, Role::Developer).await.unwrap();
    catalog.delete_member(&root, "new", member.id).await.unwrap();
    let robot = catalog.create_robot(&root, new_robot(Some("new"), "ci", Vec::new())).await.unwrap();
    let rotate = RobotUpdate { rotate: Some((OTHER_HASH.to_owned(), 0)), ..RobotUpdate::default() };
    catalog.update_robot(&root, Some("new"), robot.id, rotate).await.unwrap();
    catalog.delete_robot(&root, Some("new"), robot.id).await.unwrap();
    let user = catalog.create_user(&root, new_user("bob")).await.unwrap();
    let password = UserUpdate { password_hash: Some("secret".to_owned()), ..UserUpdate::default() };
    catalog.update_user(&root, user.id, password).await.unwrap();
    catalog.delete_user(&root, user.id).await.unwrap();
    town.push("new/web", "a", &["1.0"]).await;
    catalog.describe_repository(&root, &name("new/web"), "text").await.unwrap();
    catalog.delete_repository(&root, &name("new/web")).await.unwrap();
    catalog.delete_project(&root, "new").await.unwrap();
    // What changes nothing and what is refused is not a change.
    catalog.update_user(&root, user.id, UserUpdate::default()).await.unwrap_err();
    catalog.delete_project(&root, "new").await.unwrap_err();

    let mut noted = entries(town, unfiltered()).await;
    noted.truncate(noted.len() - before);
    noted.reverse();
    noted.retain(|entry| entry.actor == "root");
    assert!(noted.iter().all(|entry| entry.address.as_deref() == Some("192.0.2.7")
        && entry.outcome == "success"
        && entry.at_millis / 1000 == town.now()));
    let told: Vec<_> = noted
        .iter()
        .map(|entry| {
            (entry.operation, entry.project.as_deref(), entry.resource.as_str(), entry.detail.as_deref())
        })
        .collect();
    use AuditOperation::*;
    assert_eq!(
        told,
        [
            (CreateProject, Some("new"), "new", Some("public")),
            (UpdateProject, Some("new"), "new", Some("made private, quota of 9000 bytes")),
            (CreateMember, Some("new"), "ann", Some("guest")),
            (UpdateMember, Some("new"), "ann", Some("developer, was guest")),
            (DeleteMember, Some("new"), "ann", Some("was developer")),
            (CreateRobot, Some("new"), "robot$new+ci", None),
            (UpdateRobot, Some("new"), "robot$new+ci", Some("secret")),
            (DeleteRobot, Some("new"), "robot$new+ci", None),
            (CreateUser, None, "bob", None),
            (UpdateUser, None, "bob", Some("password")),
            (DeleteUser, None, "bob", None),
            (UpdateRepository, Some("new"), "new/web", Some("description")),
            (DeleteRepository, Some("new"), "new/web", Some("manifests: 1, tags: 1, blobs: 1")),
            (DeleteProject, Some("new"), "new", None),
        ]
    );
}

pub(super) async fn entries_are_found_by_every_filter(town: &Town<impl Catalog>) {
    let start = 1_000;
    let log: Vec<_> = (0..6)
        .map(|n| {
            pull(start + n, if n % 2 == 0 { "ann" } else { "bob" }, if n < 3 { "shop" } else { "bank" }, 1)
        })
        .chain([NewAuditEntry {
            operation: AuditOperation::LoginUser,
            resource: "ann".to_owned(),
            project: None,
            digest: Some("sha256:x".to_owned()),
            detail: Some("why".to_owned()),
            outcome: "denied: wrong password".to_owned(),
            ..pull(start + 6, "ann", "shop", 17)
        }])
        .collect();
    town.catalog.record(Vec::new()).await.unwrap();
    town.catalog.record(log.clone()).await.unwrap();
    let until = AuditFilter { until: Some(start + 100), ..unfiltered() };
    let pick = |indices: &[usize]| indices.iter().map(|index| log[*index].clone()).collect::<Vec<_>>();
    assert_eq!(entries(town, until.clone()).await, pick(&[6, 5, 4, 3, 2, 1, 0]), "newest first, whole");
    let shop = AuditFilter { project: Some("shop".to_owned()), ..until.clone() };
    assert_eq!(entries(town, shop).await, pick(&[2, 1, 0]));
    let ann = AuditFilter { actor: Some("ann".to_owned()), ..until.clone() };
    assert_eq!(entries(town, ann).await, pick(&[6, 4, 2, 0]));
    let logins = AuditFilter { operation: Some(AuditOperation::LoginUser), ..until.clone() };
    assert_eq!(entries(town, logins).await, pick(&[6]));
    let resource = AuditFilter { resource: Some("bank/web:1.0".to_owned()), ..until };
    assert_eq!(entries(town, resource).await, pick(&[5, 4, 3]));
    let time = AuditFilter { since: Some(start + 1), until: Some(start + 3), ..unfiltered() };
    assert_eq!(entries(town, time).await, pick(&[2, 1]));
    for operation in AuditOperation::ALL {
        assert_eq!(AuditOperation::from_text(operation.as_str()), Some(operation));
    }
}

pub(super) async fn the_log_is_read_by_its_readers_only(town: &Town<impl Catalog>) {
    let catalog = &town.catalog;
    let ann = town.member("ann", "shop", Role::ProjectAdmin).await;
    let bob = town.member("bob", "shop", Role::Maintainer).await;
    let admin = town.admin("root").await;
    let list = [(Resource::AuditLog, Action::List)];
    let (auditor, _) = town.robot(None, "auditor", vec![grant("/", "**", &list)]).await;
    let shop = AuditFilter { project: Some("shop".to_owned()), ..unfiltered() };
    let bank = AuditFilter { project: Some("bank".to_owned()), ..unfiltered() };
    let all = catalog.audit_entries(&admin, &unfiltered(), newest(1000)).await.unwrap();
    assert_eq!(catalog.audit_entries(&auditor, &unfiltered(), newest(1000)).await.unwrap(), all);
    let of_shop = catalog.audit_entries(&ann, &shop, newest(1000)).await.unwrap();
    assert!(
        !of_shop.is_empty() && of_shop.iter().all(|entry| entry.entry.project.as_deref() == Some("shop"))
    );
    assert_forbidden(catalog.audit_entries(&ann, &unfiltered(), newest(10)).await);
    assert_hidden(catalog.audit_entries(&ann, &bank, newest(10)).await);
    for caller in [&bob, &Caller::anonymous(), &Caller::named(Principal::User(4_000_000), "gone")] {
        assert_forbidden(catalog.audit_entries(caller, &unfiltered(), newest(10)).await);
        assert_ne!(told(catalog.audit_entries(caller, &shop, newest(10)).await), Told::Allowed);
    }
    // What happened in a project that is gone is still told to administrators.
    catalog.delete_project(&admin, "bank").await.unwrap();
    assert_eq!(catalog.audit_entries(&admin, &bank, newest(1)).await.unwrap().len(), 1);
    assert_hidden(catalog.audit_entries(&ann, &bank, newest(1)).await);
}

pub(super) async fn old_and_surplus_entries_go(town: &Town<impl Catalog>) {
    let catalog = &town.catalog;
    catalog.trim_audit(i64::MAX, u64::MAX).await.unwrap();
    assert_eq!(entries(town, unfiltered()).await, []);
    let log: Vec<_> = (0..2500).map(|n| pull(n, "ann", "shop", 1)).collect();
    catalog.record(log).await.unwrap();
    assert_eq!(catalog.trim_audit(1_200, 10_000).await.unwrap(), 1_200);
    assert_eq!(catalog.trim_audit(1_200, 1_300).await.unwrap(), 0, "as many as may stay");
    assert_eq!(catalog.trim_audit(0, 5).await.unwrap(), 1_295);
    let times: Vec<_> = entries(town, unfiltered()).await.iter().map(|entry| entry.at_millis).collect();
    assert_eq!(times, [2499, 2498, 2497, 2496, 2495]);
    assert_eq!(catalog.trim_audit(0, 0).await.unwrap(), 5);
}

pub(super) async fn a_project_does_not_show_the_log_of_an_earlier_one(town: &Town<impl Catalog>) {
    let catalog = &town.catalog;
    let ann = town.user("ann").await;
    let root = town.admin("root").await;
    town.push("bank/secret", "a", &["1.0"]).await;
    catalog.delete_repository(&root, &name("bank/secret")).await.unwrap();
    let before = town.now() * 1000;
    town.pass(1);
    catalog.delete_project(&root, "bank").await.unwrap();
    let new = NewProject { name: "bank".to_owned(), ..NewProject::default() };
    catalog.create_project(&ann, new, true).await.unwrap();
    // A pull of the earlier one that is written late, as pulls are.
    catalog.record(vec![pull(before, "bob", "bank", 1)]).await.unwrap();

    let bank = AuditFilter { project: Some("bank".to_owned()), ..unfiltered() };
    let seen = catalog.audit_entries(&ann, &bank, newest(1000)).await.unwrap();
    let seen: Vec<_> = seen.iter().map(|entry| (entry.entry.operation, entry.entry.actor.as_str())).collect();
    assert_eq!(seen, [(AuditOperation::CreateProject, "ann")]);
    let all = catalog.audit_entries(&root, &bank, newest(1000)).await.unwrap();
    assert!(
        all.iter().any(|entry| entry.entry.resource.starts_with("bank/secret")),
        "administrators see both"
    );
}

pub(super) async fn failed_logins_do_not_displace_the_rest(town: &Town<impl Catalog>) {
    let catalog = &town.catalog;
    catalog.trim_audit(i64::MAX, u64::MAX).await.unwrap();
    let failure = |n| NewAuditEntry {
        operation: AuditOperation::LoginUser,
        project: None,
        outcome: "denied: wrong password".to_owned(),
        ..pull(n, "mallory", "shop", 1)
    };
    let login = NewAuditEntry { outcome: "success".to_owned(), ..failure(100) };
    let mut log: Vec<_> = (0..100).map(|n| pull(n, "ann", "shop", 1)).collect();
    log.push(login.clone());
    log.extend((200..3200).map(failure));
    catalog.record(log).await.unwrap();
    assert_eq!(catalog.trim_audit(0, 140).await.unwrap(), 2961);
    let left = entries(town, unfiltered()).await;
    let failures = left.iter().filter(|entry| entry.actor == "mallory" && entry.outcome != "success");
    let times: Vec<_> = failures.map(|entry| entry.at_millis).collect();
    assert_eq!((times.len(), times[0], times[38]), (39, 3199, 3161), "the latest failures");
    assert_eq!(left.iter().filter(|entry| entry.actor == "ann").count(), 100);
    assert!(left.contains(&login));
    // Beyond their share nothing else is spared.
    assert_eq!(catalog.trim_audit(0, 40).await.unwrap(), 100);
    let left = entries(town, unfiltered()).await;
    let failures = left.iter().filter(|entry| entry.outcome != "success").count();
    assert_eq!((left.len(), failures), (40, 10));
}

pub(super) async fn what_goes_with_something_else_is_noted(town: &Town<impl Catalog>) {
    let catalog = &town.catalog;
    let root = town.admin("root").await;
    let deleted = town.push("shop/web", "a", &["1.0", "latest"]).await;
    let collected = town.push("shop/web", "b", &[]).await;
    catalog.delete_manifest(&root, &name("shop/web"), &deleted).await.unwrap();
    let policy = CollectionPolicy { grace_seconds: 60, untagged_manifests: true, dry_run: false };
    catalog.collect_step(town.now() + 60, &policy, 100).await.unwrap();

    let gone = |operation| AuditFilter { operation: Some(operation), ..unfiltered() };
    let told = |entries: Vec<NewAuditEntry>| -> Vec<(String, String, Option<String>)> {
        entries.into_iter().map(|entry| (entry.actor, entry.resource, entry.detail)).collect()
    };
    let with_it = Some("went with its manifest".to_owned());
    assert_eq!(
        told(entries(town, gone(AuditOperation::DeleteTag)).await),
        ["latest", "1.0"].map(|tag| ("root".to_owned(), format!("shop/web:{tag}"), with_it.clone()))
    );
    assert_eq!(
        told(entries(town, gone(AuditOperation::DeleteArtifact)).await),
        [
            (
                Caller::system().name,
                format!("shop/web@{collected}"),
                Some("collected: nothing referred to it".to_owned())
            ),
            ("root".to_owned(), format!("shop/web@{deleted}"), None),
        ]
    );

    town.project("brief", false).await;
    let read = [(Resource::Project, Action::Read)];
    town.robot(None, "reader", vec![grant("brief", "**", &read), grant("shop", "**", &read)]).await;
    town.robot(None, "other", vec![grant("shop", "**", &read)]).await;
    catalog.delete_project(&root, "brief").await.unwrap();
    assert_eq!(
        told(entries(town, gone(AuditOperation::UpdateRobot)).await),
        [(
            "root".to_owned(),
            "robot$reader".to_owned(),
            Some("its grants for project brief went with the project".to_owned())
        )]
    );
}
