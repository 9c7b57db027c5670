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
    let first = wharf_registry::bootstrap(&one, None, |_| Ok(())).await.unwrap().unwrap();
    let second = wharf_registry::bootstrap(&other, None, |_| Ok(())).await.unwrap().unwrap();
    assert_ne!(*first, *second);
    assert_eq!(first.len(), 43);
    // It is told once, and only what it hashes to is kept.
    assert!(wharf_registry::bootstrap(&one, None, |_| Ok(())).await.unwrap().is_none());
    let stored = one.user_credential("admin").await.unwrap().unwrap().password_hash;
    assert!(!stored.contains(first.as_str()));
    assert!(wharf_registry::bootstrap(&open("empty.db"), Some(""), |_| Ok(())).await.is_err());
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

/// Waits until what was noted is written, then returns the log's matching entries, newest first.
pub(crate) async fn log(registry: &Registry, filter: &str) -> Vec<serde_json::Value> {
    let path = format!("/api/v2.0/audit-logs?page_size=100&q={filter}");
    registry.get(&path).await.json().await.unwrap()
}

/// Every failed login was stored under the name as sent: anybody could fill the log, and passwords typed as names stood there.
#[tokio::test]
async fn failed_logins_of_unknown_names_are_one_actor_and_the_names_are_not_kept() {
    let registry = Registry::start().await;
    for name in ["hunter2 is my password", "robot$x1", "robot$x2", "robot$shop+x3"] {
        assert_eq!(login(&registry, name, "wrong").await, 401);
    }
    let entries = log(&registry, "operation=login_user,username=unknown").await;
    let count: u64 = entries.iter().map(|entry| entry["count"].as_u64().unwrap()).sum();
    assert_eq!(count, 4, "{entries:?}");
    let all = registry.get("/api/v2.0/audit-logs/export").await.text().await.unwrap();
    assert!(!all.contains("hunter2") && !all.contains("robot$x"), "{all}");
}

/// A new random name each time was never slowed down.
#[tokio::test]
async fn failures_under_ever_new_names_make_the_address_wait_but_not_what_is_known_to_be_right() {
    let registry = Registry::start().await;
    registry.create_user("ann").await;
    let (_, robot, secret) = super::robots::create(&registry, "ci").await;
    assert_eq!(login(&registry, "ann", PASSWORD).await, 200);
    for number in 0..50 {
        assert_eq!(login(&registry, &format!("robot$n{number}"), "wrong").await, 401);
    }
    // A known name and an unknown one wait alike.
    for name in ["robot$fresh", "fresh", "ann", &robot] {
        assert_eq!(login(&registry, name, "wrong").await, 429, "{name}");
    }
    assert_eq!(login(&registry, "ann", PASSWORD).await, 200);
    let answer = registry.anonymous("GET", "/v2/").basic_auth(&robot, Some(&secret)).send().await.unwrap();
    assert_eq!(answer.status(), 200);
}

/// Whoever knew a name could lock its owner out who shares the address, as all do behind a proxy.
#[tokio::test]
async fn wrong_logins_do_not_lock_out_a_password_that_was_verified_before_nor_a_robot() {
    let registry = Registry::start().await;
    registry.create_user("ann").await;
    let (_, robot, secret) = super::robots::create(&registry, "ci").await;
    assert_eq!(login(&registry, "ann", PASSWORD).await, 200);
    for _ in 0..7 {
        login(&registry, "ann", "wrong").await;
        login(&registry, &robot, "wrong").await;
    }
    assert_eq!(login(&registry, "ann", "wrong").await, 429);
    assert_eq!(login(&registry, &robot, "wrong").await, 429);
    assert_eq!(login(&registry, "ann", PASSWORD).await, 200);
    // Never seen before, right all the same.
    let answer = registry.anonymous("GET", "/v2/").basic_auth(&robot, Some(&secret)).send().await.unwrap();
    assert_eq!(answer.status(), 200);
}

/// Refused pushes to invented names were an entry each.
#[tokio::test]
async fn refusals_are_noted_under_what_exists_of_the_name() {
    let registry = Registry::start().await;
    registry.create_user("ann").await;
    registry.push_blob("open/real", b"x").await;
    for repository in ["shop/a", "shop/b", "nowhere1/x", "nowhere2/x", "open/new1", "open/new2", "open/real"]
    {
        let path = format!("/v2/{repository}/blobs/uploads/");
        let answer = registry.request_by("ann", "POST", &path).send().await.unwrap();
        assert!(matches!(answer.status().as_u16(), 403 | 404), "{repository}: {}", answer.status());
    }
    let entries = log(&registry, "operation=create_artifact,username=ann").await;
    let mut noted: Vec<_> = entries
        .iter()
        .map(|entry| (entry["resource"].as_str().unwrap(), entry["count"].as_u64().unwrap()))
        .collect();
    noted.sort_unstable();
    assert_eq!(noted, [("open", 2), ("open/real", 1), ("shop", 2), ("unknown", 2)], "{entries:?}");
}

/// Only the first success since the start was noted: a stolen password used from elsewhere left no trace.
#[tokio::test]
async fn a_login_from_another_address_is_noted_and_a_repeated_one_is_not() {
    let registry = Registry::start().await;
    registry.create_user("ann").await;
    let elsewhere = reqwest::Client::builder().local_address(std::net::IpAddr::from([127, 0, 0, 2])).build();
    let elsewhere = elsewhere.unwrap();
    for _ in 0..3 {
        assert_eq!(login(&registry, "ann", PASSWORD).await, 200);
        let request = elsewhere.get(registry.url(CURRENT)).basic_auth("ann", Some(PASSWORD));
        assert_eq!(request.send().await.unwrap().status(), 200);
    }
    let entries = log(&registry, "operation=login_user,username=ann").await;
    let mut noted: Vec<_> =
        entries.iter().map(|entry| (entry["client_address"].as_str().unwrap(), &entry["count"])).collect();
    noted.sort_by_key(|(address, _)| *address);
    assert_eq!(noted, [("127.0.0.1", &json!(1)), ("127.0.0.2", &json!(1))], "{entries:?}");
}

#[tokio::test]
async fn a_name_that_the_log_needs_cannot_be_taken() {
    let registry = Registry::start().await;
    for name in ["anonymous", "System", "unknown", "robot$x"] {
        let user = json!({ "username": name, "password": "long enough" });
        let answer = registry.request("POST", "/api/v2.0/users").json(&user).send().await.unwrap();
        assert_eq!(answer.status(), 400, "{name}");
    }
    let user = NewUser { name: "fine".to_owned(), password_hash: "x".to_owned(), ..NewUser::default() };
    registry.catalog.create_user(&Caller::system(), user).await.unwrap();
    // A hash that cannot be read lets nobody in.
    assert_eq!(login(&registry, "fine", "x").await, 401);
}
