//! Who may do what with content.
#![expect(clippy::unwrap_used, reason = "a test suite: an error that is not expected is a failure")]

use bytes::Bytes;
use wharf_access::{Caller, Denied, Role};
use wharf_oci::distribution::Scope;
use wharf_oci::{Digest, Reference, RepositoryName};

use super::stage::{Stage, absent, image, name, tag};
use crate::catalog::{AuditFilter, AuditOperation, Page, UserUpdate};
use crate::{Catalog, Error, Result};

/// What a caller was told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Told {
    Done,
    Hidden,
    Forbidden,
}

fn told<T>(result: Result<T>) -> Told {
    match result {
        Ok(_) | Err(Error::NotFound { .. }) => Told::Done,
        Err(Error::Denied(Denied::Hidden)) => Told::Hidden,
        Err(Error::Denied(Denied::Forbidden)) => Told::Forbidden,
        Err(error) => panic!("{error}"),
    }
}

/// What a repository holds before each question.
struct Content {
    repository: RepositoryName,
    image: Digest,
    layer: Digest,
}

const OPERATIONS: [&str; 12] = [
    "manifest",
    "tags",
    "referrers",
    "blob",
    "put_manifest",
    "move_tag",
    "commit_blob",
    "mount_blob",
    "unchanged_put",
    "delete_tag",
    "delete_blob",
    "delete_manifest",
];

async fn ask(
    stage: &Stage<impl Catalog>,
    caller: &Caller,
    operation: &str,
    content: &Content,
    fresh: &Bytes,
) -> Told {
    let (catalog, repository) = (&stage.catalog, &content.repository);
    let page = Page { after: None, limit: 10 };
    match operation {
        "manifest" => {
            let reference = Reference::Digest(content.image.clone());
            told(catalog.manifest(caller, repository, &reference).await)
        }
        "tags" => told(catalog.tags(caller, repository, page).await),
        "referrers" => told(catalog.referrers(caller, repository, &content.image, None, page).await),
        "blob" => told(catalog.blob(caller, repository, &content.layer).await),
        "put_manifest" => told(stage.put_as(caller, repository.as_str(), image(&[], None), &[]).await),
        "move_tag" => told(stage.put_as(caller, repository.as_str(), image(&[], None), &["1.0"]).await),
        "unchanged_put" => told(stage.put_as(caller, repository.as_str(), image(&[], None), &["1.0"]).await),
        "commit_blob" => {
            let (_, key) = stage.place(fresh);
            told(stage.commit(caller, repository.as_str(), fresh, &key).await)
        }
        "mount_blob" => told(catalog.mount_blob(caller, Some(repository), repository, &content.layer).await),
        "delete_tag" => told(catalog.delete_tag(caller, repository, &tag("1.0")).await),
        "delete_blob" => told(catalog.delete_blob(caller, repository, &content.layer).await),
        "delete_manifest" => told(catalog.delete_manifest(caller, repository, &content.image).await),
        other => panic!("unknown operation {other}"),
    }
}

pub(super) async fn each_operation_is_decided_for_each_caller(stage: &Stage<impl Catalog>) {
    // How many of the operations each caller may do, in the order of OPERATIONS: reading, then writing, then deleting.
    const READ: usize = 4;
    const WRITE: usize = 9;
    const ALL: usize = 12;
    let outsider = stage.user("otto", None).await;
    let callers = [
        (Caller::anonymous(), [None, Some(READ)]),
        (outsider, [None, Some(READ)]),
        (stage.user("lena", Some(Role::LimitedGuest)).await, [Some(READ), Some(READ)]),
        (stage.user("gina", Some(Role::Guest)).await, [Some(READ), Some(READ)]),
        (stage.user("dana", Some(Role::Developer)).await, [Some(WRITE), Some(READ)]),
        (stage.user("mia", Some(Role::Maintainer)).await, [Some(ALL), Some(READ)]),
        (stage.user("pia", Some(Role::ProjectAdmin)).await, [Some(ALL), Some(READ)]),
        (stage.robot("ci", "web", None).await, [Some(WRITE), Some(READ)]),
        (stage.robot("charts", "charts/**", None).await, [Some(0), Some(READ)]),
        (stage.admin().await, [Some(ALL), Some(ALL)]),
        (Caller::system(), [Some(ALL), Some(ALL)]),
    ];
    for (caller, allowed) in &callers {
        for (repository, allowed) in ["shop/web", "open/web"].into_iter().zip(allowed) {
            for (at, operation) in OPERATIONS.into_iter().enumerate() {
                let (image, layer) = stage.image(repository, &["1.0"]).await;
                let content = Content { repository: name(repository), image, layer };
                let expected = match allowed {
                    None => Told::Hidden,
                    Some(count) if at < *count => Told::Done,
                    Some(_) => Told::Forbidden,
                };
                let fresh = stage.content(10);
                assert_eq!(
                    ask(stage, caller, operation, &content, &fresh).await,
                    expected,
                    "{operation} by {} in {repository}",
                    caller.name
                );
            }
        }
        // A project that is absent looks like one that is hidden, except to an administrator.
        let nowhere = Content {
            repository: name("nowhere/web"),
            image: stage.image("shop/web", &[]).await.0,
            layer: stage.image("shop/web", &[]).await.1,
        };
        let expected = if allowed[1] == Some(ALL) { Told::Done } else { Told::Hidden };
        for operation in OPERATIONS {
            let answer = ask(stage, caller, operation, &nowhere, &stage.content(10)).await;
            assert_eq!(answer, expected, "{operation} by {} in an absent project", caller.name);
        }
    }
    stage.agrees().await;
}

pub(super) async fn accounts_that_ended_have_no_rights(stage: &Stage<impl Catalog>) {
    let (image, layer) = stage.image("shop/web", &["1.0"]).await;
    let content = Content { repository: name("shop/web"), image, layer };
    let fresh = stage.content(10);

    let robot = stage.robot("ci", "**", Some(stage.now() + 100)).await;
    assert_eq!(ask(stage, &robot, "manifest", &content, &fresh).await, Told::Done);
    stage.pass(100);
    assert_eq!(ask(stage, &robot, "manifest", &content, &fresh).await, Told::Hidden);

    let user = stage.user("dana", Some(Role::Developer)).await;
    assert_eq!(ask(stage, &user, "manifest", &content, &fresh).await, Told::Done);
    let wharf_access::Principal::User(id) = user.principal else { panic!("a user is one") };
    let disabled = UserUpdate { disabled: Some(true), ..UserUpdate::default() };
    stage.catalog.update_user(&Caller::system(), id, disabled).await.unwrap();
    assert_eq!(ask(stage, &user, "manifest", &content, &fresh).await, Told::Hidden);
    stage.catalog.delete_user(&Caller::system(), id).await.unwrap();
    assert_eq!(ask(stage, &user, "manifest", &content, &fresh).await, Told::Hidden);
}

pub(super) async fn a_token_narrows(stage: &Stage<impl Catalog>) {
    let maintainer = stage.user("mia", Some(Role::Maintainer)).await;
    let scope = Scope {
        kind: "repository".to_owned(),
        name: "shop/web".to_owned(),
        actions: ["pull".to_owned()].into(),
    };
    let narrowed = Caller { token_scopes: Some(vec![scope]), ..maintainer };
    for repository in ["shop/web", "shop/other"] {
        for (at, operation) in OPERATIONS.into_iter().enumerate() {
            let (image, layer) = stage.image(repository, &["1.0"]).await;
            let content = Content { repository: name(repository), image, layer };
            let expected = if repository == "shop/web" && at < 4 { Told::Done } else { Told::Forbidden };
            let answer = ask(stage, &narrowed, operation, &content, &stage.content(10)).await;
            assert_eq!(answer, expected, "{operation} in {repository}");
        }
    }
}

pub(super) async fn an_administrator_learns_that_a_project_is_absent(stage: &Stage<impl Catalog>) {
    let admin = stage.admin().await;
    let put = stage.put_as(&admin, "nowhere/web", image(&[], None), &["1.0"]).await;
    assert_eq!(absent(put), "project");
}

pub(super) async fn every_change_is_in_the_audit_log(stage: &Stage<impl Catalog>) {
    let mut caller = stage.user("mia", Some(Role::Maintainer)).await;
    caller.address = Some([192, 0, 2, 7].into());
    let first = image(&[], None);
    let digest = first.digest.clone();
    stage.put_as(&caller, "shop/web", first.clone(), &["1.0"]).await.unwrap();
    stage.put_as(&caller, "shop/web", first, &[]).await.unwrap();
    stage.catalog.delete_tag(&caller, &name("shop/web"), &tag("1.0")).await.unwrap();
    stage.catalog.delete_manifest(&caller, &name("shop/web"), &digest).await.unwrap();
    // What is refused changes nothing, so nothing is noted here.
    let refused = stage.put_as(&Caller::anonymous(), "shop/web", image(&[], None), &[]).await;
    assert!(refused.is_err());

    let filter = AuditFilter { actor: Some("mia".to_owned()), ..AuditFilter::default() };
    let page = Page { after: None, limit: 100 };
    let entries = stage.catalog.audit_entries(&Caller::system(), &filter, page).await.unwrap();
    let told: Vec<_> =
        entries.iter().rev().map(|entry| (entry.entry.operation, entry.entry.resource.clone())).collect();
    let by_digest = format!("shop/web@{digest}");
    assert_eq!(
        told,
        [
            (AuditOperation::CreateArtifact, by_digest.clone()),
            (AuditOperation::CreateTag, "shop/web:1.0".to_owned()),
            (AuditOperation::CreateArtifact, by_digest.clone()),
            (AuditOperation::DeleteTag, "shop/web:1.0".to_owned()),
            (AuditOperation::DeleteArtifact, by_digest),
        ]
    );
    for entry in entries {
        let entry = entry.entry;
        assert_eq!(entry.address.as_deref(), Some("192.0.2.7"));
        assert_eq!(entry.project.as_deref(), Some("shop"));
        assert_eq!(entry.digest.as_deref(), Some(digest.as_str()));
        assert_eq!((entry.outcome.as_str(), entry.count), ("success", 1));
        assert_eq!(entry.at_millis, stage.now() * 1000);
    }
}
