//! The OpenAPI document, held against the running server.

use serde_json::Value;

use crate::support::Registry;

pub(super) async fn document(registry: &Registry) -> Value {
    let answer = registry.anonymous("GET", "/api/v2.0/openapi.json").send().await.unwrap();
    assert_eq!(answer.status(), 200);
    answer.json().await.unwrap()
}

/// Every method and path of the document, paths with their parameters.
pub(super) fn routes(document: &Value) -> Vec<(String, String)> {
    let mut routes = Vec::new();
    for (path, operations) in document["paths"].as_object().unwrap() {
        for method in operations.as_object().unwrap().keys() {
            routes.push((method.to_uppercase(), path.clone()));
        }
    }
    routes
}

#[tokio::test]
async fn every_documented_route_is_served_and_no_other_method_is() {
    let registry = Registry::start().await;
    let document = document(&registry).await;
    assert_eq!(document["openapi"], "3.1.0");
    let routes = routes(&document);
    for (_, path) in &routes {
        let filled = path.replace("{project_name_or_id}", "absent").replace(['{', '}'], "");
        for method in ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"] {
            let documented = routes.iter().any(|(known, other)| known == method && other == path);
            let served =
                registry.request(method, &format!("/api/v2.0{filled}")).send().await.unwrap().status() != 405;
            // A GET answers a HEAD as well.
            let implied =
                method == "HEAD" && routes.iter().any(|(known, other)| known == "GET" && other == path);
            assert_eq!(served, documented || implied, "{method} {path}");
        }
    }
}

#[tokio::test]
async fn answers_have_the_fields_that_the_document_promises() {
    let registry = Registry::start().await;
    registry.push_image("shop/charts/web", "v1", b"layer").await;
    let document = document(&registry).await;
    let repository = "/projects/shop/repositories/charts%252Fweb";
    for (path, schema) in [
        ("/projects", "Project"),
        ("/projects/shop/members", "ProjectMemberEntity"),
        ("/users", "UserResp"),
        ("/projects/shop/repositories", "Repository"),
        (&format!("{repository}/artifacts"), "Artifact"),
        (&format!("{repository}/artifacts/v1/tags"), "Tag"),
        (&format!("{repository}/tags"), "Tag"),
        ("/audit-logs", "AuditLog"),
        ("/quotas", "Quota"),
    ] {
        let answer = registry.get(&format!("/api/v2.0{path}")).await;
        assert_eq!(answer.status(), 200, "{path}");
        let entries: Vec<Value> = answer.json().await.unwrap();
        let described = &document["components"]["schemas"][schema];
        let properties = described["properties"].as_object().unwrap();
        for entry in &entries {
            let entry = entry.as_object().unwrap();
            for field in described["required"].as_array().unwrap() {
                assert!(
                    entry.contains_key(field.as_str().unwrap()),
                    "{path}: {field} is missing in {entry:?}"
                );
            }
            for (field, value) in entry {
                let kind = properties[field]["type"].as_str();
                let fits = match kind {
                    Some("string") => value.is_string(),
                    Some("integer") => value.is_i64(),
                    Some("boolean") => value.is_boolean(),
                    Some("array") => value.is_array(),
                    _ => value.is_object(),
                };
                assert!(fits, "{path}: {field} is {value}, documented as {kind:?}");
            }
        }
        assert!(schema == "ProjectMemberEntity" || !entries.is_empty(), "{path} showed nothing to compare");
    }
}
