//! What administrators and project people do, from the first to the last request.

use serde_json::{Value, json};
use wharf_storage::catalog::Accounts as _;

use crate::support::{PASSWORD, Registry, header};

#[tokio::test]
async fn a_project_lives_from_its_making_to_its_removal() {
    let registry = Registry::start().await;
    let wanted =
        json!({ "project_name": "fresh", "metadata": { "public": "false" }, "storage_limit": 1_048_576 });
    let answer = registry.request("POST", "/api/v2.0/projects").json(&wanted).send().await.unwrap();
    assert_eq!(answer.status(), 201);
    let location = header(&answer, "location");
    // By number, as the location has it, and by name.
    let project: Value = registry.get(&location).await.json().await.unwrap();
    assert_eq!((&project["name"], &project["owner_name"]), (&json!("fresh"), &json!("admin")));
    assert_eq!(project["metadata"], json!({ "public": "false" }));
    assert_eq!(project["current_user_role_id"], 1);
    assert_eq!(location, format!("/api/v2.0/projects/{}", project["project_id"]));
    assert_eq!(registry.head("/api/v2.0/projects?project_name=fresh").await.status(), 200);
    assert_eq!(registry.head("/api/v2.0/projects?project_name=other").await.status(), 404);
    let summary: Value = registry.get("/api/v2.0/projects/fresh/summary").await.json().await.unwrap();
    assert_eq!(summary["quota"]["hard"]["storage"], 1_048_576);

    let again = registry.request("POST", "/api/v2.0/projects").json(&wanted).send().await.unwrap();
    assert_eq!(again.status(), 409);
    let body: Value = again.json().await.unwrap();
    assert_eq!(body["errors"][0]["code"], "CONFLICT");
    assert!(body["errors"][0]["message"].as_str().unwrap().contains("fresh"), "{body}");

    let change = json!({ "metadata": { "public": "true" }, "storage_limit": -1 });
    let changed = registry.request("PUT", "/api/v2.0/projects/fresh").json(&change).send().await.unwrap();
    assert_eq!(changed.status(), 200);
    let project = registry.anonymous("GET", "/api/v2.0/projects/fresh").send().await.unwrap();
    assert_eq!(project.json::<Value>().await.unwrap()["metadata"]["public"], "true");

    registry.push_image("fresh/web", "v1", b"layer").await;
    let refused = registry.delete("/api/v2.0/projects/fresh").await;
    assert_eq!(refused.status(), 412);
    assert_eq!(registry.delete("/api/v2.0/projects/fresh/repositories/web").await.status(), 200);
    assert_eq!(registry.delete("/api/v2.0/projects/fresh").await.status(), 200);
    assert_eq!(registry.get(&location).await.status(), 404);
}

#[tokio::test]
async fn wrong_requests_are_told_what_is_wrong_and_change_nothing() {
    let registry = Registry::start().await;
    for (path, body, part) in [
        ("projects", json!({}), "project_name"),
        ("projects", json!({ "project_name": "Not/Valid" }), "Not/Valid"),
        ("projects", json!({ "project_name": "a", "metadata": { "public": "yes" } }), "yes"),
        ("projects", json!({ "project_name": "a", "storage_limit": -5 }), "-5"),
        ("projects", json!({ "project_name": "a", "registry_id": 3 }), "registry_id"),
        ("projects", json!({ "project_name": 7 }), "expected a string"),
        ("projects/shop/members", json!({ "role_id": 6, "member_user": { "username": "admin" } }), "6"),
        ("projects/shop/members", json!({ "role_id": 1 }), "member_user"),
        ("projects/shop/members", json!({ "role_id": 1, "member_group": { "group_name": "g" } }), "group"),
        ("users", json!({ "username": "a,b", "password": PASSWORD }), "a,b"),
        ("users", json!({ "username": "ok", "password": "1234567" }), "7 characters"),
        ("robots", json!({ "name": "r", "level": "galaxy", "permissions": [] }), "galaxy"),
        ("robots", json!({ "name": "r", "duration": -7, "permissions": [] }), "-7"),
    ] {
        let answer = registry.request("POST", &format!("/api/v2.0/{path}")).json(&body).send().await.unwrap();
        assert_eq!(answer.status(), 400, "{path} {body}");
        let text = answer.text().await.unwrap();
        assert!(text.contains(part), "{path} {body}: {text}");
    }
    let projects: Vec<Value> = registry.get("/api/v2.0/projects").await.json().await.unwrap();
    assert_eq!(projects.len(), 2);
    let large = vec![b'x'; 2 << 20];
    let answer = registry.request("POST", "/api/v2.0/users/htpasswd").body(large).send().await.unwrap();
    assert_eq!(answer.status(), 413);
}

#[tokio::test]
async fn members_come_change_and_go() {
    let registry = Registry::start().await;
    registry.create_user("ann").await;
    let base = "/api/v2.0/projects/shop/members";
    let member = json!({ "role_id": 2, "member_user": { "username": "ann" } });
    let added = registry.request("POST", base).json(&member).send().await.unwrap();
    assert_eq!(added.status(), 201);
    let location = header(&added, "location");
    let shown: Value = registry.get(&location).await.json().await.unwrap();
    assert_eq!((&shown["entity_name"], &shown["role_name"]), (&json!("ann"), &json!("developer")));
    assert_eq!(registry.request("POST", base).json(&member).send().await.unwrap().status(), 409);
    let role = json!({ "role_id": 4 });
    assert_eq!(registry.request("PUT", &location).json(&role).send().await.unwrap().status(), 200);
    let listed: Vec<Value> = registry.get(&format!("{base}?entityname=an")).await.json().await.unwrap();
    assert_eq!(listed[0]["role_name"], "maintainer");
    assert_eq!(registry.delete(&location).await.status(), 200);
    assert_eq!(registry.get(&location).await.status(), 404);
    let nobody = json!({ "role_id": 2, "member_user": { "username": "nobody" } });
    assert_eq!(registry.request("POST", base).json(&nobody).send().await.unwrap().status(), 404);
}

#[tokio::test]
async fn a_user_changes_their_own_password_only_with_the_old_one() {
    let registry = Registry::start().await;
    registry.create_user("ann").await;
    registry.create_user("bob").await;
    let id = async |name: &str| registry.catalog.user_credential(name).await.unwrap().unwrap().user.id;
    let (ann, bob) = (id("ann").await, id("bob").await);
    let change = async |by: &str, of: i64, old: Option<&str>| {
        let body = json!({ "old_password": old, "new_password": PASSWORD });
        let path = format!("/api/v2.0/users/{of}/password");
        registry.request_by(by, "PUT", &path).json(&body).send().await.unwrap().status().as_u16()
    };
    assert_eq!(change("ann", ann, None).await, 400);
    assert_eq!(change("ann", ann, Some("wrong")).await, 403);
    assert_eq!(change("ann", ann, Some(PASSWORD)).await, 200);
    assert_eq!(change("ann", bob, Some(PASSWORD)).await, 403);
    assert_eq!(change("admin", bob, None).await, 200);
    let current: Value = registry
        .request_by("ann", "GET", "/api/v2.0/users/current")
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    assert_eq!((&current["username"], &current["sysadmin_flag"]), (&json!("ann"), &json!(false)));
}

#[tokio::test]
async fn repositories_artifacts_and_tags_are_shown_and_removed() {
    let registry = Registry::start().await;
    let digest = registry.push_image("shop/charts/web", "v1", b"layer").await;
    // Harbor's clients encode the slash twice, others once.
    for name in ["charts%252Fweb", "charts%2Fweb"] {
        let path = format!("/api/v2.0/projects/shop/repositories/{name}");
        let repository: Value = registry.get(&path).await.json().await.unwrap();
        assert_eq!(repository["name"], "shop/charts/web");
        let artifacts: Vec<Value> = registry.get(&format!("{path}/artifacts")).await.json().await.unwrap();
        assert_eq!(artifacts[0]["digest"], digest.as_str());
        assert_eq!(
            (&artifacts[0]["type"], &artifacts[0]["tags"][0]["name"]),
            (&json!("IMAGE"), &json!("v1"))
        );
    }
    let base = "/api/v2.0/projects/shop/repositories/charts%252Fweb/artifacts";
    let tag = json!({ "name": "stable" });
    let made = registry.request("POST", &format!("{base}/v1/tags")).json(&tag).send().await.unwrap();
    assert_eq!(made.status(), 201);
    assert_eq!(registry.head("/v2/shop/charts/web/manifests/stable").await.status(), 200);
    let tags: Vec<Value> = registry.get(&format!("{base}/{digest}/tags")).await.json().await.unwrap();
    assert_eq!(tags.len(), 2);
    // A tag is removed from the artifact that it is on, and from no other.
    let other = registry.push_image("shop/charts/web", "other", b"another layer").await;
    assert_eq!(registry.delete(&format!("{base}/{other}/tags/stable")).await.status(), 404);
    assert_eq!(registry.delete(&format!("{base}/{digest}/tags/stable")).await.status(), 200);
    assert_eq!(registry.delete(&format!("{base}/v1")).await.status(), 200);
    assert_eq!(registry.head(&format!("/v2/shop/charts/web/manifests/{digest}")).await.status(), 404);
    assert_eq!(registry.head(&format!("/v2/shop/charts/web/manifests/{other}")).await.status(), 200);
}

#[tokio::test]
async fn lists_come_in_pages_with_a_total_and_links() {
    let registry = Registry::start().await;
    for number in 0..23 {
        let project = json!({ "project_name": format!("many-{number:02}") });
        let made = registry.request("POST", "/api/v2.0/projects").json(&project).send().await.unwrap();
        assert_eq!(made.status(), 201);
    }
    let mut path = "/api/v2.0/projects?name=many&page_size=10".to_owned();
    let mut seen = Vec::new();
    loop {
        let answer = registry.get(&path).await;
        assert_eq!(header(&answer, "x-total-count"), "23");
        let link = answer.headers().get("link").map(|link| link.to_str().unwrap().to_owned());
        let entries: Vec<Value> = answer.json().await.unwrap();
        seen.extend(entries.iter().map(|project| project["name"].as_str().unwrap().to_owned()));
        match link.as_deref().and_then(wharf_oci::distribution::next_link) {
            Some(next) => path = next.to_owned(),
            None => break,
        }
    }
    let expected: Vec<_> = (0..23).map(|number| format!("many-{number:02}")).collect();
    assert_eq!(seen, expected);
}

#[tokio::test]
async fn the_audit_log_tells_who_did_what_and_is_exported_as_json_lines() {
    let registry = Registry::start().await;
    let digest = registry.push_image("shop/web", "v1", b"layer").await;
    for _ in 0..3 {
        registry.get("/v2/shop/web/manifests/v1").await;
    }
    let pulls: Vec<Value> =
        registry.get("/api/v2.0/projects/shop/logs?q=operation=pull_artifact").await.json().await.unwrap();
    let counted: u64 = pulls.iter().map(|pull| pull["count"].as_u64().unwrap()).sum();
    assert_eq!(counted, 3, "{pulls:?}");
    assert_eq!(pulls[0]["digest"], digest.as_str());
    assert_eq!((&pulls[0]["username"], &pulls[0]["resource"]), (&json!("admin"), &json!("shop/web:v1")));
    assert_eq!((&pulls[0]["operation"], &pulls[0]["resource_type"]), (&json!("pull"), &json!("artifact")));

    registry.create_user("stranger").await;
    let denied = registry.request_by("stranger", "DELETE", "/api/v2.0/projects/open").send().await.unwrap();
    assert_eq!(denied.status(), 403);
    for hidden in ["shop", "shop/members/7", "nowhere1", "nowhere2"] {
        let path = format!("/api/v2.0/projects/{hidden}");
        let denied = registry.request_by("stranger", "DELETE", &path).send().await.unwrap();
        assert_eq!(denied.status(), 404, "{hidden}");
    }
    let denied = registry.request_by("stranger", "POST", "/v2/open/web/blobs/uploads/").send().await.unwrap();
    assert_eq!(denied.status(), 403);
    let export = registry.get("/api/v2.0/audit-logs/export").await;
    assert_eq!(header(&export, "content-type"), "application/x-ndjson");
    let text = export.text().await.unwrap();
    let entries: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let ids: Vec<i64> = entries.iter().map(|entry| entry["id"].as_i64().unwrap()).collect();
    assert!(ids.is_sorted_by(|newer, older| newer > older), "{ids:?}");
    let refusal =
        entries.iter().find(|entry| entry["username"] == "stranger" && entry["event"] == "delete_project");
    assert_eq!(refusal.unwrap()["operation_result"], false);
    // Each refusal belongs to its project, where there is one, and invented names are not kept.
    let mut refusals: Vec<_> = entries
        .iter()
        .filter(|entry| entry["username"] == "stranger" && entry["event"] == "delete_project")
        .map(|entry| (entry["resource"].as_str().unwrap(), entry["project"].as_str()))
        .collect();
    refusals.sort_unstable();
    refusals.dedup();
    assert_eq!(
        refusals,
        [
            ("/projects/open", Some("open")),
            ("/projects/shop", Some("shop")),
            ("/projects/{project_name_or_id}", None)
        ]
    );
    let refusal =
        entries.iter().find(|entry| entry["username"] == "stranger" && entry["event"] == "create_artifact");
    let refusal = refusal.unwrap();
    assert_eq!(
        (&refusal["resource"], &refusal["outcome"]),
        (&json!("open"), &json!("denied: no permission"))
    );
    assert!(entries.iter().any(|entry| entry["event"] == "create_artifact"));

    // From one page to the next, nothing twice and nothing left out.
    let mut path = "/api/v2.0/audit-logs?page_size=2".to_owned();
    let mut paged = Vec::new();
    loop {
        let answer = registry.get(&path).await;
        let link = answer.headers().get("link").map(|link| link.to_str().unwrap().to_owned());
        let entries: Vec<Value> = answer.json().await.unwrap();
        paged.extend(entries.iter().map(|entry| entry["id"].as_i64().unwrap()));
        match link.as_deref().and_then(wharf_oci::distribution::next_link) {
            Some(next) => path = next.to_owned(),
            None => break,
        }
    }
    assert_eq!(paged, ids);
}

#[tokio::test]
async fn garbage_is_collected_on_demand_and_the_runs_are_remembered() {
    let registry = Registry::start().await;
    let body = json!({ "dry_run": true });
    let run = registry.request("POST", "/api/v2.0/system/gc").json(&body).send().await.unwrap();
    assert_eq!(run.status(), 200);
    let run: Value = run.json().await.unwrap();
    assert_eq!(
        (&run["job_status"], &run["dry_run"], &run["operator"]),
        (&json!("Success"), &json!(true), &json!("admin"))
    );
    let runs: Vec<Value> = registry.get("/api/v2.0/system/gc").await.json().await.unwrap();
    assert!(runs.iter().any(|known| known["id"] == run["id"]), "{runs:?}");
    let shown = registry.get(&format!("/api/v2.0/system/gc/{}", run["id"])).await;
    assert_eq!(shown.json::<Value>().await.unwrap()["id"], run["id"]);
    assert_eq!(registry.get("/api/v2.0/system/gc/999").await.status(), 404);
}

#[tokio::test]
async fn the_registry_tells_how_it_is() {
    let registry = Registry::start().await;
    assert_eq!(
        registry.anonymous("GET", "/api/v2.0/ping").send().await.unwrap().text().await.unwrap(),
        "Pong"
    );
    let health: Value = registry.get("/api/v2.0/health").await.json().await.unwrap();
    assert_eq!(health["status"], "healthy");
    let info: Value = registry.get("/api/v2.0/systeminfo").await.json().await.unwrap();
    assert_eq!(info["auth_mode"], "db_auth");
    let counts: Value = registry.get("/api/v2.0/statistics").await.json().await.unwrap();
    assert_eq!((&counts["private_project_count"], &counts["public_project_count"]), (&json!(1), &json!(1)));
}

/// Returns the total and one field of each entry.
async fn listed(registry: &Registry, path: &str, field: &str) -> (String, Vec<String>) {
    let answer = registry.get(&format!("/api/v2.0{path}")).await;
    assert_eq!(answer.status(), 200, "{path}");
    let total = header(&answer, "x-total-count");
    let entries: Vec<Value> = answer.json().await.unwrap();
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    (total, entries.iter().map(|entry| text(&entry[field])).collect())
}

#[tokio::test]
async fn every_list_has_its_total_and_is_sorted_and_filtered_as_harbor_has_it() {
    let registry = Registry::start().await;
    for name in ["bob", "ann", "cid"] {
        registry.create_user(name).await;
    }
    for (repository, tag) in [("shop/b", "1.0"), ("shop/a", "1.0"), ("shop/a", "2.0")] {
        registry.push_image(repository, tag, tag.as_bytes()).await;
    }
    for robot in ["r2", "r1"] {
        let body = json!({ "name": robot, "permissions": [] });
        let made =
            registry.request("POST", "/api/v2.0/projects/shop/robots").json(&body).send().await.unwrap();
        assert_eq!(made.status(), 201);
    }
    let project: Value = registry.get("/api/v2.0/projects/shop").await.json().await.unwrap();
    let id = &project["project_id"];
    for (path, field, total, expected) in [
        ("/projects?sort=-name", "name", "2", &["shop", "open"][..]),
        ("/projects?q=name=~ho", "name", "1", &["shop"]),
        ("/quotas?sort=-used.storage&page_size=1", "id", "2", &[&id.to_string()]),
        ("/users?sort=username&page_size=2", "username", "4", &["admin", "ann"]),
        ("/users?sort=username&page_size=2&page=2", "username", "4", &["bob", "cid"]),
        ("/users?q=username=~n&sort=-username", "username", "2", &["ann", "admin"]),
        ("/users?page=9", "username", "4", &[]),
        ("/projects/shop/repositories?sort=-name", "name", "2", &["shop/b", "shop/a"]),
        ("/projects/shop/repositories?q=name=shop/a", "name", "1", &["shop/a"]),
        ("/projects/shop/repositories/a/tags?sort=-name", "name", "2", &["2.0", "1.0"]),
        ("/projects/shop/repositories/a/tags?q=name=~2", "name", "1", &["2.0"]),
        (
            "/projects/shop/repositories/a/artifacts?q=tags=*&page_size=1&sort=push_time,id",
            "repository_name",
            "2",
            &["shop/a"],
        ),
        ("/projects/shop/repositories/a/artifacts?q=tags=nil", "id", "0", &[]),
        ("/projects/shop/robots?sort=name", "name", "2", &["robot$shop+r1", "robot$shop+r2"]),
        (
            &format!("/robots?q=Level=project,ProjectID={id}&sort=-name"),
            "name",
            "2",
            &["robot$shop+r2", "robot$shop+r1"],
        ),
        ("/robots", "name", "0", &[]),
        ("/projects/shop/members", "entity_name", "0", &[]),
        ("/system/gc?sort=creation_time&page=2", "id", "1", &[]),
        ("/audit-logs?operation=create_tag&sort=op_time&page_size=1", "resource", "3", &["shop/b:1.0"]),
        (
            "/projects/shop/logs?operation=create_tag",
            "resource",
            "3",
            &["shop/a:2.0", "shop/a:1.0", "shop/b:1.0"],
        ),
    ] {
        let found = listed(&registry, path, field).await;
        let expected = expected.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
        if path.starts_with("/system/gc") {
            // The one of the start may have begun or not.
            assert!(found.0 == "0" || found.0 == "1", "{found:?}");
        } else {
            assert_eq!(found, (total.to_owned(), expected), "{path}");
        }
        // Whatever the list, a field that it does not have is named with those that it has.
        let separator = if path.contains('?') { '&' } else { '?' };
        let bare = path.replace("sort=", "not=");
        let refused = registry.get(&format!("/api/v2.0{bare}{separator}sort=-salt")).await;
        assert_eq!(refused.status(), 400, "{path}");
        let text = refused.text().await.unwrap();
        assert!(text.contains("-salt") && text.contains("expected some of: "), "{text}");
    }
}
