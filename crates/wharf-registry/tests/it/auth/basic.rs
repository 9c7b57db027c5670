//! User names and passwords.

use serde_json::json;
use wharf_access::Caller;
use wharf_storage::catalog::{Accounts as _, NewUser, UserUpdate};

use crate::support::{PASSWORD, Registry, header};

const CURRENT: &str = "/api/v2.0/users/current";

async fn login(registry: &Registry, user: &str, password: &str) -> u16 {
    registry
        .anonymous("GET", CURRENT)
        .basic_auth(user, Some(password))
        .send()
        .await
        .unwrap()
        .status()
        .as_u16()
}

#[tokio::test]
async fn failed_logins_make_the_next_one_wait_and_nobody_else() {
    let registry = Registry::start().await;
    registry.create_user("ann").await;
    registry.create_user("bob").await;
    for _ in 0..5 {
        assert_eq!(login(&registry, "ann", "wrong").await, 401);
    }
    let refused = registry.anonymous("GET", CURRENT).basic_auth("ann", Some(PASSWORD)).send().await.unwrap();
    assert_eq!(refused.status(), 429);
    assert!(header(&refused, "retry-after").parse::<u32>().unwrap() >= 1);
    assert_eq!(login(&registry, "bob", PASSWORD).await, 200);
}

/// CVE-2020-13794, CVE-2019-19030: answers told which user names exist.
#[tokio::test]
async fn cve_2020_13794_an_unknown_user_and_a_wrong_password_answer_alike() {
    let registry = Registry::start().await;
    registry.create_user("ann").await;
    registry.create_user("gone").await;
    let gone = registry.catalog.user_credential("gone").await.unwrap().unwrap().user;
    let update = UserUpdate { disabled: Some(true), ..UserUpdate::default() };
    registry.catalog.update_user(&Caller::system(), gone.id, update).await.unwrap();
    let mut answers = Vec::new();
    for (user, password) in
        [("ann", "wrong"), ("nobody", "wrong"), ("robot$nobody", "wrong"), ("gone", PASSWORD)]
    {
        let answer =
            registry.anonymous("GET", CURRENT).basic_auth(user, Some(password)).send().await.unwrap();
        answers.push((answer.status(), header(&answer, "www-authenticate"), answer.text().await.unwrap()));
    }
    assert_eq!(answers[0].0, 401);
    assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:?}");
}

#[tokio::test]
async fn an_imported_user_logs_in_with_the_old_password_and_is_upgraded() {
    let registry = Registry::start().await;
    // As `htpasswd -nbB -C 5 carol opensesame` writes it.
    let hash = bcrypt::hash("opensesame", 5).unwrap().replace("$2b$", "$2y$");
    let file = format!("# people\ncarol:{hash}\nold:$apr1$abc$def\n\nnot a line\nadmin:{hash}\n");
    let answer = registry
        .request("POST", "/api/v2.0/users/htpasswd")
        .header("content-type", "text/plain")
        .body(file)
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), 200);
    let report: serde_json::Value = answer.json().await.unwrap();
    assert_eq!(report["created"], json!(["carol"]));
    let skipped: Vec<_> = report["skipped"].as_array().unwrap().iter().map(|s| s["line"].clone()).collect();
    assert_eq!(skipped, [json!(3), json!(5), json!(6)], "{report}");

    assert_eq!(login(&registry, "carol", "opensesamf").await, 401);
    assert_eq!(login(&registry, "carol", "opensesame").await, 200);
    let stored = registry.catalog.user_credential("carol").await.unwrap().unwrap().password_hash;
    assert!(stored.starts_with("$argon2id$"), "{stored}");
    assert_eq!(login(&registry, "carol", "opensesame").await, 200);
    assert_eq!(login(&registry, "carol", "opensesamf").await, 401);
}

/// CVE-2025-23208 and CVE-2026-35172 in general: what was once verified outlived its revocation.
#[tokio::test]
async fn cve_2025_23208_a_changed_password_and_a_disabled_account_take_effect_at_once() {
    let registry = Registry::start().await;
    registry.create_user("ann").await;
    let id = registry.catalog.user_credential("ann").await.unwrap().unwrap().user.id;
    assert_eq!(login(&registry, "ann", PASSWORD).await, 200);
    assert_eq!(login(&registry, "ann", PASSWORD).await, 200);
    let change = json!({ "old_password": PASSWORD, "new_password": "another password" });
    let path = format!("/api/v2.0/users/{id}/password");
    let changed = registry.request_by("ann", "PUT", &path).json(&change).send().await.unwrap();
    assert_eq!(changed.status(), 200, "{}", changed.text().await.unwrap());
    assert_eq!(login(&registry, "ann", PASSWORD).await, 401);
    assert_eq!(login(&registry, "ann", "another password").await, 200);

    let path = format!("/api/v2.0/users/{id}/disabled");
    let disabled = registry.request("PUT", &path).json(&json!({ "disabled": true })).send().await.unwrap();
    assert_eq!(disabled.status(), 200);
    assert_eq!(login(&registry, "ann", "another password").await, 401);
}

/// CVE-2019-19025: a browser could be made to act with the cookies that it holds.
#[tokio::test]
async fn cve_2019_19025_no_cookie_is_set_or_believed() {
    let registry = Registry::start().await;
    let answer = registry.request("GET", CURRENT).send().await.unwrap();
    assert_eq!(answer.status(), 200);
    assert!(!answer.headers().contains_key("set-cookie"));
    for path in ["/api/v2.0/projects", "/api/v2.0/users"] {
        let answer = registry
            .anonymous("POST", path)
            .header("cookie", "sid=anything; _gorilla_csrf=x")
            .header("content-type", "application/json")
            .body("{}")
            .send()
            .await
            .unwrap();
        assert_eq!(answer.status(), 401, "{path}");
    }
    // What a form of another site can send is not read, even with credentials.
    let form = registry.request("POST", "/api/v2.0/projects").header("content-type", "text/plain");
    assert_eq!(form.body(r#"{"project_name":"forged"}"#).send().await.unwrap().status(), 415);
}

#[tokio::test]
async fn the_answers_of_the_management_api_tell_a_browser_to_do_nothing_with_them() {
    let registry = Registry::start().await;
    for path in ["/api/v2.0/projects", "/api/v2.0/nothing", "/api/v2.0/users", "/nothing"] {
        let answer = registry.anonymous("GET", path).send().await.unwrap();
        assert_eq!(header(&answer, "x-content-type-options"), "nosniff", "{path}");
        assert_eq!(header(&answer, "x-frame-options"), "DENY");
        assert!(header(&answer, "content-security-policy").contains("default-src 'none'"));
        assert_eq!(header(&answer, "cache-control"), "no-store");
        assert!(!answer.headers().contains_key("access-control-allow-origin"));
    }
}

/// CVE-2026-4404: a documented default password.
#[tokio::test]
async fn cve_2026_4404_there_is_no_default_password() {
    let folder = tempfile::tempdir().unwrap();
    let open = |name: &str| {
        let options = wharf_storage::SqliteOptions::new(folder.path().join(name));
        wharf_storage::SqliteCatalog::open(options).unwrap()
    };
    let (one, other) = (open("one.db"), open("other.db"));
    let first = wharf_registry::bootstrap(&one, None).await.unwrap().unwrap();
    let second = wharf_registry::bootstrap(&other, None).await.unwrap().unwrap();
    assert_ne!(*first, *second);
    assert_eq!(first.len(), 43);
    // It is told once, and only what it hashes to is kept.
    assert!(wharf_registry::bootstrap(&one, None).await.unwrap().is_none());
    let stored = one.user_credential("admin").await.unwrap().unwrap().password_hash;
    assert!(!stored.contains(first.as_str()));
    assert!(wharf_registry::bootstrap(&open("empty.db"), Some("")).await.is_err());
}

#[tokio::test]
async fn logins_and_failures_stand_in_the_audit_log() {
    let registry = Registry::start().await;
    registry.create_user("ann").await;
    assert_eq!(login(&registry, "ann", "wrong").await, 401);
    assert_eq!(login(&registry, "ann", PASSWORD).await, 200);
    let log = registry.get("/api/v2.0/audit-logs?q=operation=login_user,username=ann").await;
    let entries: Vec<serde_json::Value> = log.json().await.unwrap();
    let outcomes: Vec<_> = entries.iter().map(|e| e["outcome"].as_str().unwrap()).collect();
    assert!(outcomes.contains(&"success") && outcomes.contains(&"denied: wrong credentials"), "{entries:?}");
    assert!(entries.iter().all(|entry| entry["client_address"] == "127.0.0.1"), "{entries:?}");
    let text = serde_json::to_string(&entries).unwrap();
    assert!(!text.contains(PASSWORD) && !text.contains("wrong\""), "{text}");
}

#[tokio::test]
async fn a_name_that_the_log_needs_cannot_be_taken() {
    let registry = Registry::start().await;
    for name in ["anonymous", "System", "robot$x"] {
        let user = json!({ "username": name, "password": "long enough" });
        let answer = registry.request("POST", "/api/v2.0/users").json(&user).send().await.unwrap();
        assert_eq!(answer.status(), 400, "{name}");
    }
    let user = NewUser { name: "fine".to_owned(), password_hash: "x".to_owned(), ..NewUser::default() };
    registry.catalog.create_user(&Caller::system(), user).await.unwrap();
    // A hash that cannot be read lets nobody in.
    assert_eq!(login(&registry, "fine", "x").await, 401);
}
