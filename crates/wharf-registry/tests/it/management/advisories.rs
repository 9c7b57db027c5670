//! Advisories against other registries, each as the request that succeeded there.

use serde_json::{Value, json};
use wharf_access::{Caller, Role};
use wharf_storage::catalog::{Accounts as _, Management as _};

use crate::support::{PASSWORD, Registry, header};

async fn member(registry: &Registry, name: &str, role: Role) {
    registry.create_user(name).await;
    registry.catalog.add_member(&Caller::system(), "shop", name, role).await.unwrap();
}

/// Anyone could become an administrator by saying so at their registration.
#[tokio::test]
async fn cve_2019_16097_no_request_can_set_a_privileged_field() {
    let registry = Registry::start().await;
    let user = json!({
        "username": "ann", "password": PASSWORD, "has_admin_role": true, "sysadmin_flag": true, "admin": true,
        "admin_role_in_auth": true, "user_id": 1,
    });
    let answer = registry.request("POST", "/api/v2.0/users").json(&user).send().await.unwrap();
    assert_eq!(answer.status(), 201);
    let ann = registry.catalog.user_credential("ann").await.unwrap().unwrap().user;
    assert!(!ann.admin && ann.id != 1);

    let path = format!("/api/v2.0/users/{}", ann.id);
    let profile =
        json!({ "email": "ann@example.com", "sysadmin_flag": true, "admin": true, "disabled": false });
    assert_eq!(registry.request_by("ann", "PUT", &path).json(&profile).send().await.unwrap().status(), 200);
    let flag = json!({ "sysadmin_flag": true });
    let path = format!("{path}/sysadmin");
    assert_eq!(registry.request_by("ann", "PUT", &path).json(&flag).send().await.unwrap().status(), 403);
    assert!(!registry.catalog.user_credential("ann").await.unwrap().unwrap().user.admin);

    // Nor can whoever makes a project take its quota or its owner.
    let project = json!({ "project_name": "anns", "owner_id": 1, "owner_name": "admin" });
    let answer =
        registry.request_by("ann", "POST", "/api/v2.0/projects").json(&project).send().await.unwrap();
    assert_eq!(answer.status(), 201);
    assert_eq!(registry.catalog.project(&Caller::system(), "anns").await.unwrap().owner, "ann");
}

/// A maintainer changed the settings of the project through a side door.
#[tokio::test]
async fn cve_2024_22278_a_maintainer_cannot_change_the_settings_of_a_project() {
    let registry = Registry::start().await;
    member(&registry, "max", Role::Maintainer).await;
    for (path, body) in [
        ("/api/v2.0/projects/shop", json!({ "public": true })),
        ("/api/v2.0/projects/shop", json!({ "metadata": { "public": "true" } })),
        ("/api/v2.0/projects/shop/metadatas/public", json!({ "public": "true" })),
    ] {
        let answer = registry.request_by("max", "PUT", path).json(&body).send().await.unwrap();
        assert_eq!(answer.status(), 403, "{path}");
    }
    assert!(!registry.catalog.project(&Caller::system(), "shop").await.unwrap().public);
}

/// Filter and sort parameters reached columns that are never shown, such as the hash of a password, bit by bit.
#[tokio::test]
async fn cve_2025_30086_hidden_columns_can_be_neither_filtered_nor_sorted_by() {
    let registry = Registry::start().await;
    for list in [
        "/api/v2.0/users",
        "/api/v2.0/projects",
        "/api/v2.0/robots",
        "/api/v2.0/audit-logs",
        "/api/v2.0/projects/shop/repositories",
        "/api/v2.0/projects/shop/logs",
    ] {
        for query in
            ["q=password_hash=~%24argon", "q=password=~a", "q=salt=~a", "q=secret_hash=~0", "sort=password"]
        {
            let answer = registry.get(&format!("{list}?{query}")).await;
            assert_eq!(answer.status(), 400, "{list}?{query}");
        }
    }
    let users = registry.get("/api/v2.0/users?q=username=~adm").await.text().await.unwrap();
    assert!(users.contains("admin") && !users.contains("argon"), "{users}");
}

/// A description was shown as markup and ran in the reader's browser.
#[tokio::test]
async fn cve_2025_32019_a_description_is_data_and_never_markup() {
    let registry = Registry::start().await;
    registry.push_image("shop/web", "v1", b"layer").await;
    let text = "<script>alert(1)</script> [x](javascript:alert(1))";
    let path = "/api/v2.0/projects/shop/repositories/web";
    let answer = registry.request("PUT", path).json(&json!({ "description": text })).send().await.unwrap();
    assert_eq!(answer.status(), 200);
    let answer = registry.get(path).await;
    assert_eq!(header(&answer, "content-type"), "application/json");
    assert_eq!(header(&answer, "x-content-type-options"), "nosniff");
    assert!(header(&answer, "content-security-policy").starts_with("default-src 'none'"));
    assert_eq!(answer.json::<Value>().await.unwrap()["description"], text);
}

/// Parts of a query were pasted into SQL.
#[tokio::test]
async fn cve_2024_22261_cve_2019_19026_quotes_in_filters_are_text() {
    let registry = Registry::start().await;
    for list in ["projects?name=", "users?q=username=~", "audit-logs?username=", "audit-logs?resource="] {
        for text in ["%27%20OR%201%3D1--", "%25", "_", "%27%3B%20DROP%20TABLE%20users%3B--"] {
            let answer = registry.get(&format!("/api/v2.0/{list}{text}")).await;
            assert_eq!(answer.status(), 200, "{list}{text}");
            assert_eq!(answer.json::<Vec<Value>>().await.unwrap().len(), 0, "{list}{text}");
        }
    }
    let path = "/api/v2.0/projects/shop%27%20OR%20%271%27%3D%271";
    assert_eq!(registry.get(path).await.status(), 404);
}

/// The existence of users and resources could be told from the answers.
#[tokio::test]
async fn cve_2019_19030_what_is_hidden_answers_like_what_is_absent() {
    let registry = Registry::start().await;
    registry.push_image("shop/web", "v1", b"layer").await;
    registry.create_user("stranger").await;
    for rest in ["", "/members", "/robots/1", "/repositories/web/artifacts/v1", "/logs", "/summary"] {
        let mut answers = Vec::new();
        for project in ["shop", "absent"] {
            let path = format!("/api/v2.0/projects/{project}{rest}");
            let answer = registry.request_by("stranger", "GET", &path).send().await.unwrap();
            answers.push((answer.status(), answer.text().await.unwrap()));
            let answer = registry.anonymous("GET", &path).send().await.unwrap();
            assert_eq!(answer.status(), 401, "{path}");
        }
        assert_eq!(answers[0].0, 404, "{rest}");
        assert_eq!(answers[0], answers[1], "{rest}");
    }
    // Numbers, too: neither of a project nor of a user is told whether there is one.
    let shop = registry.catalog.project(&Caller::system(), "shop").await.unwrap().id;
    let mut answers = Vec::new();
    for id in [shop, 999_999] {
        let path = format!("/api/v2.0/projects/{id}");
        let answer = registry.request_by("stranger", "GET", &path).send().await.unwrap();
        answers.push((answer.status(), answer.text().await.unwrap()));
    }
    assert_eq!(answers[0], answers[1]);
    let mut answers = Vec::new();
    for id in [1, 999_999] {
        let path = format!("/api/v2.0/users/{id}");
        let answer = registry.request_by("stranger", "GET", &path).send().await.unwrap();
        answers.push((answer.status(), answer.text().await.unwrap()));
    }
    assert_eq!(answers[0], answers[1]);
}

/// Without credentials, the catalog and public data went further than meant.
#[tokio::test]
async fn cve_2020_29662_cve_2022_46463_anonymous_sees_public_content_and_nothing_else() {
    let registry = Registry::start().await;
    registry.push_image("shop/web", "v1", b"layer").await;
    registry.push_image("open/web", "v1", b"layer").await;
    let projects = registry.anonymous("GET", "/api/v2.0/projects").send().await.unwrap();
    let names: Vec<Value> = projects.json().await.unwrap();
    assert_eq!(names.iter().map(|project| &project["name"]).collect::<Vec<_>>(), ["open"]);
    let token = registry.anonymous_token("registry:catalog:*").await;
    let answer = registry.anonymous("GET", "/v2/_catalog").bearer_auth(token).send().await.unwrap();
    let text = answer.text().await.unwrap();
    assert!(text.contains("open/web") && !text.contains("shop"), "{text}");
    for path in ["members", "robots", "logs", "summary", "metadatas"] {
        let path = format!("/api/v2.0/projects/open/{path}");
        assert_eq!(registry.anonymous("GET", &path).send().await.unwrap().status(), 401, "{path}");
    }
    let version =
        registry.anonymous("GET", "/api/v2.0/systeminfo").send().await.unwrap().text().await.unwrap();
    assert!(!version.contains("wharf_version"), "{version}");
}

/// Passwords and secrets were written into the audit log.
#[tokio::test]
async fn ghsa_prh4_vhfh_24mj_the_audit_log_holds_no_secret() {
    let registry = Registry::start().await;
    let user = json!({ "username": "ann", "password": "extremely secret 1" });
    assert_eq!(registry.request("POST", "/api/v2.0/users").json(&user).send().await.unwrap().status(), 201);
    let id = registry.catalog.user_credential("ann").await.unwrap().unwrap().user.id;
    let change = json!({ "new_password": "extremely secret 2" });
    let path = format!("/api/v2.0/users/{id}/password");
    assert_eq!(registry.request("PUT", &path).json(&change).send().await.unwrap().status(), 200);
    let log = registry.get("/api/v2.0/audit-logs/export").await.text().await.unwrap();
    assert!(log.contains("create_user") && log.contains("update_user"), "{log}");
    assert!(!log.contains("extremely secret") && !log.contains("argon2"), "{log}");
    // Nor do the answers about a wrong request repeat it.
    let wrong = json!({ "username": "bob", "password": "short" });
    let answer = registry.request("POST", "/api/v2.0/users").json(&wrong).send().await.unwrap();
    assert_eq!(answer.status(), 400);
    assert!(!answer.text().await.unwrap().contains("short\""));
}

/// A login page sent its visitors wherever a parameter said.
#[tokio::test]
async fn cve_2024_22244_no_answer_redirects() {
    let registry = Registry::start().await;
    for path in ["/", "/c/login?redirect_url=https://attacker.example", "//attacker.example/api/v2.0/ping"] {
        let answer = registry.anonymous("GET", path).send().await.unwrap();
        assert!(!answer.status().is_redirection() && !answer.headers().contains_key("location"), "{path}");
    }
}
