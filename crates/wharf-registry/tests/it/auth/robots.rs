//! Robot accounts: their secrets, their end, their reach.

use serde_json::{Value, json};
use wharf_access::Caller;
use wharf_storage::catalog::{Accounts as _, RobotUpdate};

use crate::support::Registry;

/// A robot of `shop` that pulls and pushes under `charts/`.
pub(crate) async fn create(registry: &Registry, name: &str) -> (i64, String, String) {
    let robot = json!({
        "name": name,
        "duration": 1,
        "permissions": [{
            "kind": "project",
            "namespace": "shop",
            "repositories": "charts/**",
            "access": [
                { "resource": "repository", "action": "pull" },
                { "resource": "repository", "action": "push" },
            ],
        }],
    });
    let answer =
        registry.request("POST", "/api/v2.0/projects/shop/robots").json(&robot).send().await.unwrap();
    assert_eq!(answer.status(), 201);
    let body: Value = answer.json().await.unwrap();
    let text = |key: &str| body[key].as_str().unwrap().to_owned();
    (body["id"].as_i64().unwrap(), text("name"), text("secret"))
}

async fn push(registry: &Registry, name: &str, secret: &str, repository: &str) -> u16 {
    let path = format!("/v2/{repository}/blobs/uploads/");
    registry.anonymous("POST", &path).basic_auth(name, Some(secret)).send().await.unwrap().status().as_u16()
}

#[tokio::test]
async fn a_robot_works_where_it_is_granted_and_nowhere_else() {
    let registry = Registry::start().await;
    let (_, name, secret) = create(&registry, "ci").await;
    assert_eq!(name, "robot$shop+ci");
    assert_eq!(push(&registry, &name, &secret, "shop/charts/web").await, 202);
    assert_eq!(push(&registry, &name, &secret, "shop/images/web").await, 403);
    assert_eq!(push(&registry, &name, &secret, "open/charts/web").await, 403);
    assert_eq!(push(&registry, &name, "not the secret", "shop/charts/web").await, 401);
}

#[tokio::test]
async fn a_rotated_secret_overlaps_as_long_as_asked_and_no_longer() {
    let registry = Registry::start().await;
    let (id, name, first) = create(&registry, "ci").await;
    let path = format!("/api/v2.0/projects/shop/robots/{id}");
    let rotate = async |overlap: i64| {
        let body = json!({ "secret": "", "overlap_seconds": overlap });
        let answer: Value =
            registry.request("PATCH", &path).json(&body).send().await.unwrap().json().await.unwrap();
        answer["secret"].as_str().unwrap().to_owned()
    };
    let second = rotate(3600).await;
    assert_ne!(first, second);
    for secret in [&first, &second] {
        assert_eq!(push(&registry, &name, secret, "shop/charts/web").await, 202);
    }
    let third = rotate(0).await;
    assert_eq!(push(&registry, &name, &third, "shop/charts/web").await, 202);
    for secret in [&first, &second] {
        assert_eq!(push(&registry, &name, secret, "shop/charts/web").await, 401);
    }
}

#[tokio::test]
async fn a_robot_ends_with_its_time_its_switch_and_its_deletion() {
    let registry = Registry::start().await;
    let (id, name, secret) = create(&registry, "ci").await;
    let update = async |update: RobotUpdate| {
        registry.catalog.update_robot(&Caller::system(), Some("shop"), id, update).await.unwrap();
        push(&registry, &name, &secret, "shop/charts/web").await
    };
    let ended = Some(Some(1));
    assert_eq!(update(RobotUpdate { expires_at: ended, ..RobotUpdate::default() }).await, 401);
    assert_eq!(update(RobotUpdate { expires_at: Some(None), ..RobotUpdate::default() }).await, 202);
    assert_eq!(update(RobotUpdate { disabled: Some(true), ..RobotUpdate::default() }).await, 401);
    assert_eq!(update(RobotUpdate { disabled: Some(false), ..RobotUpdate::default() }).await, 202);
    let path = format!("/api/v2.0/projects/shop/robots/{id}");
    assert_eq!(registry.delete(&path).await.status(), 200);
    assert_eq!(push(&registry, &name, &secret, "shop/charts/web").await, 401);
}

/// CVE-2020-27832 and its like: secrets of robots were kept and shown in clear.
#[tokio::test]
async fn cve_2020_27832_a_secret_is_shown_once_and_kept_by_its_hash_only() {
    let registry = Registry::start().await;
    let (id, name, secret) = create(&registry, "ci").await;
    for path in [
        format!("/api/v2.0/projects/shop/robots/{id}"),
        "/api/v2.0/projects/shop/robots".to_owned(),
        "/api/v2.0/audit-logs?page_size=100".to_owned(),
    ] {
        let text = registry.get(&path).await.text().await.unwrap();
        assert!(text.contains("ci") && !text.contains(&secret), "{path}: {text}");
    }
    let stored = registry.catalog.robot_credential(&name).await.unwrap().unwrap();
    assert!(!format!("{stored:?}").contains(&secret));
}

#[tokio::test]
async fn a_secret_that_a_person_chose_is_refused() {
    let registry = Registry::start().await;
    let (id, ..) = create(&registry, "ci").await;
    let path = format!("/api/v2.0/projects/shop/robots/{id}");
    let answer =
        registry.request("PATCH", &path).json(&json!({ "secret": "Harbor12345" })).send().await.unwrap();
    assert_eq!(answer.status(), 400);
    let text = answer.text().await.unwrap();
    assert!(text.contains("cannot be chosen") && !text.contains("Harbor12345"), "{text}");
}

/// CVE-2019-16919, harbor#19704: a robot could be given more than its maker may do.
#[tokio::test]
async fn cve_2019_16919_nobody_makes_a_robot_that_may_do_more_than_they() {
    let registry = Registry::start().await;
    registry.create_user("ann").await;
    let member = json!({ "role_id": 1, "member_user": { "username": "ann" } });
    let added =
        registry.request("POST", "/api/v2.0/projects/shop/members").json(&member).send().await.unwrap();
    assert_eq!(added.status(), 201);
    for (namespace, kind, resource) in
        [("open", "project", "repository"), ("*", "project", "repository"), ("/", "system", "user")]
    {
        let robot = json!({
            "name": "greedy",
            "permissions": [{
                "kind": kind,
                "namespace": namespace,
                "access": [{ "resource": resource, "action": if resource == "user" { "create" } else { "push" } }],
            }],
        });
        for path in ["/api/v2.0/projects/shop/robots", "/api/v2.0/robots"] {
            let answer = registry.request_by("ann", "POST", path).json(&robot).send().await.unwrap();
            assert!(matches!(answer.status().as_u16(), 400 | 403), "{namespace} {path} {}", answer.status());
        }
    }
}
